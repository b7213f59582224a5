//! What can be wrong with the store of models, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_bundle::document::DocumentError;
use twinspect_bundle::{BundleError, shell};

use super::disk::Irregular;
use super::{ModelId, ModelIdError, SignatureError, StationName, installed_at};

/// What was done with a folder that could not be made.
pub(super) const MAKING: &str = "making";
/// The remedy for an installed model that is not what it was.
const INSTALL_AGAIN: &str = "the installed model was damaged, changed or removed since: `twinspect model install FILE`, with the \
                             bundle that it came from, puts a whole one in its place";

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
    /// Something lies in the place of a file of the store that is opened otherwise, or not at all.
    #[error("{} is {found}, where the store of models has a file", path.display())]
    NoFile {
        /// The place.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// Whether it is a folder, which no rename replaces.
        is_folder: bool,
    },
    /// Something lies in the place of a model's folder.
    #[error("{} is a link or a file, and no folder of a model", path.display())]
    NoFolder {
        /// The place.
        path: PathBuf,
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
    /// Its own files are at fault, as this release found when it was to be proven.
    #[error("{id} can't be proven: its networks or its goldens are at fault, as was found before")]
    Belied {
        /// The model.
        id: ModelId,
        /// Its folder.
        folder: PathBuf,
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
/// bundle that lies elsewhere, and where the bundle's own remedy holds: what this release can't use though its hashes hold was let in by
/// another one, and is whole.
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
        | BundleError::Damaged { path, .. } => path,
        BundleError::Read { path, source } if source.kind() == io::ErrorKind::NotFound => path,
        _ => return None,
    };
    installed_at(path).map(|_place| INSTALL_AGAIN.to_owned())
}

/// The folder in which something lies.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|path| *path != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

impl ModelsError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source: io::Error| {
            let inner = source.get_ref();
            let irregular = inner.and_then(|inner| inner.downcast_ref::<Irregular>());
            match irregular.copied() {
                Some(Irregular { found, is_folder }) => Self::NoFile {
                    path,
                    found,
                    is_folder,
                },
                None => Self::Io {
                    doing,
                    path,
                    source,
                },
            }
        }
    }

    /// Whether a file of the store does not say what it should, and a new one takes its place by a rename.
    pub fn is_of_a_file_to_replace(&self) -> bool {
        matches!(
            self,
            Self::Document(_)
                | Self::NoFile {
                    is_folder: false,
                    ..
                }
        )
    }

    /// Whether the disk is at fault, or who else uses it, and not the model.
    pub fn is_of_storage(&self) -> bool {
        matches!(
            self,
            Self::Io { .. } | Self::NoFile { .. } | Self::Locked { .. } | Self::Document(_)
        )
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Io {
                doing: MAKING,
                path,
                source,
            } if source.kind() == io::ErrorKind::NotFound => {
                let folder = shell::word(folder_of(path));
                return Some(format!(
                    "there is no folder {folder}: `mkdir -p {folder}` makes it, as the package does with /var/lib/twinspect; or name \
                     another store, with --models or the key models.folder"
                ));
            }
            Self::Io { doing, source, .. }
                if source.kind() == io::ErrorKind::NotADirectory
                    || *doing == MAKING && source.kind() == io::ErrorKind::AlreadyExists =>
            {
                "a file lies where a folder should be: name the store's folder, with --models or the key models.folder, or take \
                 the file away"
            }
            Self::Io { .. } => {
                "check the folder's rights and the free space; members of the group `twinspect` may write there"
            }
            Self::NoFile {
                path, is_folder, ..
            } => {
                let remove = if *is_folder { "rm -r" } else { "rm" };
                return Some(format!(
                    "`{remove} {}` removes it; the store makes a new one where it needs it",
                    shell::word(path)
                ));
            }
            Self::NoFolder { .. } | Self::Another { .. } => INSTALL_AGAIN,
            Self::Locked { .. } => "wait until it has ended, and try again",
            Self::Bundle(error) => return hint_of_installed(error).or_else(|| error.hint()),
            Self::Id(_) => "export the bundle with a shorter version",
            Self::NotInstalled { .. } => {
                "`twinspect model list` tells what is installed, `twinspect model install FILE` installs"
            }
            Self::Ambiguous { .. } => "name one of them in full",
            Self::Unproven { id } => {
                return Some(format!("`twinspect model verify {id}` proves it"));
            }
            Self::Belied { folder, .. } => {
                return Some(format!(
                    "export the bundle again, with the release that runs here, and install that one; another release of the program looks \
                     anew at this one. `rm -r {}` removes it, if no station goes by it",
                    shell::word(folder)
                ));
            }
            Self::NoneActive { station, .. } => {
                return Some(format!(
                    "`twinspect model activate ID --config FILE` makes one active, FILE being the configuration of station {station}"
                ));
            }
            Self::NoPrevious { station, .. } => {
                return Some(format!(
                    "`twinspect model activate ID --config FILE` chooses another one, FILE being the configuration of station {station}"
                ));
            }
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
