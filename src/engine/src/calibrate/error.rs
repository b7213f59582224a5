//! Why parts give no constants, and what can be done about it.

use std::path::PathBuf;

use twinspect_bundle::BundleError;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{PrepareError, SpecError};
use twinspect_core::score::{FitError, ScoreError, Threshold};

use crate::engine::EngineError;
use crate::proof::ProofError;

/// Names that a message tells.
const NAMES_TOLD: usize = 5;

/// Good parts that no constants can be taken from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// A false-reject rate that no line can be asked for.
    #[error(
        "a false-reject rate of {rate:?}: expected a share from {} to {}",
        Threshold::TARGET_RATES.start(),
        Threshold::TARGET_RATES.end()
    )]
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
    /// A part that was taken twice.
    #[error("good part {part} is the same picture as good part {first}")]
    Twin {
        /// The part.
        part: String,
        /// The one before it.
        first: String,
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
    #[error(
        "the old constants reject {} of these {parts} parts: {}",
        rejected.len(),
        few(rejected)
    )]
    Shifted {
        /// The names of the parts above the old line.
        rejected: Vec<String>,
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
            Self::Twin { .. } => {
                "leave the copy out, and record parts that differ: copies hide how much good parts do"
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

/// The first of some names, and how many more there are.
pub(super) fn few(names: &[String]) -> String {
    let told = names.iter().take(NAMES_TOLD).map(String::as_str);
    let told = told.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
