//! Loops that write one value per value.

use super::dispatched;

dispatched! {
    /// `out += scale * x`.
    fn add_scaled(out: &mut [f32], x: &[f32], scale: f32) {
        for (out, x) in out.iter_mut().zip(x) {
            *out += scale * x;
        }
    }

    /// `out += a * x + b * y`.
    fn add_two_scaled(out: &mut [f32], x: &[f32], a: f32, y: &[f32], b: f32) {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out += a * x + b * y;
        }
    }

    /// `out = x + y`.
    fn sum_of(out: &mut [f32], x: &[f32], y: &[f32]) {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = x + y;
        }
    }

    /// `out = a * x + b * y`.
    fn blend(out: &mut [f32], x: &[f32], a: f32, y: &[f32], b: f32) {
        for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
            *out = a * x + b * y;
        }
    }

    /// `out = max(x, 0)`.
    fn relu_of(out: &mut [f32], x: &[f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = if x > 0.0 { x } else { 0.0 };
        }
    }

    /// Zeroes the gradient where the ReLU's output was zero.
    fn mask_by_output(grad: &mut [f32], output: &[f32]) {
        for (grad, &output) in grad.iter_mut().zip(output) {
            *grad = if output > 0.0 { *grad } else { 0.0 };
        }
    }

    /// Adds `dy` times the slope of the logistic function whose value is `output`.
    fn add_sigmoid_gradient(grad: &mut [f32], dy: &[f32], output: &[f32]) {
        for ((grad, dy), y) in grad.iter_mut().zip(dy).zip(output) {
            *grad += dy * y * (1.0 - y);
        }
    }

    /// Adds a vector of one value per channel to every pixel of a row.
    fn add_per_channel(row: &mut [f32], bias: &[f32]) {
        for pixel in row.chunks_exact_mut(bias.len()) {
            for (value, bias) in pixel.iter_mut().zip(bias) {
                *value += bias;
            }
        }
    }

    /// `out = factor * x` with a factor per channel.
    fn scale_per_channel(out: &mut [f32], x: &[f32], factor: &[f32]) {
        let c = factor.len();
        for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for ((out, x), factor) in out.iter_mut().zip(x).zip(factor) {
                *out = factor * x;
            }
        }
    }

    /// `out += factor * x` with a factor per channel.
    fn add_scaled_per_channel(out: &mut [f32], x: &[f32], factor: &[f32]) {
        let c = factor.len();
        for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for ((out, x), factor) in out.iter_mut().zip(x).zip(factor) {
                *out += factor * x;
            }
        }
    }

    /// `out += slope * x + offset` with slope and offset per channel.
    fn add_affine(out: &mut [f32], x: &[f32], slope: &[f32], offset: &[f32]) {
        let c = slope.len();
        let offset = &offset[..c];
        for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for (((out, x), slope), offset) in out.iter_mut().zip(x).zip(slope).zip(offset) {
                *out += slope * x + offset;
            }
        }
    }

    /// `out = max(scale * x + shift, floor)` with scale and shift per channel. A floor of minus infinity is no floor.
    fn affine(out: &mut [f32], x: &[f32], scale: &[f32], shift: &[f32], floor: f32) {
        let c = scale.len();
        let shift = &shift[..c];
        for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for (((out, x), scale), shift) in out.iter_mut().zip(x).zip(scale).zip(shift) {
                let value = x * scale + shift;
                *out = if value > floor { value } else { floor };
            }
        }
    }

    /// `out = max(scale * x + shift + skip, floor)` with scale and shift per channel.
    fn affine_add(out: &mut [f32], x: &[f32], skip: &[f32], scale: &[f32], shift: &[f32], floor: f32) {
        let c = scale.len();
        let shift = &shift[..c];
        for ((out, x), skip) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(skip.chunks_exact(c)) {
            for ((((out, x), skip), scale), shift) in out.iter_mut().zip(x).zip(skip).zip(scale).zip(shift) {
                let value = x * scale + shift + skip;
                *out = if value > floor { value } else { floor };
            }
        }
    }

    /// The last step of batch normalisation's backward pass, in place: with `g = grad` where
    /// `scale * x + shift > floor`, else 0, `grad = scale * g + slope * x + offset`, all factors per channel.
    fn affine_backward(grad: &mut [f32], x: &[f32], factors: &super::AffineBackward<'_>, floor: f32) {
        let c = factors.scale.len();
        let (scale, shift) = (factors.scale, &factors.shift[..c]);
        let (slope, offset) = (&factors.slope[..c], &factors.offset[..c]);
        for (grad, x) in grad.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
            for i in 0..c {
                let masked = if x[i] * scale[i] + shift[i] > floor { grad[i] } else { 0.0 };
                grad[i] = scale[i] * masked + slope[i] * x[i] + offset[i];
            }
        }
    }

    /// One Adam update of a run of values; clears the gradient.
    fn adam_update(value: &mut [f32], grad: &mut [f32], first: &mut [f32], second: &mut [f32], rule: &super::AdamRule) {
        let n = value.len();
        let (grad, first, second) = (&mut grad[..n], &mut first[..n], &mut second[..n]);
        for i in 0..n {
            let g = grad[i] * rule.grad_scale;
            first[i] = rule.beta1 * first[i] + (1.0 - rule.beta1) * g;
            second[i] = rule.beta2 * second[i] + (1.0 - rule.beta2) * g * g;
            value[i] -= rule.step * first[i] / (second[i].sqrt() * rule.second_scale + rule.epsilon);
            grad[i] = 0.0;
        }
    }
}

/// Per-channel factors of [`affine_backward`].
pub(crate) struct AffineBackward<'a> {
    pub(crate) scale: &'a [f32],
    pub(crate) shift: &'a [f32],
    pub(crate) slope: &'a [f32],
    pub(crate) offset: &'a [f32],
}

/// Constants of one Adam step: `value -= step * first / (sqrt(second) * second_scale + epsilon)`.
pub(crate) struct AdamRule {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) epsilon: f32,
    /// Learning rate over the bias correction of the first moment.
    pub(crate) step: f32,
    /// One over the root of the bias correction of the second moment.
    pub(crate) second_scale: f32,
    /// Factor on the gradient (clipping).
    pub(crate) grad_scale: f32,
}
