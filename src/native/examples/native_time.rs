//! One network, timed: for each line with a number on standard input, so many runs and then a line on standard output; with
//! `steps` what each step takes. `docs/results/native_time.py` starts it beside onnxruntime.
//!
//! ```text
//! native_time NETWORK.onnx INPUT.f32 [OUTPUT.f32 | steps]
//! ```
#![allow(clippy::print_stdout)]

use std::io::BufRead as _;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use twinspect_native::Network;

/// Runs of the whole network of which a step's median is told.
const RUNS: usize = 60;

/// What this thread has had of a core.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: native_time NETWORK.onnx INPUT.f32 [OUTPUT.f32 | steps]";
    let onnx = std::fs::read(arguments.next().ok_or(usage)?)?;
    let raw = std::fs::read(arguments.next().ok_or(usage)?)?;
    let (values, _) = raw.as_chunks::<4>();
    let x: Vec<f32> = values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect();

    let before = thread_time();
    let mut network = Network::from_onnx(&onnx)?;
    let loading = thread_time() - before;
    let [output] = network.outputs() else {
        return Err("the network has several outputs".into());
    };
    let mut y = vec![0.0; output.shape.iter().product()];
    network.run(&[&x], &mut [&mut y])?;
    match arguments.next().as_deref() {
        Some("steps") => {
            for (step, time) in network.step_times(RUNS, thread_time) {
                println!("{:8.1} us  {step}", time.as_secs_f64() * 1e6);
            }
            println!("{:8.1} us  loading", loading.as_secs_f64() * 1e6);
            return Ok(());
        }
        Some(path) => {
            let bytes: Vec<u8> = y.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(path, bytes)?;
        }
        None => {}
    }
    for line in std::io::stdin().lock().lines() {
        for _ in 0..line?.trim().parse::<usize>()? {
            network.run(&[&x], &mut [&mut y])?;
        }
        println!("done");
    }
    Ok(())
}
