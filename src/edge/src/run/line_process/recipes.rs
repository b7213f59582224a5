//! Recipes on a running line: which model the selected one has, what people are told of it, and the processes that
//! wait in reserve.

use crossbeam_channel::Sender;
use twinspect_core::changeover::Model;
use twinspect_core::readiness::NotReady;
use twinspect_core::recipe::{Chosen, Lack, Recipe as Number, Unchosen};
use twinspect_core::station::Inspector as Said;

use super::LineProcess;
use super::models::words;
use crate::config::{Recipe, RecipesSpec};
use crate::control::{RecipeStatus, RecipeSwitch, RecipesStatus, Reply};
use crate::run::clerk::{Errand, Found};
use crate::run::inspector::{Heard, Inspector};
use crate::run::messages::InspectorMessage;
use crate::run::service::reply;

/// A take-over that belongs to a selection.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    model: Model,
    proof_ms: f64,
    switch_ms: f64,
    /// Whether its process had waited in reserve.
    from_reserve: bool,
}

/// The recipes of a station.
#[derive(Debug)]
pub(super) struct Recipes {
    spec: Option<RecipesSpec>,
    /// Who waits for the outcome of the last selection.
    asked: Option<Sender<Reply>>,
    asked_for: Option<Number>,
    /// Why the last recipe has no model, as the clerk has said.
    why: Option<String>,
    /// The model that was taken out of the reserve last.
    engaged: Option<Model>,
    exchange: Option<Exchange>,
    last: Option<RecipeSwitch>,
    /// Numbers, the one that was selected last first.
    recent: Vec<u32>,
    /// Processes in reserve that are to be started if there is memory for them ...
    weighed: Vec<(u64, Model)>,
    /// ... and those that were.
    spares: Vec<Inspector>,
    /// Why there are not more of them.
    no_room: Option<String>,
    /// What was last told of what keeps the model in charge from judging.
    unchosen: Option<Unchosen>,
}

impl Recipes {
    pub(super) fn new(spec: Option<&RecipesSpec>) -> Self {
        Self {
            spec: spec.cloned(),
            asked: None,
            asked_for: None,
            why: None,
            engaged: None,
            exchange: None,
            last: None,
            recent: Vec::new(),
            weighed: Vec::new(),
            spares: Vec::new(),
            no_room: None,
            unchosen: None,
        }
    }

    fn by_number(&self, number: Number) -> Option<&Recipe> {
        self.spec.as_ref()?.by_number(number.0)
    }

    /// For people.
    fn name(&self, number: Number) -> String {
        self.by_number(number)
            .map_or(number.0.to_string(), ToString::to_string)
    }

    /// Nobody waits in reserve any more.
    pub(super) fn discard(&mut self) {
        self.weighed.clear();
        for spare in self.spares.drain(..) {
            spare.kill();
        }
    }

    fn take(&mut self, generation: u64) -> Option<Inspector> {
        let mut spares = self.spares.iter();
        let place = spares.position(|spare| spare.generation() == generation)?;
        Some(self.spares.swap_remove(place))
    }

    /// Whether an event is one of a process in reserve.
    pub(super) fn is_spare(&self, generation: u64) -> bool {
        let mut spares = self.spares.iter();
        spares.any(|spare| spare.generation() == generation)
    }

    /// A model has taken over.
    pub(super) fn exchanged(&mut self, model: Model, proof_ms: f64, switch_ms: f64) {
        self.exchange = Some(Exchange {
            model,
            proof_ms,
            switch_ms,
            from_reserve: self.engaged.take() == Some(model),
        });
    }

    /// All recipes, those that were selected last first.
    fn by_use(&self) -> Vec<Recipe> {
        let all = self.spec.iter().flat_map(|spec| &spec.list);
        let mut all: Vec<Recipe> = all.cloned().collect();
        let place = |recipe: &Recipe| {
            let mut recent = self.recent.iter();
            recent.position(|number| *number == recipe.number)
        };
        all.sort_by_key(|recipe| place(recipe).unwrap_or(usize::MAX));
        all
    }
}

