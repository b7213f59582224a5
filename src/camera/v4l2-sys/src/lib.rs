//! Types of the kernel's `videodev2.h`, as bindgen names them. See README.md.
#![no_std]
#![allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]

#[rustfmt::skip]
mod bindings;

pub use bindings::*;

/// Seconds, as the crate `v4l` names them.
pub type time_t = __time_t;

/// Asks a driver that lists its settings for those too that are no single numbers. The kernel's value is
/// 0x4000_0000; without it they are left out, as `v4l` 0.14.0 panics on kinds that are newer than itself: a
/// rectangle, for one, where a camera has a region of interest.
pub const V4L2_CTRL_FLAG_NEXT_COMPOUND: u32 = 0;

/// The size that an ioctl's number tells of its argument.
const fn size(ioctl: u32) -> usize {
    (ioctl >> 16 & 0x3fff) as usize
}

// Numbers of the ioctls that are used, on 64-bit machines. A type of another size would make another number,
// which the kernel does not know.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<v4l2_capability>() == size(0x8068_5600));
    assert!(size_of::<v4l2_fmtdesc>() == size(0xc040_5602));
    assert!(size_of::<v4l2_format>() == size(0xc0d0_5605));
    assert!(size_of::<v4l2_requestbuffers>() == size(0xc014_5608));
    assert!(size_of::<v4l2_buffer>() == size(0xc058_5609));
    assert!(size_of::<v4l2_streamparm>() == size(0xc0cc_5616));
    assert!(size_of::<v4l2_querymenu>() == size(0xc02c_5625));
    assert!(size_of::<v4l2_frmsizeenum>() == size(0xc02c_564a));
    assert!(size_of::<v4l2_frmivalenum>() == size(0xc034_564b));
    assert!(size_of::<v4l2_query_ext_ctrl>() == size(0xc0e8_5667));
    assert!(size_of::<v4l2_ext_controls>() == size(0xc020_5647));
    // Packed, and told by no number of its own.
    assert!(size_of::<v4l2_ext_control>() == 20);
};
