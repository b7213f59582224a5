//! A camera, or a recording that plays one.

use std::path::Path;

use realsense_sys as sys;

use super::context::c_path;
use super::error::CallError;
use super::handle::Handle;
use super::library::{Librealsense, text};
use super::sensor::Sensor;

/// What a device says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceInfo {
    /// "Intel RealSense D435".
    Name,
    /// What tells two cameras of one model apart.
    SerialNumber,
    /// The camera's own program.
    FirmwareVersion,
    /// "3.2", or "2.1" on a cable or port that is too slow.
    UsbType,
    /// Where it is plugged in.
    PhysicalPort,
}

impl DeviceInfo {
    pub(super) fn number(self) -> sys::rs2_camera_info {
        match self {
            Self::Name => sys::rs2_camera_info_RS2_CAMERA_INFO_NAME,
            Self::SerialNumber => sys::rs2_camera_info_RS2_CAMERA_INFO_SERIAL_NUMBER,
            Self::FirmwareVersion => sys::rs2_camera_info_RS2_CAMERA_INFO_FIRMWARE_VERSION,
            Self::UsbType => sys::rs2_camera_info_RS2_CAMERA_INFO_USB_TYPE_DESCRIPTOR,
            Self::PhysicalPort => sys::rs2_camera_info_RS2_CAMERA_INFO_PHYSICAL_PORT,
        }
    }
}

/// What a recording is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaybackStatus {
    /// Not known; also for what later releases may add.
    Unknown,
    /// Pictures come.
    Playing,
    /// It waits.
    Paused,
    /// It has not begun, or has ended.
    Stopped,
}

/// One reference to a camera or a recording.
#[derive(Debug)]
pub struct Device {
    handle: Handle<sys::rs2_device>,
}

// SAFETY: what a device says of itself never changes, and a recording's controls are handed to its reader's thread
// under a lock of the library's.
unsafe impl Sync for Device {}

impl Device {
    /// Takes over a device that a call has just made.
    ///
    /// # Safety
    /// `raw` is null or a reference that this value alone will give back.
    pub(super) unsafe fn take(
        library: Librealsense,
        raw: *mut sys::rs2_device,
        function: &str,
    ) -> Result<Self, CallError> {
        let release = library.api().rs2_delete_device;
        // SAFETY: as the caller promises.
        let handle = unsafe { Handle::take(library, raw, release, function) }?;
        Ok(Self { handle })
    }

    pub(super) fn raw(&self) -> *mut sys::rs2_device {
        self.handle.raw()
    }

    /// The library.
    pub fn library(&self) -> Librealsense {
        self.handle.library()
    }

    /// What the device says of itself, if it says that. A name it always has.
    pub fn info(&self, info: DeviceInfo) -> Option<String> {
        let (library, number) = (self.library(), info.number());
        // SAFETY: the device is alive.
        let has = library
            .ask(|api, error| unsafe { (api.rs2_supports_device_info)(self.raw(), number, error) });
        let told = has.ok().filter(|has| *has != 0).and_then(|_has| {
            library
                // SAFETY: the device is alive; the text lives as long as it does and is copied at once.
                .ask(|api, error| unsafe {
                    text((api.rs2_get_device_info)(self.raw(), number, error))
                })
                .ok()
        });
        match info {
            DeviceInfo::Name => Some(named(told)),
            _ => told,
        }
    }

    /// Its sensors: for a RealSense the stereo module and, but for the D405, a colour camera.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn sensors(&self) -> Result<Vec<Sensor>, CallError> {
        let library = self.library();
        // SAFETY: the device is alive.
        let raw =
            library.ask(|api, error| unsafe { (api.rs2_query_sensors)(self.raw(), error) })?;
        let release = library.api().rs2_delete_sensor_list;
        // SAFETY: the list was made for us by the call above.
        let list = unsafe { Handle::take(library, raw, release, "rs2_query_sensors") }?;
        // SAFETY: the list is alive.
        let count =
            library.ask(|api, error| unsafe { (api.rs2_get_sensors_count)(list.raw(), error) })?;
        (0..count)
            .map(|index| {
                // SAFETY: the list is alive and has more than `index` entries.
                let raw = library.ask(|api, error| unsafe {
                    (api.rs2_create_sensor)(list.raw(), index, error)
                })?;
                // SAFETY: the sensor was made for us by the call above.
                unsafe { Sensor::take(library, raw, "rs2_create_sensor") }
            })
            .collect()
    }

    /// Sends the device a reset and doesn't wait. It goes away and comes back as another device; this
    /// reference, its sensors and their frames are dead then.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn reset(&self) -> Result<(), CallError> {
        // SAFETY: the device is alive.
        self.library()
            .ask(|api, error| unsafe { (api.rs2_hardware_reset)(self.raw(), error) })
    }

    /// Sets everything that the vendor's viewer has saved as a preset.
    ///
    /// # Errors
    /// [`CallError`], also for a device without such settings.
    pub fn load_preset(&self, json: &str) -> Result<(), CallError> {
        let length = u32::try_from(json.len()).map_err(|_too_long| CallError {
            kind: 3,
            function: "rs2_load_json".to_owned(),
            message: "more than four gigabytes of text".to_owned(),
        })?;
        // SAFETY: the device is alive; the text is read for `length` bytes during the call.
        self.library().ask(|api, error| unsafe {
            (api.rs2_load_json)(self.raw(), json.as_ptr().cast(), length, error);
        })
    }

    /// The same device, but that whatever its sensors give is written into a file too. Only what runs through *its*
    /// sensors is; the file is closed when the last reference to it has gone. Streams are not compressed.
    ///
    /// # Errors
    /// [`CallError`], also if the file's ending is none that this release writes.
    pub fn recorder(&self, file: &Path) -> Result<Recorder, CallError> {
        let name = c_path(file)?;
        let library = self.library();
        // SAFETY: the device is alive; the text is copied.
        let raw = library.ask(|api, error| unsafe {
            (api.rs2_create_record_device_ex)(self.raw(), name.as_ptr(), 0, error)
        })?;
        // SAFETY: the device was made for us by the call above.
        let device = unsafe { Self::take(library, raw, "rs2_create_record_device_ex") }?;
        Ok(Recorder { device })
    }

    #[cfg(feature = "double")]
    pub(super) fn into_raw(self) -> *mut sys::rs2_device {
        self.handle.into_raw()
    }

    /// The controls of a recording; `None` for a camera.
    pub fn playback(&self) -> Option<Playback<'_>> {
        let extension = sys::rs2_extension_RS2_EXTENSION_PLAYBACK;
        // SAFETY: the device is alive.
        let is_playback = self.library().ask(|api, error| unsafe {
            (api.rs2_is_device_extendable_to)(self.raw(), extension, error)
        });
        (is_playback.ok()? != 0).then_some(Playback { device: self })
    }
}

