//! Faults that strike, and the record of what happened around them.

use std::fs::File;
use std::io::{self, Write};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use signal_hook::consts::SIGSTOP;
use signal_hook::low_level::{emulate_default_handler, raise};
use twinspect_camera::CameraError;
use twinspect_core::modality::Modality;
use twinspect_core::readiness::NotReady;
use twinspect_core::verdict::Verdict;
use twinspect_engine::{EngineError, StageName};
use twinspect_line::Edge;

use super::Place;
use super::script::{self, Deed, Fault, When};
use crate::clock::{self, Clock};
use crate::error::EdgeError;

/// What `--version` says.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " with chaos, for tests alone");

const SCRIPT: &str = "TWINSPECT_CHAOS";
const RECORD: &str = "TWINSPECT_CHAOS_RECORD";
const LIFE: &str = "TWINSPECT_CHAOS_LIFE";
const HINT: &str = "TWINSPECT_CHAOS has PLACE:DEED@NUMBER or PLACE:DEED@FROM..TO, joined by `;`; \
                    src/edge/src/chaos explains them";

/// A fault, and one more than the highest number that it has struck at.
struct Trap {
    fault: Fault,
    spent: AtomicU64,
}

/// What this process was armed with.
struct Chaos {
    traps: Vec<Trap>,
    record: Option<Mutex<File>>,
    life: u64,
    /// How often each place without numbers was visited.
    visits: [AtomicU64; 5],
}

static CHAOS: OnceLock<Chaos> = OnceLock::new();

impl Trap {
    fn new(fault: Fault, past: &str) -> Self {
        let struck = past
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .any(|line| line["struck"] == *fault.told);
        let is_spent = struck && matches!(fault.when, When::Once(_));
        Self {
            fault,
            spent: AtomicU64::new(if is_spent { u64::MAX } else { 0 }),
        }
    }

    /// Whether it strikes now, and no second time at the same number.
    fn strikes(&self, place: Place, number: u64) -> bool {
        let (is_meant, spent) = match self.fault.when {
            When::Once(from) => (number >= from, u64::MAX),
            When::Each(from, to) => ((from..=to).contains(&number), number + 1),
        };
        place == self.fault.place
            && is_meant
            && self.spent.fetch_max(spent, Ordering::AcqRel) <= number
    }
}

