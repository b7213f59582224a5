//! From what a driver wrote into a buffer to a picture. Bytes come from outside: any of them may be wrong.

use twinspect_core::colour::{self, ColourError, PixelLayout, YuvCode};
use twinspect_core::frame::{FrameError, FrameSize, RgbFrame};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::live;

/// Bytes of a picture by which it is told from the one before.
const PRINT_BYTES: usize = 1024;

const JPEG_BEGINS: [u8; 2] = [0xff, 0xd8];
const JPEG_ENDS: [u8; 2] = [0xff, 0xd9];

/// Why what came is no picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The driver says so.
    #[error("the driver says that the picture is damaged")]
    Damaged,
    /// Bytes that are no pixels.
    #[error(transparent)]
    Colour(#[from] ColourError),
    /// A JPEG picture that has not come to its end: bytes got lost on the way.
    #[error("a JPEG picture of {bytes} bytes without its {what}")]
    Cut {
        /// How long it is.
        bytes: usize,
        /// Which mark it lacks.
        what: &'static str,
    },
    /// A JPEG picture that can't be decoded.
    #[error("a JPEG picture that can't be decoded: {problem}")]
    Jpeg {
        /// What the decoder says.
        problem: String,
    },
    /// A JPEG picture of another size.
    #[error("a JPEG picture of {found}, the camera was set to {expected}")]
    Size {
        /// What was asked for.
        expected: FrameSize,
        /// What came.
        found: FrameSize,
    },
    /// The size is none.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Makes pictures of one start of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    Plain {
        layout: PixelLayout,
        code: YuvCode,
        size: FrameSize,
        stride: usize,
    },
    Jpeg {
        size: FrameSize,
    },
}

impl Decoder {
    /// Whether what came is as long as a picture is. A look at its length and its ends, for each picture that comes.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), PictureError> {
        match *self {
            Self::Plain {
                layout,
                size,
                stride,
                ..
            } => {
                let expected = colour::least_bytes(layout, size, stride)?;
                if bytes.len() < expected {
                    let found = bytes.len();
                    return Err(ColourError::Short { expected, found }.into());
                }
                Ok(())
            }
            Self::Jpeg { .. } => whole_jpeg(bytes).map(|_| ()),
        }
    }

    /// The picture.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<RgbFrame, PictureError> {
        match *self {
            Self::Plain {
                layout,
                code,
                size,
                stride,
            } => Ok(colour::to_rgb(layout, code, size, stride, bytes)?),
            Self::Jpeg { size } => jpeg(size, bytes),
        }
    }
}

/// A hash of some bytes of a picture, spread evenly.
pub(super) fn print(bytes: &[u8]) -> u64 {
    // Odd, so that no part of a pixel is left out everywhere.
    let step = (bytes.len() / PRINT_BYTES) | 1;
    live::print(bytes.iter().step_by(step))
}

/// The JPEG file in a buffer, from its begin mark to before its end mark. Some cameras fill up with zeros behind it.
fn whole_jpeg(bytes: &[u8]) -> Result<&[u8], PictureError> {
    let cut = |what| PictureError::Cut {
        bytes: bytes.len(),
        what,
    };
    if !bytes.starts_with(&JPEG_BEGINS) {
        return Err(cut("begin"));
    }
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    bytes
        .get(..end)
        .and_then(|file| file.strip_suffix(&JPEG_ENDS))
        .ok_or_else(|| cut("end"))
}

