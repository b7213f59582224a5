//! Which camera: one that is connected, or a recording.

use std::path::{Path, PathBuf};

use super::error::RealSenseError;
use super::session::identity;
use super::{bag, recorded_file};
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
        let mut devices = context
            .devices()
            .map_err(RealSenseError::call("looking for RealSense cameras"))?;
        let info = |device: &Device, info| device.info(info).unwrap_or_default();
        let there: Vec<(String, String)> = devices
            .iter()
            .map(|device| {
                let name = info(device, DeviceInfo::Name);
                (name, info(device, DeviceInfo::SerialNumber))
            })
            .collect();
        match choose(self.serial.as_deref(), &there) {
            Some(place) => Ok(devices.swap_remove(place)),
            None => Err(RealSenseError::Absent {
                serial: self.serial.clone(),
                found: there
                    .into_iter()
                    .map(|(name, serial)| identity(&name, &serial))
                    .collect(),
            }),
        }
    }
}

/// The place of the camera that is wanted among those that are there, each by name and serial number.
fn choose(wanted: Option<&str>, there: &[(String, String)]) -> Option<usize> {
    there
        .iter()
        .position(|(_, serial)| wanted.is_none_or(|wanted| wanted == serial))
}

/// A recording of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDevice {
    file: PathBuf,
    /// Whether all of it was looked through already.
    is_whole: bool,
}

impl RecordedDevice {
    /// The recording in this file.
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            is_whole: false,
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
        let version = context.library().version();
        recorded_file::check_release(&self.file, version.recording_extension(), version)?;
        if !self.is_whole {
            bag::check(&self.file)?;
            self.is_whole = true;
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(serials: &[&str]) -> Vec<(String, String)> {
        serials
            .iter()
            .map(|serial| ("Intel RealSense D435".to_owned(), (*serial).to_owned()))
            .collect()
    }

    #[test]
    fn a_camera_is_chosen_by_its_serial_number_alone() {
        let two = there(&["123", "456"]);
        assert_eq!(choose(Some("123"), &two), Some(0));
        assert_eq!(choose(Some("456"), &two), Some(1));
        // Neither a part of one nor a camera's name.
        for other in ["12", "1234", "789", "Intel RealSense D435"] {
            assert_eq!(choose(Some(other), &two), None, "{other}");
        }
    }

    #[test]
    fn where_none_is_named_the_first_is_chosen() {
        assert_eq!(choose(None, &there(&["123", "456"])), Some(0));
        assert_eq!(choose(None, &there(&["456", "123"])), Some(0));
        // One that does not tell its number is one all the same.
        assert_eq!(choose(None, &there(&["", "123"])), Some(0));
    }

    #[test]
    fn a_camera_that_tells_no_serial_number_is_called_without_a_blank() {
        assert_eq!(identity("D435", "123"), "D435 123");
        assert_eq!(identity("D435", ""), "D435");
        assert_eq!(identity("", "123"), "123");
    }

    #[test]
    fn where_there_is_none_none_is_chosen() {
        assert_eq!(choose(None, &[]), None);
        assert_eq!(choose(Some("123"), &[]), None);
    }
}