/// The controls of a recording.
#[derive(Debug, Clone, Copy)]
pub struct Playback<'a> {
    device: &'a Device,
}

impl Playback<'_> {
    /// Whether pictures come at the pace at which they were recorded, or each as soon as the one before
    /// has been taken from its queue.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn set_real_time(&self, real_time: bool) -> Result<(), CallError> {
        // SAFETY: the device is alive, and `Device::playback` has asked whether it is a recording.
        self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_device_set_real_time)(self.device.raw(), real_time.into(), error);
        })
    }

    /// What the recording is doing.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn status(&self) -> Result<PlaybackStatus, CallError> {
        // SAFETY: as above.
        let status = self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_device_get_current_status)(self.device.raw(), error)
        })?;
        Ok(match status {
            sys::rs2_playback_status_RS2_PLAYBACK_STATUS_PLAYING => PlaybackStatus::Playing,
            sys::rs2_playback_status_RS2_PLAYBACK_STATUS_PAUSED => PlaybackStatus::Paused,
            sys::rs2_playback_status_RS2_PLAYBACK_STATUS_STOPPED => PlaybackStatus::Stopped,
            _ => PlaybackStatus::Unknown,
        })
    }

    /// Lets it wait.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn pause(&self) -> Result<(), CallError> {
        // SAFETY: as above.
        self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_device_pause)(self.device.raw(), error);
        })
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn resume(&self) -> Result<(), CallError> {
        // SAFETY: as above.
        self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_device_resume)(self.device.raw(), error);
        })
    }

    /// How long the recording is.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn duration(&self) -> Result<std::time::Duration, CallError> {
        // SAFETY: as above.
        let nanoseconds = self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_get_duration)(self.device.raw(), error)
        })?;
        Ok(std::time::Duration::from_nanos(nanoseconds))
    }

    /// How far it has been read; nothing, again, when it has ended.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn position(&self) -> Result<std::time::Duration, CallError> {
        // SAFETY: as above.
        let nanoseconds = self.device.library().ask(|api, error| unsafe {
            (api.rs2_playback_get_position)(self.device.raw(), error)
        })?;
        Ok(std::time::Duration::from_nanos(nanoseconds))
    }
}

/// A device whose pictures are written into a file as they pass.
#[derive(Debug)]
pub struct Recorder {
    device: Device,
}

impl Recorder {
    /// The device whose sensors are to be run.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Lets pictures pass without writing them, from the moment on at which everything that came before is written or
    /// ten seconds have gone by. Older releases reckon wrongly if no picture has come yet: their recording
    /// then begins before its own beginning.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn pause(&self) -> Result<(), CallError> {
        // SAFETY: the device is alive, and was made as one that records.
        self.device.library().ask(|api, error| unsafe {
            (api.rs2_record_device_pause)(self.device.raw(), error);
        })
    }

    /// Writes again what passes.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn resume(&self) -> Result<(), CallError> {
        // SAFETY: as above.
        self.device.library().ask(|api, error| unsafe {
            (api.rs2_record_device_resume)(self.device.raw(), error);
        })
    }
}

/// What a camera is called, in messages too, where it tells no name or an empty one.
fn named(told: Option<String>) -> String {
    told.filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| "a camera without a name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_tells_no_name_has_one_in_messages() {
        assert_eq!(named(Some("D435".to_owned())), "D435");
        for nameless in [None, Some(String::new()), Some(" ".to_owned())] {
            assert_eq!(named(nameless), "a camera without a name");
        }
    }
}
