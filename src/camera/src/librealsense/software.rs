//! A camera made of software, inside the library: the double of the device, for tests.
//!
//! A [`Workshop`] makes [`SoftwareCamera`]s, whose pictures, numbers, stamps and clocks are what a test
//! pushes. From the queue on they go the way of a real camera's. It also writes recordings, and has the
//! library's own alignment to compare with.
//!
//! **What it can't show**: USB, power, firmware, a driver that hangs.

use std::ffi::{CString, c_int, c_void};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use realsense_sys as sys;
use twinspect_core::frame::Intrinsics;
use twinspect_core::pairing::{SensorClock, Stream};

use super::api::double::{DoubleApi, InternalApi, VideoFrame, VideoStream};
use super::context::c_path;
use super::device::{Device, DeviceInfo};
use super::error::{CallError, LoadError};
use super::frame::{Frame, FrameQueue};
use super::handle::Handle;
use super::library::Librealsense;
use super::option::{CameraOption, OptionRange};
use super::profile::Profile;
use super::sensor::{Sensor, Streaming};

/// What a software camera looks like.
#[derive(Debug, Clone)]
pub struct SoftwareSpec {
    /// Its serial number.
    pub serial: String,
    /// Its kind of USB.
    pub usb: String,
    /// The depth camera.
    pub depth: Intrinsics,
    /// The colour camera.
    pub colour: Intrinsics,
    /// Pictures a second.
    pub rate_hz: i32,
    /// Where the depth camera stands seen from the colour camera, in metres.
    pub translation_m: [f32; 3],
    /// Metres a count of depth.
    pub depth_unit_m: f32,
    /// Whether both streams come from one sensor, as in the D405.
    pub one_sensor: bool,
    /// Settings of the depth sensor, and of the colour sensor.
    pub options: [Vec<(CameraOption, OptionRange)>; 2],
}

/// What a picture says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Its number.
    pub number: u64,
    /// Its time stamp.
    pub time_us: u64,
    /// The clock of its time stamp.
    pub clock: SensorClock,
}

