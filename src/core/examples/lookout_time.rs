//! Times the look at a picture of a camera that watches the belt, alone: 640 x 480 depth, once as counts
//! and once as points: `cargo run --release -p twinspect-core --example lookout_time`. One thread; the
//! least and the median of 2000 looks in milliseconds.
#![expect(clippy::print_stdout, reason = "a program for people")]
#![expect(clippy::expect_used, reason = "constants of this file")]

use std::time::Instant;

use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, OrganisedPoints,
};
use twinspect_core::lookout::{Lookout, LookoutSpec};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{BANK_CHANNELS, BankSpec, BeltBounds, GeometrySpec, PrepareSpec};

const SIZE: FrameSize = FrameSize {
    width: 640,
    height: 480,
};
const CAMERA: Intrinsics = Intrinsics {
    width: 640,
    height: 480,
    fx: 610.0,
    fy: 610.0,
    cx: 319.5,
    cy: 239.5,
    distortion: [0.0; 5],
};

fn main() {
    let product = PrepareSpec {
        size: 256,
        roi: None,
        rgb: None,
        geometry: Some(GeometrySpec {
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -450.0,
            },
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
    let spec = LookoutSpec {
        height_mm: 3.0,
        margin_share: 0.04,
    };
    for (name, depth) in [("counts", counts()), ("points", points())] {
        let pair = FramePair::new(None, Some(depth), Some(CAMERA)).expect("one size");
        let mut lookout = Lookout::new(spec, &product).expect("a product with depth");
        let seen = lookout.look(&pair).expect("a picture with depth");
        let mut times_ms: Vec<f64> = (0..2000)
            .map(|_| {
                let start = Instant::now();
                let again = lookout.look(&pair);
                assert_eq!(again, Some(seen), "the same picture");
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times_ms.sort_by(f64::total_cmp);
        println!(
            "look at 640 x 480 {name}: min {:.3} ms, median {:.3} ms; {seen:?}",
            times_ms[0], times_ms[1000]
        );
    }
}

/// A dome in the middle of the belt, in millimetres above it.
fn height_mm(pixel: usize) -> f64 {
    let (x, y) = (
        (pixel % SIZE.width) as f64 - 320.0,
        (pixel / SIZE.width) as f64 - 240.0,
    );
    (15.0 - (x * x + y * y) / 2000.0).max(0.0)
}

fn counts() -> DepthFrame {
    let counts = (0..SIZE.pixels()).map(|pixel| ((450.0 - height_mm(pixel)) * 10.0) as u16);
    let counts = DepthCounts::new(SIZE, 1e-4, counts.collect());
    DepthFrame::Counts(counts.expect("one count a pixel"))
}

fn points() -> DepthFrame {
    let points = (0..SIZE.pixels()).map(|pixel| {
        let z = 450.0 - height_mm(pixel);
        let (x, y) = CAMERA.ray((pixel % SIZE.width) as f64, (pixel / SIZE.width) as f64);
        [(x * z) as f32, (y * z) as f32, z as f32]
    });
    let points = OrganisedPoints::new(SIZE, points.collect());
    DepthFrame::Points(points.expect("one point a pixel"))
}
