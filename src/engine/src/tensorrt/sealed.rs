//! Files that are what was written, for what they were written for, or nothing.
//!
//! ```text
//! twinspect plan 1
//! (lines that say what it is for)
//! sha256 = (of the bytes)
//!
//! (bytes)
//! ```

use std::fs::Metadata;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// The first line.
const FORMAT: &str = "twinspect plan 1";
const OTHER_DIGEST: &str = "its digest is another one";
/// Largest file that is read. A plan is about as large as its network, and a bundle's files are smaller.
const BYTES_MAX: u64 = 2 << 30;
/// Longest head of a file; those that are written have a few hundred bytes.
const HEAD_BYTES_MAX: usize = 4096;
/// Bytes that are looked at together.
const CHUNK_BYTES: usize = 1 << 16;

/// Why a file is not taken.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// It can't be read.
    Io(io::Error),
    /// It is something else.
    Damaged(&'static str),
    /// It is nothing that is ever written here, and was not opened.
    Foreign(&'static str),
}

/// A digest in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    in_digits(&Sha256::digest(bytes))
}

fn in_digits(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn head(purpose: &str, digest: &str) -> String {
    format!("{FORMAT}\n{purpose}\nsha256 = {digest}\n\n")
}

/// Why something of a folder is not opened: a pipe never ends, and a file may be larger than memory.
pub(super) fn foreign(facts: &Metadata) -> Option<&'static str> {
    if facts.is_dir() {
        Some("a folder")
    } else if !facts.is_file() {
        Some("a pipe, socket or device")
    } else if facts.len() > BYTES_MAX {
        Some("larger than 2 GiB")
    } else {
        None
    }
}

/// What the system says of a file or folder; an error names it.
pub(super) fn facts_of(path: &Path) -> io::Result<Metadata> {
    path.metadata().map_err(|error| {
        let told = format!("looking at {path:?}: {error}");
        io::Error::new(error.kind(), told)
    })
}

fn open(file: &Path) -> Result<fs_err::File, Unsealed> {
    let facts = facts_of(file).map_err(Unsealed::Io)?;
    match foreign(&facts) {
        Some(what) => Err(Unsealed::Foreign(what)),
        None => fs_err::File::open(file).map_err(Unsealed::Io),
    }
}

/// Writes bytes for a purpose. The file appears whole or not at all, even if the power goes. Nobody
/// else may write it: what it holds is trusted like a program.
pub(super) fn write(file: &Path, purpose: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".twinspect-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    temporary.write_all(head(purpose, &digest(bytes)).as_bytes())?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    fs_err::File::open(folder)?.sync_all()
}

/// What a file was written for, if it is what was written. It is never in memory as a whole.
pub(super) fn purpose(file: &Path) -> Result<String, Unsealed> {
    let mut file = open(file)?;
    let mut begin = Vec::new();
    let mut most = (&mut file).take(HEAD_BYTES_MAX as u64);
    most.read_to_end(&mut begin).map_err(Unsealed::Io)?;
    let first = begin.split_off(end_of_head(&begin)?);
    let text = std::str::from_utf8(&begin)
        .map_err(|_not_text| Unsealed::Damaged("its head is no text"))?;
    let purpose = text
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.strip_prefix('\n'))
        .and_then(|rest| Some(rest.rsplit_once("\nsha256 = ")?.0))
        .ok_or(Unsealed::Damaged("it has another head"))?;
    let mut hasher = Sha256::new();
    hasher.update(&first);
    // A file that grows meanwhile is read to the bound.
    let mut rest = file.take(BYTES_MAX);
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    loop {
        let count = match rest.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Unsealed::Io(error)),
        };
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
    if text != head(purpose, &in_digits(&hasher.finalize())) {
        return Err(Unsealed::Damaged(OTHER_DIGEST));
    }
    Ok(purpose.to_owned())
}

/// Where the bytes begin.
fn end_of_head(content: &[u8]) -> Result<usize, Unsealed> {
    let most = content.get(..HEAD_BYTES_MAX).unwrap_or(content);
    let end = most.windows(2).position(|window| window == b"\n\n");
    Ok(end.ok_or(Unsealed::Damaged("it has no head"))? + 2)
}

/// Reads the bytes that were written for a purpose.
pub(super) fn read(file: &Path, purpose: &str) -> Result<Vec<u8>, Unsealed> {
    let mut content = Vec::new();
    let mut file = open(file)?.take(BYTES_MAX);
    file.read_to_end(&mut content).map_err(Unsealed::Io)?;
    let bytes = content.split_off(end_of_head(&content)?);
    let begin = format!("{FORMAT}\n{purpose}\n");
    if !content.starts_with(begin.as_bytes()) {
        return Err(Unsealed::Damaged("it was written for something else"));
    }
    if content != head(purpose, &digest(&bytes)).as_bytes() {
        return Err(Unsealed::Damaged(OTHER_DIGEST));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than is looked at together, and no multiple of it.
    fn bytes() -> Vec<u8> {
        (0..3 * CHUNK_BYTES + 17).map(|at| at as u8).collect()
    }

    #[test]
    fn a_file_s_purpose_is_known_without_holding_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.plan");
        for content in [bytes(), Vec::new(), b"\n\nx\n\n".to_vec()] {
            write(&file, "for one\nfor two", &content).unwrap();
            assert_eq!(purpose(&file).unwrap(), "for one\nfor two");
            assert_eq!(read(&file, "for one\nfor two").unwrap(), content);
        }
    }

    #[test]
    fn a_byte_that_changed_anywhere_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.plan");
        write(&file, "for one", &bytes()).unwrap();
        let good = std::fs::read(&file).unwrap();
        for at in [0, 30, 60, 4096, CHUNK_BYTES + 5000, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&file, bad).unwrap();
            let found = purpose(&file);
            assert!(
                matches!(found, Err(Unsealed::Damaged(_))),
                "{at}: {found:?}"
            );
        }
    }

    #[test]
    fn what_can_t_be_asked_is_told_in_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nowhere");
        let error = facts_of(&file).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let told = error.to_string();
        assert!(
            told.starts_with(&format!("looking at {file:?}: ")),
            "{told}"
        );
    }

    #[test]
    fn what_is_no_plain_file_or_too_large_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (sparse, inside) = (folder.path().join("s.plan"), folder.path().join("d.plan"));
        let file = std::fs::File::create(&sparse).unwrap();
        file.set_len(BYTES_MAX + 1).unwrap();
        std::fs::create_dir(&inside).unwrap();
        let cases = [
            (sparse.as_path(), "larger than 2 GiB"),
            (inside.as_path(), "a folder"),
            (Path::new("/dev/zero"), "a pipe, socket or device"),
        ];
        for (path, expected) in cases {
            for found in [purpose(path), read(path, "x").map(|_| String::new())] {
                let Err(Unsealed::Foreign(what)) = found else {
                    panic!("{expected}: {found:?}");
                };
                assert_eq!(what, expected);
            }
        }
    }
}
