//! Parts of one split, loaded and placed on the S x S grid.

use rayon::prelude::*;
use twinspect_core::frame::FramePair;
use twinspect_core::prepare::{Canvas, PrepareError, PrepareSpec, Preparer, SpecError};
use twinspect_dataset::{Dataset, DatasetError, PartRef, Split};

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
        let data = dataset.root().display().to_string();
        return Err(PartsError::TooFew {
            data,
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
