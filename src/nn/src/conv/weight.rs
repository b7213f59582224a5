//! Weight layouts, and sums of partial weight gradients.

use rayon::prelude::*;

use super::{Conv, Kernel};
use crate::kernels::add_scaled;

impl Conv {
    /// Extents of [`Conv::weight_onnx`]: `[outputs, inputs, size, size]`, transposed `[inputs, outputs, size, size]`.
    pub const fn weight_onnx_shape(&self) -> [usize; 4] {
        let size = self.kernel.size();
        if self.kernel.is_transposed() {
            [self.inputs, self.outputs, size, size]
        } else {
            [self.outputs, self.inputs, size, size]
        }
    }

    /// The weights as ONNX and PyTorch order them.
    pub fn weight_onnx(&self) -> Vec<f32> {
        self.to_onnx(&self.weight.value)
    }

    /// The gradient of the weights in the same order.
    pub fn weight_gradient_onnx(&self) -> Vec<f32> {
        self.to_onnx(&self.weight.grad)
    }

    /// Sets the weights from values in the order of ONNX and PyTorch.
    ///
    /// # Panics
    /// If the number of values is not that of [`Conv::weight_onnx_shape`].
    pub fn set_weight_onnx(&mut self, values: &[f32]) {
        assert_eq!(
            values.len(),
            self.weight.value.len(),
            "weights of {:?}",
            self.weight_onnx_shape()
        );
        let (kernel, inputs, outputs) = (self.kernel, self.inputs, self.outputs);
        for_each_weight(kernel, inputs, outputs, |own, onnx| {
            self.weight.value[own] = values[onnx]
        });
    }

    fn to_onnx(&self, own_order: &[f32]) -> Vec<f32> {
        let mut values = vec![0.0; own_order.len()];
        for_each_weight(self.kernel, self.inputs, self.outputs, |own, onnx| {
            values[onnx] = own_order[own]
        });
        values
    }
}

/// Calls `f` with the index of each weight in the engine's order and in that of ONNX.
fn for_each_weight(kernel: Kernel, inputs: usize, outputs: usize, mut f: impl FnMut(usize, usize)) {
    let taps = kernel.size() * kernel.size();
    for i in 0..inputs {
        for o in 0..outputs {
            for tap in 0..taps {
                if kernel.is_transposed() {
                    f(
                        (i * taps + tap) * outputs + o,
                        (i * outputs + o) * taps + tap,
                    );
                } else {
                    f(
                        (tap * inputs + i) * outputs + o,
                        (o * inputs + i) * taps + tap,
                    );
                }
            }
        }
    }
}

/// Weights of the stride-1 convolution that leads gradients back: taps reversed, channels swapped.
pub(super) fn flipped(weight: &[f32], taps: usize, inputs: usize, outputs: usize) -> Vec<f32> {
    /// Side of the square that is transposed while both of its sides are in the cache.
    const TILE: usize = 16;
    let slab = inputs * outputs;
    let mut flipped = vec![0.0; weight.len()];
    flipped
        .par_chunks_mut(slab)
        .enumerate()
        .for_each(|(tap, to)| {
            let from = &weight[(taps - 1 - tap) * slab..(taps - tap) * slab];
            for i0 in (0..inputs).step_by(TILE) {
                for o0 in (0..outputs).step_by(TILE) {
                    for o in o0..(o0 + TILE).min(outputs) {
                        for i in i0..(i0 + TILE).min(inputs) {
                            to[o * inputs + i] = from[i * outputs + o];
                        }
                    }
                }
            }
        });
    flipped
}

/// Adds partial gradients, each as long as `grad`, in their order.
pub(super) fn add_parts(grad: &mut [f32], parts: &[f32]) {
    const CHUNK: usize = 1 << 14;
    let length = grad.len();
    grad.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(i, grad)| {
            for part in parts.chunks_exact(length) {
                let start = i * CHUNK;
                add_scaled(grad, &part[start..start + grad.len()], 1.0);
            }
        });
}
