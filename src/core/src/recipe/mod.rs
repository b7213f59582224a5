//! Which product the machine says is coming, and whether the model in charge is the one for it.
//!
//! ```text
//! wires ─► RecipeLines ─┐
//!                       ├─► selected ─► its model is looked for ─► another model takes over ─► live
//! somebody asks ────────┘       └──────────────── until then nothing is judged ───────────────┘
//! ```
//! A recipe is selected by a number. Which model belongs to it only a disk knows, so that the answer comes
//! later ([`Choice::found`]). From the moment of the selection no part is judged until the model in charge is
//! the recipe's: what lies on the belt is another product, for which the model before knows nothing. A recipe
//! that can't be had leaves the station without one, and it tries again after a while.
//!
//! [`Changeover`](crate::changeover::Changeover) exchanges the processes; it is told here what for.

mod lines;

pub use lines::{
    RECIPE_LINES_MAX, RecipeEdge, RecipeLevels, RecipeLines, RecipeLinesError, RecipeLinesSpec,
    RecipeWire,
};

use crate::changeover::{Model, Progress, Refusal};
use crate::reserve::ReserveSpec;

/// A recipe's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipe(pub u32);

/// How recipes are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeSpec {
    /// The machine's wires, if it says by wires which product comes.
    pub lines: Option<RecipeLinesSpec>,
    /// A recipe whose model could not be had is tried again after this time.
    pub retry_us: u64,
    /// Which models of other recipes are kept proven.
    pub reserve: ReserveSpec,
}

/// Why a recipe that was selected has no model in charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// There is no such recipe.
    NoRecipe,
    /// No model that a station may go by was found for it.
    NoModel,
    /// Its model did not go live.
    Refused(Refusal),
    /// Its model was in charge, and was given up.
    GivenUp,
}

/// Why nothing is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchosen {
    /// The wires have moved, and do not stand still yet.
    Moving,
    /// The wires have not said anything since the start.
    NotSaid,
    /// The recipe's model is being looked for.
    Sought(Recipe),
    /// The recipe's model is not in charge yet.
    Awaited(Recipe),
    /// The recipe has no model.
    Lacking(Recipe, Lack),
}

/// What became of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// Its model is in charge.
    Live {
        /// Which.
        recipe: Recipe,
        /// By this model.
        model: Model,
        /// From the selection until its model was in charge, and recorded.
        took_us: u64,
    },
    /// Its model is not in charge, or no newer one of it.
    Failed {
        /// Which.
        recipe: Recipe,
        /// Why.
        why: Lack,
    },
    /// Another one was selected before this one was live.
    Superseded {
        /// Which.
        recipe: Recipe,
    },
}

/// What is to be done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceOrder {
    /// Tell what became of a selection.
    Tell(Chosen),
    /// Look for the recipe's model; [`Choice::found`] follows.
    Seek(Recipe),
    /// The model that is on its way is not wanted any more.
    Withdraw,
    /// This model is to take over; `keeps_way_back`: the one before it is of the same recipe, and may come back.
    Activate {
        /// Which.
        model: Model,
        /// Whether the model before may come back.
        keeps_way_back: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Nobody has selected a recipe.
    Nothing,
    /// Its model is being looked for.
    Sought { recipe: Recipe },
    /// This is its model. The older one of the same recipe judges too, where there is one.
    Model {
        recipe: Recipe,
        model: Model,
        older: Option<Model>,
    },
    /// It has none. It is looked for again at a time, if that may help.
    Lacking {
        recipe: Recipe,
        why: Lack,
        again_us: Option<u64>,
    },
}

/// The state machine.
#[derive(Debug)]
pub struct Choice {
    spec: RecipeSpec,
    lines: Option<RecipeLines>,
    asked: Asked,
    /// A model that somebody has activated, recipe or not, and that is on its way.
    by_hand: Option<Model>,
    /// When the recipe was selected, and whether its outcome has to be told yet.
    selected_us: u64,
    is_untold: bool,
    /// Orders that are due.
    tell: Option<Chosen>,
    seek: bool,
    /// A model is being looked for, and nobody has said yet what was found.
    is_seeking: bool,
}

impl Choice {
    /// Nothing is selected; the wires have these levels.
    ///
    /// # Errors
    /// The first of [`RecipeLinesSpec::problems`].
    pub fn new(spec: RecipeSpec, levels: RecipeLevels) -> Result<Self, RecipeLinesError> {
        let lines = spec.lines.map(|lines| RecipeLines::new(lines, levels));
        Ok(Self {
            spec,
            lines: lines.transpose()?,
            asked: Asked::Nothing,
            by_hand: None,
            selected_us: 0,
            is_untold: false,
            tell: None,
            seek: false,
            is_seeking: false,
        })
    }

