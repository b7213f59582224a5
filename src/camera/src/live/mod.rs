//! What cameras have in common whose pictures come by themselves, on a thread of the camera's own.

mod monitor;
mod print;
mod telling;
#[cfg(test)]
pub(crate) mod test_log;
mod watch;

pub(crate) use monitor::Monitor;
#[cfg(feature = "realsense")]
pub(crate) use print::whole_print;
pub(crate) use print::{colour_print, print};
pub(crate) use telling::{News, Teller};
pub(crate) use watch::Watched;
pub use watch::{CameraWatch, StreamCounts};
