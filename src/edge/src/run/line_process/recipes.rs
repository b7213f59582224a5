//! Recipes on a running line: which model the selected one has, and what people are told of it.

use crossbeam_channel::Sender;
use twinspect_core::changeover::{Model, Progress};
use twinspect_core::readiness::NotReady;
use twinspect_core::recipe::{Chosen, Lack, Recipe as Number, Unchosen};
use twinspect_store::models::{ModelId, ModelsError, Selection};

use super::LineProcess;
use crate::config::{Recipe, RecipesSpec};
use crate::control::{RecipeStatus, RecipeSwitch, RecipesStatus, Reply};
use crate::run::clerk::{Errand, Found, Memo, Store};
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
    /// Who waits for the outcome of the last selection, and of which recipe.
    asked: Option<(Number, Sender<Reply>)>,
    /// Why the last recipe has no model, as the clerk has said.
    why: Option<String>,
    exchange: Option<Exchange>,
    last: Option<RecipeSwitch>,
    /// Numbers, the one that was selected last first.
    recent: Vec<u32>,
    /// What was last told of what keeps the model in charge from judging.
    unchosen: Option<Unchosen>,
    /// What a restart knows of the selection, or will know when the clerk is done.
    remembered: Option<Selection>,
    /// Of the last memo.
    turn: u64,
}

impl Recipes {
    pub(super) fn new(spec: Option<&RecipesSpec>) -> Self {
        Self {
            spec: spec.cloned(),
            asked: None,
            why: None,
            exchange: None,
            last: None,
            recent: Vec::new(),
            unchosen: None,
            remembered: None,
            turn: 0,
        }
    }

    /// What was selected before the station was started, as far as it counts: where lines choose they are read again.
    /// Recipe and whether its model is the station's, which is of the product `active`.
    pub(super) fn resume(
        &mut self,
        store: Option<&Store>,
        active: Option<&ModelId>,
    ) -> Result<Option<(Number, bool)>, ModelsError> {
        let found = store.map_or(Ok(None), Store::selection);
        let Some(spec) = self.spec.as_ref().filter(|spec| !spec.by_lines) else {
            // It was selected under another configuration, and is forgotten when the station runs.
            self.remembered = found.ok().flatten();
            return Ok(None);
        };
        self.remembered = found?;
        let Some(Selection { recipe }) = self.remembered else {
            return Ok(None);
        };
        // The configuration may have changed since.
        let fits = |recipe: &Recipe, active: &ModelId| {
            let version = recipe.version.exactly();
            recipe.model == active.name()
                && version.is_none_or(|version| version.as_str() == active.version())
        };
        let known = spec.by_number(recipe).zip(active);
        let is_live = known.is_some_and(|(recipe, active)| fits(recipe, active));
        Ok(Some((Number(recipe), is_live)))
    }

    /// For the clerk: a restart is to know of this recipe, where somebody has asked for it. Lines are read again.
    pub(super) fn memo(&mut self, recipe: Option<Number>) -> Memo {
        self.turn += 1;
        Memo {
            selection: self.lasting(recipe),
            turn: self.turn,
        }
    }

    /// The clerk has it.
    pub(super) fn noted(&mut self, memo: Memo) {
        self.remembered = memo.selection;
    }

    fn lasting(&self, recipe: Option<Number>) -> Option<Selection> {
        let by_hand = self.spec.as_ref().is_some_and(|spec| !spec.by_lines);
        let recipe = recipe.filter(|_| by_hand);
        recipe.map(|Number(recipe)| Selection { recipe })
    }

    /// So many bytes stay free beside processes in reserve.
    pub(super) fn free_min_bytes(&self) -> u64 {
        self.spec.as_ref().map_or(0, |spec| spec.free_min_bytes)
    }

    fn by_number(&self, number: Number) -> Option<&Recipe> {
        self.spec.as_ref()?.by_number(number.0)
    }

    /// For people.
    fn name(&self, number: Number) -> String {
        self.by_number(number)
            .map_or(number.0.to_string(), ToString::to_string)
    }