    /// Whether the machine says by wires which recipe it wants.
    pub fn has_lines(&self) -> bool {
        self.lines.is_some()
    }

    /// One of the wires has changed.
    pub fn edge(&mut self, edge: RecipeEdge) {
        let settled = self.lines.as_mut().and_then(|lines| lines.edge(edge));
        self.settled_on(settled, edge.at_us);
    }

    /// Somebody selects a recipe. One that is live already has its model looked for anew: there may be a newer one.
    pub fn select(&mut self, recipe: Recipe, now_us: u64) {
        let is_same = matches!(self.asked, Asked::Model { recipe: asked, .. } if asked == recipe);
        self.supersede(Some(recipe));
        if !is_same {
            self.asked = Asked::Sought { recipe };
        }
        self.by_hand = None;
        self.selected_us = now_us;
        self.is_untold = true;
        self.seek = true;
    }

    /// The station was started again while this recipe was live, and goes on with the model that it had.
    pub fn resume(&mut self, recipe: Recipe, active: Model) {
        self.asked = Asked::Model {
            recipe,
            model: active,
            older: None,
        };
    }

    /// Somebody has a model activated, recipe or not. Nothing else is wanted until that is settled; until it is in
    /// charge, what was selected counts.
    pub fn give_way(&mut self, model: Model) {
        self.by_hand = Some(model);
    }

    /// A model is in charge, and recorded. One that somebody has activated ends the recipe that was selected.
    pub fn activated(&mut self, model: Model) {
        if self.by_hand.take() == Some(model) {
            self.supersede(None);
            self.asked = Asked::Nothing;
            self.seek = false;
        }
    }

    /// The recipe that counts once this model is in charge and recorded: none if somebody has activated it.
    pub fn recipe_once(&self, model: Model) -> Option<Recipe> {
        self.recipe().filter(|_| self.by_hand != Some(model))
    }

    /// What became of a [`ChoiceOrder::Seek`]; an answer to an earlier one changes nothing.
    pub fn found(
        &mut self,
        sought: Recipe,
        found: Result<Model, Lack>,
        active: Model,
        now_us: u64,
    ) {
        if self.recipe() != Some(sought) || self.seek {
            return;
        }
        self.is_seeking = false;
        match (self.asked, found) {
            (Asked::Sought { recipe }, Ok(model)) => {
                self.asked = Asked::Model {
                    recipe,
                    model,
                    older: None,
                };
            }
            (Asked::Sought { recipe }, Err(why)) => self.lack(recipe, why, now_us),
            (
                Asked::Model {
                    recipe,
                    model,
                    older,
                },
                Ok(found),
            ) if found != model => {
                let is_live = active == model || Some(active) == older;
                self.asked = Asked::Model {
                    recipe,
                    model: found,
                    older: Some(active).filter(|_| is_live && active != found),
                };
            }
            // The one that is in charge goes on.
            (Asked::Model { recipe, .. }, Err(why)) => self.tell_failure(recipe, why),
            (Asked::Model { .. } | Asked::Nothing | Asked::Lacking { .. }, _) => {}
        }
    }

    /// A model did not go live, or was given up; `active` is in charge.
    pub fn refused(&mut self, refused: Model, why: Lack, active: Model, now_us: u64) {
        // Those that were withdrawn belong to an earlier selection.
        if matches!(why, Lack::Refused(Refusal::Withdrawn | Refusal::Closing)) {
            return;
        }
        let Asked::Model {
            recipe,
            model,
            older,
        } = self.asked
        else {
            return;
        };
        if model != refused {
            return;
        }
        if older == Some(active) {
            self.asked = Asked::Model {
                recipe,
                model: active,
                older: None,
            };
            self.tell_failure(recipe, why);
        } else {
            self.lack(recipe, why, now_us);
        }
    }

