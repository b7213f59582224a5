//! What happens in one episode: a station, its parts, and the faults that meet them. All of it is
//! drawn from one seed before anything moves.

use twinspect_core::belt::{EncoderKind, EncoderSpec};
use twinspect_core::changeover::{ChangeoverSpec, TrialSpec};
use twinspect_core::gate::{GateSpec, OutputMode, Way};
use twinspect_core::handshake::HandshakeSpec;
use twinspect_core::readiness::ReadinessSpec;
use twinspect_core::recipe::{RecipeLinesSpec, RecipeSpec};
use twinspect_core::reserve::ReserveSpec;
use twinspect_core::station::StationSpec;
use twinspect_core::supervision::SupervisionSpec;
use twinspect_core::trigger::{PresenceSpec, SourceSpec, SpacingSpec, TriggerSpec};

use super::chance::Chance;
use super::fault::{Fault, FaultKind};

/// The belt's places are told in micrometres of a belt that runs 1 m/s: a nominal belt goes one
/// of them a microsecond.
pub(crate) const COUNT: i64 = 10_000;
/// From the sensor to the rejector.
pub(crate) const REJECTOR: i64 = 400_000;
/// Length of the region that a camera sees which watches the belt; its middle lies at the sensor.
pub(crate) const REGION: i64 = 50_000;
/// What a part leaves free on both sides of it.
pub(crate) const MARGIN: i64 = 2_000;
/// From picture to picture of such a camera.
pub(crate) const FRAME_US: u64 = 8_000;
/// What stays in sight for longer is stuck.
pub(crate) const SIGHT_MAX_US: u64 = 100_000;
/// Where the first part lies; the station has time to start.
const FIRST: i64 = 1_000_000;
/// A part that was triggered lies before the camera for so long.
pub(crate) const EXPOSURE_MAX_US: u64 = 30_000;
/// Longest time from the end of the last fault until the station inspects again.
pub(crate) const RECOVERY_US: u64 = 3_000_000;
/// The recipe that the machine means at the start, and how many follow each other from there.
pub(crate) const RECIPE_FIRST: u32 = 1;
pub(crate) const RECIPES: u32 = 3;
/// Parts at the end of a story that meet no fault.
const QUIET_PARTS: usize = 60;
/// Parts that come while a station is being stopped.
const PARTS_AFTER_STOP: usize = 8;

/// What the engine answers when it sees the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Pass,
    Fail,
}

/// A part on the belt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) id: usize,
    /// Where its front is when the belt is at its start.
    pub(crate) front: i64,
    pub(crate) length: i64,
    pub(crate) answer: Answer,
}

/// Somebody stops the station, which not every machine learns in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// When this part comes to the sensor.
    pub(crate) part: usize,
    /// Whether the belt stands from then on.
    pub(crate) belt_stands: bool,
}

/// One episode.
#[derive(Debug, Clone)]
pub struct Story {
    /// From which it was drawn.
    pub seed: u64,
    pub(crate) station: StationSpec,
    pub(crate) parts: Vec<Part>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) stop: Option<Stop>,
}

/// Whether the camera is the trigger of a station.
pub(crate) fn is_watched(station: &StationSpec) -> bool {
    matches!(station.trigger.source, SourceSpec::Presence(_))
}

/// How a belt keeps the places of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Belt {
    Even,
    Single,
    Quadrature,
}

impl Story {
    /// Draws a story of so many parts.
    pub fn draw(seed: u64, parts: usize) -> Self {
        let chance = Chance::new(seed, 1);
        let belt = match chance.range(0, 0, 10) {
            0..5 => Belt::Even,
            5..7 => Belt::Single,
            _ => Belt::Quadrature,
        };
        let mode = match chance.range(1, 0, 4) {
            0 => OutputMode::RejectPulse,
            _ => OutputMode::PassPulse,
        };
        let is_watched = chance.per_mille(8, 150);
        let (belt, mode) = if is_watched {
            (Belt::Even, OutputMode::PassPulse)
        } else {
            (belt, mode)
        };
        let length = chance.range(9, 14_000, 23_000) as i64;
        let mut station = station(chance, belt, mode);
        if is_watched {
            watch(&mut station, length);
        }
        let mut parts = draw_parts(seed, parts, is_watched.then_some(length));
        let mut faults = draw_faults(seed, &parts, &station);
        let stop = draw_stop(chance, &parts, belt);
        if let Some(stop) = stop {
            parts.truncate(stop.part + PARTS_AFTER_STOP);
            faults.retain(|fault| fault.part < parts.len());
        }
        Self {
            seed,
            station,
            parts,
            faults,
            stop,
        }
    }

