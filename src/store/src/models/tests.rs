//! The store on a real file system; [`faults`] is the same on one that fails.

mod faults;
mod foreign;
pub(crate) mod sample;
mod simulated;

use std::fs;
use std::os::unix::fs::symlink;

use sample::{bundle, proof};

use super::*;
use twinspect_bundle::{Bundle, BundleError};

const NOW_S: u64 = 1_800_000_000;

fn store() -> (tempfile::TempDir, Models) {
    let temporary = tempfile::tempdir().unwrap();
    let models = Models::open(temporary.path().join("models"));
    (temporary, models)
}

fn station(name: &str) -> StationName {
    name.parse().unwrap()
}

/// Installs and proves.
fn install(models: &Models, version: &str) -> ModelId {
    let bundle = bundle(version);
    let change = models.change().unwrap();
    let (id, _) = change.install(&bundle).unwrap();
    change.prove(&id, &proof(&bundle)).unwrap();
    id
}

fn refused<T>(result: Result<T, ModelsError>) -> ModelsError {
    match result {
        Ok(_) => panic!("must be refused"),
        Err(error) => error,
    }
}

#[test]
fn a_store_that_is_not_there_holds_nothing() {
    let (_keep, models) = store();
    assert_eq!(models.list().unwrap(), []);
    assert_eq!(models.activation(&station("left")).unwrap(), None);
    assert!(models.activations().unwrap().is_empty());
    let error = refused(models.active_bundle(&station("left")));
    assert!(matches!(error, ModelsError::NoneActive { .. }), "{error}");
    assert!(!models.root().exists(), "reading makes nothing");
}

#[test]
fn what_is_installed_is_listed_opened_and_activated() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let listed = models.list().unwrap();
    assert_eq!(listed.len(), 1);
    let model = &listed[0];
    assert_eq!(model.id, id);
    assert_eq!((id.name(), id.version()), ("cap", "1.0.0"));
    assert_eq!(model.hash.as_deref(), Some(bundle("1.0.0").hash()));
    assert!(model.is_proven());
    let opened = models.open_bundle(&id).unwrap();
    assert_eq!(opened.hash(), bundle("1.0.0").hash());
    assert_eq!(Bundle::open(&model.path).unwrap(), opened);

    let left = station("left");
    let change = models.change().unwrap();
    let activation = change.set_active(&left, &id, NOW_S).unwrap();
    assert_eq!((&activation.active, &activation.previous), (&id, &None));
    assert_eq!(models.activation(&left).unwrap(), Some(activation));
    assert_eq!(models.active_bundle(&left).unwrap(), model.path);
    assert_eq!(models.activation(&station("right")).unwrap(), None);
}

#[test]
fn installing_again_changes_nothing() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let before = models.list().unwrap();
    let again = models.change().unwrap().install(&bundle("1.0.0")).unwrap();
    assert_eq!(again, (id, Installation::Known));
    assert_eq!(models.list().unwrap(), before);
}

#[test]
fn a_damaged_model_is_not_activated_and_is_mended_by_installing_it_again() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let network = models.folder_of(&id).join("rgb.onnx");
    fs::write(&network, b"something else").unwrap();
    let change = models.change().unwrap();
    let error = refused(change.set_active(&station("left"), &id, NOW_S));
    assert!(
        matches!(error, ModelsError::Bundle(BundleError::Damaged { .. })),
        "{error}"
    );
    let hint = error.hint().unwrap();
    assert!(
        hint.contains("model install") && !hint.contains("in transit"),
        "{hint}"
    );
    let again = change.install(&bundle("1.0.0")).unwrap();
    assert_eq!(again, (id.clone(), Installation::New));
    models.open_bundle(&id).unwrap();
    let error = refused(change.set_active(&station("left"), &id, NOW_S));
    assert!(matches!(error, ModelsError::Unproven { .. }), "{error}");
}

#[test]
fn another_bundle_s_files_under_a_model_s_name_are_told() {
    let (_keep, models) = store();
    let (one, two) = (install(&models, "1.0.0"), install(&models, "1.1.0"));
    fs::remove_dir_all(models.folder_of(&one)).unwrap();
    fs::rename(models.folder_of(&two), models.folder_of(&one)).unwrap();
    let error = refused(models.open_bundle(&one));
    assert!(matches!(error, ModelsError::Another { .. }), "{error}");
    assert_eq!(models.list().unwrap()[0].hash, None);
    assert!(!models.list().unwrap()[0].is_proven());
    // As whoever has nothing but the folder opens it.
    let error = refused(open_bundle_at(&models.folder_of(&one)));
    assert!(
        matches!(&error, ModelsError::Another { found, .. } if found == bundle("1.1.0").hash()),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("model install FILE"));
}

