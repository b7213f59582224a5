//! One branch under training: samples in, one step out.

use half::slice::HalfFloatSliceExt;
use twinspect_nn::{Activation, Entry, Mode, Parameters, Rng, Shape, Tensor};

use super::pool::{BankSample, TeacherSample};
use crate::student::{GeometryStudent, RgbStudent, SCALES};

/// A network with its samples.
pub(crate) trait Branch: Parameters {
    /// Number of samples.
    fn samples(&self) -> usize;

    /// Forward pass, loss and backward pass on a batch of samples; returns the loss.
    fn learn(&mut self, batch: &[usize]) -> f32;
}

/// The colour branch.
pub(crate) struct RgbBranch {
    pub(crate) student: RgbStudent,
    channels: [usize; SCALES],
    side: usize,
    samples: Vec<TeacherSample>,
    scratch: Vec<f32>,
}

impl RgbBranch {
    /// `side` is that of the finest scale, S/4.
    pub(crate) fn new(
        channels: [usize; SCALES],
        side: usize,
        width: usize,
        samples: Vec<TeacherSample>,
        rng: &mut Rng,
    ) -> Self {
        let student = RgbStudent::new(channels, width, rng);
        Self {
            student,
            channels,
            side,
            samples,
            scratch: Vec::new(),
        }
    }
}

impl Branch for RgbBranch {
    fn samples(&self) -> usize {
        self.samples.len()
    }

    fn learn(&mut self, batch: &[usize]) -> f32 {
        for (k, input) in self.student.inputs_mut().iter_mut().enumerate() {
            let side = self.side >> k;
            let tensor = begin(input, Shape::new(batch.len(), side, side, self.channels[k]));
            for (n, &index) in batch.iter().enumerate() {
                let halves = &self.samples[index][k];
                self.scratch.resize(halves.len(), 0.0);
                halves.convert_to_f32_slice(&mut self.scratch);
                tensor.write_image_nchw(n, &self.scratch);
            }
        }
        self.student.forward(Mode::Train);
        let loss = self.student.loss();
        self.student.backward();
        loss
    }
}

impl Parameters for RgbBranch {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.student.visit(prefix, visitor);
    }
}

/// Weight of the bare belt in the geometry loss, so that the student spends itself on the part.
const BELT_WEIGHT: f32 = 0.1;

/// The geometry branch.
pub(crate) struct GeometryBranch {
    pub(crate) student: GeometryStudent,
    side: usize,
    samples: Vec<BankSample>,
    observed: Tensor,
    weights: Tensor,
}

impl GeometryBranch {
    /// `side` is S/4.
    pub(crate) fn new(side: usize, width: usize, samples: Vec<BankSample>, rng: &mut Rng) -> Self {
        let student = GeometryStudent::new(width, rng);
        Self {
            student,
            side,
            samples,
            observed: Tensor::default(),
            weights: Tensor::default(),
        }
    }
}

impl Branch for GeometryBranch {
    fn samples(&self) -> usize {
        self.samples.len()
    }

    fn learn(&mut self, batch: &[usize]) -> f32 {
        let shape = Shape::new(
            batch.len(),
            self.side,
            self.side,
            twinspect_core::prepare::BANK_CHANNELS,
        );
        self.observed.reshape(shape);
        self.weights.reshape(shape.with_channels(1));
        for (n, &index) in batch.iter().enumerate() {
            let sample = &self.samples[index];
            self.observed.write_image_nchw(n, &sample.channels);
            let weights: Vec<f32> = sample
                .region
                .iter()
                .map(|inside| inside.max(BELT_WEIGHT))
                .collect();
            self.weights.write_image_nchw(n, &weights);
        }
        begin(self.student.input_mut(), shape).copy_from(&self.observed);
        self.student.forward(Mode::Train);
        let loss = self.student.loss(&self.observed, &self.weights);
        self.student.backward();
        loss
    }
}

impl Parameters for GeometryBranch {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.student.visit(prefix, visitor);
    }
}

fn begin(input: &mut Activation, shape: Shape) -> &mut Tensor {
    let tensor = input.value_mut();
    tensor.reshape(shape);
    tensor
}