    /// Parts of it.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Faults of it.
    pub fn faults(&self) -> usize {
        self.faults.len()
    }

    /// Leaves the first parts out; the next one comes when the first one did.
    pub(crate) fn begin_at(&mut self, part: usize) {
        self.parts.drain(..part);
        let shift = self.parts.first().map_or(0, |part| part.front - FIRST);
        for part in &mut self.parts {
            part.front -= shift;
        }
        let first = self.parts.first().map_or(0, |part| part.id);
        self.faults.retain(|fault| fault.part >= first);
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let gate = &self.station.gate;
        format!(
            "seed {}: {} parts, {} faults, {}{}{:?}, {:?}, encoder {:?}, handshake {}, {:?}",
            self.seed,
            self.parts.len(),
            self.faults.len(),
            if is_watched(&self.station) {
                "watched by the camera, "
            } else {
                ""
            },
            if self.station.recipes.is_some() {
                "with recipes, "
            } else {
                ""
            },
            gate.mode,
            gate.way,
            self.station.encoder.map(|encoder| encoder.kind),
            self.station.handshake.is_some(),
            self.stop,
        )
    }
}

fn station(chance: Chance, belt: Belt, mode: OutputMode) -> StationSpec {
    let merge = match mode {
        OutputMode::RejectPulse => chance.range(2, 0, 2),
        OutputMode::PassPulse => 0,
    };
    // Every other line feeds without gaps, so that a missing part is noticed.
    let feeds = chance.per_mille(3, 500) || mode == OutputMode::RejectPulse;
    let (way, spacing) = match belt {
        Belt::Even => (
            Way::Time {
                delay_us: 380_000,
                merge_us: 65_000 * merge,
            },
            SpacingSpec::Time {
                min_us: 60_000,
                max_us: feeds.then_some(190_000),
            },
        ),
        Belt::Single | Belt::Quadrature => (
            Way::Belt {
                delay_counts: (REJECTOR / COUNT) as u64 - 2,
                pulse_counts: 4,
                merge_counts: 6 * merge,
            },
            SpacingSpec::Belt {
                min_counts: 6,
                max_counts: feeds.then_some(19),
                jitter_counts: 1,
            },
        ),
    };
    let encoder = match belt {
        Belt::Even => None,
        Belt::Single => Some(EncoderKind::Single),
        Belt::Quadrature => Some(EncoderKind::Quadrature),
    };
    StationSpec {
        trigger: TriggerSpec {
            source: SourceSpec::Sensor { debounce_us: 2_000 },
            spacing,
        },
        encoder: encoder.map(|kind| EncoderSpec {
            kind,
            pulse_min_us: if kind == EncoderKind::Single {
                2_000
            } else {
                0
            },
        }),
        gate: GateSpec {
            way,
            deadline_us: 250_000,
            pulse_us: if belt == Belt::Even { 40_000 } else { 60_000 },
            mode,
        },
        readiness: ReadinessSpec {
            toggle_us: 100_000,
            silence_max_us: 300_000,
            late_max: 3,
            hold_us: 300_000,
        },
        supervision: SupervisionSpec {
            silence_max_us: 600_000,
            start_max_us: 1_000_000,
            restart_wait_us: 20_000,
            restart_wait_max_us: 500_000,
        },
        // Three wires, and less time to settle than a part takes to be triggered would be too little.
        recipes: chance.per_mille(12, 150).then_some(RecipeSpec {
            lines: Some(RecipeLinesSpec {
                count: 3,
                has_strobe: false,
                settle_us: 20_000,
            }),
            retry_us: 100_000,
            reserve: ReserveSpec {
                most: 0,
                proof_max_us: 500_000,
                again_us: 1_000_000,
            },
        }),
        changeover: ChangeoverSpec {
            proof_max_us: 500_000,
            // On some lines there is hardly a moment between two parts.
            moment_max_us: [3_000, 400_000][usize::from(chance.per_mille(10, 700))],
            switch_max_us: 400_000,
            record_again_us: 200_000,
            trial: TrialSpec {
                parts: 20,
                misses_max: 3,
                ends_max: 3,
            },
        },
        handshake: chance.per_mille(4, 200).then_some(HandshakeSpec {
            setup_us: 500,
            ack_max_us: 40_000,
        }),
        drain_max_us: 600_000,
    }
}

