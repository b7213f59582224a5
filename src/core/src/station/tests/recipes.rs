//! Recipes from the wire to the model in charge.

use proptest::prelude::*;

use super::*;
use crate::recipe::{
    Chosen, Lack, Recipe, RecipeEdge, RecipeLinesSpec, RecipeSpec, RecipeWire, Unchosen,
};
use crate::reserve::ReserveSpec;

const SETTLE_US: u64 = 15;
const RETRY_US: u64 = 400;

fn spec(has_lines: bool) -> StationSpec {
    let lines = RecipeLinesSpec {
        count: 3,
        has_strobe: false,
        settle_us: SETTLE_US,
    };
    StationSpec {
        recipes: Some(RecipeSpec {
            lines: has_lines.then_some(lines),
            retry_us: RETRY_US,
            reserve: ReserveSpec {
                most: 2,
                proof_max_us: 300,
                again_us: 200,
            },
        }),
        ..SPEC
    }
}

fn model_of(recipe: Recipe) -> Result<Model, Lack> {
    match recipe.0 {
        number @ 1..=3 => Ok(Model(u64::from(number))),
        4..=5 => Err(Lack::NoModel),
        _ => Err(Lack::NoRecipe),
    }
}

/// A station, its processes, its disk and its recipe lines. All of them do what they should when they are let.
struct Plant {
    bench: Bench,
    now_us: u64,
    read: usize,
    levels: RecipeLevels,
    moved_us: u64,
    in_charge: Option<(u64, Model)>,
    candidate: Option<(u64, Model)>,
    reserve: Vec<(u64, Model)>,
    is_up: bool,
    has_to_end: bool,
    sought: Option<Recipe>,
    has_to_record: bool,
    inspected: Vec<(u64, Model)>,
    chosen: Vec<Chosen>,
    /// Of each part that came, what must not happen to it.
    wrongs: Vec<String>,
}

impl Plant {
    fn new(has_lines: bool, number: u8) -> Self {
        let levels = RecipeLevels {
            number,
            strobe: false,
        };
        let standing = Standing {
            active: Model(1),
            previous: None,
        };
        let mut bench = Bench::new(spec(has_lines));
        bench.station = Station::new(spec(has_lines), [false; 2])
            .unwrap()
            .with_models(standing)
            .with_recipe_levels(levels)
            .unwrap();
        Self {
            bench,
            now_us: 0,
            read: 0,
            levels,
            moved_us: 0,
            in_charge: None,
            candidate: None,
            reserve: Vec::new(),
            is_up: false,
            has_to_end: false,
            sought: None,
            has_to_record: false,
            inspected: Vec::new(),
            chosen: Vec::new(),
            wrongs: Vec::new(),
        }
    }

    /// Started again with recipe 1 live, or with another one selected and not live yet.
    fn again(live: Option<Recipe>, pending: Option<Recipe>) -> Self {
        let mut plant = Self::new(false, 0);
        if let Some(recipe) = live {
            let station = std::mem::replace(&mut plant.bench.station, Bench::new(SPEC).station);
            plant.bench.station = station.with_live_recipe(recipe);
        }
        if let Some(recipe) = pending {
            plant.bench.station.select(recipe, plant.now_us);
        }
        plant
    }

    fn tick(&mut self) {
        self.bench.tick(self.now_us);
        self.read();
    }

