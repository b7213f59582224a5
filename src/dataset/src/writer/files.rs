//! A part's files on disk, whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{EncodableLayout, ImageEncoder, Luma, PixelWithColorType, Rgb};
use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};

use super::error::WriteError;
use crate::part::{Mask, PartFile, PartRecord};

/// A part's folder that is not yet one; removed unless it is installed.
pub(super) struct Partial {
    path: PathBuf,
    installed: bool,
}

impl Partial {
    pub(super) fn create(class: &Path) -> Result<Self, WriteError> {
        let mut attempt = 0_u64;
        loop {
            let path = class.join(format!(".partial-{}-{attempt}", std::process::id()));
            match fs_err::create_dir(&path) {
                Ok(()) => {
                    return Ok(Self {
                        path,
                        installed: false,
                    });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => attempt += 1,
                Err(source) => return Err(WriteError::Writing { path, source }),
            }
        }
    }

    pub(super) fn write_pictures(
        &self,
        frame: &FramePair,
        mask: Option<&Mask>,
    ) -> Result<(), WriteError> {
        for (name, bytes) in encode_pictures(frame)? {
            write_file(&self.path.join(name), &bytes)?;
        }
        if let Some(mask) = mask {
            let marked: Vec<u8> = mask.data().iter().map(|&value| value * u8::MAX).collect();
            let name = "mask.png";
            let bytes = encode_png::<Luma<u8>>(name, frame.size(), &marked)?;
            write_file(&self.path.join(name), &bytes)?;
        }
        Ok(())
    }

    /// Writes `part.json`, where there's something to put into it.
    pub(super) fn write_record(
        &self,
        frame: &FramePair,
        record: &PartRecord,
    ) -> Result<(), WriteError> {
        let stamped = frame.rgb_stamp.is_some() || frame.depth_stamp.is_some();
        if !stamped && *record == PartRecord::default() {
            return Ok(());
        }
        let path = self.path.join("part.json");
        let PartRecord {
            session,
            time,
            part_id,
            camera,
        } = record.clone();
        let (rgb_stamp, depth_stamp) = (frame.rgb_stamp, frame.depth_stamp);
        let file = PartFile {
            session,
            time,
            part_id,
            camera,
            rgb_stamp,
            depth_stamp,
        };
        let text = serde_json::to_string_pretty(&file).map_err(|source| WriteError::Encoding {
            path: path.clone(),
            source: source.into(),
        })?;
        write_file(&path, (text + "\n").as_bytes())
    }

    /// Gives the folder the next free number as its name. Another writer may take a number in the
    /// meantime: a folder with files in it cannot be replaced by a rename, so the next one is tried.
    pub(super) fn install(mut self, class: &Path) -> Result<String, WriteError> {
        sync_folder(&self.path)?;
        let mut number = next_number(class)?;
        loop {
            let name = format!("{number:03}");
            let path = class.join(&name);
            match fs_err::rename(&self.path, &path) {
                Ok(()) => {
                    self.installed = true;
                    sync_folder(class)?;
                    return Ok(name);
                }
                Err(_) if path.exists() => number += 1,
                Err(source) => return Err(WriteError::Writing { path, source }),
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.installed {
            // A leftover that can't be removed is never read, so there's nothing to report.
            fs_err::remove_dir_all(&self.path).unwrap_or_default();
        }
    }
}

/// Makes `root/split/class`, on disk before anything is put into it.
pub(super) fn make_folders(root: &Path, split: &str, class: &str) -> Result<PathBuf, WriteError> {
    let parent = root.join(split);
    let folder = parent.join(class);
    if !folder.is_dir() {
        fs_err::create_dir_all(&folder).map_err(writing(&folder))?;
        sync_folder(&parent)?;
        sync_folder(root)?;
    }
    Ok(folder)
}

/// One more than the highest number in use.
fn next_number(class: &Path) -> Result<u64, WriteError> {
    let mut next = 0;
    for entry in fs_err::read_dir(class).map_err(writing(class))? {
        let name = entry.map_err(writing(class))?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.parse::<u64>().ok()) {
            next = next.max(number.saturating_add(1));
        }
    }
    Ok(next)
}

/// The names and bytes of a pair's pictures: colour as a lossless PNG, depth as a 16-bit PNG of its counts.
pub(crate) fn encode_pictures(
    frame: &FramePair,
) -> Result<Vec<(&'static str, Vec<u8>)>, WriteError> {
    let size = frame.size();
    let mut files = Vec::with_capacity(2);
    if let Some(rgb) = frame.rgb() {
        let name = "rgb.png";
        files.push((name, encode_png::<Rgb<u8>>(name, size, rgb.data())?));
    }
    if let Some(DepthFrame::Counts(counts)) = frame.depth() {
        let name = "depth.png";
        files.push((name, encode_png::<Luma<u16>>(name, size, counts.data())?));
    }
    Ok(files)
}

fn encode_png<P>(name: &str, size: FrameSize, data: &[P::Subpixel]) -> Result<Vec<u8>, WriteError>
where
    P: PixelWithColorType,
    [P::Subpixel]: EncodableLayout,
{
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    // A side beyond 32 bits cannot be in memory; zero makes the encoder refuse it all the same.
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(0);
    encoder
        .write_image(
            data.as_bytes(),
            side(size.width),
            side(size.height),
            P::COLOR_TYPE,
        )
        .map_err(|source| WriteError::Encoding {
            path: name.into(),
            source: source.into(),
        })?;
    Ok(bytes)
}

pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || -> std::io::Result<()> {
        let mut file = fs_err::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(writing(path))
}

/// Forces a folder's entries to disk, where the system lets folders be opened.
pub(super) fn sync_folder(path: &Path) -> Result<(), WriteError> {
    if cfg!(unix) {
        fs_err::File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(writing(path))?;
    }
    Ok(())
}

pub(super) fn writing(path: &Path) -> impl Fn(std::io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::Writing {
        path: path.clone(),
        source,
    }
}
