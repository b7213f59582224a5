//! Where a page goes: nothing lies there yet, or an earlier page. A bundle or a checkpoint whose name was typed by mistake
//! would be lost otherwise.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use twinspect_dataset::file_kind;

/// What every page has in its title.
pub(super) const TITLE: &str = "twinspect report</title>";
/// The title lies within these bytes: a product's name is short.
const HEAD_BYTES: u64 = 4096;

/// What lies in a page's place and is none; nothing if the page may be written.
///
/// # Errors
/// What the system said when it was looked at.
pub(super) fn occupied(path: &Path) -> io::Result<Option<&'static str>> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !found.is_file() {
        return Ok(Some(file_kind(found.file_type())));
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let is_page = head
        .windows(TITLE.len())
        .any(|part| part == TITLE.as_bytes());
    Ok((!is_page).then_some("a file that is no report"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_make_room_for_pages_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cap.html");
        assert_eq!(occupied(&path).unwrap(), None);
        std::fs::write(&path, format!("<html><title>cap 1.0.0 {TITLE}")).unwrap();
        assert_eq!(occupied(&path).unwrap(), None);
        std::fs::write(&path, "somebody's own page").unwrap();
        assert_eq!(occupied(&path).unwrap(), Some("a file that is no report"));
        assert_eq!(occupied(folder.path()).unwrap(), Some("a folder"));
    }
}
