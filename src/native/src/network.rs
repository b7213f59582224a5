//! A network that is ready to run.

use std::num::NonZero;
use std::time::Duration;

use crate::error::{NetworkError, RunError};
use crate::map::Shift;
use crate::read::{Compiled, Gate, Plan};
use crate::steps::pieces::share;
use crate::steps::{Machine, Operands, spatial};

/// A network with its weights and its buffers. One thread at a time runs it, and may have others help it.
#[derive(Debug)]
pub struct Network {
    machine: Machine,
    compiled: Compiled,
    buffers: Vec<Vec<f32>>,
    /// Of a step's pieces, one after the other.
    scratch: Vec<f32>,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

/// Name and shape of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Network {
    /// Whether this machine has vectors for the kernels. Without them they are right, and no match for an engine that is written
    /// for such machines.
    pub fn has_vectors() -> bool {
        Machine::this().lanes > 1
    }

    /// Reads an ONNX file, packs its weights and allocates all that a run needs.
    ///
    /// # Errors
    /// [`NetworkError`]; another engine may know what this one does not.
    pub fn from_onnx(bytes: &[u8]) -> Result<Self, NetworkError> {
        Self::for_threads(bytes, NonZero::<usize>::MIN)
    }

    /// [`Network::from_onnx`] for a network whose larger steps are divided among this number of threads.
    ///
    /// They are those of the [`rayon::ThreadPool`] that [`Network::run`] is called in; outside of one, of rayon's own. Results are those of one
    /// thread, bit for bit.
    ///
    /// # Errors
    /// [`NetworkError`], as there.
    pub fn for_threads(bytes: &[u8], threads: NonZero<usize>) -> Result<Self, NetworkError> {
        Self::on(Machine::this(), bytes, threads)
    }

    fn on(machine: Machine, bytes: &[u8], threads: NonZero<usize>) -> Result<Self, NetworkError> {
        let compiled = Plan::of(bytes)?.compile(machine.lanes, threads.get());
        let spec = |gate: &Gate| TensorSpec {
            name: gate.name.clone(),
            shape: gate.dims.clone(),
        };
        Ok(Self {
            machine,
            scratch: vec![0.0; compiled.scratch],
            buffers: compiled.buffers.iter().map(|&len| vec![0.0; len]).collect(),
            inputs: compiled.inputs.iter().map(spec).collect(),
            outputs: compiled.outputs.iter().map(spec).collect(),
            compiled,
        })
    }

    /// What goes in.
    pub fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    /// What comes out.
    pub fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    /// For benchmarks: what each step is, and the median of the times that it took by `clock` in `runs` runs of the
    /// whole network, on what the buffers hold.
    pub fn step_times(
        &mut self,
        runs: usize,
        clock: impl Fn() -> Duration,
    ) -> Vec<(String, Duration)> {
        let mut times = vec![Vec::with_capacity(runs); self.compiled.steps.len()];
        for _ in 0..runs {
            for (at, times) in times.iter_mut().enumerate() {
                let start = clock();
                self.step(at);
                times.push(clock().saturating_sub(start));
            }
        }
        let steps = self.compiled.steps.iter().zip(times);
        let median = |mut times: Vec<Duration>| {
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        };
        steps
            .map(|(step, times)| (step.describe(), median(times)))
            .collect()
    }

    fn step(&mut self, at: usize) {
        let step = &mut self.compiled.steps[at];
        let mut out = std::mem::take(&mut self.buffers[step.output]);
        let operands = Operands {
            x: &self.buffers[step.input],
            second: step.second.map(|at| &self.buffers[at][..]),
            maps: &self.buffers,
        };
        let (machine, kernel) = (self.machine, &step.kernel);
        share(
            step.shape,
            &mut step.pieces,
            &mut self.scratch,
            (Shift(0), &mut out),
            &|piece, scratch, out| kernel.run(machine, operands, piece, scratch, out),
        );
        self.buffers[step.output] = out;
    }

    /// Runs the network, on the calling thread and those that share its steps. Tensors are dense, in the order of [`Network::inputs`] and
    /// [`Network::outputs`]; nothing is allocated.
    ///
    /// # Errors
    /// [`RunError`] if a buffer does not fit; nothing was computed then.
    pub fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), RunError> {
        let input_lengths = inputs.iter().map(|input| input.len());
        fit("inputs", &self.compiled.inputs, input_lengths)?;
        let output_lengths = outputs.iter().map(|output| output.len());
        fit("outputs", &self.compiled.outputs, output_lengths)?;
        for (gate, values) in self.compiled.inputs.iter().zip(inputs) {
            let buffer = &mut self.buffers[gate.buffer];
            self.machine
                .run(|| spatial::take_in(gate.shape, values, buffer));
        }
        for step in 0..self.compiled.steps.len() {
            self.step(step);
        }
        for (gate, values) in self.compiled.outputs.iter().zip(outputs) {
            spatial::give_out(gate.shape, &self.buffers[gate.buffer], values);
        }
        Ok(())
    }
}

fn fit(
    what: &'static str,
    gates: &[Gate],
    lengths: impl ExactSizeIterator<Item = usize>,
) -> Result<(), RunError> {
    if gates.len() != lengths.len() {
        return Err(RunError::Count {
            what,
            expected: gates.len(),
            found: lengths.len(),
        });
    }
    for (gate, found) in gates.iter().zip(lengths) {
        let expected = gate.dims.iter().product();
        if found != expected {
            return Err(RunError::Length {
                tensor: gate.name.clone(),
                expected,
                found,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use twinspect_bundle::Bundle;
    use twinspect_core::modality::Modality;

    /// One machine has but one kind that is the best; a product is proven on all kinds that this one has.
    #[test]
    fn vectors_of_every_length_give_the_same_maps() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let bundle = Bundle::open(models.join("cap.twb")).unwrap();
        for modality in [Modality::Rgb, Modality::Geometry] {
            let onnx = bundle.stage_model(modality).unwrap();
            let mut answers = Machine::all().into_iter().map(|machine| {
                let mut network = Network::on(machine, onnx, NonZero::<usize>::MIN).unwrap();
                let len = |tensors: &[TensorSpec]| tensors[0].shape.iter().product();
                let input: Vec<f32> = (0..len(network.inputs()))
                    .map(|at| (at as f32 * 0.37).sin())
                    .collect();
                let mut maps = vec![0.0; len(network.outputs())];
                network.run(&[&input], &mut [&mut maps]).unwrap();
                (machine.lanes, maps)
            });
            let (_, expected) = answers.next().unwrap();
            let largest = expected.iter().copied().fold(0.0, f32::max);
            for (lanes, maps) in answers {
                let differences = maps.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                let worst = differences.fold(0.0, f32::max) / largest;
                println!("{modality}, vectors of {lanes}: {worst:.1e}");
                assert!(worst < 2e-5, "{modality}, vectors of {lanes}: {worst:.1e}");
            }
        }
    }
}
