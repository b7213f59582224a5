//! Where software cameras and recordings are made, and the library's own alignment.

use std::ffi::{CString, c_int};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use realsense_sys as sys;
use twinspect_core::frame::Intrinsics;
use twinspect_core::pairing::Stream;

use super::super::api::double::{DoubleApi, InternalApi, VideoStream};
use super::super::device::{Device, DeviceInfo};
use super::super::error::{CallError, LoadError};
use super::super::frame::{Frame, FrameQueue};
use super::super::handle::Handle;
use super::super::library::{Librealsense, with_cause};
use super::super::option::{CameraOption, OptionRange};
use super::super::profile::{Profile, StreamKind};
use super::super::sensor::Sensor;
use super::{SoftwareCamera, SoftwareRecorder, SoftwareSpec};

/// Makes software cameras and recordings.
pub struct Workshop {
    pub(super) library: Librealsense,
    pub(super) internal: InternalApi,
    pub(super) api: DoubleApi,
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workshop")
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}

impl Workshop {
    /// Finds what is needed beside the camera's functions.
    ///
    /// # Errors
    /// [`LoadError::Unusable`].
    pub fn open(library: Librealsense) -> Result<Arc<Self>, LoadError> {
        let unusable = |error: libloading::Error| LoadError::Unusable {
            path: library.path().to_owned(),
            reason: with_cause(&error),
        };
        // SAFETY: it is librealsense, as its loading has shown, and it is never unloaded.
        let internal = unsafe { InternalApi::find(library.library()) }.map_err(unusable)?;
        // SAFETY: the same.
        let api = unsafe { DoubleApi::find(library.library()) }.map_err(unusable)?;
        Ok(Arc::new(Self {
            library,
            internal,
            api,
        }))
    }

