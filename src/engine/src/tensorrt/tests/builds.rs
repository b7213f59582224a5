//! Plans as files: built, kept, damaged, built again.

use super::*;

#[test]
fn plans_are_built_once_and_damaged_ones_again() {
    run_fresh("plans", "10.3.0", "");
}

pub(super) fn plans_are_kept(plans: &PlanStore) {
    let board = Board::open().unwrap();
    let bundle = both();
    let [rgb, geometry] = [Modality::Rgb, Modality::Geometry].map(StageName::Of);
    let missing = TensorRtEngine::load(&board, plans, &bundle, Precision::F32)
        .err()
        .unwrap();
    assert!(
        matches!(
            &missing,
            EngineError::Plan {
                source: PlanError::Missing { .. },
                ..
            }
        ),
        "{missing:?}"
    );
    assert_eq!(
        missing.hint().as_deref(),
        Some("build the plans on this board")
    );
    let all = [
        BuildStep::Building(rgb),
        BuildStep::Built(rgb),
        BuildStep::Building(geometry),
        BuildStep::Built(geometry),
    ];
    assert_eq!(build(&board, plans, &bundle), all);
    let kept = [BuildStep::Kept(rgb), BuildStep::Kept(geometry)];
    assert_eq!(build(&board, plans, &bundle), kept);

    let files = files(plans);
    let [file, other, _timing] = &files[..] else {
        panic!("two plans and a timing cache: {files:?}")
    };
    assert!(
        file.contains("/geometry-") && other.contains("/rgb-"),
        "{files:?}"
    );
    let good = std::fs::read(file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        ("empty", vec![]),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("longer", [&good[..], b"x"].concat()),
        ("another head", flipped(3)),
        (
            "another digest",
            flipped(good.windows(2).position(|w| w == b"\n\n").unwrap() - 1),
        ),
        ("another byte", flipped(good.len() - 9)),
        ("another network's", std::fs::read(other).unwrap()),
    ];
    for (what, bytes) in damages {
        std::fs::write(file, bytes).unwrap();
        let error = plans
            .plan(&board, &bundle, geometry, Precision::F32)
            .unwrap_err();
        assert!(
            matches!(error, PlanError::Damaged { .. }),
            "{what}: {error:?}"
        );
        let again = [
            BuildStep::Kept(rgb),
            BuildStep::Building(geometry),
            BuildStep::Built(geometry),
        ];
        assert_eq!(build(&board, plans, &bundle), again, "{what}");
        assert_eq!(std::fs::read(file).unwrap(), good, "{what}");
    }
}

#[test]
fn a_build_again_that_fails_leaves_the_old_plans() {
    let plans = tempfile::tempdir().unwrap();
    let good = run("again", "10.3.0", "", plans.path());
    assert_eq!(said(&good, "result"), "ok");
    let calls: u64 = said(&good, "calls").parse().unwrap();
    let mut failed = 0;
    for call in 1..=calls {
        let text = run_with("again", "10.3.0", "", &format!("fail={call}"), plans.path());
        if said(&text, "result") != "ok" {
            failed += 1;
        }
        // Whatever was left loads and is right, in a process in which nothing fails.
        let after = run("infer", "10.3.0", "", plans.path());
        assert_eq!(said(&after, "result"), "ok", "call {call}");
        assert_eq!(said(&after, "steps"), "kept", "call {call}");
    }
    assert!(failed > 10, "only {failed} of {calls} builds failed");
}

pub(super) fn again(plans: &PlanStore) {
    let result = Board::open().is_ok_and(|board| {
        let scope = BuildScope::All;
        let built = plans.build(&board, &both(), Precision::F32, scope, &LIMITS, &mut |_| ());
        built.is_ok()
    });
    println!("@calls {}", Counter::NvinferCalls.read());
    println!("@result {}", if result { "ok" } else { "failed" });
}

#[test]
fn what_a_build_has_learned_of_the_board_makes_the_next_one_quicker() {
    run_fresh("cache", "10.3.0", "");
}

/// The double's cache has a line for each network that was built with it.
pub(super) fn cache_is_used(plans: &PlanStore) {
    let board = Board::open().unwrap();
    let bundle = both();
    let purpose = plans::cache_purpose(&board);
    let cache = || {
        let file = files(plans).pop().unwrap();
        assert!(file.contains("timing"), "{file}");
        let bytes = sealed::read(Path::new(&file), &purpose).unwrap();
        (file, String::from_utf8(bytes).unwrap())
    };
    let networks = || cache().1.matches("a network").count();
    build(&board, plans, &bundle);
    assert_eq!(networks(), 2);
    std::fs::remove_file(&files(plans)[0]).unwrap();
    build(&board, plans, &bundle);
    assert_eq!(networks(), 3);
    build_of(&board, plans, &bundle, Precision::F32, BuildScope::All);
    assert_eq!(networks(), 2);

    // One that TensorRT refuses, and one that is damaged: both are begun anew.
    let file = cache().0;
    sealed::write(Path::new(&file), &purpose, b"double cache of 8.6.1\n").unwrap();
    std::fs::remove_file(&files(plans)[0]).unwrap();
    build(&board, plans, &bundle);
    assert_eq!(cache().1, "double cache of 10.3.0\na network\n");
    std::fs::write(&file, "cut off").unwrap();
    std::fs::remove_file(&files(plans)[0]).unwrap();
    build(&board, plans, &bundle);
    assert_eq!(networks(), 1);
}

fn files(plans: &PlanStore) -> Vec<String> {
    let folder = std::env::var("TWINSPECT_FOLDER").unwrap();
    assert_eq!(
        format!("{plans:?}"),
        format!("{:?}", PlanStore::new(&folder))
    );
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    files.sort_by_key(|file| file.contains("timing"));
    let plans = files.iter().filter(|file| !file.contains("timing")).count();
    files[..plans].sort();
    files
}

#[test]
fn another_release_builds_beside_and_the_first_finds_its_own_again() {
    let plans = tempfile::tempdir().unwrap();
    let steps = |release| {
        let text = run("build", release, "", plans.path());
        said(&text, "steps").to_owned()
    };
    let is_kept = |steps: String| !steps.contains("Building");
    assert!(!is_kept(steps("10.3.0")));
    assert!(!is_kept(steps("10.16.1")));
    assert!(is_kept(steps("10.3.0")));
    assert!(is_kept(steps("10.16.1")));
}

#[test]
fn a_folder_that_can_t_be_written_is_told_before_anything_is_built() {
    let plans = tempfile::tempdir().unwrap();
    run("nowhere", "10.3.0", "", &plans.path().join("missing"));
}

pub(super) fn nowhere(plans: &PlanStore) {
    let mut steps = 0;
    let board = Board::open().unwrap();
    let scope = BuildScope::Lacking;
    let mut progress = |_| steps += 1;
    let built = plans.build(
        &board,
        &both(),
        Precision::F32,
        scope,
        &LIMITS,
        &mut progress,
    );
    let error = built.unwrap_err();
    assert!(matches!(error, PlanError::Write(_)), "{error:?}");
    assert_eq!(steps, 0);
}
