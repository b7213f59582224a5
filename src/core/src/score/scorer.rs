//! The verdict on one part.

use heapless::Vec as FixedVec;

use super::calibration::ScoreCalibration;
use super::evidence::{EvidenceMap, maximum};
use super::fusion::{Fusing, FusionInputs, FusionMaps, Join, write_valid_shares};
use super::gathered::{Gathered, NeedsFusion};
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
    /// Nothing to fuse.
    #[error(
        "a fusion network joins rgb and geometry, the score calibration knows only one of them"
    )]
    OneModality,
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
    /// Where the product has a fusion network.
    fusing: Option<Fusing>,
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
    /// Allocates for a product that joins its modalities in this way.
    ///
    /// # Errors
    /// [`ScoreError`] when the calibration does not fit the preparation or the join.
    pub fn new(
        calibration: &ScoreCalibration,
        spec: &PrepareSpec,
        join: Join,
    ) -> Result<Self, ScoreError> {
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
            let evidence = EvidenceMap::new(spec.map_size(), spec.size, &known.plan());
            maps.set(
                modality,
                Some(Sense {
                    evidence,
                    fine: vec![0.0; spec.size * spec.size],
                }),
            );
        }
        let fusing = match join {
            Join::Maximum => None,
            Join::Fusion => Some(Fusing::new(&calibration.modalities, spec)?),
        };
        Ok(Self {
            calibration: calibration.clone(),
            roi: spec.roi,
            part_share_min: spec.part_share_min(),
            size: spec.size,
            maps,
            fused: vec![0.0; spec.size * spec.size],
            fusing,
            blobs: BlobFinder::new(spec.size),
            evidence: Evidence::default(),
        })
    }

    /// The first half of a part's judgement: its evidence, from what the stages answered. The second,
    /// [`Gathered::decide`], asks the fusion network where the product has one and both modalities
    /// are usable. `frame` places regions in the camera's picture.
    pub fn gather(
        &mut self,
        part: &PreparedPart,
        maps: &StageMaps,
        frame: FrameSize,
        policy: DegradedPolicy,
    ) -> Gathered<'_> {
        let missing = match self.weigh(part, maps, policy) {
            Ok(missing) => missing,
            Err(reason) => return Gathered::Verdict(Verdict::NoResult { reason }),
        };
        if missing.is_none()
            && let Some(fusing) = &mut self.fusing
        {
            write_valid_shares(part, &mut fusing.inputs.valid);
            let scorer = self;
            return Gathered::NeedsFusion(NeedsFusion { scorer, frame });
        }
        for (modality, _) in self.evidence.modalities.present() {
            let fine = self.maps.get(modality).map(|sense| &sense.fine);
            for (fused, &value) in self.fused.iter_mut().zip(fine.into_iter().flatten()) {
                *fused = fused.max(value);
            }
        }
        Gathered::Verdict(self.decide(missing, frame))
    }

    /// Makes the evidence of each usable modality. Returns the one that is missing.
    fn weigh(
        &mut self,
        part: &PreparedPart,
        maps: &StageMaps,
        policy: DegradedPolicy,
    ) -> Result<Option<Modality>, Reason> {
        self.evidence = Evidence::default();
        self.fused.fill(f32::NEG_INFINITY);
        if let Some(fusing) = &mut self.fusing {
            fusing.answered = false;
        }
        let missing = self.missing(part, policy)?;
        if part.part_share < self.part_share_min {
            return Err(Reason::NoPart);
        }
        for modality in Modality::ALL {
            let Some((sense, known)) = self
                .maps
                .get_mut(modality)
                .zip(self.calibration.modalities.get(modality))
            else {
                continue;
            };
            let Sense { evidence, fine } = sense;
            if missing == Some(modality) {
                fine.fill(f32::NEG_INFINITY);
                continue;
            }
            let stack = known.answer(modality, maps, evidence.side());
            let stack = stack.ok_or(Reason::Engine)?;
            let room = self.fusing.as_mut().map(|f| f.inputs.views_mut(modality));
            evidence.look(stack, &known.maps, &known.views, &part.region, room);
            let peak = evidence.enlarge(fine);
            self.evidence.modalities.set(modality, Some(peak));
        }
        Ok(missing)
    }

    /// Asks the fusion network and judges by its map.
    pub(super) fn decide_fused<E>(
        &mut self,
        frame: FrameSize,
        fuse: impl FnOnce(&FusionInputs, &mut FusionMaps) -> Result<(), E>,
    ) -> Result<Verdict, E> {
        let no_result = Verdict::NoResult {
            reason: Reason::Engine,
        };
        let Some(fusing) = &mut self.fusing else {
            return Ok(no_result);
        };
        fusing.maps.clear();
        fuse(&fusing.inputs, &mut fusing.maps)?;
        if !fusing.maps.is_sound(fusing.inputs.side()) {
            return Ok(no_result);
        }
        fusing.answered = true;
        fusing.upsampler.apply(&fusing.maps.fused, &mut self.fused);
        Ok(self.decide(None, frame))
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

    /// What the fusion network was asked about the last part, if it decided on it.
    pub fn fusion_inputs(&self) -> Option<&FusionInputs> {
        let fusing = self.fusing.as_ref().filter(|fusing| fusing.answered);
        fusing.map(|fusing| &fusing.inputs)
    }

    /// What the fusion network answered for the last part, if it decided on it.
    pub fn fusion_maps(&self) -> Option<&FusionMaps> {
        let fusing = self.fusing.as_ref().filter(|fusing| fusing.answered);
        fusing.map(|fusing| &fusing.maps)
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
        let peak_at = || self.fused.iter().position(|&value| value == peak);
        let seen_by = self.seen_by(line, peak_at, |modality| {
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
        let roi = self.roi.unwrap_or_else(|| Roi::whole(frame));
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
            seen_by: self.seen_by(line, || Some(blob.peak_at), at_peak),
        }
    }

    /// Both, if each crosses the line; else the stronger one. Where neither crosses it, a fusion
    /// network has decided, and the one that it gave more weight to saw the peak.
    fn seen_by(
        &self,
        line: f32,
        peak_at: impl FnOnce() -> Option<usize>,
        evidence: impl Fn(Modality) -> Option<f32>,
    ) -> SeenBy {
        let (rgb, geometry) = match (evidence(Modality::Rgb), evidence(Modality::Geometry)) {
            (Some(rgb), Some(geometry)) => (rgb, geometry),
            (None, Some(_)) => return SeenBy::Geometry,
            _ => return SeenBy::Rgb,
        };
        if rgb.min(geometry) > line {
            return SeenBy::Both;
        }
        let fusing = self.fusing.as_ref().filter(|_| rgb.max(geometry) <= line);
        let weight = fusing.and_then(|fusing| fusing.weight_at(peak_at()?));
        match weight.map_or(rgb < geometry, |weight| weight > 0.5) {
            true => SeenBy::Geometry,
            false => SeenBy::Rgb,
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
