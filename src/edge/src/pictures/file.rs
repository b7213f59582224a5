//! Files of pictures: whole, or not there.

use std::io::{self, Cursor};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};

use crate::error::EdgeError;
use crate::whole_file;

/// Of a JPEG, 1 to 100.
const QUALITY: u8 = 82;

/// Writes a PNG, and the folders that it lies in. Whatever happens, no part of a picture stands under
/// its name.
pub(crate) fn save(picture: &RgbImage, path: &Path) -> Result<(), EdgeError> {
    let png = encode(picture).map_err(EdgeError::store(path))?;
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
    }
    whole_file::write(path, &png).map_err(EdgeError::store(path))
}

/// The bytes of a PNG.
pub(crate) fn encode(picture: &RgbImage) -> io::Result<Vec<u8>> {
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(io::Error::other)?;
    Ok(png.into_inner())
}

/// Writes a JPEG for a page: smaller, and gone again soon.
pub(crate) fn save_small(picture: &RgbImage, path: &Path) -> Result<(), EdgeError> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    picture
        .write_with_encoder(encoder)
        .map_err(io::Error::other)
        .map_err(EdgeError::store(path))?;
    whole_file::write(path, &jpeg).map_err(EdgeError::store(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::WithCauses;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_picture_stands_under_its_name_alone_or_is_told_with_its_cause() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/part.png");
        save(&RgbImage::new(2, 2), &path).unwrap();
        assert_eq!(image::open(&path).unwrap().width(), 2);
        assert_eq!(names(&folder.path().join("new")), ["part.png"]);
        let taken = folder.path().join("taken.png");
        std::fs::create_dir_all(taken.join("by a folder")).unwrap();
        let told = WithCauses(&save(&RgbImage::new(2, 2), &taken).unwrap_err()).to_string();
        assert!(told.contains("taken.png: "), "{told}");
        assert!(!folder.path().join("taken.png.partial").exists());
    }
}
