//! Proof before use: an engine must give the goldens' maps and evidence.
//!
//! Each network is held to its own answer: the fusion network is asked about the golden's maps, not
//! about the engine's. Between the two the host divides by the deviations of good parts, and a gate
//! is steep where both modalities are equally sure, so that a difference which a stage may have
//! comes out larger behind it. What the engine makes of the frame by itself, from the first network
//! to the last, is held to the evidence.

mod deviation;
mod trust;

use twinspect_bundle::{Bundle, BundleError, Golden};
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{PrepareError, PreparedPart, Preparer, SpecError};
use twinspect_core::score::{DegradedPolicy, FusionMaps, ScoreError, Scorer, StageMaps};

use crate::engine::{Engine, EngineError, Precision, StageName, is_usable, judge};

pub use deviation::Deviation;
pub use trust::{Comparison, Mistrust, ScoreDifference, compare};

/// Largest difference of the fused evidence from a golden's, as a share of the threshold.
const EVIDENCE_SHARE: f32 = 0.01;
/// Goldens may show how a product behaves without one of its senses.
const BOTH_ALONE: DegradedPolicy = DegradedPolicy {
    rgb_alone: true,
    geometry_alone: true,
};

/// An engine that reproduced all goldens.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Number of goldens.
    pub goldens: usize,
    /// The largest difference that was allowed, as a share of the range.
    pub tolerance: f32,
    /// The largest difference that was found.
    pub worst: Deviation,
    /// The largest difference of the fused evidence, as a share of the threshold that decides.
    pub evidence_share: f32,
}

/// An engine that must not be used with this bundle, or a bundle that can prove nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Nothing to compare with.
    #[error("the bundle has no goldens")]
    NoGoldens,
    /// The goldens can't be read.
    #[error("reading the goldens")]
    Read(#[source] BundleError),
    /// The bundle's preparation contradicts itself.
    #[error("setting up the bundle's preparation")]
    Spec(#[source] SpecError),
    /// The bundle's score contradicts itself.
    #[error("setting up the bundle's score")]
    Score(#[source] ScoreError),
    /// A golden's frame can't be prepared.
    #[error("preparing golden {golden}")]
    Prepare {
        /// The golden.
        golden: String,
        /// Why.
        #[source]
        source: PrepareError,
    },
    /// The engine failed.
    #[error("inferring golden {golden}")]
    Infer {
        /// The golden.
        golden: String,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// A golden has maps of a modality that its frame does not show, or lacks those of one that
    /// it shows.
    #[error("golden {golden}: {modality} is {}", if *.usable { "usable but has no expected maps" } else { "not usable but has expected maps" })]
    Modality {
        /// The golden.
        golden: String,
        /// The modality.
        modality: Modality,
        /// Whether the frame shows it.
        usable: bool,
    },
    /// What a network answers is in no golden.
    #[error("no golden shows what the {stage} network answers")]
    Unproven {
        /// The network.
        stage: StageName,
    },
    /// The maps differ by more than the bundle's tolerance.
    #[error("{engine} does not reproduce the maps: {worst}, tolerance {tolerance:.2e}")]
    Maps {
        /// The engine.
        engine: String,
        /// The largest difference.
        worst: Box<Deviation>,
        /// The largest that is allowed.
        tolerance: f32,
    },
    /// The evidence differs by more than 1 % of the threshold, or there is none.
    #[error(
        "{engine} does not reproduce the evidence of golden {golden}: expected {expected}, found {}, threshold {threshold}",
        evidence_told(*found)
    )]
    Evidence {
        /// The engine.
        engine: String,
        /// The golden.
        golden: String,
        /// The golden's fused evidence.
        expected: f32,
        /// The engine's, if the part could be judged at all.
        found: Option<f32>,
        /// The threshold that decides.
        threshold: f32,
    },
}

/// Evidence in a message.
fn evidence_told(found: Option<f32>) -> String {
    found.map_or_else(|| "none".to_owned(), |found| found.to_string())
}

impl ProofError {
    /// Whether the bundle proves nothing, whatever the engine. Else the engine has failed it.
    pub fn is_the_bundle_s(&self) -> bool {
        match self {
            Self::NoGoldens
            | Self::Read(_)
            | Self::Spec(_)
            | Self::Score(_)
            | Self::Prepare { .. }
            | Self::Modality { .. }
            | Self::Unproven { .. } => true,
            Self::Infer { source, .. } => source.is_the_bundle_s(),
            Self::Maps { .. } | Self::Evidence { .. } => false,
        }
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Read(source) => return source.hint(),
            Self::Infer { source, .. } => return source.hint(),
            Self::Maps { .. } | Self::Evidence { .. } => {
                "this program and the trainer that made the bundle disagree: export the bundle \
                 again with the release that runs here"
            }
            _ => "the bundle was made wrongly: export it again",
        };
        Some(text.to_owned())
    }
}

