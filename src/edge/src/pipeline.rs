//! From frame pair to verdict: the one way, for every command.
//!
//! ```text
//! FramePair ─► fresh? ─► core::prepare ─► picture good enough? ─► engine ─► core::score (─► fusion ─►) ─► Verdict
//! ```
//! Everything is allocated when the pipeline is made; inspecting a part allocates nothing here.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use twinspect_bundle::Bundle;
use twinspect_core::frame::FramePair;
use twinspect_core::freshness::Freshness;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, PrepareError, PreparedPart, Preparer, RgbState};
use twinspect_core::score::{DegradedPolicy, FusionMaps, Join, Scorer, StageMaps};
use twinspect_core::verdict::{Reason, Verdict};
use twinspect_engine::{EngineError, Proof};

use crate::config::EngineSpec;
use crate::engines::{self, Chosen, Gpu, Role};
use crate::error::EdgeError;
use crate::picture_check::{PictureCheck, PictureStatus};
use crate::pictures::Snapshot;

/// Inspects parts of one product.
pub(crate) struct Pipeline {
    bundle: PathBuf,
    freshness: Freshness,
    preparer: Preparer,
    part: PreparedPart,
    chosen: Chosen,
    maps: StageMaps,
    /// Where the product has a fusion stage: for keeping it warm.
    fused: Option<FusionMaps>,
    scorer: Scorer,
    policy: DegradedPolicy,
    /// Absent where the engine is looked at and not the camera.
    pictures: Option<PictureCheck>,
}

/// What was said of a part, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inspection {
    pub(crate) verdict: Verdict,
    pub(crate) timings: Timings,
}

/// Wall time of each stage; zero for a stage that was not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timings {
    pub(crate) prepare: Duration,
    /// Of looking at how good the picture is.
    pub(crate) picture: Duration,
    pub(crate) infer: Duration,
    /// `None` if no network fused the part.
    pub(crate) fusion: Option<Duration>,
    pub(crate) score: Duration,
}

impl Timings {
    /// Capture done to verdict.
    pub(crate) fn whole(&self) -> Duration {
        self.prepare + self.picture + self.infer + self.fusion.unwrap_or_default() + self.score
    }
}

/// A part that could not be inspected for a reason that lies in the station, not in the part.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InspectError {
    #[error("preparing the frame")]
    Prepare(#[source] PrepareError),
    #[error("asking the engine")]
    Engine(#[source] EngineError),
}

impl InspectError {
    /// What the part leaves as on a line that goes on.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Prepare(_) => Reason::Camera,
            Self::Engine(_) => Reason::Engine,
        }
    }

    /// The same as an end of the command.
    pub(crate) fn into_edge(self, part: &str) -> EdgeError {
        match self {
            Self::Prepare(source) => EdgeError::Prepare {
                part: part.to_owned(),
                source,
            },
            Self::Engine(source) => EdgeError::Engine(source),
        }
    }
}

impl Pipeline {
    /// Chooses an engine of the CPU, holds it to the bundle's goldens, and allocates.
    pub(crate) fn load(bundle: &Bundle, policy: DegradedPolicy) -> Result<Self, EdgeError> {
        let chosen = engines::choose(bundle, &EngineSpec::cpu(), Gpu::Granted)?;
        Self::new(bundle, policy, chosen)
    }

    /// The way around an engine of this bundle.
    pub(crate) fn new(
        bundle: &Bundle,
        policy: DegradedPolicy,
        chosen: Chosen,
    ) -> Result<Self, EdgeError> {
        let manifest = bundle.manifest();
        let path = bundle.path();
        let preparer =
            Preparer::new(&manifest.prepare).map_err(|source| EdgeError::Preparation {
                bundle: path.to_owned(),
                source,
            })?;
        let scorer =
            Scorer::new(&manifest.score, &manifest.prepare, manifest.join()).map_err(|source| {
                EdgeError::Score {
                    bundle: path.to_owned(),
                    source,
                }
            })?;
        Ok(Self {
            bundle: path.to_owned(),
            freshness: Freshness::default(),
            part: PreparedPart::new(&manifest.prepare),
            preparer,
            maps: chosen.engine.new_maps(),
            fused: (manifest.join() == Join::Fusion)
                .then(|| FusionMaps::new(manifest.prepare.map_size())),
            chosen,
            scorer,
            policy,
            pictures: None,
        })
    }

    /// From now on says of each picture whether parts can be judged by it.
    pub(crate) fn check_pictures(&mut self, check: PictureCheck) {
        self.pictures = Some(check);
    }

    /// What the pictures are like, where they are looked at.
    pub(crate) fn picture(&self) -> Option<PictureStatus> {
        self.pictures.as_ref().map(PictureCheck::status)
    }

    /// The engine's name.
    pub(crate) fn engine(&self) -> &str {
        self.chosen.engine.name()
    }

    /// Whether it is the one that was wanted.
    pub(crate) fn role(&self) -> Role {
        self.chosen.role
    }

