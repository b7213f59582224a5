//! The engine on doubles of TensorRT and CUDA, whose networks tract computes.
//!
//! Each scenario is a process of its own: see `twinspect-tensorrt`'s tests.

mod builds;
mod graphs;
mod nvidia;

use std::alloc::System;
use std::path::Path;
use std::process::Command;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use twinspect_bundle::Bundle;
use twinspect_double_nvinfer::Counter;

use super::*;
use crate::conformance::fixture::{Senses, Twist, bundle, part};
use crate::conformance::suite;
use crate::{TractEngine, compare, prove};

const LIMITS: twinspect_tensorrt::BuildLimits = twinspect_tensorrt::BuildLimits {
    workspace_bytes: 64 << 20,
};

/// Plays the scenario that the environment names; nothing without one.
#[test]
fn play() {
    let Ok(scenario) = std::env::var("TWINSPECT_SCENARIO") else {
        return;
    };
    let folder = std::env::var("TWINSPECT_FOLDER").unwrap();
    let plans = PlanStore::new(folder);
    match scenario.as_str() {
        "conform" => conform(&plans, Precision::F32),
        "conform at 16 bits" => conform(&plans, Precision::F16),
        "product" => product(&plans),
        "product at 16 bits" => product_at_16_bits(&plans),
        "both" => both_precisions(&plans),
        "plans" => builds::plans_are_kept(&plans),
        "again" => builds::again(&plans),
        "cache" => builds::cache_is_used(&plans),
        "still" => still(&plans),
        "build" => println!(
            "@steps {:?}",
            build(&Board::open().unwrap(), &plans, &both())
        ),
        "infer" => infer(&plans),
        "infer and warn" => graphs::infer_and_warn(&plans),
        "streams" => graphs::streams(&plans),
        "typed" => nvidia::typed(),
        "nowhere" => builds::nowhere(&plans),
        _ => panic!("no scenario {scenario}"),
    }
}

/// Runs a scenario on a release, with plans in a folder.
fn run(scenario: &str, release: &str, cuda: &str, plans: &Path) -> String {
    run_with(scenario, release, cuda, "", plans)
}

/// The same with something that goes wrong in TensorRT.
fn run_with(scenario: &str, release: &str, cuda: &str, nvinfer: &str, plans: &Path) -> String {
    let libraries = tempfile::tempdir().unwrap();
    twinspect_double_nvinfer::install_with_onnx(libraries.path(), release).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tensorrt::tests::play", "--nocapture"]);
    child
        .env("TWINSPECT_SCENARIO", scenario)
        .env("TWINSPECT_FOLDER", plans);
    child.env("LD_LIBRARY_PATH", libraries.path());
    child.env("TWINSPECT_DOUBLE_CUDA", cuda);
    child.env(
        "TWINSPECT_DOUBLE_NVINFER",
        format!("release={release},{nvinfer}"),
    );
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(
        output.status.success(),
        "{scenario} on {release}, {cuda}: {text}"
    );
    text
}

fn run_fresh(scenario: &str, release: &str, cuda: &str) -> String {
    let plans = tempfile::tempdir().unwrap();
    run(scenario, release, cuda, plans.path())
}

/// What a scenario says.
fn said<'a>(text: &'a str, key: &str) -> &'a str {
    let key = format!("@{key} ");
    let line = text.lines().find_map(|line| Some(line.split_once(&key)?.1));
    line.unwrap_or_else(|| panic!("no {key} in {text}"))
}

fn both() -> Bundle {
    bundle(Senses::Both, Twist::None)
}

fn build_at(
    board: &Board,
    plans: &PlanStore,
    bundle: &Bundle,
    precision: Precision,
) -> Vec<BuildStep> {
    build_of(board, plans, bundle, precision, BuildScope::Lacking)
}

fn build_of(
    board: &Board,
    plans: &PlanStore,
    bundle: &Bundle,
    precision: Precision,
    scope: BuildScope,
) -> Vec<BuildStep> {
    let mut steps = Vec::new();
    let mut progress = |step| steps.push(step);
    plans
        .build(board, bundle, precision, scope, &LIMITS, &mut progress)
        .unwrap();
    steps
}

fn build(board: &Board, plans: &PlanStore, bundle: &Bundle) -> Vec<BuildStep> {
    build_at(board, plans, bundle, Precision::F32)
}

fn built(plans: &PlanStore, bundle: &Bundle, precision: Precision) -> TensorRtEngine {
    let board = Board::open().unwrap();
    build_at(&board, plans, bundle, precision);
    TensorRtEngine::load(&board, plans, bundle, precision).unwrap()
}

fn conform(plans: &PlanStore, precision: Precision) {
    suite(&|bundle| Box::new(built(plans, bundle, precision)));
}