#[test]
fn without_a_proof_nothing_is_activated() {
    let (_keep, models) = store();
    let change = models.change().unwrap();
    let (id, _) = change.install(&bundle("1.0.0")).unwrap();
    let left = station("left");
    let error = refused(change.set_active(&left, &id, NOW_S));
    assert!(matches!(error, ModelsError::Unproven { .. }), "{error}");
    assert!(error.hint().unwrap().contains("model verify"));
    change.prove(&id, &proof(&bundle("1.0.0"))).unwrap();
    change.set_active(&left, &id, NOW_S).unwrap();
    change.disprove(&id).unwrap();
    assert!(matches!(
        refused(change.set_active(&station("right"), &id, NOW_S)),
        ModelsError::Belied { .. }
    ));
    let mut another = proof(&bundle("1.1.0"));
    change.prove(&id, &another).unwrap();
    assert!(!models.list().unwrap()[0].is_proven(), "of another bundle");
    another.hash.clear();
    fs::write(
        models.root().join("proofs").join(format!("{id}.toml")),
        b"?",
    )
    .unwrap();
    assert!(!models.list().unwrap()[0].is_proven(), "unreadable");
}

#[test]
fn the_way_back_leads_back_and_forth() {
    let (_keep, models) = store();
    let (one, two) = (install(&models, "1.0.0"), install(&models, "1.1.0"));
    let left = station("left");
    let change = models.change().unwrap();
    assert!(matches!(
        refused(change.roll_back(&left, NOW_S)),
        ModelsError::NoneActive { .. }
    ));
    change.set_active(&left, &one, NOW_S).unwrap();
    assert!(matches!(
        refused(change.roll_back(&left, NOW_S)),
        ModelsError::NoPrevious { .. }
    ));
    change.set_active(&left, &two, NOW_S).unwrap();
    // The same again: the way back stays.
    change.set_active(&left, &two, NOW_S + 1).unwrap();
    let back = change.roll_back(&left, NOW_S + 2).unwrap();
    assert_eq!((&back.active, back.how), (&one, How::RolledBack));
    assert_eq!(back.previous, Some(two.clone()));
    assert_eq!(change.roll_back(&left, NOW_S + 3).unwrap().active, two);
}

#[test]
fn a_model_by_hand_ends_the_recipe_with_the_same_rename() {
    let (_keep, models) = store();
    let (one, two) = (install(&models, "1.0.0"), install(&models, "1.1.0"));
    let left = station("left");
    let change = models.change().unwrap();
    let before = change.set_active(&left, &one, NOW_S).unwrap();
    let selection = Some(Selection { recipe: 2 });
    change.select(&left, selection).unwrap();
    let by_hand = Activation {
        active: two.clone(),
        previous: Some(one.clone()),
        since_s: NOW_S + 1,
        how: How::Activated,
    };
    // Half of it, as a power cut leaves it.
    let write = |path: PathBuf, text: String| fs::write(path, text).unwrap();
    let announced = Selected::changing(selection, None, by_hand.clone());
    let announced = toml::to_string(&announced).unwrap();
    write(models.selection_of(&left), announced.clone());
    assert_eq!(models.selection(&left).unwrap(), selection);
    let later = Activation {
        since_s: NOW_S + 2,
        ..by_hand.clone()
    };
    let activate = |activation: &Activation| {
        write(
            models.activation_of(&left),
            toml::to_string(activation).unwrap(),
        );
    };
    activate(&later);
    assert_eq!(models.selection(&left).unwrap(), selection, "another one");
    activate(&by_hand);
    assert_eq!(models.selection(&left).unwrap(), None);
    // Whoever goes on from there goes on from none.
    change.restore(&left, later, None).unwrap();
    assert_eq!(models.selection(&left).unwrap(), None);
    assert!(!models.selection_of(&left).exists());

    // The whole way, by hand and back.
    activate(&before);
    for step in 0..2 {
        change.select(&left, selection).unwrap();
        let changed = match step {
            0 => change.set_active(&left, &two, NOW_S + 3),
            _ => change.roll_back(&left, NOW_S + 4),
        };
        changed.unwrap();
        assert_eq!(models.selection(&left).unwrap(), None, "step {step}");
    }
    // The model stays, and the recipe ends all the same.
    change.select(&left, selection).unwrap();
    change.set_active(&left, &one, NOW_S + 5).unwrap();
    assert_eq!(models.selection(&left).unwrap(), None);
}