/// Takes every golden of the bundle from its frame to its evidence and compares the maps and the
/// evidence with what the bundle says.
///
/// # Errors
/// [`ProofError`]; of several goldens with wrong maps, the worst is told. A network that no golden asks is none that
/// anybody may go by.
pub fn prove(engine: &mut dyn Engine, bundle: &Bundle) -> Result<Proof, ProofError> {
    let goldens = bundle.goldens().map_err(ProofError::Read)?;
    let mut run = Run::new(engine, bundle)?;
    let answers = goldens
        .iter()
        .map(|golden| run.golden(golden))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(stage) = unasked(bundle, &goldens) {
        return Err(ProofError::Unproven { stage });
    }
    let worst = answers
        .iter()
        .flat_map(|answer| &answer.stages)
        .max_by(|a, b| a.share.total_cmp(&b.share))
        .ok_or(ProofError::NoGoldens)?;
    let tolerance = run.tolerance();
    // A share that is no number is not within.
    let within = worst.share <= tolerance;
    if !within {
        return Err(ProofError::Maps {
            engine: run.engine.name().to_owned(),
            worst: Box::new(worst.clone()),
            tolerance,
        });
    }
    let mut evidence_share = 0.0_f32;
    for (golden, answer) in goldens.iter().zip(&answers) {
        let share = answer.evidence_share(golden.evidence.fused);
        let within = share <= EVIDENCE_SHARE;
        if !within {
            return Err(ProofError::Evidence {
                engine: run.engine.name().to_owned(),
                golden: golden.name.clone(),
                expected: golden.evidence.fused,
                found: answer.evidence,
                threshold: answer.threshold,
            });
        }
        evidence_share = evidence_share.max(share);
    }
    Ok(Proof {
        goldens: goldens.len(),
        tolerance,
        worst: worst.clone(),
        evidence_share,
    })
}

/// Whether an engine could be proven by this bundle at all, which can be told before there is one.
///
/// # Errors
/// [`ProofError::Read`], [`ProofError::NoGoldens`], [`ProofError::Unproven`].
pub fn provable(bundle: &Bundle) -> Result<(), ProofError> {
    let goldens = bundle.goldens().map_err(ProofError::Read)?;
    match unasked(bundle, &goldens) {
        _ if goldens.is_empty() => Err(ProofError::NoGoldens),
        Some(stage) => Err(ProofError::Unproven { stage }),
        None => Ok(()),
    }
}

/// A network of the bundle whose answer is in none of the goldens, though there are some.
fn unasked(bundle: &Bundle, goldens: &[Golden]) -> Option<StageName> {
    let stages = &bundle.manifest().stages;
    let shows = |stage: &StageName| {
        goldens.iter().any(|golden| match stage {
            StageName::Of(modality) => golden.maps.get(*modality).is_some(),
            StageName::Fusion => golden.fusion.is_some(),
        })
    };
    let fusion = stages.fusion.iter().map(|_| StageName::Fusion);
    let modalities = stages.present().map(|(modality, _)| modality.into());
    modalities
        .chain(fusion)
        .find(|stage| !goldens.is_empty() && !shows(stage))
}

struct Run<'a> {
    engine: &'a mut dyn Engine,
    bundle: &'a Bundle,
    preparer: Preparer,
    scorer: Scorer,
    part: PreparedPart,
    maps: StageMaps,
}

struct Answer {
    /// The largest deviation of each stage that had something to run on.
    stages: Vec<Deviation>,
    evidence: Option<f32>,
    threshold: f32,
}

impl Answer {
    fn evidence_share(&self, expected: f32) -> f32 {
        let difference = self
            .evidence
            .map_or(f32::INFINITY, |e| (e - expected).abs());
        difference / self.threshold
    }
}