#[test]
fn tensorrt_conforms() {
    for release in ["8.5.2", "8.6.1", "10.3.0", "10.13.3", "10.16.1", "11.4.0"] {
        run_fresh("conform", release, "");
    }
    run_fresh("conform", "10.16.1", "discrete");
}

#[test]
fn tensorrt_conforms_at_16_bits() {
    for release in ["8.5.2", "10.3.0", "11.4.0"] {
        run_fresh("conform at 16 bits", release, "");
    }
}

#[test]
fn a_product_proves_itself_on_every_generation() {
    for release in ["8.5.2", "10.3.0", "11.4.0"] {
        run_fresh("product", release, "");
    }
}

fn cap() -> Bundle {
    Bundle::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/cap.twb")).unwrap()
}

fn product(plans: &PlanStore) {
    let bundle = cap();
    let proof = prove(&mut built(plans, &bundle, Precision::F32), &bundle).unwrap();
    assert!(proof.goldens > 0 && proof.worst.share <= proof.tolerance);
}

/// The double of 8 notes what it is asked for and computes with 32 bits; those of 10 and 11 obey the network's types.
#[test]
fn a_product_is_computed_with_16_bits() {
    let noted = run_fresh("product at 16 bits", "8.5.2", "");
    assert!(said(&noted, "flags").ends_with("0b10000000001"), "{noted}");
    let kept: Vec<&str> = said(&noted, "kept").split(' ').collect();
    assert!(kept.contains(&"head.scale0.difference"), "{kept:?}");
    assert!(!kept.contains(&"student.features0"), "{kept:?}");
    let text = run_fresh("product at 16 bits", "10.3.0", "");
    // Beyond what 32 bits differ by; tract sums in 16 bits too.
    let share: f32 = said(&text, "share").parse().unwrap();
    assert!((5e-4..5e-2).contains(&share), "{share}");
    let score: f32 = said(&text, "score").parse().unwrap();
    assert!(score < 0.02, "{score}");
}

fn product_at_16_bits(plans: &PlanStore) {
    let bundle = cap();
    let mut engine = built(plans, &bundle, Precision::F16);
    assert_eq!(engine.precision(), Precision::F16);
    let found = compare(
        &mut engine,
        &mut TractEngine::load(&bundle).unwrap(),
        &bundle,
    )
    .unwrap();
    assert_eq!(found.tolerance, bundle.manifest().tolerance.f16);
    let shares = found.stages.iter().map(|stage| stage.share);
    println!("@share {}", shares.fold(0.0, f32::max));
    let scores = found.scores.iter();
    let scores = scores.map(|score| (score.expected - score.found.unwrap()).abs());
    println!("@score {}", scores.fold(0.0, f32::max));
    let board = Board::open().unwrap();
    let rgb = StageName::Of(Modality::Rgb);
    let plan = plans.plan(&board, &bundle, rgb, Precision::F16).unwrap();
    let text = String::from_utf8_lossy(plan.as_bytes()).into_owned();
    for (key, what) in [("flags", "builder flags "), ("kept", "layers at 32 bits: ")] {
        let line = text.lines().find_map(|line| line.strip_prefix(what));
        println!("@{key} {}", line.unwrap_or_default());
    }
    // Those of 32 bits are others.
    let missing = plans.plan(&board, &bundle, rgb, Precision::F32);
    assert!(matches!(missing, Err(PlanError::Missing { .. })));
}

#[test]
fn plans_of_both_precisions_lie_side_by_side() {
    run_fresh("both", "10.3.0", "");
}

fn both_precisions(plans: &PlanStore) {
    let board = Board::open().unwrap();
    let bundle = bundle(Senses::Fused, Twist::None);
    let stages = Modality::ALL.map(StageName::Of);
    let [rgb, geometry] = stages;
    let built = |stage| [BuildStep::Building(stage), BuildStep::Built(stage)];
    let first = [rgb, geometry, StageName::Fusion].map(built).concat();
    assert_eq!(build_at(&board, plans, &bundle, Precision::F16), first);
    let second = [
        stages.map(built).concat(),
        vec![BuildStep::Kept(StageName::Fusion)],
    ]
    .concat();
    assert_eq!(build(&board, plans, &bundle), second);

    let bundles = [bundle];
    let entries = plans.entries().unwrap();
    let what = |entry: &PlanEntry| entry.use_on(&board, &bundles).to_string();
    let mut what: Vec<String> = entries.iter().map(what).collect();
    what.sort();
    let expected = [
        "fusion",
        "geometry",
        "geometry, 16 bits",
        "rgb",
        "rgb, 16 bits",
        "timing cache",
    ];
    assert_eq!(what, expected);
    let all = [rgb, geometry, StageName::Fusion].map(built).concat();
    let again = build_of(&board, plans, &bundles[0], Precision::F32, BuildScope::All);
    assert_eq!(again, all);
    assert_eq!(plans.entries().unwrap().len(), expected.len());
}

