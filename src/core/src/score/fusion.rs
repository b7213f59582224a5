//! What passes between the score and a product's fusion network.
//!
//! The host standardises: the network is handed evidence in standard deviations of good parts'
//! maxima and answers in the same unit, so a station may refit every constant of the score and
//! keep its network. Every number that is handed over is finite.

use super::calibration::ModalityCalibration;
use super::evidence::{EvidenceMap, Upsampler};
use super::maps::{MapStack, StageMaps};
use super::scorer::ScoreError;
use crate::modality::{Modality, PerModality};
use crate::prepare::{MAP_STRIDE, PrepareSpec, PreparedPart};

/// Evidence is clipped to this range before a fusion network sees it.
pub const FUSION_EVIDENCE: [f32; 2] = [-10.0, 100.0];

/// How the evidence of two modalities becomes one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// The larger one, everywhere.
    #[default]
    Maximum,
    /// The product's fusion network says.
    Fusion,
}

/// What a fusion network takes: N = 1, rows from the top, S/4 x S/4.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionInputs {
    /// A map for each view of colour, in the order of the calibration, within [`FUSION_EVIDENCE`].
    pub rgb: MapStack,
    /// The same of height.
    pub geometry: MapStack,
    /// Share of pixels with a depth measurement under each pixel of the maps.
    pub valid: Vec<f32>,
}

/// What a fusion network answers, S/4 x S/4.
#[derive(Debug, Clone, PartialEq)]
pub struct FusionMaps {
    /// Evidence in standard deviations of good parts' maxima.
    pub fused: Vec<f32>,
    /// Height's share of the decision, 0 to 1.
    pub weight: Vec<f32>,
}

impl FusionInputs {
    /// Zeros for this number of views of each modality.
    pub(super) fn new(rgb: usize, geometry: usize, side: usize) -> Self {
        Self {
            rgb: MapStack::new(rgb, side),
            geometry: MapStack::new(geometry, side),
            valid: vec![0.0; side * side],
        }
    }

    /// Side of the maps.
    pub fn side(&self) -> usize {
        self.rgb.side
    }

    /// The views of a modality.
    pub(super) fn views_mut(&mut self, modality: Modality) -> &mut [f32] {
        match modality {
            Modality::Rgb => &mut self.rgb.data,
            Modality::Geometry => &mut self.geometry.data,
        }
    }
}

impl FusionMaps {
    /// Allocates zeros.
    pub fn new(side: usize) -> Self {
        Self {
            fused: vec![0.0; side * side],
            weight: vec![0.0; side * side],
        }
    }

    /// Whether both maps are of this side and hold nothing but numbers.
    pub fn is_sound(&self, side: usize) -> bool {
        [&self.fused, &self.weight]
            .iter()
            .all(|map| map.len() == side * side && map.iter().all(|value| value.is_finite()))
    }

    /// Makes room for an answer: what a network leaves out is no number, and no earlier part's.
    pub(super) fn clear(&mut self) {
        self.fused.fill(f32::NAN);
        self.weight.fill(f32::NAN);
    }
}

/// A scorer's memory for its product's fusion network.
#[derive(Debug, Clone)]
pub(super) struct Fusing {
    pub(super) inputs: FusionInputs,
    pub(super) maps: FusionMaps,
    pub(super) upsampler: Upsampler,
    /// Whether the maps are the last part's.
    pub(super) answered: bool,
}

impl Fusing {
    pub(super) fn new(
        known: &PerModality<ModalityCalibration>,
        spec: &PrepareSpec,
    ) -> Result<Self, ScoreError> {
        let (Some(rgb), Some(geometry)) = (&known.rgb, &known.geometry) else {
            return Err(ScoreError::OneModality);
        };
        let side = spec.map_size();
        Ok(Self {
            inputs: FusionInputs::new(rgb.views.len(), geometry.views.len(), side),
            maps: FusionMaps::new(side),
            upsampler: Upsampler::new(side, spec.size),
            answered: false,
        })
    }

    /// Height's share of the decision in the last part at a pixel of S x S, if a network decided.
    pub(super) fn weight_at(&self, fine: usize) -> Option<f32> {
        let side = self.inputs.side();
        let (x, y) = (fine % (side * MAP_STRIDE), fine / (side * MAP_STRIDE));
        let at = y / MAP_STRIDE * side + x / MAP_STRIDE;
        self.maps.weight.get(at).copied().filter(|_| self.answered)
    }
}

/// Share of measured pixels of a prepared part under each pixel of the maps, S/4 x S/4.
pub fn valid_shares(part: &PreparedPart) -> Vec<f32> {
    let side = part.map_size();
    let mut shares = vec![0.0; side * side];
    write_valid_shares(part, &mut shares);
    shares
}

pub(super) fn write_valid_shares(part: &PreparedPart, shares: &mut [f32]) {
    let (size, side) = (part.size, part.map_size());
    shares.fill(0.0);
    for (y, row) in part
        .valid
        .chunks_exact(size)
        .enumerate()
        .take(side * MAP_STRIDE)
    {
        let sums = &mut shares[y / MAP_STRIDE * side..][..side];
        for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(MAP_STRIDE)) {
            *sum += pixels.iter().sum::<f32>();
        }
    }
    let pixels = (MAP_STRIDE * MAP_STRIDE) as f32;
    shares.iter_mut().for_each(|share| *share /= pixels);
}

/// Makes the inputs of a fusion network outside of a [`Scorer`](super::Scorer), by the same code:
/// for training one, and for fitting its line.
#[derive(Debug, Clone)]
pub struct FusionViews {
    known: PerModality<ModalityCalibration>,
    evidence: PerModality<EvidenceMap>,
    inputs: FusionInputs,
}

impl FusionViews {
    /// Allocates for a product of two modalities with fitted constants.
    ///
    /// # Errors
    /// [`ScoreError::OneModality`] and [`ScoreError::Constant`].
    pub fn new(
        known: &PerModality<ModalityCalibration>,
        spec: &PrepareSpec,
    ) -> Result<Self, ScoreError> {
        let inputs = Fusing::new(known, spec)?.inputs;
        let mut evidence = PerModality::default();
        for (modality, known) in known.present() {
            known.check(modality)?;
            let map = EvidenceMap::new(spec.map_size(), spec.size, &known.plan());
            evidence.set(modality, Some(map));
        }
        Ok(Self {
            known: known.clone(),
            evidence,
            inputs,
        })
    }

    /// The inputs for one part: what the stages answered, where the part was
    /// ([`PreparedPart::region`]) and where depth was measured ([`valid_shares`]). `None` if an
    /// answer is missing, of another size, or not all numbers.
    pub fn of(&mut self, maps: &StageMaps, region: &[f32], valid: &[f32]) -> Option<&FusionInputs> {
        for modality in Modality::ALL {
            let known = self.known.get(modality)?;
            let evidence = self.evidence.get_mut(modality)?;
            let stack = known.answer(modality, maps, self.inputs.side())?;
            let room = self.inputs.views_mut(modality);
            evidence.look(stack, &known.maps, &known.views, region, Some(room));
        }
        if valid.len() != self.inputs.valid.len() {
            return None;
        }
        self.inputs.valid.copy_from_slice(valid);
        Some(&self.inputs)
    }
}

#[cfg(test)]
mod tests;
