//! Parts of one split, loaded and placed on the S x S grid.

mod exposure;
mod focus;
mod sound;
mod usual;

use rayon::prelude::*;
use twinspect_core::frame::FramePair;
use twinspect_core::prepare::{Canvas, PrepareError, PrepareSpec, Preparer, SpecError};
use twinspect_dataset::{Dataset, DatasetError, Layout, PartRef, Split};

pub(crate) use sound::{Unseen, require_sound, usual_size};

/// Fewer good parts that nobody trained on say nothing about a threshold.
pub(crate) const VALIDATION_MIN: usize = 5;

/// Parts that cannot be learnt from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PartsError {
    /// A part's files.
    #[error("loading a part")]
    Load(#[source] DatasetError),
    /// A part that does not fit the product.
    #[error("preparing part {part}")]
    Prepare {
        /// The part.
        part: String,
        /// What does not fit.
        #[source]
        source: PrepareError,
    },
    /// Parts of which the product's networks see nothing; there is one at least.
    #[error("{}", sound::unseen_told(parts))]
    Unseen {
        /// The parts, and what of each is absent.
        parts: Vec<(String, Unseen)>,
    },
    /// One picture under two names.
    #[error("good part {part} is the same picture as good part {first}")]
    Copy {
        /// The part.
        part: String,
        /// The one before it.
        first: String,
    },
    /// Constants of preparation that contradict each other.
    #[error("constants of preparation")]
    Spec(#[source] SpecError),
    /// A split without good parts.
    #[error("{data} has {found} good parts in its split `{split}`, at least {needed} are needed")]
    TooFew {
        /// The data set.
        data: String,
        /// The split.
        split: &'static str,
        /// Good parts there.
        found: usize,
        /// Good parts that are needed.
        needed: usize,
        /// Whether a set of this layout gives it up from its training parts.
        of_training: bool,
    },
}

impl PartsError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Load(source) => source.hint().map(Into::into),
            Self::Prepare {
                source: PrepareError::RoiOutside { .. },
                ..
            } => Some(
                "correct the region of interest, or record parts of the same frame size".into(),
            ),
            Self::Unseen { parts } if parts.iter().any(|(_, what)| *what == Unseen::Part) => Some(
                "leave such parts out, or record them again; if all parts are flatter than a millimetre, set geometry.enabled = false, \
                 and if they hardly differ from their ground in colour, ground.enabled = false"
                    .into(),
            ),
            Self::Unseen { .. } => Some(
                "leave such parts out, or record them again: a part that can't be seen says nothing about good ones"
                    .into(),
            ),
            Self::Copy { .. } => Some(
                "leave the copy out: thresholds come of parts that differ from each other and that nobody trained on"
                    .into(),
            ),
            Self::TooFew {
                of_training: true, ..
            } => Some(
                "the set needs more good training parts: every tenth of them is taken for validation where a set has none of its own"
                    .into(),
            ),
            Self::TooFew { split, .. } => Some(format!("record more good parts into {split}/good")),
            _ => None,
        }
    }
}

/// The good parts of a split; fewer than `needed` are an error.
pub(crate) fn good(
    dataset: &dyn Dataset,
    split: Split,
    needed: usize,
) -> Result<Vec<PartRef>, PartsError> {
    let parts = dataset.good_parts(split);
    if parts.len() < needed {
        let has_a_folder_for_it = matches!(
            dataset.layout(),
            Layout::RecordedParts | Layout::Mvtec3dPoints | Layout::Mvtec3dDepth
        );
        return Err(PartsError::TooFew {
            of_training: split == Split::Validation && !has_a_folder_for_it,
            data: dataset.root().display().to_string(),
            split: split.folder(),
            found: parts.len(),
            needed,
        });
    }
    Ok(parts)
}

/// Loads frames, in the order of `parts`.
pub(crate) fn frames(
    dataset: &dyn Dataset,
    parts: &[PartRef],
) -> Result<Vec<FramePair>, PartsError> {
    let load = |part: &PartRef| {
        dataset
            .load(part)
            .map(|part| part.frame)
            .map_err(PartsError::Load)
    };
    parts.par_iter().map(load).collect()
}

/// Places frames on the S x S grid, in their order.
pub(crate) fn canvases(
    spec: &PrepareSpec,
    parts: &[PartRef],
    frames: &[FramePair],
) -> Result<Vec<Canvas>, PartsError> {
    let preparer = Preparer::new(spec).map_err(PartsError::Spec)?;
    parts
        .par_iter()
        .zip(frames)
        .map_init(
            || preparer.clone(),
            |preparer, (part, frame)| {
                let mut canvas = Canvas::new(spec.size);
                let placed = preparer.place(frame, &mut canvas);
                placed.map_err(|source| PartsError::Prepare {
                    part: part.id.to_string(),
                    source,
                })?;
                Ok(canvas)
            },
        )
        .collect()
}
