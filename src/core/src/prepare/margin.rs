//! From the foreground to the region where evidence counts.

use super::islands::Islands;
use super::ramp;
use super::spec::MAP_STRIDE;
use crate::blur::Gaussian;

/// The foreground under a Gaussian, so that a part has the same margin whatever its height or colour. A piece that is
/// missing has its place there; noise of the belt, which rises above the foreground's limit here and there, has not.
#[derive(Debug, Clone)]
pub(super) struct Margin {
    gaussian: Gaussian,
    cells: Vec<f32>,
    islands: Islands,
}

/// Shares of the smoothed foreground at which a place begins to count, and counts fully. A straight
/// edge has one half; these lie 1.3 and 0.8 deviations outside it.
const MARGIN: [f32; 2] = [0.1, 0.2];

impl Margin {
    /// For regions of `side` x `side` and a Gaussian of `sigma_px` of the S x S picture.
    pub(super) fn new(sigma_px: f32, side: usize) -> Self {
        Self {
            gaussian: Gaussian::new(sigma_px / MAP_STRIDE as f32, side, side),
            cells: vec![0.0; side * side],
            islands: Islands::new(side),
        }
    }

    /// Writes the region of a foreground of side `size`.
    pub(super) fn widen(&mut self, foreground: &[f32], size: usize, region: &mut [f32]) {
        let side = size / MAP_STRIDE;
        let share = 1.0 / (MAP_STRIDE * MAP_STRIDE) as f32;
        self.cells.fill(0.0);
        for (y, line) in foreground.chunks_exact(size).enumerate() {
            let cells = &mut self.cells[y / MAP_STRIDE * side..][..side];
            for (cell, values) in cells.iter_mut().zip(line.chunks_exact(MAP_STRIDE)) {
                *cell += share * values.iter().sum::<f32>();
            }
        }
        self.gaussian.apply(&self.cells, region);
        self.islands.drown(region, MARGIN[0]);
        for value in region {
            *value = ramp(*value, MARGIN[0], MARGIN[1]);
        }
    }
}
