//! What the crate `v4l` tells, in our words. Pure.

use twinspect_core::colour::{YuvCode, YuvMatrix, YuvRange};
use twinspect_core::frame::FrameSize;
use v4l::format::{Colorspace, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;

/// The smallest and the largest of a range of sizes; both are one where there is no range.
pub(super) fn ends(size: &FrameSizeEnum) -> Vec<(u32, u32)> {
    match size {
        FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => vec![
            (range.min_width, range.min_height),
            (range.max_width, range.max_height),
        ],
    }
}

pub(super) fn rates_hz(interval: &FrameIntervalEnum) -> Vec<f64> {
    let intervals = match interval {
        FrameIntervalEnum::Discrete(interval) => vec![*interval],
        FrameIntervalEnum::Stepwise(range) => vec![range.min, range.max],
    };
    intervals.into_iter().filter_map(hz).collect()
}

pub(super) fn hz(interval: v4l::Fraction) -> Option<f64> {
    let is_known = interval.numerator > 0 && interval.denominator > 0;
    is_known.then(|| f64::from(interval.denominator) / f64::from(interval.numerator))
}

pub(super) fn frame_size(width: u32, height: u32) -> FrameSize {
    FrameSize {
        width: width as usize,
        height: height as usize,
    }
}

/// What luma and colour differences mean, by the kernel's rules for what a driver leaves open
/// (`V4L2_MAP_YCBCR_ENC_DEFAULT` and `V4L2_MAP_QUANTIZATION_DEFAULT` of videodev2.h). The crate does not tell the encoding where a
/// driver sets one apart from the colour space.
pub(super) fn code(space: Colorspace, quantization: Quantization) -> Option<YuvCode> {
    let matrix = match space {
        Colorspace::Default
        | Colorspace::SMPTE170M
        | Colorspace::NTSC
        | Colorspace::EBUTech3212
        | Colorspace::JPEG
        | Colorspace::SRGB
        | Colorspace::OPRGB => YuvMatrix::Bt601,
        Colorspace::Rec709 | Colorspace::DCIP3 => YuvMatrix::Bt709,
        Colorspace::SMPTE240M | Colorspace::Rec2020 | Colorspace::RAW => return None,
    };
    let range = match (quantization, space) {
        (Quantization::FullRange, _) | (Quantization::Default, Colorspace::JPEG) => YuvRange::Full,
        (Quantization::LimitedRange | Quantization::Default, _) => YuvRange::Limited,
    };
    Some(YuvCode { matrix, range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_driver_leaves_open_is_what_the_kernel_means() {
        let usual = Some(YuvCode::USUAL);
        assert_eq!(code(Colorspace::Default, Quantization::Default), usual);
        assert_eq!(code(Colorspace::SRGB, Quantization::Default), usual);
        let jpeg = Some(YuvCode {
            matrix: YuvMatrix::Bt601,
            range: YuvRange::Full,
        });
        assert_eq!(code(Colorspace::JPEG, Quantization::Default), jpeg);
        assert_eq!(code(Colorspace::SRGB, Quantization::FullRange), jpeg);
        let video = Some(YuvCode {
            matrix: YuvMatrix::Bt709,
            range: YuvRange::Limited,
        });
        assert_eq!(code(Colorspace::Rec709, Quantization::Default), video);
        assert_eq!(code(Colorspace::Rec2020, Quantization::Default), None);
    }

    #[test]
    fn rates_come_from_intervals() {
        assert_eq!(
            hz(v4l::Fraction::new(1001, 30_000)).map(f64::round),
            Some(30.0)
        );
        assert_eq!(hz(v4l::Fraction::new(0, 30)), None);
        assert_eq!(hz(v4l::Fraction::new(1, 0)), None);
    }
}
