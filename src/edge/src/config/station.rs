//! What the file means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use twinspect_core::picture::PictureLimits;
use twinspect_core::score::DegradedPolicy;
use twinspect_core::station::StationSpec;
use twinspect_line::Stopped;
use twinspect_line::gpio::GpioSpec;
use twinspect_store::records::RingSpec;

use super::belt::BeltSpec;
use super::calibration::CalibrationSpec;
use super::camera::CameraSource;
use super::checker::{Checker, DURATION_MAX_MS, StationError};
use super::engine::EngineSpec;
use super::models::{BundleSource, ModelsSpec};
use super::mqtt::MqttSpec;
use super::page::PageSpec;
use super::presence::WatchSpec;
use super::recipes::RecipesSpec;
use super::typed::{
    ChallengeToml, EncoderChoice, EncoderToml, GateToml, InspectorToml, OutputToml, RecordsToml,
    StationToml, StoppedToml, TriggerChoice,
};
use super::wires::{self, LineKind};
use super::{own_path, station_name};

/// A station that can be run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Station {
    pub(crate) bundle: BundleSource,
    /// Where its models are installed, if it has such a place.
    pub(crate) models: Option<ModelsSpec>,
    /// Which models its recipes mean, if it has recipes.
    pub(crate) recipes: Option<RecipesSpec>,
    pub(crate) engine: EngineSpec,
    pub(crate) camera: CameraSource,
    pub(crate) line: LineSource,
    /// What the rejector is told while nobody runs the station.
    pub(crate) stopped: Stopped,
    /// From the sensor to the camera.
    pub(crate) camera_delay: Duration,
    /// For so long a part lies before the camera.
    pub(crate) exposure_max: Duration,
    /// What the camera looks for, where its pictures are the trigger.
    pub(crate) watch: Option<WatchSpec>,
    /// From sensor edges to pulses.
    pub(crate) decisions: StationSpec,
    pub(crate) degraded: DegradedPolicy,
    /// How good pictures must be.
    pub(crate) quality: PictureLimits,
    /// What was measured of the empty belt, if anybody has.
    pub(crate) calibration: Option<CalibrationSpec>,
    pub(crate) inspector: InspectorLimits,
    pub(crate) records: Option<RecordsSpec>,
    pub(crate) challenge: ChallengeSpec,
    /// Where it answers while it runs, if the file says so.
    pub(crate) control_socket: Option<PathBuf>,
    /// The page on the line's screen.
    pub(crate) page: Option<PageSpec>,
    /// Where figures go for the node exporter's textfile collector.
    pub(crate) textfile: Option<PathBuf>,
    /// A broker that is told of parts and state.
    pub(crate) mqtt: Option<MqttSpec>,
}

/// Whether a station must have a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// It judges parts.
    Needed,
    /// Its camera alone is looked through.
    Optional,
}

/// A station that waited for longer would be late for every pulse.
const SETTLE_MAX_US: u64 = 100_000;

/// Where edges come from, and where pulses go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LineSource {
    /// A simulated belt, and wires that lead nowhere.
    Simulated(BeltSpec),
    /// Wires of a board.
    Gpio {
        spec: GpioSpec,
        /// Within this time edges of different wires are told in any order; zero if their order does
        /// not matter.
        settle_us: u64,
    },
}

/// How the inspect process is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InspectorLimits {
    pub(crate) heartbeat: Duration,
    pub(crate) silence_max: Duration,
}

/// The part that shows now and then that a station still rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChallengeSpec {
    /// `None` if nobody is to be reminded.
    pub(crate) every_us: Option<u64>,
    /// Which part it is, for people.
    pub(crate) part: String,
    /// The file by which a restart knows of the last one.
    pub(crate) memory: PathBuf,
}

/// What is kept of parts, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordsSpec {
    pub(crate) ring: RingSpec,
    pub(crate) queue_parts: usize,
    /// Of passed parts each of so many, if any.
    pub(crate) every_nth_pass: Option<u64>,
}

/// Longest time between challenge parts: a year.
const HOURS_MAX: f64 = 8_784.0;

/// Most megabytes that a key may ask for.
const MEGABYTES_MAX: u64 = 10_000_000;