    /// What is to be done now; to be asked until there is nothing. `active` is in charge, and `progress` says
    /// what else is on its way.
    pub fn poll(&mut self, now_us: u64, active: Model, progress: Progress) -> Option<ChoiceOrder> {
        let settled = self.lines.as_mut().and_then(|lines| lines.tick(now_us));
        self.settled_on(settled, now_us);
        if progress == Progress::Settled {
            self.by_hand = None;
        }
        if self.by_hand.is_some() {
            return self.tell.take().map(ChoiceOrder::Tell);
        }
        if let Asked::Lacking {
            recipe,
            again_us: Some(again_us),
            ..
        } = self.asked
            && again_us <= now_us
        {
            self.asked = Asked::Sought { recipe };
            self.is_untold = true;
            self.seek = true;
        }
        if let Some(told) = self.tell.take() {
            return Some(ChoiceOrder::Tell(told));
        }
        if let (true, Some(recipe)) = (std::mem::take(&mut self.seek), self.recipe()) {
            self.is_seeking = true;
            return Some(ChoiceOrder::Seek(recipe));
        }
        let on_its_way = match progress {
            Progress::Proving(model) | Progress::Waiting(model) => Some(model),
            Progress::Settled | Progress::Switching(_) | Progress::Recording(_) => None,
        };
        match self.asked {
            Asked::Nothing => None,
            Asked::Sought { .. } | Asked::Lacking { .. } => {
                on_its_way.map(|_| ChoiceOrder::Withdraw)
            }
            Asked::Model { model, .. } if on_its_way.is_some_and(|other| other != model) => {
                Some(ChoiceOrder::Withdraw)
            }
            Asked::Model { recipe, model, .. } if model == active => {
                // There may be a newer one.
                let is_certain = progress == Progress::Settled && !self.is_seeking;
                if !is_certain || !std::mem::take(&mut self.is_untold) {
                    return None;
                }
                Some(ChoiceOrder::Tell(Chosen::Live {
                    recipe,
                    model,
                    took_us: now_us.saturating_sub(self.selected_us),
                }))
            }
            Asked::Model { model, older, .. } => {
                (progress == Progress::Settled).then_some(ChoiceOrder::Activate {
                    model,
                    keeps_way_back: older == Some(active),
                })
            }
        }
    }

    /// When to poll next, if nothing is heard until then.
    pub fn next_poll_us(&self) -> Option<u64> {
        if self.tell.is_some() || self.seek && self.by_hand.is_none() {
            return Some(0);
        }
        let again_us = match self.asked {
            Asked::Lacking { again_us, .. } if self.by_hand.is_none() => again_us,
            _ => None,
        };
        let lines = self.lines.as_ref().and_then(RecipeLines::next_tick_us);
        match (again_us, lines) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Why nothing is judged while this model is in charge, if so.
    pub fn unchosen(&self, active: Model) -> Option<Unchosen> {
        if self.lines.as_ref().is_some_and(RecipeLines::is_moving) {
            return Some(Unchosen::Moving);
        }
        match self.asked {
            Asked::Nothing => self.lines.is_some().then_some(Unchosen::NotSaid),
            Asked::Sought { recipe } => Some(Unchosen::Sought(recipe)),
            Asked::Lacking { recipe, why, .. } => Some(Unchosen::Lacking(recipe, why)),
            Asked::Model {
                recipe,
                model,
                older,
            } => {
                let judges = active == model || Some(active) == older;
                (!judges).then_some(Unchosen::Awaited(recipe))
            }
        }
    }

    /// The recipe that was selected last.
    pub fn recipe(&self) -> Option<Recipe> {
        match self.asked {
            Asked::Nothing => None,
            Asked::Sought { recipe }
            | Asked::Model { recipe, .. }
            | Asked::Lacking { recipe, .. } => Some(recipe),
        }
    }

    /// The wires tell a number. The same one again, after a glitch, changes nothing: whoever wants a newer model
    /// of it asks for that.
    fn settled_on(&mut self, settled: Option<u8>, now_us: u64) {
        let Some(number) = settled else { return };
        let recipe = Recipe(u32::from(number));
        match self.asked {
            Asked::Sought { recipe: asked } | Asked::Model { recipe: asked, .. }
                if asked == recipe => {}
            _ => self.select(recipe, now_us),
        }
    }

    /// Whoever waits for another recipe than this one is told.
    fn supersede(&mut self, next: Option<Recipe>) {
        if std::mem::take(&mut self.is_untold)
            && let Some(recipe) = self.recipe()
            && Some(recipe) != next
        {
            self.tell = Some(Chosen::Superseded { recipe });
        }
    }

    fn lack(&mut self, recipe: Recipe, why: Lack, now_us: u64) {
        // Recipes do not change while a station runs.
        let again_us = (why != Lack::NoRecipe).then(|| now_us.saturating_add(self.spec.retry_us));
        self.asked = Asked::Lacking {
            recipe,
            why,
            again_us,
        };
        self.tell_failure(recipe, why);
    }

    fn tell_failure(&mut self, recipe: Recipe, why: Lack) {
        self.is_untold = false;
        self.tell = Some(Chosen::Failed { recipe, why });
    }
}
