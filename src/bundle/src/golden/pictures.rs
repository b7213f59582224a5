//! Pictures of goldens as PNG.

use std::io::Cursor;

use image::codecs::png::{PngDecoder, PngEncoder};
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder as _, ImageEncoder as _};
use twinspect_core::frame::FrameSize;

use super::GoldenError;

/// Most pixels of a golden's frame.
pub(super) const PIXELS_MAX: usize = 1 << 24;

/// Reads a picture of exactly this size and kind.
pub(super) fn decode_png(
    file: &'static str,
    bytes: &[u8],
    size: FrameSize,
    kind: ColorType,
) -> Result<DynamicImage, GoldenError> {
    let refused = |source| GoldenError::Picture { file, source };
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(8 * PIXELS_MAX as u64);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let found = FrameSize {
        width: width as usize,
        height: height as usize,
    };
    if found != size || decoder.color_type() != kind {
        return Err(GoldenError::PictureKind {
            file,
            expected: format!("{size}, {kind:?}"),
            found: format!("{found}, {:?}", decoder.color_type()),
        });
    }
    DynamicImage::from_decoder(decoder).map_err(refused)
}

/// Writes samples of this size and kind.
pub(super) fn encode_png(
    file: &'static str,
    samples: &[u8],
    size: FrameSize,
    kind: ExtendedColorType,
) -> Result<Vec<u8>, GoldenError> {
    let (Ok(width), Ok(height)) = (u32::try_from(size.width), u32::try_from(size.height)) else {
        return Err(GoldenError::FrameSize { size });
    };
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(samples, width, height, kind)
        .map_err(|source| GoldenError::Picture { file, source })?;
    Ok(png)
}
