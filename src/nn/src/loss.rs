//! Losses: each returns its value, times `scale`, and adds the gradient of that to its student-side inputs.
//!
//! `weights` is an optional map of non-negative weights with one channel; means over pixels then are weighted means
//! (`sum w d / sum w`). Where all weights of a mean are zero, it has value and gradient 0. Teacher features and observed
//! values are plain tensors: nothing flows into them.

mod affinity;
mod contraction;
mod cosine;
mod distance;
mod map;
mod spread;

pub use affinity::{AFFINITY_SIDE, affinity};
pub use contraction::contraction;
pub use cosine::flat_cosine;
pub use distance::{
    distance_map, feature_distance, feature_distance_backward, pixel_distance, weighted_distance,
};
pub use map::{FOCAL_ALPHA, FOCAL_GAMMA, PIXEL_MARGIN, dice, focal, pixel_hinge, squared_error};
pub use spread::{laplace, laplace_hinge, spread_distance, spread_distance_hinge};

use crate::tensor::{Shape, Tensor};

/// Added to the squared norm of a pixel's feature vector before it is made a unit vector; the exported graphs must do the
/// same.
pub const UNIT_EPSILON: f32 = 1e-12;

/// Bound on a predicted log-spread in [`laplace`].
pub const LAPLACE_LOG_SPREAD_LIMIT: f32 = 4.0;

/// Bound on a predicted log-spread in [`spread_distance`]. Distances of good parts are about 0.001 to 0.1, whose
/// logarithms a bound of 4 would cut off.
pub const DISTANCE_LOG_SPREAD_LIMIT: f32 = 8.0;

/// What each pixel of the batch counts in a mean: `weight / sum of weights`.
struct PixelShares<'a> {
    weights: Option<&'a Tensor>,
    inverse_total: f64,
}

impl<'a> PixelShares<'a> {
    fn new(weights: Option<&'a Tensor>, shape: Shape) -> Self {
        let total = match weights {
            None => shape.pixels() as f64,
            Some(map) => {
                assert_eq!(map.shape(), shape.with_channels(1), "map of weights");
                map.rows()
                    .map(|(n, y)| map.row(n, y).iter().map(|&w| f64::from(w)).sum::<f64>())
                    .sum()
            }
        };
        Self {
            weights,
            inverse_total: if total > 0.0 { 1.0 / total } else { 0.0 },
        }
    }

    fn of(&self, n: usize, y: usize, x: usize) -> f64 {
        let weight = self.weights.map_or(1.0, |map| map.pixel(n, y, x)[0]);
        f64::from(weight) * self.inverse_total
    }
}

#[cfg(test)]
mod tests;
