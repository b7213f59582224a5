//! What every back end does.

use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, PreparedPart, RgbState};
use twinspect_core::score::StageMaps;

use crate::tract::ModelError;

/// The numbers that a back end computes with; chooses the bundle's tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
}

/// Runs the stages of one product. One thread owns it.
pub trait Engine: Send {
    /// The name that users see and configure: `tract`.
    fn name(&self) -> &str;

    /// What it computes with.
    fn precision(&self) -> Precision;

    /// Buffers for [`Engine::infer`], allocated once.
    fn new_maps(&self) -> StageMaps;

    /// Runs the stages whose modality is usable in the part and fills their maps. The maps of a
    /// modality that is not usable become zeros, which mean nothing: the part's states say so.
    ///
    /// # Errors
    /// [`EngineError`]; what the maps hold then means nothing.
    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError>;
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
    #[error("the bundle holds no network for {modality}")]
    NoModel {
        /// The modality.
        modality: Modality,
    },
    /// The network can't be used.
    #[error("loading the {modality} network")]
    Load {
        /// The modality.
        modality: Modality,
        /// Why.
        #[source]
        source: ModelError,
    },
    /// The network is not the one that the manifest describes.
    #[error("{what} of the {modality} network is {found}, the manifest says {expected}")]
    Interface {
        /// The modality.
        modality: Modality,
        /// Name or shape of which tensor.
        what: &'static str,
        /// What the manifest says.
        expected: String,
        /// What the network says.
        found: String,
    },
    /// The buffers were made for another product.
    #[error("the {modality} buffers belong to another product")]
    Buffers {
        /// The modality.
        modality: Modality,
    },
    /// The network did not answer, or not with numbers.
    #[error("running the {modality} network")]
    Run {
        /// The modality.
        modality: Modality,
        /// Why.
        #[source]
        source: ModelError,
    },
}

impl EngineError {
    /// Whether the engine will answer nothing any more, and has to be loaded again.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Run {
                source: ModelError::Ended { .. },
                ..
            }
        )
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoModel { .. } | Self::Load { .. } | Self::Interface { .. } => {
                "the network was exported wrongly: export the bundle again"
            }
            Self::Run { .. } => "go back to the previous model and report the part's record",
            Self::Buffers { .. } => return None,
        };
        Some(text.to_owned())
    }
}