    fn read(&mut self) {
        let new = self.bench.said.split_off(self.read);
        for effect in &new {
            match *effect {
                Effect::Start { generation, model } => {
                    self.in_charge = Some((generation, model));
                    (self.is_up, self.has_to_end) = (false, false);
                }
                Effect::Prove { generation, model } => self.candidate = Some((generation, model)),
                Effect::Discard => self.candidate = None,
                Effect::Reserve { generation, model } => self.reserve.push((generation, model)),
                Effect::Spare { generation } => self.spare(generation),
                Effect::Engage { generation, model } => {
                    self.spare(generation);
                    self.candidate = Some((generation, model));
                }
                Effect::TakeOver => {
                    if self.in_charge.is_some() {
                        self.wrongs.push("two processes with a camera".to_owned());
                    }
                    self.in_charge = self.candidate.take();
                    (self.is_up, self.has_to_end) = (false, false);
                }
                Effect::Release | Effect::Kill | Effect::Replace => self.has_to_end = true,
                Effect::Record(_) => self.has_to_record = true,
                Effect::Seek(recipe) => self.sought = Some(recipe),
                Effect::Chosen(chosen) => self.chosen.push(chosen),
                Effect::Inspect(ticket) => self.inspects(ticket.number),
                _ => {}
            }
        }
        self.bench.said.extend(new);
        self.read = self.bench.said.len();
    }

    fn spare(&mut self, generation: u64) {
        let before = self.reserve.len();
        self.reserve.retain(|(one, _)| *one != generation);
        if self.reserve.len() + 1 != before {
            self.wrongs
                .push(format!("process {generation} is not in reserve"));
        }
    }

    fn reserve_says(&mut self, place: usize, what: Inspector) {
        if let Some(&(generation, _)) = self.reserve.get(place) {
            if what == Inspector::Ended {
                self.spare(generation);
            }
            self.bench.station.inspector(generation, what, self.now_us);
        }
    }

    /// By the wires as they are, and the process that is asked.
    fn inspects(&mut self, number: u64) {
        let Some((_, model)) = self.in_charge else {
            return self
                .wrongs
                .push(format!("part {number} is asked of nobody"));
        };
        self.inspected.push((number, model));
        if self
            .bench
            .station
            .choice
            .as_ref()
            .is_some_and(Choice::has_lines)
        {
            let is_settled = self.now_us >= self.moved_us + SETTLE_US;
            let wanted = model_of(Recipe(u32::from(self.levels.number)));
            if !is_settled || wanted != Ok(model) {
                self.wrongs.push(format!(
                    "part {number} is judged by {model:?} while the wires say {:?}, settled: {is_settled}",
                    self.levels
                ));
            }
        }
    }

    fn wire(&mut self, bit: u8, level: bool) {
        let edge = RecipeEdge {
            wire: RecipeWire::Bit(bit),
            level,
            at_us: self.now_us,
        };
        self.bench.station.recipe_edge(edge);
        self.levels = self.levels.with(edge.wire, level);
        self.moved_us = self.now_us;
    }

    fn part(&mut self) {
        let at_us = self.now_us;
        self.bench.part(at_us);
        self.now_us = at_us + 20;
        self.read();
        if let Some((generation, _)) = self.in_charge {
            let number = self.bench.station.gate().counters().triggered;
            self.bench
                .station
                .inspector(generation, verdict(number, Outcome::Pass), self.now_us);
        }
        self.tick();
    }

    fn candidate_says(&mut self, what: Inspector) {
        if let Some((generation, _)) = self.candidate {
            self.bench.station.inspector(generation, what, self.now_us);
        }
    }

    fn in_charge_says(&mut self, what: Inspector) {
        if let Some((generation, _)) = self.in_charge {
            self.bench.station.inspector(generation, what, self.now_us);
        }
    }

    fn ends(&mut self) {
        self.in_charge_says(Inspector::Ended);
        self.in_charge = None;
        self.has_to_end = false;
    }

    fn finds(&mut self) {
        if let Some(recipe) = self.sought.take() {
            self.bench
                .station
                .found(recipe, model_of(recipe), self.now_us);
        }
    }

    fn records(&mut self, is_done: bool) {
        if std::mem::take(&mut self.has_to_record) {
            self.bench.station.recorded(is_done, self.now_us);
        }
    }

    /// Everybody does what he should, for a while.
    fn settle(&mut self) {
        for _ in 0..120 {
            self.now_us += 30;
            self.tick();
            self.finds();
            self.candidate_says(Inspector::Proven);
            for place in 0..self.reserve.len() {
                self.reserve_says(place, Inspector::Proven);
            }
            if self.has_to_end {
                self.ends();
            } else if self.in_charge.is_some() && !self.is_up {
                self.in_charge_says(Inspector::Proven);
                self.in_charge_says(Inspector::Ready);
                self.is_up = true;
            }
            self.in_charge_says(Inspector::Advanced);
            self.records(true);
            self.tick();
        }
    }

