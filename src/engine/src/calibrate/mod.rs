//! New constants for a score without training: a station's own good parts, the same networks.
//!
//! ```text
//! good frames ─► prepare ─► engine ─► maps ─► core::score::fit ─► manifest ─► goldens' evidence ─► bundle
//! ```
//! Networks and expected maps stay byte for byte. What follows from the constants changes: thresholds,
//! the goldens' evidence and, where a network fuses, its answers to the goldens' maps, which are this
//! engine's own. The new bundle names the old one, so there is a way back.

use std::path::{Path, PathBuf};

use twinspect_bundle::{
    Bundle, BundleBuilder, FormatVersion, Golden, GoldenEvidence, Manifest, Recalibration,
};
use twinspect_core::frame::FramePair;
use twinspect_core::modality::PerModality;
use twinspect_core::picture::{PictureExpectation, PictureFigures, PictureMeter};
use twinspect_core::prepare::{PreparedPart, Preparer};
use twinspect_core::score::{
    DegradedPolicy, Fuse, FusionInputs, FusionMaps, GoodPart, Join, Scorer, StageMaps, Threshold,
    fit,
};

use crate::engine::{Engine, EngineError, is_usable, judge};
use crate::proof::prove;

mod error;

pub use error::CalibrateError;

/// One in so many good parts may lie above the old line: a line for two false rejects in a hundred meets
/// two of twenty parts by chance once in seventeen times, five of them once in twenty-five
/// thousand.
const REJECTED_ONE_IN: usize = 5;

/// Looks at good parts one after the other, and fits.
pub struct Calibrator<'a> {
    bundle: &'a Bundle,
    engine: &'a mut dyn Engine,
    preparer: Preparer,
    part: PreparedPart,
    maps: StageMaps,
    scorer: Scorer,
    target_rate: f64,
    parts: Vec<GoodPart>,
    names: Vec<String>,
    rejected: Vec<String>,
    any_shift: bool,
    meter: PictureMeter,
    pictures: Vec<PictureFigures>,
}

/// A bundle with new constants, and what they change for the parts that they were fitted on.
#[derive(Debug)]
pub struct Recalibrated {
    /// The bundle.
    pub bundle: Bundle,
    /// The names of the good parts above the old line.
    pub rejected_before: Vec<String>,
    /// The old line.
    pub threshold_before: Threshold,
    /// Where the old bundle lies.
    old: PathBuf,
}

impl Recalibrated {
    /// The new line.
    pub fn threshold(&self) -> Threshold {
        self.bundle.manifest().score.fused
    }

    /// What changes for these parts, in some lines for people.
    pub fn explain(&self) -> String {
        let (old, new) = (self.threshold_before, self.threshold());
        let rejected = match self.rejected_before.as_slice() {
            [] => "none".to_owned(),
            names => format!("{} ({})", names.len(), error::few(names)),
        };
        format!(
            "threshold: {}\n\
             evidence at the line, in standard deviations of good parts: old {:.2}, new {:.2}\n\
             of these parts the old constants reject {rejected}, the new ones {}",
            new.explain(),
            old.evidence,
            new.evidence,
            new.good_parts_above
        )
    }

    /// Writes the bundle as a new file.
    ///
    /// # Errors
    /// As [`require_new`], and [`CalibrateError::Bundle`].
    pub fn write_archive(&self, path: &Path) -> Result<(), CalibrateError> {
        require_new(&self.old, path)?;
        Ok(self.bundle.write_archive(path)?)
    }
}

/// Refuses a place where the old bundle lies, or anything else: asked before the first part.
///
/// # Errors
/// [`CalibrateError::SameFile`], [`CalibrateError::Bundle`].
pub fn require_new(old: &Path, path: &Path) -> Result<(), CalibrateError> {
    let real = |path: &Path| path.canonicalize().ok();
    if path == old || real(path).is_some_and(|path| Some(path) == real(old)) {
        let path = path.to_owned();
        return Err(CalibrateError::SameFile { path });
    }
    Ok(twinspect_bundle::require_vacant(path)?)
}

