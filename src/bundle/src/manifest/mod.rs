//! `manifest.toml`: everything about a product's model that is not a weight.

mod validate;
mod version;

use std::path::Path;

use serde::{Deserialize, Serialize};
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::modality::PerModality;
use twinspect_core::prepare::PrepareSpec;
use twinspect_core::score::ScoreCalibration;

use crate::document;
use crate::error::BundleError;

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
    pub stages: PerModality<Stage>,
    /// From maps to a verdict.
    pub score: ScoreCalibration,
    /// How far an engine may lie from the goldens.
    pub tolerance: Tolerance,
}

/// The forms of a manifest that this program reads. Format 1 has no fusion network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
#[non_exhaustive]
pub enum FormatVersion {
    /// One network for each modality, joined by the maximum of standardised maps.
    V1,
}

impl From<FormatVersion> for u32 {
    fn from(version: FormatVersion) -> Self {
        match version {
            FormatVersion::V1 => 1,
        }
    }
}

impl TryFrom<u32> for FormatVersion {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self::V1),
            _ => Err(format!("unknown format {number}")),
        }
    }
}

/// How a model was trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// A student reverses a frozen teacher (METHODS 1).
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

/// One network. Tensors are NCHW with N = 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its file in the bundle: the modality's name and `.onnx`.
    pub file: String,
    /// Name of the input tensor.
    pub input: String,
    /// Colour: `[1, 3, S, S]`. Geometry: `[1, 12, S/4, S/4]`.
    pub input_shape: [usize; 4],
    /// Name of the output tensor.
    pub output: String,
    /// `[1, maps, S/4, S/4]`.
    pub output_shape: [usize; 4],
}

/// Largest difference between an engine's map and the golden's, relative to the range (largest
/// minus smallest value) of the golden's maps of that modality.
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
        let supported = u32::from(FormatVersion::V1);
        let found = table.get("format");
        if found.and_then(toml::Value::as_integer) != Some(i64::from(supported)) {
            return Err(BundleError::Format {
                path: bundle.to_path_buf(),
                found: found.map_or("unknown".to_owned(), toml::Value::to_string),
                supported,
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
