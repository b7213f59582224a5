//! Short texts that describe a set, read whole.

use std::io::Read;
use std::path::Path;

use crate::error::DatasetError;

/// Longest text that describes a camera or a part.
pub(crate) const BYTES_MAX: u64 = 1 << 20;

/// Reads a text file, which comes from outside, but for one that is longer than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<String, DatasetError> {
    let file = fs_err::File::open(path).map_err(DatasetError::reading(path))?;
    let mut text = String::new();
    file.take(limit + 1)
        .read_to_string(&mut text)
        .map_err(DatasetError::reading(path))?;
    if text.len() as u64 > limit {
        return Err(DatasetError::DescriptionTooLong {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(text)
}
