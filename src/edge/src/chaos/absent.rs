//! No faults: what ships.

use std::io;
use std::process::Command;

use twinspect_camera::CameraError;
use twinspect_core::readiness::NotReady;
use twinspect_core::verdict::Verdict;
use twinspect_engine::EngineError;
use twinspect_line::Edge;

use super::Place;
use crate::error::EdgeError;

/// What `--version` says.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn arm() -> Result<(), EdgeError> {
    Ok(())
}

pub(crate) fn prepare(_: &mut Command, _: u64) {}

pub(crate) fn begin() {}

pub(crate) fn model() -> io::Result<()> {
    Ok(())
}

pub(crate) fn open() -> Result<(), CameraError> {
    Ok(())
}

pub(crate) fn meet(_: Place, _: u64) {}

pub(crate) fn visit(_: Place) {}

pub(crate) fn camera(_: u64) -> Result<(), CameraError> {
    Ok(())
}

pub(crate) fn engine(_: u64) -> Result<(), EngineError> {
    Ok(())
}

pub(crate) fn disk(_: u64) -> io::Result<()> {
    Ok(())
}

pub(crate) fn wire(_: &Edge) {}

pub(crate) fn readiness(_: Option<NotReady>) {}

pub(crate) fn answer(_: u64, _: &Verdict) {}
