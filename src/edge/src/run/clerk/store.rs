//! The store of models of a station, in the clerk's words: which model is in charge, which ones are there to be wanted,
//! and how long a lock is waited for.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use twinspect_store::models::{
    Activation, Change, How, Installed, ModelId, Models, ModelsError, Selection, StationName,
};

use crate::clock;
use crate::config::{BundleSource, Recipe};

/// Who changes the store holds its lock while a model is written, for some seconds on a slow card. Who is stopped in the
/// middle holds it for ever.
pub(super) const LOCK_MAX: Duration = Duration::from_secs(10);
/// A lock that somebody has is tried again after this time.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// The store of a station that goes by an installed model.
#[derive(Debug, Clone)]
pub(in crate::run) struct Store {
    models: Models,
    station: StationName,
}

impl Store {
    /// None of a station that goes by a file.
    pub(in crate::run) fn of(bundle: &BundleSource) -> Option<Self> {
        let BundleSource::Active { folder, station } = bundle else {
            return None;
        };
        // Processes that are started later may have another working directory.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        Some(Self {
            models: Models::open(folder),
            station: station.clone(),
        })
    }

    /// What was recorded last.
    pub(in crate::run) fn record(&self) -> Result<Record, ModelsError> {
        let Some(activation) = self.models.activation(&self.station)? else {
            return Err(ModelsError::NoneActive {
                station: self.station.clone(),
                folder: self.models.root().to_owned(),
            });
        };
        Ok(Record {
            active: activation.active,
            previous: activation.previous,
            goes_back: activation.how == How::RolledBack,
        })
    }

    /// The recipe that was selected before, if one was.
    pub(in crate::run) fn selection(&self) -> Result<Option<Selection>, ModelsError> {
        self.models.selection(&self.station)
    }

    pub(super) fn select(
        &self,
        selection: Option<Selection>,
        patience: Duration,
    ) -> Result<(), ModelsError> {
        self.change(patience)?.select(&self.station, selection)
    }

    /// Takes the lock, and waits for it no longer than this: others want the clerk too.
    fn change(&self, patience: Duration) -> Result<Change<'_>, ModelsError> {
        let begun = Instant::now();
        loop {
            match self.models.change() {
                Err(ModelsError::Locked { .. }) if begun.elapsed() < patience => {
                    thread::park_timeout(LOCK_POLL);
                }
                taken => return taken,
            }
        }
    }

    /// Where a model lies.
    pub(in crate::run) fn folder_of(&self, id: &ModelId) -> PathBuf {
        self.models.folder_of(id)
    }

    pub(super) fn find(&self, typed: &str) -> Result<Found, ModelsError> {
        let installed = self.models.find(typed)?;
        if !installed.is_proven() {
            return Err(installed.unproven());
        }
        Ok(installed.into())
    }

    pub(super) fn of_recipe(&self, recipe: &Recipe) -> Result<Found, ModelsError> {
        let version = recipe.version.exactly();
        Ok(self.models.of_product(&recipe.model, version)?.into())
    }

    /// The models of those recipes that have one, by one look at the disk.
    pub(super) fn of_recipes(&self, recipes: &[Recipe]) -> Result<Vec<Found>, ModelsError> {
        let listed = self.models.list()?;
        let among = |recipe: &Recipe| {
            let version = recipe.version.exactly();
            self.models
                .of_product_among(&listed, &recipe.model, version)
        };
        let found = recipes.iter().filter_map(|recipe| among(recipe).ok());
        Ok(found.map(Found::from).collect())
    }

    pub(super) fn write(
        &self,
        record: Record,
        selection: Option<Selection>,
    ) -> Result<(), ModelsError> {
        let Record {
            active,
            previous,
            goes_back,
        } = record;
        // Who goes back asks again and again.
        let change = self.change(if goes_back { Duration::ZERO } else { LOCK_MAX })?;
        let activation = Activation {
            active,
            previous,
            since_s: clock::unix_s(),
            how: if goes_back {
                How::RolledBack
            } else {
                How::Activated
            },
        };
        let written = change.restore(&self.station, activation, selection);
        written.map(drop)
    }
}

/// Which model a station is to begin with when it is started, and which one was before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Record {
    pub(in crate::run) active: ModelId,
    pub(in crate::run) previous: Option<ModelId>,
    /// Whether the active one was there before, and comes back.
    pub(in crate::run) goes_back: bool,
}

/// An installed model that a station may go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run) struct Found {
    pub(in crate::run) id: ModelId,
    pub(in crate::run) bundle: PathBuf,
    /// Its whole hash.
    pub(in crate::run) digest: String,
}

impl From<Installed> for Found {
    fn from(installed: Installed) -> Self {
        Self {
            digest: installed.hash.unwrap_or_default(),
            bundle: installed.path,
            id: installed.id,
        }
    }
}
