//! Picture files into frames: colour, depth counts, organised points, masks.
//!
//! All files come from outside, so sizes are checked before pixels are decoded, and a file that
//! ends early is an error even where its decoder would fill the rest with grey. Orientation marks
//! in JPEG files are ignored: depth is registered with the sensor's grid, not with a viewer's.

use std::io::Cursor;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use twinspect_core::frame::{DepthCounts, FrameSize, Intrinsics, OrganisedPoints, RgbFrame};

use crate::depth_bounds::DepthBounds;
use crate::error::DatasetError;
use crate::part::Mask;

/// The most pixels that a picture may have.
pub const MAX_PIXELS: u64 = 64_000_000;

/// Bytes of the widest pixel that is read, three 32-bit numbers.
const WIDEST_PIXEL: u64 = 12;

const METRES_TO_MM: f32 = 1000.0;

/// Reads an 8-bit colour or grey picture as RGB. Grey is repeated, opacity dropped.
pub(crate) fn read_rgb(path: &Path) -> Result<RgbFrame, DatasetError> {
    let picture = decode(path)?;
    let size = size_of(&picture);
    // What has more bits is most likely depth in the wrong place.
    if !matches!(
        picture,
        DynamicImage::ImageLuma8(_)
            | DynamicImage::ImageLumaA8(_)
            | DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgba8(_)
    ) {
        return Err(wrong_pixels(path, &picture, "8-bit colour or grey"));
    }
    RgbFrame::new(size, picture.into_rgb8().into_raw()).map_err(foreign(path))
}

/// Reads 16-bit grey counts of `unit_m` metres, 0 where nothing was measured.
pub(crate) fn read_depth(path: &Path, unit_m: f64) -> Result<DepthCounts, DatasetError> {
    let picture = decode(path)?;
    let size = size_of(&picture);
    match picture {
        DynamicImage::ImageLuma16(counts) => {
            DepthCounts::new(size, unit_m, counts.into_raw()).map_err(foreign(path))
        }
        other => Err(wrong_pixels(path, &other, "16-bit grey counts of depth")),
    }
}

/// Reads 16-bit values that stand for distances between two bounds, as the points that `camera` saw.
/// Every value is a measurement, but for one at no distance at all.
pub(crate) fn read_normalised_depth(
    path: &Path,
    bounds: DepthBounds,
    camera: &Intrinsics,
) -> Result<OrganisedPoints, DatasetError> {
    let picture = decode(path)?;
    let size = size_of(&picture);
    let DynamicImage::ImageLuma16(values) = picture else {
        return Err(wrong_pixels(
            path,
            &picture,
            "16-bit grey values of normalised depth",
        ));
    };
    let points = values
        .enumerate_pixels()
        .map(|(column, row, value)| {
            let z_mm = bounds.z_mm(value.0[0]);
            let (x, y) = camera.ray(f64::from(column), f64::from(row));
            [x * z_mm, y * z_mm, z_mm].map(|length_mm| length_mm as f32)
        })
        .collect();
    OrganisedPoints::new(size, points).map_err(foreign(path))
}

/// Reads points in metres as millimetres. Whatever isn't a measurement (`z` not above zero, any
/// coordinate not finite) becomes (0, 0, 0).
pub(crate) fn read_points(path: &Path) -> Result<OrganisedPoints, DatasetError> {
    let picture = decode(path)?;
    let size = size_of(&picture);
    let DynamicImage::ImageRgb32F(metres) = picture else {
        return Err(wrong_pixels(
            path,
            &picture,
            "three 32-bit float coordinates in metres",
        ));
    };
    let points = metres
        .pixels()
        .map(|pixel| {
            let point = pixel.0.map(|metres| metres * METRES_TO_MM);
            let measured = point[2] > 0.0 && point.iter().all(|value| value.is_finite());
            if measured { point } else { [0.0; 3] }
        })
        .collect();
    OrganisedPoints::new(size, points).map_err(foreign(path))
}

/// Reads a mask or a picture of class codes: any value but zero, in any channel, is defect.
pub(crate) fn read_mask(path: &Path) -> Result<Mask, DatasetError> {
    let picture = decode(path)?;
    let size = size_of(&picture);
    let marked = match picture {
        DynamicImage::ImageLuma8(codes) => codes.into_raw(),
        DynamicImage::ImageLuma16(codes) => codes
            .into_raw()
            .iter()
            .map(|&code| u8::from(code != 0))
            .collect(),
        DynamicImage::ImageRgb8(codes) => codes
            .pixels()
            .map(|pixel| u8::from(pixel.0 != [0; 3]))
            .collect(),
        other => {
            return Err(wrong_pixels(
                path,
                &other,
                "8-bit grey, 0 where nothing is wrong",
            ));
        }
    };
    Mask::new(size, marked).map_err(foreign(path))
}

fn decode(path: &Path) -> Result<DynamicImage, DatasetError> {
    let bytes = fs_err::read(path).map_err(DatasetError::reading(path))?;
    if bytes.is_empty() {
        return Err(foreign(path)("the file is empty"));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes.as_slice()))
        .with_guessed_format()
        .map_err(DatasetError::reading(path))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * WIDEST_PIXEL);
    reader.limits(limits);
    let format = reader.format();
    let decoder = reader.into_decoder().map_err(foreign(path))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DatasetError::TooManyPixels {
            path: path.to_owned(),
            width,
            height,
            limit: MAX_PIXELS,
        });
    }
    if format == Some(ImageFormat::Jpeg) && !jpeg_is_whole(&bytes) {
        return Err(DatasetError::TruncatedJpeg {
            path: path.to_owned(),
            bytes: bytes.len(),
        });
    }
    DynamicImage::from_decoder(decoder).map_err(foreign(path))
}

/// Whether the end marker follows the start of the last scan. Inside a scan, 0xFF is followed by 0
/// or a restart marker only, so neither marker can be part of the data (ITU-T T.81, B.1.1.5).
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]);
    last(0xD9) > last(0xDA)
}

fn size_of(picture: &DynamicImage) -> FrameSize {
    FrameSize {
        width: picture.width() as usize,
        height: picture.height() as usize,
    }
}

fn foreign<E>(path: &Path) -> impl FnOnce(E) -> DatasetError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = path.to_owned();
    move |source| DatasetError::DecodingPicture {
        path,
        source: source.into(),
    }
}

fn wrong_pixels(path: &Path, picture: &DynamicImage, expected: &'static str) -> DatasetError {
    let found = match picture.color() {
        ColorType::L8 => "8-bit grey".into(),
        ColorType::La8 => "8-bit grey with opacity".into(),
        ColorType::Rgb8 => "8-bit colour".into(),
        ColorType::Rgba8 => "8-bit colour with opacity".into(),
        ColorType::L16 => "16-bit grey".into(),
        ColorType::La16 => "16-bit grey with opacity".into(),
        ColorType::Rgb16 => "16-bit colour".into(),
        ColorType::Rgba16 => "16-bit colour with opacity".into(),
        ColorType::Rgb32F => "three 32-bit float channels".into(),
        other => format!("{other:?} pixels"),
    };
    DatasetError::PixelFormat {
        path: path.to_owned(),
        expected,
        found,
    }
}
