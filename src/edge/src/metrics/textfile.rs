//! The file for the node exporter's textfile collector: whole, or the one before.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fs_err::OpenOptions;
use std::io::Write;

/// The collector is another user.
const MODE: u32 = 0o644;

/// Writes beside the file, under a name that the collector does not read, and renames.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("prom.partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    options.options_mut().mode(MODE);
    let written = options
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs_err::rename(&partial, path));
    if written.is_err()
        && let Err(error) = fs_err::remove_file(&partial)
    {
        log::debug!("removing what was written: {error}");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_one_that_can_t_be_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.prom");
        write(&path, "one\n").unwrap();
        write(&path, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        let taken = folder.path().join("taken.prom");
        std::fs::create_dir_all(taken.join("by a folder")).unwrap();
        write(&taken, "one\n").unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
