//! The verdict on one part.

use heapless::Vec as FixedVec;

use super::calibration::ScoreCalibration;
use super::evidence::{EvidenceMap, maximum};
use super::maps::StageMaps;
use super::regions::{Blob, BlobFinder};
use crate::frame::FrameSize;
use crate::modality::{Modality, PerModality};
use crate::prepare::{DepthState, PrepareSpec, PreparedPart, RgbState, Roi};
use crate::verdict::{Finding, REGIONS_MAX, Reason, Region, Score, SeenBy, Verdict};

/// Whether a part may be judged by one modality of a product that has two. Default: no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DegradedPolicy {
    /// Depth is lost: judge by colour, with colour's own line.
    pub rgb_alone: bool,
    /// Colour is lost: judge by height, with height's own line.
    pub geometry_alone: bool,
}

/// Peaks of the last part in standard deviations of good parts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Evidence {
    /// Of the map that decided, if anything did.
    pub fused: Option<f32>,
    /// Of each modality that was usable.
    pub modalities: PerModality<f32>,
}

/// A calibration that does not fit the product.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The calibration lacks a modality of the product, or knows one that the product lacks.
    #[error("score calibration and preparation disagree about {modality}")]
    Modality {
        /// The modality.
        modality: Modality,
    },
    /// A constant outside its range.
    #[error("score calibration of {modality}: {what} must be positive and finite")]
    Constant {
        /// The modality.
        modality: Modality,
        /// Which constant.
        what: &'static str,
    },
}

/// Scores parts of one product; allocated once.
#[derive(Debug, Clone)]
pub struct Scorer {
    calibration: ScoreCalibration,
    roi: Option<Roi>,
    part_share_min: f32,
    size: usize,
    maps: PerModality<Sense>,
    fused: Vec<f32>,
    blobs: BlobFinder,
    evidence: Evidence,
}

#[derive(Debug, Clone)]
struct Sense {
    evidence: EvidenceMap,
    /// S x S evidence of the last part; minus infinity if the modality was not usable.
    fine: Vec<f32>,
}

impl Scorer {
    /// Allocates for a product.
    ///
    /// # Errors
    /// [`ScoreError`] when the calibration does not fit the preparation.
    pub fn new(calibration: &ScoreCalibration, spec: &PrepareSpec) -> Result<Self, ScoreError> {
        let has = PerModality {
            rgb: spec.rgb.as_ref().map(|_| ()),
            geometry: spec.geometry.as_ref().map(|_| ()),
        };
        let mut maps = PerModality::default();
        for modality in Modality::ALL {
            let known = calibration.modalities.get(modality);
            if known.is_some() != has.get(modality).is_some() {
                return Err(ScoreError::Modality { modality });
            }
            let Some(known) = known else { continue };
            known.check(modality)?;
            let views: Vec<_> = known
                .views
                .iter()
                .map(|view| (view.maps, view.sigma_px))
                .collect();
            let evidence = EvidenceMap::new(spec.map_size(), spec.size, &views);
            maps.set(
                modality,
                Some(Sense {
                    evidence,
                    fine: vec![0.0; spec.size * spec.size],
                }),
            );
        }
        Ok(Self {
            calibration: calibration.clone(),
            roi: spec.roi,
            part_share_min: spec
                .geometry
                .as_ref()
                .map_or(0.0, |geometry| geometry.part_share_min),
            size: spec.size,
            maps,
            fused: vec![0.0; spec.size * spec.size],
            blobs: BlobFinder::new(spec.size),
            evidence: Evidence::default(),
        })
    }

    /// Judges a part by what the stages answered. `frame` places regions in the camera's picture.
    pub fn score(
        &mut self,
        part: &PreparedPart,
        maps: &StageMaps,
        frame: FrameSize,
        policy: DegradedPolicy,
    ) -> Verdict {
        self.evidence = Evidence::default();
        self.fused.fill(f32::NEG_INFINITY);
        let missing = match self.missing(part, policy) {
            Ok(missing) => missing,
            Err(reason) => return Verdict::NoResult { reason },
        };
        if part.depth_state == DepthState::Usable && part.part_share < self.part_share_min {
            return Verdict::NoResult {
                reason: Reason::NoPart,
            };
        }
        for modality in Modality::ALL
            .into_iter()
            .filter(|&modality| missing != Some(modality))
        {
            let Some((sense, known)) = self
                .maps
                .get_mut(modality)
                .zip(self.calibration.modalities.get(modality))
            else {
                continue;
            };
            let answer = maps.get(modality).filter(|stack| {
                stack.is_finite()
                    && stack.side == sense.evidence.side()
                    && stack.count == known.maps.len()
            });
            let Some(stack) = answer else {
                return Verdict::NoResult {
                    reason: Reason::Engine,
                };
            };
            let Sense { evidence, fine } = sense;
            let peak = evidence.evidence(stack, &known.maps, &known.views, &part.region, fine);
            self.evidence.modalities.set(modality, Some(peak));
            for (fused, &value) in self.fused.iter_mut().zip(&sense.fine) {
                *fused = fused.max(value);
            }
        }
        if let Some(lost) = missing.and_then(|modality| self.maps.get_mut(modality)) {
            lost.fine.fill(f32::NEG_INFINITY);
        }
        self.decide(missing, frame)
    }

