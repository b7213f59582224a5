//! Where two sources of evidence meet: per pixel a weight between them, and the mean of the two under it.

use rayon::prelude::*;

use crate::activation::{Activation, by_image};
use crate::join::logistic;
use crate::tensor::{Shape, Tensor, image_rows};

/// Two maps of evidence and where the second may be believed, `[n, h, w, 1]` each. Constants: no gradient flows into
/// them. All values must be finite, those of invalid pixels included.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What counts where nothing else does: the evidence of colour.
    pub base: &'a Tensor,
    /// What may take its place: the evidence of geometry.
    pub other: &'a Tensor,
    /// Validity of `other`, in `[0, 1]`.
    pub valid: &'a Tensor,
}

/// How far a gate may go from the evidence that it sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Authority {
    /// How steeply the larger evidence is preferred by itself; per unit of evidence.
    pub sharpness: f32,
    /// The most that logits may add to either side; in the same units as `sharpness` times evidence. Greater than 0.
    pub bound: f32,
}

impl Authority {
    /// What logits add to the side of `other`, from their difference: its hyperbolic tangent, scaled to the bound.
    fn lead(self, difference: f32) -> f32 {
        self.bound * (2.0 * logistic(2.0 / self.bound * difference) - 1.0)
    }

    /// Derivative of [`Authority::lead`] where it has this value.
    fn slope(self, lead: f32) -> f32 {
        let share = lead / self.bound;
        1.0 - share * share
    }
}

/// Writes the weight of `other` and the fused evidence, `[n, h, w, 1]` each:
///
/// ```text
/// lead   = bound * tanh((logit_other - logit_base) / bound)
/// weight = valid * sigmoid(sharpness * (other - base) + lead)
/// fused  = (1 - weight) * base + weight * other
/// ```
///
/// Evidence that leads by much more than `bound / sharpness` wins whatever the logits say.
/// `logits` is `[n, h, w, 2]`, first that of `base`. With logits of 0 this is a soft maximum; the result lies between the
/// two inputs, and where `valid` is 0 it is `base` bit for bit.
///
/// # Panics
/// If the shapes do not match.
pub fn convex_gate(
    evidence: &Evidence<'_>,
    authority: Authority,
    logits: &Activation,
    weight: &mut Activation,
    fused: &mut Activation,
) {
    let shape = checked_shape(evidence, logits);
    let weight = weight.begin(shape);
    weight.images_mut().enumerate().for_each(|(n, image)| {
        for (y, out) in image_rows(image, shape) {
            let (base, other) = (evidence.base.row(n, y), evidence.other.row(n, y));
            let (valid, logits) = (evidence.valid.row(n, y), logits.value().row(n, y));
            for x in 0..shape.w {
                let lead = authority.lead(logits[2 * x + 1] - logits[2 * x]);
                out[x] = valid[x] * logistic(authority.sharpness * (other[x] - base[x]) + lead);
            }
        }
    });
    let weight = &*weight;
    fused
        .begin(shape)
        .images_mut()
        .enumerate()
        .for_each(|(n, image)| {
            for (y, out) in image_rows(image, shape) {
                let (base, other) = (evidence.base.row(n, y), evidence.other.row(n, y));
                for (x, (out, w)) in out.iter_mut().zip(weight.row(n, y)).enumerate() {
                    *out = (1.0 - w) * base[x] + w * other[x];
                }
            }
        });
}

/// From the gradients of `weight` and `fused`, adds to that of `logits`. Follows [`convex_gate`] with the same arguments.
///
/// # Panics
/// If the shapes do not match.
pub fn convex_gate_backward(
    evidence: &Evidence<'_>,
    authority: Authority,
    logits: &mut Activation,
    weight: &mut Activation,
    fused: &mut Activation,
) {
    let shape = checked_shape(evidence, logits);
    assert_eq!(weight.shape(), shape, "weight of a gate");
    assert_eq!(fused.shape(), shape, "fused evidence of a gate");
    let (weight, by_weight) = weight.finished();
    let (_, by_fused) = fused.finished();
    let (logits, slot) = logits.parts();
    let pair = shape.with_channels(2);
    let images = by_image(slot, shape.n).into_par_iter().enumerate();
    images.for_each(|(n, image)| {
        for (y, grad) in image.into_iter().flat_map(|image| image_rows(image, pair)) {
            let (base, other) = (evidence.base.row(n, y), evidence.other.row(n, y));
            let (valid, weight) = (evidence.valid.row(n, y), weight.row(n, y));
            let (by_weight, by_fused) = (by_weight.row(n, y), by_fused.row(n, y));
            let logits = logits.row(n, y);
            for x in 0..shape.w {
                if valid[x] == 0.0 {
                    continue;
                }
                let lead = authority.lead(logits[2 * x + 1] - logits[2 * x]);
                // With w = v s: dw = v s (1 - s).
                let slope = authority.slope(lead) * weight[x] * (1.0 - weight[x] / valid[x]);
                let by_lead = (by_weight[x] + by_fused[x] * (other[x] - base[x])) * slope;
                grad[2 * x] -= by_lead;
                grad[2 * x + 1] += by_lead;
            }
        }
    });
}

/// The shape of every map of one channel.
fn checked_shape(evidence: &Evidence<'_>, logits: &Activation) -> Shape {
    let shape = evidence.base.shape();
    assert_eq!(shape.c, 1, "channels of evidence");
    assert_eq!(evidence.other.shape(), shape, "two sources of evidence");
    assert_eq!(evidence.valid.shape(), shape, "validity of evidence");
    assert_eq!(logits.shape(), shape.with_channels(2), "logits of a gate");
    shape
}

#[cfg(test)]
mod tests;
