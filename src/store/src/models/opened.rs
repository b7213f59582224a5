//! Opening what lies under a model's name: it must be that model, or nobody goes by it.
//!
//! Sound hashes say that files belong together, and not that they are the ones that the name stands for: a bundle that was unpacked into
//! another one's folder has sound hashes. Whoever may write into the store can rewrite the names too; against them signatures are.

use std::ffi::OsStr;
use std::path::Path;

use twinspect_bundle::{Bundle, BundleError};

use super::{FileSystem, INSTALLED, ModelId, Models, ModelsError};

/// Opens a bundle wherever it lies. In the place of an installed model it has to be the one that the place has its name
/// of, as for [`Models::open_bundle`].
///
/// # Errors
/// [`ModelsError::Bundle`]; in such a place [`ModelsError::Another`] and [`ModelsError::NoFolder`] too.
pub fn open_bundle_at(path: &Path) -> Result<Bundle, ModelsError> {
    let Some((models, id)) = installed_at(path) else {
        return Ok(Bundle::open(path)?);
    };
    match models.open_bundle(&id) {
        // In the words of any other bundle that is not there, or can't be read.
        Err(absent @ ModelsError::NotInstalled { .. }) => {
            let why = Bundle::open(path).err();
            Err(why.map_or(absent, ModelsError::Bundle))
        }
        Err(ModelsError::Io { source, .. }) => {
            let path = path.to_owned();
            Err(BundleError::Read { path, source }.into())
        }
        opened => opened,
    }
}

/// The store and the model that a path names, if it is one of a model in a store.
pub fn installed_at(path: &Path) -> Option<(Models, ModelId)> {
    let id: ModelId = path.file_name()?.to_str()?.parse().ok()?;
    let installed = path.parent()?;
    let is_store = installed.file_name() == Some(OsStr::new(INSTALLED));
    is_store.then(|| {
        let root = installed.parent().unwrap_or(Path::new(""));
        (Models::open(root), id)
    })
}

impl<F: FileSystem> Models<F> {
    /// Reads all of an installed model and compares it with its hashes, with its name, and with what was proven of it.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], [`ModelsError::Bundle`] where it is damaged, [`ModelsError::Another`],
    /// [`ModelsError::NoFolder`].
    pub fn open_bundle(&self, id: &ModelId) -> Result<Bundle, ModelsError> {
        let path = self.folder_of(id);
        let all = self.names(&self.root.join(INSTALLED))?;
        match all.iter().find(|named| named.name == id.as_str()) {
            None => return Err(self.not_installed(id.as_str())),
            Some(named) if !named.is_folder => return Err(ModelsError::NoFolder { path }),
            Some(_) => {}
        }
        let bundle = self.files.open_bundle(&path)?;
        // The name has 12 digits of the hash; where there is a proof, all of them are known.
        let proof = self.proof(id);
        let is_proven_one = proof.is_none_or(|proof| proof.hash == bundle.hash());
        if is_proven_one && ModelId::of(&bundle)? == *id {
            return Ok(bundle);
        }
        Err(ModelsError::Another {
            id: id.clone(),
            found: bundle.hash().to_owned(),
        })
    }
}
