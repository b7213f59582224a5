//! What laying depth onto colour costs, beside the plain way that the tests compare it with, in turns:
//! `cargo run --release -p twinspect-core --example align_time`.
#![expect(
    clippy::print_stdout,
    reason = "a table on standard output is what it is for"
)]

use std::error::Error;
use std::time::Instant;

use twinspect_core::align::{AlignError, Aligner, DepthToColour};
use twinspect_core::frame::{FrameSize, Intrinsics};

#[path = "../src/align/tests/reference.rs"]
mod reference;

use reference::Reference;

const ROUNDS: usize = 101;
const SIZES: [(usize, usize); 3] = [(640, 480), (848, 480), (1280, 720)];

/// Two cameras and what the first one measures.
struct Scene {
    name: &'static str,
    turn: f64,
    distortion: [f64; 5],
    /// Colour pixels for one depth pixel along each side.
    finer: f64,
    noise: u16,
    /// One stretch of this many pixels has no measurement.
    hole_every: usize,
}

const SCENES: [Scene; 4] = [
    Scene {
        name: "aside",
        turn: 0.0,
        distortion: [0.0; 5],
        finer: 1.0,
        noise: 3,
        hole_every: usize::MAX,
    },
    Scene {
        name: "turned, noise, holes",
        turn: 0.006,
        distortion: [0.0; 5],
        finer: 0.93,
        noise: 9,
        hole_every: 17,
    },
    Scene {
        name: "finer colour",
        turn: 0.006,
        distortion: [0.0; 5],
        finer: 1.5,
        noise: 9,
        hole_every: 17,
    },
    Scene {
        name: "a lens that bends",
        turn: 0.006,
        distortion: [-0.055, 0.065, 0.0003, -0.0005, -0.02],
        finer: 0.93,
        noise: 9,
        hole_every: 17,
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "least and median ms of {ROUNDS}: plain, as it is; the plain one's median over the other"
    );
    for scene in &SCENES {
        for (width, height) in SIZES {
            measure(scene, width, height)?;
        }
    }
    Ok(())
}

fn measure(scene: &Scene, width: usize, height: usize) -> Result<(), Box<dyn Error>> {
    let depth = Intrinsics {
        width,
        height,
        fx: width as f64,
        fy: width as f64,
        cx: width as f64 / 2.0,
        cy: height as f64 / 2.0,
        distortion: [0.0; 5],
    };
    let colour = Intrinsics {
        fx: depth.fx * scene.finer,
        fy: depth.fy * scene.finer,
        distortion: scene.distortion,
        ..depth
    };
    let (sin, cos) = scene.turn.sin_cos();
    let place = DepthToColour {
        rotation: [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]],
        translation_mm: [15.0, 0.0, 0.0],
    };
    let counts: Vec<u16> = (0..width * height)
        .map(|at| {
            if at / 40 % scene.hole_every == 1 {
                0
            } else {
                450 + (at * 7919 % 1009) as u16 % scene.noise
            }
        })
        .collect();
    let plain = Reference::new(&depth, &colour, &place)?;
    let aligner = Aligner::new(&depth, &colour, &place)?;
    let (mut expected, mut aligned) = (vec![0; width * height], vec![0; width * height]);
    let (mut before, mut now) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        plain.align(&counts, 0.001, &mut expected)?;
        before.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        aligner.align(&counts, 0.001, &mut aligned)?;
        now.push(began.elapsed().as_secs_f64() * 1e3);
    }
    if expected != aligned {
        return Err(format!("{}: both say different things", scene.name).into());
    }
    let [plain, now] = [before, now].map(least_and_median);
    println!(
        "{:<21} {width} x {height}: {:.2} {:.2}, {:.2} {:.2}; {:.1}",
        scene.name,
        plain.0,
        plain.1,
        now.0,
        now.1,
        plain.1 / now.1
    );
    Ok(())
}

fn least_and_median(mut took: Vec<f64>) -> (f64, f64) {
    took.sort_by(f64::total_cmp);
    let at = |place: usize| took.get(place).copied().unwrap_or_default();
    (at(0), at(ROUNDS / 2))
}
