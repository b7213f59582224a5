//! Another model on a running line: what `core::changeover` wants done with processes and records.

mod news;

use std::path::{PathBuf, absolute};

use crossbeam_channel::Sender;
use twinspect_core::changeover::{Model, NotNow, Progress, Standing};
use twinspect_core::station::Inspector as Said;
use twinspect_store::models::{ModelId, ModelsError};

use super::LineProcess;
use crate::config::BundleSource;
use crate::control::{ActivationStatus, Reply};
use crate::run::clerk::{Chores, Errand, Found, NotFound, Record, Search, Store, Wish};
use crate::run::inspector::{Heard, Inspector};
use crate::run::messages::InspectorMessage;
use crate::run::service::reply;

/// Exit code of a command whose model is at fault.
const MODEL: u8 = 4;

/// A model that this station has heard of; its place in the list is its number for `core`.
#[derive(Debug)]
struct Known {
    /// Of an installed one.
    id: Option<ModelId>,
    bundle: PathBuf,
    /// Digest of its bundle, once it is known.
    digest: Option<String>,
}

impl Known {
    /// For people.
    fn name(&self) -> String {
        match &self.id {
            Some(id) => id.to_string(),
            None => self.bundle.display().to_string(),
        }
    }
}

/// Why a process did not get ready.
#[derive(Debug)]
struct Failure {
    why: String,
    /// What it has ended with, if it has said so.
    exit_code: Option<u8>,
}

/// The models of a station, and the process that proves another one.
#[derive(Debug)]
pub(super) struct Models {
    known: Vec<Known>,
    candidate: Option<Inspector>,
    /// Why the last process that was to get ready did not.
    failure: Option<Failure>,
    /// Who wants what is under way.
    asked: Option<Sender<Reply>>,
    progress: Progress,
    /// Since when the active one is in charge.
    since_us: u64,
    last: Option<ActivationStatus>,
    chores: Chores,
}

impl Models {
    /// The models that are recorded in a store, or the only one of a station that goes by a file.
    pub(super) fn new(
        bundle: &BundleSource,
        store: Option<&Store>,
        chores: Chores,
    ) -> Result<(Self, Standing), ModelsError> {
        let mut models = Self {
            known: Vec::new(),
            candidate: None,
            failure: None,
            asked: None,
            progress: Progress::Settled,
            since_us: 0,
            last: None,
            chores,
        };
        let Some(store) = store else {
            let file = bundle.resolve()?;
            models.known.push(Known {
                id: None,
                bundle: absolute(&file).unwrap_or(file),
                digest: None,
            });
            return Ok((models, Standing::default()));
        };
        let Record {
            active, previous, ..
        } = store.record()?;
        let mut number = |id: ModelId| {
            let folder = store.folder_of(&id);
            models.number(id, folder, None)
        };
        let standing = Standing {
            active: number(active),
            previous: previous.map(number),
        };
        Ok((models, standing))
    }

    /// Where a model's bundle lies, and its digest if that is known.
    pub(super) fn bundle(&self, model: Model) -> (PathBuf, Option<String>) {
        let known = self.get(model);
        (
            known.map(|known| known.bundle.clone()).unwrap_or_default(),
            known.and_then(|known| known.digest.clone()),
        )
    }

    /// A process has proven a model: from now on its bundle is this one, whatever lies in its place.
    fn proven(&mut self, model: Model, digest: &str) {
        if let Some(known) = usize::try_from(model.0)
            .ok()
            .and_then(|place| self.known.get_mut(place))
        {
            known.digest.get_or_insert_with(|| digest.to_owned());
        }
    }

    /// The process in charge is ready.
    pub(super) fn ready(&mut self, model: Model, digest: &str) {
        self.proven(model, digest);
        self.failure = None;
    }

    /// A process says why it is about to end, and with which exit code.
    pub(super) fn failed(&mut self, why: String, exit_code: Option<u8>) {
        self.failure = Some(Failure { why, exit_code });
    }

    /// Whether an event is one of the process that proves another model.
    pub(super) fn is_candidate(&self, generation: u64) -> bool {
        let candidate = self.candidate.as_ref();
        candidate.is_some_and(|candidate| candidate.generation() == generation)
    }

    /// A process that has waited in reserve is the one that proves the wanted model, or has proven it.
    pub(super) fn engage(&mut self, spare: Inspector) {
        self.failure = None;
        self.candidate = Some(spare);
    }

    /// Has the clerk do something; whether he can.
    pub(super) fn ask(&self, errand: Errand) -> bool {
        self.chores.errands.try_send(errand).is_ok()
    }

    /// What became of the last model that was to take over, or was given up.
    pub(super) fn last_text(&self) -> Option<String> {
        self.last.as_ref().map(|last| last.text.clone())
    }

    /// The number of a model that was found.
    pub(super) fn number_of(&mut self, found: Found) -> Model {
        let Found { id, bundle, digest } = found;
        self.number(id, bundle, Some(digest))
    }

    /// Nobody proves another model any more.
    pub(super) fn discard(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            candidate.kill();
        }
    }

    fn get(&self, model: Model) -> Option<&Known> {
        self.known.get(usize::try_from(model.0).ok()?)
    }

    pub(super) fn name(&self, model: Model) -> String {
        self.get(model).map(Known::name).unwrap_or_default()
    }

    /// The name of an installed model.
    pub(super) fn id(&self, model: Model) -> Option<ModelId> {
        self.get(model)?.id.clone()
    }

    /// The number of an installed model, which it keeps.
    fn number(&mut self, id: ModelId, bundle: PathBuf, digest: Option<String>) -> Model {
        let place = self
            .known
            .iter()
            .position(|known| known.id.as_ref() == Some(&id));
        let place = place.unwrap_or_else(|| {
            self.known.push(Known {
                id: Some(id),
                bundle,
                digest,
            });
            self.known.len() - 1
        });
        Model(place as u64)
    }
}

