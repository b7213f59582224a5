//! One engine against another, on the same goldens.
//!
//! A golden holds what the trainer computed. An engine that is to stand beside another one is held to that
//! one's answers too: what both say of a part must not depend on which of them runs.

use twinspect_bundle::{Bundle, Golden, GoldenEvidence};
use twinspect_core::modality::{Modality, PerModality};

use super::{Deviation, EVIDENCE_SHARE, ProofError, Run};
use crate::engine::{Engine, StageName, is_usable};

/// What two engines answer to the same goldens.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The engine that is trusted.
    pub reference: String,
    /// The engine that is looked at.
    pub engine: String,
    /// Number of goldens.
    pub goldens: usize,
    /// The largest difference of a map that the bundle allows, as a share of the range.
    pub tolerance: f32,
    /// The largest difference of each stage's maps, over all goldens, in the order in which a part meets
    /// the stages. `expected` is what the trusted engine says.
    pub stages: Vec<Deviation>,
    /// The scores of each golden.
    pub scores: Vec<ScoreDifference>,
}

/// What two engines say of one golden; 1.0 is the line.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreDifference {
    /// The golden.
    pub golden: String,
    /// By the trusted engine.
    pub expected: f32,
    /// By the other one, if it could be judged at all.
    pub found: Option<f32>,
}

impl ScoreDifference {
    /// How far they lie apart, as a share of the threshold; infinite without a score.
    pub fn share(&self) -> f32 {
        self.found
            .map_or(f32::INFINITY, |found| (found - self.expected).abs())
    }
}

/// Two engines that don't agree.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistrust {
    /// The maps differ by more than the bundle's tolerance.
    #[error("{engine} gives other maps than {reference}: {worst}, tolerance {tolerance:.2e}")]
    Maps {
        /// The engine that is looked at.
        engine: String,
        /// The engine that is trusted.
        reference: String,
        /// The largest difference.
        worst: Box<Deviation>,
        /// The largest that is allowed.
        tolerance: f32,
    },
    /// A score differs by more than 1 % of the threshold, or there is none.
    #[error(
        "{engine} gives another score than {reference} to golden {golden}: expected {expected:.4}, found {}; 0.01 may \
         lie between them",
        super::evidence_told(*found)
    )]
    Score {
        /// The engine that is looked at.
        engine: String,
        /// The engine that is trusted.
        reference: String,
        /// The golden.
        golden: String,
        /// By the trusted engine.
        expected: f32,
        /// By the other one.
        found: Option<f32>,
    },
}

impl Comparison {
    /// Whether the engine may be used in the place of the other one.
    ///
    /// # Errors
    /// [`Mistrust`], with the largest difference.
    pub fn verdict(&self) -> Result<(), Mistrust> {
        let (engine, reference) = (self.engine.clone(), self.reference.clone());
        // What is no number is not within.
        let is_far = |share: f32, most: f32| share.is_nan() || share > most;
        let worst = self
            .stages
            .iter()
            .max_by(|a, b| a.share.total_cmp(&b.share));
        if let Some(worst) = worst.filter(|worst| is_far(worst.share, self.tolerance)) {
            return Err(Mistrust::Maps {
                engine,
                reference,
                worst: Box::new(worst.clone()),
                tolerance: self.tolerance,
            });
        }
        let worst = self
            .scores
            .iter()
            .max_by(|a, b| a.share().total_cmp(&b.share()));
        match worst.filter(|worst| is_far(worst.share(), EVIDENCE_SHARE)) {
            None => Ok(()),
            Some(score) => Err(Mistrust::Score {
                engine,
                reference,
                golden: score.golden.clone(),
                expected: score.expected,
                found: score.found,
            }),
        }
    }
}

/// Takes every golden of the bundle from its frame to its score by both engines. The tolerance is that of
/// the first one's precision.
///
/// # Errors
/// [`ProofError`] if one of them does not answer, or the bundle's goldens can't be used. What they answer is
/// judged by [`Comparison::verdict`] alone.
pub fn compare(
    engine: &mut dyn Engine,
    reference: &mut dyn Engine,
    bundle: &Bundle,
) -> Result<Comparison, ProofError> {
    let goldens = bundle.goldens().map_err(ProofError::Read)?;
    let witnesses = {
        let mut run = Run::new(reference, bundle)?;
        let all = goldens.into_iter().map(|golden| run.witness(golden));
        all.collect::<Result<Vec<Golden>, _>>()?
    };
    let reference = reference.name().to_owned();
    let mut run = Run::new(engine, bundle)?;
    let mut stages: Vec<Deviation> = Vec::new();
    let mut scores = Vec::new();
    for witness in &witnesses {
        let answer = run.golden(witness)?;
        for found in answer.stages {
            match stages.iter_mut().find(|known| known.stage == found.stage) {
                Some(known) if known.share.total_cmp(&found.share).is_lt() => *known = found,
                Some(_) => {}
                None => stages.push(found),
            }
        }
        scores.push(ScoreDifference {
            golden: witness.name.clone(),
            expected: witness.evidence.fused / answer.threshold,
            found: answer.evidence.map(|found| found / answer.threshold),
        });
    }
    stages.sort_by_key(|deviation| place(deviation.stage));
    Ok(Comparison {
        reference,
        engine: run.engine.name().to_owned(),
        goldens: witnesses.len(),
        tolerance: run.tolerance(),
        stages,
        scores,
    })
}

/// The order in which a part meets the stages.
fn place(stage: StageName) -> usize {
    match stage {
        StageName::Of(Modality::Rgb) => 0,
        StageName::Of(Modality::Geometry) => 1,
        StageName::Fusion => 2,
    }
}

impl Run<'_> {
    /// The same golden with this engine's answers.
    fn witness(&mut self, golden: Golden) -> Result<Golden, ProofError> {
        self.prepare(&golden)?;
        self.judge(&golden)?;
        let evidence = self.scorer.evidence();
        let Some(fused) = evidence.fused else {
            return Err(ProofError::Evidence {
                engine: self.engine.name().to_owned(),
                expected: golden.evidence.fused,
                found: None,
                threshold: self.threshold(&golden),
                golden: golden.name,
            });
        };
        let mut maps = PerModality::default();
        for (modality, found) in self.maps.present() {
            if is_usable(&self.part, modality) {
                maps.set(modality, Some(found.clone()));
            }
        }
        Ok(Golden {
            maps,
            fusion: self.scorer.fusion_maps().cloned(),
            evidence: GoldenEvidence {
                fused,
                modalities: evidence.modalities,
            },
            ..golden
        })
    }
}
