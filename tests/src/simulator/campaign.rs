//! Many stories, one after the other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::chance::Chance;
use super::checker::Violation;
use super::trace::Trace;
use super::{FaultKind, Maker, Story, play};

/// Parts of a story.
const STORY_PARTS: usize = 1_000;

/// How many parts from which seed.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// From which the stories' seeds are drawn.
    pub seed: u64,
    /// Parts in all.
    pub parts: u64,
}

/// What became of them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Parts on the belt.
    pub parts: u64,
    /// Stories.
    pub stories: u64,
    /// Tickets that left as PASS.
    pub passed: u64,
    /// Tickets that left as FAIL.
    pub failed: u64,
    /// Tickets that left as NO-RESULT, by reason.
    pub no_result: BTreeMap<&'static str, u64>,
    /// Parts that the machine let through.
    pub let_through: u64,
    /// Faults that have met a station, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Seeds of stories that broke a law, and how.
    pub violations: Vec<(u64, String)>,
    /// The first of them.
    #[serde(skip)]
    pub first: Option<(Story, Violation)>,
}

/// Seed of a campaign's story.
pub fn story_seed(seed: u64, index: u64) -> u64 {
    Chance::new(seed, 0).at(index)
}

impl Campaign {
    /// Plays all stories, or until so many have broken a law.
    pub fn run(&self, maker: &impl Maker, violations_max: usize) -> Report {
        let mut report = Report::default();
        while report.parts < self.parts && report.violations.len() < violations_max {
            let left = self.parts - report.parts;
            let parts = STORY_PARTS.min(usize::try_from(left).unwrap_or(STORY_PARTS));
            report.add(
                Story::draw(story_seed(self.seed, report.stories), parts),
                maker,
            );
        }
        report
    }
}

impl Report {
    /// Plays a story and counts what came of it.
    pub fn add(&mut self, story: Story, maker: &impl Maker) {
        let (episode, _) = play(&story, maker, Trace::default());
        self.parts += episode.parts;
        self.stories += 1;
        self.passed += episode.outcomes.passed;
        self.failed += episode.outcomes.failed;
        self.let_through += episode.outcomes.let_through;
        for (reason, count) in episode.outcomes.no_result {
            *self.no_result.entry(reason).or_default() += count;
        }
        for kind in episode.faults {
            self.count(kind);
        }
        if let Some(violation) = episode.violation {
            let text = format!("{}: {}", violation.law, violation.detail);
            self.violations.push((story.seed, text));
            self.first.get_or_insert((story, violation));
        }
    }

    fn count(&mut self, kind: FaultKind) {
        *self.faults.entry(kind.name()).or_default() += 1;
    }
}
