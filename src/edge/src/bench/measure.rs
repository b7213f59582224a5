//! The loop over the parts: every engine inspects each of them, in turn.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use twinspect_camera::CameraFrame;
use twinspect_core::frame::Stamp;
use twinspect_core::modality::Modality;

use super::allocations::Count;
use super::early::EarlyEnd;
use super::{Allocations, StageCost, allocations, process};
use crate::error::EdgeError;
use crate::latency::{Latencies, milliseconds};
use crate::pipeline::{Inspection, Pipeline};
use crate::run::{Judged, Records};

/// Parts before the first that counts: caches, clock rates and the engine's scratch memory settle.
pub(super) const WARM_UP: u64 = 10;
/// Durations that are kept of a stage: a day of 20 parts a second, 28 MB.
const SAMPLES_KEPT: usize = 1_728_000;

/// When it ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// After so many parts.
    Parts(u64),
    /// After this time.
    Time(Duration),
}

/// An engine, and what it has cost so far.
pub(super) struct Lane {
    pipeline: Pipeline,
    /// To load the bundle's networks and to prove them.
    load: Duration,
    stages: Stages,
    parts: u64,
    cpu: Option<Duration>,
    /// What the engine has asked for in the part that is inspected.
    count: Count,
    allocated: usize,
    allocated_by_engine: usize,
}

struct Stages {
    prepare: Latencies,
    picture: Latencies,
    rgb: Latencies,
    geometry: Latencies,
    both: Latencies,
    fusion: Latencies,
    score: Latencies,
    whole: Latencies,
}

impl Default for Stages {
    fn default() -> Self {
        let [prepare, picture, rgb, geometry] =
            std::array::from_fn(|_| Latencies::keeping(SAMPLES_KEPT));
        let [both, fusion, score, whole] =
            std::array::from_fn(|_| Latencies::keeping(SAMPLES_KEPT));
        Self {
            prepare,
            picture,
            rgb,
            geometry,
            both,
            fusion,
            score,
            whole,
        }
    }
}

/// Inspects parts until the end, or until somebody has asked for it; whether somebody has. Records are those of the first engine.
pub(super) fn measure(
    length: Length,
    early: &EarlyEnd,
    frames: &mut [CameraFrame],
    lanes: &mut [Lane],
    mut records: Option<&mut Records>,
) -> Result<bool, EdgeError> {
    let progress = ProgressBar::new(match length {
        Length::Parts(parts) => parts,
        Length::Time(time) => time.as_secs(),
    });
    let mut since = Instant::now();
    let mut is_early = false;
    for round in 0_u64.. {
        let counts = round >= WARM_UP;
        if round == WARM_UP {
            since = Instant::now();
        }
        let (done, ends) = match length {
            Length::Parts(parts) => (round.saturating_sub(WARM_UP), round >= WARM_UP + parts),
            Length::Time(time) => (since.elapsed().as_secs(), counts && since.elapsed() >= time),
        };
        // Drawn on standard error, and on a terminal alone.
        progress.set_position(done);
        is_early = early.is_asked() && !ends;
        if ends || is_early {
            break;
        }
        let place = usize::try_from(round).unwrap_or_default() % frames.len();
        let frame = &mut frames[place];
        renumber(frame, round);
        // Who is first finds colder caches.
        let first = usize::try_from(round).unwrap_or_default() % lanes.len();
        for turn in 0..lanes.len() {
            let at = (first + turn) % lanes.len();
            let inspection = lanes[at].inspect(frame, counts)?;
            if let (0, Some(records)) = (at, records.as_deref_mut()) {
                keep(records, &lanes[at].pipeline, round, inspection, frame);
            }
        }
    }
    progress.finish_and_clear();
    Ok(is_early)
}

fn keep(
    records: &mut Records,
    pipeline: &Pipeline,
    number: u64,
    inspection: Inspection,
    frame: &CameraFrame,
) {
    let Inspection { verdict, timings } = inspection;
    let took = timings.whole().as_micros();
    let judged = Judged {
        number,
        verdict,
        took_us: u64::try_from(took).ok(),
        timings: Some(timings),
    };
    records.keep(pipeline, judged, frame.clone());
}

