//! Finding and loading the library, and calling it.

use std::ffi::{CStr, OsString, c_char};
use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use realsense_sys as sys;
use twinspect_loader::{Unloadable, look_at, plain};

use super::api::{Api, ErrorSlot};
use super::error::{CallError, LoadError};

/// The vendor's name, which packages for developers install.
const NAME: &str = "librealsense2.so";
/// Minor releases that are tried by their own names, the newest first. The oldest is the oldest that was
/// tested; the newest leaves room.
const MINORS: std::ops::RangeInclusive<u32> = 54..=99;

/// A version as the library tells it: 25605 is 2.56.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(i32);

impl ApiVersion {
    /// The first release that records into `.db3` files, and no longer into `.bag`.
    const RECORDS_DB3: Self = Self(25_800);

    /// The file ending of recordings that this release writes. It plays both.
    pub fn recording_extension(self) -> &'static str {
        if self < Self::RECORDS_DB3 {
            "bag"
        } else {
            "db3"
        }
    }

    pub(super) fn number(self) -> i32 {
        self.0
    }

    fn is_known(self) -> bool {
        self.0 / 10_000 == 2 && self.0 / 100 % 100 >= 54
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        write!(
            f,
            "{}.{}.{}",
            number / 10_000,
            number / 100 % 100,
            number % 100
        )
    }
}

/// A loaded librealsense. It stays loaded until the process ends: its threads may outlive what was made
/// with it.
#[derive(Clone, Copy)]
pub struct Librealsense {
    api: &'static Api,
    loaded: &'static Loaded,
}

struct Loaded {
    library: libloading::Library,
    version: ApiVersion,
    path: PathBuf,
}

impl fmt::Debug for Librealsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Librealsense")
            .field("version", &self.loaded.version)
            .field("path", &self.loaded.path)
            .finish()
    }
}

impl Librealsense {
    /// Loads the library: the file `place`, the library in the folder `place`, or the one that the system's
    /// loader finds. What is loaded stays; a process does this once.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(place: Option<&Path>) -> Result<Self, LoadError> {
        let (mut absent, mut broken) = (None, None);
        for name in candidates(place) {
            if let Err(unloadable) = look_at(&name) {
                broken.get_or_insert_with(|| unusable(unloadable));
                continue;
            }
            // SAFETY: loading runs the file's initialisers. It is the vendor's library, by its name or because
            // whoever configures the station says so; no other code of this process depends on its state.
            let library = match unsafe { libloading::Library::new(&name) } {
                Ok(library) => library,
                Err(error) => {
                    let reason = with_cause(&error);
                    if is_absent(&plain(&name.to_string_lossy()), &reason) {
                        absent.get_or_insert(reason);
                    } else {
                        let path = PathBuf::from(name);
                        broken.get_or_insert(LoadError::Unusable { path, reason });
                    }
                    continue;
                }
            };
            return Self::take(library, PathBuf::from(name));
        }
        Err(broken.unwrap_or_else(|| LoadError::NotFound {
            reason: absent.unwrap_or_default(),
        }))
    }

    fn take(library: libloading::Library, path: PathBuf) -> Result<Self, LoadError> {
        let unusable = |error: libloading::Error| LoadError::Unusable {
            path: path.clone(),
            reason: with_cause(&error),
        };
        // SAFETY: a library that has all these names is librealsense, whose signatures are the header's;
        // it is never unloaded once the table is in use.
        let api = unsafe { Api::find(&library) }.map_err(unusable)?;
        let api: &'static Api = Box::leak(Box::new(api));
        // SAFETY: a null pointer says that no error is wanted.
        let number = unsafe { (api.rs2_get_api_version)(null_mut()) };
        let version = ApiVersion(number);
        let loaded: &'static Loaded = Box::leak(Box::new(Loaded {
            library,
            version,
            path: loaded_path().unwrap_or(path),
        }));
        if version.is_known() {
            Ok(Self { api, loaded })
        } else {
            Err(LoadError::Version {
                found: version.to_string(),
            })
        }
    }

    /// The library's version.
    pub fn version(self) -> ApiVersion {
        self.loaded.version
    }

    /// The file, where the system tells; otherwise the name by which it was found.
    pub fn path(self) -> &'static Path {
        &self.loaded.path
    }

    pub(super) fn api(self) -> &'static Api {
        self.api
    }

    #[cfg_attr(
        not(feature = "double"),
        expect(dead_code, reason = "the double looks up more than the camera")
    )]
    pub(super) fn library(self) -> &'static libloading::Library {
        &self.loaded.library
    }

    /// The same library with other functions in some places.
    #[cfg(feature = "double")]
    pub(super) fn with(self, change: impl FnOnce(&mut Api)) -> Self {
        let mut api = *self.api;
        change(&mut api);
        Self {
            api: Box::leak(Box::new(api)),
            ..self
        }
    }

    /// Calls a function that reports errors in its last argument.
    pub(super) fn ask<T>(self, call: impl FnOnce(&Api, ErrorSlot) -> T) -> Result<T, CallError> {
        let mut error: *mut sys::rs2_error = null_mut();
        let value = call(self.api, &raw mut error);
        if error.is_null() {
            return Ok(value);
        }
        // SAFETY: the library has just made this error and given it away; it is read, then freed, once.
        Err(unsafe {
            let told = CallError {
                kind: (self.api.rs2_get_librealsense_exception_type)(error),
                function: text((self.api.rs2_get_failed_function)(error)),
                message: text((self.api.rs2_get_error_message)(error)),
            };
            (self.api.rs2_free_error)(error);
            told
        })
    }
}

