//! What changes the store, under its lock.
//!
//! Everything goes by one rule: what is new is durable under a name that nobody looks at before it gets its
//! own name by one rename, and what is old loses its name by one rename before it is taken apart.

mod durable;

use std::io::ErrorKind;

use twinspect_bundle::{Bundle, BundleError};

use super::activation::{Disproof, Selected};
use super::{
    ACTIVE, Activation, FileSystem, How, INSTALLED, Installed, ModelId, Models, ModelsError,
    PROOFS, Proof, SELECTED, Selection, StationName,
};
use durable::INCOMING;

/// The right to change the store, until this is dropped.
pub struct Change<'a, F: FileSystem = super::Disk> {
    models: &'a Models<F>,
    _lock: F::Lock,
}

/// What an install came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installation {
    /// The model is there now, or is whole again.
    New,
    /// It was there already, and is whole.
    Known,
}

/// What was removed and what stays, each sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Removed, or to be removed.
    pub removed: Vec<ModelId>,
    /// The others.
    pub kept: Vec<ModelId>,
}

impl<'a, F: FileSystem> Change<'a, F> {
    pub(super) fn new(models: &'a Models<F>, lock: F::Lock) -> Self {
        Self {
            models,
            _lock: lock,
        }
    }

    /// Installs a bundle whose every byte was checked. It can be activated after [`Self::prove`]. What an
    /// interrupted change has left is removed first, and what a failed one has written is removed again.
    ///
    /// # Errors
    /// [`ModelsError::Io`], [`ModelsError::Id`].
    pub fn install(&self, bundle: &Bundle) -> Result<(ModelId, Installation), ModelsError> {
        let id = ModelId::of(bundle)?;
        // The store's own folder, too, whoever has made it.
        self.sync(self.models.parent())?;
        self.make_folder(INSTALLED)?;
        self.tidy()?;
        let damaged = match self.models.open_bundle(&id) {
            Ok(there) if there.hash() == bundle.hash() => return Ok((id, Installation::Known)),
            Err(ModelsError::NotInstalled { .. }) => false,
            // The disk is at fault, and the model may be whole.
            Err(
                error @ (ModelsError::Bundle(BundleError::Read { .. }) | ModelsError::Io { .. }),
            ) => return Err(error),
            // Damaged, or another bundle with the same first digits of its hash.
            Ok(_) | Err(_) => true,
        };
        let folder = self.models.root.join(INSTALLED);
        let incoming = folder.join(format!("{INCOMING}{id}"));
        let written = self.write_bundle(&incoming, bundle);
        let placed = written
            .and_then(|()| if damaged { self.remove(&id) } else { Ok(()) })
            .and_then(|()| self.rename(&incoming, &folder.join(id.as_str())));
        if let Err(error) = placed {
            // Else it would keep a full disk full.
            self.discard_folder(&incoming);
            return Err(error);
        }
        Ok((id, Installation::New))
    }

    /// Writes down that an engine has reproduced the goldens of an installed model.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], [`ModelsError::Io`].
    pub fn prove(&self, id: &ModelId, proof: &Proof) -> Result<(), ModelsError> {
        self.installed(id)?;
        self.make_folder(PROOFS)?;
        self.replace(&self.models.proof_of(id), proof)
    }

    /// Writes down that a model's own files are at fault, in the place of its proof, so that it can't be activated any more. Where
    /// that can't be written, as on a full disk, its proof is removed all the same.
    ///
    /// # Errors
    /// [`ModelsError::Io`].
    pub fn disprove(&self, id: &ModelId) -> Result<(), ModelsError> {
        let hash = self.installed(id).ok().and_then(|model| model.hash);
        let Some(hash) = hash else {
            return self.forget_proof(id);
        };
        let written = self
            .make_folder(PROOFS)
            .and_then(|()| self.replace(&self.models.proof_of(id), &Disproof::of(hash)));
        if written.is_err()
            && let Err(error) = self.forget_proof(id)
        {
            log::warn!("{id} was disproven and may stay proven: {error}");
        }
        written
    }

