//! Looks models up in the store and writes down which one is in charge, beside the line process: a disk may be
//! slow, and lines may not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use twinspect_store::models::{
    Activation, How, Installed, ModelId, Models, ModelsError, Selection, StationName,
};

use super::challenge_memory::{self, ChallengeMemory};
use super::memory;
use super::orders::Order;
use crate::chaos;
use crate::clock;
use crate::config::{BundleSource, Recipe};
use crate::control::Reply;
use crate::error::WithCauses;

/// Wishes that may wait.
const SEARCHES_MAX: usize = 3;
/// Errands that may wait: a process to be weighed for each model in reserve, and a few recipes.
const ERRANDS_MAX: usize = 32;

/// What is said where the clerk went wrong; the panic has told what and where.
const PANICKED: &str = "looking for the model has panicked: please report it with the log";

/// An installed model that a station may go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: ModelId,
    pub(super) bundle: PathBuf,
    /// Its whole hash.
    pub(super) digest: String,
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

/// Which model a station is to begin with when it is started, and which one was before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) active: ModelId,
    pub(super) previous: Option<ModelId>,
    /// Whether the active one was there before, and comes back.
    pub(super) goes_back: bool,
}

/// Look for what somebody has typed.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) typed: String,
    pub(super) answer: Sender<Reply>,
}

/// What the line process itself wants to know.
#[derive(Debug)]
pub(super) enum Errand {
    /// Which model a recipe has.
    Recipe(Recipe),
    /// Which models these recipes have, those that have one.
    Reserve(Vec<Recipe>),
    /// What a restart is to know of the selected recipe.
    Selection(Option<Selection>),
    /// What a restart is to know of the challenge part.
    Challenge {
        memory: ChallengeMemory,
        path: PathBuf,
    },
    /// Whether there is memory for one more process like this one.
    Weigh {
        generation: u64,
        /// The process in charge.
        process: u32,
        free_min_bytes: u64,
    },
}

/// The way to the clerk. Nobody who wants a model keeps a record from being written.
#[derive(Debug, Clone)]
pub(super) struct Chores {
    pub(super) searches: Sender<Search>,
    pub(super) errands: Sender<Errand>,
    /// One at a time.
    pub(super) records: Sender<Record>,
}

/// The clerk's end of it.
#[derive(Debug)]
pub(super) struct InTray {
    searches: Receiver<Search>,
    errands: Receiver<Errand>,
    records: Receiver<Record>,
}

/// What is to be done, and who does it.
pub(super) fn chores() -> (Chores, InTray) {
    let (searches, searched) = bounded(SEARCHES_MAX);
    let (errands, to_do) = bounded(ERRANDS_MAX);
    let (records, recorded) = bounded(1);
    let chores = Chores {
        searches,
        errands,
        records,
    };
    let tray = InTray {
        searches: searched,
        errands: to_do,
        records: recorded,
    };
    (chores, tray)
}

/// A model that somebody wants, or why there is none.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) found: Result<Found, String>,
    pub(super) answer: Sender<Reply>,
}

/// The store of a station that goes by an installed model.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) models: Models,
    pub(super) station: StationName,
}

