//! From the bytes of a camera's picture to 8-bit red, green and blue.
//!
//! Luma and colour differences become colours by the equations of ITU-R BT.601-7 (2.5.1 to 2.5.3) or
//! BT.709-6 (3.2 to 3.4), with coefficients of sixteen bits behind the point: the result is the rounded
//! exact one, or next to it where that lies halfway.

use crate::frame::{FrameError, FrameSize, RgbFrame};

/// How the bytes of a picture lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelLayout {
    /// Two pixels in four bytes: Y, Cb, Y, Cr.
    Yuyv,
    /// Two pixels in four bytes: Cb, Y, Cr, Y.
    Uyvy,
    /// Red, green, blue.
    Rgb24,
    /// Blue, green, red.
    Bgr24,
    /// One byte of brightness, 0 black to 255 white.
    Grey,
}

impl PixelLayout {
    /// Bytes of a pixel; of two that share their colour, half of both.
    pub fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Yuyv | Self::Uyvy => 2,
            Self::Rgb24 | Self::Bgr24 => 3,
            Self::Grey => 1,
        }
    }
}

/// Whose weights of red, green and blue make luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YuvMatrix {
    /// ITU-R BT.601, which cameras on USB use.
    Bt601,
    /// ITU-R BT.709, which high-definition video uses.
    Bt709,
}

/// Which values mean black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YuvRange {
    /// Luma from 16 to 235, colour differences from 16 to 240.
    Limited,
    /// All from 0 to 255.
    Full,
}

/// What luma and colour differences mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YuvCode {
    /// Weights.
    pub matrix: YuvMatrix,
    /// Range.
    pub range: YuvRange,
}

impl YuvCode {
    /// BT.601 in the limited range: what a camera means that says nothing else.
    pub const USUAL: Self = Self {
        matrix: YuvMatrix::Bt601,
        range: YuvRange::Limited,
    };
}

/// A picture's bytes that are no picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ColourError {
    /// Two pixels share their colour.
    #[error("a picture of {size} whose pixels share colours in pairs has an odd width")]
    OddWidth {
        /// Its size.
        size: FrameSize,
    },
    /// A row does not hold its pixels.
    #[error("rows of {found} bytes are too short, {expected} are needed")]
    Stride {
        /// Bytes that a row needs.
        expected: usize,
        /// Bytes from row to row.
        found: usize,
    },
    /// Bytes are missing at the end.
    #[error("{found} bytes are too few for a picture, {expected} are needed")]
    Short {
        /// Bytes from the first pixel to the last.
        expected: usize,
        /// Bytes that came.
        found: usize,
    },
    /// The size is none.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Bytes from the first pixel of a picture to its last one, rows `stride` bytes apart.
///
/// # Errors
/// All of [`ColourError`] but [`Short`](ColourError::Short).
pub fn least_bytes(
    layout: PixelLayout,
    size: FrameSize,
    stride: usize,
) -> Result<usize, ColourError> {
    if size.width == 0 || size.height == 0 {
        return Err(FrameError::Empty { size }.into());
    }
    if matches!(layout, PixelLayout::Yuyv | PixelLayout::Uyvy) && !size.width.is_multiple_of(2) {
        return Err(ColourError::OddWidth { size });
    }
    let row = size.width.saturating_mul(layout.bytes_per_pixel());
    if stride < row {
        return Err(ColourError::Stride {
            expected: row,
            found: stride,
        });
    }
    Ok(size
        .height
        .saturating_sub(1)
        .saturating_mul(stride)
        .saturating_add(row))
}