/// Makes software cameras and recordings.
pub struct Workshop {
    library: Librealsense,
    internal: InternalApi,
    api: DoubleApi,
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
            reason: super::library::with_cause(&error),
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
            depth_unit_m: spec.depth_unit_m,
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
    pub fn record(&self, camera: &SoftwareCamera, file: &Path) -> Result<Recorder, CallError> {
        let name = c_path(file)?;
        let source = camera.device.raw();
        // SAFETY: the device is alive; the text is copied.
        let raw = self.library.ask(|_, error| unsafe {
            (self.api.rs2_create_record_device_ex)(source, name.as_ptr(), 0, error)
        })?;
        // SAFETY: the device was made for us by the call above.
        let device = unsafe { Device::take(self.library, raw, "rs2_create_record_device_ex") }?;
        let queue = FrameQueue::new(self.library, 64)?;
        let mut streams = Vec::new();
        // The recorder's own sensors are those that run; pictures still go in through the camera's.
        for sensor in device.sensors()? {
            let profiles = sensor.profiles()?;
            let profiles: Vec<&Profile> = profiles.iter().collect();
            streams.push(sensor.start(&profiles, &queue)?);
        }
        Ok(Recorder {
            streams,
            queue,
            _device: device,
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
            if frame.facts()?.kind == super::profile::StreamKind::Depth {
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

/// A camera made of software. Its pictures are what is pushed.
#[derive(Debug)]
pub struct SoftwareCamera {
    workshop: Arc<Workshop>,
    depth: Sensor,
    /// `None`: the depth sensor gives colour too.
    colour: Option<Sensor>,
    /// Of depth and colour; they belong to the sensors.
    profiles: [*const sys::rs2_stream_profile; 2],
    widths: [usize; 2],
    depth_unit_m: f32,
    device: Device,
}

// SAFETY: the profiles belong to the sensors, which go along; the rest is `Send`.
unsafe impl Send for SoftwareCamera {}
// SAFETY: pictures may be pushed from several threads: the library locks.
unsafe impl Sync for SoftwareCamera {}

impl SoftwareCamera {
    /// Another reference to the device, as if it had been found.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn device(&self) -> Result<Device, CallError> {
        let library = self.workshop.library;
        // SAFETY: the sensor is alive.
        let raw = library.ask(|_, error| unsafe {
            (self.workshop.api.rs2_create_device_from_sensor)(self.depth.raw(), error)
        })?;
        // SAFETY: the device was made for us by the call above.
        unsafe { Device::take(library, raw, "rs2_create_device_from_sensor") }
    }

    /// Shows depth counts.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn depth(&self, counts: &[u16], moment: Moment) -> Result<(), CallError> {
        let bytes: Vec<u8> = counts
            .iter()
            .flat_map(|count| count.to_le_bytes())
            .collect();
        self.push(Stream::Depth, &bytes, 2, None, moment)
    }

    /// Shows colours, `R G B` interleaved.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn colour(&self, rgb: &[u8], moment: Moment) -> Result<(), CallError> {
        self.push(Stream::Colour, rgb, 3, None, moment)
    }

    /// Shows a picture whose rows say that they have so many bytes, whatever the truth is.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn corrupt(&self, stream: Stream, stride: usize, moment: Moment) -> Result<(), CallError> {
        let (bytes, bytes_per_pixel) = match stream {
            Stream::Depth => (vec![0; 16], 2),
            Stream::Colour => (vec![0; 16], 3),
        };
        self.push(stream, &bytes, bytes_per_pixel, Some(stride), moment)
    }

    fn push(
        &self,
        stream: Stream,
        bytes: &[u8],
        bytes_per_pixel: usize,
        stride: Option<usize>,
        moment: Moment,
    ) -> Result<(), CallError> {
        let (sensor, place) = match (stream, &self.colour) {
            (Stream::Depth, _) => (&self.depth, 0),
            (Stream::Colour, None) => (&self.depth, 1),
            (Stream::Colour, Some(sensor)) => (sensor, 1),
        };
        let [width, profile] = [self.widths[place], self.profiles[place] as usize];
        // SAFETY: plain memory of `bytes.len()` bytes, filled before anybody reads it, and freed by `free_pixels`
        // when the library has done with it.
        let pixels = unsafe {
            let pixels = malloc(bytes.len());
            if pixels.is_null() {
                std::alloc::handle_alloc_error(std::alloc::Layout::for_value(bytes));
            }
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), pixels.cast(), bytes.len());
            pixels
        };
        PIXELS_ALIVE.fetch_add(1, Ordering::SeqCst);
        let frame = VideoFrame {
            pixels,
            deleter: Some(free_pixels),
            stride: stride.unwrap_or(width * bytes_per_pixel) as c_int,
            bytes_per_pixel: bytes_per_pixel as c_int,
            time_ms: moment.time_us as f64 / 1e3,
            domain: moment.clock.0,
            number: moment.number as c_int,
            profile: profile as *const _,
            depth_units: self.depth_unit_m,
        };
        // SAFETY: the sensor and its profile are alive, and the pixels are the library's from now on.
        self.workshop.library.ask(|_, error| unsafe {
            (self.workshop.internal.rs2_software_sensor_on_video_frame)(sensor.raw(), frame, error);
        })
    }
}

/// A recording that is being written. It is whole once this is dropped.
#[derive(Debug)]
pub struct Recorder {
    streams: Vec<Streaming>,
    queue: FrameQueue,
    _device: Device,
}

impl Recorder {
    /// Waits until another picture has passed by, so that none is lost; whether one has.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn wait(&self, time: Duration) -> Result<bool, CallError> {
        Ok(self.queue.wait(time)?.is_some())
    }

    /// Ends the recording.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn finish(mut self) -> Result<(), CallError> {
        for stream in self.streams.drain(..) {
            stream.stop()?;
        }
        Ok(())
    }
}

static PIXELS_ALIVE: AtomicUsize = AtomicUsize::new(0);

/// Pictures that were shown and that somebody still holds, of all software cameras of this process.
pub fn pixels_alive() -> usize {
    PIXELS_ALIVE.load(Ordering::SeqCst)
}

unsafe extern "C" {
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
}

/// Called by the library when a picture's last reference has gone.
unsafe extern "C" fn free_pixels(pixels: *mut c_void) {
    PIXELS_ALIVE.fetch_sub(1, Ordering::SeqCst);
    // SAFETY: allocated by `push`, and the library calls this once for each.
    unsafe { free(pixels) }
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "")).unwrap_or_default()
}
