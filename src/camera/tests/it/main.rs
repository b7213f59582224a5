//! RealSense cameras against the real librealsense, without a camera: a software device inside the library, and
//! recordings that it makes.
//!
//! `TWINSPECT_LIBREALSENSE` names the folder of the library, as `src/camera/tests/librealsense` fetches it.
//! Without it the tests say that they are skipped. `TWINSPECT_LIBREALSENSE_OTHERS` names folders of further releases, as
//! in `PATH`, against which the same tests run, with long runs of 10 cycles and 100 frames.
//! `TWINSPECT_REALSENSE_CYCLES` and `TWINSPECT_REALSENSE_FRAMES` make the library's own longer than 100 cycles and 1,000
//! frames.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml lets tests do so, but not the helpers that they share"
)]

mod cameras;
mod faults;
mod hot_plug;
mod ladder;
mod long_runs;
mod pictures;
mod recordings;
mod releases;
mod rig;
mod settings;
mod stamps;
mod stream_recorder;
