//! A part of a camera that can be set and run by itself.

use realsense_sys as sys;

use super::device::DeviceInfo;
use super::error::CallError;
use super::frame::FrameQueue;
use super::handle::Handle;
use super::library::{Librealsense, text};
use super::option::{CameraOption, OptionRange};
use super::profile::{Profile, ProfileList};

/// A sensor that does not run.
#[derive(Debug)]
pub struct Sensor {
    handle: Handle<sys::rs2_sensor>,
}

impl Sensor {
    /// Takes over a sensor that a call has just made.
    ///
    /// # Safety
    /// `raw` is null or a reference that this value alone will give back.
    pub(super) unsafe fn take(
        library: Librealsense,
        raw: *mut sys::rs2_sensor,
        function: &str,
    ) -> Result<Self, CallError> {
        let release = library.api().rs2_delete_sensor;
        // SAFETY: as the caller promises.
        let handle = unsafe { Handle::take(library, raw, release, function) }?;
        Ok(Self { handle })
    }

    pub(super) fn raw(&self) -> *mut sys::rs2_sensor {
        self.handle.raw()
    }

    fn library(&self) -> Librealsense {
        self.handle.library()
    }

    /// A sensor as what has settings: in the library the one is derived from the other.
    fn options(&self) -> *const sys::rs2_options {
        self.raw().cast_const().cast()
    }

    /// Its name, for people.
    pub fn name(&self) -> String {
        let number = DeviceInfo::Name.number();
        // SAFETY: the sensor is alive; the text lives as long as it does and is copied at once.
        let name = self.library().ask(|api, error| unsafe {
            if (api.rs2_supports_sensor_info)(self.raw(), number, error) == 0 {
                return String::new();
            }
            text((api.rs2_get_sensor_info)(self.raw(), number, error))
        });
        name.unwrap_or_default()
    }

    /// Every way in which it can run.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn profiles(&self) -> Result<Vec<Profile>, CallError> {
        let library = self.library();
        // SAFETY: the sensor is alive.
        let raw = library
            .ask(|api, error| unsafe { (api.rs2_get_stream_profiles)(self.raw(), error) })?;
        let release = library.api().rs2_delete_stream_profiles_list;
        // SAFETY: the list was made for us by the call above.
        let list = unsafe { Handle::take(library, raw, release, "rs2_get_stream_profiles") }?;
        Profile::all(ProfileList(list))
    }

    /// Whether it has a setting.
    pub fn has(&self, option: CameraOption) -> bool {
        // SAFETY: the sensor is alive.
        let has = self.library().ask(|api, error| unsafe {
            (api.rs2_supports_option)(self.options(), option.number(), error)
        });
        has.is_ok_and(|has| has != 0)
    }

    /// Whether a setting can only be read.
    pub fn is_read_only(&self, option: CameraOption) -> bool {
        // SAFETY: the sensor is alive.
        let is = self.library().ask(|api, error| unsafe {
            (api.rs2_is_option_read_only)(self.options(), option.number(), error)
        });
        is.is_ok_and(|is| is != 0)
    }

    /// What a setting is.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn get(&self, option: CameraOption) -> Result<f32, CallError> {
        // SAFETY: the sensor is alive.
        self.library().ask(|api, error| unsafe {
            (api.rs2_get_option)(self.options(), option.number(), error)
        })
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn set(&self, option: CameraOption, value: f32) -> Result<(), CallError> {
        // SAFETY: the sensor is alive.
        self.library().ask(|api, error| unsafe {
            (api.rs2_set_option)(self.options(), option.number(), value, error);
        })
    }

    /// What a setting may be.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn range(&self, option: CameraOption) -> Result<OptionRange, CallError> {
        let (mut min, mut max, mut step, mut default) = (0.0, 0.0, 0.0, 0.0);
        // SAFETY: the sensor is alive, and the four places are filled during the call.
        self.library().ask(|api, error| unsafe {
            (api.rs2_get_option_range)(
                self.options(),
                option.number(),
                &raw mut min,
                &raw mut max,
                &raw mut step,
                &raw mut default,
                error,
            );
        })?;
        Ok(OptionRange {
            min,
            max,
            step,
            default,
        })
    }

    /// Runs it; its pictures go into the queue.
    ///
    /// # Errors
    /// [`CallError`]; the sensor is closed again then.
    pub fn start(self, profiles: &[&Profile], queue: &FrameQueue) -> Result<Streaming, CallError> {
        let mut raw: Vec<_> = profiles.iter().map(|profile| profile.raw()).collect();
        let library = self.library();
        // No sensor has so many profiles that their number would not fit.
        let count = i32::try_from(raw.len()).unwrap_or(i32::MAX);
        // SAFETY: the sensor and the profiles' lists are alive; the array has `count` entries.
        library.ask(|api, error| unsafe {
            (api.rs2_open_multiple)(self.raw(), raw.as_mut_ptr(), count, error);
        })?;
        let mut streaming = Streaming {
            sensor: self,
            queue: queue.clone(),
            state: Running::Opened,
        };
        // SAFETY: the sensor is alive, and the queue is kept until the sensor has been stopped.
        library.ask(|api, error| unsafe {
            (api.rs2_start_queue)(streaming.sensor.raw(), streaming.queue.raw(), error);
        })?;
        streaming.state = Running::Started;
        Ok(streaming)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    Opened,
    Started,
    Closed,
}

/// A sensor that runs. It is stopped and closed when it is dropped.
#[derive(Debug)]
pub struct Streaming {
    sensor: Sensor,
    /// The library's threads put pictures into it until the sensor has been stopped.
    queue: FrameQueue,
    state: Running,
}

impl Streaming {
    /// The sensor, to be read and set while it runs.
    pub fn sensor(&self) -> &Sensor {
        &self.sensor
    }

    /// Stops and closes it. No picture comes after that, but the queue may hold some.
    ///
    /// # Errors
    /// [`CallError`]; there is nothing more that could be done then.
    pub fn stop(mut self) -> Result<(), CallError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), CallError> {
        let (library, raw) = (self.sensor.library(), self.sensor.raw());
        let state = std::mem::replace(&mut self.state, Running::Closed);
        let stopped = if state == Running::Started {
            // SAFETY: the sensor is alive and was started.
            library.ask(|api, error| unsafe { (api.rs2_stop)(raw, error) })
        } else {
            Ok(())
        };
        let closed = if state == Running::Closed {
            Ok(())
        } else {
            // SAFETY: the sensor is alive and was opened.
            library.ask(|api, error| unsafe { (api.rs2_close)(raw, error) })
        };
        stopped.and(closed)
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        // A recording stops its sensors by itself at its end; a camera that has gone can't be told anything.
        if let Err(error) = self.end() {
            log::debug!("stopping a sensor: {error}");
        }
    }
}
