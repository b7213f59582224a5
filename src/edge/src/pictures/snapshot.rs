//! What is to be shown of a part, copied out of the pipeline's memory.

use twinspect_core::prepare::{PrepareSpec, PreparedPart, RgbSpec};

/// S x S of everything that a picture shows; allocated once, filled for each part.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    size: usize,
    normalisation: Option<RgbSpec>,
    /// `R G B` interleaved; black without colour.
    pub(super) rgb: Vec<u8>,
    /// Millimetres above the belt, with holes filled.
    pub(super) height: Vec<f32>,
    /// Unit normals, x, y and z one after the other.
    pub(super) normals: Vec<f32>,
    /// 1 where depth was measured.
    pub(super) valid: Vec<f32>,
    /// Evidence over threshold; 0 where nothing was said.
    pub(super) score: Vec<f32>,
    /// S/4 x S/4, height's share of the decision, for a product with a fusion network; 0 for a part
    /// that it did not decide on.
    pub(super) weight: Option<Vec<f32>>,
}

impl Snapshot {
    /// Allocates for a product, which may fuse its senses by a network.
    pub(crate) fn new(spec: &PrepareSpec, fuses: bool) -> Self {
        let pixels = spec.size * spec.size;
        Self {
            size: spec.size,
            normalisation: spec.rgb,
            rgb: vec![0; 3 * pixels],
            height: vec![0.0; pixels],
            normals: vec![0.0; 3 * pixels],
            valid: vec![0.0; pixels],
            score: vec![0.0; pixels],
            weight: fuses.then(|| vec![0.0; spec.map_size() * spec.map_size()]),
        }
    }

    /// Whether depth was measured anywhere.
    pub(super) fn has_depth(&self) -> bool {
        self.valid.iter().any(|valid| *valid > 0.0)
    }

    /// Side S in pixels.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// S x S scores, evidence over threshold.
    pub(crate) fn scores(&self) -> &[f32] {
        &self.score
    }

    /// Copies a part, its S x S scores, and the fusion network's weights, if it had a say.
    pub(crate) fn keep(
        &mut self,
        part: &PreparedPart,
        scores: impl Iterator<Item = f32>,
        weights: Option<&[f32]>,
    ) {
        if let Some(spec) = &self.normalisation {
            let pixels = self.size * self.size;
            for (channel, plane) in part.rgb.chunks_exact(pixels).enumerate().take(3) {
                let (mean, std) = (spec.mean[channel], spec.std[channel]);
                let places = self.rgb.iter_mut().skip(channel).step_by(3);
                for (place, value) in places.zip(plane) {
                    *place = (value * std + mean).round().clamp(0.0, 255.0) as u8;
                }
            }
        }
        self.height.copy_from_slice(&part.height);
        self.normals.copy_from_slice(&part.normals);
        self.valid.copy_from_slice(&part.valid);
        for (place, score) in self.score.iter_mut().zip(scores) {
            *place = if score.is_finite() { score } else { 0.0 };
        }
        if let Some(weight) = &mut self.weight {
            match weights {
                Some(weights) => weight.copy_from_slice(weights),
                None => weight.fill(0.0),
            }
        }
    }

    /// Whether the score reaches the line at a pixel; beyond the border it does not.
    pub(super) fn is_over(&self, x: Option<usize>, y: Option<usize>) -> bool {
        match (x, y) {
            (Some(x), Some(y)) if x < self.size && y < self.size => {
                self.score[y * self.size + x] >= 1.0
            }
            _ => false,
        }
    }
}
