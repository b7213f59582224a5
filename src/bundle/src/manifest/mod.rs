//! `manifest.toml`: everything about a product's model that is not a weight.

mod stages;
mod time;
mod validate;
mod version;

use std::path::Path;

use serde::{Deserialize, Serialize};
use twinspect_core::camera_fit::KnownCamera;
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::modality::PerModality;
use twinspect_core::picture::PictureExpectation;
use twinspect_core::prepare::PrepareSpec;
use twinspect_core::score::{Join, ScoreCalibration};

use crate::document;
use crate::error::BundleError;

pub use stages::{FusionInputShapes, FusionOutputShapes, FusionStage, Stage, Stages};
pub use validate::{MAPS_MAX, Problem};
pub use version::{Version, VersionError};

/// The manifest of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this file's form, looked at before anything else.
    pub format: FormatVersion,
    /// Name of the product: 1 to 64 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// Version of the model.
    pub version: Version,
    /// When it was made, as in RFC 3339: `2026-11-23T14:05:00Z`.
    pub created: String,
    /// How it was trained.
    pub method: Method,
    /// What it was made from.
    pub provenance: Provenance,
    /// The camera that the goldens and the training parts were taken with.
    pub camera: CameraFacts,
    /// From frame to tensors.
    pub prepare: PrepareSpec,
    /// The networks.
    pub stages: Stages,
    /// From maps to a verdict.
    pub score: ScoreCalibration,
    /// How far an engine may lie from the goldens.
    pub tolerance: Tolerance,
    /// The last change of the score's constants since the networks were trained, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recalibration: Option<Recalibration>,
    /// What the pictures of good parts were like, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureExpectation>,
}

impl Manifest {
    /// What a product's name is made of, for messages.
    pub const NAME_RULE: &str = "1 to 64 of a-z, 0-9, - and _";

    /// Whether a product may have this name: names become names of files and folders.
    pub fn is_name(name: &str) -> bool {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        (1..=64).contains(&name.len()) && name.chars().all(known)
    }
}

/// Constants of the score that were fitted anew, without training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recalibration {
    /// When, as in RFC 3339.
    pub created: String,
    /// Identity of the bundle that it was made from, 64 hexadecimal digits: the way back.
    pub from: String,
    /// Good parts that it was fitted on.
    pub good_parts: usize,
    /// Digest or name of these parts, for people.
    pub data: String,
}

/// The forms of a manifest that this program reads. A manifest has the oldest form that can say what
/// it says, so that as many programs as possible read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
#[non_exhaustive]
pub enum FormatVersion {
    /// One network for each modality, joined by the maximum of standardised maps.
    V1,
    /// The same with a fusion network, with constants that were fitted anew, or with both.
    V2,
    /// The same with what the pictures of good parts were like.
    V3,
    /// The same with the colour of what parts lie on.
    V4,
}

impl FormatVersion {
    /// The newest that this program reads.
    pub(crate) const NEWEST: Self = Self::V4;

    /// The form that describes this preparation, these stages, this change of constants and these pictures.
    pub fn of(
        prepare: &PrepareSpec,
        stages: &Stages,
        recalibration: Option<&Recalibration>,
        picture: Option<&PictureExpectation>,
    ) -> Self {
        match (prepare.ground, picture, &stages.fusion, recalibration) {
            (Some(_), ..) => Self::V4,
            (None, Some(_), ..) => Self::V3,
            (None, None, None, None) => Self::V1,
            (None, None, ..) => Self::V2,
        }
    }
}

impl From<FormatVersion> for u32 {
    fn from(version: FormatVersion) -> Self {
        match version {
            FormatVersion::V1 => 1,
            FormatVersion::V2 => 2,
            FormatVersion::V3 => 3,
            FormatVersion::V4 => 4,
        }
    }
}

impl TryFrom<u32> for FormatVersion {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self::V1),
            2 => Ok(Self::V2),
            3 => Ok(Self::V3),
            4 => Ok(Self::V4),
            _ => Err(format!("unknown format {number}")),
        }
    }
}

