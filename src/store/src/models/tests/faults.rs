//! The whole life of two stations' models with something going wrong at each step: the table of
//! docs/models.md.
//!
//! A row is a fault, and each row is played for every operation of the sequence. After the power has come
//! back, or the disk was mended, four things must hold: each station has the model and the recipe that it had before the
//! interrupted action or those after it, and never one of each; that model opens, is whole and proven; the sequence can be taken up
//! again and gets to its end; and no leftovers stay then. Hangs can't be played here: a process that waits for
//! its disk for ever has done nothing that a cut does not undo.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::sample::{bundle, proof};
use super::simulated::{Fault, Lie, SimulatedDisk};
use super::*;

const ROOT: &str = "/models";
const STATIONS: [&str; 2] = ["left", "right"];

#[derive(Debug, Clone, Copy)]
enum Action {
    /// Installs this version and writes its proof.
    Install(&'static str),
    Activate(&'static str, &'static str),
    RollBack(&'static str),
    /// Selects this recipe, or none.
    Select(&'static str, Option<u32>),
    /// What a running station does: its model, the one before it, by which way, and the recipe that counts then.
    Record(&'static str, &'static str, &'static str, How, Option<u32>),
    Prune,
}

const SEQUENCE: [Action; 21] = [
    Action::Install("1.0.0"),
    Action::Activate("right", "1.0.0"),
    Action::Activate("left", "1.0.0"),
    Action::Select("left", Some(2)),
    Action::Install("1.1.0"),
    // By hand, which ends the recipe.
    Action::Activate("left", "1.1.0"),
    Action::Select("left", Some(3)),
    // So does this.
    Action::RollBack("left"),
    Action::Install("2.0.0"),
    Action::Activate("left", "2.0.0"),
    Action::Select("left", Some(4)),
    // The recipe's own model takes over, and then one by hand.
    Action::Record("left", "1.0.0", "2.0.0", How::Activated, Some(4)),
    Action::Record("left", "2.0.0", "1.0.0", How::Activated, None),
    // A recipe that could not be written before its model took over, and one that goes on with the model before.
    Action::Record("left", "1.0.0", "2.0.0", How::Activated, Some(5)),
    Action::Record("left", "2.0.0", "1.0.0", How::RolledBack, Some(5)),
    Action::Select("left", None),
    Action::Select("left", Some(6)),
    // Removes 1.1.0.
    Action::Prune,
    Action::Install("1.1.0"),
    Action::Activate("left", "1.1.0"),
    Action::Install("2.0.0"),
];

type Choices = [(Option<Activation>, Option<Selection>); 2];

/// The bundles of the sequence, made once.
struct Bundles(BTreeMap<&'static str, Bundle>);

impl Bundles {
    fn new() -> Self {
        let versions = ["1.0.0", "1.1.0", "2.0.0"];
        Self(versions.map(|version| (version, bundle(version))).into())
    }

    fn id(&self, version: &str) -> ModelId {
        ModelId::of(&self.0[version]).unwrap()
    }
}

fn choices(models: &Models<SimulatedDisk>) -> Result<Choices, ModelsError> {
    let of = |name: &str| -> Result<(Option<Activation>, Option<Selection>), ModelsError> {
        let station = station(name);
        Ok((models.activation(&station)?, models.selection(&station)?))
    };
    let [left, right] = STATIONS;
    Ok([of(left)?, of(right)?])
}

fn act(
    models: &Models<SimulatedDisk>,
    bundles: &Bundles,
    action: Action,
) -> Result<(), ModelsError> {
    match action {
        Action::Install(version) => {
            let bundle = &bundles.0[version];
            let (id, _) = models.change()?.install(bundle)?;
            models.change_when_free()?.prove(&id, &proof(bundle))
        }
        Action::Activate(name, version) => {
            let id = bundles.id(version);
            let change = models.change()?;
            change.set_active(&station(name), &id, NOW_S).map(|_new| ())
        }
        Action::RollBack(name) => {
            let change = models.change()?;
            change.roll_back(&station(name), NOW_S).map(|_new| ())
        }
        Action::Select(name, recipe) => {
            let selection = recipe.map(|recipe| Selection { recipe });
            models.change_when_free()?.select(&station(name), selection)
        }
        Action::Record(name, active, previous, how, recipe) => {
            let activation = Activation {
                active: bundles.id(active),
                previous: Some(bundles.id(previous)),
                since_s: NOW_S,
                how,
            };
            let selection = recipe.map(|recipe| Selection { recipe });
            let change = models.change()?;
            change
                .restore(&station(name), activation, selection)
                .map(|_new| ())
        }
        Action::Prune => models.change()?.prune(0, &[]).map(|_pruned| ()),
    }
}

/// What the stations go by before the sequence and after each action, with nothing going wrong, and the number
/// of steps.
fn expected(bundles: &Bundles, lie: Lie) -> (Vec<Choices>, usize) {
    let disk = SimulatedDisk::new(lie);
    let models = Models::on(disk.clone(), ROOT);
    let mut all = vec![[(None, None), (None, None)]];
    for action in SEQUENCE {
        act(&models, bundles, action).unwrap();
        let steps = disk.steps();
        all.push(choices(&models).unwrap());
        // Looking costs steps too, which the faulty runs don't take.
        disk.set_steps(steps);
    }
    (all, disk.steps())
}

/// Each station's model is there, whole and proven.
fn usable(models: &Models<SimulatedDisk>, choices: &Choices) -> Result<(), String> {
    for activation in choices
        .iter()
        .filter_map(|(activation, _)| activation.as_ref())
    {
        let id = &activation.active;
        let told = |error: ModelsError| format!("{id} can't be used: {error}");
        models.open_bundle(id).map_err(told)?;
        let found = models.find(id.as_str()).map_err(told)?;
        if !found.is_proven() {
            return Err(format!("{id} is active without a proof"));
        }
    }
    Ok(())
}

/// Looks at the disk after the fault in the action `at`, and goes on to the end.
fn recover(
    disk: &SimulatedDisk,
    bundles: &Bundles,
    expected: &[Choices],
    at: usize,
) -> Result<(), String> {
    let models = Models::on(disk.clone(), ROOT);
    let found = choices(&models).map_err(|error| format!("{error}: {error:?}"))?;
    if found != expected[at] && found != expected[at + 1] {
        return Err(format!(
            "neither the old models and recipes nor the new ones: {found:?}"
        ));
    }
    usable(&models, &found)?;
    for (index, action) in SEQUENCE.into_iter().enumerate().skip(at) {
        // Whoever looks sees that this has been done; going back once more would lead forth again.
        let is_switch = matches!(action, Action::Activate(..) | Action::RollBack(_));
        if index == at && is_switch && found == expected[at + 1] {
            continue;
        }
        act(&models, bundles, action)
            .map_err(|error| format!("going on with {action:?}: {error:?}"))?;
        let now = choices(&models).unwrap();
        if now != expected[index + 1] {
            return Err(format!("{action:?} led to {now:?}"));
        }
    }
    usable(&models, &expected[SEQUENCE.len()])?;
    let listed = models.list().unwrap();
    let mut versions: Vec<&str> = listed.iter().map(|model| model.id.version()).collect();
    versions.sort_unstable();
    if versions != ["1.0.0", "1.1.0", "2.0.0"] {
        return Err(format!("installed at the end: {versions:?}"));
    }
    for folder in [INSTALLED, PROOFS, ACTIVE, SELECTED] {
        let names = disk.list(&Path::new(ROOT).join(folder)).unwrap();
        if let Some(left) = names.iter().find(|named| named.name.starts_with('.')) {
            return Err(format!("left behind: {folder}/{}", left.name));
        }
    }
    Ok(())
}

/// Ways in which a cut can go on from here: nothing that was not safe is kept, all of it, one of the last
/// things alone, all but one of them, and some by chance.
fn after_cuts(disk: &SimulatedDisk) -> Vec<SimulatedDisk> {
    let count = Cell::new(0_usize);
    let nothing = disk.after_cut(|| {
        count.set(count.get() + 1);
        false
    });
    let count = count.get();
    let mut all = vec![nothing];
    if count == 0 {
        return all;
    }
    all.push(disk.after_cut(|| true));
    for place in count.saturating_sub(6)..count {
        for alone in [true, false] {
            let mut asked = 0;
            all.push(disk.after_cut(|| {
                asked += 1;
                (asked - 1 == place) == alone
            }));
        }
    }
    for seed in 1..=6_u64 {
        let mut chance = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        all.push(disk.after_cut(|| {
            // Marsaglia, "Xorshift RNGs", 2003.
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance & 1 == 1
        }));
    }
    all
}

/// What came of a row.
#[derive(Debug, Default)]
struct Row {
    faults: usize,
    recoveries: usize,
    violations: Vec<String>,
}

/// Plays the sequence with a fault at each of its steps.
fn play(fault_at: fn(usize) -> Fault, lie: Lie) -> Row {
    let bundles = Bundles::new();
    let (expected, steps) = expected(&bundles, lie);
    let mut row = Row::default();
    // The same disk after the same action has the same future.
    let mut seen = BTreeSet::new();
    for step in 0..steps {
        let disk = SimulatedDisk::new(lie);
        let models = Models::on(disk.clone(), ROOT);
        let fault = fault_at(step);
        disk.set_fault(Some(fault));
        let failed = SEQUENCE
            .into_iter()
            .position(|action| act(&models, &bundles, action).is_err());
        let at_step = disk.last_step();
        disk.set_fault(None);
        // Not every fault is met: reading goes on where a disk is full.
        let Some(at) = failed else { continue };
        row.faults += 1;
        let mut disks = after_cuts(&disk);
        if !matches!(fault, Fault::Cut(_)) {
            // Mended without a cut: what was written is still seen, safe or not.
            disks.push(disk);
        }
        for disk in disks {
            let unsafe_too = disk.unsynced();
            if !seen.insert((at, disk.digest(), unsafe_too)) {
                continue;
            }
            row.recoveries += 1;
            if let Err(violation) = recover(&disk, &bundles, &expected, at) {
                let action = SEQUENCE[at];
                row.violations
                    .push(format!("{fault:?}, {at_step}, in {action:?}: {violation}"));
            }
        }
    }
    row
}

fn holds(name: &str, fault_at: fn(usize) -> Fault) {
    let row = play(fault_at, Lie::None);
    println!(
        "{name}: {} faults, {} recoveries",
        row.faults, row.recoveries
    );
    let first: Vec<&String> = row.violations.iter().take(5).collect();
    let count = row.violations.len();
    assert!(first.is_empty(), "{count} violations, of which: {first:#?}");
    assert!(row.faults > 100 && row.recoveries > 200, "{row:?}");
}

#[test]
fn the_power_may_be_cut_at_each_step() {
    holds("power cut", Fault::Cut);
}

#[test]
fn each_step_may_fail_once() {
    holds("input/output error", Fault::Broken);
}

#[test]
fn the_disk_may_be_full_from_each_step_on() {
    holds("disk full", Fault::Full);
}

#[test]
fn an_install_that_fails_on_a_full_disk_does_not_keep_it_full() {
    let new = bundle("1.1.0");
    let names = |disk: &SimulatedDisk, folder: &str| -> Vec<String> {
        let named = disk.list(&Path::new(ROOT).join(folder)).unwrap();
        named.into_iter().map(|named| named.name).collect()
    };
    let mut failed = 0;
    for step in 0.. {
        let disk = SimulatedDisk::new(Lie::None);
        let models = Models::on(disk.clone(), ROOT);
        let old = bundle("1.0.0");
        models.change().unwrap().install(&old).unwrap();
        let before = names(&disk, INSTALLED);
        disk.set_fault(Some(Fault::Full(disk.steps() + step)));
        let change = models.change().unwrap();
        let installed = change.install(&new);
        disk.set_fault(None);
        if installed.is_ok() {
            break;
        }
        failed += 1;
        assert_eq!(names(&disk, INSTALLED), before, "{}", disk.last_step());
        change.install(&new).unwrap();
    }
    assert!(failed > 10, "{failed}");
}

#[test]
fn the_disk_may_be_read_only_from_each_step_on() {
    holds("disk read-only", Fault::ReadOnly);
}

/// The table is worth something only if it finds what it is for.
#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    for (lie, found) in [
        (Lie::FilesNotSynced, "can't be used"),
        (
            Lie::FoldersNotSynced,
            "neither the old models and recipes nor the new ones",
        ),
    ] {
        let row = play(Fault::Cut, lie);
        let is_found = row
            .violations
            .iter()
            .any(|violation| violation.contains(found));
        assert!(
            is_found,
            "{lie:?}: {:#?}",
            row.violations.iter().take(5).collect::<Vec<_>>()
        );
    }
}
