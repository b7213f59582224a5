//! Reading records, beside a ring that writes and deletes them, and whatever else lies there.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use twinspect_core::frame::FramePair;
use twinspect_dataset::Camera;

use super::error::RecordsError;
use super::name::{Kind, RECORD_FILE, REVIEW_FILE, RecordId, SHEET_FILE, unseen_folder};
use super::record::{DepthKept, FORMAT, Record};
use super::review::Review;

/// Longest text that is read.
const TEXT_BYTES_MAX: u64 = 256 * 1024;
/// Largest picture that is read.
const PICTURE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A record without its pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub id: RecordId,
    /// Its folder.
    pub folder: PathBuf,
    /// What is known of the part.
    pub record: Record,
    /// What somebody has said of it since.
    pub review: Option<Review>,
}

/// The names of all records of parts that were seen, the newest first. Nothing of them is read.
///
/// # Errors
/// [`RecordsError::Read`] if the folder can't be listed.
pub fn list(folder: &Path) -> Result<Vec<RecordId>, RecordsError> {
    names(folder, |kind| kind != Kind::Unseen)
}

/// The names of all records of parts that nobody has a picture of, the newest first; none where there is no folder of
/// them.
///
/// # Errors
/// [`RecordsError::Read`] if it can't be listed.
pub fn list_unseen(folder: &Path) -> Result<Vec<RecordId>, RecordsError> {
    match names(&unseen_folder(folder), |kind| kind == Kind::Unseen) {
        Err(RecordsError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        listed => listed,
    }
}

fn names(folder: &Path, is_meant: impl Fn(Kind) -> bool) -> Result<Vec<RecordId>, RecordsError> {
    let mut ids: Vec<RecordId> = fs_err::read_dir(folder)
        .map_err(RecordsError::read(folder))?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &RecordId| is_meant(id.kind))
        .collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

/// Reads what is known of a record.
///
/// # Errors
/// [`RecordsError::Unknown`] if there is none of this name (any more), [`RecordsError::Damaged`] and
/// [`RecordsError::Format`] if it is none that this program has written, [`RecordsError::Read`].
pub fn read(folder: &Path, id: RecordId) -> Result<Entry, RecordsError> {
    let own = id.folder_among(folder);
    if !own.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return Err(RecordsError::Unknown {
            folder: folder.to_owned(),
            id,
        });
    }
    let path = own.join(RECORD_FILE);
    let record: Record = text(&path)?.ok_or_else(|| damaged(&own, "has no record.json"))?;
    if record.format != FORMAT {
        return Err(RecordsError::Format {
            path,
            found: record.format,
            known: FORMAT,
        });
    }
    if Kind::from(&record) != id.kind {
        return Err(damaged(&path, "says something else than its folder's name"));
    }
    let review = text(&own.join(REVIEW_FILE))?;
    Ok(Entry {
        id,
        folder: own,
        record,
        review,
    })
}

impl Entry {
    /// The picture for people, if there is one.
    pub fn sheet(&self) -> Option<PathBuf> {
        let path = self.folder.join(SHEET_FILE);
        is_plain(&path).then_some(path)
    }

    /// The frame pair as it was judged, with its stamps, and its camera.
    ///
    /// # Errors
    /// [`RecordsError::NoFrame`] if it was not kept as it was, [`RecordsError::Damaged`] and
    /// [`RecordsError::Pictures`] if its files are not those that were written.
    pub fn frame(&self) -> Result<(FramePair, Option<Camera>), RecordsError> {
        let id = self.id;
        let Some(facts) = &self.record.frame else {
            let why = "nothing was seen of it";
            return Err(RecordsError::NoFrame { id, why });
        };
        let has_depth = match facts.depth {
            DepthKept::Absent => false,
            DepthKept::Counts => true,
            DepthKept::PointsLeftOut => {
                let why = "its depth came as points, which recorded parts have no file for";
                return Err(RecordsError::NoFrame { id, why });
            }
        };
        let files = [
            ("rgb.png", facts.rgb),
            ("depth.png", has_depth),
            ("camera.json", has_depth),
        ];
        for (name, needed) in files {
            let path = self.folder.join(name);
            match path.symlink_metadata() {
                Ok(found) if found.is_file() && found.len() <= PICTURE_BYTES_MAX => {}
                Err(error) if error.kind() == ErrorKind::NotFound && !needed => {}
                _ => {
                    let why = "is missing, is no plain file, or is too large";
                    return Err(damaged(&path, why));
                }
            }
        }
        let (mut frame, camera) = twinspect_dataset::read_frame(&self.folder)
            .map_err(Box::new)
            .map_err(|source| RecordsError::Pictures { id, source })?;
        let found = (frame.size(), frame.rgb().is_some(), frame.depth().is_some());
        if found != (facts.size, facts.rgb, has_depth) {
            let why = "has other pictures than its record.json says";
            return Err(damaged(&self.folder, why));
        }
        (frame.rgb_stamp, frame.depth_stamp) = (facts.rgb_stamp, facts.depth_stamp);
        Ok((frame, camera))
    }
}

fn damaged(path: &Path, why: impl Into<String>) -> RecordsError {
    RecordsError::Damaged {
        path: path.to_owned(),
        why: why.into(),
    }
}

/// A file, and no link to one that somebody would like to have read.
pub(super) fn is_plain(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// A JSON text, or `None` where there is no file.
fn text<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordsError> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(RecordsError::read(path))?,
    };
    if !found.is_file() {
        return Err(damaged(path, "is no plain file"));
    }
    let mut text = Vec::new();
    fs_err::File::open(path)
        .and_then(|file| file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(RecordsError::read(path))?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(damaged(
            path,
            format!("is longer than {TEXT_BYTES_MAX} bytes"),
        ));
    }
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| damaged(path, format!("is no such text: {error}")))
}
