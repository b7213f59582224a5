//! Whether records could be written, told before a station starts.

use std::path::Path;

use crate::error::EdgeError;

/// Tries what a station needs of its folder of records, beside one that may run: writes a file and
/// removes it. Folders that it had to make for that go again: they would be of the user who asks.
///
/// # Errors
/// [`EdgeError::Store`] if a station of this user could not write here either.
pub(crate) fn try_folder(folder: &Path) -> Result<(), EdgeError> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    let tried = fs_err::create_dir_all(folder)
        .and_then(|()| fs_err::read_dir(folder))
        .and_then(|_| {
            let path = folder.join(format!(".twinspect.check-{}", std::process::id()));
            fs_err::write(&path, b"a picture would be here").and(fs_err::remove_file(&path))
        })
        .map_err(EdgeError::store(folder));
    for made in missing.into_iter().filter(|path| path.exists()) {
        if let Err(error) = fs_err::remove_dir(made) {
            log::debug!("removing what was made: {error}");
        }
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_tried_is_as_it_was() {
        let temporary = tempfile::tempdir().unwrap();
        let count = || std::fs::read_dir(temporary.path()).unwrap().count();
        try_folder(&temporary.path().join("new/records")).unwrap();
        assert_eq!(count(), 0);
        try_folder(temporary.path()).unwrap();
        assert_eq!(count(), 0);
        let file = temporary.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let refused = try_folder(&file.join("records")).unwrap_err();
        assert!(matches!(refused, EdgeError::Store { .. }), "{refused:?}");
        assert_eq!(count(), 1);
    }
}
