//! A station whose model goes by recipes.

use super::{Effect, Station, StationError, StationSpec};
use crate::changeover::Model;
use crate::recipe::{Choice, ChoiceOrder, Lack, Recipe, RecipeEdge, RecipeLevels, Unchosen};

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
    }

    /// Somebody selects a recipe. [`Effect::Chosen`] tells what becomes of it. Whether the machine's lines choose is
    /// for the caller to know.
    pub fn select(&mut self, recipe: Recipe, now_us: u64) {
        let now_us = self.advance(now_us).at_us;
        if let Some(choice) = &mut self.choice {
            choice.select(recipe, now_us);
        }
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
}
