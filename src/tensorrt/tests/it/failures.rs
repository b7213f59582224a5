//! Every single call of both libraries, failing once.

use std::cell::Cell;

use crate::doubles::{Installation, Outcome};

/// Plays the tour once for each call of a library, which fails in that one.
fn each(
    release: &str,
    scenario: &str,
    key: &str,
    wish: impl Fn(u64) -> (String, String),
    check: impl Fn(u64, &Outcome),
) {
    let installation = Installation::of(release);
    let calls = installation.run(scenario, "", "").number(key);
    assert!(calls > 50, "only {calls} calls");
    for call in 1..=calls {
        let (cuda, nvinfer) = wish(call);
        let outcome = installation.run(scenario, &cuda, &nvinfer);
        assert!(
            outcome.crash.is_none(),
            "{release}, call {call}: {outcome:#?}"
        );
        assert!(
            outcome.has_no_leak(),
            "{release}, call {call}: {outcome:#?}"
        );
        let result = outcome.said("result").expect("a result");
        assert!(
            !result.starts_with("WRONG"),
            "{release}, call {call}: {result}"
        );
        check(call, &outcome);
    }
}

#[test]
fn a_call_of_tensorrt_that_fails_is_an_error_or_makes_no_difference() {
    for (release, scenario) in [
        ("8.5.2", "tour mapped f16"),
        ("10.16.1", "tour copied f32"),
        ("11.4.0", "tour mapped f16"),
    ] {
        let wish = |call| (String::new(), format!("fail={call}"));
        each(release, scenario, "calls-nvinfer", wish, |_, _| ());
    }
}

#[test]
fn a_call_of_cuda_that_fails_once_is_an_error_or_makes_no_difference() {
    for (release, scenario) in [("8.6.1", "tour mapped f32"), ("10.3.0", "tour copied f32")] {
        let wish = |call| (format!("fail={call}:2"), String::new());
        each(release, scenario, "calls-cuda", wish, |call, outcome| {
            let result = outcome.said("result").expect("a result");
            let by_cuda = result.contains("CUDA_ERROR_OUT_OF_MEMORY (2)");
            let by_tensorrt = result.contains("CUDA error 2 launching the network");
            let is_told = (by_cuda || by_tensorrt) && outcome.said("sticky") == Some("false");
            assert!(result == "ok" || is_told, "call {call}: {result}");
        });
    }
}

#[test]
fn a_sticky_error_is_told_as_one_wherever_it_begins() {
    let wish = |call| (format!("fail={call}:700"), String::new());
    let behind = Cell::new(0);
    each(
        "10.16.1",
        "tour copied f32",
        "calls-cuda",
        wish,
        |call, outcome| {
            let result = outcome.said("result").expect("a result");
            let is_told = result.contains("CUDA_ERROR_ILLEGAL_ADDRESS (700)")
                && outcome.said("sticky") == Some("true");
            // The last calls give things back, with nobody to tell.
            assert!(is_told || result == "ok", "call {call}: {result}");
            // Where TensorRT meets it first, its words are not lost.
            if result.contains("after enqueueV3 of TensorRT failed") {
                let words = "| it logged: CUDA error 700 launching the network";
                assert!(result.ends_with(words), "call {call}: {result}");
                behind.set(behind.get() + 1);
            } else {
                assert!(
                    !outcome.text.contains("launching the network"),
                    "call {call}"
                );
            }
        },
    );
    // The tour's four runs without a graph, and the two that record one.
    assert_eq!(behind.get(), 6);
}
