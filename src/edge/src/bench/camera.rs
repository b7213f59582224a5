//! `twinspect bench --camera`: what the way from a picture's arrival to the tensors of its part costs, at the pace of
//! the station's camera.
//!
//! ```text
//! driver ─► camera's thread ─► handed over ─► colours, depth onto colour ─► core::prepare ─► tensors
//!           └─────────────────────────────── whole ───────────────────────────────┘
//! ```
//! Each picture is asked for, and none is judged: no engine runs. Without a model the preparation is that of a product
//! that could be taught here: the belt as the first pictures show it, colour and depth, the whole picture.

mod first;

use std::io::Write;
use std::time::{Duration, Instant};

use comfy_table::Table;
use indicatif::ProgressBar;
use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_camera::{Camera, CameraError, CaptureCost};
use twinspect_core::frame::FrameSize;
use twinspect_core::prepare::{PrepareSpec, PreparedPart, Preparer};

use self::first::{first_pictures, made_up};
use super::{StageCost, process, stages_table};
use crate::cameras::{self, Alone, CameraWatch};
use crate::cli::BenchArgs;
use crate::clock::Clock;
use crate::config::{self, CameraSource, Station};
use crate::error::{EdgeError, WithCauses};
use crate::latency::{Latencies, milliseconds};
use crate::logging;
use crate::replay::write_json;
use crate::run::StationLock;
use crate::taking::Patience;

/// How long is measured if nobody says otherwise.
const SECONDS: u64 = 20;
/// Side S of a product that nobody has trained.
const SIZE: usize = 256;
/// Time over which the kernel's count of CPU time, which it renews from tick to tick, says something.
const CPU_TIME_MIN: Duration = Duration::from_millis(100);
/// For scripts.
const ENDED_BY_CAMERA: &str = "camera";
/// Durations that are kept of a stage: an hour at 60 Hz.
const SAMPLES_KEPT: usize = 216_000;

/// Everything that was measured. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    camera: String,
    frame: FrameSize,
    /// Whose preparation: a bundle's, or that of a product that was made up.
    prepared_for: String,
    pictures: u64,
    /// Pictures that a newer one replaced before they were asked for; unknown of a source that waits.
    replaced: Option<u64>,
    seconds: f64,
    /// `seconds` if it was measured for so long, `camera` if there were no more pictures.
    ended_by: &'static str,
    /// Why there were no more, where that was no sound end.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
    pictures_a_second: f64,
    stages: Vec<StageCost>,
    cpu: Option<Cpu>,
}

/// Shares of one core, over the time that was measured.
#[derive(Serialize)]
struct Cpu {
    /// The whole process.
    all: f64,
    /// Laying out pictures that were asked for: colours, depth onto colour. Of recorded parts, decoding their files.
    capture: f64,
    /// Preparation.
    prepare: f64,
    /// The rest: the camera's own thread and those of the vendor's library.
    camera: f64,
}

/// Measures with the station's camera. A recording that breaks off is told with what was measured before, and is the error
/// that it ends with.
pub(super) fn bench_camera(args: &BenchArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let Some(path) = &args.config else {
        return Err(EdgeError::Usage {
            message: "--camera needs --config".to_owned(),
            hint: "name the station's configuration",
        });
    };
    let station = config::load_without_model(path)?.station;
    let _lock = StationLock::take(path)?;
    let bundle = model(&station)?;
    let Alone {
        mut camera,
        facts,
        watch,
        ..
    } = cameras::open_alone(&each_picture(&station.camera))?;
    if let Some(bundle) = &bundle {
        match &facts {
            Some(facts) => facts.check(bundle)?,
            None => cameras::check_beforehand(&station.camera, bundle)?,
        }
    }
    let (frame, first) = first_pictures(camera.as_mut())?;
    let (spec, prepared_for) = match &bundle {
        Some(bundle) => {
            let manifest = bundle.manifest();
            let name = format!("{} {}", manifest.name, manifest.version);
            (manifest.prepare.clone(), name)
        }
        None => (made_up(&first)?, format!("no model, {SIZE} x {SIZE}")),
    };
    let seconds = Duration::from_secs(args.seconds.unwrap_or(SECONDS));
    let mut way = Way::new(camera, watch, &spec)?;
    way.measure(seconds)?;
    if way.pictures == 0 {
        return Err(way.nothing(first.len()));
    }
    let findings = way.findings(frame, prepared_for);
    if args.json {
        write_json(out, &findings)?;
    } else {
        print(out, &findings, seconds)?;
    }
    way.broken().map_or(Ok(()), Err)
}

