//! `twinspect bench`: what inspecting a part costs on this machine.
//!
//! Parts are decoded before the clock starts: a camera hands over pictures, not files.

mod allocations;
mod process;

use std::io::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;
use serde::Serialize;
use twinspect_camera::{Camera, CameraFrame};
use twinspect_core::frame::{FrameSize, Stamp};
use twinspect_core::modality::Modality;
use twinspect_core::score::DegradedPolicy;

use crate::cli::{BenchArgs, EngineName};
use crate::config::{EngineSpec, usual_limits};
use crate::engines::{self, Gpu};
use crate::error::EdgeError;
use crate::latency::{Latencies, milliseconds};
use crate::picture_check::PictureCheck;
use crate::pipeline::Pipeline;
use crate::replay::{Source, open, write_json};

/// Parts before the first that counts: caches, clock rates and the engine's scratch memory settle.
const WARM_UP: usize = 10;
/// Distinct parts in memory; they are inspected in turn.
const PARTS_IN_MEMORY: usize = 32;

/// Wall times of one stage.
#[derive(Serialize)]
struct StageCost {
    stage: &'static str,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Everything that was measured. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    bundle: String,
    engine: String,
    frame: FrameSize,
    parts: u64,
    stages: Vec<StageCost>,
    cpu_ms_a_part: Option<f64>,
    allocations_a_part: Allocations,
    peak_memory_mb: Option<f64>,
}

/// Memory that was asked for, times a part.
#[derive(Serialize)]
struct Allocations {
    /// By everything but the engine: freshness, preparation, score.
    ours: f64,
    engine: f64,
}

/// What the loop over the parts found.
struct Measured {
    stages: Vec<StageCost>,
    cpu_ms_a_part: Option<f64>,
    allocations_a_part: Allocations,
}

/// Measures on the parts of a recording.
pub(crate) fn bench(args: &BenchArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let Source { bundle, mut camera } = open(&args.source)?;
    let spec = match (args.engine, &args.plans) {
        (EngineName::TensorRt, Some(plans)) => EngineSpec::tensorrt(plans),
        _ => EngineSpec::tract(),
    };
    let chosen = engines::choose(&bundle, &spec, Gpu::Granted)?;
    let mut pipeline = Pipeline::new(&bundle, DegradedPolicy::default(), chosen)?;
    pipeline.check_pictures(PictureCheck::new(&bundle, usual_limits(), None, false));
    let count = camera.parts().len().min(PARTS_IN_MEMORY);
    let frames = (0..count)
        .map(|_| camera.capture(0))
        .collect::<Result<Vec<CameraFrame>, _>>()?;
    let Some(size) = frames.first().map(|frame| frame.pair.size()) else {
        return Ok(());
    };
    let measured = measure(args.parts, frames, &mut pipeline)?;
    let findings = Findings {
        bundle: format!("{} {}", bundle.manifest().name, bundle.manifest().version),
        engine: pipeline.engine().to_owned(),
        frame: size,
        parts: args.parts,
        stages: measured.stages,
        cpu_ms_a_part: measured.cpu_ms_a_part,
        allocations_a_part: measured.allocations_a_part,
        peak_memory_mb: process::peak_memory_mb(),
    };
    if args.json {
        write_json(out, &findings)
    } else {
        print(out, &findings)
    }
}

fn measure(
    parts: u64,
    mut frames: Vec<CameraFrame>,
    pipeline: &mut Pipeline,
) -> Result<Measured, EdgeError> {
    let [
        mut prepare,
        mut picture,
        mut infer,
        mut fusion,
        mut score,
        mut whole,
    ] = std::array::from_fn(|_| Latencies::default());
    let [mut rgb, mut geometry] = std::array::from_fn(|_| Latencies::default());
    let mut cpu = Duration::ZERO;
    let mut cpu_known = true;
    let (mut by_all, mut by_engine) = (0, 0);
    let total = WARM_UP + usize::try_from(parts).unwrap_or(usize::MAX);
    // Drawn on standard error, and on a terminal alone.
    let progress = ProgressBar::new(total as u64);
    for round in 0..total {
        progress.inc(1);
        let place = round % frames.len();
        renumber(&mut frames[place], round as u64);
        let frame = &frames[place];
        let name = frame.truth.as_ref().map_or("", |truth| truth.id.as_str());
        let before = process::cpu_time();
        let (inspection, allocated) = allocations::during(|| pipeline.inspect(&frame.pair));
        let after = process::cpu_time();
        let inspection = inspection.map_err(|error| error.into_edge(name))?;
        let (again, allocated_again) = allocations::during(|| {
            pipeline.time_engine(None)?;
            pipeline.time_fusion()
        });
        again?;
        let alone = [Modality::Rgb, Modality::Geometry]
            .map(|modality| pipeline.time_engine(Some(modality)));
        if round < WARM_UP {
            continue;
        }
        by_all += allocated;
        by_engine += allocated_again;
        prepare.push(inspection.timings.prepare);
        picture.push(inspection.timings.picture);
        infer.push(inspection.timings.infer);
        if let Some(took) = inspection.timings.fusion {
            fusion.push(took);
        }
        score.push(inspection.timings.score);
        whole.push(inspection.timings.whole());
        for (latencies, took) in [&mut rgb, &mut geometry].into_iter().zip(alone) {
            if let Some(took) = took? {
                latencies.push(took);
            }
        }
        match (before, after) {
            (Some(before), Some(after)) => cpu += after.saturating_sub(before),
            _ => cpu_known = false,
        }
    }
    progress.finish_and_clear();
    let stages = [
        ("prepare", prepare),
        ("picture", picture),
        ("rgb stage", rgb),
        ("geometry stage", geometry),
        ("engine, both", infer),
        ("fusion", fusion),
        ("score", score),
        ("whole part", whole),
    ]
    .into_iter()
    .filter(|(stage, _)| *stage != "fusion" || pipeline.fuses())
    .map(|(stage, latencies)| StageCost {
        stage,
        p50_ms: latencies.percentile_ms(50.0),
        p99_ms: latencies.percentile_ms(99.0),
    })
    .collect();
    Ok(Measured {
        stages,
        cpu_ms_a_part: cpu_known.then(|| milliseconds(cpu) / parts as f64),
        allocations_a_part: Allocations {
            ours: (by_all as f64 - by_engine as f64) / parts as f64,
            engine: by_engine as f64 / parts as f64,
        },
    })
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

fn print(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    writeln!(
        out,
        "{}, engine {}, frames of {}, {} parts after {WARM_UP} to warm up\n",
        findings.bundle, findings.engine, findings.frame, findings.parts
    )?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["stage", "p50 ms", "p99 ms"]);
    for cost in &findings.stages {
        if let (Some(p50), Some(p99)) = (cost.p50_ms, cost.p99_ms) {
            table.add_row([
                cost.stage.to_owned(),
                format!("{p50:.2}"),
                format!("{p99:.2}"),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}\n")?;
    if let Some(cpu) = findings.cpu_ms_a_part {
        writeln!(out, "CPU time       {cpu:.1} ms a part, all threads")?;
    }
    let Allocations { ours, engine } = findings.allocations_a_part;
    writeln!(
        out,
        "allocations    {ours:.2} a part in our code, {engine:.0} in the engine"
    )?;
    if let Some(peak) = findings.peak_memory_mb {
        writeln!(out, "peak memory    {peak:.0} MB, recording included")?;
    }
    Ok(())
}