    /// A model has taken over.
    pub(super) fn exchanged(
        &mut self,
        model: Model,
        proof_ms: f64,
        switch_ms: f64,
        from_reserve: bool,
    ) {
        self.exchange = Some(Exchange {
            model,
            proof_ms,
            switch_ms,
            from_reserve,
        });
    }

    /// All recipes, those that were selected last first.
    pub(super) fn by_use(&self) -> Vec<Recipe> {
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
                if let Some((_, before)) = self.recipes.asked.replace((number, answer)) {
                    reply(&before, Reply::refused(SUPERSEDED));
                }
                self.station.select(number, self.clock.now_us());
            }
            Err(reason) => reply(&answer, self.refusal(reason, None)),
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
        // One that came before belongs to no selection any more.
        self.recipes.exchange = None;
        let Some(recipe) = self.recipes.by_number(number).cloned() else {
            log::error!(
                "recipe {} is selected, and there is none of this number: parts are rejected",
                number.0
            );
            let now_us = self.clock.now_us();
            return self.station.found(number, Err(Lack::NoRecipe), now_us);
        };
        log::info!("recipe {recipe} is selected");
        // Before anything is looked for: whoever has an answer has a selection that a restart knows.
        self.remember();
        self.recipes.recent.retain(|other| *other != number.0);
        self.recipes.recent.insert(0, number.0);
        if !self.models.ask(Errand::Recipe(recipe)) {
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
        let (recipe, told) = match chosen {
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
                (recipe, Reply::RecipeSelected(switch))
            }
            Chosen::Failed { recipe, why } => {
                let (name, why) = (self.recipes.name(recipe), self.lack(why));
                log::error!("recipe {name} has no model in charge: {why}");
                let failed = Reply::RecipeFailed {
                    number: recipe.0,
                    reason: format!("recipe {name} has no model in charge: {why}"),
                    rejects: self.station.unchosen().is_some(),
                };
                (recipe, failed)
            }
            Chosen::Superseded { recipe } => {
                log::info!(
                    "recipe {} is not wanted any more",
                    self.recipes.name(recipe)
                );
                (recipe, Reply::refused(SUPERSEDED))
            }
        };
        // Who waits for another one waits on.
        let waits = self.recipes.asked.take_if(|(asked, _)| *asked == recipe);
        if let Some((_, answer)) = waits {
            reply(&answer, told);
        }
    }

    fn lack(&self, why: Lack) -> String {
        match why {
            Lack::NoRecipe => "there is no recipe of this number".to_owned(),
            Lack::NoModel => self.recipes.why.clone().unwrap_or_default(),
            Lack::Refused(_) | Lack::GivenUp => self.models.last_text().unwrap_or_default(),
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

    /// Why all parts are rejected though a model is in charge, if they are, and until when.
    pub(super) fn rejects_all(&self) -> Option<String> {
        let why = self.unchosen_text(self.station.unchosen()?);
        Some(format!(
            "{why}. All parts are rejected until the selected recipe has its model, or another recipe is selected: \
             `twinspect recipe select`"
        ))
    }

    /// Tells what has changed.
    pub(super) fn tell_recipe(&mut self) {
        let unchosen = self.station.unchosen();
        self.remember();
        if unchosen == self.recipes.unchosen {
            return;
        }
        self.recipes.unchosen = unchosen;
        let text = unchosen.map(|unchosen| self.unchosen_text(unchosen));
        self.service.unchosen(text);
    }

    /// Has it written down what is selected, where that has changed.
    fn remember(&mut self) {
        let recipe = self.station.recipe();
        if self.recipes.lasting(recipe) == self.recipes.remembered {
            return;
        }
        // The record of a model that ends a recipe says so itself, and must have the last word.
        if let Progress::Recording(model) = self.station.changeover().progress()
            && self.station.recipe_once(model) != recipe
        {
            return;
        }
        let memo = self.recipes.memo(recipe);
        // If the clerk is busy it is tried again when the loop has gone round.
        if self.models.ask(Errand::Selection(memo)) {
            self.recipes.noted(memo);
        }
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
            not_preloaded: self.reserve.no_room(),
            list: spec.list.iter().map(RecipeStatus::from).collect(),
        })
    }
}

/// What who waits for a recipe is told when another one comes between.
const SUPERSEDED: &str = "another recipe or model was selected meanwhile";
