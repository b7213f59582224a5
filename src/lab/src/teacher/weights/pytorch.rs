//! PyTorch's zip archives: a pickled table of tensors, `data.pkl`, and one entry a storage.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::pickle::{self, StoredTensor};
use super::{WeightsError, elements};

/// The largest table of tensors, in bytes. That of a wide ResNet-50-2 has some 50 kB.
const TABLE_BYTES_MAX: u64 = 4 << 20;

/// The largest storage, in bytes: what a whole trunk in one storage would need.
const STORAGE_BYTES_MAX: u64 = 256 << 20;

pub(super) struct PytorchFile {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    /// The folder within the archive, with a slash at its end.
    folder: String,
    tensors: BTreeMap<String, StoredTensor>,
}

impl PytorchFile {
    /// Reads the table of tensors.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        const TABLE: &str = "data.pkl";
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(archive_error)?;
        let folder = archive
            .file_names()
            .filter_map(|name| {
                let folder = name.ok()?.strip_suffix(TABLE)?.to_owned();
                folder.ends_with('/').then_some(folder)
            })
            .next()
            .ok_or_else(|| WeightsError::Entry {
                entry: format!("*/{TABLE}"),
            })?;
        // Files of PyTorch before 2.1 have no such entry and are little-endian.
        match entry(
            &mut archive,
            &format!("{folder}byteorder"),
            Size::AtMost(16),
        ) {
            Ok(order) if order == b"little" => {}
            Ok(_) => return Err(WeightsError::ByteOrder),
            Err(WeightsError::Entry { .. }) => {}
            Err(error) => return Err(error),
        }
        let table = entry(
            &mut archive,
            &format!("{folder}{TABLE}"),
            Size::AtMost(TABLE_BYTES_MAX),
        )?;
        let tensors = pickle::tensors(&table).map_err(|source| WeightsError::Table { source })?;
        Ok(Self {
            archive,
            folder,
            tensors,
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.tensors.keys().cloned()
    }

    pub(super) fn dims(&self, tensor: &str) -> Option<&[usize]> {
        self.tensors
            .get(tensor)
            .map(|stored| stored.dims.as_slice())
    }

    pub(super) fn values(&mut self, tensor: &str) -> Result<Vec<f32>, WeightsError> {
        let stored = self
            .tensors
            .get(tensor)
            .ok_or_else(|| WeightsError::Missing {
                tensor: tensor.into(),
            })?;
        let out_of_bounds = || WeightsError::Extent {
            tensor: tensor.into(),
            dims: stored.dims.clone(),
        };
        let count = elements(tensor, &stored.dims)?;
        let size = stored.storage.element.size();
        let bytes = stored
            .storage
            .elements
            .checked_mul(size)
            .filter(|&bytes| bytes as u64 <= STORAGE_BYTES_MAX)
            .ok_or_else(out_of_bounds)?;
        if stored.end().is_none_or(|end| end > stored.storage.elements) {
            return Err(out_of_bounds());
        }
        let name = format!("{}data/{}", self.folder, stored.storage.key);
        let storage = entry(&mut self.archive, &name, Size::Exactly(bytes as u64))?;
        let mut picked = Vec::with_capacity(count * size);
        for position in stored.positions(count) {
            let start = position * size;
            let value = storage.get(start..start + size).ok_or_else(out_of_bounds)?;
            picked.extend_from_slice(value);
        }
        Ok(stored.storage.element.decode(&picked))
    }
}

#[derive(Clone, Copy)]
enum Size {
    Exactly(u64),
    AtMost(u64),
}

/// The bytes of an entry. Neither its declared nor its real size may be another than the one
/// wanted, so that a small archive cannot grow without bound.
fn entry(
    archive: &mut ZipArchive<Cursor<Vec<u8>>>,
    name: &str,
    size: Size,
) -> Result<Vec<u8>, WeightsError> {
    let (limit, expected) = match size {
        Size::Exactly(bytes) => (bytes, bytes.to_string()),
        Size::AtMost(bytes) => (bytes, format!("at most {bytes}")),
    };
    let check = |found: u64| match size {
        Size::Exactly(bytes) if found == bytes => Ok(()),
        Size::AtMost(bytes) if found <= bytes => Ok(()),
        _ => Err(WeightsError::EntrySize {
            entry: name.into(),
            expected: expected.clone(),
            found,
        }),
    };
    let file = archive.by_name(name).map_err(|source| match source {
        ZipError::FileNotFound => WeightsError::Entry { entry: name.into() },
        source => archive_error(source),
    })?;
    check(file.size())?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| archive_error(source.into()))?;
    check(bytes.len() as u64)?;
    Ok(bytes)
}

fn archive_error(source: ZipError) -> WeightsError {
    WeightsError::Archive { source }
}
