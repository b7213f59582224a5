//! Parts of one split, loaded and placed on the S x S grid.

use std::collections::HashMap;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};
use twinspect_core::prepare::{
    Canvas, DepthState, PrepareError, PrepareSpec, PreparedPart, Preparer, RgbState, SpecError,
};
use twinspect_dataset::{Dataset, DatasetError, Layout, PartRef, Split};

use crate::spread::spread;

/// Fewer good parts that nobody trained on say nothing about a threshold.
pub(crate) const VALIDATION_MIN: usize = 5;

/// What a picture shows that a station would take for an empty one.
const NOTHING: &str = "hardly anything in its picture stands out from what parts lie on";

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
    /// A part of which the product's networks see nothing.
    #[error("good part {part} can't be judged: {what}")]
    Unseen {
        /// The part.
        part: String,
        /// What is absent.
        what: &'static str,
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
            Self::Unseen { what, .. } if *what == NOTHING => Some(
                "leave the part out, or record it again; if all parts are flatter than a millimetre, set geometry.enabled = false, \
                 and if they hardly differ from their ground in colour, ground.enabled = false"
                    .into(),
            ),
            Self::Unseen { .. } => Some(
                "leave the part out, or record it again: a part that can't be seen says nothing about good ones"
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

/// Refuses good parts of which the product's networks would see nothing, and copies among those that
/// set the thresholds: copies hide how much good parts differ, and what was trained on hides it too.
/// Copies within the training parts do no harm.
pub(crate) fn require_sound(dataset: &dyn Dataset, spec: &PrepareSpec) -> Result<(), PartsError> {
    let splits = [Split::Train, Split::Validation, Split::Calibration];
    let parts = splits.map(|split| dataset.good_parts(split)).concat();
    let preparer = Preparer::new(spec).map_err(PartsError::Spec)?;
    let worker = || Ok::<_, PartsError>((preparer.clone(), PreparedPart::new(spec)));
    let pictures = spread(parts.len(), worker, |(preparer, prepared), index| {
        let part = &parts[index];
        let frame = dataset.load(part).map_err(PartsError::Load)?.frame;
        let placed = preparer.prepare(&frame, prepared);
        placed.map_err(|source| PartsError::Prepare {
            part: part.id.to_string(),
            source,
        })?;
        match unseen(spec, prepared) {
            Some(what) => Err(PartsError::Unseen {
                part: part.id.to_string(),
                what,
            }),
            None => Ok((digest(&frame), frame.size())),
        }
    })?;
    warn_of_sizes(dataset, &parts, &pictures);
    let mut known = HashMap::new();
    for (part, (picture, _)) in parts.iter().zip(pictures) {
        if let Some(first) = known.insert(picture, part)
            && part.split != Split::Train
        {
            return Err(PartsError::Copy {
                part: part.id.to_string(),
                first: first.id.to_string(),
            });
        }
    }
    Ok(())
}

/// Tells of sizes that a set mixes: its bundle is for a camera of the first training part's.
fn warn_of_sizes(dataset: &dyn Dataset, parts: &[PartRef], pictures: &[([u8; 32], FrameSize)]) {
    let Some((_, first)) = pictures.first() else {
        return;
    };
    let mut others = parts
        .iter()
        .zip(pictures)
        .filter(|(_, (_, size))| size != first);
    let count = others.clone().count();
    if let Some((part, (_, size))) = others.next() {
        log::warn!(
            "{}: {count} of {} good parts have another frame size than the {first} of {}, among them {} with {size}: a station's camera has one, and the bundle is for {first}",
            dataset.name(),
            parts.len(),
            parts[0].id,
            part.id
        );
    }
}

/// What of a part can't be seen.
fn unseen(spec: &PrepareSpec, part: &PreparedPart) -> Option<&'static str> {
    if spec.rgb.is_some() {
        match part.rgb_state {
            RgbState::Usable => {}
            RgbState::Absent => return Some("it has no colour picture"),
            RgbState::Black => return Some("its colour picture is black"),
            RgbState::Saturated => return Some("its colour picture is white"),
        }
    }
    // A set of such parts teaches that none need be measured at all.
    let is_measured = part.depth_state == DepthState::Usable && part.valid_share > 0.0;
    if spec.geometry.is_some() && !is_measured {
        return Some("hardly any of its depth was measured");
    }
    if part.part_share < PrepareSpec::PART_SHARE_LEAST {
        return Some(NOTHING);
    }
    let is_there = part.part_share >= spec.part_share_min();
    (!is_there).then_some("far less of a part than of any training part lies in its picture")
}

/// What a picture shows, whatever its file is called and however it is packed.
fn digest(frame: &FramePair) -> [u8; 32] {
    let mut digest = Sha256::new();
    if let Some(rgb) = frame.rgb() {
        digest.update(rgb.data());
    }
    let depth: Vec<u8> = match frame.depth() {
        Some(DepthFrame::Counts(counts)) => {
            let counts = counts.data().iter();
            counts.flat_map(|count| count.to_le_bytes()).collect()
        }
        Some(DepthFrame::Points(points)) => {
            let values = points.data().iter().flatten();
            values.flat_map(|value| value.to_le_bytes()).collect()
        }
        None => Vec::new(),
    };
    digest.update(depth);
    digest.finalize().into()
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