/// The station's model, if its configuration names one.
fn model(station: &Station) -> Result<Option<Bundle>, EdgeError> {
    let path = station.bundle.resolve().unwrap_or_default();
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    Ok(Some(crate::model::open(&path)?))
}

/// The same camera, asked for each of its pictures and not for one of each part.
fn each_picture(source: &CameraSource) -> CameraSource {
    let mut source = source.clone();
    match &mut source {
        CameraSource::RealSense(source) => source.spec.every_picture = true,
        CameraSource::V4l2(source) => source.spec.every_picture = true,
        CameraSource::Replay(_) | CameraSource::Belt { .. } => {}
    }
    source
}

/// The camera, the preparation, and what they have cost so far.
struct Way {
    camera: Box<dyn Camera>,
    watch: Option<CameraWatch>,
    preparer: Preparer,
    part: PreparedPart,
    stages: Stages,
    pictures: u64,
    replaced: Option<u64>,
    took: Duration,
    /// Why there were no more pictures, if there were none.
    ended: Option<CameraError>,
    /// Why the last one failed that did.
    failed: Option<String>,
    cpu: Option<Duration>,
    cpu_capture: Duration,
    cpu_prepare: Duration,
}

struct Stages {
    /// Only of cameras to which pictures come.
    handed_over: Latencies,
    colour: Latencies,
    align: Latencies,
    /// Only of others.
    read: Latencies,
    prepare: Latencies,
    whole: Latencies,
}

impl Way {
    fn new(
        camera: Box<dyn Camera>,
        watch: Option<CameraWatch>,
        spec: &PrepareSpec,
    ) -> Result<Self, EdgeError> {
        let preparer = Preparer::new(spec).map_err(|source| EdgeError::Preparation {
            bundle: "of this bench".into(),
            source,
        })?;
        let [handed_over, colour, align, read, prepare, whole] =
            std::array::from_fn(|_| Latencies::keeping(SAMPLES_KEPT));
        Ok(Self {
            camera,
            watch,
            part: PreparedPart::new(spec),
            preparer,
            stages: Stages {
                handed_over,
                colour,
                align,
                read,
                prepare,
                whole,
            },
            pictures: 0,
            replaced: None,
            took: Duration::ZERO,
            ended: None,
            failed: None,
            cpu: None,
            cpu_capture: Duration::ZERO,
            cpu_prepare: Duration::ZERO,
        })
    }

    /// Takes each picture for so long, or until there are no more.
    fn measure(&mut self, time: Duration) -> Result<(), EdgeError> {
        let progress = ProgressBar::new(time.as_secs());
        let replaced =
            |watch: &Option<CameraWatch>| watch.as_ref().map(|watch| watch.counts().replaced);
        let replaced_before = replaced(&self.watch);
        let cpu_before = process::cpu_time();
        let clock = Clock::start();
        let since = Instant::now();
        let mut patience = Patience::default();
        while since.elapsed() < time {
            progress.set_position(since.elapsed().as_secs());
            match self.one(&clock) {
                Ok(()) => patience.restore(),
                Err(EdgeError::Camera(error)) if error.is_end() => {
                    self.ended = Some(error);
                    break;
                }
                Err(EdgeError::Camera(error)) => {
                    let why = patience.fail(error)?;
                    log::warn!("{why}");
                    self.failed = Some(why);
                }
                Err(error) => return Err(error),
            }
        }
        self.took = since.elapsed();
        let before_and_after = (cpu_before, process::cpu_time());
        progress.finish_and_clear();
        if let (Some(before), Some(after)) = before_and_after
            && self.took >= CPU_TIME_MIN
        {
            self.cpu = Some(after.saturating_sub(before));
        }
        self.replaced = match (replaced_before, replaced(&self.watch)) {
            (Some(before), Some(after)) => Some(after - before),
            _ => None,
        };
        Ok(())
    }

