//! From good parts to the constants of the score. The device refits with this, too.

use super::calibration::{
    MapRange, ModalityCalibration, Moments, ScoreCalibration, Threshold, View,
};
use super::evidence::{EvidenceMap, Upsampler, maximum};
use super::fusion::{FusionInputs, FusionMaps, FusionViews, valid_shares};
use super::maps::StageMaps;
use super::scorer::ScoreError;
use crate::modality::{Modality, PerModality};
use crate::prepare::{PrepareSpec, PreparedPart};
use crate::statistics::moments;

/// What the stages answered for one good part, and where the part was.
#[derive(Debug, Clone, PartialEq)]
pub struct GoodPart {
    /// The stages' maps.
    pub maps: StageMaps,
    /// S/4 x S/4, as [`crate::prepare::PreparedPart::region`].
    pub region: Vec<f32>,
    /// S/4 x S/4, as [`valid_shares`].
    pub valid: Vec<f32>,
}

impl GoodPart {
    /// What the stages answered for this part.
    pub fn new(part: &PreparedPart, maps: StageMaps) -> Self {
        Self {
            maps,
            region: part.region.clone(),
            valid: valid_shares(part),
        }
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Runs a fusion network: fills the maps from the inputs.
pub type Fuse<'a> = dyn FnMut(&FusionInputs, &mut FusionMaps) -> Result<(), Cause> + 'a;

/// How a modality's maps are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewPlan {
    /// How maps become comparable before they are averaged.
    pub standardise: Standardise,
    /// Which maps, and the Gaussian's standard deviation in pixels of the map.
    pub views: Vec<(MapRange, f32)>,
}

/// How maps of one view become comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardise {
    /// Each map by its own pixels: their units differ.
    Each,
    /// The maps of a range by all their pixels: they share a unit, which must stay.
    Together,
}

/// Good parts from which nothing can be learnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Too few parts for a spread.
    #[error("{found} good parts, at least {needed} are needed to standardise a score")]
    TooFew {
        /// Parts that were given.
        found: usize,
        /// Parts that are needed.
        needed: usize,
    },
    /// A part without the maps of a modality of the product.
    #[error("good part {part} has no {modality} maps of the product's size")]
    MapsMissing {
        /// Index of the part.
        part: usize,
        /// The modality.
        modality: Modality,
    },
    /// A target that no line can be asked for.
    #[error(
        "a target false-reject rate of {rate}: expected {} to {}",
        Threshold::TARGET_RATES.start(),
        Threshold::TARGET_RATES.end()
    )]
    Target {
        /// What was asked for.
        rate: f64,
    },
    /// The fitted constants are none that a fusion network could work with.
    #[error("setting up the fusion network's inputs")]
    Setup(#[source] ScoreError),
    /// Maps that are not all numbers or of another size, or no validity.
    #[error("good part {part} has nothing that a fusion network could take")]
    FusionInputs {
        /// Index of the part.
        part: usize,
    },
    /// The fusion network failed.
    #[error("fusing the maps of good part {part}")]
    Fusion {
        /// Index of the part.
        part: usize,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The fusion network's answer is not one.
    #[error("the fusion network does not answer good part {part} with maps of numbers")]
    FusionAnswer {
        /// Index of the part.
        part: usize,
    },
}

/// Least number of parts that a spread is taken from.
const PARTS_MIN: usize = 5;

/// Fits all constants: pixel moments and maxima on `validation`, thresholds on `thresholds`
/// (the calibration split where there is one, else the validation parts again). The fused threshold
/// is that of the fusion network's map, or of the larger evidence where there is none.
///
/// # Errors
/// [`FitError`].
pub fn fit(
    spec: &PrepareSpec,
    plans: &PerModality<ViewPlan>,
    validation: &[GoodPart],
    thresholds: &[GoodPart],
    target_rate: f64,
    fusion: Option<&mut Fuse<'_>>,
) -> Result<ScoreCalibration, FitError> {
    if validation.len() < PARTS_MIN {
        return Err(FitError::TooFew {
            found: validation.len(),
            needed: PARTS_MIN,
        });
    }
    if !Threshold::TARGET_RATES.contains(&target_rate) {
        return Err(FitError::Target { rate: target_rate });
    }
    let mut modalities = PerModality::default();
    let mut fused_peaks = vec![f32::NEG_INFINITY; thresholds.len()];
    let mut fine = vec![0.0; spec.size * spec.size];
    for (modality, plan) in plans.present() {
        let views = &plan.views;
        let maps = pixel_moments(modality, plan, validation, spec.map_size())?;
        let mut evidence = EvidenceMap::new(spec.map_size(), spec.size, views);
        let mut maxima = vec![Vec::with_capacity(validation.len()); views.len()];
        for part in validation {
            let Some(stack) = part.maps.get(modality) else {
                continue;
            };
            for (index, maxima) in maxima.iter_mut().enumerate() {
                maxima.push(evidence.view_maximum(index, stack, &maps, &part.region, &mut fine));
            }
        }
        let views = views
            .iter()
            .zip(&maxima)
            .map(|(&(maps, sigma_px), maxima)| View {
                maps,
                sigma_px,
                maxima: spread(moments(maxima)),
            });
        let views = views.collect();
        // The line comes last: it stands in units that the smoothings define.
        let line = Threshold::from_good_parts(&[], target_rate);
        let mut known = ModalityCalibration {
            maps,
            views,
            threshold: line,
        };
        let mut peaks = Vec::with_capacity(thresholds.len());
        for (index, part) in thresholds.iter().enumerate() {
            let stack = part.maps.get(modality).ok_or(FitError::MapsMissing {
                part: index,
                modality,
            })?;
            evidence.look(stack, &known.maps, &known.views, &part.region, None);
            peaks.push(evidence.enlarge(&mut fine));
        }
        for (fused, &peak) in fused_peaks.iter_mut().zip(&peaks) {
            *fused = fused.max(peak);
        }
        known.threshold = Threshold::from_good_parts(&peaks, target_rate);
        modalities.set(modality, Some(known));
    }
    // Without a network the map is the largest of both everywhere, and its peak that of both peaks.
    if let Some(fuse) = fusion {
        fused_peaks = peaks_of_fusion(spec, &modalities, thresholds, fuse)?;
    }
    Ok(ScoreCalibration {
        modalities,
        fused: Threshold::from_good_parts(&fused_peaks, target_rate),
    })
}

/// Peaks at S x S of what a fusion network makes of good parts.
fn peaks_of_fusion(
    spec: &PrepareSpec,
    modalities: &PerModality<ModalityCalibration>,
    parts: &[GoodPart],
    fuse: &mut Fuse<'_>,
) -> Result<Vec<f32>, FitError> {
    let side = spec.map_size();
    let mut views = FusionViews::new(modalities, spec).map_err(FitError::Setup)?;
    let mut maps = FusionMaps::new(side);
    let mut upsampler = Upsampler::new(side, spec.size);
    let mut fine = vec![0.0; spec.size * spec.size];
    let mut peaks = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let inputs = views.of(&part.maps, &part.region, &part.valid);
        let inputs = inputs.ok_or(FitError::FusionInputs { part: index })?;
        maps.clear();
        fuse(inputs, &mut maps).map_err(|source| FitError::Fusion {
            part: index,
            source,
        })?;
        if !maps.is_sound(side) {
            return Err(FitError::FusionAnswer { part: index });
        }
        upsampler.apply(&maps.fused, &mut fine);
        peaks.push(maximum(&fine));
    }
    Ok(peaks)
}

