//! The simulated station: what ships keeps its laws, and what is broken is caught.
//!
//! `TWINSPECT_SIM_SEED` sets the seed. `.ci/run` plays two million parts with `twinspect-sim`; the long
//! form is ten million.

use twinspect_tests::simulator::mutants::Mutation;
use twinspect_tests::simulator::{Campaign, Shipped, Story, shrink, story_seed};

/// Parts in which every broken variant must be caught.
const PARTS_MAX: u64 = 3_000_000;

fn seed() -> u64 {
    let seed = std::env::var("TWINSPECT_SIM_SEED").ok();
    seed.map_or(20_261_124, |seed| seed.parse().expect("a number"))
}

#[test]
fn what_ships_keeps_the_laws() {
    let seed = seed();
    let parts = 200_000;
    let report = Campaign { seed, parts }.run(&Shipped, 1);
    assert_eq!(report.violations, [], "seed {seed}");
    assert_eq!(report.parts, parts);
    assert!(
        report.let_through > parts / 2,
        "most parts are good: {report:?}"
    );
    assert!(
        report.faults.len() > 30,
        "all kinds of faults were met: {:?}",
        report.faults
    );
}

#[test]
fn every_broken_variant_is_caught() {
    let seed = seed();
    let mut escaped = Vec::new();
    println!("{:<22} {:>8}  caught by", "variant", "parts");
    for mutation in Mutation::ALL {
        let campaign = Campaign {
            seed,
            parts: PARTS_MAX,
        };
        let report = campaign.run(&mutation, 1);
        match report.first {
            Some((story, violation)) => {
                let parts = report.parts - story.parts() as u64 + violation.part as u64;
                let (name, law) = (format!("{mutation:?}"), violation.law);
                println!("{name:<22} {parts:>8}  {law}: {}", violation.detail);
            }
            None => escaped.push(mutation),
        }
    }
    assert!(
        escaped.is_empty(),
        "not caught with seed {seed}: {escaped:?}"
    );
}

#[test]
fn a_story_is_the_same_each_time() {
    let counts = || {
        Campaign {
            seed: 3,
            parts: 20_000,
        }
        .run(&Shipped, 1)
    };
    let (one, other) = (counts(), counts());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn a_broken_law_shrinks_to_a_trace_that_a_person_can_read() {
    let mutation = Mutation::RepeatsBelieved;
    let report = Campaign {
        seed: seed(),
        parts: PARTS_MAX,
    }
    .run(&mutation, 1);
    let (story, violation) = report.first.expect("it is caught");
    let replayed = Story::draw(story.seed, story.parts());
    let found = shrink(&replayed, &mutation).expect("its seed replays it");
    assert_eq!(found.violation.law, violation.law);
    assert!(found.story.parts() <= 4, "{}", found.story.describe());
    assert_eq!(found.story.faults(), 1, "{}", found.story.describe());
    let trace = found.trace.join("\n");
    for expected in [
        "FAULT repeated_frame",
        "comes to the sensor",
        "-> ticket",
        "is let through",
    ] {
        assert!(trace.contains(expected), "{expected:?} in\n{trace}");
    }
    assert!(found.trace.len() < 120, "{trace}");
}

#[test]
fn seeds_of_stories_differ() {
    assert_ne!(story_seed(1, 0), story_seed(1, 1));
    assert_ne!(story_seed(1, 0), story_seed(2, 0));
}