impl LineProcess {
    /// Somebody selects a recipe by its name or number.
    pub(super) fn select(&mut self, typed: &str, answer: Sender<Reply>) {
        match self.may_select(typed) {
            Ok(number) => {
                if let Some(before) = self.recipes.asked.replace(answer) {
                    reply(&before, Reply::refused(SUPERSEDED));
                }
                self.recipes.asked_for = Some(number);
                self.station.select(number, self.clock.now_us());
            }
            Err(reason) => reply(&answer, Reply::refused(reason)),
        }
    }

    fn may_select(&self, typed: &str) -> Result<Number, String> {
        if self.station.obstacle() == Some(NotReady::Closing) {
            return Err("the station stops".to_owned());
        }
        let Some(spec) = &self.recipes.spec else {
            return Err("the station has no recipes: recipes.list of its configuration".to_owned());
        };
        let Some(recipe) = spec.find(typed) else {
            let known: Vec<String> = spec.list.iter().map(Recipe::to_string).collect();
            return Err(format!(
                "there is no recipe {typed:?}, only {}; nothing has changed",
                known.join(", ")
            ));
        };
        let number = Number(recipe.number);
        if spec.by_lines && self.station.recipe() != Some(number) {
            let selected = self.station.recipe();
            let selected = selected.map_or("none".to_owned(), |number| self.recipes.name(number));
            return Err(format!(
                "the recipe lines choose, and say {selected}: change them at the machine; nothing has changed"
            ));
        }
        Ok(number)
    }

    /// A recipe was selected: which model is it?
    pub(super) fn seek(&mut self, number: Number) {
        let Some(recipe) = self.recipes.by_number(number).cloned() else {
            log::error!(
                "recipe {} is selected, and there is none of this number: parts are rejected",
                number.0
            );
            let now_us = self.clock.now_us();
            return self.station.found(number, Err(Lack::NoRecipe), now_us);
        };
        log::info!("recipe {recipe} is selected");
        self.recipes.recent.retain(|other| *other != number.0);
        self.recipes.recent.insert(0, number.0);
        if self.models.ask(Errand::Recipe(recipe)).is_err() {
            self.recipe_found(
                number.0,
                Err("the thread that looks for models is busy".to_owned()),
            );
        }
    }

    /// Which model a recipe has.
    pub(super) fn recipe_found(&mut self, number: u32, found: Result<Found, String>) {
        let found = match found {
            Ok(found) => {
                self.recipes.why = None;
                Ok(self.models.number_of(found))
            }
            Err(why) => {
                self.recipes.why = Some(why);
                Err(Lack::NoModel)
            }
        };
        let now_us = self.clock.now_us();
        self.station.found(Number(number), found, now_us);
    }

    /// What has become of a selection.
    pub(super) fn chosen(&mut self, chosen: Chosen) {
        let told = match chosen {
            Chosen::Live {
                recipe,
                model,
                took_us,
            } => {
                let exchange = self.recipes.exchange.take();
                let exchange = exchange.filter(|exchange| exchange.model == model);
                let known = self.recipes.by_number(recipe);
                let switch = RecipeSwitch {
                    number: recipe.0,
                    name: known.map(|recipe| recipe.name.clone()).unwrap_or_default(),
                    model: self.models.name(model),
                    took_ms: took_us as f64 / 1e3,
                    proof_ms: exchange.map(|exchange| exchange.proof_ms),
                    switch_ms: exchange.map(|exchange| exchange.switch_ms),
                    preloaded: exchange.is_some_and(|exchange| exchange.from_reserve),
                };
                log::info!("recipe {} is live: {switch}", self.recipes.name(recipe));
                self.recipes.last = Some(switch.clone());
                self.restock();
                Reply::RecipeSelected(switch)
            }
            Chosen::Failed { recipe, why } => {
                let (name, why) = (self.recipes.name(recipe), self.lack(why));
                log::error!("recipe {name} has no model in charge: {why}");
                Reply::RecipeFailed {
                    number: recipe.0,
                    reason: format!("recipe {name} has no model in charge: {why}"),
                    rejects: self.station.unchosen().is_some(),
                }
            }
            Chosen::Superseded { recipe } => {
                log::info!(
                    "recipe {} is not wanted any more",
                    self.recipes.name(recipe)
                );
                // Who waits for the next one waits on; who has waited for this one by then was told.
                if self.recipes.asked_for == self.station.recipe() {
                    return;
                }
                Reply::refused(SUPERSEDED)
            }
        };
        if let Some(answer) = self.recipes.asked.take() {
            reply(&answer, told);
        }
    }

