//! The library itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::abi::{self, Listener};
use crate::library::SharedLibrary;
use crate::{Error, Generation, Version};

/// Newest first.
const KNOWN: [&str; 3] = ["libnvinfer.so.11", "libnvinfer.so.10", "libnvinfer.so.8"];
/// Nothing can be done with these, but a machine that has one is not a machine without TensorRT.
const UNKNOWN: [&str; 5] = [
    "libnvinfer.so.12",
    "libnvinfer.so.13",
    "libnvinfer.so.14",
    "libnvinfer.so.15",
    "libnvinfer.so.9",
];

/// TensorRT, loaded.
#[derive(Debug)]
pub struct TensorRt {
    library: SharedLibrary,
    version: Version,
    generation: Generation,
    parser: ParserName,
}

/// What the library of the ONNX parser is opened by.
#[derive(Debug)]
enum ParserName {
    /// The name that belongs to the version.
    OfVersion,
    /// A file that was named.
    File(PathBuf),
    /// There is none.
    Absent,
}

impl TensorRt {
    /// Opens the newest TensorRT that is installed and can be used; of a newer one that can't be, the log says why. The names with a number
    /// belong to the packages that a program needs; the one without is for compilers. Without any of these, one
    /// of a major version that is not known is opened for its version alone.
    ///
    /// # Errors
    /// [`Error::NotLoaded`] with what is wrong with each name; of the only library that is there, also its own error: [`Error::Unloadable`],
    /// [`Error::OtherProduct`], [`Error::MissingSymbol`], [`Error::TooOld`], [`Error::UnknownMajor`].
    pub fn open() -> Result<Self, Error> {
        let mut unfit: Vec<Unfit> = Vec::new();
        for name in KNOWN {
            match Self::named(name) {
                Ok(found) => {
                    for (_, error) in unfit.iter().filter(is_there) {
                        let version = found.version;
                        log::warn!("TensorRT {version} is used in place of a newer one: {error}");
                    }
                    return Ok(found);
                }
                Err(error) => unfit.push((name, error)),
            }
        }
        if !unfit.iter().any(|one| is_there(&one)) {
            for name in UNKNOWN {
                let unknown = Self::named(name).map_err(|error| (name, error));
                match unknown {
                    Ok(found) => return Ok(found),
                    Err(error) if is_there(&&error) => unfit.push(error),
                    Err(_) => {}
                }
            }
        }
        Err(none_of(unfit))
    }

    /// Opens TensorRT, and its ONNX parser if one is named, from files: an unusual place, or one of
    /// TensorRT's relatives, the lean runtime and TensorRT-RTX.
    ///
    /// # Errors
    /// As [`TensorRt::open`], of the one file.
    pub fn open_files(library: &Path, parser: Option<&Path>) -> Result<Self, Error> {
        let parser = parser.map_or(ParserName::Absent, |path| ParserName::File(path.to_owned()));
        let library = SharedLibrary::open(library)?;
        let version = version_of(&library)?;
        Self::of(library, version, parser)
    }

    /// Opens TensorRT by a name that its relatives, too, may have been given.
    fn named(name: &str) -> Result<Self, Error> {
        let library = SharedLibrary::open(name)?;
        let version = version_of(&library)?;
        if version.is_rtx() {
            let library = name.to_owned();
            return Err(Error::OtherProduct { library, version });
        }
        Self::of(library, version, ParserName::OfVersion)
    }

    fn of(library: SharedLibrary, version: Version, parser: ParserName) -> Result<Self, Error> {
        let generation = version.generation()?;
        Ok(Self {
            library,
            version,
            generation,
            parser,
        })
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The tables that fit it.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The file that it was loaded from, which changes with every release; `None` if that can't be told.
    pub fn file(&self) -> Option<PathBuf> {
        abi::file_of(&self.library)
    }

    pub(crate) fn library(&self) -> &SharedLibrary {
        &self.library
    }

    /// Opens the library of the ONNX parser, which must come from the same TensorRT.
    pub(crate) fn open_parser(&self) -> Result<SharedLibrary, Error> {
        let of_version = match self.generation {
            Generation::V8 => "libnvonnxparser.so.8",
            Generation::V10 => "libnvonnxparser.so.10",
            Generation::V11 => "libnvonnxparser.so.11",
        };
        let name: &OsStr = match &self.parser {
            ParserName::OfVersion => of_version.as_ref(),
            ParserName::File(path) => path.as_os_str(),
            ParserName::Absent => {
                let tried = vec![("an ONNX parser".to_owned(), "none was named".to_owned())];
                return Err(Error::NotLoaded { tried });
            }
        };
        SharedLibrary::open(name)
    }
}

fn version_of(library: &SharedLibrary) -> Result<Version, Error> {
    Ok(Version::of_number(abi::version_number(library)?))
}

/// A name, and why it can't be used.
type Unfit = (&'static str, Error);

fn is_there((_, error): &&Unfit) -> bool {
    !error.is_absent()
}

/// Why none can be used: the only one that is there says it by its own error, unless that is the loader's; several do together.
fn none_of(mut unfit: Vec<Unfit>) -> Error {
    let mut there = (0..unfit.len()).filter(|&at| unfit.get(at).is_some_and(|one| is_there(&one)));
    let only = there.next().filter(|_| there.next().is_none());
    if let Some(at) = only
        && !matches!(unfit.get(at), Some((_, Error::NotLoaded { .. })))
    {
        return unfit.swap_remove(at).1;
    }
    let tried = unfit.into_iter().flat_map(|(name, error)| match error {
        Error::NotLoaded { tried } => tried,
        error => vec![(name.to_owned(), error.to_string())],
    });
    let tried = tried.collect();
    Error::NotLoaded { tried }
}

/// The error of a call that gave nothing.
pub(crate) fn refused(call: &'static str, listener: Listener) -> Error {
    Error::Refused {
        call,
        said: listener.said(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_loaded(name: &'static str, reason: &str) -> Unfit {
        let tried = vec![(name.to_owned(), format!("{name}: {reason}"))];
        (name, Error::NotLoaded { tried })
    }

    fn missing(name: &'static str) -> Unfit {
        not_loaded(
            name,
            "cannot open shared object file: No such file or directory",
        )
    }

    fn other_product(name: &'static str) -> Unfit {
        let (library, version) = (name.to_owned(), Version::of_number(10_701));
        (name, Error::OtherProduct { library, version })
    }

    #[test]
    fn what_is_there_alone_says_itself_what_is_wrong() {
        let error = none_of(vec![missing("a"), other_product("b"), missing("c")]);
        assert!(matches!(error, Error::OtherProduct { .. }), "{error}");
    }

    #[test]
    fn several_that_can_t_be_used_are_told_together() {
        let short = not_loaded("a", "file too short");
        let error = none_of(vec![short, other_product("b"), missing("c")]);
        let text = error.to_string();
        for part in [
            "a: a: file too short; ",
            "b: b is TensorRT-RTX 1.7.1, ",
            "c: c: cannot open",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!error.is_absent());
    }

    #[test]
    fn where_none_is_there_tensorrt_is_absent() {
        let error = none_of(vec![missing("a"), missing("b")]);
        assert!(error.is_absent(), "{error}");
    }
}
