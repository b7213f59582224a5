//! Which camera: one that is connected, or a recording.

use std::path::{Path, PathBuf};

use super::error::RealSenseError;
use super::recorded_file;
use crate::librealsense::{Context, Device, DeviceInfo};

/// Finds a camera, again and again if need be.
pub trait FindDevice: Send {
    /// What is looked for, for people.
    fn describe(&self) -> String;

    /// The camera, if it is there now.
    ///
    /// # Errors
    /// [`RealSenseError::Absent`] if it isn't.
    fn find(&mut self, context: &Context) -> Result<Device, RealSenseError>;

    /// The file, if it is a recording that is played.
    fn recording(&self) -> Option<&Path> {
        None
    }

    /// Whether a camera that was found is still there.
    fn is_there(&mut self, context: &Context) -> bool {
        self.find(context).is_ok()
    }
}

/// A camera that is connected: one by its serial number, or the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedDevice {
    serial: Option<String>,
}

impl ConnectedDevice {
    /// The camera with this serial number, or any.
    pub fn new(serial: Option<String>) -> Self {
        Self { serial }
    }
}

impl FindDevice for ConnectedDevice {
    fn describe(&self) -> String {
        match &self.serial {
            Some(serial) => format!("RealSense camera {serial}"),
            None => "first RealSense camera".to_owned(),
        }
    }

    fn find(&mut self, context: &Context) -> Result<Device, RealSenseError> {
        let devices = context
            .devices()
            .map_err(RealSenseError::call("looking for RealSense cameras"))?;
        let mut found = Vec::new();
        for device in devices {
            let serial = device.info(DeviceInfo::SerialNumber).unwrap_or_default();
            if self.serial.as_ref().is_none_or(|wanted| *wanted == serial) {
                return Ok(device);
            }
            let name = device.info(DeviceInfo::Name).unwrap_or_default();
            found.push(format!("{name} {serial}"));
        }
        Err(RealSenseError::Absent {
            serial: self.serial.clone(),
            found,
        })
    }
}

/// A recording of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDevice {
    file: PathBuf,
}

impl RecordedDevice {
    /// The recording in this file.
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
        }
    }
}

impl FindDevice for RecordedDevice {
    fn describe(&self) -> String {
        format!("recording {}", self.file.display())
    }

    fn recording(&self) -> Option<&Path> {
        Some(&self.file)
    }

    fn find(&mut self, context: &Context) -> Result<Device, RealSenseError> {
        recorded_file::check(&self.file)?;
        // A file is known to the context once; when it is opened again it is taken out first.
        if let Err(error) = context.forget(&self.file) {
            log::debug!("{}: {error}", self.file.display());
        }
        context
            .play(&self.file)
            .map_err(|source| RealSenseError::Recording {
                file: self.file.display().to_string(),
                source,
            })
    }

    fn is_there(&mut self, _context: &Context) -> bool {
        self.file.exists()
    }
}