    fn lack(&self, why: Lack) -> String {
        let detail = || self.models.last_text().unwrap_or_default();
        match why {
            Lack::NoRecipe => "there is no recipe of this number".to_owned(),
            Lack::NoModel => self.recipes.why.clone().unwrap_or_default(),
            Lack::Refused(refusal) => {
                let detail = detail();
                if detail.is_empty() {
                    words(refusal).to_owned()
                } else {
                    detail
                }
            }
            Lack::GivenUp => detail(),
        }
    }

    /// What keeps the model in charge from judging, for people.
    fn unchosen_text(&self, unchosen: Unchosen) -> String {
        let name = |number| self.recipes.name(number);
        match unchosen {
            Unchosen::Moving => {
                "the recipe lines have moved, and do not stand still yet".to_owned()
            }
            Unchosen::NotSaid => {
                "the machine has not selected any recipe: the strobe has not come".to_owned()
            }
            Unchosen::Sought(number) => {
                format!("the model of recipe {} is being looked for", name(number))
            }
            Unchosen::Awaited(number) => {
                format!("the model of recipe {} is not in charge yet", name(number))
            }
            Unchosen::Lacking(number, why) => {
                format!("recipe {} has no model: {}", name(number), self.lack(why))
            }
        }
    }

    /// Tells what has changed.
    pub(super) fn tell_recipe(&mut self) {
        let unchosen = self.station.unchosen();
        if unchosen == self.recipes.unchosen {
            return;
        }
        self.recipes.unchosen = unchosen;
        let text = unchosen.map(|unchosen| self.unchosen_text(unchosen));
        self.service.unchosen(text);
    }

    /// What `status` says.
    pub(super) fn recipes_status(&self) -> Option<RecipesStatus> {
        let spec = self.recipes.spec.as_ref()?;
        let selected = self.station.recipe();
        let unchosen = self.station.unchosen();
        let state = match unchosen {
            None if selected.is_some() => "live",
            None => "none",
            Some(Unchosen::Moving) => "moving",
            Some(Unchosen::NotSaid) => "not_said",
            Some(Unchosen::Sought(_) | Unchosen::Awaited(_)) => "awaited",
            Some(Unchosen::Lacking(..)) => "lacking",
        };
        let proven = self
            .station
            .reserve()
            .iter()
            .filter(|spare| spare.is_proven);
        Some(RecipesStatus {
            by_lines: spec.by_lines,
            state: state.to_owned(),
            number: selected.map(|number| number.0),
            name: selected
                .and_then(|number| self.recipes.by_number(number))
                .map(|recipe| recipe.name.clone()),
            why: unchosen.map(|unchosen| self.unchosen_text(unchosen)),
            last: self.recipes.last.clone(),
            preloaded: proven.map(|spare| self.models.name(spare.model)).collect(),
            not_preloaded: self.recipes.no_room.clone(),
            list: spec.list.iter().map(RecipeStatus::from).collect(),
        })
    }

    /// Which models are worth a process in reserve may have changed.
    pub(super) fn restock(&mut self) {
        let rules = self.loaded.station.decisions.recipes;
        if rules.is_none_or(|rules| rules.reserve.most == 0) {
            return;
        }
        if self
            .models
            .ask(Errand::Reserve(self.recipes.by_use()))
            .is_err()
        {
            log::debug!("the reserve stays as it is: the thread that looks for models is busy");
        }
    }

    /// These models are worth one.
    pub(super) fn keep(&mut self, found: Vec<Found>) {
        let models: Vec<Model> = found
            .into_iter()
            .map(|found| self.models.number_of(found))
            .collect();
        self.station.keep(models);
    }