#[test]
fn a_recipe_that_could_not_be_written_is_written_with_its_model() {
    let (_keep, models) = store();
    let (one, two) = (install(&models, "1.0.0"), install(&models, "1.1.0"));
    let left = station("left");
    let change = models.change().unwrap();
    change.set_active(&left, &one, NOW_S).unwrap();
    let [old, new] = [1, 2].map(|recipe| Some(Selection { recipe }));
    change.select(&left, old).unwrap();
    let taken_over = Activation {
        active: two,
        previous: None,
        since_s: NOW_S + 1,
        how: How::Activated,
    };
    change.restore(&left, taken_over, new).unwrap();
    assert_eq!(models.selection(&left).unwrap(), new);
    // What is damaged is not what somebody has selected.
    fs::write(models.selection_of(&left), b"").unwrap();
    assert!(matches!(
        refused(models.selection(&left)),
        ModelsError::Document(_)
    ));
    change.set_active(&left, &one, NOW_S + 2).unwrap();
    assert_eq!(models.selection(&left).unwrap(), None);
}

#[test]
fn what_somebody_may_mean_is_found_or_all_of_it_named() {
    let (_keep, models) = store();
    let (one, two) = (install(&models, "1.0.0"), install(&models, "1.1.0"));
    assert_eq!(models.find("cap-1.0.0").unwrap().id, one);
    assert_eq!(models.find(two.digest()).unwrap().id, two);
    assert_eq!(models.find(&two.digest()[..6]).unwrap().id, two);
    assert_eq!(models.find(one.as_str()).unwrap().id, one);
    match refused(models.find("cap")) {
        ModelsError::Ambiguous { candidates, .. } => assert_eq!(candidates, [one, two]),
        error => panic!("{error}"),
    }
    for typed in ["", "lid", "cap-9.9.9", "../installed", "ca"] {
        let error = refused(models.find(typed));
        assert!(matches!(error, ModelsError::NotInstalled { .. }), "{error}");
    }
}

#[test]
fn the_newest_model_of_a_product_is_the_highest_version_that_is_proven() {
    let (_keep, models) = store();
    let ids = ["1.9.0", "1.10.0", "1.10.1-rc.1"].map(|version| install(&models, version));
    let name = ids[0].name().to_owned();
    let found = |version: Option<&str>| {
        let version = version.map(|version| version.parse().unwrap());
        models.of_product(&name, version.as_ref())
    };
    assert_eq!(found(None).unwrap().id, ids[2]);
    assert_eq!(found(Some("1.9.0")).unwrap().id, ids[0]);
    fs::remove_file(models.root().join(format!("proofs/{}.toml", ids[2]))).unwrap();
    assert_eq!(found(None).unwrap().id, ids[1]);
    let unproven = refused(found(Some("1.10.1-rc.1")));
    assert!(matches!(unproven, ModelsError::Unproven { id } if id == ids[2]));
    let absent = refused(found(Some("2.0.0")));
    assert!(
        matches!(&absent, ModelsError::NotInstalled { typed, .. } if typed.ends_with("-2.0.0")),
        "{absent}"
    );
    assert!(models.of_product("another", None).is_err());
}

#[test]
fn what_a_station_needs_is_never_pruned() {
    let (_keep, models) = store();
    let ids =
        ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"].map(|version| install(&models, version));
    let change = models.change().unwrap();
    change.set_active(&station("left"), &ids[0], NOW_S).unwrap();
    change.set_active(&station("left"), &ids[1], NOW_S).unwrap();
    let spared = [ids[2].clone()];
    let told = change.what_to_prune(0, &spared).unwrap();
    assert_eq!(told.removed, ids[3..]);
    assert_eq!(models.list().unwrap().len(), 5);
    let pruned = change.prune(0, &spared).unwrap();
    assert_eq!(pruned, told);
    assert_eq!(pruned.kept, ids[..3]);
    let left: Vec<ModelId> = models.list().unwrap().into_iter().map(|m| m.id).collect();
    assert_eq!(left, ids[..3]);
    let proofs = fs::read_dir(models.root().join("proofs")).unwrap().count();
    assert_eq!(proofs, 3);
    assert_eq!(change.prune(3, &[]).unwrap().removed, []);
}

#[test]
fn the_remedy_of_an_installed_model_is_not_that_of_a_file() {
    let damaged = |path: &str| BundleError::Missing {
        path: path.into(),
        entry: "rgb.onnx".to_owned(),
    };
    let installed = hint_of_installed(&damaged("models/installed/cap-1.0.0-0123456789ab"));
    assert!(installed.unwrap().contains("twinspect model install"));
    // Its hashes were compared before: another release has let it in, and it is whole.
    let unfit = BundleError::Manifest {
        path: "models/installed/cap-1.0.0-0123456789ab".into(),
        problems: Vec::new(),
    };
    assert_eq!(hint_of_installed(&unfit), None);
    let hint = ModelsError::from(unfit).hint().unwrap();
    assert!(hint.contains("export it again"), "{hint}");
    for elsewhere in [
        "cap.twb",
        "installed/cap",
        "cap-1.0.0-0123456789ab",
        "models/proofs/cap-1.0.0-0123456789ab",
    ] {
        assert_eq!(hint_of_installed(&damaged(elsewhere)), None, "{elsewhere}");
    }
}

