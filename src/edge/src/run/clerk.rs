//! Looks models up in the store and writes down which one is in charge, beside the line process: a disk may be
//! slow, and lines may not.

mod store;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use twinspect_store::models::{ModelsError, Selection};

use self::store::LOCK_MAX;
pub(super) use self::store::{Found, Record, Store};
use super::challenge_memory::{self, ChallengeMemory};
use super::memory;
use super::orders::Order;
use crate::chaos;
use crate::config::Recipe;
use crate::control::Reply;
use crate::error::{WithCauses, models_code};

/// Wishes that may wait.
const SEARCHES_MAX: usize = 3;
/// Errands that may wait: a process to be weighed for each model in reserve, and a few recipes.
const ERRANDS_MAX: usize = 32;

/// A selection that could not be written is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);
/// Nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// Exit code of a command that has met one.
const A_BUG: u8 = 1;

/// What is said where the clerk went wrong; the panic has told what and where.
const PANICKED: &str = "looking for the model has panicked: please report it with the log";
const NOT_WRITTEN: &str = "writing has panicked: please report it with the log";

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
    pub(super) found: Result<Found, NotFound>,
    pub(super) answer: Sender<Reply>,
}

/// Why there is no such model.
#[derive(Debug)]
pub(super) struct NotFound {
    pub(super) reason: String,
    /// As of [`Reply::Refused`].
    pub(super) exit_code: Option<u8>,
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
                    let found = found.unwrap_or_else(|_| Err(NotFound {
                        reason: PANICKED.to_owned(),
                        exit_code: Some(A_BUG),
                    }));
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

fn find(store: Option<&Store>, typed: &str) -> Result<Found, NotFound> {
    let Some(store) = store else {
        return Err(NotFound {
            reason: "the station goes by bundle.file: put bundle.active = true in its place, and restart it"
                .to_owned(),
            exit_code: None,
        });
    };
    store.find(typed).map_err(|error| NotFound {
        reason: said(&error),
        exit_code: Some(models_code(&error)),
    })
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