/// Decodes strictly: what a lenient decoder makes of a damaged picture has grey blocks, and would be judged.
///
/// The decoder makes up blocks when it comes to the end mark early, whatever it was told, and none when it comes to the
/// end of its bytes; so it does not get the mark. What lost less than its last row of blocks it takes all the same; there
/// the driver's own mark must tell.
fn jpeg(size: FrameSize, bytes: &[u8]) -> Result<RgbFrame, PictureError> {
    let refused = |error: zune_jpeg::errors::DecodeErrors| PictureError::Jpeg {
        problem: error.to_string(),
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(size.width)
        .set_max_height(size.height)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(whole_jpeg(bytes)?), options);
    decoder.decode_headers().map_err(refused)?;
    let found = decoder
        .dimensions()
        .map(|(width, height)| FrameSize { width, height });
    match found {
        Some(found) if found == size => {}
        found => {
            return Err(PictureError::Size {
                expected: size,
                found: found.unwrap_or(FrameSize {
                    width: 0,
                    height: 0,
                }),
            });
        }
    }
    let rgb = decoder.decode().map_err(refused)?;
    Ok(RgbFrame::new(size, rgb)?)
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    use proptest::prelude::*;

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 64,
        height: 48,
    };

    /// A picture with something in every block, and its JPEG file.
    fn picture() -> (Vec<u8>, Vec<u8>) {
        let rgb: Vec<u8> = (0..SIZE.height)
            .flat_map(|y| {
                (0..SIZE.width).flat_map(move |x| {
                    let wave = ((x * 7 + y * 3) % 64) as u8;
                    [100 + wave, 160 - wave, 60 + (y as u8)]
                })
            })
            .collect();
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, 95)
            .write_image(
                &rgb,
                SIZE.width as u32,
                SIZE.height as u32,
                ExtendedColorType::Rgb8,
            )
            .unwrap();
        (rgb, file)
    }

    const JPEG: Decoder = Decoder::Jpeg { size: SIZE };

    #[test]
    fn a_jpeg_picture_is_the_picture() {
        let (rgb, mut file) = picture();
        let found = JPEG.decode(&file).unwrap();
        assert_eq!(found.size(), SIZE);
        let worst = found.data().iter().zip(&rgb).map(|(a, b)| a.abs_diff(*b));
        assert!(worst.max().unwrap() < 40, "chroma is halved, no more");
        let mean: f64 = found
            .data()
            .iter()
            .zip(&rgb)
            .map(|(a, b)| f64::from(a.abs_diff(*b)))
            .sum::<f64>()
            / rgb.len() as f64;
        assert!(mean < 6.0, "{mean}");
        file.extend([0; 100]);
        assert_eq!(JPEG.check(&file), Ok(()));
        assert_eq!(JPEG.decode(&file).unwrap(), found, "filled up with zeros");
    }

    #[test]
    fn a_jpeg_picture_that_was_cut_is_none() {
        let (_, file) = picture();
        for length in 0..file.len() {
            let cut = &file[..length];
            assert!(JPEG.check(cut).is_err(), "{length} of {}", file.len());
            assert!(JPEG.decode(cut).is_err(), "{length} of {}", file.len());
        }
    }

    #[test]
    fn a_jpeg_picture_that_lost_its_middle_is_none() {
        // As when packets on USB got lost and the camera's last one came.
        let (_, file) = picture();
        let scan = file
            .windows(2)
            .position(|mark| mark == [0xff, 0xda])
            .unwrap()
            + 14;
        // Its rows of blocks are three, all alike.
        let lost = (file.len() - scan) / 2;
        for from in (scan..file.len() - lost - 20).step_by(41) {
            let mut damaged = file[..from].to_vec();
            damaged.extend(&file[from + lost..]);
            assert_eq!(JPEG.check(&damaged), Ok(()), "its ends are right");
            assert!(JPEG.decode(&damaged).is_err(), "{from}");
        }
    }

    #[test]
    fn another_size_is_refused() {
        let (_, file) = picture();
        let other = FrameSize {
            width: 64,
            height: 64,
        };
        let error = Decoder::Jpeg { size: other }.decode(&file).unwrap_err();
        assert_eq!(
            error,
            PictureError::Size {
                expected: other,
                found: SIZE
            }
        );
        let smaller = FrameSize {
            width: 32,
            height: 32,
        };
        assert!(Decoder::Jpeg { size: smaller }.decode(&file).is_err());
    }

    #[test]
    fn a_plain_picture_must_be_as_long_as_its_rows() {
        let decoder = Decoder::Plain {
            layout: PixelLayout::Yuyv,
            code: YuvCode::USUAL,
            size: FrameSize {
                width: 4,
                height: 2,
            },
            stride: 16,
        };
        assert!(decoder.check(&[128; 23]).is_err());
        assert_eq!(decoder.check(&[128; 24]), Ok(()));
        assert_eq!(decoder.decode(&[128; 24]).unwrap().data().len(), 24);
    }

    #[test]
    fn one_changed_row_changes_the_print() {
        let mut bytes = vec![90; 640 * 480 * 2];
        bytes[1280 * 100..1280 * 103].fill(92);
        let mut other = bytes.clone();
        other[1280 * 200..1280 * 203].fill(91);
        assert_eq!(print(&bytes), print(&bytes.clone()));
        assert_ne!(print(&bytes), print(&other));
        assert_eq!(print(&[0; 4]), print(&[9; 4]), "both are blank");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn hostile_bytes_are_a_picture_or_an_error(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let (_, mut file) = picture();
            for (place, byte) in changes {
                let place = place.index(file.len());
                file[place] = byte;
            }
            if let Ok(frame) = JPEG.decode(&file) {
                prop_assert_eq!(frame.size(), SIZE);
            }
        }

        #[test]
        fn noise_between_two_marks_is_no_picture(
            noise in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut file = JPEG_BEGINS.to_vec();
            file.extend(noise);
            file.extend(JPEG_ENDS);
            prop_assert!(JPEG.decode(&file).is_err());
        }
    }
}