/// How a model was trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// A student reverses a frozen teacher (RD4AD: Deng and Li, CVPR 2022, arXiv 2201.10703).
    ReverseDistillation,
}

/// What a model was made from, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Digest of the training data.
    pub data_hash: String,
    /// Seed of the training; at most `i64::MAX`, as TOML has no larger numbers.
    pub seed: u64,
    /// Version of the trainer.
    pub tool_version: String,
    /// Frozen teacher of each modality.
    pub teacher: PerModality<String>,
}

/// The camera as the model knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraFacts {
    /// Metres a depth count, where depth comes as counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_unit_m: Option<f64>,
    /// Distance to the belt along the optical axis in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_mm: Option<f64>,
    /// Size of the frames.
    pub frame: FrameSize,
    /// Where the frames are seen from, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intrinsics: Option<Intrinsics>,
}

impl CameraFacts {
    /// Everything for which no bundle of this camera and this preparation would be read; empty if nothing. Asked before a training
    /// that would come to such a bundle.
    pub fn problems(&self, prepare: &PrepareSpec) -> Vec<Problem> {
        validate::product_problems(self, prepare)
    }

    /// What a data set's camera, or a live one, is compared with.
    pub fn known(&self) -> KnownCamera {
        KnownCamera {
            frame: self.frame,
            intrinsics: self.intrinsics,
            depth_unit_m: self.depth_unit_m,
            distance_mm: self.distance_mm,
        }
    }
}

/// Largest difference between an engine's map and the golden's, relative to the range (largest
/// minus smallest value) of the golden's maps of that modality. A bundle may ask for less than the trainer does, and for hardly more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// For engines that compute in 32 bits.
    pub f32: f32,
    /// For engines that compute in 16 bits.
    pub f16: f32,
}

impl Manifest {
    /// Reads and checks a manifest. `bundle` is named in errors.
    ///
    /// # Errors
    /// [`BundleError::Format`] before anything else is looked at, [`BundleError::Document`] for
    /// what is no manifest, [`BundleError::Manifest`] with all contradictions.
    pub fn parse(bundle: &Path, text: &str) -> Result<Self, BundleError> {
        let read = |source| BundleError::Document {
            path: bundle.to_path_buf(),
            source: Box::new(source),
        };
        let file = Path::new(crate::entry::MANIFEST);
        let table: toml::Table = document::parse(file, text).map_err(read)?;
        let found = table.get("format");
        let number = found.and_then(toml::Value::as_integer);
        let known = number.and_then(|number| u32::try_from(number).ok());
        if known.is_none_or(|number| FormatVersion::try_from(number).is_err()) {
            return Err(BundleError::Format {
                path: bundle.to_path_buf(),
                found: found.map_or("unknown".to_owned(), toml::Value::to_string),
                supported: FormatVersion::NEWEST.into(),
            });
        }
        let manifest: Self = document::parse(file, text).map_err(read)?;
        manifest.checked(bundle)
    }

    /// Writes the manifest as TOML that [`Manifest::parse`] reads back as the same value.
    ///
    /// # Errors
    /// [`BundleError::Manifest`] with all contradictions.
    pub fn render(&self, bundle: &Path) -> Result<String, BundleError> {
        let manifest = self.clone().checked(bundle)?;
        toml::to_string(&manifest).map_err(|source| BundleError::WriteManifest {
            path: bundle.to_path_buf(),
            source,
        })
    }

    /// How the score joins the product's modalities.
    pub fn join(&self) -> Join {
        match self.stages.fusion {
            None => Join::Maximum,
            Some(_) => Join::Fusion,
        }
    }

    /// Everything in which the manifest contradicts itself; empty if nothing does.
    pub fn problems(&self) -> Vec<Problem> {
        validate::problems(self)
    }

    fn checked(self, bundle: &Path) -> Result<Self, BundleError> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(self);
        }
        Err(BundleError::Manifest {
            path: bundle.to_path_buf(),
            problems,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
