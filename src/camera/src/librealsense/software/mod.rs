//! A camera made of software, inside the library: the double of the device, for tests.
//!
//! A [`Workshop`] makes [`SoftwareCamera`]s, whose pictures, numbers, stamps and clocks are what a test
//! pushes. From the queue on they go the way of a real camera's. It also writes recordings, and has the
//! library's own alignment to compare with. An [`overheard`] library keeps what is done to its cameras.
//!
//! **What it can't show**: USB, power, firmware, a driver that hangs.

mod overhearing;
mod stopping;
mod workshop;

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use realsense_sys as sys;
use twinspect_core::frame::Intrinsics;
use twinspect_core::pairing::{SensorClock, Stream};

pub use overhearing::{Done, heard, overheard, overheard_with_preset};
pub use stopping::{between_pictures, stopping_between_pictures};
pub use workshop::Workshop;

use super::api::double::VideoFrame;
use super::device::{Device, Recorder};
use super::error::CallError;
use super::frame::FrameQueue;
use super::option::{CameraOption, OptionRange};
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
    /// Metres a count of depth, where it can't be set: the depth sensor's `options` have no such setting.
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

    /// The same as the library's own pointer, which whoever asked for it gives back by `rs2_delete_device`: for a
    /// double of the library itself.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn raw_device(&self) -> Result<*mut sys::rs2_device, CallError> {
        Ok(self.device()?.into_raw())
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
        let depth_units = self.depth.get(CameraOption::DepthUnits)?;
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
            depth_units,
        };
        // SAFETY: the sensor and its profile are alive, and the pixels are the library's from now on.
        let show = |error| unsafe {
            (self.workshop.internal.rs2_software_sensor_on_video_frame)(sensor.raw(), frame, error);
        };
        let library = self.workshop.library;
        between_pictures(|| library.ask(|_, error| show(error)))
    }
}

/// A recording that is being written. It is whole once this is dropped.
#[derive(Debug)]
pub struct SoftwareRecorder {
    streams: Vec<Streaming>,
    queue: FrameQueue,
    _recorder: Recorder,
}

impl SoftwareRecorder {
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
