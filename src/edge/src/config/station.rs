//! What the file means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use twinspect_camera::Repeat;
use twinspect_core::gate::{GateError, GateSpec, OutputMode, Way};
use twinspect_core::score::DegradedPolicy;
use twinspect_core::supervision::SupervisionSpec;
use twinspect_dataset::Split;

use super::typed::{
    CameraKind, GateToml, InspectorToml, OutputToml, RecordsToml, SplitToml, StationToml,
};

/// Longest time that any key may ask for.
const DURATION_MAX_MS: f64 = 3_600_000.0;
/// Highest rate of triggers.
const RATE_MAX_HZ: f64 = 1_000.0;

/// A station that can be run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Station {
    pub(crate) bundle: PathBuf,
    pub(crate) camera: CameraSource,
    pub(crate) trigger: TriggerSource,
    pub(crate) gate: GateSpec,
    pub(crate) degraded: DegradedPolicy,
    pub(crate) inspector: InspectorLimits,
    pub(crate) records: Option<RecordsSpec>,
}

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CameraSource {
    /// Recorded parts.
    Replay {
        folder: PathBuf,
        split: Option<Split>,
        repeat: Repeat,
    },
}

/// Where triggers come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TriggerSource {
    /// A timer, for cameras that show a part whenever they are asked.
    Timer { period: Duration },
}

/// How the inspect process is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InspectorLimits {
    pub(crate) heartbeat: Duration,
    pub(crate) silence_max: Duration,
    pub(crate) start_max: Duration,
    pub(crate) restart_wait: Duration,
    pub(crate) restart_wait_max: Duration,
}

impl InspectorLimits {
    /// What the line process decides by.
    pub(crate) fn supervision(&self) -> SupervisionSpec {
        let us = |duration: Duration| duration.as_micros() as u64;
        SupervisionSpec {
            silence_max_us: us(self.silence_max),
            start_max_us: us(self.start_max),
            restart_wait_us: us(self.restart_wait),
            restart_wait_max_us: us(self.restart_wait_max),
        }
    }
}

/// Where pictures of rejected parts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordsSpec {
    pub(crate) folder: PathBuf,
    pub(crate) queue_parts: usize,
    pub(crate) keep_parts: usize,
}

/// A value that is impossible, or contradicts another one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum StationError {
    /// A number outside its range.
    #[error("{key} = {found} must be {expected}")]
    Range {
        key: &'static str,
        found: String,
        expected: String,
    },
    /// The gate can't work like this.
    #[error("gate: {0}")]
    Gate(GateError),
    /// Two keys in the wrong order.
    #[error("{lesser} must be less than {greater}")]
    Order {
        lesser: &'static str,
        greater: &'static str,
    },
}

/// Collects everything that is wrong on the way from typed to meant.
#[derive(Default)]
struct Checker {
    problems: Vec<StationError>,
}

impl Checker {
    fn require(
        &mut self,
        holds: bool,
        key: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) {
        if !holds {
            self.problems.push(StationError::Range {
                key,
                found: found.to_string(),
                expected: expected.to_string(),
            });
        }
    }

    /// Milliseconds above zero.
    fn duration(&mut self, key: &'static str, milliseconds: f64) -> Duration {
        let holds = milliseconds > 0.0 && milliseconds <= DURATION_MAX_MS;
        let expected = format!("above 0 and at most {DURATION_MAX_MS}");
        self.require(holds, key, milliseconds, expected);
        let sane = if holds { milliseconds } else { 1.0 };
        Duration::from_secs_f64(sane / 1e3)
    }

    fn order(&mut self, lesser: (&'static str, Duration), greater: (&'static str, Duration)) {
        if lesser.1 >= greater.1 {
            self.problems.push(StationError::Order {
                lesser: lesser.0,
                greater: greater.0,
            });
        }
    }

    fn count(&mut self, key: &'static str, count: usize, most: usize) -> usize {
        let holds = (1..=most).contains(&count);
        self.require(holds, key, count, format!("from 1 to {most}"));
        count
    }

