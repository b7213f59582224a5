//! Installed models, and which of them each station goes by.
//!
//! ```text
//! installed/cap-1.4.0-0123456789ab/    an unpacked bundle, which `Bundle::open` opens
//! proofs/cap-1.4.0-0123456789ab.toml   an engine of this machine has reproduced its goldens: [`Proof`], or found them at fault
//! active/STATION.toml                  the station's model and the one before it: [`Activation`]
//! selected/STATION.toml                the recipe that somebody has selected there: [`Selection`]
//! .lock                                held by whoever changes anything
//! ```
//!
//! In the order of use: [`PublicKeys`] say who may sign; [`Models`] reads, and [`open_bundle_at`] opens what was found; [`Models::change`] takes the lock
//! and gives a [`Change`], which alone can install, prove, activate, roll back and prune.
//!
//! **A power cut at any time** leaves the old state or the new one. What is new is written under another
//! name, made durable file by file and folder by folder, and renamed; one rename is the switch, and nothing
//! else is state. Where a model and a recipe change at once, the rename in `active` is the switch of both. What was begun and not renamed has a name that starts with a dot, is never looked at, and is
//! removed by the next install. The tests cut the power, fill the disk, make it fail and make it read-only at
//! each step of the whole way, on a file system that loses what was not synced.
//!
//! **What is absent**: engines, which prove; processes; clocks.

mod activation;
mod change;
mod disk;
mod error;
mod id;
mod installed;
mod opened;
mod signature;

pub use activation::{Activation, How, Proof, Selection};
pub use change::{Change, Installation, Pruned};
pub use disk::{Disk, FileSystem, Named, Taken, lock_holder};
pub use error::{ModelsError, hint_of_installed};
pub use id::{ModelId, ModelIdError, StationName, StationNameError};
pub use installed::Installed;
pub use opened::{installed_at, open_bundle_at};
pub use signature::{PublicKeyError, PublicKeys, SignatureError, Signed};

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use twinspect_bundle::{Version, document};

use activation::Selected;

const INSTALLED: &str = "installed";
const PROOFS: &str = "proofs";
const ACTIVE: &str = "active";
const SELECTED: &str = "selected";
const LOCK: &str = ".lock";

/// What each station goes by, or why that can't be read.
pub type Stations = BTreeMap<StationName, Result<Activation, ModelsError>>;

/// The store of models in a folder.
#[derive(Debug, Clone)]
pub struct Models<F = Disk> {
    root: PathBuf,
    files: F,
}

impl Models {
    /// The store in this folder of this machine. The folder need not exist: nothing is installed then.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self::on(Disk, root)
    }
}

impl<F: FileSystem> Models<F> {
    /// The store in a folder of another file system.
    pub fn on(files: F, root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            files,
        }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What somebody means who types an installed model's whole name, its product, product and version, or
    /// at least four digits of its hash.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], [`ModelsError::Ambiguous`] with all that could be meant.
    pub fn find(&self, typed: &str) -> Result<Installed, ModelsError> {
        let installed = self.list()?;
        if let Some(exact) = installed.iter().find(|model| model.id.as_str() == typed) {
            return Ok(exact.clone());
        }
        let mut meant: Vec<Installed> = installed
            .into_iter()
            .filter(|model| model.id.is_meant_by(typed))
            .collect();
        match meant.pop() {
            None => Err(self.not_installed(typed)),
            Some(only) if meant.is_empty() => Ok(only),
            Some(last) => {
                let mut candidates: Vec<ModelId> =
                    meant.into_iter().map(|model| model.id).collect();
                candidates.push(last.id);
                Err(ModelsError::Ambiguous {
                    typed: typed.to_owned(),
                    candidates,
                })
            }
        }
    }

    /// The model of a product that a station may go by: of this version, or of the highest one. Of several bundles of
    /// one version it is the one that was installed last.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], and [`ModelsError::Unproven`] or [`ModelsError::Belied`] where none of those that
    /// could be meant is proven.
    pub fn of_product(
        &self,
        name: &str,
        version: Option<&Version>,
    ) -> Result<Installed, ModelsError> {
        self.of_product_among(&self.list()?, name, version)
    }

    /// The same among those that were [`list`](Self::list)ed.
    ///
    /// # Errors
    /// As those of [`of_product`](Self::of_product), but for what a list may fail with.
    pub fn of_product_among(
        &self,
        listed: &[Installed],
        name: &str,
        version: Option<&Version>,
    ) -> Result<Installed, ModelsError> {
        let is_meant = |model: &&Installed| {
            let is_version = |version: &Version| model.id.version() == version.as_str();
            model.id.name() == name && version.is_none_or(is_version)
        };
        let best = listed.iter().filter(is_meant).max_by(|one, other| {
            let is_proven = one.is_proven().cmp(&other.is_proven());
            let by_version = || one.id.precedence(&other.id);
            let by_time = one.installed_s.cmp(&other.installed_s);
            is_proven.then_with(by_version).then(by_time)
        });
        match best {
            Some(best) if best.is_proven() => Ok(best.clone()),
            Some(best) => Err(best.unproven()),
            None => {
                let version = version.map_or(String::new(), |version| format!("-{version}"));
                Err(self.not_installed(&format!("{name}{version}")))
            }
        }
    }

    /// The model of a station, and the one before it.
    ///
    /// # Errors
    /// [`ModelsError::Io`], [`ModelsError::Document`].
    pub fn activation(&self, station: &StationName) -> Result<Option<Activation>, ModelsError> {
        self.document(&self.activation_of(station))
    }

