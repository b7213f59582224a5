//! Why a part was not recorded.

use std::borrow::Cow;
use std::path::PathBuf;

use twinspect_core::frame::FrameSize;

use crate::error::DatasetError;
use crate::layout::Layout;
use crate::part::Modalities;

/// Why a part could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// What is there already cannot be read, so nothing can be added to it.
    #[error("adding to data set `{}`", root.display())]
    ReadingExisting {
        /// The set's folder.
        root: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DatasetError,
    },
    /// The folder holds a data set of another layout.
    #[error("`{}` holds {layout}, parts can be added to recorded parts only", root.display())]
    OtherLayout {
        /// The folder.
        root: PathBuf,
        /// What it holds.
        layout: Layout,
    },
    /// The folder holds no parts, and something that is none of a set's files.
    #[error("`{}` is no set of recorded parts: it holds `{}`", root.display(), found.display())]
    Foreign {
        /// The folder.
        root: PathBuf,
        /// The first thing in it that is foreign.
        found: PathBuf,
    },
    /// The set was recorded with another camera, or with another calibration of it.
    #[error("`{}` belongs to another camera: {}", root.display(), differences.join("; "))]
    OtherCamera {
        /// The set's folder.
        root: PathBuf,
        /// Key by key: "there" is the set's camera, "here" the frame's or the writer's.
        differences: Vec<String>,
    },
    /// A camera that can't be.
    #[error("camera: {key} is {found}, must be {expected}")]
    CameraValue {
        /// The key in `camera.json`.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// The part lacks or adds a picture that the set's other parts have or lack.
    #[error("parts of `{}` have {existing}, this one has {given}", root.display())]
    OtherModalities {
        /// The set's folder.
        root: PathBuf,
        /// What the set's parts have.
        existing: Modalities,
        /// What this part has.
        given: Modalities,
    },
    /// Some defective parts of the set would have masks, others none.
    #[error("defective parts of `{}` come {} masks, this one {}",
            root.display(), with(*existing), with(!*existing))]
    OtherMasks {
        /// The set's folder.
        root: PathBuf,
        /// Whether the set's defective parts have masks.
        existing: bool,
    },
    /// A picture too large to be read again.
    #[error("the frame is {size}, more than {limit} pixels")]
    TooManyPixels {
        /// The frame's size.
        size: FrameSize,
        /// The most that is read.
        limit: u64,
    },
    /// A mask that isn't the frame's.
    #[error("mask is {found}, the frame is {expected}")]
    MaskSize {
        /// The mask's size.
        found: FrameSize,
        /// The frame's.
        expected: FrameSize,
    },
    /// A good part on which something is marked.
    #[error("the mask marks {pixels} defective pixels on a part that is labelled good")]
    MarkedGood {
        /// How many.
        pixels: usize,
    },
    /// Organised points, which the layout has no file for.
    #[error("recorded parts hold depth in counts of a unit, not organised points")]
    PointsGiven,
    /// A kind of defect that cannot be a folder's name.
    #[error("`{kind}` cannot name a kind of defect")]
    KindName {
        /// The name.
        kind: String,
    },
    /// A file or folder could not be written.
    #[error("writing `{}`", path.display())]
    Writing {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture or record could not be encoded.
    #[error("encoding `{}`", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn with(masks: bool) -> &'static str {
    if masks { "with" } else { "without" }
}

impl WriteError {
    /// What to do about it, where there's something more to say than the message does.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::ReadingExisting { source, .. } => source.hint(),
            Self::OtherLayout { .. } | Self::OtherCamera { .. } | Self::OtherModalities { .. } => {
                Some("record into a new folder".into())
            }
            Self::Foreign { .. } => Some("record into a new folder, or an empty one".into()),
            Self::OtherMasks { existing: true, .. } => Some("paint a mask for this part".into()),
            Self::OtherMasks {
                existing: false, ..
            } => Some("leave the mask out, or record into a new folder".into()),
            Self::PointsGiven => Some("record the depth stream as the sensor delivers it".into()),
            Self::KindName { .. } => Some(
                "use letters, digits, `_` and `-`; `good` and `ok` are kept for good parts".into(),
            ),
            _ => None,
        }
    }
}
