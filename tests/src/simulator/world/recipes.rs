//! The machine's recipe lines, and the laws that a station with recipes is held to.

use std::collections::VecDeque;

use twinspect_core::changeover::Model;
use twinspect_core::recipe::{Chosen, Lack, Recipe, RecipeEdge, RecipeLevels, RecipeWire};
use twinspect_core::station::Effect;

use super::{Later, World};
use crate::simulator::device::Device;
use crate::simulator::fault::FaultKind;
use crate::simulator::story::{RECIPE_FIRST, RECIPES};

/// Changes that are remembered; far longer ago than any part is under way.
const MOVES_KEPT: usize = 64;
/// A new number is looked for, proven, taken over and recorded within this time.
const LIVE_US: u64 = 1_400_000;

/// The model of a recipe, if there is such a recipe.
fn model_of(number: u32) -> Option<Model> {
    (RECIPE_FIRST..RECIPE_FIRST + RECIPES)
        .contains(&number)
        .then(|| Model(u64::from(number - RECIPE_FIRST)))
}

/// The wires, and what was on them.
#[derive(Debug)]
pub(super) struct RecipeWires {
    levels: RecipeLevels,
    /// The number that the machine means.
    home: u8,
    /// When a number came onto the wires.
    moves: VecDeque<(u64, u8)>,
    /// Edges that the line process has not read.
    unread: VecDeque<RecipeEdge>,
}

impl Default for RecipeWires {
    fn default() -> Self {
        let number = RECIPE_FIRST as u8;
        Self {
            levels: RecipeLevels {
                number,
                strobe: false,
            },
            home: number,
            moves: VecDeque::from([(0, number)]),
            unread: VecDeque::new(),
        }
    }
}

impl RecipeWires {
    /// The next edge that came by a time.
    pub(super) fn read(&mut self, until_us: u64) -> Option<RecipeEdge> {
        let next = self.unread.front()?;
        (next.at_us <= until_us)
            .then(|| self.unread.pop_front())
            .flatten()
    }

    fn number_at(&self, at_us: u64) -> u8 {
        let mut moves = self.moves.iter().rev();
        moves
            .find(|(from_us, _)| *from_us <= at_us)
            .map_or(self.levels.number, |(_, number)| *number)
    }

    /// Whether a number was on the wires for so long without a change.
    fn stood(&self, number: u32, settle_us: u64, now_us: u64) -> bool {
        let ends = self.moves.iter().skip(1).map(|(at_us, _)| *at_us);
        let mut stretches = self.moves.iter().zip(ends.chain([now_us]));
        stretches.any(|((from_us, stood), to_us)| {
            u32::from(*stood) == number && to_us.saturating_sub(*from_us) >= settle_us
        })
    }

    fn put(&mut self, number: u8, now_us: u64) {
        for bit in 0..3 {
            let level = (number >> bit) & 1 == 1;
            if level != ((self.levels.number >> bit) & 1 == 1) {
                let wire = RecipeWire::Bit(bit);
                self.levels = self.levels.with(wire, level);
                self.unread.push_back(RecipeEdge {
                    wire,
                    level,
                    at_us: now_us,
                });
                self.moves.push_back((now_us, self.levels.number));
            }
        }
        while self.moves.len() > MOVES_KEPT {
            self.moves.pop_front();
        }
    }
}

impl<D: Device> World<'_, D> {
    /// The wires tell another number, or the one that the machine means.
    pub(super) fn recipe_lines(&mut self, number: Option<u8>) {
        let number = number.unwrap_or(self.recipes.home);
        self.trace
            .event(self.now_us, || format!("recipe lines: {number}"));
        self.recipes.put(number, self.now_us);
        self.serve();
    }

    /// Something goes wrong with the recipe, or another one is wanted; for how long that may be felt.
    pub(super) fn recipe_fault(&mut self, kind: FaultKind, size: u64) -> u64 {
        let now = self.recipes.levels.number;
        match kind {
            FaultKind::RecipeBounce => {
                self.after(3_000, Later::RecipeLines(None));
                self.after(5_000, Later::RecipeLines(Some(now ^ 4)));
                self.after(5_300, Later::RecipeLines(None));
                self.recipe_lines(Some(now ^ 2));
                100_000
            }
            FaultKind::RecipeSwitch => {
                let steps = 1 + (size % 2) as u32;
                let next = (u32::from(self.recipes.home) - RECIPE_FIRST + steps) % RECIPES;
                self.recipes.home = (next + RECIPE_FIRST) as u8;
                // One wire after the other.
                let differ = now ^ self.recipes.home;
                let first = differ & differ.wrapping_neg();
                self.after(2_000, Later::RecipeLines(None));
                self.recipe_lines(Some(now ^ first));
                LIVE_US
            }
            _ => {
                let unknown = [0, 5, 6, 7][(size % 4) as usize];
                let lasts_us = 30_000 + 400 * size;
                self.after(lasts_us, Later::RecipeLines(None));
                self.recipe_lines(Some(unknown));
                lasts_us + LIVE_US
            }
        }
    }

    /// A part is about to be judged by the model in charge.
    pub(super) fn check_recipe(&mut self, number: u64, triggered_us: u64) {
        if self.story.station.recipes.is_none() {
            return;
        }
        let told = self.recipes.number_at(triggered_us);
        let model = self.inspector.model;
        if model_of(u32::from(told)) != Some(model) {
            self.checker
                .violated("no part is judged by another product's model", || {
                    format!("part {number}: {model:?} is in charge, the lines said {told}")
                });
        }
    }

    pub(super) fn recipe(&mut self, effect: Effect) {
        match effect {
            Effect::Seek(recipe) => {
                let lines = self.story.station.recipes.and_then(|spec| spec.lines);
                let settle_us = lines.map_or(0, |lines| lines.settle_us);
                if !self.recipes.stood(recipe.0, settle_us, self.now_us) {
                    self.checker
                        .violated("a number counts when it has stood still", || {
                            format!("{recipe:?}, {:?}", self.recipes.moves)
                        });
                }
                self.after(1_000 + self.now_us % 20_000, Later::Found(recipe));
            }
            Effect::Chosen(Chosen::Failed { .. }) => self.felt(LIVE_US),
            Effect::Chosen(_) => {}
            _ => self
                .checker
                .violated("nothing is kept in reserve unasked", || {
                    format!("{effect:?}")
                }),
        }
    }

    /// Which model a recipe has.
    pub(super) fn found(&mut self, recipe: Recipe) {
        let found = model_of(recipe.0).ok_or(Lack::NoRecipe);
        let clock_us = self.clock_us();
        self.device.found(recipe, found, clock_us);
        self.serve();
    }
}
