//! A user's folder of texture pictures, the Describable Textures Dataset for instance.
//!
//! The folder is gone through with all folders in it, in the order of names. Whatever lies there
//! must be a picture: a text among them is an error, not something to be skipped in silence.

use std::path::{Path, PathBuf};

use image::imageops::{FilterType, crop_imm, resize};
use image::{ImageReader, Limits, RgbImage};
use rayon::prelude::*;

/// Pictures that are kept, spread evenly over the folder: 50 MB at 256 pixels.
const PICTURES_MAX: usize = 256;
/// Folders within folders that are looked into.
const DEPTH_MAX: usize = 8;
/// Sides and bytes of a picture beyond which it is not decoded.
const SIDE_MAX: u32 = 16_384;
const BYTES_MAX: u64 = 512 << 20;

/// A texture folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PicturesError {
    /// The folder, or one in it, cannot be listed.
    #[error("listing the texture folder {}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("the texture folder {} holds no pictures", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Something in it that is no picture.
    #[error("reading the texture {}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
}

impl PicturesError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::List { .. } => "textures are a folder of PNG, JPEG or TIFF pictures".into(),
            Self::Empty { .. } => {
                "put PNG, JPEG or TIFF pictures there, or name no textures: patterns are drawn then"
                    .into()
            }
            Self::Picture { .. } => {
                "take the file out of the folder, or save it as PNG, JPEG or TIFF".into()
            }
        }
    }
}

/// One texture of S x S pixels.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Channels of a pixel side by side.
    bytes: Vec<u8>,
}

impl Picture {
    /// The largest square in the middle, brought to S x S.
    pub(super) fn of(picture: &RgbImage, size: usize) -> Self {
        let (width, height) = picture.dimensions();
        let side = width.min(height);
        let (left, top) = ((width - side) / 2, (height - side) / 2);
        let square = crop_imm(picture, left, top, side, side).to_image();
        let side = size as u32;
        Self {
            bytes: resize(&square, side, side, FilterType::Triangle).into_raw(),
        }
    }

    /// Channels R, G, B at a pixel, 0 to 255.
    pub(super) fn at(&self, index: usize) -> [f32; 3] {
        std::array::from_fn(|channel| f32::from(self.bytes[3 * index + channel]))
    }
}

/// Reads a folder's pictures for canvases of side `size`.
pub(crate) fn read(folder: &Path, size: usize) -> Result<Vec<Picture>, PicturesError> {
    let mut files = Vec::new();
    list(folder, DEPTH_MAX, &mut files)?;
    if files.is_empty() {
        return Err(PicturesError::Empty {
            path: folder.to_owned(),
        });
    }
    let kept = files.len().min(PICTURES_MAX);
    if kept < files.len() {
        log::info!(
            "{}: every {:.1}th of {} pictures is used",
            folder.display(),
            files.len() as f64 / kept as f64,
            files.len()
        );
    }
    let spread: Vec<&PathBuf> = (0..kept).map(|i| &files[i * files.len() / kept]).collect();
    spread
        .into_par_iter()
        .map(|path| decode(path, size))
        .collect()
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), PicturesError> {
    let unlisted = |source| PicturesError::List {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(unlisted)? {
        paths.push(entry.map_err(unlisted)?.path());
    }
    paths.sort();
    for path in paths {
        if !path.is_dir() {
            files.push(path);
        } else if depth > 0 {
            list(&path, depth - 1, files)?;
        }
    }
    Ok(())
}

fn decode(path: &Path, size: usize) -> Result<Picture, PicturesError> {
    let refused = |source| PicturesError::Picture {
        path: path.to_owned(),
        source,
    };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let mut reader = reader.map_err(|source| refused(source.into()))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(BYTES_MAX);
    reader.limits(limits);
    let picture = reader.decode().map_err(refused)?;
    Ok(Picture::of(&picture.into_rgb8(), size))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn save(path: &Path, colour: [u8; 3]) {
        RgbImage::from_pixel(12, 8, Rgb(colour)).save(path).unwrap();
    }

    #[test]
    fn folders_in_folders_are_read_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("banded")).unwrap();
        save(&folder.path().join("banded/one.png"), [10, 20, 30]);
        save(&folder.path().join("zigzag.jpg"), [200, 200, 200]);
        let pictures = read(folder.path(), 64).unwrap();
        assert_eq!(pictures.len(), 2);
        assert_eq!(pictures[0].at(64 * 64 - 1), [10.0, 20.0, 30.0]);
        assert!((pictures[1].at(0)[1] - 200.0).abs() < 3.0);
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            read(folder.path(), 64),
            Err(PicturesError::Empty { .. })
        ));
        std::fs::write(folder.path().join("list.txt"), "banded").unwrap();
        let error = read(folder.path(), 64).unwrap_err();
        assert!(error.to_string().contains("list.txt"), "{error}");
        let missing = folder.path().join("absent");
        assert!(matches!(
            read(&missing, 64),
            Err(PicturesError::List { .. })
        ));
    }
}
