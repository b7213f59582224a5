//! Whether a picture is as good as those that the model was trained on.
//!
//! ```text
//! FramePair ─► PictureMeter ─► PictureFigures ─► PictureLimits (─ PictureExpectation of the bundle) ─► Levels ─► PictureWatch
//! ```
//! A model can't tell a bad picture from a bad part: depth that has become twice as noisy, or a camera that has slipped,
//! look like defects everywhere. What is measured here says so. Beyond a first limit somebody is told, beyond a second one
//! the part has no result, and the reason names the figure.

mod drift;
mod expectation;
mod limits;
mod meter;
#[cfg(test)]
mod tests;
mod watch;

pub use drift::BeltDrift;
pub use expectation::{PictureExpectation, Span};
pub use limits::{Figure, Level, Levels, PictureLimits, Steps};
pub use meter::{PictureFigures, PictureMeter, depth_noise_floor_mm};
pub use watch::PictureWatch;
