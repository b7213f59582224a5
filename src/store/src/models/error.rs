//! What can be wrong with the store of models, and what to do about it.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use twinspect_bundle::BundleError;
use twinspect_bundle::document::DocumentError;

use super::{INSTALLED, ModelId, ModelIdError, SignatureError, StationName};

/// Something that could not be done with installed models. Nothing is half done then: either the old state
/// or the new one is there, and what lies around is cleared away by the next install.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// The operating system refused.
    #[error("{doing} {}", path.display())]
    Io {
        /// What, as `writing`.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Somebody else changes the store.
    #[error(
        "the models in {} are being changed by {}",
        folder.display(),
        holder.map_or("another process".to_owned(), |holder| format!("process {holder}"))
    )]
    Locked {
        /// The store.
        folder: PathBuf,
        /// The process that holds the lock, if the kernel tells.
        holder: Option<u32>,
    },
    /// A bundle that can't be used.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle's name and version that make no name of a folder.
    #[error(transparent)]
    Id(#[from] ModelIdError),
    /// The installed files are whole, but are those of another bundle.
    #[error("{id} holds the files of another bundle, with hash {found}")]
    Another {
        /// The installed model.
        id: ModelId,
        /// The hash of what lies there.
        found: String,
    },
    /// Nothing of that name is installed.
    #[error("no model {typed:?} is installed in {}", folder.display())]
    NotInstalled {
        /// What was asked for.
        typed: String,
        /// The store.
        folder: PathBuf,
    },
    /// Several could be meant.
    #[error("{typed:?} may be {}", join(candidates))]
    Ambiguous {
        /// What was asked for.
        typed: String,
        /// What it could be.
        candidates: Vec<ModelId>,
    },
    /// No engine of this machine has reproduced the goldens yet.
    #[error("{id} has not been proven on this machine")]
    Unproven {
        /// The model.
        id: ModelId,
    },
    /// The station has no model.
    #[error("no model is active for station {station} in {}", folder.display())]
    NoneActive {
        /// The station.
        station: StationName,
        /// The store.
        folder: PathBuf,
    },
    /// There is no way back.
    #[error("station {station} had no other model before {active}")]
    NoPrevious {
        /// The station.
        station: StationName,
        /// Its model.
        active: ModelId,
    },
    /// A file of the store does not say what it should.
    #[error("reading a file of the store of models")]
    Document(#[source] Box<DocumentError>),
    /// The signature is missing, or is not what a configured key has signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

fn join(ids: &[ModelId]) -> String {
    let names: Vec<&str> = ids.iter().map(ModelId::as_str).collect();
    names.join(" or ")
}

/// The remedy for what is wrong with the files of an installed model, by whomever they were read. All of them were
/// checked before they were installed, so that what was copied to the station is no place to look for it. None for a
/// bundle that lies elsewhere, and where the bundle's own remedy holds.
pub fn hint_of_installed(error: &BundleError) -> Option<String> {
    let path = match error {
        BundleError::Truncated { path, .. }
        | BundleError::TrailingBytes { path }
        | BundleError::TooLarge { path }
        | BundleError::TooManyEntries { path }
        | BundleError::EntryName { path, .. }
        | BundleError::EntryKind { path, .. }
        | BundleError::DuplicateEntry { path, .. }
        | BundleError::Missing { path, .. }
        | BundleError::Unlisted { path, .. }
        | BundleError::Sums { path, .. }
        | BundleError::Damaged { path, .. }
        | BundleError::Document { path, .. }
        | BundleError::Manifest { path, .. }
        | BundleError::Golden { path, .. } => path,
        BundleError::Read { path, source } if source.kind() == io::ErrorKind::NotFound => path,
        _ => return None,
    };
    is_place_of_model(path).then(|| {
        "the installed model was damaged, changed or removed since: `twinspect model install FILE`, with the bundle that it \
         came from, puts a whole one in its place"
            .to_owned()
    })
}

fn is_place_of_model(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    let folder = path.parent().and_then(Path::file_name);
    folder == Some(OsStr::new(INSTALLED))
        && name.is_some_and(|name| name.parse::<ModelId>().is_ok())
}

impl ModelsError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    /// Whether the disk is at fault, or who else uses it, and not the model.
    pub fn is_of_storage(&self) -> bool {
        matches!(
            self,
            Self::Io { .. } | Self::Locked { .. } | Self::Document(_)
        )
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                "a file lies where a folder should be: name the store's folder, with --models or the key models.folder, or take \
                 the file away"
            }
            Self::Io { .. } => {
                "check the folder's rights and the free space; members of the group `twinspect` may write there"
            }
            Self::Locked { .. } => "wait until it has ended, and try again",
            Self::Bundle(error) => return hint_of_installed(error).or_else(|| error.hint()),
            Self::Id(_) => "export the bundle with a shorter version",
            Self::Another { .. } => "install the right one again: it replaces what lies there",
            Self::NotInstalled { .. } => {
                "`twinspect model list` tells what is installed, `twinspect model install FILE` installs"
            }
            Self::Ambiguous { .. } => "name one of them in full",
            Self::Unproven { id } => {
                return Some(format!("`twinspect model verify {id}` proves it"));
            }
            Self::NoneActive { .. } => "`twinspect model activate ID` makes one active",
            Self::NoPrevious { .. } => "`twinspect model activate ID` chooses another one",
            Self::Document(source) => {
                // Each station's file has its name.
                let station = source.file.file_stem().unwrap_or_default();
                return Some(format!(
                    "it was damaged or written by hand: `twinspect model activate ID --config FILE` writes it anew, FILE being the \
                     configuration of station {}",
                    station.to_string_lossy()
                ));
            }
            Self::Signature(error) => return Some(error.hint().to_owned()),
        };
        Some(text.to_owned())
    }
}
