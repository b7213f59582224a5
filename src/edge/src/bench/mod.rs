//! `twinspect bench`: what inspecting a part costs on this machine.
//!
//! Parts are decoded before the clock starts: a camera hands over pictures, not files. Several engines inspect the same
//! parts in turn, so that what else the machine does meets all of them. With `--camera` no part is inspected: what the
//! way of pictures to the engine costs is in [`camera`].

mod allocations;
mod camera;
mod early;
mod measure;
mod process;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_camera::{Camera, CameraFrame};
use twinspect_core::frame::FrameSize;
use twinspect_core::score::DegradedPolicy;
use twinspect_store::records::RingSpec;

use self::allocations::Counted;
use self::early::EarlyEnd;
use self::measure::{Lane, Length, WARM_UP, measure};
use crate::cli::{BenchArgs, EngineName, FilesArgs, SourceArgs};
use crate::config::{EngineSpec, PrecisionChoice, RecordsSpec, usual_limits};
use crate::engines::{self, Gpu};
use crate::error::EdgeError;
use crate::picture_check::PictureCheck;
use crate::pipeline::Pipeline;
use crate::replay::{Source, open, write_json};
use crate::run::Records;

/// Distinct parts in memory; they are inspected in turn.
const PARTS_IN_MEMORY: usize = 32;
/// Records are those of a station as it ships: rejected parts, and each of so many passed ones ...
const EVERY_NTH_PASS: u64 = 10;
/// ... of which so many may wait for the disk ...
const QUEUE_PARTS: usize = 8;
/// ... and so many are kept, of so much ...
const KEEP_PARTS: usize = 1000;
const KEEP_BYTES: u64 = 500_000_000;
/// ... if this much stays free.
const FREE_MIN_BYTES: u64 = 500_000_000;

/// Everything that was measured. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    bundle: String,
    frame: FrameSize,
    parts: u64,
    /// Somebody has ended it before the time or the parts were over.
    ended_early: bool,
    /// In the order in which they were named.
    engines: Vec<EngineCost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<RecordsFound>,
    /// Of the process, with the parts that it holds and all engines.
    peak_memory_mb: Option<f64>,
}

/// What an engine costs.
#[derive(Serialize)]
struct EngineCost {
    engine: String,
    why: String,
    load_ms: f64,
    stages: Vec<StageCost>,
    /// Of the whole part: how much slower than the usual one its slowest of a thousand is.
    p99_9_over_p50: Option<f64>,
    cpu_ms_a_part: Option<f64>,
    /// Unknown while records are written: their thread asks for memory too.
    allocations_a_part: Option<Allocations>,
}

/// Wall times of one stage.
#[derive(Serialize)]
struct StageCost {
    stage: &'static str,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    p99_9_ms: Option<f64>,
}

/// Memory that was asked for, times a part.
#[derive(Serialize)]
struct Allocations {
    /// By everything but the engine: freshness, preparation, score.
    ours: f64,
    /// During its own calls. Its pool of threads asks once in 63 of them.
    engine: f64,
}

/// What became of records that were written meanwhile.
#[derive(Serialize)]
struct RecordsFound {
    written: u64,
    dropped: u64,
}