    /// One picture, from its arrival to its tensors.
    fn one(&mut self, clock: &Clock) -> Result<(), EdgeError> {
        let cpu_began = process::thread_cpu_time();
        let asked = Instant::now();
        let frame = self.camera.capture(clock.now_us())?;
        let had = Instant::now();
        let cpu_had = process::thread_cpu_time();
        let prepared = self.preparer.prepare(&frame.pair, &mut self.part);
        let prepare = had.elapsed();
        let cpu_ready = process::thread_cpu_time();
        prepared.map_err(|source| EdgeError::Prepare {
            part: format!("{}", self.pictures + 1),
            source,
        })?;
        self.pictures += 1;
        self.cpu_capture += cpu_had.saturating_sub(cpu_began);
        self.cpu_prepare += cpu_ready.saturating_sub(cpu_had);
        let stages = &mut self.stages;
        let before = match self.camera.last_cost() {
            Some(CaptureCost {
                handed_over_us,
                colour_us,
                align_us,
                whole_us,
            }) => {
                let us = Duration::from_micros;
                stages.handed_over.push(us(handed_over_us));
                stages.colour.push(us(colour_us));
                if let Some(align_us) = align_us {
                    stages.align.push(us(align_us));
                }
                us(whole_us)
            }
            None => {
                stages.read.push(had - asked);
                had - asked
            }
        };
        stages.prepare.push(prepare);
        stages.whole.push(before + prepare);
        Ok(())
    }

    /// The reason why not one picture was measured, after so many that are passed over.
    fn nothing(self, first: usize) -> EdgeError {
        let why = match (&self.failed, &self.ended) {
            (Some(why), _) => why.clone(),
            (None, Some(error)) => format!(
                "{} with the {first} pictures that are passed over at first",
                WithCauses(error)
            ),
            (None, None) => "no picture came in that time".to_owned(),
        };
        self.broken().unwrap_or(EdgeError::NothingMeasured { why })
    }

    /// Why there were no more pictures, if that was no sound end.
    fn broken(self) -> Option<EdgeError> {
        let broken = |error: &CameraError| !matches!(error, CameraError::End);
        self.ended.filter(broken).map(EdgeError::Camera)
    }

    fn findings(&self, frame: FrameSize, prepared_for: String) -> Findings {
        let seconds = self.took.as_secs_f64();
        let stages = &self.stages;
        let costs = [
            ("handed over", &stages.handed_over),
            ("colour", &stages.colour),
            ("depth onto colour", &stages.align),
            ("read and decoded", &stages.read),
            ("prepare", &stages.prepare),
            ("arrival to tensors", &stages.whole),
        ];
        let costs = costs.into_iter().filter_map(|(stage, latencies)| {
            let [p50_ms, p99_ms, p99_9_ms] = latencies.percentiles_ms([50.0, 99.0, 99.9]);
            p50_ms.is_some().then_some(StageCost {
                stage,
                p50_ms,
                p99_ms,
                p99_9_ms,
            })
        });
        let share = |time: Duration| milliseconds(time) / milliseconds(self.took).max(1.0);
        Findings {
            camera: self.camera.description(),
            frame,
            prepared_for,
            pictures: self.pictures,
            replaced: self.replaced,
            seconds,
            ended_by: match self.ended {
                Some(_) => ENDED_BY_CAMERA,
                None => "seconds",
            },
            broken: match &self.ended {
                None | Some(CameraError::End) => None,
                Some(error) => Some(WithCauses(error).to_string()),
            },
            pictures_a_second: self.pictures as f64 / seconds.max(1e-3),
            stages: costs.collect(),
            cpu: self.cpu.map(|all| Cpu {
                all: share(all),
                capture: share(self.cpu_capture),
                prepare: share(self.cpu_prepare),
                camera: share(all.saturating_sub(self.cpu_capture + self.cpu_prepare)),
            }),
        }
    }
}

fn print(out: &mut dyn Write, findings: &Findings, wanted: Duration) -> Result<(), EdgeError> {
    writeln!(out, "camera         {}", logging::shown(&findings.camera))?;
    writeln!(
        out,
        "pictures       {} of {} in {:.1} s, {:.1} a second{}",
        findings.pictures,
        findings.frame,
        findings.seconds,
        findings.pictures_a_second,
        findings.replaced.map_or(String::new(), |replaced| format!(
            ", {replaced} others were replaced by a newer one before they were asked for"
        ))
    )?;
    if findings.ended_by == ENDED_BY_CAMERA {
        writeln!(
            out,
            "ended          after {:.1} of {} s: {}",
            findings.seconds,
            wanted.as_secs(),
            findings
                .broken
                .as_deref()
                .unwrap_or("the camera has no more pictures")
        )?;
    }
    writeln!(out, "prepared for   {}\n", findings.prepared_for)?;
    let table: Table = stages_table(&findings.stages);
    writeln!(out, "{table}\n")?;
    if let Some(cpu) = &findings.cpu {
        let [all, camera, capture, prepare] =
            [cpu.all, cpu.camera, cpu.capture, cpu.prepare].map(|share| 100.0 * share);
        writeln!(
            out,
            "CPU            {all:.0} % of one core: camera and library {camera:.0} %, laying out {capture:.0} %, \
             preparation {prepare:.0} %"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
