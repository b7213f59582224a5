//! What is installed, as far as a look at it tells.

use std::path::PathBuf;

use twinspect_bundle::identity;

use super::activation::{Disproof, Proof};
use super::{FileSystem, INSTALLED, ModelId, Models, ModelsError};

const SUMS: &str = "SHA256SUMS";
/// Longest SHA256SUMS of an installed model that is looked at; 256 lines have 30 thousand bytes.
const SUMS_BYTES_MAX: u64 = 1 << 20;

/// An installed model.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Its name in the store; product and version are parts of it.
    pub id: ModelId,
    /// The folder of its bundle.
    pub path: PathBuf,
    /// The hash of its bundle, 64 digits; none if its SHA256SUMS is not the one that it was installed with.
    /// The other files are looked at by [`Models::open_bundle`].
    pub hash: Option<String>,
    /// Whether and how an engine of this machine has proven it.
    pub proof: Option<Proof>,
    /// Whether this release has found its own files to be at fault, so that no engine proves it.
    pub is_belied: bool,
    /// When it was installed, in seconds since 1970.
    pub installed_s: u64,
}

impl Installed {
    /// Whether a station may go by it.
    pub fn is_proven(&self) -> bool {
        let proven = self.proof.as_ref().map(|proof| &proof.hash);
        proven.is_some() && proven == self.hash.as_ref()
    }

    /// Why no station may go by one that is not proven.
    pub fn unproven(&self) -> ModelsError {
        match self.is_belied {
            true => ModelsError::Belied {
                id: self.id.clone(),
                folder: self.path.clone(),
            },
            false => ModelsError::Unproven {
                id: self.id.clone(),
            },
        }
    }
}

impl<F: FileSystem> Models<F> {
    /// Everything that is installed, sorted by name.
    ///
    /// # Errors
    /// [`ModelsError::Io`]; a damaged model is no error, see [`Installed::hash`].
    pub fn list(&self) -> Result<Vec<Installed>, ModelsError> {
        self.look_at_all(true)
    }

    /// What has a model's name in the place of models and is no folder: a link, or a file. No station goes by it, and a
    /// station's file may name it.
    ///
    /// # Errors
    /// [`ModelsError::Io`].
    pub fn strays(&self) -> Result<Vec<Installed>, ModelsError> {
        self.look_at_all(false)
    }

    fn look_at_all(&self, folders: bool) -> Result<Vec<Installed>, ModelsError> {
        let named = self.names(&self.root.join(INSTALLED))?.into_iter();
        let mut ids: Vec<ModelId> = named
            .filter(|named| named.is_folder == folders)
            .filter_map(|named| named.name.try_into().ok())
            .collect();
        ids.sort();
        ids.into_iter()
            .map(|id| self.look_at(id, folders))
            .collect()
    }

    fn look_at(&self, id: ModelId, is_folder: bool) -> Result<Installed, ModelsError> {
        let path = self.folder_of(&id);
        let sums = match is_folder {
            true => self.files.read(&path.join(SUMS), SUMS_BYTES_MAX).ok(),
            false => None,
        };
        let hash = sums.map(|sums| identity(&sums));
        let hash = hash.filter(|hash| hash.starts_with(id.digest()));
        let changed = self.files.changed_s(&path);
        let proof = self.proof(&id);
        Ok(Installed {
            is_belied: proof.is_none()
                && hash.as_ref().is_some_and(|hash| self.is_belied(&id, hash)),
            hash,
            proof,
            installed_s: changed.map_err(ModelsError::io("looking at", &path))?,
            path,
            id,
        })
    }

    /// What was proven; a proof that can't be read proves nothing.
    pub(super) fn proof(&self, id: &ModelId) -> Option<Proof> {
        self.document(&self.proof_of(id)).ok().flatten()
    }

    fn is_belied(&self, id: &ModelId, hash: &str) -> bool {
        let found: Option<Disproof> = self.document(&self.proof_of(id)).ok().flatten();
        found.is_some_and(|found| found == Disproof::of(hash.to_owned()))
    }
}