impl LineProcess {
    /// Somebody wants another model.
    pub(super) fn activate(&mut self, wish: Wish) {
        let Wish { found, answer } = wish;
        let found = match found {
            Ok(found) => found,
            Err(NotFound { reason, exit_code }) => {
                return reply(&answer, self.refusal(reason, exit_code));
            }
        };
        let model = self.models.number_of(found);
        self.want(model, answer);
    }

    /// Somebody wants the model before this one.
    pub(super) fn go_back(&mut self, answer: Sender<Reply>) {
        let Some(previous) = self.station.changeover().standing().previous else {
            let reason = "there is no model before this one: `twinspect model activate ID` chooses another one";
            return reply(&answer, self.refusal(reason, Some(MODEL)));
        };
        let Some(id) = self.models.id(previous) else {
            return self.want(previous, answer);
        };
        // It may have been removed, or damaged, since.
        let typed = id.to_string();
        let search = Search {
            typed,
            answer: answer.clone(),
        };
        if self.models.chores.searches.try_send(search).is_err() {
            let reason = "other models are being looked for: ask again";
            reply(&answer, self.refusal(reason, None));
        }
    }

    fn want(&mut self, model: Model, answer: Sender<Reply>) {
        match self.station.activate(model) {
            Ok(()) => {
                self.models.failure = None;
                self.models.asked = Some(answer);
            }
            Err(why) => {
                let name = self.models.name(model);
                let mut reason = format!("{name} is not taken over: {why}");
                // Who wants the model in charge may have seen that it judges nothing.
                if why == NotNow::Active
                    && let Some(rejects) = self.rejects_all()
                {
                    reason = format!("{reason}, but {rejects}");
                }
                reply(&answer, self.refusal(reason, None));
            }
        }
    }

    /// That nothing was done, for who has asked for it.
    pub(super) fn refusal(&self, reason: impl Into<String>, exit_code: Option<u8>) -> Reply {
        Reply::Refused {
            reason: reason.into(),
            exit_code,
            rejects: self.station.unchosen().is_some(),
        }
    }

    /// A second process proves a model.
    pub(super) fn prove(&mut self, generation: u64, model: Model) {
        self.reserve.is_passed_over();
        match self.spawn(generation, model, 0, true) {
            Ok(candidate) => self.models.candidate = Some(candidate),
            Err(error) => {
                log::error!("starting the process that proves a model: {error}");
                self.models.failed(error.to_string(), None);
                let now_us = self.clock.now_us();
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// What the process that proves a model says.
    pub(super) fn hear_candidate(&mut self, generation: u64, what: Heard) {
        let now_us = self.clock.now_us();
        let said = match what {
            Heard::Message(InspectorMessage::Proven(proven)) => {
                let Progress::Proving(model) = self.station.changeover().progress() else {
                    return;
                };
                let (_, wanted) = self.models.bundle(model);
                if wanted.is_some_and(|wanted| wanted != proven.bundle) {
                    let why = format!(
                        "{} has proven another bundle than the one that was asked for",
                        proven.model
                    );
                    self.models.failed(why, Some(MODEL));
                    Said::Ended
                } else {
                    self.models.proven(model, &proven.bundle);
                    Said::Proven
                }
            }
            Heard::Message(InspectorMessage::Failed { why, exit_code, .. }) => {
                return self.models.failed(why, Some(exit_code));
            }
            Heard::Message(_) => return,
            Heard::Closed | Heard::Ended(_) => Said::Ended,
        };
        self.station.inspector(generation, said, now_us);
    }

    /// The process in charge lets go of its camera, and ends.
    pub(super) fn release(&mut self) {
        self.trials.lost();
        if let Some(inspector) = self.inspector.take() {
            inspector.close();
        }
    }

    /// The process that has proven the model is in charge from now on.
    pub(super) fn put_in_charge(&mut self) {
        let Some(mut candidate) = self.models.candidate.take() else {
            return;
        };
        self.engine.start();
        // It has waited for its word since.
        self.engine.proven();
        self.in_charge = candidate.generation();
        // One that does not take the word is noticed when it does not get ready.
        candidate.take_over(self.parts_seen());
        self.inspector = Some(candidate);
    }

    /// Has it written down which model is in charge.
    pub(super) fn record(&mut self, standing: Standing) {
        let Some(active) = self.models.id(standing.active) else {
            // A station that goes by a file takes nothing over.
            return self.station.recorded(true, self.clock.now_us());
        };
        let progress = self.station.changeover().progress();
        let goes_back = !matches!(progress, Progress::Recording(_));
        let record = Record {
            active,
            previous: standing.previous.and_then(|model| self.models.id(model)),
            goes_back,
        };
        let recipe = match goes_back {
            true => self.station.recipe(),
            false => self.station.recipe_once(standing.active),
        };
        let memo = self.recipes.memo(recipe);
        if self.models.chores.records.try_send((record, memo)).is_ok() {
            if recipe != self.station.recipe() {
                self.recipes.noted(memo);
            }
        } else {
            log::error!("recording the active model: the thread that does it is busy or gone");
            self.station.recorded(false, self.clock.now_us());
        }
    }
}