/// Measures on the parts of a recording.
pub(crate) fn bench(args: &BenchArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    check_precision(args)?;
    let (Some(bundle), Some(data)) = (&args.bundle, &args.data) else {
        // Clap sees to it that it is one of the two.
        return camera::bench_camera(args, out);
    };
    check_engines(args)?;
    let Source { bundle, mut camera } = open(&SourceArgs {
        files: FilesArgs {
            bundle: bundle.clone(),
            data: data.clone(),
        },
        split: args.split,
    })?;
    crate::model::far_lines::warn(bundle.manifest());
    let mut lanes = args
        .engine
        .iter()
        .map(|engine| lane(*engine, args, &bundle))
        .collect::<Result<Vec<Lane>, _>>()?;
    let count = camera.parts().len().min(PARTS_IN_MEMORY);
    let mut frames = (0..count)
        .map(|_| camera.capture(0))
        .collect::<Result<Vec<CameraFrame>, _>>()?;
    let (Some(size), Some(first)) = (frames.first().map(|frame| frame.pair.size()), lanes.first())
    else {
        return Ok(());
    };
    let mut records = args
        .records
        .as_deref()
        .map(|folder| records(folder, &bundle, first.pipeline()))
        .transpose()?;
    let length = match args.minutes {
        Some(minutes) => Length::Time(Duration::from_secs(60 * minutes)),
        None => Length::Parts(args.parts),
    };
    let early = EarlyEnd::catch()?;
    let ended_early = measure(length, &early, &mut frames, &mut lanes, records.as_mut())?;
    drop(early);
    let parts = lanes.first().map_or(0, Lane::parts);
    if parts == 0 {
        return Err(EdgeError::Usage {
            message: "nothing was measured: it was ended while it warmed up".to_owned(),
            hint: "figures begin with the eleventh part",
        });
    }
    // Sorting what was measured needs memory of its own.
    let peak_memory_mb = process::peak_memory_mb();
    let findings = Findings {
        bundle: format!("{} {}", bundle.manifest().name, bundle.manifest().version),
        frame: size,
        parts,
        ended_early,
        engines: lanes
            .iter()
            .map(|lane| cost(lane, records.is_none()))
            .collect(),
        records: records.map(|records| {
            let counts = records.finish();
            RecordsFound {
                written: counts.written.load(Ordering::Relaxed),
                dropped: counts.dropped.load(Ordering::Relaxed),
            }
        }),
        peak_memory_mb,
    };
    if args.json {
        write_json(out, &findings)?;
    } else {
        print(out, &findings)?;
    }
    match (&findings.records, &args.records) {
        (Some(found), Some(folder)) if found.written == 0 && found.dropped > 0 => {
            let why = std::io::Error::other("no record could be written, see above");
            Err(EdgeError::store(folder)(why))
        }
        _ => Ok(()),
    }
}

/// 16 bits for an engine that can have them. `--camera` runs none.
fn check_precision(args: &BenchArgs) -> Result<(), EdgeError> {
    match args.precision {
        PrecisionChoice::Fp16 if !args.engine.contains(&EngineName::TensorRt) => {
            Err(EdgeError::Usage {
                message: "16 bits are named, and no engine that computes with them".to_owned(),
                hint: "add --engine tensorrt, or leave --precision away: engines of the CPU compute with 32",
            })
        }
        PrecisionChoice::Fp16 | PrecisionChoice::Fp32 => Ok(()),
    }
}

/// Each engine once, and plans for one that takes them.
fn check_engines(args: &BenchArgs) -> Result<(), EdgeError> {
    let mut named = args.engine.iter();
    while let Some(engine) = named.next() {
        if named.as_slice().contains(engine) {
            return Err(EdgeError::Usage {
                message: "an engine is named twice".to_owned(),
                hint: "name each once: --engine cpu,tract",
            });
        }
    }
    if args.plans.is_some() && !args.engine.contains(&EngineName::TensorRt) {
        return Err(EdgeError::Usage {
            message: "plans are named, and no engine that runs them".to_owned(),
            hint: "add --engine tensorrt, or leave --plans away",
        });
    }
    Ok(())
}

fn lane(engine: EngineName, args: &BenchArgs, bundle: &Bundle) -> Result<Lane, EdgeError> {
    let spec = match (engine, &args.plans) {
        (EngineName::TensorRt, Some(plans)) => EngineSpec::tensorrt(plans, args.precision),
        (EngineName::TensorRt, None) => {
            return Err(EdgeError::Usage {
                message: "no folder of plans is named".to_owned(),
                hint: "name it with --plans",
            });
        }
        (EngineName::Tract, _) => EngineSpec::tract(),
        (EngineName::Cpu, _) => EngineSpec::cpu(),
    };
    let start = Instant::now();
    let mut chosen = engines::choose(bundle, &spec, Gpu::Granted)?;
    let load = start.elapsed();
    let (engine, count) = Counted::new(chosen.engine);
    chosen.engine = Box::new(engine);
    let mut pipeline = Pipeline::new(bundle, DegradedPolicy::default(), chosen)?;
    pipeline.check_pictures(PictureCheck::new(bundle, usual_limits(), None, false));
    Ok(Lane::new(pipeline, load, count))
}