    /// S x S scores of the last part: fused evidence over the threshold that decided.
    pub fn score_map(&self) -> impl Iterator<Item = f32> + '_ {
        let line = self.line(self.missing_now());
        self.fused.iter().map(move |evidence| evidence / line)
    }

    /// S x S fused evidence of the last part in standard deviations of good parts.
    pub fn fused_map(&self) -> &[f32] {
        &self.fused
    }

    /// S x S evidence of one modality of the last part.
    pub fn modality_map(&self, modality: Modality) -> Option<&[f32]> {
        self.maps.get(modality).map(|sense| sense.fine.as_slice())
    }

    /// Peaks of the last part.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// The modality that cannot be used for this part, or why nothing can be said.
    fn missing(
        &self,
        part: &PreparedPart,
        policy: DegradedPolicy,
    ) -> Result<Option<Modality>, Reason> {
        let needs = |modality| self.maps.get(modality).is_some();
        let rgb_lost = needs(Modality::Rgb) && part.rgb_state != RgbState::Usable;
        let depth_lost = needs(Modality::Geometry) && part.depth_state != DepthState::Usable;
        match (rgb_lost, depth_lost) {
            (false, false) => Ok(None),
            (true, false) if needs(Modality::Geometry) && policy.geometry_alone => {
                Ok(Some(Modality::Rgb))
            }
            (false, true) if needs(Modality::Rgb) && policy.rgb_alone => {
                Ok(Some(Modality::Geometry))
            }
            (true, _) => Err(Reason::NoColour),
            (false, true) => Err(Reason::NoDepth),
        }
    }

    fn missing_now(&self) -> Option<Modality> {
        let had = |modality| self.evidence.modalities.get(modality).is_some();
        Modality::ALL
            .into_iter()
            .find(|&modality| self.maps.get(modality).is_some() && !had(modality))
    }

    /// The threshold that decides when `missing` is lost.
    fn line(&self, missing: Option<Modality>) -> f32 {
        let left = match missing {
            None => None,
            Some(Modality::Rgb) => self.calibration.modalities.geometry.as_ref(),
            Some(Modality::Geometry) => self.calibration.modalities.rgb.as_ref(),
        };
        left.map_or(self.calibration.fused, |known| known.threshold)
            .evidence
    }

    fn decide(&mut self, missing: Option<Modality>, frame: FrameSize) -> Verdict {
        let line = self.line(missing);
        let peak = maximum(&self.fused);
        self.evidence.fused = Some(peak);
        let score = Score(peak / line);
        if peak <= line {
            return Verdict::Pass { score, missing };
        }
        let mut regions: FixedVec<Region, REGIONS_MAX> = FixedVec::new();
        let mut blobs = std::mem::replace(&mut self.blobs, BlobFinder::new(0));
        blobs.each(&self.fused, line, |blob| {
            insert(&mut regions, self.region(&blob, line, frame))
        });
        self.blobs = blobs;
        let seen_by = self.seen_by(line, |modality| {
            self.evidence.modalities.get(modality).copied()
        });
        Verdict::Fail {
            finding: Finding {
                score,
                seen_by,
                regions,
            },
            missing,
        }
    }

    fn region(&self, blob: &Blob, line: f32, frame: FrameSize) -> Region {
        let roi = self.roi.unwrap_or(Roi {
            x: 0,
            y: 0,
            width: frame.width,
            height: frame.height,
        });
        let along = |index: usize, length: usize| index as f32 * length as f32 / self.size as f32;
        let (left, right) = (
            along(blob.left, roi.width),
            along(blob.right + 1, roi.width),
        );
        let (top, bottom) = (
            along(blob.top, roi.height),
            along(blob.bottom + 1, roi.height),
        );
        let at_peak = |modality| {
            self.evidence.modalities.get(modality)?;
            Some(self.maps.get(modality)?.fine[blob.peak_at])
        };
        Region {
            x: (roi.x as f32 + left).floor() as u32,
            y: (roi.y as f32 + top).floor() as u32,
            width: (right.ceil() - left.floor()).max(1.0) as u32,
            height: (bottom.ceil() - top.floor()).max(1.0) as u32,
            peak: Score(blob.peak / line),
            seen_by: self.seen_by(line, at_peak),
        }
    }

    /// Both, if each crosses the line; else the stronger one.
    fn seen_by(&self, line: f32, evidence: impl Fn(Modality) -> Option<f32>) -> SeenBy {
        match (evidence(Modality::Rgb), evidence(Modality::Geometry)) {
            (Some(rgb), Some(geometry)) if rgb.min(geometry) > line => SeenBy::Both,
            (Some(rgb), Some(geometry)) if rgb < geometry => SeenBy::Geometry,
            (None, Some(_)) => SeenBy::Geometry,
            _ => SeenBy::Rgb,
        }
    }
}

/// Keeps the strongest regions, strongest first.
fn insert(regions: &mut FixedVec<Region, REGIONS_MAX>, region: Region) {
    let at = regions
        .iter()
        .take_while(|other| other.peak >= region.peak)
        .count();
    if at < REGIONS_MAX {
        if regions.is_full() {
            regions.pop();
        }
        // Cannot fail: there is room, and `at` is at most the length.
        let inserted = regions.insert(at, region);
        debug_assert!(inserted.is_ok());
    }
}