impl<'a> Calibrator<'a> {
    /// Holds the engine to the bundle's goldens. `target_rate` is the share of good parts that may be
    /// rejected, one of [`Threshold::TARGET_RATES`]; the bundle's own if absent.
    ///
    /// # Errors
    /// [`CalibrateError::Rate`], [`CalibrateError::Proof`], [`CalibrateError::Spec`],
    /// [`CalibrateError::Score`].
    pub fn new(
        engine: &'a mut dyn Engine,
        bundle: &'a Bundle,
        target_rate: Option<f64>,
    ) -> Result<Self, CalibrateError> {
        let Manifest { prepare, score, .. } = bundle.manifest();
        let target_rate = target_rate.unwrap_or(score.fused.target_rate);
        if !Threshold::TARGET_RATES.contains(&target_rate) {
            return Err(CalibrateError::Rate { rate: target_rate });
        }
        prove(engine, bundle).map_err(|source| CalibrateError::Proof(Box::new(source)))?;
        let scorer = Scorer::new(score, prepare, bundle.manifest().join());
        Ok(Self {
            preparer: Preparer::new(prepare).map_err(CalibrateError::Spec)?,
            part: PreparedPart::new(prepare),
            maps: engine.new_maps(),
            scorer: scorer.map_err(CalibrateError::Score)?,
            engine,
            bundle,
            target_rate,
            parts: Vec::new(),
            names: Vec::new(),
            rejected: Vec::new(),
            any_shift: false,
            meter: PictureMeter::new(prepare, None, false),
            pictures: Vec::new(),
        })
    }

    /// Fits even to parts of which the old constants reject more than a fifth: a new station's light may
    /// do that, but so do the parts of another product, and the new line would let anything pass.
    #[must_use]
    pub fn accept_any_shift(mut self) -> Self {
        self.any_shift = true;
        self
    }