    /// Why it is this one, for people.
    pub(crate) fn why(&self) -> &str {
        &self.chosen.why
    }

    /// Whether it stands in for a GPU that has everything but plans.
    pub(crate) fn lacks_plans(&self) -> bool {
        self.chosen.lacks_plans
    }

    /// Whether it is slower after a pause.
    pub(crate) fn cools_down(&self) -> bool {
        self.chosen.engine.cools_down()
    }

    /// Runs the engine on the last part again. Nobody wants the answer.
    pub(crate) fn keep_warm(&mut self) -> Result<(), EngineError> {
        self.chosen.engine.infer(&self.part, &mut self.maps)?;
        match (self.scorer.fusion_inputs(), &mut self.fused) {
            (Some(inputs), Some(maps)) => self.chosen.engine.fuse(inputs, maps),
            _ => Ok(()),
        }
    }

    /// Whether a network joins what the product's senses say.
    pub(crate) fn fuses(&self) -> bool {
        self.fused.is_some()
    }

    /// How well the engine reproduces the bundle's goldens.
    pub(crate) fn proof(&self) -> &Proof {
        &self.chosen.proof
    }

    /// Where the bundle was read from.
    pub(crate) fn bundle(&self) -> &std::path::Path {
        &self.bundle
    }

    /// Judges a frame pair.
    pub(crate) fn inspect(&mut self, frame: &FramePair) -> Result<Inspection, InspectError> {
        let mut timings = Timings::default();
        if !self.freshness.is_new(frame.rgb_stamp, frame.depth_stamp) {
            return Ok(Inspection {
                verdict: Verdict::NoResult {
                    reason: Reason::StaleFrame,
                },
                timings,
            });
        }
        let start = Instant::now();
        self.preparer
            .prepare(frame, &mut self.part)
            .map_err(InspectError::Prepare)?;
        let prepared = Instant::now();
        let check = self.pictures.as_mut();
        let unfit = check.and_then(|check| check.look(frame, &self.part));
        let looked = Instant::now();
        self.chosen
            .engine
            .infer(&self.part, &mut self.maps)
            .map_err(InspectError::Engine)?;
        let inferred = Instant::now();
        let gathered = self
            .scorer
            .gather(&self.part, &self.maps, frame.size(), self.policy);
        let verdict = gathered.decide(|inputs, maps| {
            let start = Instant::now();
            let fused = self.chosen.engine.fuse(inputs, maps);
            timings.fusion = Some(start.elapsed());
            fused
        });
        let verdict = because_of(unfit, verdict.map_err(InspectError::Engine)?);
        timings.prepare = prepared - start;
        timings.picture = looked - prepared;
        timings.infer = inferred - looked;
        timings.score = inferred.elapsed() - timings.fusion.unwrap_or_default();
        Ok(Inspection { verdict, timings })
    }

    /// Runs one stage of the engine again on the last part; `None` if it has nothing to run on.
    pub(crate) fn time_stage(&mut self, only: Modality) -> Result<Option<Duration>, EdgeError> {
        let (rgb, depth) = (self.part.rgb_state, self.part.depth_state);
        match only {
            Modality::Rgb if rgb == RgbState::Usable => {
                self.part.depth_state = DepthState::Absent;
            }
            Modality::Geometry if depth == DepthState::Usable => {
                self.part.rgb_state = RgbState::Absent;
            }
            Modality::Rgb | Modality::Geometry => return Ok(None),
        }
        let start = Instant::now();
        let result = self.chosen.engine.infer(&self.part, &mut self.maps);
        let took = start.elapsed();
        (self.part.rgb_state, self.part.depth_state) = (rgb, depth);
        result?;
        Ok(Some(took))
    }

    /// Of the last part, the share of its region in which depth was measured; none for a product that is
    /// inspected by colour alone.
    pub(crate) fn depth_share(&self) -> Option<f32> {
        let has_depth = self.preparer.spec().geometry.is_some();
        has_depth.then_some(self.part.valid_share)
    }

    /// Memory for what a picture of a part shows.
    pub(crate) fn new_snapshot(&self) -> Snapshot {
        Snapshot::new(self.preparer.spec(), self.fuses())
    }

    /// Keeps what a picture of the last part shows.
    pub(crate) fn keep(&self, snapshot: &mut Snapshot) {
        let weight = self.scorer.fusion_maps().map(|maps| maps.weight.as_slice());
        snapshot.keep(&self.part, self.scorer.score_map(), weight);
    }
}

/// What is said of a part whose picture is unfit to judge it by. The engine was asked all the same, so that records and
/// the page show what it saw; a missing sense has a reason of its own, and a picture in which no part is found may well
/// be one of a camera that has slipped.
fn because_of(unfit: Option<Reason>, said: Verdict) -> Verdict {
    match (unfit, said) {
        (
            Some(reason),
            Verdict::Pass { .. }
            | Verdict::Fail { .. }
            | Verdict::NoResult {
                reason: Reason::NoPart,
            },
        ) => Verdict::NoResult { reason },
        (_, said) => said,
    }
}