impl Lane {
    pub(super) fn new(pipeline: Pipeline, load: Duration, count: Count) -> Self {
        Self {
            pipeline,
            load,
            stages: Stages::default(),
            parts: 0,
            cpu: Some(Duration::ZERO),
            count,
            allocated: 0,
            allocated_by_engine: 0,
        }
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    pub(super) fn load_ms(&self) -> f64 {
        milliseconds(self.load)
    }

    /// Inspects a part, then runs the engine on it again by stages.
    fn inspect(&mut self, frame: &CameraFrame, counts: bool) -> Result<Inspection, EdgeError> {
        let pipeline = &mut self.pipeline;
        let name = frame.truth.as_ref().map_or("", |truth| truth.id.as_str());
        // Nobody asks what the runs of single stages have asked for.
        self.count.take();
        let before = process::cpu_time();
        let (inspection, allocated) = allocations::during(|| pipeline.inspect(&frame.pair));
        let after = process::cpu_time();
        let by_engine = self.count.take();
        let inspection = inspection.map_err(|error| error.into_edge(name))?;
        let rgb = pipeline.time_stage(Modality::Rgb)?;
        let geometry = pipeline.time_stage(Modality::Geometry)?;
        if !counts {
            return Ok(inspection);
        }
        self.parts += 1;
        self.allocated += allocated;
        self.allocated_by_engine += by_engine;
        self.cpu = match (self.cpu, before, after) {
            (Some(cpu), Some(before), Some(after)) => Some(cpu + after.saturating_sub(before)),
            _ => None,
        };
        let timings = &inspection.timings;
        let stages = &mut self.stages;
        for (latencies, took) in [
            (&mut stages.prepare, Some(timings.prepare)),
            (&mut stages.picture, Some(timings.picture)),
            (&mut stages.rgb, rgb),
            (&mut stages.geometry, geometry),
            (&mut stages.both, Some(timings.infer)),
            (&mut stages.fusion, timings.fusion),
            (&mut stages.score, Some(timings.score)),
            (&mut stages.whole, Some(timings.whole())),
        ] {
            if let Some(took) = took {
                latencies.push(took);
            }
        }
        Ok(inspection)
    }

    /// Parts that counted.
    pub(super) fn parts(&self) -> u64 {
        self.parts
    }

    /// In the order in which a part meets them.
    pub(super) fn stages(&self) -> Vec<StageCost> {
        let stages = &self.stages;
        [
            ("prepare", &stages.prepare),
            ("picture", &stages.picture),
            ("rgb stage", &stages.rgb),
            ("geometry stage", &stages.geometry),
            ("engine, both", &stages.both),
            ("fusion", &stages.fusion),
            ("score", &stages.score),
            ("whole part", &stages.whole),
        ]
        .into_iter()
        .filter(|(stage, _)| *stage != "fusion" || self.pipeline.fuses())
        .map(|(stage, latencies)| {
            let [p50_ms, p99_ms, p99_9_ms] = latencies.percentiles_ms([50.0, 99.0, 99.9]);
            StageCost {
                stage,
                p50_ms,
                p99_ms,
                p99_9_ms,
            }
        })
        .collect()
    }

    pub(super) fn cpu_ms_a_part(&self) -> Option<f64> {
        self.cpu.map(|cpu| milliseconds(cpu) / self.parts as f64)
    }

    pub(super) fn allocations_a_part(&self) -> Allocations {
        let a_part = |allocated: usize| allocated as f64 / self.parts as f64;
        Allocations {
            ours: a_part(self.allocated.saturating_sub(self.allocated_by_engine)),
            engine: a_part(self.allocated_by_engine),
        }
    }
}

/// The same picture as a new frame: repeated ones are refused.
fn renumber(frame: &mut CameraFrame, round: u64) {
    let renew = |stamp: &mut Option<Stamp>| {
        if let Some(stamp) = stamp {
            stamp.frame_number = round + 1;
        }
    };
    renew(&mut frame.pair.rgb_stamp);
    renew(&mut frame.pair.depth_stamp);
}