    fn gate(&mut self, typed: &GateToml) -> GateSpec {
        let known = self.problems.len();
        let mut us = |key, value| self.duration(key, value).as_micros() as u64;
        let spec = GateSpec {
            way: Way::Time {
                delay_us: us("gate.delay_ms", typed.delay_ms),
                merge_us: 0,
            },
            deadline_us: us("gate.deadline_ms", typed.deadline_ms),
            pulse_us: us("gate.pulse_ms", typed.pulse_ms),
            mode: match typed.output {
                OutputToml::PassPulse => OutputMode::PassPulse,
                OutputToml::RejectPulse => OutputMode::RejectPulse,
            },
        };
        // What is wrong with a number by itself was said above.
        if self.problems.len() == known {
            self.problems
                .extend(spec.problems().map(StationError::Gate));
        }
        spec
    }

    fn trigger(&mut self, rate_hz: f64) -> TriggerSource {
        let holds = rate_hz > 0.0 && rate_hz <= RATE_MAX_HZ;
        let expected = format!("above 0 and at most {RATE_MAX_HZ}");
        self.require(holds, "trigger.rate_hz", rate_hz, expected);
        let sane = if holds { rate_hz } else { 1.0 };
        TriggerSource::Timer {
            period: Duration::from_secs_f64(1.0 / sane),
        }
    }

    fn inspector(&mut self, typed: &InspectorToml) -> InspectorLimits {
        let heartbeat = self.duration("inspector.heartbeat_ms", typed.heartbeat_ms);
        let silence_max = self.duration("inspector.silence_max_ms", typed.silence_max_ms);
        let start_max = self.duration("inspector.start_max_ms", typed.start_max_ms);
        let restart_wait = self.duration("inspector.restart_wait_ms", typed.restart_wait_ms);
        let restart_wait_max =
            self.duration("inspector.restart_wait_max_ms", typed.restart_wait_max_ms);
        self.order(
            ("inspector.heartbeat_ms", heartbeat),
            ("inspector.silence_max_ms", silence_max),
        );
        self.order(
            ("inspector.restart_wait_ms", restart_wait),
            ("inspector.restart_wait_max_ms", restart_wait_max),
        );
        InspectorLimits {
            heartbeat,
            silence_max,
            start_max,
            restart_wait,
            restart_wait_max,
        }
    }

    fn records(&mut self, typed: &RecordsToml, folder: &Path) -> Option<RecordsSpec> {
        let queue_parts = self.count("records.queue_parts", typed.queue_parts, 64);
        let keep_parts = self.count("records.keep_parts", typed.keep_parts, 100_000);
        typed.enabled.then(|| RecordsSpec {
            folder: folder.join(&typed.folder),
            queue_parts,
            keep_parts,
        })
    }
}

impl Station {
    /// Checks what was typed. Paths start at `folder`.
    pub(super) fn new(typed: StationToml, folder: &Path) -> Result<Self, Vec<StationError>> {
        let mut checker = Checker::default();
        let camera = match typed.camera.kind {
            CameraKind::Replay => CameraSource::Replay {
                folder: folder.join(&typed.camera.folder),
                split: match typed.camera.split {
                    SplitToml::Inspection => None,
                    SplitToml::Train => Some(Split::Train),
                    SplitToml::Validation => Some(Split::Validation),
                    SplitToml::Calibration => Some(Split::Calibration),
                    SplitToml::Test => Some(Split::Test),
                },
                repeat: if typed.camera.repeat {
                    Repeat::Forever
                } else {
                    Repeat::Once
                },
            },
        };
        let station = Self {
            bundle: folder.join(&typed.bundle.file),
            camera,
            trigger: checker.trigger(typed.trigger.rate_hz),
            gate: checker.gate(&typed.gate),
            degraded: DegradedPolicy {
                rgb_alone: typed.degraded.rgb_alone,
                geometry_alone: typed.degraded.geometry_alone,
            },
            inspector: checker.inspector(&typed.inspector),
            records: checker.records(&typed.records, folder),
        };
        if checker.problems.is_empty() {
            Ok(station)
        } else {
            Err(checker.problems)
        }
    }
}
