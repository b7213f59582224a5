//! What each step of a network takes, for whoever makes a kernel faster: medians of one thread's CPU time.
//!
//! ```text
//! step_time NETWORK.onnx INPUT.f32...
//! ```
#![allow(clippy::print_stdout)]

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
    let usage = "usage: step_time NETWORK.onnx INPUT.f32...";
    let onnx = std::fs::read(arguments.next().ok_or(usage)?)?;
    let inputs = arguments.map(|path| {
        let raw = std::fs::read(path)?;
        let (values, _) = raw.as_chunks::<4>();
        Ok(values.iter().copied().map(f32::from_le_bytes).collect())
    });
    let inputs = inputs.collect::<Result<Vec<Vec<f32>>, std::io::Error>>()?;

    let before = thread_time();
    let mut network = Network::from_onnx(&onnx)?;
    let loading = thread_time() - before;
    let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let mut outputs: Vec<Vec<f32>> = network
        .outputs()
        .iter()
        .map(|output| vec![0.0; output.shape.iter().product()])
        .collect();
    let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    network.run(&inputs, &mut outputs)?;
    for (step, time) in network.step_times(RUNS, thread_time) {
        println!("{:8.1} us  {step}", time.as_secs_f64() * 1e6);
    }
    println!("{:8.1} us  loading", loading.as_secs_f64() * 1e6);
    Ok(())
}