    /// What becomes of a part that comes now.
    fn outcome(&mut self) -> Outcome {
        let before = self.bench.left().len();
        self.part();
        for wait_us in [80, 20] {
            self.now_us += wait_us;
            self.tick();
        }
        self.bench.left()[before]
    }
}

#[test]
fn from_the_moment_of_the_selection_nothing_is_judged_by_the_model_before() {
    let mut plant = Plant::new(true, 1);
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(plant.bench.station.obstacle(), None);
    plant.now_us += 50;
    plant.wire(0, false);
    plant.wire(1, true);
    plant.tick();
    assert_eq!(plant.bench.station.unchosen(), Some(Unchosen::Moving));
    assert_eq!(plant.bench.station.obstacle(), Some(NotReady::Recipe));
    let rejected = Outcome::NoResult(Reason::Recipe);
    assert_eq!(plant.outcome(), rejected);
    assert_eq!(plant.sought, Some(Recipe(2)));
    plant.finds();
    plant.tick();
    assert_eq!(
        plant.bench.station.unchosen(),
        Some(Unchosen::Awaited(Recipe(2)))
    );
    assert_eq!(plant.outcome(), rejected);
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(
        plant.inspected.last().map(|(_, model)| *model),
        Some(Model(2))
    );
    let standing = Standing {
        active: Model(2),
        previous: None,
    };
    assert_eq!(
        plant.bench.station.changeover().standing(),
        standing,
        "the model of another product never comes back"
    );
    assert_eq!(plant.bench.station.changeover().trial_parts_left(), None);
    assert!(matches!(
        plant.chosen.last(),
        Some(Chosen::Live { recipe: Recipe(2), model: Model(2), took_us }) if *took_us > 0
    ));
}

#[test]
fn a_number_without_a_recipe_rejects_until_another_one_comes() {
    let mut plant = Plant::new(true, 6);
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::NoResult(Reason::Recipe));
    let lacking = Unchosen::Lacking(Recipe(6), Lack::NoRecipe);
    assert_eq!(plant.bench.station.unchosen(), Some(lacking));
    let failures = plant.chosen.len();
    plant.settle();
    assert_eq!(plant.chosen.len(), failures, "trying again is senseless");
    plant.wire(2, false);
    plant.wire(1, false);
    plant.wire(0, true);
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
}

#[test]
fn a_recipe_without_a_model_is_looked_for_again() {
    let mut plant = Plant::new(true, 4);
    plant.now_us = SETTLE_US;
    plant.tick();
    plant.finds();
    plant.tick();
    let why = Lack::NoModel;
    let recipe = Recipe(4);
    assert_eq!(plant.chosen, [Chosen::Failed { recipe, why }]);
    plant.now_us += RETRY_US;
    plant.tick();
    assert_eq!(plant.sought, Some(recipe));
}

#[test]
fn a_glitch_costs_the_parts_of_its_time_and_exchanges_nothing() {
    let mut plant = Plant::new(true, 1);
    plant.settle();
    plant.wire(1, true);
    plant.now_us += 3;
    plant.wire(1, false);
    assert_eq!(plant.outcome(), Outcome::NoResult(Reason::Recipe));
    plant.now_us += SETTLE_US;
    plant.tick();
    assert_eq!(plant.sought, None);
    assert_eq!(plant.outcome(), Outcome::Pass);
}