/// Bytes of what is typed in megabytes.
const MB: u64 = 1_000_000;

impl From<StoppedToml> for Stopped {
    fn from(typed: StoppedToml) -> Self {
        match typed {
            StoppedToml::Reject => Self::Rejects,
            StoppedToml::Pass => Self::Passes,
        }
    }
}

impl Checker {
    /// Belt and wires, simulated or real.
    fn line(&mut self, typed: &StationToml) -> LineSource {
        match typed.line.kind {
            LineKind::Simulated => {
                self.problems.extend(wires::unused(typed));
                LineSource::Simulated(self.belt(&typed.trigger, &typed.encoder))
            }
            LineKind::Gpio => {
                // What is wrong with the number is said where the handshake is looked at.
                let debounce = Duration::try_from_secs_f64(typed.handshake.ack_debounce_ms / 1e3);
                let (spec, problems) = wires::gpio(typed, debounce.unwrap_or_default());
                self.problems.extend(problems);
                LineSource::Gpio {
                    spec,
                    settle_us: self.settle_us(&typed.encoder),
                }
            }
        }
    }

    /// One wire's edges are in order; only places in counts depend on the order of several.
    fn settle_us(&mut self, encoder: &EncoderToml) -> u64 {
        const KEY: &str = "encoder.settle_ms";
        let settle_us = self.optional_us(KEY, encoder.settle_ms);
        self.require(
            settle_us <= SETTLE_MAX_US,
            KEY,
            encoder.settle_ms,
            "at most 100",
        );
        match encoder.kind {
            EncoderChoice::None => 0,
            EncoderChoice::Single | EncoderChoice::Quadrature => settle_us,
        }
    }

    /// The way to the camera is a time: an encoder's counts stay in the line process.
    fn camera_delay(&mut self, typed: &StationToml) -> Duration {
        const KEY: &str = "trigger.camera_delay_ms";
        let delay = Duration::from_micros(self.optional_us(KEY, typed.trigger.camera_delay_ms));
        let is_even = typed.encoder.kind == EncoderChoice::None;
        let has_sensor = typed.trigger.source != TriggerChoice::Presence;
        let expected = if has_sensor {
            "0 with an encoder: put the sensor where the camera sees the part"
        } else {
            "0 with trigger.source = \"presence\": there is no sensor before the camera"
        };
        self.require(
            (is_even && has_sensor) || delay.is_zero(),
            KEY,
            typed.trigger.camera_delay_ms,
            expected,
        );
        let deadline = Duration::try_from_secs_f64(typed.gate.deadline_ms / 1e3);
        if let Ok(deadline) = deadline {
            self.order((KEY, delay), ("gate.deadline_ms", deadline));
        }
        delay
    }

    /// What the rejector is told by a stopped station; a PASS wire knows one answer alone.
    fn stopped(&mut self, typed: &GateToml) -> Stopped {
        let contradicts =
            typed.output == OutputToml::PassPulse && typed.stopped == StoppedToml::Pass;
        let expected = "\"reject\" with gate.output = \"pass_pulse\"";
        self.require(!contradicts, "gate.stopped", "\"pass\"", expected);
        typed.stopped.into()
    }

    /// What `decisions` has not looked at yet.
    fn inspector(&mut self, typed: &InspectorToml, ready_silence_max_ms: f64) -> InspectorLimits {
        let heartbeat = self.duration("inspector.heartbeat_ms", typed.heartbeat_ms);
        let sane = |milliseconds: f64| {
            let holds = milliseconds > 0.0 && milliseconds <= DURATION_MAX_MS;
            Duration::from_secs_f64(if holds { milliseconds } else { DURATION_MAX_MS } / 1e3)
        };
        let silence_max = sane(typed.silence_max_ms);
        self.order(
            ("inspector.heartbeat_ms", heartbeat),
            ("inspector.silence_max_ms", silence_max),
        );
        self.order(
            ("inspector.heartbeat_ms", heartbeat),
            ("ready.silence_max_ms", sane(ready_silence_max_ms)),
        );
        InspectorLimits {
            heartbeat,
            silence_max,
        }
    }