/// The colours of a picture whose rows begin `stride` bytes apart, from the top. `code` counts for luma and
/// colour differences alone. What follows the last pixel is passed over.
///
/// # Errors
/// [`ColourError`]; nothing is made up for bytes that are missing.
pub fn to_rgb(
    layout: PixelLayout,
    code: YuvCode,
    size: FrameSize,
    stride: usize,
    bytes: &[u8],
) -> Result<RgbFrame, ColourError> {
    let expected = least_bytes(layout, size, stride)?;
    if bytes.len() < expected {
        return Err(ColourError::Short {
            expected,
            found: bytes.len(),
        });
    }
    let row_bytes = size.width * layout.bytes_per_pixel();
    let rows = bytes
        .chunks(stride)
        .take(size.height)
        .filter_map(|row| row.get(..row_bytes));
    let mut rgb = Vec::with_capacity(size.pixels() * 3);
    match layout {
        PixelLayout::Yuyv => {
            let colours = Colours::new(code);
            for [y0, cb, y1, cr] in rows.flat_map(|row| row.as_chunks().0) {
                colours.push_two(&mut rgb, [*y0, *y1], *cb, *cr);
            }
        }
        PixelLayout::Uyvy => {
            let colours = Colours::new(code);
            for [cb, y0, cr, y1] in rows.flat_map(|row| row.as_chunks().0) {
                colours.push_two(&mut rgb, [*y0, *y1], *cb, *cr);
            }
        }
        PixelLayout::Rgb24 => rows.for_each(|row| rgb.extend_from_slice(row)),
        PixelLayout::Bgr24 => {
            for [blue, green, red] in rows.flat_map(|row| row.as_chunks().0) {
                rgb.extend_from_slice(&[*red, *green, *blue]);
            }
        }
        PixelLayout::Grey => {
            for grey in rows.flatten() {
                rgb.extend_from_slice(&[*grey; 3]);
            }
        }
    }
    Ok(RgbFrame::new(size, rgb)?)
}

/// Bits behind the point.
const POINT: u32 = 16;
const HALF: i32 = 1 << (POINT - 1);
/// What stands for no colour difference.
const NEUTRAL: i32 = 128;

/// Coefficients of one code, in units of 2^-16.
struct Colours {
    black: i32,
    luma: i32,
    red_of_cr: i32,
    green_of_cb: i32,
    green_of_cr: i32,
    blue_of_cb: i32,
}

impl Colours {
    fn new(code: YuvCode) -> Self {
        let (red, blue) = match code.matrix {
            YuvMatrix::Bt601 => (0.299, 0.114),
            YuvMatrix::Bt709 => (0.2126, 0.0722),
        };
        let green = 1.0 - red - blue;
        let (black, luma, difference) = match code.range {
            YuvRange::Limited => (16, 255.0 / 219.0, 255.0 / 224.0),
            YuvRange::Full => (0, 1.0, 1.0),
        };
        let fixed = |value: f64| (value * f64::from(1 << POINT)).round() as i32;
        Self {
            black,
            luma: fixed(luma),
            red_of_cr: fixed(difference * 2.0 * (1.0 - red)),
            green_of_cb: fixed(-difference * 2.0 * blue * (1.0 - blue) / green),
            green_of_cr: fixed(-difference * 2.0 * red * (1.0 - red) / green),
            blue_of_cb: fixed(difference * 2.0 * (1.0 - blue)),
        }
    }

    fn push_two(&self, rgb: &mut Vec<u8>, lumas: [u8; 2], cb: u8, cr: u8) {
        let (cb, cr) = (i32::from(cb) - NEUTRAL, i32::from(cr) - NEUTRAL);
        let red = self.red_of_cr * cr;
        let green = self.green_of_cb * cb + self.green_of_cr * cr;
        let blue = self.blue_of_cb * cb;
        for y in lumas {
            let luma = self.luma * (i32::from(y) - self.black) + HALF;
            rgb.extend_from_slice(&[byte(luma + red), byte(luma + green), byte(luma + blue)]);
        }
    }
}