#[test]
fn a_part_that_is_told_late_is_not_judged_by_what_the_wires_say_then() {
    let mut plant = Plant::new(true, 1);
    plant.bench.station.spec.trigger.source = SourceSpec::Sensor { debounce_us: 40 };
    plant.bench.station.trigger = Trigger::new(plant.bench.station.spec.trigger).unwrap();
    plant.settle();
    plant.now_us += 100;
    let at_us = plant.now_us;
    plant.wire(1, true);
    // It comes while the wires say something else, and is a part after they are back for long.
    plant.bench.edge(true, at_us + 2, 1);
    plant.now_us += 4;
    plant.wire(1, false);
    plant.now_us += SETTLE_US + 2;
    plant.tick();
    assert_eq!(plant.bench.station.unchosen(), None);
    plant.now_us = at_us + 50;
    plant.tick();
    plant.now_us = at_us + 102;
    plant.tick();
    assert_eq!(plant.bench.left(), [Outcome::NoResult(Reason::Recipe)]);
    assert_eq!(plant.inspected, []);
}

#[test]
fn the_last_selection_counts_and_who_waits_for_an_earlier_one_is_told() {
    let mut plant = Plant::new(false, 0);
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass, "the recorded model judges");
    plant.bench.station.select(Recipe(2), plant.now_us);
    plant.tick();
    plant.finds();
    plant.tick();
    assert_eq!(plant.candidate.map(|(_, model)| model), Some(Model(2)));
    plant.bench.station.select(Recipe(3), plant.now_us);
    plant.tick();
    let recipe = Recipe(2);
    assert_eq!(plant.chosen.last(), Some(&Chosen::Superseded { recipe }));
    assert_eq!(plant.candidate, None, "nobody wants it any more");
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(
        plant.inspected.last().map(|(_, model)| *model),
        Some(Model(3))
    );
    // And back to what is in charge, while another one is being proven.
    plant.bench.station.select(Recipe(1), plant.now_us);
    plant.tick();
    plant.finds();
    plant.tick();
    assert_eq!(plant.outcome(), Outcome::NoResult(Reason::Recipe));
    plant.bench.station.select(Recipe(3), plant.now_us);
    plant.tick();
    plant.finds();
    plant.tick();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(plant.candidate, None);
}

#[test]
fn a_newer_model_of_the_same_recipe_costs_no_part_and_may_go_back() {
    let mut plant = Plant::new(false, 0);
    plant.bench.station.select(Recipe(1), 0);
    plant.settle();
    let told = plant.chosen.len();
    plant.bench.station.select(Recipe(1), plant.now_us);
    plant.tick();
    plant.tick();
    assert_eq!(
        plant.chosen.len(),
        told,
        "nobody knows yet whether there is a newer one"
    );
    let newer = Model(7);
    plant.sought = None;
    plant
        .bench
        .station
        .found(Recipe(1), Ok(newer), plant.now_us);
    plant.tick();
    assert_eq!(plant.candidate.map(|(_, model)| model), Some(newer));
    assert_eq!(plant.outcome(), Outcome::Pass, "by the older one");
    plant.settle();
    let standing = plant.bench.station.changeover().standing();
    assert_eq!(
        (standing.active, standing.previous),
        (newer, Some(Model(1)))
    );
    assert!(matches!(
        plant.chosen.last(),
        Some(Chosen::Live { model, .. }) if *model == newer
    ));
    assert_eq!(plant.bench.station.changeover().trial_parts_left(), Some(5));
    assert_eq!(plant.outcome(), Outcome::Pass);
}

#[test]
fn a_model_that_does_not_go_live_leaves_no_model_for_the_product() {
    let mut plant = Plant::new(false, 0);
    plant.settle();
    plant.bench.station.select(Recipe(2), plant.now_us);
    plant.tick();
    plant.finds();
    plant.tick();
    plant.candidate_says(Inspector::Ended);
    plant.tick();
    let why = Lack::Refused(Refusal::NotProven);
    let recipe = Recipe(2);
    assert_eq!(plant.chosen.last(), Some(&Chosen::Failed { recipe, why }));
    assert_eq!(plant.outcome(), Outcome::NoResult(Reason::Recipe));
    // Who says that the old product is back has its model at once.
    plant.bench.station.select(Recipe(1), plant.now_us);
    plant.tick();
    plant.finds();
    plant.tick();
    assert_eq!(plant.outcome(), Outcome::Pass);
}

