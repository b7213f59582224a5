//! A bundle as a plain tar: plain files with known names, nothing else, nothing behind.

use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tar::{Archive, EntryType, Header};

use super::{Collector, Files};
use crate::error::BundleError;

const BLOCK: u64 = 512;
/// Most zeros behind the last file: tar pads to records of 10 KiB, seldom to more. A device of zeros
/// would never end.
const PADDING_MAX: u64 = 1 << 20;
/// Characters of the tar library's answer that are passed on.
const ANSWER_CHARS_MAX: usize = 80;

/// Reads the archive at `path` into the collector.
pub(super) fn read(path: &Path, collector: &mut Collector) -> Result<(), BundleError> {
    let file = fs_err::File::open(path).map_err(|source| BundleError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    read_from(path, file, collector)
}

/// Reads an archive that comes from anywhere; `path` is named in errors.
pub(super) fn read_from(
    path: &Path,
    reader: impl Read,
    collector: &mut Collector,
) -> Result<(), BundleError> {
    let broken = |source| BundleError::Archive {
        path: path.to_path_buf(),
        source: quoted_in_short(&source),
    };
    let mut archive = Archive::new(BufReader::new(reader));
    // Raw: headers that rename or resize the file after them stay visible, and are refused.
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let (kind, expected) = (entry.header().entry_type(), entry.size());
        let name = entry.path_bytes().into_owned();
        if kind != EntryType::Regular {
            return Err(BundleError::EntryKind {
                path: path.to_path_buf(),
                entry: String::from_utf8_lossy(&name).into_owned(),
                found: describe(kind),
            });
        }
        collector.add(&name, expected, &mut entry)?;
    }
    end(path, archive.into_inner()).and_then(|found| match found {
        // The reader stops behind the first of the two empty blocks that end a tar.
        BLOCK.. => Ok(()),
        _ => Err(BundleError::Truncated {
            path: path.to_path_buf(),
            entry: "the end mark".to_owned(),
            expected: BLOCK,
            found,
        }),
    })
}

/// The tar library's answer, which may quote what it found in the place of a header: any bytes at
/// all, up to a block of them.
fn quoted_in_short(answer: &io::Error) -> io::Error {
    let text = answer.to_string();
    let mut short: String = text
        .chars()
        .take(ANSWER_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(ANSWER_CHARS_MAX).is_some() {
        short.push_str(" ...");
    }
    io::Error::new(answer.kind(), short)
}

/// Number of bytes behind the last file; all of them must be zero.
fn end(path: &Path, mut rest: impl Read) -> Result<u64, BundleError> {
    let (mut chunk, mut count) = (vec![0; 1 << 16], 0);
    loop {
        let found = rest.read(&mut chunk).map_err(|source| BundleError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        if chunk[..found].iter().any(|byte| *byte != 0) {
            return Err(BundleError::TrailingBytes {
                path: path.to_path_buf(),
            });
        }
        count += found as u64;
        if count > PADDING_MAX {
            return Err(BundleError::TooLarge {
                path: path.to_path_buf(),
            });
        }
        if found == 0 {
            return Ok(count);
        }
    }
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::Directory => "a folder",
        EntryType::GNULongName
        | EntryType::GNULongLink
        | EntryType::XHeader
        | EntryType::XGlobalHeader => "a header that changes other entries",
        _ => "of an unusual kind",
    }
}

/// Writes the archive at once or not at all. The same files give the same bytes: names are
/// sorted, times, owners and modes constant.
pub(crate) fn write(path: &Path, files: &Files) -> Result<(), BundleError> {
    write_file(path, files).map_err(|source| BundleError::Write {
        path: path.to_path_buf(),
        source,
    })
}

fn write_file(path: &Path, files: &Files) -> io::Result<()> {
    let folder = super::directory::parent(path);
    let temporary = tempfile::Builder::new()
        .prefix(".twinspect-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    let mut builder = tar::Builder::new(io::BufWriter::new(temporary));
    for (name, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(EntryType::Regular);
        builder.append_data(&mut header, name, bytes.as_slice())?;
    }
    let mut writer = builder.into_inner()?;
    writer.flush()?;
    let temporary = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    super::directory::sync(folder)
}
