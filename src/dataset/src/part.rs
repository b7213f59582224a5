//! What a data set consists of: parts, what is known of them, and where they belong.

use std::fmt;

use serde::{Deserialize, Serialize};
use twinspect_core::frame::{FrameError, FramePair, FrameSize, Stamp};

/// A part's name, with slashes, such as `test/good/003`: its place below the data set's root, or in
/// layouts without such folders its split, class and file.
///
/// Numbers repeat from class to class, so nothing shorter tells parts apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartId(String);

impl PartId {
    /// Takes a name as it is. A name that a data set doesn't have is refused where it is loaded.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last piece, usually a number: `003` of `test/good/003`.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a part may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Good parts to learn from.
    Train,
    /// Good parts that tell when to stop, and standardise the maps.
    Validation,
    /// Good parts kept for the threshold alone; optional.
    Calibration,
    /// Good and defective parts to measure with; nothing is ever chosen by them.
    Test,
}

impl Split {
    /// All splits, in the order of their use.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Calibration, Self::Test];

    /// The split's folder below the root.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Calibration => "calibration",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

/// Whether a part is good, and if not, what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Nothing to object to.
    Good,
    /// A defect, called as its class folder is.
    Defect(String),
}

impl Label {
    /// Reads a class folder's name: `good` and `ok`, in any case, are good parts.
    pub fn from_folder(name: &str) -> Self {
        if ["good", "ok"]
            .iter()
            .any(|good| name.eq_ignore_ascii_case(good))
        {
            Self::Good
        } else {
            Self::Defect(name.to_owned())
        }
    }

    /// `good`, or the kind of defect: the class folder that the writer uses.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Good => "good",
            Self::Defect(kind) => kind,
        }
    }

    /// Whether the part is good.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a defect is visible: one byte a pixel, rows from the top, 1 for defect and 0 elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    size: FrameSize,
    data: Vec<u8>,
}

impl Mask {
    /// Takes `width * height` bytes, of which every one that is not zero means defect.
    ///
    /// # Errors
    /// [`FrameError::Empty`] or [`FrameError::Length`].
    pub fn new(size: FrameSize, mut data: Vec<u8>) -> Result<Self, FrameError> {
        let expected = size
            .width
            .checked_mul(size.height)
            .filter(|&pixels| pixels > 0)
            .ok_or(FrameError::Empty { size })?;
        if data.len() != expected {
            return Err(FrameError::Length {
                size,
                expected,
                found: data.len(),
            });
        }
        for value in &mut data {
            *value = u8::from(*value != 0);
        }
        Ok(Self { size, data })
    }

    /// Width and height.
    pub fn size(&self) -> FrameSize {
        self.size
    }

    /// All bytes, each 0 or 1.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// How many pixels are marked.
    pub fn defect_pixels(&self) -> usize {
        self.data.iter().filter(|&&value| value == 1).count()
    }
}

/// Which pictures every part of a data set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modalities {
    /// Colour pictures.
    pub rgb: bool,
    /// Depth pictures or organised points.
    pub depth: bool,
}

impl fmt::Display for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.rgb, self.depth) {
            (true, true) => "colour and depth",
            (true, false) => "colour",
            (false, true) => "depth",
            (false, false) => "nothing",
        })
    }
}

/// One line of a data set's list: enough to choose parts by, and the key to load one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRef {
    /// The part's name.
    pub id: PartId,
    /// The split in which the data set lists it.
    pub split: Split,
    /// Good or defective.
    pub label: Label,
}

/// What the recorder knew of a part besides its pictures; the keys of `part.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRecord {
    /// The recording session. Splits should keep sessions together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// When it was recorded, as the recorder writes times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The line's own name of the part, such as a serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_id: Option<String>,
    /// The camera that took it, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
}

/// One part, loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The part's name.
    pub id: PartId,
    /// Good or defective, from the class folder.
    pub label: Label,
    /// Its pictures. Points are in millimetres, (0, 0, 0) where nothing was measured; never NaN.
    pub frame: FramePair,
    /// Where the defect is, of the frame's size. `None` for a good part means that nothing is
    /// marked; for a defective one that nobody has painted a mask.
    pub mask: Option<Mask>,
    /// What else was recorded; empty in layouts that keep no such record.
    pub record: PartRecord,
}

/// The form of `part.json`: the record, and the frame's stamps where its source had some.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rgb_stamp: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) depth_stamp: Option<Stamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_ok_are_good_whatever_their_case_and_anything_else_is_a_kind() {
        for name in ["good", "ok", "Good", "OK"] {
            assert_eq!(Label::from_folder(name), Label::Good, "{name}");
        }
        for name in ["ko", "not_good", "okay", "goods"] {
            assert_eq!(Label::from_folder(name), Label::Defect(name.into()));
        }
    }

    #[test]
    fn a_mask_of_class_codes_becomes_zeros_and_ones() {
        let size = FrameSize {
            width: 3,
            height: 1,
        };
        let mask = Mask::new(size, vec![0, 252, 1]).unwrap();
        assert_eq!((mask.data(), mask.defect_pixels()), (&[0, 1, 1][..], 2));
    }

    #[test]
    fn a_mask_whose_length_does_not_fit_is_refused() {
        let size = FrameSize {
            width: 3,
            height: 2,
        };
        assert_eq!(
            Mask::new(size, vec![0; 5]),
            Err(FrameError::Length {
                size,
                expected: 6,
                found: 5
            })
        );
        let empty = FrameSize {
            width: 0,
            height: 2,
        };
        assert_eq!(
            Mask::new(empty, vec![]),
            Err(FrameError::Empty { size: empty })
        );
    }

    #[test]
    fn the_name_of_a_part_is_the_last_piece_of_its_path() {
        assert_eq!(PartId::new("test/good/003").name(), "003");
        assert_eq!(PartId::new("003").name(), "003");
    }
}
