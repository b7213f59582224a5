//! A station whose model goes by recipes.

use super::{Effect, Inspector, Station, StationError, StationSpec};
use crate::changeover::{Model, Progress};
use crate::recipe::{Choice, ChoiceOrder, Lack, Recipe, RecipeEdge, RecipeLevels, Unchosen};
use crate::reserve::{Reserve, ReserveOrder, Spare};

pub(super) fn choice(
    spec: &StationSpec,
    levels: RecipeLevels,
) -> Result<Option<Choice>, StationError> {
    let choice = spec.recipes.map(|recipes| Choice::new(recipes, levels));
    choice.transpose().map_err(StationError::Recipes)
}

impl Station {
    /// As it begins: the levels of the recipe lines.
    ///
    /// # Errors
    /// [`StationError::Recipes`].
    pub fn with_recipe_levels(mut self, levels: RecipeLevels) -> Result<Self, StationError> {
        self.choice = choice(&self.spec, levels)?;
        Ok(self)
    }

    /// An edge of a recipe line.
    pub fn recipe_edge(&mut self, edge: RecipeEdge) {
        if let Some(choice) = &mut self.choice {
            choice.edge(edge);
        }
        // What the wires do while the strobe is low says nothing.
        if self.unchosen().is_some() {
            self.unchosen_us = self.unchosen_us.max(Some(edge.at_us));
        }
    }

    /// Whether a part that came then may be another product than the one of the model in charge.
    pub(super) fn is_of_another_recipe(&self, came_us: u64) -> bool {
        self.unchosen().is_some() || self.unchosen_us.is_some_and(|until_us| came_us < until_us)
    }

    /// Somebody selects a recipe. [`Effect::Chosen`] tells what becomes of it. Whether the machine's lines choose is
    /// for the caller to know.
    pub fn select(&mut self, recipe: Recipe, now_us: u64) {
        let now_us = self.advance(now_us).at_us;
        if let Some(choice) = &mut self.choice {
            choice.select(recipe, now_us);
        }
    }

    /// The station was started again while this recipe was live: it goes on with the model that is recorded. Whether that
    /// one is the recipe's is for the caller to know.
    #[must_use]
    pub fn with_live_recipe(mut self, recipe: Recipe) -> Self {
        let active = self.changeover.standing().active;
        if let Some(choice) = &mut self.choice {
            choice.resume(recipe, active);
        }
        self
    }

    /// What became of an [`Effect::Seek`].
    pub fn found(&mut self, recipe: Recipe, found: Result<Model, Lack>, now_us: u64) {
        let now_us = self.advance(now_us).at_us;
        let active = self.changeover.standing().active;
        if let Some(choice) = &mut self.choice {
            choice.found(recipe, found, active, now_us);
        }
    }

    /// The recipe that was selected last.
    pub fn recipe(&self) -> Option<Recipe> {
        self.choice.as_ref()?.recipe()
    }

    /// The recipe that counts once this model is in charge and recorded: none if somebody has activated it. It belongs
    /// into the same record.
    pub fn recipe_once(&self, model: Model) -> Option<Recipe> {
        self.choice.as_ref()?.recipe_once(model)
    }

    /// Why the model in charge may not judge, if recipes speak against it.
    pub fn unchosen(&self) -> Option<Unchosen> {
        let active = self.changeover.standing().active;
        self.choice.as_ref()?.unchosen(active)
    }

    /// What the choice of a recipe wants done by now.
    pub(super) fn choose(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        // What has become of a model is heard first, or it would be wanted once more.
        let may = self.closing.is_none() && !self.changeover.has_news();
        let Some(choice) = self.choice.as_mut().filter(|_| may) else {
            return;
        };
        let active = self.changeover.standing().active;
        while let Some(order) = choice.poll(now_us, active, self.changeover.progress()) {
            match order {
                ChoiceOrder::Tell(chosen) => sink(Effect::Chosen(chosen)),
                ChoiceOrder::Seek(recipe) => sink(Effect::Seek(recipe)),
                ChoiceOrder::Withdraw => return self.changeover.withdraw(),
                ChoiceOrder::Activate {
                    model,
                    keeps_way_back,
                } => {
                    let wanted = match keeps_way_back {
                        true => self.changeover.activate(model),
                        false => self.changeover.activate_for_good(model),
                    };
                    debug_assert!(wanted.is_ok(), "{wanted:?}");
                    return;
                }
            }
        }
    }

    /// A model did not go live, or was given up.
    pub(super) fn not_live(&mut self, model: Model, why: Lack, now_us: u64) {
        let active = self.changeover.standing().active;
        if let Some(choice) = &mut self.choice {
            choice.refused(model, why, active, now_us);
        }
    }

    /// Which models are worth to be kept proven, the most important first.
    pub fn keep(&mut self, models: impl IntoIterator<Item = Model>) {
        if let Some(reserve) = &mut self.reserve {
            reserve.keep(models);
        }
    }

    /// Processes in reserve go by what does not hold any more: others are to be started in their place.
    pub fn renew_reserve(&mut self) {
        if let Some(reserve) = &mut self.reserve {
            reserve.renew();
        }
    }

    /// The processes in reserve.
    pub fn reserve(&self) -> &[Spare] {
        self.reserve.as_ref().map_or(&[], Reserve::spares)
    }

    /// A process in reserve has said or done something; whether it is one.
    pub(super) fn of_the_reserve(&mut self, generation: u64, what: Inspector, now_us: u64) -> bool {
        let Some(reserve) = self
            .reserve
            .as_mut()
            .filter(|reserve| reserve.has(generation))
        else {
            return false;
        };
        match what {
            Inspector::Proven => reserve.proven(generation),
            Inspector::Closed | Inspector::Ended => reserve.ended(generation, now_us),
            // It has no camera, and nobody has asked it anything.
            _ => {}
        }
        true
    }

    /// A model is wanted that has a process in reserve; whether it has.
    pub(super) fn engage(
        &mut self,
        model: Model,
        now_us: u64,
        sink: &mut impl FnMut(Effect),
    ) -> bool {
        let Some(spare) = self
            .reserve
            .as_mut()
            .and_then(|reserve| reserve.take(model))
        else {
            return false;
        };
        let generation = spare.generation;
        self.candidate = Some(generation);
        sink(Effect::Engage { generation, model });
        if spare.is_proven {
            self.changeover.candidate_proven(now_us);
        }
        true
    }

    /// What the reserve wants done by now.
    pub(super) fn restock(&mut self, now_us: u64, sink: &mut impl FnMut(Effect)) {
        let may_start = self.may_restock();
        let active = self.changeover.standing().active;
        let Some(reserve) = &mut self.reserve else {
            return;
        };
        while let Some(order) = reserve.poll(now_us, active, may_start) {
            match order {
                ReserveOrder::Start(model) => {
                    self.generations += 1;
                    let generation = self.generations;
                    reserve.started(model, generation, now_us);
                    sink(Effect::Reserve { generation, model });
                }
                ReserveOrder::End(generation) => sink(Effect::Spare { generation }),
            }
        }
    }

    fn may_restock(&self) -> bool {
        self.closing.is_none()
            && self.supervisor.is_up()
            && self.changeover.progress() == Progress::Settled
    }
}