#[test]
fn who_activates_a_model_by_hand_leaves_the_recipes_unless_the_lines_choose() {
    let mut plant = Plant::new(false, 0);
    plant.bench.station.select(Recipe(6), 0);
    plant.settle();
    assert_eq!(plant.bench.station.obstacle(), Some(NotReady::Recipe));
    let rejected = Outcome::NoResult(Reason::Recipe);
    // One that does not go live ends nothing.
    plant.bench.station.activate(Model(8)).unwrap();
    plant.tick();
    assert_eq!(
        plant.outcome(),
        rejected,
        "the model before stays without a word"
    );
    plant.candidate_says(Inspector::Ended);
    plant.tick();
    assert_eq!(plant.outcome(), rejected);
    plant.bench.station.activate(Model(9)).unwrap();
    plant.tick();
    assert_eq!(plant.outcome(), rejected);
    assert_eq!(plant.candidate.map(|(_, model)| model), Some(Model(9)));
    // Whoever records the model records with it that the recipe has ended.
    let station = &plant.bench.station;
    assert_eq!(station.recipe_once(Model(9)), None);
    assert_eq!(station.recipe_once(Model(1)), Some(Recipe(6)));
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(plant.bench.station.recipe(), None);
    // A selection breaks an activation off.
    plant.bench.station.activate(Model(10)).unwrap();
    plant.tick();
    plant.bench.station.select(Recipe(2), plant.now_us);
    assert_eq!(plant.bench.station.recipe_once(Model(10)), Some(Recipe(2)));
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert_eq!(
        plant.inspected.last().map(|(_, model)| *model),
        Some(Model(2))
    );
    let mut plant = Plant::new(true, 1);
    plant.settle();
    assert_eq!(
        plant.bench.station.activate(Model(9)),
        Err(crate::changeover::NotNow::ByRecipe)
    );
}