/// A value in units of 2^-16, half added before, as the nearest byte.
fn byte(value: i32) -> u8 {
    (value >> POINT).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(width: usize, height: usize) -> FrameSize {
        FrameSize { width, height }
    }

    fn code(matrix: YuvMatrix, range: YuvRange) -> YuvCode {
        YuvCode { matrix, range }
    }

    /// Both pixels of a pair of one luma.
    fn colour(code: YuvCode, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let frame = to_rgb(PixelLayout::Yuyv, code, size(2, 1), 4, &[y, cb, y, cr]).unwrap();
        let [first, second] = frame.data().as_chunks::<3>().0 else {
            panic!("two pixels");
        };
        assert_eq!(first, second);
        *first
    }

    #[test]
    fn the_colour_bars_are_what_the_standards_say() {
        // 100 % bars: 8-bit codes of ITU-R BT.601 and BT.709, rounded, so colours may be off by one step of them.
        let bt601 = [
            ([235, 128, 128], [255, 255, 255]),
            ([210, 16, 146], [255, 255, 0]),
            ([170, 166, 16], [0, 255, 255]),
            ([145, 54, 34], [0, 255, 0]),
            ([106, 202, 222], [255, 0, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([41, 240, 110], [0, 0, 255]),
            ([16, 128, 128], [0, 0, 0]),
        ];
        let bt709 = [
            ([235, 128, 128], [255, 255, 255]),
            ([173, 42, 26], [0, 255, 0]),
            ([63, 102, 240], [255, 0, 0]),
            ([32, 240, 118], [0, 0, 255]),
            ([16, 128, 128], [0, 0, 0]),
        ];
        for (matrix, bars) in [
            (YuvMatrix::Bt601, &bt601[..]),
            (YuvMatrix::Bt709, &bt709[..]),
        ] {
            for (yuv, rgb) in bars {
                let found = colour(code(matrix, YuvRange::Limited), *yuv);
                for (found, expected) in found.iter().zip(rgb) {
                    assert!(
                        found.abs_diff(*expected) <= 2,
                        "{matrix:?} {yuv:?}: {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_few_colours_to_the_last_bit() {
        let limited = YuvCode::USUAL;
        // 255/219 x (100-16) = 97.81, plus 1.5960 x 22 = 35.11 for red, minus 0.8130 x 22 for green.
        assert_eq!(colour(limited, [100, 128, 150]), [133, 80, 98]);
        assert_eq!(
            colour(limited, [0, 128, 128]),
            [0, 0, 0],
            "blacker than black"
        );
        assert_eq!(colour(limited, [255, 128, 128]), [255, 255, 255]);
        let full = code(YuvMatrix::Bt601, YuvRange::Full);
        assert_eq!(colour(full, [76, 85, 255]), [254, 0, 0], "JPEG's red");
        assert_eq!(colour(full, [16, 128, 128]), [16, 16, 16]);
    }

    #[test]
    fn bytes_lie_as_their_layout_says() {
        let rgb = |layout, bytes: &[u8]| {
            let frame = to_rgb(layout, YuvCode::USUAL, size(2, 1), bytes.len(), bytes).unwrap();
            frame.into_data()
        };
        assert_eq!(
            rgb(PixelLayout::Yuyv, &[81, 90, 145, 240]),
            rgb(PixelLayout::Uyvy, &[90, 81, 240, 145])
        );
        assert_eq!(
            rgb(PixelLayout::Rgb24, &[1, 2, 3, 4, 5, 6]),
            [1, 2, 3, 4, 5, 6]
        );
        assert_eq!(
            rgb(PixelLayout::Bgr24, &[1, 2, 3, 4, 5, 6]),
            [3, 2, 1, 6, 5, 4]
        );
        assert_eq!(rgb(PixelLayout::Grey, &[7, 9]), [7, 7, 7, 9, 9, 9]);
    }

    #[test]
    fn what_lies_between_rows_is_no_pixel() {
        let bytes = [1, 2, 99, 3, 4, 99, 5, 6];
        let frame = to_rgb(PixelLayout::Grey, YuvCode::USUAL, size(2, 3), 3, &bytes).unwrap();
        let greys: Vec<u8> = frame.data().iter().step_by(3).copied().collect();
        assert_eq!(greys, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_is_no_picture_is_told() {
        let made = |layout, size, stride, bytes: usize| {
            to_rgb(layout, YuvCode::USUAL, size, stride, &vec![0; bytes]).map(|_| ())
        };
        assert_eq!(
            made(PixelLayout::Yuyv, size(3, 1), 6, 6),
            Err(ColourError::OddWidth { size: size(3, 1) })
        );
        assert_eq!(
            made(PixelLayout::Rgb24, size(4, 2), 11, 100),
            Err(ColourError::Stride {
                expected: 12,
                found: 11
            })
        );
        assert_eq!(
            made(PixelLayout::Rgb24, size(4, 2), 16, 27),
            Err(ColourError::Short {
                expected: 28,
                found: 27
            })
        );
        assert_eq!(made(PixelLayout::Rgb24, size(4, 2), 16, 28), Ok(()));
        assert!(made(PixelLayout::Grey, size(0, 2), 4, 8).is_err());
        assert!(made(PixelLayout::Grey, size(usize::MAX, 2), 4, 8).is_err());
    }

    /// The equations as they are printed.
    fn exact(code: YuvCode, [y, cb, cr]: [u8; 3]) -> [f64; 3] {
        let (red, blue) = match code.matrix {
            YuvMatrix::Bt601 => (0.299, 0.114),
            YuvMatrix::Bt709 => (0.2126, 0.0722),
        };
        let [y, cb, cr] = [y, cb, cr].map(f64::from);
        let (y, cb, cr) = match code.range {
            YuvRange::Limited => (
                (y - 16.0) / 219.0,
                (cb - 128.0) / 224.0,
                (cr - 128.0) / 224.0,
            ),
            YuvRange::Full => (y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0),
        };
        // From Y = red R + green G + blue B, Cb = (B - Y) / (2 (1 - blue)), Cr = (R - Y) / (2 (1 - red)).
        let b = y + 2.0 * (1.0 - blue) * cb;
        let r = y + 2.0 * (1.0 - red) * cr;
        let g = (y - red * r - blue * b) / (1.0 - red - blue);
        [r, g, b].map(|value| (255.0 * value).clamp(0.0, 255.0))
    }

    fn any_code() -> impl Strategy<Value = YuvCode> {
        let matrix = prop_oneof![Just(YuvMatrix::Bt601), Just(YuvMatrix::Bt709)];
        let range = prop_oneof![Just(YuvRange::Limited), Just(YuvRange::Full)];
        (matrix, range).prop_map(|(matrix, range)| code(matrix, range))
    }

    proptest! {
        #[test]
        fn colours_are_the_rounded_exact_ones(yuv: [u8; 3], code in any_code()) {
            for (found, exact) in colour(code, yuv).into_iter().zip(exact(code, yuv)) {
                prop_assert!((f64::from(found) - exact).abs() <= 0.51, "{found} for {exact}");
            }
        }

        #[test]
        fn without_colour_differences_there_is_no_colour(y: u8, code in any_code()) {
            let [red, green, blue] = colour(code, [y, 128, 128]);
            prop_assert!(red == green && green == blue);
        }

        #[test]
        fn any_bytes_are_a_picture_or_an_error(
            width in 0_usize..9,
            height in 0_usize..9,
            stride in 0_usize..40,
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            layout in prop_oneof![
                Just(PixelLayout::Yuyv),
                Just(PixelLayout::Uyvy),
                Just(PixelLayout::Rgb24),
                Just(PixelLayout::Bgr24),
                Just(PixelLayout::Grey),
            ],
        ) {
            if let Ok(frame) = to_rgb(layout, YuvCode::USUAL, size(width, height), stride, &bytes) {
                prop_assert_eq!(frame.data().len(), width * height * 3);
            }
        }
    }
}