fn unusable(unloadable: Unloadable) -> LoadError {
    let (path, reason) = match unloadable {
        Unloadable::CutOff {
            file,
            bytes,
            expected,
        } => (
            file,
            format!("it is cut off: it has {bytes} bytes, at least {expected} expected"),
        ),
        Unloadable::NoFile { file, found } => (
            file,
            format!("it is {found} and no file, and a shared library is expected"),
        ),
    };
    LoadError::Unusable { path, reason }
}

/// A copy of a text of the library's, as it can be shown; empty if there is none.
///
/// # Safety
/// `pointer` is null or points to a text that ends with a zero and lives for the call.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: as the caller promises.
    let words = unsafe { CStr::from_ptr(pointer) }.to_string_lossy();
    plain(&words)
}

/// What the loader of `libloading` says, and what the system's said to it.
pub(super) fn with_cause(error: &libloading::Error) -> String {
    plain(&match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}

/// Whether there is no library of this name, by the loader's words. They begin with the name of the file that is not
/// there, which is another one where a library lacks what it needs.
fn is_absent(name: &str, reason: &str) -> bool {
    let (_, rest) = reason.split_once(name).unwrap_or_default();
    rest.starts_with(": cannot open shared object file: No such file")
}

/// Names for the system's loader, in the order in which they are tried.
fn candidates(place: Option<&Path>) -> Vec<OsString> {
    let numbered = MINORS.rev().map(|minor| format!("{NAME}.2.{minor}"));
    let names = std::iter::once(NAME.to_owned()).chain(numbered);
    match place {
        Some(folder) if folder.is_dir() => names
            .map(|name| folder.join(name))
            .filter(|path| path.exists())
            .map(PathBuf::into_os_string)
            .chain(std::iter::once(folder.join(NAME).into_os_string()))
            .collect(),
        // A path without a folder would be looked for elsewhere.
        Some(file) if file.parent() == Some(Path::new("")) => {
            vec![Path::new(".").join(file).into_os_string()]
        }
        Some(file) => vec![file.as_os_str().to_owned()],
        None => names.map(OsString::from).collect(),
    }
}

/// The file from which this process has mapped a librealsense, as Linux tells it.
fn loaded_path() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.split_once('/').map(|(_, path)| path))
        .find(|path| path.contains(NAME))?;
    Some(Path::new("/").join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_as_the_vendor_does() {
        assert_eq!(ApiVersion(25_605).to_string(), "2.56.5");
        assert!(ApiVersion(25_401).is_known() && ApiVersion(25_901).is_known());
        assert!(!ApiVersion(25_301).is_known() && !ApiVersion(30_001).is_known());
        assert_eq!(ApiVersion(25_707).recording_extension(), "bag");
        assert_eq!(ApiVersion(25_800).recording_extension(), "db3");
    }

    #[test]
    fn without_the_library_the_reason_and_the_remedy_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = Librealsense::load(Some(folder.path())).unwrap_err();
        assert!(matches!(error, LoadError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains(NAME), "{error}");
        assert!(error.hint().contains("librealsense2"));
    }

    /// The system's loader would end this process by a signal.
    #[test]
    fn a_library_that_is_cut_off_is_told_and_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        let whole = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        // All headers, and hardly anything that they speak of.
        std::fs::write(&file, &whole[..8192]).unwrap();
        let error = Librealsense::load(Some(folder.path())).unwrap_err();
        let LoadError::Unusable { path, reason } = &error else {
            panic!("{error}");
        };
        assert_eq!(path, &file);
        assert!(reason.starts_with("it is cut off: "), "{reason}");
    }

    /// The system's loader would wait for who writes into it.
    #[test]
    fn a_pipe_is_told_and_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join(NAME);
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for place in [pipe.as_path(), folder.path()] {
            let error = Librealsense::load(Some(place)).unwrap_err();
            let LoadError::Unusable { path, reason } = &error else {
                panic!("{error}");
            };
            assert_eq!(path, &pipe);
            assert!(reason.starts_with("it is a pipe and no file"), "{reason}");
        }
    }

    #[test]
    fn a_file_that_is_there_and_no_library_is_damaged_and_not_absent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        std::fs::write(&file, "text").unwrap();
        for place in [file.as_path(), folder.path()] {
            let error = Librealsense::load(Some(place)).unwrap_err();
            let LoadError::Unusable { path, reason } = &error else {
                panic!("{error}");
            };
            assert_eq!(path, &file);
            assert!(reason.contains("file too short"), "{reason}");
            assert!(error.hint().contains("install it again"));
        }
        for name in ["absent.so", "ab\u{1b}[2Jsent.so"] {
            let absent = folder.path().join(name);
            let error = Librealsense::load(Some(&absent)).unwrap_err();
            assert!(matches!(error, LoadError::NotFound { .. }), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn a_library_that_lacks_another_one_is_not_absent() {
        let missing = "cannot open shared object file: No such file or directory";
        assert!(is_absent(NAME, &format!("{NAME}: {missing}")));
        assert!(!is_absent(NAME, &format!("libusb-1.0.so.0: {missing}")));
        assert!(!is_absent(NAME, &format!("/opt/{NAME}: file too short")));
    }

    /// The C library has none of the functions.
    #[test]
    fn another_library_is_refused() {
        let error = Librealsense::load(Some(Path::new("/lib/x86_64-linux-gnu/libc.so.6")));
        if cfg!(target_arch = "x86_64") && Path::new("/lib/x86_64-linux-gnu/libc.so.6").exists() {
            let error = error.unwrap_err();
            assert!(matches!(error, LoadError::Unusable { .. }), "{error}");
        }
    }

    #[test]
    fn the_newest_release_is_tried_first() {
        let names = candidates(None);
        assert_eq!(names[0], NAME);
        assert_eq!(names[1], "librealsense2.so.2.99");
        assert_eq!(names.last().unwrap(), "librealsense2.so.2.54");
    }
}
