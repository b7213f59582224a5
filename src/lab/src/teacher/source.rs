//! Where a teacher's weights come from.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::weights::{WeightFile, WeightsError};

/// EfficientNet-Lite0 up to stride 16, so that the program needs no file beside it. Licence and
/// origin: `models/teachers/NOTICE`.
static LITE0: &[u8] =
    include_bytes!("../../../../models/teachers/efficientnet_lite0_to_stride16.safetensors");

/// A teacher's name in records and results: that of its weight file.
const LITE0_NAME: &str = "efficientnet_lite0_to_stride16";

/// Weights inside the program, or a file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TeacherSource {
    /// EfficientNet-Lite0, the default.
    #[default]
    BuiltIn,
    /// A weight file.
    File(PathBuf),
}

impl TeacherSource {
    /// The user's file, or the built-in weights.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        file.map_or(Self::BuiltIn, Self::File)
    }

    /// The weight file's name without its extension.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::BuiltIn => LITE0_NAME.to_owned(),
            Self::File(path) => path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        }
    }

    pub(super) fn open(&self) -> Result<WeightFile, WeightsError> {
        match self {
            Self::BuiltIn => WeightFile::parse(LITE0.to_vec()),
            Self::File(path) => WeightFile::open(path),
        }
    }
}

impl fmt::Display for TeacherSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => write!(f, "{LITE0_NAME}, which is built in"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