    /// Of what is no more, or is another one.
    fn forget_proof(&self, id: &ModelId) -> Result<(), ModelsError> {
        let proof = self.models.proof_of(id);
        match self.models.files.remove_file(&proof) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ModelsError::io("removing", proof)(error)),
        }
        self.sync(&self.models.root.join(PROOFS))
    }

    /// Makes an installed and proven model a station's, after all of it was read and compared with its
    /// hashes. The one that it had stays the way back, and the recipe that was selected there ends at the same moment.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], [`ModelsError::Unproven`], [`ModelsError::Bundle`],
    /// [`ModelsError::Io`]. After an error while the file is being replaced either model may be active;
    /// [`Models::activation`] tells which.
    pub fn set_active(
        &self,
        station: &StationName,
        id: &ModelId,
        now_s: u64,
    ) -> Result<Activation, ModelsError> {
        // A file that can't be read is replaced; there is no way back then.
        let old = match self.models.activation(station) {
            Err(error) if error.is_of_a_file_to_replace() => None,
            other => other?,
        };
        if let Some(old) = old.as_ref().filter(|old| old.active == *id) {
            self.check(id)?;
            self.select(station, None)?;
            return Ok(old.clone());
        }
        self.switch(
            station,
            Activation {
                active: id.clone(),
                previous: old.map(|old| old.active),
                since_s: now_s,
                how: How::Activated,
            },
            None,
        )
    }

    /// Gives a station the model back that it had before. Rolled back twice, it has the later one again. The recipe
    /// that was selected there ends at the same moment.
    ///
    /// # Errors
    /// [`ModelsError::NoneActive`], [`ModelsError::NoPrevious`], and as [`Self::set_active`].
    pub fn roll_back(&self, station: &StationName, now_s: u64) -> Result<Activation, ModelsError> {
        let Activation {
            active, previous, ..
        } = self
            .models
            .activation(station)?
            .ok_or_else(|| self.models.none_active(station))?;
        let Some(previous) = previous else {
            return Err(ModelsError::NoPrevious {
                station: station.clone(),
                active,
            });
        };
        self.switch(
            station,
            Activation {
                active: previous,
                previous: Some(active),
                since_s: now_s,
                how: How::RolledBack,
            },
            None,
        )
    }

    /// Writes down what a running station goes by, and the recipe that counts with it: a power cut leaves both as they
    /// were, or has changed both. One that goes back does so whether or not the old model is
    /// whole; one that takes another model over has proven it just now, and it must be there.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`], [`ModelsError::Unproven`] and [`ModelsError::Bundle`] of a model that is
    /// new, [`ModelsError::Io`].
    pub fn restore(
        &self,
        station: &StationName,
        activation: Activation,
        selection: Option<Selection>,
    ) -> Result<Activation, ModelsError> {
        if activation.how == How::Activated {
            return self.switch(station, activation, selection);
        }
        self.go_by(station, activation, selection)
    }

    /// Writes down which recipe somebody has selected at a station, or that none is.
    ///
    /// # Errors
    /// [`ModelsError::Io`]. Either may be written down then; [`Models::selection`] tells which.
    pub fn select(
        &self,
        station: &StationName,
        selection: Option<Selection>,
    ) -> Result<(), ModelsError> {
        let path = self.models.selection_of(station);
        let Some(selection) = selection else {
            match self.models.files.remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(ModelsError::io("removing", path)(error)),
            }
            return self.sync(&self.models.root.join(SELECTED));
        };
        self.make_folder(SELECTED)?;
        self.replace(&path, &Selected::plain(selection))
    }

    /// Removes models, and what interrupted changes have left. The `keep` that were installed last stay, proven ones
    /// before all others, those that a station goes by or could go back to, and those in `spared`.
    ///
    /// # Errors
    /// [`ModelsError::Io`]; [`ModelsError::Document`] where it can't be told which models stations go by:
    /// nothing is removed then.
    pub fn prune(&self, keep: usize, spared: &[ModelId]) -> Result<Pruned, ModelsError> {
        let pruned = self.what_to_prune(keep, spared)?;
        self.tidy()?;
        pruned.removed.iter().try_for_each(|id| self.remove(id))?;
        Ok(pruned)
    }

    /// What [`Self::prune`] would do.
    ///
    /// # Errors
    /// As [`Self::prune`].
    pub fn what_to_prune(&self, keep: usize, spared: &[ModelId]) -> Result<Pruned, ModelsError> {
        let activations = self.models.activations()?;
        let in_use: Vec<&ModelId> = activations
            .values()
            .flat_map(|activation| activation.previous.iter().chain([&activation.active]))
            .chain(spared)
            .collect();
        let mut models = self.models.list()?;
        // What nobody can activate must not push out what somebody can.
        models.sort_by(|a, b| {
            let by_proof = b.is_proven().cmp(&a.is_proven());
            let by_time = b.installed_s.cmp(&a.installed_s);
            by_proof.then(by_time).then(b.id.cmp(&a.id))
        });
        let mut pruned = Pruned::default();
        for (place, Installed { id, .. }) in models.into_iter().enumerate() {
            if place < keep || in_use.contains(&&id) {
                pruned.kept.push(id);
            } else {
                pruned.removed.push(id);
            }
        }
        pruned.kept.sort();
        pruned.removed.sort();
        Ok(pruned)
    }

    /// All of the model is there, and an engine has proven it.
    fn check(&self, id: &ModelId) -> Result<(), ModelsError> {
        self.models.open_bundle(id)?;
        let installed = self.installed(id)?;
        match installed.is_proven() {
            true => Ok(()),
            false => Err(installed.unproven()),
        }
    }

    fn installed(&self, id: &ModelId) -> Result<Installed, ModelsError> {
        let models = self.models.list()?;
        let found = models.into_iter().find(|model| model.id == *id);
        found.ok_or_else(|| self.models.not_installed(id.as_str()))
    }

    fn switch(
        &self,
        station: &StationName,
        activation: Activation,
        selection: Option<Selection>,
    ) -> Result<Activation, ModelsError> {
        self.check(&activation.active)?;
        self.go_by(station, activation, selection)
    }

    /// The rename of the activation is the switch of both.
    fn go_by(
        &self,
        station: &StationName,
        activation: Activation,
        selection: Option<Selection>,
    ) -> Result<Activation, ModelsError> {
        let is_announced = self.announce(station, &activation, selection)?;
        self.make_folder(ACTIVE)?;
        self.replace(&self.models.activation_of(station), &activation)?;
        if is_announced && let Err(error) = self.select(station, selection) {
            // What was announced says the same, in more words.
            log::debug!("a selection stays as it was announced: {error}");
        }
        Ok(activation)
    }

    /// Writes down which recipe counts once this activation is there; whether there was anything to write about it.
    /// Afterwards no word of an earlier announcement is left that could come true later.
    fn announce(
        &self,
        station: &StationName,
        activation: &Activation,
        selection: Option<Selection>,
    ) -> Result<bool, ModelsError> {
        // What can't be read is replaced, as it is in `set_active`.
        let readable = |error: ModelsError| match error.is_of_a_file_to_replace() {
            true => Ok(None),
            false => Err(error),
        };
        let (before, is_plain) = match self.models.selected(station) {
            Ok(Some(selected)) => {
                let now = self.models.activation(station).or_else(readable)?;
                (selected.under(now.as_ref()), selected.is_plain())
            }
            Ok(None) => (None, true),
            Err(error) if error.is_of_a_file_to_replace() => (None, false),
            Err(error) => return Err(error),
        };
        if !is_plain {
            // What was read of the activation may not be durable, and what is written now goes by it.
            self.make_folder(ACTIVE)?;
            self.sync(&self.models.root.join(ACTIVE))?;
        }
        if before != selection {
            let announced = Selected::changing(before, selection, activation.clone());
            self.make_folder(SELECTED)?;
            self.replace(&self.models.selection_of(station), &announced)?;
            return Ok(true);
        }
        if !is_plain {
            self.select(station, selection)?;
        }
        Ok(false)
    }
}