impl Store {
    /// None of a station that goes by a file.
    pub(super) fn of(bundle: &BundleSource) -> Option<Self> {
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
    pub(super) fn record(&self) -> Result<Record, ModelsError> {
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
    pub(super) fn selection(&self) -> Result<Option<Selection>, ModelsError> {
        self.models.selection(&self.station)
    }

    fn select(&self, selection: Option<Selection>) -> Result<(), ModelsError> {
        self.models
            .change_when_free()?
            .select(&self.station, selection)
    }

    /// Where a model lies.
    pub(super) fn folder_of(&self, id: &ModelId) -> PathBuf {
        self.models.folder_of(id)
    }

    fn find(&self, typed: &str) -> Result<Found, ModelsError> {
        let installed = self.models.find(typed)?;
        if !installed.is_proven() {
            return Err(ModelsError::Unproven { id: installed.id });
        }
        Ok(installed.into())
    }

    fn of_recipe(&self, recipe: &Recipe) -> Result<Found, ModelsError> {
        let version = recipe.version.exactly();
        Ok(self.models.of_product(&recipe.model, version)?.into())
    }

    /// The models of those recipes that have one, by one look at the disk.
    fn of_recipes(&self, recipes: &[Recipe]) -> Result<Vec<Found>, ModelsError> {
        let listed = self.models.list()?;
        let among = |recipe: &Recipe| {
            let version = recipe.version.exactly();
            self.models
                .of_product_among(&listed, &recipe.model, version)
        };
        let found = recipes.iter().filter_map(|recipe| among(recipe).ok());
        Ok(found.map(Found::from).collect())
    }

    fn write(&self, record: Record) -> Result<(), ModelsError> {
        let Record {
            active,
            previous,
            goes_back,
        } = record;
        let change = self.models.change_when_free()?;
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
        change.restore(&self.station, activation).map(drop)
    }
}

/// Starts the clerk. It ends with the line process.
pub(super) fn start(store: Option<Store>, tray: InTray, orders: Sender<Order>) {
    let InTray {
        searches,
        errands,
        records,
    } = tray;
    thread::spawn(move || {
        loop {
            let order = select! {
                recv(records) -> record => {
                    let Ok(record) = record else { return };
                    let written = catch_unwind(AssertUnwindSafe(|| write(store.as_ref(), record)));
                    Order::Recorded(written.unwrap_or(false))
                }
                recv(errands) -> errand => {
                    let Ok(errand) = errand else { return };
                    let Some(order) = run_errand(store.as_ref(), errand) else { continue };
                    order
                }
                recv(searches) -> search => {
                    let Ok(Search { typed, answer }) = search else { return };
                    let found = catch_unwind(AssertUnwindSafe(|| find(store.as_ref(), &typed)));
                    let found = found.unwrap_or_else(|_| Err(PANICKED.to_owned()));
                    Order::Activate(Box::new(Wish { found, answer }))
                }
            };
            if orders.send(order).is_err() {
                return;
            }
        }
    });
}

/// Whether a record is on the disk.
fn write(store: Option<&Store>, record: Record) -> bool {
    if let Err(error) = chaos::model() {
        log::error!("recording the active model: {error}");
        return false;
    }
    let Some(store) = store else { return false };
    match store.write(record) {
        Ok(()) => true,
        Err(error) => {
            log::error!("recording the active model: {}", WithCauses(&error));
            false
        }
    }
}

fn run_errand(store: Option<&Store>, errand: Errand) -> Option<Order> {
    Some(match errand {
        Errand::Recipe(recipe) => {
            let found = of_recipe(store, &recipe);
            Order::RecipeFound(Box::new((recipe.number, found)))
        }
        Errand::Reserve(recipes) => {
            let find = || store.and_then(|store| store.of_recipes(&recipes).ok());
            let found = catch_unwind(AssertUnwindSafe(find));
            Order::Keep(found.ok().flatten().unwrap_or_default())
        }
        Errand::Weigh {
            generation,
            process,
            free_min_bytes,
        } => Order::Weighed {
            generation,
            may_start: memory::has_room(process, free_min_bytes),
        },
        Errand::Selection(selection) => {
            let select = || store.map_or(Ok(()), |store| store.select(selection));
            if let Ok(Err(error)) = catch_unwind(AssertUnwindSafe(select)) {
                log::warn!(
                    "a restart will not know of the selected recipe: {}",
                    WithCauses(&error)
                );
            }
            return None;
        }
        Errand::Challenge { memory, path } => {
            challenge_memory::keep(memory, &path);
            return None;
        }
    })
}

fn find(store: Option<&Store>, typed: &str) -> Result<Found, String> {
    let Some(store) = store else {
        return Err(
            "the station goes by bundle.file: put bundle.active = true in its place, and restart it"
                .to_owned(),
        );
    };
    store.find(typed).map_err(|error| said(&error))
}

fn of_recipe(store: Option<&Store>, recipe: &Recipe) -> Result<Found, String> {
    let find = || match store {
        Some(store) => store.of_recipe(recipe).map_err(|error| said(&error)),
        // Its configuration would have been refused.
        None => Err("the station has no store of models".to_owned()),
    };
    catch_unwind(AssertUnwindSafe(find)).unwrap_or_else(|_| Err(PANICKED.to_owned()))
}

/// With the remedy.
fn said(error: &ModelsError) -> String {
    let hint = error
        .hint()
        .map_or(String::new(), |hint| format!("; {hint}"));
    format!("{}{hint}", WithCauses(error))
}