/// The camera is the trigger of this station, whose parts have about this length.
fn watch(station: &mut StationSpec, length: i64) {
    let share = length as f32 / REGION as f32;
    station.trigger.source = SourceSpec::Presence(PresenceSpec {
        on_share: 0.3 * share,
        off_share: 0.1 * share,
        most_share: 1.5 * share,
        sight_max_us: SIGHT_MAX_US,
        gap_max_us: 20_000,
    });
    // A part is told where its middle lies at the sensor's place, and comes to the rejector with its front.
    if let Way::Time { delay_us, .. } = &mut station.gate.way {
        *delay_us = 375_000;
    }
    // Short, so that a place that is some millimetres wrong shows.
    station.gate.pulse_us = 28_000;
}

/// Parts of any length, or of one product, whose parts lie further apart than a camera sees, or touch, or
/// nearly so.
fn draw_parts(seed: u64, count: usize, product: Option<i64>) -> Vec<Part> {
    let chance = Chance::new(seed, 2);
    let crowded = Chance::new(seed, 3);
    // Stories differ in how often parts lie too close together.
    let crowding = [0, 0, 5, 20][(chance.at(0) % 4) as usize];
    let defective = Chance::new(seed, 4);
    let mut front = FIRST;
    (0..count)
        .map(|id| {
            let index = id as u64 + 1;
            let is_quiet = id + QUIET_PARTS >= count;
            let crowd = crowded.per_mille(index, crowding) && !is_quiet;
            let draw = |place, from, to| chance.range(4 * index + place, from, to) as i64;
            let length = match product {
                Some(length) => length + draw(0, 0, 2_000),
                None if crowd => 10_000,
                None => draw(0, 10_000, 35_000),
            };
            let part = Part {
                id,
                front,
                length,
                answer: match defective.range(index, 0, 100) {
                    0..70 => Answer::Pass,
                    _ => Answer::Fail,
                },
            };
            front += match (product, crowd) {
                (None, false) => draw(1, 85_000, 130_000),
                (None, true) => draw(1, 16_000, 19_000),
                (Some(_), false) => draw(1, 92_000, 130_000),
                (Some(_), true) => length + (draw(1, 0, 12_000) - 6_000).max(0),
            };
            part
        })
        .collect()
}

/// Parts whose edges an overflow may take, and one more for where it begins.
const LOST_AT_ONCE: usize = 4;

/// Whether no neighbour lies too close to be told apart.
pub(crate) fn is_apart(parts: &[Part], part: usize) -> bool {
    let front = parts[part].front;
    let before = part.checked_sub(1).map_or(0, |before| parts[before].front);
    let behind = parts.get(part + 1).map_or(i64::MAX, |behind| behind.front);
    front - before > 75_000 && behind.saturating_sub(front) > 75_000
}

/// Whether something behind a part may stay in the camera's sight for too long before the part has come to
/// the rejector. All parts under way are rejected then.
pub(crate) fn may_be_lost(parts: &[Part], part: usize) -> bool {
    let front = parts[part].front;
    let behind = (part + 1..parts.len())
        .take_while(|behind| parts[*behind].front < front + REJECTOR + 2 * REGION);
    behind.into_iter().any(|behind| !is_apart(parts, behind))
}

/// One story in ten ends before its time.
fn draw_stop(chance: Chance, parts: &[Part], belt: Belt) -> Option<Stop> {
    let last = parts.len().saturating_sub(PARTS_AFTER_STOP);
    (last > 1 && chance.per_mille(5, 100)).then(|| Stop {
        part: chance.range(6, 1, last as u64) as usize,
        belt_stands: belt != Belt::Even && chance.per_mille(7, 500),
    })
}

fn draw_faults(seed: u64, parts: &[Part], station: &StationSpec) -> Vec<Fault> {
    let chance = Chance::new(seed, 5);
    // From quiet stories to those in which nothing ever works for long.
    let per_mille = [0, 4, 15, 60][(chance.at(0) % 4) as usize];
    let kinds = FaultKind::of(station);
    (1..parts.len().saturating_sub(QUIET_PARTS))
        .filter(|part| chance.per_mille(8 * *part as u64 + 1, per_mille))
        .map(|part| {
            let index = 8 * part as u64;
            Fault {
                part,
                offset_us: chance.range(index + 2, 0, 90_000),
                kind: kinds[(chance.at(index + 3) % kinds.len() as u64) as usize],
                size: chance.at(index + 4) % 1000,
            }
        })
        // An unseen part inside another one's pulse goes where that one goes, whatever is decided. That the kernel
        // has lost its edges is told by the next one alone, which may come after the pulse.
        .filter(|fault| {
            let unseen = match fault.kind {
                FaultKind::MissedPart => 1,
                FaultKind::SensorOverflow => LOST_AT_ONCE,
                _ => 0,
            };
            let mut unseen = (fault.part..parts.len()).take(unseen);
            unseen.all(|part| is_apart(parts, part))
        })
        .collect()
}