    /// Takes a good part; `name` is told in errors.
    ///
    /// # Errors
    /// [`CalibrateError`]; the parts before it are kept, and it may be left out.
    pub fn see(&mut self, name: &str, frame: &FramePair) -> Result<(), CalibrateError> {
        let prepared = self.preparer.prepare(frame, &mut self.part);
        prepared.map_err(|source| CalibrateError::Prepare {
            part: name.to_owned(),
            source,
        })?;
        let stages = self.bundle.manifest().stages.present();
        for modality in stages.map(|(modality, _)| modality) {
            if !is_usable(&self.part, modality) {
                return Err(CalibrateError::Unusable {
                    part: name.to_owned(),
                    modality,
                });
            }
        }
        let policy = DegradedPolicy::default();
        let verdict = judge(
            self.engine,
            &mut self.scorer,
            &self.part,
            &mut self.maps,
            frame.size(),
            policy,
        );
        let verdict = verdict.map_err(infer_error(name))?;
        let seen = GoodPart::new(&self.part, self.maps.clone());
        // Noise tells any two pictures apart, even of one part that lies still.
        let twin = self.parts.iter().position(|part| *part == seen);
        if let Some(first) = twin.and_then(|index| self.names.get(index)) {
            return Err(CalibrateError::Twin {
                part: name.to_owned(),
                first: first.clone(),
            });
        }
        if !verdict.passes() {
            self.rejected.push(name.to_owned());
        }
        self.parts.push(seen);
        self.pictures.push(self.meter.measure(frame));
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Fits the constants and makes the bundle. `created` is a time as in
    /// RFC 3339, `data` says for people what was looked at.
    ///
    /// # Errors
    /// [`CalibrateError`].
    pub fn finish(self, created: String, data: String) -> Result<Recalibrated, CalibrateError> {
        let Self {
            bundle,
            engine,
            target_rate,
            parts,
            rejected,
            any_shift,
            pictures,
            ..
        } = self;
        let old = bundle.manifest();
        let mut plans = PerModality::default();
        for (modality, known) in old.score.modalities.present() {
            plans.set(modality, Some(known.view_plan()));
        }
        let mut ask = |inputs: &FusionInputs, maps: &mut FusionMaps| {
            engine.fuse(inputs, maps).map_err(Into::into)
        };
        let fuse = (old.join() == Join::Fusion).then_some(&mut ask as &mut Fuse<'_>);
        let score = fit(&old.prepare, &plans, &parts, &parts, target_rate, fuse)?;
        let shifted = rejected.len() > 1 && REJECTED_ONE_IN * rejected.len() > parts.len();
        if shifted && !any_shift {
            return Err(CalibrateError::Shifted {
                rejected,
                parts: parts.len(),
            });
        }
        let recalibration = Recalibration {
            created,
            from: bundle.hash().to_owned(),
            good_parts: parts.len(),
            data,
        };
        // The parts that the new constants are right for say what pictures they are right for, too.
        let picture = PictureExpectation::of(&pictures);
        let manifest = Manifest {
            format: FormatVersion::of(
                &old.prepare,
                &old.stages,
                Some(&recalibration),
                picture.as_ref(),
            ),
            score,
            picture,
            recalibration: Some(recalibration),
            ..old.clone()
        };
        let mut builder = BundleBuilder::new(manifest.clone());
        for (modality, _) in manifest.stages.present() {
            let onnx = bundle.stage_model(modality).unwrap_or_default();
            builder = builder.model(modality, onnx.to_vec());
        }
        if let Some(onnx) = bundle.fusion_model() {
            builder = builder.fusion_model(onnx.to_vec());
        }
        let mut preparer = Preparer::new(&manifest.prepare).map_err(CalibrateError::Spec)?;
        for golden in bundle.goldens()? {
            let golden = judged_anew(golden, &manifest, &mut preparer, engine)?;
            builder = builder.golden(golden);
        }
        Ok(Recalibrated {
            bundle: builder.build()?,
            rejected_before: rejected,
            threshold_before: old.score.fused,
            old: bundle.path().to_owned(),
        })
    }
}

/// A golden with the evidence that new constants make of its own maps.
fn judged_anew(
    golden: Golden,
    manifest: &Manifest,
    preparer: &mut Preparer,
    engine: &mut dyn Engine,
) -> Result<Golden, CalibrateError> {
    let mut part = PreparedPart::new(&manifest.prepare);
    let prepared = preparer.prepare(&golden.frame, &mut part);
    prepared.map_err(|source| CalibrateError::Prepare {
        part: format!("golden {}", golden.name),
        source,
    })?;
    let scorer = Scorer::new(&manifest.score, &manifest.prepare, manifest.join());
    let mut scorer = scorer.map_err(CalibrateError::Score)?;
    let policy = DegradedPolicy {
        rgb_alone: true,
        geometry_alone: true,
    };
    let gathered = scorer.gather(&part, &golden.maps, golden.frame.size(), policy);
    let decided = gathered.decide(|inputs, maps| engine.fuse(inputs, maps));
    decided.map_err(infer_error(&format!("golden {}", golden.name)))?;
    let evidence = scorer.evidence();
    let Some(fused) = evidence.fused else {
        return Err(CalibrateError::Golden {
            golden: golden.name,
        });
    };
    Ok(Golden {
        fusion: scorer.fusion_maps().cloned(),
        evidence: GoldenEvidence {
            fused,
            modalities: evidence.modalities,
        },
        ..golden
    })
}

fn infer_error(part: &str) -> impl FnOnce(EngineError) -> CalibrateError {
    let part = part.to_owned();
    move |source| CalibrateError::Infer { part, source }
}

#[cfg(test)]
mod tests;
