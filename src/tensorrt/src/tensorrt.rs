//! The library itself.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::abi::{self, Listener};
use crate::error::is_missing;
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
    /// Opens the newest TensorRT that is installed and loads. The names with a number belong to the
    /// packages that a program needs; the one without is for compilers. Without any of these, one
    /// of a major version that is not known is opened for its version alone.
    ///
    /// # Errors
    /// [`Error::NotLoaded`] with the loader's words for each name, [`Error::MissingSymbol`],
    /// [`Error::TooOld`], [`Error::UnknownMajor`].
    pub fn open() -> Result<Self, Error> {
        let known = SharedLibrary::open_first(&KNOWN);
        let library = known.or_else(|error| match error {
            Error::NotLoaded { mut tried } if tried.iter().all(is_missing) => {
                SharedLibrary::open_first(&UNKNOWN).map_err(|error| {
                    if let Error::NotLoaded { tried: others } = error {
                        tried.extend(others.into_iter().filter(|other| !is_missing(other)));
                    }
                    Error::NotLoaded { tried }
                })
            }
            error => Err(error),
        })?;
        Self::of(library, ParserName::OfVersion)
    }

    /// Opens TensorRT, and its ONNX parser if one is named, from files: an unusual place, or one of
    /// TensorRT's relatives, the lean runtime and TensorRT-RTX.
    ///
    /// # Errors
    /// As [`TensorRt::open`].
    pub fn open_files(library: &Path, parser: Option<&Path>) -> Result<Self, Error> {
        let parser = parser.map_or(ParserName::Absent, |path| ParserName::File(path.to_owned()));
        Self::of(SharedLibrary::open_first(&[library])?, parser)
    }

    fn of(library: SharedLibrary, parser: ParserName) -> Result<Self, Error> {
        let version = Version::of_number(abi::version_number(&library)?);
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
        SharedLibrary::open_first(&[name])
    }
}

/// The error of a call that gave nothing.
pub(crate) fn refused(call: &'static str, listener: Listener) -> Error {
    Error::Refused {
        call,
        said: listener.said(),
    }
}
