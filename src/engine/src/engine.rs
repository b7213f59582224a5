//! What every back end does.

use twinspect_core::frame::FrameSize;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, PreparedPart, RgbState};
use twinspect_core::score::{DegradedPolicy, FusionInputs, FusionMaps, Scorer, StageMaps};
use twinspect_core::verdict::Verdict;

use crate::tract::ModelError;

/// The numbers that a back end computes with; chooses the bundle's tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
}

impl Precision {
    /// Both.
    pub const ALL: [Self; 2] = [Self::F32, Self::F16];
}

/// Runs the stages of one product. One thread owns it.
pub trait Engine: Send {
    /// The name that users see: `native`, `tract`, `tensorrt`.
    fn name(&self) -> &str;

    /// What it computes with.
    fn precision(&self) -> Precision;

    /// Whether it is slower after a pause, so that runs that nobody needs keep it fast on an idle line.
    fn cools_down(&self) -> bool {
        false
    }

    /// Buffers for [`Engine::infer`], allocated once.
    fn new_maps(&self) -> StageMaps;

    /// Runs the stages whose modality is usable in the part and fills their maps. The maps of a
    /// modality that is not usable become zeros, which mean nothing: the part's states say so.
    ///
    /// # Errors
    /// [`EngineError`]; what the maps hold then means nothing.
    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError>;

    /// Runs the fusion stage on the calling thread, for a product that has one.
    ///
    /// # Errors
    /// [`EngineError`]; what the maps hold then means nothing.
    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError>;
}

/// From prepared part to verdict in one call: infers, gathers, and fuses where that is needed.
/// `frame` places regions in the camera's picture.
///
/// # Errors
/// [`EngineError`]; the part then has no verdict.
pub fn judge(
    engine: &mut dyn Engine,
    scorer: &mut Scorer,
    part: &PreparedPart,
    maps: &mut StageMaps,
    frame: FrameSize,
    policy: DegradedPolicy,
) -> Result<Verdict, EngineError> {
    engine.infer(part, maps)?;
    let gathered = scorer.gather(part, maps, frame, policy);
    gathered.decide(|inputs, maps| engine.fuse(inputs, maps))
}

/// A network of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageName {
    /// Of one modality.
    Of(Modality),
    /// Of both modalities' evidence.
    Fusion,
}

impl std::fmt::Display for StageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(modality) => modality.fmt(f),
            Self::Fusion => f.write_str("fusion"),
        }
    }
}

impl From<Modality> for StageName {
    fn from(modality: Modality) -> Self {
        Self::Of(modality)
    }
}

/// Whether a stage of this modality has something to run on.
pub(crate) fn is_usable(part: &PreparedPart, modality: Modality) -> bool {
    match modality {
        Modality::Rgb => part.rgb_state == RgbState::Usable,
        Modality::Geometry => part.depth_state == DepthState::Usable,
    }
}

/// A stage that can't be loaded or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The bundle names a stage and holds no network for it.
    #[error("the bundle holds no network for {stage}")]
    NoModel {
        /// The stage.
        stage: StageName,
    },
    /// The network can't be used.
    #[error("loading the {stage} network")]
    Load {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: ModelError,
    },
    /// No threads for the networks.
    #[error("starting the networks' threads")]
    Pool(#[source] rayon::ThreadPoolBuildError),
    /// The network is not the one that the manifest describes.
    #[error("{what} of the {stage} network is {found}, the manifest says {expected}")]
    Interface {
        /// The stage.
        stage: StageName,
        /// Name or shape of which tensor.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What the network says.
        found: String,
    },
    /// The buffers were made for another product.
    #[error("the {stage} buffers belong to another product")]
    Buffers {
        /// The stage.
        stage: StageName,
    },
    /// There is no plan of the network for this board.
    #[error("loading the plan of the {stage} network")]
    Plan {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: crate::tensorrt::PlanError,
    },
    /// TensorRT or CUDA failed.
    #[error("running the {stage} network on the GPU")]
    Gpu {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: twinspect_tensorrt::Error,
    },
    /// The network did not answer, or not with numbers.
    #[error("running the {stage} network")]
    Run {
        /// The stage.
        stage: StageName,
        /// Why.
        #[source]
        source: ModelError,
    },
}

impl EngineError {
    /// Whether the engine will answer nothing any more, and has to be loaded again.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Run { source, .. } => matches!(source, ModelError::Ended { .. }),
            Self::Gpu { source, .. } => source.is_sticky(),
            _ => false,
        }
    }

    /// Whether the bundle's network is none, or another one than its manifest says. Of an engine to which all others are held,
    /// that is the bundle's fault on whatever machine.
    pub fn is_the_bundle_s(&self) -> bool {
        matches!(
            self,
            Self::NoModel { .. } | Self::Load { .. } | Self::Interface { .. }
        )
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoModel { .. } | Self::Load { .. } | Self::Interface { .. } => {
                "the network was exported wrongly: export the bundle again"
            }
            Self::Pool(_) => "free memory, or raise the service's TasksMax",
            Self::Run { .. } => "go back to the previous model and report the part's record",
            Self::Buffers { .. } => return None,
            Self::Plan { source, .. } => return source.hint(),
            Self::Gpu { source, .. } => source.hint()?,
        };
        Some(text.to_owned())
    }
}