    /// The recipe that somebody has selected at a station, if one was and no model has ended it since.
    ///
    /// # Errors
    /// [`ModelsError::Io`], [`ModelsError::Document`].
    pub fn selection(&self, station: &StationName) -> Result<Option<Selection>, ModelsError> {
        let Some(selected) = self.selected(station)? else {
            return Ok(None);
        };
        let activation = match selected.is_plain() {
            true => None,
            false => self.activation(station)?,
        };
        Ok(selected.under(activation.as_ref()))
    }

    fn selected(&self, station: &StationName) -> Result<Option<Selected>, ModelsError> {
        self.document(&self.selection_of(station))
    }

    /// The models of all stations.
    ///
    /// # Errors
    /// As [`Self::activation`].
    pub fn activations(&self) -> Result<BTreeMap<StationName, Activation>, ModelsError> {
        let stations = self.stations()?.into_iter();
        stations.map(|(name, read)| Ok((name, read?))).collect()
    }

    /// The same for whoever looks: what one station's file does not say keeps nobody from the others.
    ///
    /// # Errors
    /// [`ModelsError::Io`] where nothing can be told; of each station [`Self::activation`]'s.
    pub fn stations(&self) -> Result<Stations, ModelsError> {
        let mut found = Stations::new();
        for named in self.names(&self.root.join(ACTIVE))? {
            let name = named.name.strip_suffix(".toml");
            let Some(Ok(station)) = name.map(str::parse::<StationName>) else {
                continue;
            };
            if let Some(read) = self.activation(&station).transpose() {
                found.insert(station, read);
            }
        }
        Ok(found)
    }

    /// The folder of the bundle that a station goes by. Whoever opens it checks all of it.
    ///
    /// # Errors
    /// [`ModelsError::NoneActive`], [`ModelsError::Io`], [`ModelsError::Document`].
    pub fn active_bundle(&self, station: &StationName) -> Result<PathBuf, ModelsError> {
        match self.activation(station)? {
            Some(activation) => Ok(self.folder_of(&activation.active)),
            None => Err(self.none_active(station)),
        }
    }

    /// The folder in which a model lies, or would lie.
    pub fn folder_of(&self, id: &ModelId) -> PathBuf {
        self.root.join(INSTALLED).join(id.as_str())
    }

    /// Takes the lock without waiting.
    ///
    /// # Errors
    /// [`ModelsError::Locked`] if another process changes the store, [`ModelsError::Io`].
    pub fn change(&self) -> Result<Change<'_, F>, ModelsError> {
        self.make_root()?;
        let lock = self.root.join(LOCK);
        let taken = self.files.try_lock(&lock);
        match taken.map_err(ModelsError::io("locking", lock))? {
            Taken::Ours(lock) => Ok(Change::new(self, lock)),
            Taken::ByAnother(holder) => Err(ModelsError::Locked {
                folder: self.root.clone(),
                holder,
            }),
        }
    }

    /// Takes the lock, and waits for it. It is held while a few files are written, never while a model is
    /// proven or comes over the network.
    ///
    /// # Errors
    /// [`ModelsError::Io`].
    pub fn change_when_free(&self) -> Result<Change<'_, F>, ModelsError> {
        self.make_root()?;
        let lock = self.root.join(LOCK);
        let taken = self.files.lock(&lock);
        Ok(Change::new(
            self,
            taken.map_err(ModelsError::io("locking", lock))?,
        ))
    }

    fn make_root(&self) -> Result<(), ModelsError> {
        if self.files.list(&self.root).is_ok() {
            return Ok(());
        }
        let make = |source| ModelsError::io(error::MAKING, &self.root)(source);
        match self.files.create_folder(&self.root) {
            Ok(()) => {}
            // Somebody else was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(make(error)),
        }
        self.files.sync_folder(self.parent()).map_err(make)
    }

    /// The folder in which the store's lies.
    fn parent(&self) -> &Path {
        let parent = self.root.parent().filter(|path| *path != Path::new(""));
        parent.unwrap_or(Path::new("."))
    }

    fn proof_of(&self, id: &ModelId) -> PathBuf {
        self.root.join(PROOFS).join(format!("{id}.toml"))
    }

    fn activation_of(&self, station: &StationName) -> PathBuf {
        self.root.join(ACTIVE).join(format!("{station}.toml"))
    }

    fn selection_of(&self, station: &StationName) -> PathBuf {
        self.root.join(SELECTED).join(format!("{station}.toml"))
    }

    fn not_installed(&self, typed: &str) -> ModelsError {
        ModelsError::NotInstalled {
            typed: typed.to_owned(),
            folder: self.root.clone(),
        }
    }

    fn none_active(&self, station: &StationName) -> ModelsError {
        ModelsError::NoneActive {
            station: station.clone(),
            folder: self.root.clone(),
        }
    }

    /// The names in a folder, none if there is no such folder.
    fn names(&self, folder: &Path) -> Result<Vec<Named>, ModelsError> {
        absent_is(Vec::new(), self.files.list(folder))
            .map_err(ModelsError::io("looking into", folder))
    }

    /// A small file of the store, if there is one.
    fn document<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>, ModelsError> {
        let bytes = self.files.read(path, document::TEXT_BYTES_MAX);
        let bytes = absent_is(None, bytes.map(Some)).map_err(ModelsError::io("reading", path))?;
        let parse = |bytes: Vec<u8>| document::parse(path, &String::from_utf8_lossy(&bytes));
        let parsed = bytes.map(parse).transpose();
        parsed.map_err(|source| ModelsError::Document(Box::new(source)))
    }
}

fn absent_is<T>(instead: T, result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(instead),
        other => other,
    }
}

#[cfg(test)]
mod tests;
