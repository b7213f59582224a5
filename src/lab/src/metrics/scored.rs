//! What a model said of a test part, beside what is true of it.

use twinspect_dataset::{Label, Mask};

use super::SIDE;

/// A test part after its inspection.
#[derive(Debug)]
pub(crate) struct ScoredPart {
    /// Good, or the kind of defect.
    pub(crate) label: Label,
    /// What the model said; `None` for NO-RESULT, which is rejected at every threshold.
    pub(crate) judged: Option<Judged>,
    /// Where the defect is, of any size. A defective part without a mask enters no pixel figure.
    pub(crate) mask: Option<Mask>,
}

/// A score and a map, free of what cannot be ranked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    score: f32,
    map: Vec<f32>,
}

/// A score or map that cannot be ranked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unrankable {
    /// The part's score is NaN or infinite.
    #[error("the part's score is not a number")]
    Score,
    /// A map value is NaN or infinite.
    #[error("the part's map is not a number at column {x}, row {y}")]
    Map {
        /// Column of the first such value.
        x: usize,
        /// Its row.
        y: usize,
    },
    /// The map has another size than [`SIDE`] squared.
    #[error("the part's map has {found} values instead of {SIDE} x {SIDE}")]
    Size {
        /// Values found.
        found: usize,
    },
}

impl Judged {
    /// Takes an image score and the map of the whole frame, `SIDE x SIDE` values, rows from the top.
    ///
    /// # Errors
    /// [`Unrankable`] where there is something that cannot be ranked.
    pub(crate) fn new(score: f32, map: Vec<f32>) -> Result<Self, Unrankable> {
        if !score.is_finite() {
            return Err(Unrankable::Score);
        }
        if map.len() != SIDE * SIDE {
            return Err(Unrankable::Size { found: map.len() });
        }
        match map.iter().position(|value| !value.is_finite()) {
            Some(pixel) => Err(Unrankable::Map {
                x: pixel % SIDE,
                y: pixel / SIDE,
            }),
            None => Ok(Self { score, map }),
        }
    }

    /// The image score, in the unit of the threshold.
    pub(crate) fn score(&self) -> f32 {
        self.score
    }

    /// `SIDE x SIDE` scores, rows from the top.
    pub(crate) fn map(&self) -> &[f32] {
        &self.map
    }
}

impl ScoredPart {
    /// Whether the part is thrown out at a threshold: above it, or without a result.
    pub(super) fn is_rejected(&self, threshold: f32) -> bool {
        self.judged
            .as_ref()
            .is_none_or(|judged| judged.score > threshold)
    }
}