#[test]
fn a_model_in_reserve_is_not_proven_again_and_the_one_before_takes_its_place() {
    let mut plant = Plant::new(true, 1);
    plant.settle();
    plant.bench.station.keep([2, 1].map(Model));
    plant.settle();
    assert_eq!(plant.reserve.len(), 1);
    plant.wire(0, false);
    plant.wire(1, true);
    plant.now_us += SETTLE_US;
    plant.tick();
    plant.finds();
    plant.tick();
    assert!(plant.has_to_end, "the process in charge makes way at once");
    plant.settle();
    assert_eq!(plant.outcome(), Outcome::Pass);
    let proofs = plant.bench.said.iter().filter_map(|effect| match effect {
        Effect::Settled(Settlement::Activated { proof_us, .. }) => Some(*proof_us),
        _ => None,
    });
    assert_eq!(proofs.collect::<Vec<_>>(), [0]);
    let waits: Vec<Model> = plant.reserve.iter().map(|(_, model)| *model).collect();
    assert_eq!(waits, [Model(1)]);
    assert_eq!(plant.wrongs, Vec::<String>::new());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wire(u8, bool),
    Part,
    Proven,
    CandidateEnds,
    Ready,
    Ends,
    Finds,
    Records(bool),
    Closed,
    Keeps(u64),
    SpareProven(usize),
    SpareEnds(usize),
    Renews,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        4 => (0_u8..3, any::<bool>()).prop_map(|(bit, level)| Step::Wire(bit, level)),
        4 => Just(Step::Part),
        3 => Just(Step::Proven),
        1 => Just(Step::CandidateEnds),
        3 => Just(Step::Ready),
        3 => Just(Step::Ends),
        4 => Just(Step::Finds),
        3 => any::<bool>().prop_map(Step::Records),
        1 => Just(Step::Closed),
        1 => (0_u64..5).prop_map(Step::Keeps),
        2 => (0_usize..2).prop_map(Step::SpareProven),
        1 => (0_usize..2).prop_map(Step::SpareEnds),
        1 => Just(Step::Renews),
    ];
    let wait = prop_oneof![3 => 0_u64..10, 3 => 10_u64..80, 1 => 80_u64..900];
    proptest::collection::vec((wait, step), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever wires, processes and disk do: no part is asked of a model that is not the one of the number that
    /// stands still on the wires; and in the end that one judges, or nobody does.
    #[test]
    fn the_wires_and_the_model_that_judges_agree(number in 0_u8..8, steps in steps()) {
        let mut plant = Plant::new(true, number);
        plant.tick();
        for (wait_us, step) in steps {
            plant.now_us += wait_us;
            plant.tick();
            match step {
                Step::Wire(bit, level) => plant.wire(bit, level),
                Step::Part => plant.part(),
                Step::Proven => plant.candidate_says(Inspector::Proven),
                Step::CandidateEnds => plant.candidate_says(Inspector::Ended),
                Step::Ready if plant.has_to_end => {}
                Step::Ready => {
                    plant.in_charge_says(Inspector::Proven);
                    plant.in_charge_says(Inspector::Ready);
                    plant.is_up = true;
                }
                Step::Ends => plant.ends(),
                Step::Closed => {
                    plant.in_charge_says(Inspector::Closed);
                    plant.has_to_end = plant.in_charge.is_some();
                }
                Step::Finds => plant.finds(),
                Step::Records(is_done) => plant.records(is_done),
                Step::Keeps(first) => plant.bench.station.keep([first, first + 1, 1].map(Model)),
                Step::SpareProven(place) => plant.reserve_says(place, Inspector::Proven),
                Step::SpareEnds(place) => plant.reserve_says(place, Inspector::Ended),
                Step::Renews => plant.bench.station.renew_reserve(),
            }
            plant.tick();
        }
        plant.settle();
        let wanted = model_of(Recipe(u32::from(plant.levels.number)));
        let outcome = plant.outcome();
        prop_assert_eq!(&plant.wrongs, &Vec::<String>::new());
        if wanted.is_ok() {
            prop_assert_eq!(outcome, Outcome::Pass);
            prop_assert_eq!(plant.bench.station.obstacle(), None);
        } else {
            prop_assert_eq!(outcome, Outcome::NoResult(Reason::Recipe));
            prop_assert_eq!(plant.bench.station.obstacle(), Some(NotReady::Recipe));
        }
    }
}

#[test]
fn a_station_that_is_started_again_goes_on_with_its_recipe() {
    let mut live = Plant::again(Some(Recipe(1)), None);
    assert_eq!(live.bench.station.recipe(), Some(Recipe(1)));
    assert_eq!(live.bench.station.unchosen(), None);
    live.settle();
    assert_eq!(live.outcome(), Outcome::Pass);
    assert_eq!(live.sought, None, "nobody has asked for a newer model");
    assert_eq!(live.chosen, []);
    // It may be given up for another one as ever.
    live.bench.station.select(Recipe(2), live.now_us);
    live.settle();
    assert!(
        matches!(live.chosen[..], [Chosen::Live { recipe, .. }] if recipe == Recipe(2)),
        "{:?}",
        live.chosen
    );
}

#[test]
fn a_selection_that_was_not_live_when_the_power_went_rejects_until_it_is() {
    let mut plant = Plant::again(None, Some(Recipe(2)));
    assert!(plant.bench.station.unchosen().is_some());
    plant.settle();
    assert_eq!(plant.bench.station.unchosen(), None);
    assert!(
        matches!(plant.chosen[..], [Chosen::Live { recipe, .. }] if recipe == Recipe(2)),
        "{:?}",
        plant.chosen
    );
    assert_eq!(plant.outcome(), Outcome::Pass);
    assert!(plant.wrongs.is_empty(), "{:?}", plant.wrongs);
    let mut lost = Plant::again(None, Some(Recipe(9)));
    lost.settle();
    assert_eq!(lost.outcome(), Outcome::NoResult(Reason::Recipe));
}
