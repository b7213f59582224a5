//! Which file the system's loader will take for a name, as far as that can be told before it does.
//!
//! In its order: the folders of `LD_LIBRARY_PATH`, the cache that `ldconfig` writes, the system's own folders. What this does
//! not follow is left to the loader unseen: subfolders for certain processors (`glibc-hwcaps`), and the libraries that a
//! library needs itself.
//!
//! Source: ld.so(8); the layout of the cache is `sysdeps/generic/dl-cache.h` of glibc.

use std::ffi::OsStr;
use std::fs::{File, FileType};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::Unloadable;
use crate::elf::{Outlook, outlook};

const CACHE: &str = "/etc/ld.so.cache";
/// Folders of a processor are Debian's, and JetPack's.
const FOLDERS: [&str; 6] = if cfg!(target_arch = "x86_64") {
    [
        "/lib/x86_64-linux-gnu",
        "/usr/lib/x86_64-linux-gnu",
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
    ]
} else {
    [
        "/lib/aarch64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/lib64",
        "/usr/lib64",
        "/lib",
        "/usr/lib",
    ]
};

/// Looks at the file of a name before the loader does. Where there is none that it takes, the first that it passes over, since that is for another
/// kind of processor.
///
/// # Errors
/// [`Unloadable`].
pub fn look_at(name: &OsStr) -> Result<Option<PathBuf>, Unloadable> {
    let mut passed_over = None;
    for file in places(name) {
        let Ok(facts) = std::fs::metadata(&file) else {
            continue;
        };
        if !facts.is_file() {
            // To open a pipe would be to wait for who writes it, here as in the loader.
            let found = kind(facts.file_type());
            return Err(Unloadable::NoFile { file, found });
        }
        let Ok(opened) = File::open(&file) else {
            continue;
        };
        match outlook(&opened).unwrap_or(Outlook::Told) {
            Outlook::Told => return Ok(None),
            Outlook::PassedOver => {
                passed_over.get_or_insert(file);
            }
            Outlook::CutOff { bytes, expected } => {
                return Err(Unloadable::CutOff {
                    file,
                    bytes,
                    expected,
                });
            }
        }
    }
    Ok(passed_over)
}

/// What it is that is no file, in words.
fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        "a folder"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Where the loader looks for a name, in its order.
fn places(name: &OsStr) -> Vec<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return vec![name.into()];
    }
    let listed = listed(&std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default());
    let cached = cached(&std::fs::read(CACHE).unwrap_or_default(), name);
    let listed = listed.into_iter().map(|folder| folder.join(name));
    let own = FOLDERS.iter().map(|folder| Path::new(folder).join(name));
    listed.chain(cached).chain(own).collect()
}

/// Folders of a list; one without a name is the one that the program runs in.
fn listed(list: &OsStr) -> Vec<PathBuf> {
    if list.is_empty() {
        return Vec::new();
    }
    let folders = list
        .as_bytes()
        .split(|byte| matches!(byte, b':' | b';'))
        .map(|folder| match folder {
            [] => PathBuf::from("."),
            folder => OsStr::from_bytes(folder).into(),
        });
    folders.collect()
}

/// Files of the cache that have this name. Its texts end with a zero each, and stand behind numbers, the last of which may
/// touch the first text.
fn cached(cache: &[u8], name: &OsStr) -> Vec<PathBuf> {
    let texts = cache.split(|byte| *byte == 0);
    let paths = texts.filter_map(|text| {
        let start = text.iter().position(|byte| *byte == b'/')?;
        Some(Path::new(OsStr::from_bytes(text.get(start..)?)))
    });
    paths
        .filter(|path| path.file_name() == Some(name))
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_folders_of_a_list_are_told() {
        let found = |list: &str| listed(OsStr::new(list));
        assert_eq!(found("/a:/b;c"), ["/a", "/b", "c"].map(PathBuf::from));
        assert_eq!(found(":/a"), [".", "/a"].map(PathBuf::from));
        assert_eq!(found(""), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_file_of_the_cache_is_found_by_its_whole_name() {
        let cache = b"glibc-ld.so.cache1.1\x03\0\0\0\x00\x40/usr/lib/a/libx.so.1\0libx.so.1\0\
                      /usr/lib/libx.so.10\0/opt/libx.so.1\0";
        let found = cached(cache, OsStr::new("libx.so.1"));
        let expected = ["/usr/lib/a/libx.so.1", "/opt/libx.so.1"].map(PathBuf::from);
        assert_eq!(found, expected);
    }

    /// By this system's own cache or folders.
    #[test]
    fn the_c_library_is_found_whole() {
        let name = OsStr::new("libc.so.6");
        assert!(places(name).iter().any(|file| file.is_file()));
        assert_eq!(look_at(name).unwrap(), None);
    }

    /// Whoever opened the pipe would not come back.
    #[test]
    fn what_is_no_file_is_refused_by_its_kind_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("libpipe.so");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for (path, what) in [
            (pipe.as_path(), "is a pipe and no file"),
            (folder.path(), "is a folder and no file"),
            (Path::new("/dev/null"), "is a device and no file"),
        ] {
            let told = look_at(path.as_os_str()).unwrap_err().to_string();
            let begins = format!("the library {path:?} {what}: ");
            assert!(told.starts_with(&begins), "{told}");
        }
    }

    #[test]
    fn a_path_is_where_it_is() {
        assert_eq!(places(OsStr::new("./x.so")), [PathBuf::from("./x.so")]);
    }
}
