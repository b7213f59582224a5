//! A RealSense camera without a camera: the real librealsense, but that it says that one is connected.
//!
//! The library's software device goes all the way of a camera's pictures, and is never in the list of what is connected.
//! [`install`] makes a library of three: this one, which has the few functions of that list and those that must not meet a
//! picture, the real one with all others, and an empty one that whoever loads it knows and that needs both, in this order.
//!
//! `TWINSPECT_DOUBLE_REALSENSE` says what the camera is like, in words with commas between:
//!
//! | word | what |
//! |---|---|
//! | `size=WxH` | of both pictures; 640x480 otherwise |
//! | `rate=N` | pictures a second of each stream; 30 otherwise |
//! | `until=N` | from the N-th pair on nothing comes any more |
//! | `usb=V` | the kind of USB that it says it is on; 3.2 otherwise |
//! | `noise=N` | different depths that the flat belt has, a millimetre apart; 3 otherwise |
//!
//! It shows an empty belt 450 mm away, with a sensor's noise, from the moment on at which somebody looks for cameras.
//! Colour is seen from 15 mm beside depth, so that laying the one onto the other is work. `TWINSPECT_LIBREALSENSE`
//! names the folder of the real library.
#![expect(unsafe_code, reason = "a C library")]
#![expect(
    unreachable_pub,
    reason = "functions are exported under the vendor's names"
)]
#![expect(
    clippy::expect_used,
    reason = "a test that asks for nonsense ends here"
)]

mod entry;
mod gate;
mod install;
mod show;

pub use install::install;
