//! Batch normalisation (Ioffe and Szegedy 2015) as it follows a convolution.

use rayon::prelude::*;

use crate::kernels::{
    AffineBackward, GradientSums, affine, affine_add, affine_backward, sum_channels, sum_gradients,
    sum_squared_deviations,
};
use crate::param::{Entry, Param, Parameters, scoped};
use crate::tensor::Tensor;

/// Which statistics a normalisation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Those of the batch; the running ones move towards them.
    Train,
    /// The running ones, which stay as they are.
    Evaluate,
}

/// Added to the variance.
const EPSILON: f32 = 1e-5;
/// Share of the batch in the running statistics.
const MOMENTUM: f32 = 0.1;

/// Normalisation per channel over batch, rows and columns.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    scale: Param,
    shift: Param,
    running_mean: Vec<f32>,
    running_variance: Vec<f32>,
    batch_mean: Vec<f32>,
    batch_inverse: Vec<f32>,
}

impl BatchNorm {
    /// Scale 1, shift 0, running mean 0 and variance 1.
    pub(crate) fn new(channels: usize) -> Self {
        Self {
            scale: Param::new(vec![1.0; channels]),
            shift: Param::new(vec![0.0; channels]),
            running_mean: vec![0.0; channels],
            running_variance: vec![1.0; channels],
            batch_mean: vec![0.0; channels],
            batch_inverse: vec![0.0; channels],
        }
    }

    /// The learned scale ("weight" in PyTorch) and shift ("bias").
    pub fn scale_and_shift_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        (self.scale.value_mut(), self.shift.value_mut())
    }

    /// The running mean and variance (unbiased, as PyTorch keeps it).
    pub fn running_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        (&mut self.running_mean, &mut self.running_variance)
    }

    /// Factor and addend per channel that stand for this layer in evaluation: `y = factor * x + addend`.
    pub fn folded(&self) -> (Vec<f32>, Vec<f32>) {
        let inverse: Vec<f32> = self
            .running_variance
            .iter()
            .map(|v| 1.0 / (v + EPSILON).sqrt())
            .collect();
        self.affine_of(&self.running_mean, &inverse)
    }

    /// Writes `y = floor(norm(x) [+ skip])`, where the floor is a ReLU if `relu`.
    pub(crate) fn forward(
        &mut self,
        x: &Tensor,
        skip: Option<&Tensor>,
        relu: bool,
        mode: Mode,
        y: &mut Tensor,
    ) {
        let (scale, shift) = match mode {
            Mode::Train => {
                self.measure(x);
                self.affine_of(&self.batch_mean, &self.batch_inverse)
            }
            Mode::Evaluate => self.folded(),
        };
        y.reshape(x.shape());
        let shape = x.shape();
        let floor = floor(relu);
        y.images_mut().enumerate().for_each(|(n, image)| {
            for (row, out) in image
                .chunks_exact_mut(shape.pitch() * shape.c)
                .take(shape.h)
                .enumerate()
            {
                let out = &mut out[..shape.w * shape.c];
                match skip {
                    None => affine(out, x.row(n, row), &scale, &shift, floor),
                    Some(skip) => {
                        affine_add(out, x.row(n, row), skip.row(n, row), &scale, &shift, floor)
                    }
                }
            }
        });
    }

    /// Turns `grad`, the gradient of the output of a training-mode forward pass without skip, into that of `x`, and adds
    /// to the gradients of scale and shift.
    pub(crate) fn backward(&mut self, x: &Tensor, relu: bool, grad: &mut Tensor) {
        let shape = x.shape();
        let (c, floor) = (shape.c, floor(relu));
        let (scale, shift) = self.affine_of(&self.batch_mean, &self.batch_inverse);
        let input = GradientSums {
            scale: &scale,
            shift: &shift,
            mean: &self.batch_mean,
            floor,
        };
        let per_image: Vec<(Vec<f32>, Vec<f32>)> = (0..shape.n)
            .into_par_iter()
            .map(|n| {
                let (mut sum, mut moment) = (vec![0.0; c], vec![0.0; c]);
                for row in 0..shape.h {
                    sum_gradients(
                        x.row(n, row),
                        grad.row(n, row),
                        &input,
                        &mut sum,
                        &mut moment,
                    );
                }
                (sum, moment)
            })
            .collect();
        let (mut sum, mut moment) = (vec![0.0f32; c], vec![0.0f32; c]);
        for (image_sum, image_moment) in &per_image {
            for i in 0..c {
                sum[i] += image_sum[i];
                moment[i] += image_moment[i] * self.batch_inverse[i];
            }
        }
        for i in 0..c {
            self.shift.grad[i] += sum[i];
            self.scale.grad[i] += moment[i];
        }
        // dx = scale * (g - mean(g) - x_hat * mean(g * x_hat)), gathered by powers of x.
        let count = shape.pixels() as f32;
        let slope: Vec<f32> = (0..c)
            .map(|i| -scale[i] * moment[i] / count * self.batch_inverse[i])
            .collect();
        let offset: Vec<f32> = (0..c)
            .map(|i| -scale[i] * sum[i] / count - slope[i] * self.batch_mean[i])
            .collect();
        let factors = AffineBackward {
            scale: &scale,
            shift: &shift,
            slope: &slope,
            offset: &offset,
        };
        grad.images_mut().enumerate().for_each(|(n, image)| {
            for (row, grad) in image
                .chunks_exact_mut(shape.pitch() * c)
                .take(shape.h)
                .enumerate()
            {
                affine_backward(&mut grad[..shape.w * c], x.row(n, row), &factors, floor);
            }
        });
    }

    /// Batch statistics in one pass over memory: per row, while it is in the cache, its mean and then its squared
    /// deviations; rows and images are merged by the formula of Chan, Golub and LeVeque (1979).
    fn measure(&mut self, x: &Tensor) {
        let shape = x.shape();
        let per_image: Vec<Moments> = (0..shape.n)
            .into_par_iter()
            .map(|n| Moments::of_image(x, n))
            .collect();
        let mut batch = Moments::new(shape.c);
        for image in &per_image {
            batch.merge(image);
        }
        let unbiased = 1.0 / (batch.count - 1.0).max(1.0);
        for i in 0..shape.c {
            self.batch_mean[i] = batch.mean[i];
            self.batch_inverse[i] = 1.0 / (batch.deviations[i] / batch.count + EPSILON).sqrt();
            self.running_mean[i] += MOMENTUM * (batch.mean[i] - self.running_mean[i]);
            self.running_variance[i] +=
                MOMENTUM * (batch.deviations[i] * unbiased - self.running_variance[i]);
        }
    }

    fn affine_of(&self, mean: &[f32], inverse: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let scale: Vec<f32> = self
            .scale
            .value
            .iter()
            .zip(inverse)
            .map(|(scale, inverse)| scale * inverse)
            .collect();
        let shift = self
            .shift
            .value
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((shift, mean), scale)| shift - mean * scale);
        let shift = shift.collect();
        (scale, shift)
    }
}