    /// A process is to be started in reserve, if there is memory for it.
    pub(super) fn weigh(&mut self, generation: u64, model: Model) {
        self.recipes.weighed.push((generation, model));
        let free_min_bytes = self
            .recipes
            .spec
            .as_ref()
            .map_or(0, |spec| spec.free_min_bytes);
        let asked = self.inspector.as_ref().map(|inspector| {
            self.models.ask(Errand::Weigh {
                generation,
                process: inspector.process(),
                free_min_bytes,
            })
        });
        if !matches!(asked, Some(Ok(()))) {
            self.weighed(generation, Err("it could not be weighed".to_owned()));
        }
    }

    /// Whether there is memory for it.
    pub(super) fn weighed(&mut self, generation: u64, may_start: Result<(), String>) {
        let mut weighed = self.recipes.weighed.iter();
        let Some(place) = weighed.position(|(one, _)| *one == generation) else {
            return;
        };
        let (_, model) = self.recipes.weighed.swap_remove(place);
        let name = self.models.name(model);
        let started = may_start.and_then(|()| {
            self.spawn(generation, model, 0, true)
                .map_err(|error| error.to_string())
        });
        match started {
            Ok(spare) => {
                log::info!("model {name} is being proven, to be kept in reserve");
                self.recipes.no_room = None;
                self.recipes.spares.push(spare);
            }
            Err(why) => {
                let text = format!("model {name} is not kept in reserve: {why}");
                // It is tried again and again.
                if self.recipes.no_room.as_ref() != Some(&text) {
                    log::warn!("model {name} is not kept in reserve: {why}");
                }
                self.recipes.no_room = Some(text);
                let now_us = self.clock.now_us();
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// A process in reserve is not wanted any more.
    pub(super) fn spare(&mut self, generation: u64) {
        self.recipes.weighed.retain(|(one, _)| *one != generation);
        if let Some(spare) = self.recipes.take(generation) {
            spare.kill();
        }
    }

    /// A process in reserve is the one whose model is wanted.
    pub(super) fn engage(&mut self, generation: u64, model: Model) {
        self.recipes.engaged = Some(model);
        let before = self.recipes.weighed.len();
        self.recipes.weighed.retain(|(one, _)| *one != generation);
        if self.recipes.weighed.len() < before {
            // It was not even started.
            self.recipes.engaged = None;
            return self.prove(generation, model);
        }
        match self.recipes.take(generation) {
            Some(spare) => self.models.engage(spare),
            None => {
                let now_us = self.clock.now_us();
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// What a process in reserve says.
    pub(super) fn hear_spare(&mut self, generation: u64, what: Heard) {
        let now_us = self.clock.now_us();
        let model = self
            .station
            .reserve()
            .iter()
            .find(|spare| spare.generation == generation)
            .map(|spare| spare.model);
        let name = model
            .map(|model| self.models.name(model))
            .unwrap_or_default();
        let said = match what {
            Heard::Message(InspectorMessage::Proven(proven)) => {
                let (_, wanted) = model
                    .map(|model| self.models.bundle(model))
                    .unwrap_or_default();
                if wanted.is_some_and(|wanted| wanted != proven.bundle) {
                    log::warn!(
                        "model {name} is not kept in reserve: another bundle lies in its place"
                    );
                    Said::Ended
                } else {
                    log::info!("model {name} is proven, and waits in reserve");
                    Said::Proven
                }
            }
            Heard::Message(InspectorMessage::Failed { why }) => {
                log::warn!("model {name} is not kept in reserve: {why}");
                self.recipes.no_room = Some(format!("model {name} is not kept in reserve: {why}"));
                return;
            }
            Heard::Message(_) => return,
            Heard::Closed | Heard::Ended(_) => Said::Ended,
        };
        if said == Said::Ended
            && let Some(spare) = self.recipes.take(generation)
        {
            spare.kill();
        }
        self.station.inspector(generation, said, now_us);
    }
}

/// What who waits for a recipe is told when another one comes between.
const SUPERSEDED: &str = "another recipe or model was selected meanwhile";
