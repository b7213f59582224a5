//! Files that are what was written, for what they were written for, or nothing.
//!
//! ```text
//! twinspect plan 1
//! (lines that say what it is for)
//! sha256 = (of the bytes)
//!
//! (bytes)
//! ```

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// The first line.
const FORMAT: &str = "twinspect plan 1";
const OTHER_DIGEST: &str = "its digest is another one";

/// Why a file is not taken.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// It can't be read.
    Io(io::Error),
    /// It is something else.
    Damaged(&'static str),
}

/// A digest in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn head(purpose: &str, bytes: &[u8]) -> String {
    format!("{FORMAT}\n{purpose}\nsha256 = {}\n\n", digest(bytes))
}

/// Writes bytes for a purpose. The file appears whole or not at all, even if the power goes. Nobody
/// else may write it: what it holds is trusted like a program.
pub(super) fn write(file: &Path, purpose: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".twinspect-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    temporary.write_all(head(purpose, bytes).as_bytes())?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map_err(|error| error.error)?;
    fs_err::File::open(folder)?.sync_all()
}

/// What a file was written for, if it is what was written.
pub(super) fn purpose(file: &Path) -> Result<String, Unsealed> {
    let content = fs_err::read(file).map_err(Unsealed::Io)?;
    let end = end_of_head(&content)?;
    let (begin, bytes) = content.split_at(end);
    let text =
        std::str::from_utf8(begin).map_err(|_not_text| Unsealed::Damaged("its head is no text"))?;
    let purpose = text
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.strip_prefix('\n'))
        .and_then(|rest| Some(rest.rsplit_once("\nsha256 = ")?.0))
        .ok_or(Unsealed::Damaged("it has another head"))?;
    if text != head(purpose, bytes) {
        return Err(Unsealed::Damaged(OTHER_DIGEST));
    }
    Ok(purpose.to_owned())
}

/// Where the bytes begin.
fn end_of_head(content: &[u8]) -> Result<usize, Unsealed> {
    let end = content.windows(2).position(|window| window == b"\n\n");
    Ok(end.ok_or(Unsealed::Damaged("it has no head"))? + 2)
}

/// Reads the bytes that were written for a purpose.
pub(super) fn read(file: &Path, purpose: &str) -> Result<Vec<u8>, Unsealed> {
    let mut content = fs_err::read(file).map_err(Unsealed::Io)?;
    let bytes = content.split_off(end_of_head(&content)?);
    let begin = format!("{FORMAT}\n{purpose}\n");
    if !content.starts_with(begin.as_bytes()) {
        return Err(Unsealed::Damaged("it was written for something else"));
    }
    if content != head(purpose, &bytes).as_bytes() {
        return Err(Unsealed::Damaged(OTHER_DIGEST));
    }
    Ok(bytes)
}