impl Parameters for BatchNorm {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        visitor(&scoped(prefix, "weight"), Entry::Trained(&mut self.scale));
        visitor(&scoped(prefix, "bias"), Entry::Trained(&mut self.shift));
        visitor(
            &scoped(prefix, "running_mean"),
            Entry::Statistic(&mut self.running_mean),
        );
        visitor(
            &scoped(prefix, "running_var"),
            Entry::Statistic(&mut self.running_variance),
        );
    }
}

/// The least value that passes: 0 for a ReLU, none otherwise.
fn floor(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

/// Count, mean and sum of squared deviations per channel.
pub(crate) struct Moments {
    pub(crate) count: f32,
    pub(crate) mean: Vec<f32>,
    pub(crate) deviations: Vec<f32>,
}

impl Moments {
    fn new(channels: usize) -> Self {
        Self {
            count: 0.0,
            mean: vec![0.0; channels],
            deviations: vec![0.0; channels],
        }
    }

    /// Those of image `n`, in one pass over memory (see [`BatchNorm::measure`]).
    pub(crate) fn of_image(x: &Tensor, n: usize) -> Self {
        let shape = x.shape();
        let (mut image, mut row) = (Self::new(shape.c), Self::new(shape.c));
        for y in 0..shape.h {
            row.set_to_row(x.row(n, y), shape.w);
            image.merge(&row);
        }
        image
    }

    fn set_to_row(&mut self, row: &[f32], width: usize) {
        self.count = width as f32;
        self.mean.fill(0.0);
        self.deviations.fill(0.0);
        sum_channels(row, &mut self.mean);
        for mean in &mut self.mean {
            *mean /= self.count;
        }
        sum_squared_deviations(row, &self.mean, &mut self.deviations);
    }

    fn merge(&mut self, other: &Self) {
        let total = self.count + other.count;
        let (share, cross) = (other.count / total, self.count * other.count / total);
        for i in 0..self.mean.len() {
            let difference = other.mean[i] - self.mean[i];
            self.mean[i] += difference * share;
            self.deviations[i] += other.deviations[i] + difference * difference * cross;
        }
        self.count = total;
    }
}
