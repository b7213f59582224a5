//! Times preparation alone, from a 640 x 480 colour + depth frame to all tensors at S = 256, and the
//! picture's figures: `cargo run --release -p twinspect-core --example prepare_time`. One thread; the
//! least and the median of 200 frames in milliseconds. The budget of preparation is 4 ms.
#![expect(clippy::print_stdout, reason = "a program for people")]
#![expect(clippy::expect_used, reason = "constants of this file")]

use std::time::Instant;

use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, RgbFrame};
use twinspect_core::picture::PictureMeter;
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, GeometrySpec, PrepareSpec, PreparedPart, Preparer, RgbSpec,
};

const BELT: Plane = Plane {
    normal: [0.0, 0.0, -1.0],
    offset_mm: -450.0,
};

fn main() {
    let frame = frame();
    let spec = PrepareSpec {
        size: 256,
        roi: None,
        rgb: Some(RgbSpec {
            mean: [127.0; 3],
            std: [128.0; 3],
        }),
        geometry: Some(GeometrySpec {
            belt: BELT,
            belt_bounds: BeltBounds::default(),
            height_range_mm: [-5.0, 40.0],
            foreground_mm: 1.0,
            part_share_min: 0.02,
            valid_share_min: 0.5,
            bank: BankSpec {
                sigma_px: BankSpec::sigmas(256),
                spread_mm: [0.2; BANK_CHANNELS],
            },
        }),
        ground: None,
    };
    let mut preparer = Preparer::new(&spec).expect("a sound specification");
    let mut part = PreparedPart::new(&spec);
    time("prepare 640 x 480 -> 256", || {
        preparer
            .prepare(&frame, &mut part)
            .expect("the whole frame is the region");
    });
    let mut meter = PictureMeter::new(&spec, Some(BELT), true);
    time("picture 640 x 480", || {
        meter.measure(&frame);
    });
}

fn time(what: &str, mut work: impl FnMut()) {
    let mut times_ms: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times_ms.sort_by(f64::total_cmp);
    println!(
        "{what}: min {:.2} ms, median {:.2} ms",
        times_ms[0], times_ms[100]
    );
}

fn frame() -> FramePair {
    let size = FrameSize {
        width: 640,
        height: 480,
    };
    let (mut counts, mut bytes) = (Vec::new(), Vec::new());
    for i in 0..size.pixels() {
        let (x, y) = (
            (i % size.width) as f64 - 320.0,
            (i / size.width) as f64 - 240.0,
        );
        let dome = (15.0 - (x * x + y * y) / 2000.0).max(0.0);
        let hole = i % 97 == 0;
        counts.push(if hole {
            0
        } else {
            ((450.0 - dome) * 10.0) as u16 + (i * 7 % 5) as u16
        });
        bytes.extend([(i % 251) as u8, (i % 241) as u8, (i % 239) as u8]);
    }
    let intrinsics = Intrinsics {
        width: 640,
        height: 480,
        fx: 610.0,
        fy: 610.0,
        cx: 319.5,
        cy: 239.5,
        distortion: [0.0; 5],
    };
    let rgb = RgbFrame::new(size, bytes).expect("three bytes a pixel");
    let depth = DepthCounts::new(size, 1e-4, counts).expect("one count a pixel");
    FramePair::new(Some(rgb), Some(DepthFrame::Counts(depth)), Some(intrinsics)).expect("one size")
}
