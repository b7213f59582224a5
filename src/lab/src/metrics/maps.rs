//! Maps on disk, for whoever wants to check the figures with other software.

use std::io;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use twinspect_dataset::{Label, PartId};

use super::{Judged, SIDE};
use crate::files::replace;

/// A map that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("writing the map {path}")]
pub(crate) struct MapError {
    /// The file.
    path: PathBuf,
    /// What the system said.
    #[source]
    source: io::Error,
}

/// Writes a part's map into a folder as `KIND_NNN.npy` (`good_003.npy`, `dent_011.npy`).
///
/// NumPy's format, little-endian float32, `SIDE x SIDE`, rows from the top. Returns the file.
///
/// # Errors
/// [`MapError`] with the file that could not be written.
pub(crate) fn write_map(
    folder: &Path,
    label: &Label,
    part: &PartId,
    judged: &Judged,
) -> Result<PathBuf, MapError> {
    let path = folder.join(format!("{label}_{}.npy", part.name()));
    match encode(judged).and_then(|bytes| replace(&path, &bytes)) {
        Ok(()) => Ok(path),
        Err(source) => Err(MapError { path, source }),
    }
}

fn encode(judged: &Judged) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128 + 4 * SIDE * SIDE);
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(&[SIDE as u64, SIDE as u64])
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(judged.map().iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}