#[test]
fn what_was_not_proven_is_pruned_before_what_was() {
    let (_keep, models) = store();
    let old = install(&models, "1.0.0");
    let change = models.change().unwrap();
    let ids = ["1.1.0", "1.2.0", "1.3.0"].map(|version| {
        let (id, _) = change.install(&bundle(version)).unwrap();
        id
    });
    let [spared, active, last] = ids;
    // A proof that was taken back later leaves the station its model.
    change.prove(&active, &proof(&bundle("1.2.0"))).unwrap();
    change.set_active(&station("left"), &active, NOW_S).unwrap();
    change.disprove(&active).unwrap();
    let pruned = change.prune(1, std::slice::from_ref(&spared)).unwrap();
    assert_eq!(pruned.removed, [last]);
    assert_eq!(pruned.kept, [old, spared, active]);
}

#[test]
fn nothing_is_pruned_while_a_station_s_file_can_t_be_read() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let change = models.change().unwrap();
    let (left, right) = (station("left"), station("right"));
    change.set_active(&left, &id, NOW_S).unwrap();
    change.set_active(&right, &id, NOW_S).unwrap();
    for text in ["", "active = \"../x\"\n", "activ = 1\n"] {
        fs::write(models.root().join("active/left.toml"), text).unwrap();
        let error = refused(change.prune(0, &[]));
        assert!(matches!(error, ModelsError::Document(_)), "{error}");
        assert!(matches!(
            refused(models.activation(&left)),
            ModelsError::Document(_)
        ));
        // Whoever looks sees the others, and which one it is.
        let stations = models.stations().unwrap();
        assert_eq!(stations[&right].as_ref().unwrap().active, id);
        let damaged = stations[&left].as_ref().unwrap_err();
        let hint = damaged.hint().unwrap();
        assert!(
            hint.contains("--config FILE") && hint.ends_with("station left"),
            "{hint}"
        );
    }
    // It is written anew by the next activation.
    change.set_active(&left, &id, NOW_S).unwrap();
    assert_eq!(models.activation(&left).unwrap().unwrap().active, id);
}

#[test]
fn leftovers_are_not_seen_and_go_with_the_next_install() {
    let (_keep, models) = store();
    let id = install(&models, "1.0.0");
    let installed = models.root().join("installed");
    fs::create_dir_all(installed.join(".incoming-cap-9.0.0-0123456789ab/goldens/000")).unwrap();
    fs::write(installed.join(".outgoing-x"), b"").unwrap();
    fs::create_dir(installed.join("notes")).unwrap();
    fs::create_dir_all(models.root().join("active")).unwrap();
    fs::write(models.root().join("active/.incoming-left.toml"), b"act").unwrap();
    symlink("/", installed.join(".incoming-link")).unwrap();
    symlink(
        models.folder_of(&id),
        installed.join("cap-3.0.0-0123456789ab"),
    )
    .unwrap();
    assert_eq!(models.list().unwrap().len(), 1);
    assert!(models.activations().unwrap().is_empty());
    install(&models, "1.1.0");
    let mut left: Vec<String> = fs::read_dir(&installed)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    // What has no name of ours is nobody's business.
    assert!(left.contains(&"notes".to_owned()));
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
    assert_eq!(
        fs::read_dir(models.root().join("active")).unwrap().count(),
        0
    );
    assert!(std::path::Path::new("/").exists());
}

#[test]
fn one_process_changes_the_store_at_a_time() {
    let (_keep, models) = store();
    let held = models.change().unwrap();
    match refused(models.change()) {
        // Another handle of the same process stands for another process.
        ModelsError::Locked { holder, .. } => {
            assert!(holder.is_none_or(|holder| holder == std::process::id()));
        }
        error => panic!("{error}"),
    }
    assert_eq!(models.list().unwrap(), [], "reading needs no lock");
    drop(held);
    models.change().unwrap();
    models.change_when_free().unwrap();
}

#[test]
fn a_file_in_the_place_of_the_store_is_told() {
    let (keep, models) = store();
    fs::write(keep.path().join("models"), b"").unwrap();
    let error = refused(models.change());
    assert!(error.is_of_storage(), "{error}");
    let is_told = |error: ModelsError| {
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("a file lies") && hint.contains("--models"),
            "{hint}"
        );
    };
    is_told(error);
    fs::remove_file(models.root()).unwrap();
    fs::create_dir(models.root()).unwrap();
    fs::write(models.root().join("installed"), b"").unwrap();
    is_told(refused(models.change().unwrap().install(&bundle("1.0.0"))));
}