/// Mean and deviation of each map over the pixels where the part is.
fn pixel_moments(
    modality: Modality,
    plan: &ViewPlan,
    parts: &[GoodPart],
    side: usize,
) -> Result<Vec<Moments>, FitError> {
    let mut sums: Vec<[f64; 3]> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let stack = part
            .maps
            .get(modality)
            .filter(|stack| stack.side == side && stack.is_finite());
        let stack = stack.ok_or(FitError::MapsMissing {
            part: index,
            modality,
        })?;
        sums.resize(stack.count.max(sums.len()), [0.0; 3]);
        for (map, sums) in stack.maps().zip(&mut sums) {
            for (&value, &inside) in map.iter().zip(&part.region) {
                let (value, weight) = (f64::from(value), f64::from(inside));
                sums[0] += weight;
                sums[1] += weight * value;
                sums[2] += weight * value * value;
            }
        }
    }
    if plan.standardise == Standardise::Together {
        for (range, _) in &plan.views {
            let Some(group) = sums.get_mut(range.first..range.first + range.count) else {
                continue;
            };
            let pooled = std::array::from_fn(|i| group.iter().map(|sums| sums[i]).sum::<f64>());
            group.fill(pooled);
        }
    }
    let moments = |[weight, sum, squares]: [f64; 3]| {
        let mean = sum / weight.max(1e-9);
        spread((
            mean,
            (squares / weight.max(1e-9) - mean * mean).max(0.0).sqrt(),
        ))
    };
    Ok(sums.into_iter().map(moments).collect())
}

/// A spread of zero (identical parts) would make every later part infinitely strange.
fn spread((mean, sd): (f64, f64)) -> Moments {
    let least = 1e-6 * mean.abs().max(1e-3);
    Moments {
        mean: mean as f32,
        sd: sd.max(least) as f32,
    }
}
