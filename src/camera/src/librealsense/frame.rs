//! Pictures, and the queue in which they come.

use std::sync::Arc;
use std::time::Duration;

use realsense_sys as sys;
use twinspect_core::frame::FrameSize;
use twinspect_core::pairing::SensorClock;

use super::api::{Api, ErrorSlot};
use super::error::CallError;
use super::handle::Handle;
use super::library::Librealsense;
use super::profile::{ProfileFacts, facts, size_of};

/// A queue into which the library's threads put pictures. When it is full the oldest goes; a recording that
/// plays as fast as it is read waits instead.
#[derive(Debug, Clone)]
pub struct FrameQueue(Arc<SharedQueue>);

#[derive(Debug)]
struct SharedQueue(Handle<sys::rs2_frame_queue>);

// SAFETY: a queue is made to be filled and emptied by different threads at once, under a lock of its own.
unsafe impl Sync for SharedQueue {}

impl FrameQueue {
    /// A queue of so many places.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn new(library: Librealsense, places: u8) -> Result<Self, CallError> {
        // SAFETY: a plain call.
        let raw = library
            .ask(|api, error| unsafe { (api.rs2_create_frame_queue)(places.into(), error) })?;
        let release = library.api().rs2_delete_frame_queue;
        // SAFETY: the queue was made for us by the call above.
        let handle = unsafe { Handle::take(library, raw, release, "rs2_create_frame_queue") }?;
        Ok(Self(Arc::new(SharedQueue(handle))))
    }

    pub(super) fn raw(&self) -> *mut sys::rs2_frame_queue {
        self.0.0.raw()
    }

    /// The oldest picture that waits, or the next one; `None` if none comes in time.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn wait(&self, time: Duration) -> Result<Option<Frame>, CallError> {
        let library = self.0.0.library();
        let milliseconds = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let mut raw = std::ptr::null_mut();
        // SAFETY: the queue is alive, and `raw` is filled during the call.
        let came = library.ask(|api, error| unsafe {
            (api.rs2_try_wait_for_frame)(self.raw(), milliseconds, &raw mut raw, error)
        })?;
        if came == 0 {
            return Ok(None);
        }
        // SAFETY: the call above has given the frame away.
        unsafe { Frame::take(library, raw, "rs2_try_wait_for_frame") }.map(Some)
    }
}

/// A picture that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The library refuses to say what it is.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another size or format than the stream was started with.
    #[error("a picture of another kind: {found:?}")]
    Kind {
        /// What it says of itself.
        found: ProfileFacts,
    },
    /// Fewer bytes than its size needs.
    #[error("a picture of {size} with {bytes} bytes in rows of {stride}")]
    Short {
        /// Its size.
        size: FrameSize,
        /// Bytes that there are.
        bytes: usize,
        /// Bytes from row to row.
        stride: usize,
    },
    /// A time stamp that is no time.
    #[error("a time stamp that is no time: {milliseconds} ms")]
    Time {
        /// What was found.
        milliseconds: String,
    },
}

/// One picture. The library's pool has about sixteen of them for each stream, and gives no more when they are
/// all kept.
#[derive(Debug)]
pub struct Frame {
    handle: Handle<sys::rs2_frame>,
}

impl Frame {
    /// Takes over a frame that a call has just given away.
    ///
    /// # Safety
    /// `raw` is null or a reference that this value alone will give back.
    pub(super) unsafe fn take(
        library: Librealsense,
        raw: *mut sys::rs2_frame,
        function: &str,
    ) -> Result<Self, CallError> {
        let release = library.api().rs2_release_frame;
        // SAFETY: as the caller promises.
        let handle = unsafe { Handle::take(library, raw, release, function) }?;
        Ok(Self { handle })
    }

    #[cfg(feature = "double")]
    pub(super) fn into_raw(self) -> *mut sys::rs2_frame {
        self.handle.into_raw()
    }

    #[cfg(feature = "double")]
    pub(super) fn raw(&self) -> *mut sys::rs2_frame {
        self.handle.raw()
    }