fn records(folder: &Path, bundle: &Bundle, pipeline: &Pipeline) -> Result<Records, EdgeError> {
    let spec = RecordsSpec {
        ring: RingSpec {
            folder: folder.to_owned(),
            keep_parts: KEEP_PARTS,
            keep_bytes: KEEP_BYTES,
            free_min_bytes: FREE_MIN_BYTES,
        },
        queue_parts: QUEUE_PARTS,
        every_nth_pass: Some(EVERY_NTH_PASS),
    };
    Records::start(&spec, "bench", None, bundle, pipeline)
}

fn cost(lane: &Lane, is_alone: bool) -> EngineCost {
    let stages = lane.stages();
    let whole = stages.last();
    EngineCost {
        engine: lane.pipeline().engine().to_owned(),
        why: lane.pipeline().why().to_owned(),
        load_ms: lane.load_ms(),
        p99_9_over_p50: whole.and_then(|whole| Some(whole.p99_9_ms? / whole.p50_ms?)),
        stages,
        cpu_ms_a_part: lane.cpu_ms_a_part(),
        allocations_a_part: is_alone.then(|| lane.allocations_a_part()),
    }
}

fn print(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    let early = if findings.ended_early {
        "; it was ended early"
    } else {
        ""
    };
    writeln!(
        out,
        "{}, frames of {}, {} parts after {WARM_UP} to warm up{early}",
        findings.bundle, findings.frame, findings.parts
    )?;
    for (place, found) in findings.engines.iter().enumerate() {
        writeln!(out, "\nengine         {} ({})", found.engine, found.why)?;
        writeln!(out, "{}\n", stages_table(&found.stages))?;
        if let Some(ratio) = found.p99_9_over_p50 {
            writeln!(out, "whole part     p99.9 is {ratio:.2} times the p50")?;
        }
        if let Some(cpu) = found.cpu_ms_a_part {
            writeln!(out, "CPU time       {cpu:.1} ms a part, all threads")?;
        }
        if let Some(Allocations { ours, engine }) = found.allocations_a_part {
            writeln!(
                out,
                "allocations    {ours:.2} a part in our code, {engine:.2} in the engine"
            )?;
        }
        writeln!(
            out,
            "loading        {:.0} ms, proof included",
            found.load_ms
        )?;
        let first = findings.engines.first().filter(|_| place > 0);
        if let Some((first, ratio)) = first.and_then(|first| Some((first, ratio(found, first)?))) {
            writeln!(
                out,
                "whole part     {ratio:.2} times the p50 of {}",
                first.engine
            )?;
        }
    }
    writeln!(out)?;
    if let Some(RecordsFound { written, dropped }) = findings.records {
        writeln!(out, "records        {written} written, {dropped} dropped")?;
    }
    if let Some(peak) = findings.peak_memory_mb {
        writeln!(out, "peak memory    {peak:.0} MB, recording included")?;
    }
    Ok(())
}

fn ratio(found: &EngineCost, first: &EngineCost) -> Option<f64> {
    let whole = |cost: &EngineCost| cost.stages.last().and_then(|stage| stage.p50_ms);
    Some(whole(found)? / whole(first)?)
}

fn stages_table(stages: &[StageCost]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["stage", "p50 ms", "p99 ms", "p99.9 ms"]);
    for cost in stages {
        if let (Some(p50), Some(p99), Some(p99_9)) = (cost.p50_ms, cost.p99_ms, cost.p99_9_ms) {
            let times = [p50, p99, p99_9].map(|ms| format!("{ms:.2}"));
            table.add_row([&[cost.stage.to_owned()][..], &times].concat());
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
