//! librealsense, loaded when it is wanted, behind types that can't be misused.
//!
//! The library is C++ behind a C interface whose handles are counted references. Here each handle is a
//! value with one owner that gives it back: [`Context`] (who sees devices), [`Device`], [`Sensor`] and
//! [`Streaming`] (a sensor that runs, and stops when it is dropped), [`Profile`] (one way in which a
//! sensor can run), [`FrameQueue`], [`Frame`]. A recording is a [`Device`] with a [`Playback`], and [`Recorder`] makes one.
//!
//! One program serves all releases from 2.54 on: enumerations only ever grew, no function that is used
//! here changed, and a context is asked for in the library's own version. Types and signatures are those
//! of the crate `realsense-sys`, and the compiler compares them; see `api`.
//!
//! **What is absent**: the library's pipeline, which hides a dead stream behind its last picture and waits
//! for fifteen seconds inside calls; choices of any kind. All unsafe code of this crate is in this folder.

mod api;
mod context;
mod device;
mod error;
mod frame;
mod handle;
mod library;
mod option;
mod profile;
mod sensor;
#[cfg(feature = "double")]
pub mod software;

pub use context::{Context, DeviceChanges};
pub use device::{Device, DeviceInfo, Playback, PlaybackStatus, Recorder};
pub use error::{CallError, LoadError};
pub use frame::{Frame, FrameError, FrameQueue};
pub use library::{ApiVersion, Librealsense};
pub use option::{CameraOption, OptionRange};
pub use profile::{Distortion, Profile, ProfileFacts, StreamFormat, StreamKind};
pub use sensor::{Sensor, Streaming};
