//! `twinspect engine`, `check --engine`, `bench --engine`.

use serde_json::Value;

use super::{Faults, Libraries, NONE, RELEASE, build, json, off, on, plans, report, said, site};
use crate::product::Site;
use crate::workspace::root;

fn stages(found: &Value) -> Vec<(&str, bool)> {
    let stages = found["stages"].as_array().expect("stages");
    let of = |stage: &'_ Value| -> bool { stage["kept"].as_bool().expect("a flag") };
    stages
        .iter()
        .map(|stage| (stage["stage"].as_str().expect("a name"), of(stage)))
        .collect()
}

#[test]
fn plans_are_built_once_compared_with_tract_and_listed() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let found = build(&gpu, &site);
    assert_eq!(stages(&found), [("rgb", false), ("geometry", false)]);
    assert_eq!(found["board"]["tensorrt"], RELEASE, "{found}");
    let comparison = &found["comparison"];
    assert_eq!(comparison["trusted"], true, "{found}");
    assert_eq!(comparison["goldens"], 2, "{found}");
    let engines = comparison["speeds"].as_array().expect("speeds");
    let engines: Vec<_> = engines.iter().map(|speed| &speed["engine"]).collect();
    assert_eq!(engines, ["tract", "tensorrt"]);

    let again = build(&gpu, &site);
    assert_eq!(stages(&again), [("rgb", true), ("geometry", true)]);
    let anew = on(
        &gpu,
        NONE,
        &site,
        "engine build --config station.toml --again --json",
    );
    assert_eq!(stages(&json(&anew)), [("rgb", false), ("geometry", false)]);

    let list = on(
        &gpu,
        NONE,
        &site,
        "engine list --config station.toml --json",
    );
    let list = json(&list);
    let files = list["files"].as_array().expect("files");
    let what: Vec<_> = files.iter().map(|file| &file["what"]).collect();
    assert_eq!(what, ["geometry", "rgb", "timing cache"], "{list}");
    assert!(files.iter().all(|file| file["current"] == true), "{list}");
    let text = said(&on(&gpu, NONE, &site, "engine list --plans plans"));
    assert!(text.contains("another network"), "{text}");
}

#[test]
fn the_comparison_is_shown_to_people_and_scripts() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let text = said(&on(
        &gpu,
        NONE,
        &site,
        "check --config station.toml --engine",
    ));
    for part in [
        "TensorRT 10.3.0",
        "geometry",
        "score by tract",
        "p99 ms",
        "engine    native, 32 bits, beside tract",
        "engine    tensorrt, 32 bits, beside tract",
        "trusted",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let typed = "check --bundle block.twb --engine --plans plans --json";
    let found = json(&on(&gpu, NONE, &site, typed));
    let stages = found["tensorrt"]["comparison"]["stages"]
        .as_array()
        .expect("stages");
    let tolerance = found["tensorrt"]["comparison"]["tolerance"].as_f64();
    assert_eq!(stages.len(), 2, "{found}");
    assert!(
        stages
            .iter()
            .all(|stage| stage["share"].as_f64() <= tolerance),
        "{found}"
    );
    let cpu = on(
        &gpu,
        NONE,
        &site,
        "check --bundle block.twb --engine --json",
    );
    let cpu = json(&cpu);
    assert_eq!(cpu["native"]["trusted"], true, "{cpu}");
    assert_eq!(cpu["native"]["stages"].as_array().map(Vec::len), Some(2));
    assert_eq!(cpu["tensorrt"], Value::Null, "{cpu}");

    // Without a wish for it, the station's own choice is what is checked.
    let found = json(&on(&gpu, NONE, &site, "check --config station.toml --json"));
    assert_eq!(found["engine"]["name"], "tensorrt", "{found}");
    let why = found["engine"]["why"].as_str().expect("a reason");
    assert!(why.contains("TensorRT 10.3.0"), "{why}");
}

#[test]
fn a_part_on_the_gpu_allocates_nothing() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let typed =
        "bench --bundle block.twb --data parts --parts 20 --engine tensorrt --plans plans --json";
    let found = json(&on(&gpu, NONE, &site, typed));
    let [found] = &found["engines"].as_array().expect("engines")[..] else {
        panic!("{found}");
    };
    assert_eq!(found["engine"], "tensorrt", "{found}");
    assert_eq!(found["allocations_a_part"]["engine"], 0.0, "{found}");
    assert_eq!(found["allocations_a_part"]["ours"], 0.0, "{found}");
    let usage = on(
        &gpu,
        NONE,
        &site,
        "bench --bundle block.twb --data parts --engine tensorrt",
    );
    assert!(report(&usage, 2).contains("--plans"));
    let empty = "bench --bundle block.twb --data parts --engine tensorrt --plans nowhere";
    let told = report(&on(&gpu, NONE, &site, empty), 5);
    assert!(told.contains("twinspect engine build"), "{told}");
}

