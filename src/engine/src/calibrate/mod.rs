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
    Bundle, BundleBuilder, BundleError, FormatVersion, Golden, GoldenEvidence, Manifest,
    Recalibration,
};
use twinspect_core::frame::FramePair;
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{PrepareError, PreparedPart, Preparer, SpecError};
use twinspect_core::score::{
    DegradedPolicy, FitError, Fuse, FusionInputs, FusionMaps, GoodPart, Join, ScoreError, Scorer,
    StageMaps, fit,
};

use crate::engine::{Engine, EngineError, is_usable, judge};
use crate::proof::{ProofError, prove};

/// Good parts that no constants can be taken from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// A false-reject rate that is none.
    #[error("a false-reject rate of {rate}: expected a share between 0 and 1")]
    Rate {
        /// What was asked for.
        rate: f64,
    },
    /// The engine does not reproduce the bundle.
    #[error("proving the engine with the bundle")]
    Proof(#[source] Box<ProofError>),
    /// The old bundle would be gone, and with it the way back.
    #[error("{} is the bundle that is read", path.display())]
    SameFile {
        /// Where the new bundle should go.
        path: PathBuf,
    },
    /// The bundle's preparation contradicts itself.
    #[error("setting up the bundle's preparation")]
    Spec(#[source] SpecError),
    /// The bundle's score contradicts itself.
    #[error("setting up the bundle's score")]
    Score(#[source] ScoreError),
    /// A frame that the product's preparation can't place.
    #[error("preparing good part {part}")]
    Prepare {
        /// The part.
        part: String,
        /// Why.
        #[source]
        source: PrepareError,
    },
    /// A part of which a sense shows nothing.
    #[error("good part {part} has no usable {modality}")]
    Unusable {
        /// The part.
        part: String,
        /// The sense.
        modality: Modality,
    },
    /// The engine failed.
    #[error("inferring {part}")]
    Infer {
        /// The part.
        part: String,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// Parts that may be another product's, or defective ones.
    #[error("the old constants reject {rejected} of these {parts} parts")]
    Shifted {
        /// Parts above the old line.
        rejected: usize,
        /// All parts.
        parts: usize,
    },
    /// The parts don't support a calibration.
    #[error("fitting the score")]
    Fit(#[from] FitError),
    /// A golden that has no evidence under the new constants.
    #[error("golden {golden} gives no result under the new constants")]
    Golden {
        /// The golden.
        golden: String,
    },
    /// The goldens can't be read, or the new bundle contradicts itself.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl CalibrateError {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Unusable { .. } => {
                "leave the part out: a part that can't be seen says nothing about good ones"
            }
            Self::Prepare { .. } => "the parts were recorded with another camera or frame size",
            Self::Fit(FitError::TooFew { .. }) => {
                "record more good parts; twenty are a start, and the bound is printed"
            }
            Self::Shifted { .. } => {
                "see that they are good, and of this product; where the station's light or camera explains \
                 it, --accept-shift fits to them all the same"
            }
            Self::Rate { .. } => "0.02 is two of a hundred good parts",
            Self::SameFile { .. } => "choose another file: the old bundle is the way back",
            Self::Infer { source, .. } => return source.hint(),
            Self::Proof(source) => return source.hint(),
            Self::Bundle(error) => return error.hint(),
            _ => return None,
        };
        Some(text.to_owned())
    }
}

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
    rejected_before: usize,
    any_shift: bool,
}

/// A bundle with new constants, and what they change for the parts that they were fitted on.
#[derive(Debug)]
pub struct Recalibrated {
    /// The bundle.
    pub bundle: Bundle,
    /// Good parts above the old line.
    pub rejected_before: usize,
    /// Where the old bundle lies.
    old: PathBuf,
}

impl Recalibrated {
    /// Writes the bundle, anywhere but over the old one.
    ///
    /// # Errors
    /// [`CalibrateError::SameFile`], [`CalibrateError::Bundle`].
    pub fn write_archive(&self, path: &Path) -> Result<(), CalibrateError> {
        let real = |path: &Path| path.canonicalize().ok();
        if path == self.old || real(path).is_some_and(|path| Some(path) == real(&self.old)) {
            let path = path.to_owned();
            return Err(CalibrateError::SameFile { path });
        }
        Ok(self.bundle.write_archive(path)?)
    }
}

impl<'a> Calibrator<'a> {
    /// Holds the engine to the bundle's goldens. `target_rate` is the share of good parts that may be
    /// rejected, between 0 and 1; the bundle's own if absent.
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
        if !(target_rate > 0.0 && target_rate < 1.0) {
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
            rejected_before: 0,
            any_shift: false,
        })
    }

    /// Fits even to parts most of which the old constants reject: a new station's light may do that, but
    /// so do the parts of another product, and the new line would let anything pass.
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
        self.rejected_before += usize::from(!verdict.passes());
        self.parts
            .push(GoodPart::new(&self.part, self.maps.clone()));
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
            rejected_before,
            any_shift,
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
        if !any_shift && 2 * rejected_before > parts.len() {
            return Err(CalibrateError::Shifted {
                rejected: rejected_before,
                parts: parts.len(),
            });
        }
        let recalibration = Recalibration {
            created,
            from: bundle.hash().to_owned(),
            good_parts: parts.len(),
            data,
        };
        let manifest = Manifest {
            format: FormatVersion::of(&old.stages, Some(&recalibration)),
            score,
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
            rejected_before,
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
