//! The whole way, on every release, with both kinds of memory and of types.

use crate::doubles::{Installation, RELEASES};

#[test]
fn every_release_gives_the_known_results() {
    for release in RELEASES {
        let installation = Installation::of(release);
        for scenario in [
            "tour mapped f32",
            "tour copied f32",
            "tour mapped f16",
            "tour copied f16",
        ] {
            let outcome = installation.run(scenario, "", "");
            assert!(outcome.is_good(), "{release}, {scenario}: {outcome:#?}");
            // The runs after it was recorded.
            assert_eq!(outcome.number("graphs-cuda"), 3, "{release}, {scenario}");
        }
    }
}

#[test]
fn a_board_with_memory_of_its_own_is_copied_to() {
    let outcome = Installation::of("10.16.1").run("tour chosen f32", "discrete", "");
    assert!(outcome.is_good(), "{outcome:#?}");
}

/// Shows that the tour can fail: an engine that does nothing.
#[test]
fn an_engine_that_does_nothing_is_seen() {
    let outcome = Installation::of("10.3.0").run("tour mapped f32", "silent", "");
    let result = outcome.said("result").expect("a result");
    assert!(result.starts_with("WRONG map"), "{outcome:#?}");
}

#[test]
fn a_logger_that_hears_strange_things_from_many_threads_lives() {
    for release in ["8.5.2", "11.4.0"] {
        // The noise is attached to errors, so that the tour, which knows what should be, stops at
        // one.
        let outcome = Installation::of(release).run("tour mapped f32", "", "noisy");
        let result = outcome.said("result").expect("a result");
        assert!(
            outcome.crash.is_none() && outcome.has_no_leak(),
            "{outcome:#?}"
        );
        assert!(
            result.contains("not \u{fffd} UTF-8") && result.contains("long long"),
            "{result}"
        );
        assert!(
            result.len() < 100_000,
            "lines are not bounded: {} bytes",
            result.len()
        );
    }
}

/// A program's log may panic, on TensorRT's threads too, and nothing unwinds into C++.
#[test]
fn a_log_that_panics_costs_its_lines_alone() {
    for release in ["8.5.2", "11.4.0"] {
        let installation = Installation::of(release);
        let outcome = installation.run("panicking mapped f32", "", "");
        assert!(
            outcome.is_good() && outcome.number("panics") > 5,
            "{outcome:#?}"
        );
        let outcome = installation.run("panicking mapped f32", "", "noisy");
        assert!(
            outcome.crash.is_none() && outcome.has_no_leak(),
            "{outcome:#?}"
        );
        let result = outcome.said("result").expect("a result");
        assert!(result.contains("long long"), "{result}");
        assert!(outcome.number("panics") > 2, "{outcome:#?}");
    }
}