/// Reads the script.
pub(crate) fn arm() -> Result<(), EdgeError> {
    let script = std::env::var(SCRIPT).unwrap_or_default();
    let faults = script::parse(&script).map_err(|told| EdgeError::Usage {
        message: format!("`{told}` is no fault"),
        hint: HINT,
    })?;
    let record = std::env::var_os(RECORD).map(std::path::PathBuf::from);
    let past = record
        .as_ref()
        .and_then(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let record = record
        .map(|path| {
            let file = File::options().append(true).create(true).open(&path);
            file.map_err(EdgeError::store(&path))
        })
        .transpose()?;
    let life = std::env::var(LIFE).ok().and_then(|life| life.parse().ok());
    let armed = CHAOS.set(Chaos {
        traps: faults
            .into_iter()
            .map(|fault| Trap::new(fault, &past))
            .collect(),
        record: record.map(Mutex::new),
        life: life.unwrap_or(0),
        visits: Default::default(),
    });
    debug_assert!(armed.is_ok(), "a process is armed once");
    Ok(())
}

/// Tells an inspect process how many there were before it, and itself.
pub(crate) fn prepare(command: &mut Command, life: u64) {
    command.env(LIFE, life.to_string());
}

/// The inspect process begins.
pub(crate) fn begin() {
    meet(Place::Start, CHAOS.get().map_or(0, |chaos| chaos.life));
}

/// The camera is about to be opened.
pub(crate) fn open() -> Result<(), CameraError> {
    let life = CHAOS.get().map_or(0, |chaos| chaos.life);
    attempt(Place::Open, life).map_err(|source| CameraError::Picture {
        source: Box::new(source),
    })
}

/// Somebody comes to a place where nothing may fail.
pub(crate) fn meet(place: Place, number: u64) {
    let met = attempt(place, number);
    debug_assert!(met.is_ok(), "the script was checked for that");
}

/// Somebody comes to a place that has no numbers.
pub(crate) fn visit(place: Place) {
    meet(place, visits(place));
}

/// How often a place without numbers was visited, this visit included.
fn visits(place: Place) -> u64 {
    let counter = match place {
        Place::Control => 0,
        Place::Reload => 1,
        Place::Output => 2,
        Place::Model => 3,
        _ => 4,
    };
    let visits = CHAOS.get().and_then(|chaos| chaos.visits.get(counter));
    visits.map_or(0, |visits| visits.fetch_add(1, Ordering::AcqRel)) + 1
}

/// A record of the active model is about to be written.
pub(crate) fn model() -> io::Result<()> {
    attempt(Place::Model, visits(Place::Model))
}

/// The camera is about to be asked.
pub(crate) fn camera(part: u64) -> Result<(), CameraError> {
    attempt(Place::Camera, part).map_err(|source| CameraError::Picture {
        source: Box::new(source),
    })
}

/// The engine is about to be asked.
pub(crate) fn engine(part: u64) -> Result<(), EngineError> {
    let stage = StageName::Of(Modality::Rgb);
    attempt(Place::Engine, part).or(Err(EngineError::Buffers { stage }))
}

/// A record is about to be written.
pub(crate) fn disk(part: u64) -> io::Result<()> {
    attempt(Place::Records, part)
}

fn attempt(place: Place, number: u64) -> io::Result<()> {
    let Some(chaos) = CHAOS.get() else {
        return Ok(());
    };
    chaos
        .traps
        .iter()
        .filter(|trap| trap.strikes(place, number))
        .try_for_each(|trap| {
            chaos.note(json!({
                "struck": trap.fault.told,
                "number": number,
                "process": std::process::id(),
            }));
            log::warn!("{SCRIPT}: {} at {number}", trap.fault.told);
            strike(&trap.fault)
        })
}

#[expect(clippy::panic, reason = "that is what was asked for")]
fn strike(fault: &Fault) -> io::Result<()> {
    let clock = Clock::start();
    match fault.deed {
        // The standard library catches a memory fault to find overflown stacks, and lets a signal
        // that somebody sent pass by: the default action has to be in force again. The process then
        // ends as by a bad access, without any destructor.
        Deed::Signal(signal) => emulate_default_handler(signal),
        Deed::Stop => raise(SIGSTOP),
        Deed::Panic => panic!("{}", fault.told),
        Deed::Hang => loop {
            std::thread::park();
        },
        Deed::Slow(time) => {
            clock.wait(time);
            Ok(())
        }
        Deed::Fail => Err(io::ErrorKind::StorageFull.into()),
    }
}

/// A wire is changed.
pub(crate) fn wire(edge: &Edge) {
    note(json!({
        "wire": edge.output.name(),
        "level": edge.level,
        "part": edge.part,
        "at_us": edge.at_us,
    }));
}

/// What speaks against more parts has changed.
pub(crate) fn readiness(obstacle: Option<NotReady>) {
    note(json!({ "obstacle": obstacle.map(NotReady::name) }));
}

/// The line process hears an answer.
pub(crate) fn answer(number: u64, verdict: &Verdict) {
    note(json!({ "answered": number, "verdict": verdict.name() }));
}

fn note(what: Value) {
    if let Some(chaos) = CHAOS.get() {
        chaos.note(what);
    }
}

impl Chaos {
    /// A line that is written at once: the process may be about to end.
    fn note(&self, mut what: Value) {
        let Some(record) = &self.record else { return };
        what["t_us"] = (clock::monotonic_ns() / 1_000).into();
        let line = format!("{what}\n");
        let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            log::error!("writing the record of {SCRIPT}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trap(told: &str, past: &str) -> Trap {
        let mut faults = script::parse(told).unwrap();
        Trap::new(faults.remove(0), past)
    }

    fn struck(trap: &Trap, numbers: &[u64]) -> Vec<u64> {
        let strikes = numbers
            .iter()
            .filter(|number| trap.strikes(Place::Loop, **number));
        strikes.copied().collect()
    }

    #[test]
    fn once_is_once_in_all_lives_and_each_is_once_a_number() {
        let once = trap("loop:hang@3", "");
        assert_eq!(struck(&once, &[1, 2, 4, 4, 5]), [4]);
        let past = "{\"struck\":\"loop:hang@3\",\"number\":4}\n";
        assert_eq!(struck(&trap("loop:hang@3", past), &[5, 6]), [0_u64; 0]);
        let each = trap("loop:hang@3..5", past);
        assert_eq!(struck(&each, &[2, 3, 3, 3, 5, 5, 6]), [3, 5]);
        assert!(!each.strikes(Place::Engine, 5));
    }
}
