//! Goldens: frames with the answer that every engine must give, `goldens/NNN/`.
//!
//! ```text
//! golden.toml       size, pictures, camera, shapes of the maps, evidence
//! rgb.png           8-bit colour
//! depth.png         16-bit counts, or
//! points.f32        x, y, z in mm for each pixel, little-endian; no measurement: z <= 0 or NaN
//! rgb.maps          expected maps, little-endian f32, one map after the other, rows from the top
//! geometry.maps
//! fusion.maps       the fused map and the weight map, where a network joined both modalities
//! ```

mod codec;
mod pictures;

use serde::{Deserialize, Serialize};
use twinspect_core::frame::{FrameError, FramePair, FrameSize};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::score::{FusionMaps, StageMaps};

use crate::document::DocumentError;

pub(crate) use codec::{GoldenFiles, check, decode, encode};

/// One frame pair with its own camera, and what the product's stages and score make of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// Three digits.
    pub name: String,
    /// The frame pair with its camera.
    pub frame: FramePair,
    /// Expected maps of each modality that is usable in this frame.
    pub maps: StageMaps,
    /// Expected answer of the fusion network, where the product has one and both modalities are
    /// usable in this frame.
    pub fusion: Option<FusionMaps>,
    /// Expected evidence.
    pub evidence: GoldenEvidence,
}

/// What the score made of the maps, in standard deviations of good parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenEvidence {
    /// Largest evidence of the joined map.
    pub fused: f32,
    /// Largest evidence of each modality that is usable in this frame.
    pub modalities: PerModality<f32>,
}

/// A golden that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// Its description does not say what it should.
    #[error("reading its description")]
    Document(#[source] Box<DocumentError>),
    /// Its description can't be written.
    #[error("writing its description")]
    WriteDocument(#[source] toml::ser::Error),
    /// A file that the description asks for is not there.
    #[error("{file} is missing")]
    Missing {
        /// The file.
        file: &'static str,
    },
    /// A file is there that the description does not ask for.
    #[error("{file} is not part of what golden.toml describes")]
    Stray {
        /// The file.
        file: String,
    },
    /// A file has another length than its shape asks for.
    #[error("{file} has {found} bytes, expected {expected}")]
    Length {
        /// The file.
        file: &'static str,
        /// Bytes that the shape asks for.
        expected: usize,
        /// Bytes in the file.
        found: usize,
    },
    /// A picture that is no PNG of the expected kind.
    #[error("{file} is no PNG that can be read")]
    Picture {
        /// The file.
        file: &'static str,
        /// Why.
        #[source]
        source: image::ImageError,
    },
    /// A picture of another size or colour type.
    #[error("{file} is {found}, expected {expected}")]
    PictureKind {
        /// The file.
        file: &'static str,
        /// Size and colour type that are needed.
        expected: String,
        /// Size and colour type in the file.
        found: String,
    },
    /// The pictures do not make a frame pair.
    #[error("its pictures make no frame pair")]
    Frame(#[source] FrameError),
    /// A frame beyond the limits.
    #[error("frame of {size} is empty or larger than a golden may be")]
    FrameSize {
        /// Its size.
        size: FrameSize,
    },
    /// Expected maps that the product's stage does not give.
    #[error("{modality} maps are {found:?}, the stage gives {}", stage_told(*expected))]
    MapShape {
        /// The modality.
        modality: Modality,
        /// Number of maps and their side, in the manifest.
        expected: Option<[usize; 2]>,
        /// Number of maps and their side, in the golden.
        found: [usize; 2],
    },
    /// An answer of the fusion network where none is given, or none where it has to answer.
    #[error("fusion.maps is {}", if *.expected { "missing, though the product fuses both modalities" } else { "given, though nothing is fused" })]
    Fusion {
        /// Whether the network has to answer.
        expected: bool,
    },
    /// A fused map of another side than the product's maps.
    #[error("the fusion maps are {found:?}, the stage gives {expected:?}")]
    FusionShape {
        /// Number of maps and their side, of the product.
        expected: [usize; 2],
        /// Number of maps and their side, in the golden.
        found: [usize; 2],
    },
    /// An expected number that is none.
    #[error("{what} holds a value that is not finite")]
    NotFinite {
        /// Which one.
        what: &'static str,
    },
    /// Neither maps nor evidence to compare with, or one without the other.
    #[error("maps and evidence must be of the same modalities, at least one")]
    Modalities,
    /// A name that is not three digits.
    #[error("golden {name:?} must be named by three digits")]
    Name {
        /// The name.
        name: String,
    },
}

/// What a stage gives, in a message.
fn stage_told(maps: Option<[usize; 2]>) -> String {
    maps.map_or_else(|| "none".to_owned(), |maps| format!("{maps:?}"))
}

#[cfg(test)]
pub(crate) mod tests;