#[test]
fn prune_deletes_what_nobody_has_a_use_for() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let other = Libraries::of("8.5.2");
    build(&other, &site);
    assert_eq!(plans(&site, "").len(), 6);
    let damaged = &plans(&site, "rgb")[0];
    std::fs::write(damaged, "cut off").expect("a file");

    let dry = on(
        &gpu,
        NONE,
        &site,
        "engine prune --config station.toml --dry-run --json",
    );
    let dry = json(&dry);
    let deleted = dry["deleted"].as_array().expect("files").len();
    // The plans and the timing cache of the other release; the damaged one may have been one of these.
    assert!([3, 4].contains(&deleted), "{dry}");
    assert_eq!(plans(&site, "").len(), 6);
    let done = json(&on(
        &gpu,
        NONE,
        &site,
        "engine prune --config station.toml --json",
    ));
    assert_eq!(done["deleted"], dry["deleted"]);
    assert_eq!(plans(&site, "").len(), 6 - deleted);
    assert!(!damaged.exists());

    // Without a model all of them would go.
    let told = report(&on(&gpu, NONE, &site, "engine prune --plans plans"), 2);
    assert!(told.contains("--bundle"), "{told}");
    assert_eq!(plans(&site, "").len(), 6 - deleted);
    let another = root().join("models/cap.twb");
    let typed = format!("engine prune --plans plans --bundle {}", another.display());
    let foreign = said(&on(&gpu, NONE, &site, &typed));
    assert!(foreign.contains("another network"), "{foreign}");
    // The timing cache is of this board, whatever the network.
    assert_eq!(plans(&site, "").len(), 1);
}

#[test]
fn without_a_gpu_nothing_is_pruned_and_everything_says_why() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    for typed in [
        "engine prune --config station.toml",
        "engine build --config station.toml",
        "check --config station.toml --engine",
    ] {
        let told = report(&off(&site, typed), 5);
        assert!(
            told.contains("libcuda.so.1") && told.contains("hint: "),
            "{typed}: {told}"
        );
    }
    assert_eq!(plans(&site, "").len(), 3);
}

#[test]
fn without_a_gpu_plans_are_listed_by_what_they_say_of_themselves() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let text = said(&off(&site, "engine list --config station.toml"));
    assert!(text.contains("the folder is not there"), "{text}");
    build(&gpu, &site);
    let found = json(&off(&site, "engine list --config station.toml --json"));
    assert_eq!(found["board"], Value::Null, "{found}");
    let why = found["board_unknown"].as_str().expect("a reason");
    assert!(why.contains("libcuda.so.1"), "{why}");
    let files = found["files"].as_array().expect("files");
    let what = files
        .iter()
        .map(|file| file["what"].as_str().expect("words"));
    for (what, kind) in what.zip(["geometry", "rgb", "timing cache"]) {
        let begin = format!("{kind}, built with TensorRT {RELEASE} on ");
        assert!(what.starts_with(&begin), "{what}");
    }
    assert!(files.iter().all(|file| file["current"] == Value::Null));
    let text = said(&off(&site, "engine list --config station.toml"));
    assert!(text.contains("is not known: "), "{text}");
}

#[test]
fn what_is_no_plan_is_listed_as_what_it_is_and_never_deleted() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    std::fs::create_dir(site.path("plans/d.plan")).expect("a folder");
    let socket = std::os::unix::net::UnixListener::bind(site.path("plans/p.plan"));
    socket.expect("a socket");
    let sparse = std::fs::File::create(site.path("plans/s.plan")).expect("a file");
    sparse.set_len(30 << 30).expect("a file with a hole");
    for list in [
        json(&on(&gpu, NONE, &site, "engine list --plans plans --json")),
        json(&off(&site, "engine list --plans plans --json")),
    ] {
        let files = list["files"].as_array().expect("files");
        let strange: Vec<_> = files
            .iter()
            .filter(|file| file["current"] == false)
            .map(|file| (&file["file"], &file["what"]))
            .filter(|(file, _)| file.as_str().is_some_and(|file| file.len() == 6))
            .collect();
        let expected = [
            ("d.plan", "no plan: a folder"),
            ("p.plan", "no plan: a pipe, socket or device"),
            ("s.plan", "no plan: larger than 2 GiB"),
        ];
        assert_eq!(strange.len(), 3, "{list}");
        for ((file, what), expected) in strange.into_iter().zip(expected) {
            assert_eq!(
                (file.as_str(), what.as_str()),
                (Some(expected.0), Some(expected.1))
            );
        }
    }
    let typed = "engine prune --plans plans --config station.toml --json";
    let done = json(&on(&gpu, NONE, &site, typed));
    assert_eq!(done["left"].as_array().map(Vec::len), Some(3), "{done}");
    for name in ["d.plan", "p.plan", "s.plan"] {
        assert!(site.path(format!("plans/{name}")).exists(), "{name}");
    }
}

