//! Batch norms folded into the convolutions before them.

use crate::ops::Kernel;

/// A batch norm in inference: `y = (x - mean) / sqrt(variance + epsilon) * scale + shift`, one
/// value a channel each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm<'a> {
    /// Factor after the normalisation, PyTorch's `weight`.
    pub scale: &'a [f32],
    /// Summand after the normalisation, PyTorch's `bias`.
    pub shift: &'a [f32],
    /// Running mean.
    pub mean: &'a [f32],
    /// Running variance.
    pub variance: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
}

/// A convolution that does its batch norm's work.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The axes of the weights, as they were.
    pub dims: [usize; 4],
    /// Weights, scaled an output channel.
    pub weight: Vec<f32>,
    /// One value an output channel.
    pub bias: Vec<f32>,
}

impl Folded {
    /// The weights as the graph builder takes them.
    pub fn kernel(&self) -> Kernel<'_> {
        Kernel {
            dims: self.dims,
            values: &self.weight,
        }
    }
}

/// Why a batch norm cannot be folded into a convolution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// A vector of another length than the convolution has output channels.
    #[error("{part} of a batch norm has {found} values, the convolution {expected} outputs")]
    Length {
        /// Which vector.
        part: &'static str,
        /// Output channels of the convolution.
        expected: usize,
        /// Length of the vector.
        found: usize,
    },
    /// Weights of another number than their axes say.
    #[error("weights of axes {dims:?} have {found} values")]
    Weights {
        /// The axes.
        dims: [usize; 4],
        /// Number of values.
        found: usize,
    },
    /// A channel whose variance and epsilon do not sum to a positive number.
    #[error("channel {channel} of a batch norm has variance {variance}")]
    Variance {
        /// The channel.
        channel: usize,
        /// Its running variance.
        variance: f32,
    },
}

impl BatchNorm<'_> {
    /// Folds into a convolution (output channels are axis 0 of its kernel).
    ///
    /// # Errors
    /// The lengths do not fit, or a variance is not positive.
    pub fn fold(&self, kernel: Kernel, bias: Option<&[f32]>) -> Result<Folded, FoldError> {
        self.fold_axis(kernel, bias, 0)
    }

    /// Folds into a transposed convolution without groups (output channels are axis 1 of its
    /// kernel).
    ///
    /// # Errors
    /// The lengths do not fit, or a variance is not positive.
    pub fn fold_transposed(
        &self,
        kernel: Kernel,
        bias: Option<&[f32]>,
    ) -> Result<Folded, FoldError> {
        self.fold_axis(kernel, bias, 1)
    }

    fn fold_axis(
        &self,
        kernel: Kernel,
        bias: Option<&[f32]>,
        axis: usize,
    ) -> Result<Folded, FoldError> {
        let dims = kernel.dims;
        let outputs = dims[axis];
        self.check(outputs, bias)?;
        let elements = dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        if elements != Some(kernel.values.len()) {
            return Err(FoldError::Weights {
                dims,
                found: kernel.values.len(),
            });
        }
        let mut factors = Vec::with_capacity(outputs);
        for (channel, &variance) in self.variance.iter().enumerate() {
            let power = f64::from(variance) + f64::from(self.epsilon);
            // Not `power <= 0.0`, which a NaN would pass.
            if !(power > 0.0 && power.is_finite()) {
                return Err(FoldError::Variance { channel, variance });
            }
            factors.push(f64::from(self.scale[channel]) / power.sqrt());
        }
        let stride: usize = dims[axis + 1..].iter().product();
        let weight = kernel.values.iter().enumerate().map(|(i, &w)| {
            let channel = i / stride % outputs;
            (f64::from(w) * factors[channel]) as f32
        });
        let bias = (0..outputs).map(|c| {
            let before = bias.map_or(0.0, |bias| f64::from(bias[c]));
            let centred = before - f64::from(self.mean[c]);
            (f64::from(self.shift[c]) + centred * factors[c]) as f32
        });
        Ok(Folded {
            dims,
            weight: weight.collect(),
            bias: bias.collect(),
        })
    }

    fn check(&self, outputs: usize, bias: Option<&[f32]>) -> Result<(), FoldError> {
        let parts = [
            ("scale", self.scale.len()),
            ("shift", self.shift.len()),
            ("mean", self.mean.len()),
            ("variance", self.variance.len()),
            ("bias before", bias.map_or(outputs, <[f32]>::len)),
        ];
        match parts.into_iter().find(|&(_, found)| found != outputs) {
            None => Ok(()),
            Some((part, found)) => Err(FoldError::Length {
                part,
                expected: outputs,
                found,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORM: BatchNorm = BatchNorm {
        scale: &[2.0, -1.0],
        shift: &[0.5, 1.0],
        mean: &[1.0, 3.0],
        variance: &[3.99, 0.24],
        epsilon: 0.01,
    };

    fn kernel(dims: [usize; 4], values: &[f32]) -> Kernel<'_> {
        Kernel { dims, values }
    }

    fn check_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (i, (f, e)) in found.iter().zip(expected).enumerate() {
            assert!((f - e).abs() < 1e-6, "[{i}] {f} is not {e}");
        }
    }

    #[test]
    fn outputs_are_axis_0_of_a_convolution() {
        let folded = NORM
            .fold(
                kernel([2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]),
                Some(&[1.0, 1.0]),
            )
            .unwrap();
        check_close(&folded.weight, &[1.0, 2.0, -6.0, -8.0]);
        check_close(&folded.bias, &[0.5, 5.0]);
    }

    #[test]
    fn outputs_are_axis_1_of_a_transposed_convolution() {
        let folded = NORM
            .fold_transposed(kernel([2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]), None)
            .unwrap();
        check_close(&folded.weight, &[1.0, -4.0, 3.0, -8.0]);
        check_close(&folded.bias, &[-0.5, 7.0]);
    }

    #[test]
    fn lengths_and_variances_are_checked() {
        let values = [1.0; 3];
        assert_eq!(
            NORM.fold(kernel([3, 1, 1, 1], &values), None),
            Err(FoldError::Length {
                part: "scale",
                expected: 3,
                found: 2
            })
        );
        assert_eq!(
            NORM.fold(kernel([2, 1, 1, 1], &values), None),
            Err(FoldError::Weights {
                dims: [2, 1, 1, 1],
                found: 3
            })
        );
        let negative = BatchNorm {
            variance: &[1.0, -2.0],
            ..NORM
        };
        assert_eq!(
            negative.fold(kernel([2, 1, 1, 1], &values[..2]), None),
            Err(FoldError::Variance {
                channel: 1,
                variance: -2.0
            })
        );
    }
}