/// Counts for the whole process; the doubles are libraries with allocators of their own.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn after_the_first_part_nothing_is_allocated() {
    run_fresh("still", "10.3.0", "");
    run_fresh("still", "8.5.2", "discrete");
}

fn still(plans: &PlanStore) {
    let bundle = bundle(Senses::Fused, Twist::None);
    let mut engine = built(plans, &bundle, Precision::F32);
    let parts = [1, 2, 3].map(|seed| part(bundle.manifest(), seed));
    let inputs = crate::conformance::fixture::fusion::inputs(20);
    let (mut maps, mut fused) = (engine.new_maps(), FusionMaps::new(16));
    engine.infer(&parts[0], &mut maps).unwrap();
    let region = Region::new(ALLOCATOR);
    for part in &parts {
        engine.infer(part, &mut maps).unwrap();
        engine.fuse(&inputs, &mut fused).unwrap();
    }
    let change = region.change();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "{change:?}"
    );
}

/// Every call of CUDA begins a sticky error once. Whatever part is lost, the engine says that it is
/// at its end, and never gives maps that are none.
#[test]
fn a_sticky_error_ends_the_engine_wherever_it_begins() {
    let plans = tempfile::tempdir().unwrap();
    let good = run("infer", "10.16.1", "", plans.path());
    assert_eq!(said(&good, "result"), "ok");
    let calls: u64 = said(&good, "calls").parse().unwrap();
    let mut in_parts = 0;
    for call in 1..=calls {
        let text = run(
            "infer",
            "10.16.1",
            &format!("fail={call}:700"),
            plans.path(),
        );
        assert_eq!(said(&text, "left"), "0", "call {call}");
        match said(&text, "result") {
            "not loaded" => {}
            "ended" => in_parts += 1,
            // The last calls give things back, with nobody to tell.
            result => assert_eq!((result, in_parts > 0), ("ok", true), "call {call}"),
        }
    }
    assert!(in_parts > 5, "only {in_parts} in parts");
}

/// Every call of CUDA fails once, and CUDA goes on: a part is lost at most, and the next one is as good as ever.
#[test]
fn an_error_that_passes_costs_one_part_wherever_it_comes() {
    let plans = tempfile::tempdir().unwrap();
    let good = run("infer", "10.16.1", "", plans.path());
    assert_eq!(said(&good, "result"), "ok");
    let calls: u64 = said(&good, "calls").parse().unwrap();
    let mut in_parts = 0;
    for call in 1..=calls {
        let fault = format!("fail={call}:2");
        let text = run("infer", "10.16.1", &fault, plans.path());
        assert_eq!(said(&text, "left"), "0", "call {call}: {text}");
        match said(&text, "result") {
            "lost one" => in_parts += 1,
            // A graph that can't be had is done without.
            result => assert!(
                ["not loaded", "ok"].contains(&result),
                "call {call}: {text}"
            ),
        }
    }
    assert!(in_parts > 5, "only {in_parts} in parts");
}

fn infer(plans: &PlanStore) {
    let result = infer_parts(plans);
    println!("@calls {}", Counter::CudaCalls.read());
    println!("@graphs {}", Counter::CudaGraphs.read());
    println!(
        "@left {}",
        Counter::CudaAlive.read() + Counter::NvinferAlive.read()
    );
    println!("@result {result}");
}

fn infer_parts(plans: &PlanStore) -> &'static str {
    let Ok(board) = Board::open() else {
        return "not loaded";
    };
    let bundle = both();
    let scope = BuildScope::Lacking;
    let mut is_kept = true;
    let mut progress = |step| is_kept &= matches!(step, BuildStep::Kept(_));
    let built = plans.build(
        &board,
        &bundle,
        Precision::F32,
        scope,
        &LIMITS,
        &mut progress,
    );
    if built.is_err() {
        return "not loaded";
    }
    println!("@steps {}", if is_kept { "kept" } else { "built" });
    let Ok(mut engine) = TensorRtEngine::load(&board, plans, &bundle, Precision::F32) else {
        return "not loaded";
    };
    let mut maps = engine.new_maps();
    let mut lost = 0;
    for seed in 0..3 {
        let part = part(bundle.manifest(), seed);
        if let Err(error) = engine.infer(&part, &mut maps) {
            let again = engine.infer(&part, &mut maps);
            if error.is_final() {
                assert!(again.is_err_and(|error| error.is_final()));
                return "ended";
            }
            again.unwrap();
            lost += 1;
        }
        let expected = crate::conformance::fixture::reference(&part, Modality::Rgb);
        let found = &maps.rgb.as_ref().unwrap().data;
        assert!(
            found
                .iter()
                .zip(&expected.data)
                .all(|(a, b)| (a - b).abs() < 1e-3),
            "seed {seed}"
        );
    }
    match lost {
        0 => "ok",
        1 => "lost one",
        _ => "lost more",
    }
}
