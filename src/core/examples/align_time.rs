//! What laying depth onto colour costs at three sizes: `cargo run --release -p twinspect-core --example align_time`.
#![expect(
    clippy::print_stdout,
    reason = "a table on standard output is what it is for"
)]

use std::error::Error;
use std::time::Instant;

use twinspect_core::align::{Aligner, DepthToColour};
use twinspect_core::frame::Intrinsics;

const ROUNDS: usize = 101;

fn main() -> Result<(), Box<dyn Error>> {
    println!("size: least and median ms");
    for (width, height) in [(640, 480), (848, 480), (1280, 720)] {
        let camera = Intrinsics {
            width,
            height,
            fx: width as f64,
            fy: width as f64,
            cx: width as f64 / 2.0,
            cy: height as f64 / 2.0,
            distortion: [0.0; 5],
        };
        let place = DepthToColour {
            rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            translation_mm: [15.0, 0.0, 0.0],
        };
        let aligner = Aligner::new(&camera, &camera, &place)?;
        let counts: Vec<u16> = (0..width * height)
            .map(|at| 450 + (at * 7919 % 3) as u16)
            .collect();
        let mut aligned = vec![0; width * height];
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            aligner.align(&counts, 0.001, &mut aligned)?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        let at = |place: usize| took.get(place).copied().unwrap_or_default();
        println!("{width} x {height}: {:.2} {:.2}", at(0), at(ROUNDS / 2));
    }
    Ok(())
}
