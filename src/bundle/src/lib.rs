//! The model bundle: what a trainer hands to a device, checked before any of it is used.
//!
//! A bundle is a folder, or a plain tar of that folder (`.twb`):
//!
//! ```text
//! manifest.toml          how parts are prepared, what the stages take and give, the score
//! rgb.onnx               one network for each modality that the product has
//! geometry.onnx
//! fusion.onnx            joins both, where the product does not join them by the maximum
//! goldens/NNN/           frames with the maps and the evidence that every engine must reproduce
//! SHA256SUMS             the digest of each file, in the form of coreutils
//! SHA256SUMS.minisig     optional signature of the digests
//! ```
//!
//! In the order of use: [`BundleBuilder`] makes a [`Bundle`] from a [`Manifest`], networks and
//! [`Golden`]s; [`Bundle::write_archive`] and [`Bundle::write_directory`] store it; [`Bundle::open`]
//! reads either form. [`pack`] and [`unpack`] turn one into the other. [`document`] reads any TOML
//! file of twinspect with errors that name key, line and column; [`shell`] writes paths into commands for people.
//!
//! ```no_run
//! let bundle = twinspect_bundle::Bundle::open("models/cap.twb")?;
//! println!("{} {}", bundle.manifest().name, bundle.manifest().version);
//! bundle.write_directory("models/cap")?;
//! # Ok::<(), twinspect_bundle::BundleError>(())
//! ```
//!
//! **What is absent**: inference, any knowledge of what is inside an ONNX file, the check of
//! signatures, and content that was used before its digest was compared.
#![forbid(unsafe_code)]

mod builder;
mod bundle;
mod container;
pub mod document;
mod entry;
mod error;
mod golden;
mod manifest;
pub mod shell;
mod sums;

pub use builder::BundleBuilder;
pub use bundle::{Bundle, identity, pack, require_vacant, unpack};
pub use entry::{ENTRIES_MAX, TOTAL_BYTES_MAX};
pub use error::BundleError;
pub use golden::{Golden, GoldenError, GoldenEvidence};
pub use manifest::{
    CameraFacts, FormatVersion, FusionInputShapes, FusionOutputShapes, FusionStage, MAPS_MAX,
    Manifest, Method, Problem, Provenance, Recalibration, Stage, Stages, Tolerance, Version,
    VersionError,
};