    fn records(&mut self, typed: &RecordsToml, folder: &Path) -> Option<RecordsSpec> {
        let queue_parts = self.count("records.queue_parts", typed.queue_parts, 64);
        let keep_parts = self.count("records.keep_parts", typed.keep_parts, 100_000);
        let folder = self.path("records.folder", &typed.folder, folder);
        for (key, typed, least) in [
            ("records.keep_mb", typed.keep_mb, 1),
            ("records.free_min_mb", typed.free_min_mb, 0),
        ] {
            let holds = (least..=MEGABYTES_MAX).contains(&typed);
            self.require(
                holds,
                key,
                typed,
                format!("from {least} to {MEGABYTES_MAX}"),
            );
        }
        typed.enabled.then_some(RecordsSpec {
            ring: RingSpec {
                folder,
                keep_parts,
                keep_bytes: typed.keep_mb.saturating_mul(MB),
                free_min_bytes: typed.free_min_mb.saturating_mul(MB),
            },
            queue_parts,
            every_nth_pass: Some(typed.every_nth_pass).filter(|nth| *nth > 0),
        })
    }
}

impl Checker {
    /// `path` is the configuration's file; relative paths start at its folder.
    fn challenge(&mut self, typed: &ChallengeToml, path: &Path) -> ChallengeSpec {
        let hours = typed.every_hours;
        let holds = (0.0..=HOURS_MAX).contains(&hours);
        let expected = format!("from 0 to {HOURS_MAX}");
        self.require(holds, "challenge.every_hours", hours, expected);
        ChallengeSpec {
            every_us: (holds && hours > 0.0).then_some((hours * 3.6e9) as u64),
            part: typed.part.clone(),
            memory: own_path(&typed.memory, path, "challenge.json"),
        }
    }
}

impl Station {
    /// From a part's coming before the camera until it must be judged.
    pub(crate) fn time_to_judge(&self) -> Duration {
        let deadline = Duration::from_micros(self.decisions.gate.deadline_us);
        deadline.saturating_sub(self.camera_delay)
    }

    /// Checks what was typed into a file. Relative paths start at the file's folder.
    pub(super) fn new(
        typed: &StationToml,
        path: &Path,
        model: Model,
    ) -> Result<Self, Vec<StationError>> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut checker = Checker::default();
        let camera = checker.camera(typed, folder);
        let models = checker.models(&typed.models, path);
        let names_none = typed.bundle.file.as_os_str().is_empty() && !typed.bundle.active;
        let station = Self {
            bundle: match model {
                // Nobody opens it.
                Model::Optional if names_none => BundleSource::File(PathBuf::new()),
                _ => checker.bundle(&typed.bundle, models.as_ref(), path),
            },
            models,
            recipes: checker.recipes(typed),
            engine: checker.engine(&typed.engine, path),
            camera,
            line: checker.line(typed),
            stopped: checker.stopped(&typed.gate),
            camera_delay: checker.camera_delay(typed),
            exposure_max: checker
                .duration("trigger.exposure_max_ms", typed.trigger.exposure_max_ms),
            decisions: checker.decisions(typed),
            watch: checker.watch(typed),
            degraded: DegradedPolicy {
                rgb_alone: typed.degraded.rgb_alone,
                geometry_alone: typed.degraded.geometry_alone,
            },
            quality: checker.quality(&typed.quality),
            calibration: typed
                .calibration
                .as_ref()
                .map(|typed| checker.calibration(typed)),
            inspector: checker.inspector(&typed.inspector, typed.ready.silence_max_ms),
            records: checker.records(&typed.records, folder),
            challenge: checker.challenge(&typed.challenge, path),
            control_socket: Some(&typed.control.socket)
                .filter(|socket| !socket.as_os_str().is_empty())
                .map(|socket| folder.join(socket)),
            page: checker.page(&typed.page, folder, typed.records.enabled),
            textfile: checker.textfile(&typed.metrics, folder),
            mqtt: checker.mqtt(&typed.mqtt, folder, &station_name(path)),
        };
        if checker.problems.is_empty() {
            Ok(station)
        } else {
            Err(checker.problems)
        }
    }
}
