//! Looks models up in the store and writes down which one is in charge, beside the line process: a disk may be
//! slow, and lines may not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use twinspect_store::models::{
    Activation, Change, How, Installed, ModelId, Models, ModelsError, Selection, StationName,
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

/// Who changes the store holds its lock while a model is written, for some seconds on a slow card. Who is stopped in the
/// middle holds it for ever.
const LOCK_MAX: Duration = Duration::from_secs(10);
/// A lock that somebody has is tried again after this time.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// A selection that could not be written is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);
/// Nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// What is said where the clerk went wrong; the panic has told what and where.
const PANICKED: &str = "looking for the model has panicked: please report it with the log";
const NOT_WRITTEN: &str = "writing has panicked: please report it with the log";

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

/// What a restart is to know of the selected recipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memo {
    pub(super) selection: Option<Selection>,
    /// Memos come by two ways; the one with the highest turn is the last word.
    pub(super) turn: u64,
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
    Selection(Memo),
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
    /// One at a time, with the recipe that counts once it is written.
    pub(super) records: Sender<(Record, Memo)>,
}

/// The clerk's end of it.
#[derive(Debug)]
pub(super) struct InTray {
    searches: Receiver<Search>,
    errands: Receiver<Errand>,
    records: Receiver<(Record, Memo)>,
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

    fn select(&self, selection: Option<Selection>, patience: Duration) -> Result<(), ModelsError> {
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

    fn write(&self, record: Record, selection: Option<Selection>) -> Result<(), ModelsError> {
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

/// What a restart is to know of the selected recipe, and whether it does.
#[derive(Debug, Default)]
struct Notes {
    /// The last word.
    wanted: Memo,
    /// It is not on the disk yet, and is tried again then.
    again: Option<Instant>,
}

impl Notes {
    /// What may have been said before something that is written already changes nothing.
    fn take(&mut self, store: Option<&Store>, memo: Memo) {
        if memo.turn < self.wanted.turn {
            return;
        }
        self.wanted = memo;
        if let Err(why) = self.write(store, LOCK_MAX) {
            log::warn!("a restart will not know of the selected recipe: {why}");
        }
    }

    fn write(&mut self, store: Option<&Store>, patience: Duration) -> Result<(), String> {
        let selection = self.wanted.selection;
        let write = || store.map_or(Ok(()), |store| store.select(selection, patience));
        let why = match catch_unwind(AssertUnwindSafe(write)) {
            Ok(Ok(())) => {
                self.again = None;
                return Ok(());
            }
            Ok(Err(error)) => said(&error),
            Err(_) => NOT_WRITTEN.to_owned(),
        };
        self.again = Some(Instant::now() + AGAIN);
        Err(why)
    }

    /// Tries again what is not on the disk yet.
    fn retry(&mut self, store: Option<&Store>) -> Result<(), String> {
        if self.again.is_some() {
            self.write(store, Duration::ZERO)?;
            log::info!("a restart knows of the selected recipe now");
        }
        Ok(())
    }

    /// Whether a recipe may be looked for: whoever has an answer has a selection that a restart knows.
    fn may_seek(&mut self, store: Option<&Store>) -> Result<(), String> {
        let retried = self.retry(store);
        // A selection that stays on the disk though there is none any more is in nobody's way.
        if self.wanted.selection.is_none() {
            return Ok(());
        }
        retried.map_err(|why| format!("its selection could not be written down: {why}"))
    }

    fn idle(&self) -> Duration {
        self.again.map_or(IDLE, |again| {
            again.saturating_duration_since(Instant::now())
        })
    }
}

/// Starts the clerk. It ends with the line process.
pub(super) fn start(store: Option<Store>, tray: InTray, orders: Sender<Order>) {
    let InTray {
        searches,
        errands,
        records,
    } = tray;
    let mut notes = Notes::default();
    thread::spawn(move || {
        loop {
            let order = select! {
                recv(records) -> record => {
                    let Ok((record, memo)) = record else { return };
                    Order::Recorded(write(store.as_ref(), &mut notes, record, memo))
                }
                recv(errands) -> errand => {
                    let Ok(errand) = errand else { return };
                    let Some(order) = run_errand(store.as_ref(), &mut notes, errand) else { continue };
                    order
                }
                recv(searches) -> search => {
                    let Ok(Search { typed, answer }) = search else { return };
                    let found = catch_unwind(AssertUnwindSafe(|| find(store.as_ref(), &typed)));
                    let found = found.unwrap_or_else(|_| Err(PANICKED.to_owned()));
                    Order::Activate(Box::new(Wish { found, answer }))
                }
                default(notes.idle()) => {
                    if let Err(why) = notes.retry(store.as_ref()) {
                        log::debug!("the selected recipe is still not written down: {why}");
                    }
                    continue;
                }
            };
            if orders.send(order).is_err() {
                return;
            }
        }
    });
}

/// Whether a record is on the disk, and the selection with it.
fn write(store: Option<&Store>, notes: &mut Notes, record: Record, memo: Memo) -> bool {
    // What was selected since counts.
    let memo = if memo.turn < notes.wanted.turn {
        notes.wanted
    } else {
        memo
    };
    let write = || try_write(store, record, memo.selection);
    let is_written = catch_unwind(AssertUnwindSafe(write)).unwrap_or(false);
    if is_written {
        *notes = Notes {
            wanted: memo,
            again: None,
        };
    }
    is_written
}

fn try_write(store: Option<&Store>, record: Record, selection: Option<Selection>) -> bool {
    if let Err(error) = chaos::model() {
        log::error!("recording the active model: {error}");
        return false;
    }
    let Some(store) = store else { return false };
    match store.write(record, selection) {
        Ok(()) => true,
        Err(error) => {
            log::error!("recording the active model: {}", WithCauses(&error));
            false
        }
    }
}

fn run_errand(store: Option<&Store>, notes: &mut Notes, errand: Errand) -> Option<Order> {
    Some(match errand {
        Errand::Recipe(recipe) => {
            let found = notes
                .may_seek(store)
                .and_then(|()| of_recipe(store, &recipe));
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
        Errand::Selection(memo) => {
            notes.take(store, memo);
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
