//! Times one training step of a small student network in CPU seconds, to be compared with `benches/torch_step.py`:
//!
//! ```text
//! cargo run --release -p twinspect-nn --example step -- [--threads 1] [--steps 10]
//! python src/nn/benches/torch_step.py [--threads 1] [--steps 10] [--channels-last]
//! ```
//!
//! Batch 8 of 64 x 64 pixels, 64 channels; nine convolutions down to 16 x 16 and up again, each with batch normalisation
//! and ReLU; cosine loss at three scales; backward; Adam. 44 GFLOP.

#![expect(clippy::print_stdout, reason = "prints its result")]

use std::time::Instant;

use twinspect_nn::*;

const BATCH: usize = 8;
/// Kernel and output channels of each block.
const BLOCKS: [(Kernel, usize); 9] = [
    (Kernel::K3x3, 64),
    (Kernel::K3x3Stride2, 128),
    (Kernel::K3x3, 128),
    (Kernel::K3x3Stride2, 256),
    (Kernel::K3x3, 256),
    (Kernel::Up2x2, 128),
    (Kernel::K3x3, 128),
    (Kernel::Up2x2, 64),
    (Kernel::K3x3, 64),
];
/// Blocks whose output is compared with a target.
const COMPARED: [usize; 3] = [4, 6, 8];
/// Steps before timing starts.
const WARM_UP: usize = 3;

struct Stack {
    blocks: Vec<ConvNorm>,
    /// The input, then the output of each block.
    acts: Vec<Activation>,
    targets: Vec<Tensor>,
}

impl Stack {
    fn new(rng: &mut Rng) -> Self {
        let mut shape = Shape::new(BATCH, 64, 64, 64);
        let mut acts = vec![Activation::constant(random(shape, rng))];
        let (mut blocks, mut targets) = (Vec::new(), Vec::new());
        for (i, (kernel, channels)) in BLOCKS.into_iter().enumerate() {
            blocks.push(ConvNorm::new(
                kernel,
                shape.c,
                channels,
                Rectifier::Relu,
                rng,
            ));
            acts.push(Activation::new());
            shape = kernel.output_shape(shape, channels);
            if COMPARED.contains(&i) {
                targets.push(random(shape, rng));
            }
        }
        Self {
            blocks,
            acts,
            targets,
        }
    }

    /// Forward, loss, backward; CPU milliseconds of each, and the loss.
    fn pass(&mut self) -> ([f64; 3], f32) {
        let start = cpu_ms();
        for (block, acts) in self.blocks.iter_mut().zip(0..) {
            let (before, after) = self.acts.split_at_mut(acts + 1);
            block.forward(&before[acts], &mut after[0], Mode::Train);
        }
        let forward = cpu_ms();
        let outputs = COMPARED.iter().zip(&self.targets);
        let value = outputs
            .map(|(&i, target)| loss::flat_cosine(&mut self.acts[i + 1], target, None, 1.0))
            .sum();
        let losses = cpu_ms();
        for (i, block) in self.blocks.iter_mut().enumerate().rev() {
            let (before, after) = self.acts.split_at_mut(i + 1);
            block.backward(&mut before[i], &mut after[0]);
        }
        (
            [forward - start, losses - forward, cpu_ms() - losses],
            value,
        )
    }
}

impl Parameters for Stack {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        for (i, block) in self.blocks.iter_mut().enumerate() {
            block.visit(&scoped(prefix, &i.to_string()), visitor);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (threads, steps) = (option("--threads", 1)?, option("--steps", 10)?);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;
    let mut rng = Rng::new(0);
    let mut stack = Stack::new(&mut rng);
    let mut adam = Adam::new(0.5, 0.999);
    let (mut wall, mut cpu, mut phases) = (Vec::new(), Vec::new(), [0.0; 4]);
    let mut loss = 0.0;
    for step in 0..WARM_UP + steps {
        let (wall_start, cpu_start) = (Instant::now(), cpu_ms());
        let (pass, value) = stack.pass();
        loss = value;
        let adam_start = cpu_ms();
        adam.step(&mut stack, 5e-3);
        if step >= WARM_UP {
            let end = cpu_ms();
            wall.push(wall_start.elapsed().as_secs_f64() * 1e3);
            cpu.push(end - cpu_start);
            let [forward, losses, backward] = pass;
            for (sum, phase) in phases
                .iter_mut()
                .zip([forward, losses, backward, end - adam_start])
            {
                *sum += phase / steps as f64;
            }
        }
    }
    let [forward, losses, backward, optimiser] = phases;
    wall.sort_by(f64::total_cmp);
    cpu.sort_by(f64::total_cmp);
    println!(
        "twinspect-nn threads {threads}: CPU ms min {:.0} median {:.0}, wall ms min {:.0} median {:.0}, loss {loss:.4}; \
         mean CPU ms: forward {forward:.0} loss {losses:.1} backward {backward:.0} adam {optimiser:.1}",
        cpu[0],
        cpu[steps / 2],
        wall[0],
        wall[steps / 2]
    );
    Ok(())
}

fn random(shape: Shape, rng: &mut Rng) -> Tensor {
    let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
    Tensor::from_nchw(shape, &values)
}

/// The number after an option on the command line.
fn option(name: &str, default: usize) -> Result<usize, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments
        .iter()
        .position(|argument| argument == name)
        .and_then(|i| arguments.get(i + 1))
    {
        Some(value) => Ok(value.parse()?),
        None => Ok(default),
    }
}

/// CPU time of all threads so far, in milliseconds (Linux; 0 elsewhere). `getrusage` would need C, and the clock ticks of
/// `/proc/self/stat` are too coarse.
fn cpu_ms() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e6
}