#[test]
fn a_folder_of_plans_that_others_may_write_is_told_by_list_and_refused_by_prune() {
    use std::os::unix::fs::PermissionsExt as _;

    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    std::fs::write(site.path("plans/rgb-0.plan"), "cut off").expect("a file");
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.path("plans"), everybody).expect("its mode");
    let text = said(&on(&gpu, NONE, &site, "engine list --plans plans"));
    assert!(text.contains("chmod go-w"), "{text}");
    let list = json(&on(&gpu, NONE, &site, "engine list --plans plans --json"));
    assert_eq!(list["exposed"], true, "{list}");
    let told = report(&on(&gpu, NONE, &site, "engine prune --plans plans"), 8);
    assert!(told.contains("chmod go-w"), "{told}");
    assert_eq!(plans(&site, "").len(), 4);
}

#[test]
fn a_folder_that_can_t_be_written_or_can_be_by_all_is_refused_before_anything_is_built() {
    use std::os::unix::fs::PermissionsExt as _;

    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let typed = "engine build --bundle block.twb --plans block.twb/plans";
    report(&on(&gpu, NONE, &site, typed), 8);
    std::fs::create_dir(site.path("plans")).expect("a folder");
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.path("plans"), everybody).expect("its mode");
    let typed = "engine build --config station.toml";
    for output in [on(&gpu, NONE, &site, typed), off(&site, typed)] {
        let told = report(&output, 8);
        assert!(told.contains("chmod go-w"), "{told}");
    }
    assert_eq!(plans(&site, ""), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_build_that_tensorrt_gives_up_says_what_it_said() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let faults = Faults {
        nvinfer: "fail=6",
        ..NONE
    };
    let told = report(
        &on(&gpu, faults, &site, "engine build --config station.toml"),
        5,
    );
    assert!(told.contains("hint: "), "{told}");
}

/// TensorRT is not even asked: no network is no engine's fault.
#[test]
fn a_bundle_whose_network_is_none_is_told_before_anything_is_built() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    site.write("block/geometry.onnx", "this is no network");
    crate::bad_input::bundles::seal(&site);
    let typed = "engine build --bundle block --plans plans";
    for output in [on(&gpu, NONE, &site, typed), off(&site, typed)] {
        let told = report(&output, 4);
        assert!(told.contains("loading the geometry network"), "{told}");
        assert!(!site.path("plans").exists());
    }
}

/// Its plans would never be trusted, whatever they say.
#[test]
fn a_bundle_that_proves_nothing_is_told_before_anything_is_built() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    site.remove("block/goldens");
    crate::bad_input::bundles::seal(&site);
    let typed = "engine build --bundle block --plans plans";
    for output in [on(&gpu, NONE, &site, typed), off(&site, typed)] {
        let told = report(&output, 4);
        assert!(told.contains("the bundle has no goldens"), "{told}");
        assert!(!site.path("plans").exists());
    }
}

#[test]
fn the_memory_that_is_typed_reaches_tensorrt() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    for (typed, bytes) in [
        ("", 1_usize << 30),
        (" --again --workspace-mb 48", 48 << 20),
    ] {
        let typed = format!("engine build --config station.toml --json{typed}");
        json(&on(&gpu, NONE, &site, &typed));
        for file in [plans(&site, "rgb"), plans(&site, "geometry")].concat() {
            // The double writes down what it was asked for.
            let plan = std::fs::read(&file).expect("a plan");
            let text = String::from_utf8_lossy(&plan);
            let noted = format!("\nworkspace {bytes}\n");
            assert!(text.contains(&noted), "{}: {noted}", file.display());
        }
    }
}

#[test]
fn a_build_again_that_fails_leaves_a_plan_that_loads() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    let before = contents(&site);
    let again = "engine build --config station.toml --again";
    let faults = Faults {
        nvinfer: "fail=6",
        ..NONE
    };
    report(&on(&gpu, faults, &site, again), 5);
    assert_eq!(contents(&site), before);
    let checked = json(&on(&gpu, NONE, &site, "check --config station.toml --json"));
    assert_eq!(checked["engine"]["name"], "tensorrt", "{checked}");
}

/// All that lies in the folder of plans.
fn contents(site: &Site) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = plans(site, "").into_iter();
    files
        .map(|file| {
            let bytes = std::fs::read(&file).expect("a plan");
            (file, bytes)
        })
        .collect()
}