    fn library(&self) -> Librealsense {
        self.handle.library()
    }

    /// Asks a function that only reads the frame.
    fn read<T>(
        &self,
        function: impl FnOnce(&Api) -> unsafe extern "C" fn(*const sys::rs2_frame, ErrorSlot) -> T,
    ) -> Result<T, CallError> {
        // SAFETY: the frame is alive; the functions that are named below only read it.
        self.library()
            .ask(|api, error| unsafe { function(api)(self.handle.raw().cast_const(), error) })
    }

    /// What its stream is.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn facts(&self) -> Result<ProfileFacts, CallError> {
        let raw = self.read(|api| api.rs2_get_frame_stream_profile)?;
        // SAFETY: a frame keeps its profile.
        unsafe { facts(self.library(), raw) }
    }

    /// Its number in its stream.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn number(&self) -> Result<u64, CallError> {
        self.read(|api| api.rs2_get_frame_number)
    }

    /// When it was taken, in microseconds of its clock, and which clock that is: 0 the camera's, 1 the host's
    /// when it came, 2 the camera's brought to the host's.
    ///
    /// # Errors
    /// [`FrameError::Call`] and [`FrameError::Time`].
    pub fn time_us(&self) -> Result<(u64, SensorClock), FrameError> {
        let milliseconds = self.read(|api| api.rs2_get_frame_timestamp)?;
        let domain = self.read(|api| api.rs2_get_frame_timestamp_domain)?;
        let us = (milliseconds * 1e3).round();
        // Up to the year 2255, and exact there.
        if !(0.0..9e15).contains(&us) {
            return Err(FrameError::Time {
                milliseconds: milliseconds.to_string(),
            });
        }
        Ok((us as u64, SensorClock(domain)))
    }

    /// Metres a count of a depth picture.
    ///
    /// # Errors
    /// [`CallError`], also for other pictures.
    pub fn depth_unit_m(&self) -> Result<f64, CallError> {
        let unit_m = self.read(|api| api.rs2_depth_frame_get_units)?;
        // A unit is a round number of metres in decimal; as f32 it is not.
        Ok((f64::from(unit_m) * 1e9).round() / 1e9)
    }

    /// Its rows from the top, each with as many bytes as its pixels need; what a row is padded with is left out.
    ///
    /// # Errors
    /// [`FrameError::Kind`] if it is not of this size and pixel, [`FrameError::Short`] if bytes are missing.
    pub fn rows(
        &self,
        size: FrameSize,
        bytes_per_pixel: usize,
    ) -> Result<impl Iterator<Item = &[u8]>, FrameError> {
        let width = self.read(|api| api.rs2_get_frame_width)?;
        let height = self.read(|api| api.rs2_get_frame_height)?;
        let stride = self.read(|api| api.rs2_get_frame_stride_in_bytes)?;
        let told = self.read(|api| api.rs2_get_frame_data_size)?;
        let data = self.read(|api| api.rs2_get_frame_data)?;
        let found = size_of(width, height);
        if found != Some(size) {
            return Err(FrameError::Kind {
                found: ProfileFacts {
                    size: found,
                    ..self.facts()?
                },
            });
        }
        let stride = usize::try_from(stride).unwrap_or(0);
        let told = usize::try_from(told).unwrap_or(0);
        let whole = stride.saturating_mul(size.height);
        let needed = size.width.saturating_mul(bytes_per_pixel);
        // A frame that was given to a software device says that it has no bytes; its rows are there.
        let is_short = data.is_null() || stride < needed || (told > 0 && told < whole);
        if is_short {
            return Err(FrameError::Short {
                size,
                bytes: told,
                stride,
            });
        }
        // SAFETY: the library's picture has `height` rows of `stride` bytes, checked against what it says of
        // its size; it lives and does not change as long as the frame is kept, which the slice borrows.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), whole) };
        Ok(bytes
            .chunks_exact(stride)
            .map(move |row| row.get(..needed).unwrap_or_default()))
    }
}
