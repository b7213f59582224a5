//! The generator of the method: a percentage of the part under gradient noise, the same place for
//! both modalities.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use super::colour::Tint;
use super::foreground::Foreground;
use super::mask::Mask;
use super::noise::{Noise, NoiseSpec};
use super::sensor::Relief;
use super::shape::{Displaced, ShapeSpec};
use super::texture::Sources;

/// Least and largest share of the part; its logarithm is uniform between them.
const SHARE: (f32, f32) = (0.002, 0.08);
/// How often only the largest regions are kept, and how many at most.
const LARGEST_ONLY: f64 = 0.7;
const REGIONS_MAX: usize = 3;

/// What determines a defect of this family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PerlinDefect {
    noise: NoiseSpec,
    /// Share of the part that is covered.
    share: f32,
    /// Connected regions that are kept; all if `None`.
    regions: Option<usize>,
    tint: Tint,
    shape: ShapeSpec,
}

impl PerlinDefect {
    pub(super) fn draw(sources: &Sources<'_>, rng: &mut Rng) -> Self {
        let (least, most) = (SHARE.0.ln(), SHARE.1.ln());
        let regions = 1 + rng.below(REGIONS_MAX);
        Self {
            noise: NoiseSpec::draw(rng),
            share: rng.uniform_in(least, most).exp(),
            regions: (rng.uniform() < LARGEST_ONLY).then_some(regions),
            tint: Tint::draw(sources, rng),
            shape: ShapeSpec::draw(rng),
        }
    }

    pub(super) fn mask(&self, size: usize, foreground: &Foreground) -> Option<Mask> {
        let noise = Noise::new(&self.noise, size).field();
        Mask::cut(&noise, size, foreground, self.share, self.regions)
    }

    pub(super) fn colour(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        sources: &Sources<'_>,
    ) -> &'static str {
        self.tint.apply(canvas, foreground, mask, sources);
        self.tint.name()
    }

    pub(super) fn shape(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        relief: &Relief,
    ) -> Option<(&'static str, Displaced)> {
        let displaced = self.shape.apply(canvas, foreground, mask, relief)?;
        Some((self.shape.name(), displaced))
    }
}