impl<'a> Run<'a> {
    fn new(engine: &'a mut dyn Engine, bundle: &'a Bundle) -> Result<Self, ProofError> {
        let manifest = bundle.manifest();
        Ok(Self {
            preparer: Preparer::new(&manifest.prepare).map_err(ProofError::Spec)?,
            scorer: Scorer::new(&manifest.score, &manifest.prepare, manifest.join())
                .map_err(ProofError::Score)?,
            part: PreparedPart::new(&manifest.prepare),
            maps: engine.new_maps(),
            engine,
            bundle,
        })
    }

    /// The largest difference of a map that the bundle allows to this engine.
    fn tolerance(&self) -> f32 {
        let tolerance = &self.bundle.manifest().tolerance;
        match self.engine.precision() {
            Precision::F32 => tolerance.f32,
            Precision::F16 => tolerance.f16,
        }
    }

    fn golden(&mut self, golden: &Golden) -> Result<Answer, ProofError> {
        self.prepare(golden)?;
        let fused = self.fuse(golden)?;
        self.judge(golden)?;
        Ok(Answer {
            stages: self.deviations(golden, fused.as_ref())?,
            evidence: self.scorer.evidence().fused,
            threshold: self.threshold(golden),
        })
    }

    fn prepare(&mut self, golden: &Golden) -> Result<(), ProofError> {
        let name = || golden.name.clone();
        self.preparer
            .prepare(&golden.frame, &mut self.part)
            .map_err(|source| ProofError::Prepare {
                golden: name(),
                source,
            })?;
        let product = self.bundle.manifest().stages.present();
        for modality in product.map(|(modality, _)| modality) {
            let usable = is_usable(&self.part, modality);
            if usable != golden.maps.get(modality).is_some() {
                return Err(ProofError::Modality {
                    golden: name(),
                    modality,
                    usable,
                });
            }
        }
        Ok(())
    }

    fn judge(&mut self, golden: &Golden) -> Result<(), ProofError> {
        let judged = judge(
            self.engine,
            &mut self.scorer,
            &self.part,
            &mut self.maps,
            golden.frame.size(),
            BOTH_ALONE,
        );
        judged.map_err(|source| ProofError::Infer {
            golden: golden.name.clone(),
            source,
        })?;
        Ok(())
    }

    /// What the fusion network answers to the golden's own maps.
    fn fuse(&mut self, golden: &Golden) -> Result<Option<FusionMaps>, ProofError> {
        let size = golden.frame.size();
        let gathered = self
            .scorer
            .gather(&self.part, &golden.maps, size, BOTH_ALONE);
        let decided = gathered.decide(|inputs, maps| self.engine.fuse(inputs, maps));
        decided.map_err(|source| ProofError::Infer {
            golden: golden.name.clone(),
            source,
        })?;
        Ok(self.scorer.fusion_maps().cloned())
    }

    /// The largest deviation of each stage.
    fn deviations(
        &self,
        golden: &Golden,
        fused: Option<&FusionMaps>,
    ) -> Result<Vec<Deviation>, ProofError> {
        let name = golden.name.as_str();
        let stages = golden.maps.present().filter_map(|(modality, expected)| {
            deviation::of_maps(name, modality, expected, self.maps.get(modality)?)
        });
        let fusion = golden.fusion.iter().zip(fused);
        let fusion =
            fusion.flat_map(|(expected, found)| deviation::of_fusion(name, expected, found));
        let fusion = fusion.max_by(|a, b| a.share.total_cmp(&b.share));
        let all: Vec<Deviation> = stages.chain(fusion).collect();
        if all.is_empty() {
            return Err(ProofError::NoGoldens);
        }
        Ok(all)
    }

    /// The threshold that decides for this golden.
    fn threshold(&self, golden: &Golden) -> f32 {
        let score = &self.bundle.manifest().score;
        let mut present = golden.maps.present().map(|(modality, _)| modality);
        match (present.next(), present.next()) {
            (Some(alone), None) => score
                .modalities
                .get(alone)
                .filter(|_| score.modalities.present().count() > 1)
                .map_or(score.fused, |known| known.threshold),
            _ => score.fused,
        }
        .evidence
    }
}

#[cfg(test)]
mod tests;