    /// Makes a camera.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn camera(self: &Arc<Self>, spec: &SoftwareSpec) -> Result<SoftwareCamera, CallError> {
        let library = self.library;
        // SAFETY: a plain call.
        let raw =
            library.ask(|_, error| unsafe { (self.internal.rs2_create_software_device)(error) })?;
        // SAFETY: the device was made for us by the call above.
        let device = unsafe { Device::take(library, raw, "rs2_create_software_device") }?;
        for (info, value) in [
            (DeviceInfo::Name, "Software D400"),
            (DeviceInfo::SerialNumber, &spec.serial),
            (DeviceInfo::FirmwareVersion, "0.0.0.0"),
            (DeviceInfo::UsbType, &spec.usb),
        ] {
            let value = c_text(value);
            // SAFETY: the device is alive; the text is copied.
            library.ask(|_, error| unsafe {
                (self.internal.rs2_software_device_register_info)(
                    device.raw(),
                    info.number(),
                    value.as_ptr(),
                    error,
                );
            })?;
        }
        let depth = self.sensor(&device, "Stereo Module")?;
        let colour = if spec.one_sensor {
            None
        } else {
            Some(self.sensor(&device, "RGB Camera")?)
        };
        let own = colour.as_ref().unwrap_or(&depth);
        let depth_profile = self.stream(&depth, Stream::Depth, &spec.depth, spec.rate_hz)?;
        let colour_profile = self.stream(own, Stream::Colour, &spec.colour, spec.rate_hz)?;
        let place = sys::rs2_extrinsics {
            rotation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            translation: spec.translation_m,
        };
        // SAFETY: both profiles belong to sensors that are alive.
        library.ask(|_, error| unsafe {
            (self.api.rs2_register_extrinsics)(depth_profile, colour_profile, place, error);
        })?;
        let matcher = sys::rs2_matchers_RS2_MATCHER_DLR_C;
        // SAFETY: the device is alive.
        library.ask(|_, error| unsafe {
            (self.internal.rs2_software_device_create_matcher)(device.raw(), matcher, error);
        })?;
        for (sensor, options) in [&depth, own].into_iter().zip(&spec.options) {
            for (option, range) in options {
                self.add_option(sensor, *option, *range)?;
            }
        }
        if !depth.has(CameraOption::DepthUnits) {
            let number = CameraOption::DepthUnits.number();
            // SAFETY: the sensor is alive.
            library.ask(|_, error| unsafe {
                (self.internal.rs2_software_sensor_add_read_only_option)(
                    depth.raw(),
                    number,
                    spec.depth_unit_m,
                    error,
                );
            })?;
        }
        // In thousandths of a hertz. Without it the library works out a rate from the first stamp and zero, and
        // its own matcher pairs wrongly.
        let rate = i64::from(spec.rate_hz) * 1000;
        let value = sys::rs2_frame_metadata_value_RS2_FRAME_METADATA_ACTUAL_FPS;
        for sensor in [&depth, own] {
            // SAFETY: the sensor is alive.
            library.ask(|_, error| unsafe {
                (self.internal.rs2_software_sensor_set_metadata)(sensor.raw(), value, rate, error);
            })?;
        }
        Ok(SoftwareCamera {
            workshop: Arc::clone(self),
            profiles: [depth_profile, colour_profile],
            widths: [spec.depth.width, spec.colour.width],
            colour,
            depth,
            device,
        })
    }

    fn sensor(&self, device: &Device, name: &str) -> Result<Sensor, CallError> {
        let name = c_text(name);
        // SAFETY: the device is alive; the text is copied.
        let raw = self.library.ask(|_, error| unsafe {
            (self.internal.rs2_software_device_add_sensor)(device.raw(), name.as_ptr(), error)
        })?;
        // SAFETY: the sensor was made for us by the call above.
        unsafe { Sensor::take(self.library, raw, "rs2_software_device_add_sensor") }
    }

    fn stream(
        &self,
        sensor: &Sensor,
        stream: Stream,
        camera: &Intrinsics,
        rate_hz: i32,
    ) -> Result<*const sys::rs2_stream_profile, CallError> {
        let (kind, format, bytes_per_pixel, uid) = match stream {
            Stream::Depth => (
                sys::rs2_stream_RS2_STREAM_DEPTH,
                sys::rs2_format_RS2_FORMAT_Z16,
                2,
                100,
            ),
            Stream::Colour => (
                sys::rs2_stream_RS2_STREAM_COLOR,
                sys::rs2_format_RS2_FORMAT_RGB8,
                3,
                101,
            ),
        };
        let stream = VideoStream {
            stream: kind,
            index: 0,
            uid,
            width: camera.width as c_int,
            height: camera.height as c_int,
            rate_hz,
            bytes_per_pixel,
            format,
            intrinsics: sys::rs2_intrinsics {
                width: camera.width as c_int,
                height: camera.height as c_int,
                ppx: camera.cx as f32,
                ppy: camera.cy as f32,
                fx: camera.fx as f32,
                fy: camera.fy as f32,
                model: sys::rs2_distortion_RS2_DISTORTION_BROWN_CONRADY,
                coeffs: camera.distortion.map(|value| value as f32),
            },
        };
        // SAFETY: the sensor is alive. The profile that comes back belongs to it.
        let raw = self.library.ask(|_, error| unsafe {
            (self.internal.rs2_software_sensor_add_video_stream_ex)(sensor.raw(), stream, 1, error)
        })?;
        Ok(raw.cast_const())
    }

    fn add_option(
        &self,
        sensor: &Sensor,
        option: CameraOption,
        range: OptionRange,
    ) -> Result<(), CallError> {
        // SAFETY: the sensor is alive.
        self.library.ask(|_, error| unsafe {
            (self.internal.rs2_software_sensor_add_option)(
                sensor.raw(),
                option.number(),
                range.min,
                range.max,
                range.step,
                range.default,
                1,
                error,
            );
        })
    }

    /// Records what a camera shows from now on.
    ///
    /// # Errors
    /// [`CallError`], also if the file's ending is not this library's.
    pub fn record(
        &self,
        camera: &SoftwareCamera,
        file: &Path,
    ) -> Result<SoftwareRecorder, CallError> {
        let recorder = camera.device.recorder(file)?;
        let queue = FrameQueue::new(self.library, 64)?;
        let mut streams = Vec::new();
        // The recorder's own sensors are those that run; pictures still go in through the camera's.
        for sensor in recorder.device().sensors()? {
            let profiles = sensor.profiles()?;
            let profiles: Vec<&Profile> = profiles.iter().collect();
            streams.push(sensor.start(&profiles, &queue)?);
        }
        Ok(SoftwareRecorder {
            streams,
            queue,
            _recorder: recorder,
        })
    }

    /// Lays the depth of a pair onto its colour as the library does. Both pictures must have been shown to one
    /// `queue` in which nothing else waits.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn align(&self, frames: Vec<Frame>, time: Duration) -> Result<Option<Frame>, CallError> {
        let library = self.library;
        let block = |raw: *mut sys::rs2_processing_block, function: &str| {
            // SAFETY: the block was made for us by the call whose result this is.
            unsafe { Handle::take(library, raw, self.api.rs2_delete_processing_block, function) }
        };
        // SAFETY: a plain call.
        let raw = library
            .ask(|_, error| unsafe { (self.api.rs2_create_sync_processing_block)(error) })?;
        let sync = block(raw, "rs2_create_sync_processing_block")?;
        let colour = sys::rs2_stream_RS2_STREAM_COLOR;
        // SAFETY: a plain call.
        let raw = library.ask(|_, error| unsafe { (self.api.rs2_create_align)(colour, error) })?;
        let align = block(raw, "rs2_create_align")?;
        let (pairs, aligned) = (FrameQueue::new(library, 4)?, FrameQueue::new(library, 4)?);
        for (block, queue) in [(&sync, &pairs), (&align, &aligned)] {
            // SAFETY: both are alive, and the queue outlives the block: it is dropped after it.
            library.ask(|_, error| unsafe {
                (self.api.rs2_start_processing_queue)(block.raw(), queue.raw(), error);
            })?;
        }
        for frame in frames {
            // SAFETY: the block is alive and takes the frame over.
            library.ask(|_, error| unsafe {
                (self.api.rs2_process_frame)(sync.raw(), frame.into_raw(), error);
            })?;
        }
        let mut found = None;
        while let Some(pair) = pairs.wait(time)? {
            if self.embedded(&pair)? < 2 {
                continue;
            }
            // SAFETY: the block is alive and takes the frame over.
            library.ask(|_, error| unsafe {
                (self.api.rs2_process_frame)(align.raw(), pair.into_raw(), error);
            })?;
            if let Some(set) = aligned.wait(time)? {
                found = Some(set);
                break;
            }
        }
        let Some(set) = found else { return Ok(None) };
        for index in 0..self.embedded(&set)? {
            // SAFETY: the set is alive and has more than `index` frames; each comes with a reference of its own.
            let raw = library
                .ask(|_, error| unsafe { (self.api.rs2_extract_frame)(set.raw(), index, error) })?;
            // SAFETY: as just said.
            let frame = unsafe { Frame::take(library, raw, "rs2_extract_frame") }?;
            if frame.facts()?.kind == StreamKind::Depth {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn embedded(&self, set: &Frame) -> Result<c_int, CallError> {
        // SAFETY: the frame is alive.
        self.library
            .ask(|_, error| unsafe { (self.api.rs2_embedded_frames_count)(set.raw(), error) })
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}
