//! `twinspect check`: what a configuration means, and whether a bundle can be trusted here.

mod camera;
mod engine;
mod line;
mod places;
mod presence;
mod warnings;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use twinspect_bundle::{Bundle, Manifest, Recalibration};
use twinspect_camera::{Repeat, ReplayCamera};
use twinspect_core::score::DegradedPolicy;
use twinspect_engine::StageName;

use self::presence::Presence;
use crate::cameras;
use crate::cli::CheckArgs;
use crate::config::{self, CameraSource, EngineSpec, LineSource, Loaded, Setting, Station};
use crate::engines::{self, Gpu};
use crate::error::EdgeError;
use crate::health::counted;
use crate::latency::milliseconds;
use crate::model;
use crate::pipeline::Pipeline;
use crate::records::plain;
use crate::replay::write_json;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Vec<Setting>>,
    bundle: PathBuf,
    name: String,
    version: String,
    hash: String,
    /// The networks, in the order in which a part meets them.
    stages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recalibration: Option<Recalibration>,
    threshold: Line,
    engine: Engine,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<Camera>,
    /// What a camera that watches the belt would see of recorded parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<Presence>,
    /// Where pictures of rejected parts go, which was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    records_folder: Option<PathBuf>,
    /// What belongs to the station and takes a look of its own.
    not_looked_at: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    evidence: f32,
    target_rate: f64,
    good_parts: usize,
    rate_bound_95: f64,
}

#[derive(Serialize)]
struct Engine {
    name: String,
    /// Why it is this one.
    why: String,
    /// In the place of a GPU that can't be used.
    stands_in: bool,
    goldens: usize,
    /// Largest difference of a map, as a share of the golden's range.
    worst_map_share: f32,
    tolerance: f32,
    /// Largest difference of the evidence, as a share of the threshold.
    worst_evidence_share: f32,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<f64>,
}

#[derive(Serialize)]
struct Camera {
    recording: PathBuf,
    parts: usize,
}

/// Checks a configuration, a bundle, or both.
pub(crate) fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    // Camera and wires are looked at before there is a model, too.
    let load = |path: &Path| match args.camera || args.line {
        true => config::load_without_model(path),
        false => config::load(path),
    };
    let loaded = args.config.as_deref().map(load).transpose()?;
    if let Some(loaded) = loaded.as_ref().filter(|_| args.line) {
        return line::check_line(&loaded.station, args, out);
    }
    let looked_through = loaded.as_ref().filter(|_| args.camera);
    if let (Some(config), Some(loaded)) = (&args.config, looked_through) {
        return camera::check_camera(config, &loaded.station, args, out);
    }
    let station = loaded.as_ref().map(|loaded| &loaded.station);
    let path = match (&args.bundle, station) {
        (Some(bundle), _) => bundle.clone(),
        (None, Some(station)) => station.bundle.resolve()?,
        (None, None) => return Ok(()),
    };
    if args.engine {
        return engine::check_engine(path, station, args, out);
    }
    if let Some(loaded) = loaded.as_ref().filter(|_| !args.json) {
        print_settings(out, loaded)?;
    }
    let findings = examine(&path, loaded)?;
    if args.json {
        write_json(out, &findings)
    } else {
        print_findings(out, &findings)
    }
}

fn examine(path: &Path, loaded: Option<Loaded>) -> Result<Findings, EdgeError> {
    let bundle = model::open(path)?;
    let station = loaded.as_ref().map(|loaded| &loaded.station);
    let camera = station
        .map(|station| open_camera(&bundle, &station.camera))
        .transpose()?
        .flatten();
    let watched = station.and_then(|station| Some((station.watch?, &station.camera)));
    let presence = watched
        .map(|(watch, camera)| presence::look_at(&bundle, watch, camera))
        .transpose()?
        .flatten();
    let records = station.and_then(|station| station.records.as_ref());
    let records_folder = records.map(|records| records.ring.folder.clone());
    station.map_or(Ok(()), places::require)?;
    let wanted = station.map_or_else(EngineSpec::cpu, |station| station.engine.clone());
    let chosen = engines::choose(&bundle, &wanted, Gpu::Granted)?;
    let mut pipeline = Pipeline::new(&bundle, DegradedPolicy::default(), chosen)?;
    let allowed = station.map_or(Duration::MAX, Station::time_to_judge);
    let speed = pipeline.speed(&bundle, allowed)?;
    let deadline_ms = station
        .map(|station| milliseconds(Duration::from_micros(station.decisions.gate.deadline_us)));
    let manifest = bundle.manifest();
    let line = &manifest.score.fused;
    let mut warnings = Vec::new();
    let stands_in_for = pipeline.role().stands_in_for();
    let stands_in = stands_in_for.is_some();
    if let Some(missing) = stands_in_for {
        warnings.push(format!(
            "engine {} stands in for {missing}: {}",
            pipeline.engine(),
            pipeline.why()
        ));
    }
    if let (Some(speed), Some(deadline_ms)) = (speed, deadline_ms)
        && !speed.suffices(allowed)
    {
        let end = if stands_in {
            "READY will stay low"
        } else {
            "parts will be rejected as late"
        };
        warnings.push(format!(
            "engine {} needs {:.1} ms (p99) for a part, the deadline is {deadline_ms:.1} ms: {end}",
            pipeline.engine(),
            speed.p99_ms
        ));
    }
    if let (Some((watch, _)), Some(presence)) = (watched, presence) {
        warnings.extend(presence.warnings(watch));
    }
    warnings.extend(station.and_then(|station| model::unsigned(station, &bundle)));
    warnings.extend(model::far_lines::warnings(manifest));
    warnings.extend(station.map_or(Vec::new(), warnings::of));
    warnings.extend(station.map_or(Vec::new(), places::warnings));
    if line.rate_bound_95 > line.target_rate {
        warnings.push(format!(
            "{} good parts alone show a false-reject rate of at most {:.1} % with 95 % confidence, \
             the target is {:.2} %",
            line.good_parts,
            100.0 * line.rate_bound_95,
            100.0 * line.target_rate
        ));
    }
    let proof = pipeline.proof();
    Ok(Findings {
        bundle: path.to_owned(),
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        hash: bundle.hash().to_owned(),
        stages: stages(manifest),
        recalibration: manifest.recalibration.clone(),
        threshold: Line {
            evidence: line.evidence,
            target_rate: line.target_rate,
            good_parts: line.good_parts,
            rate_bound_95: line.rate_bound_95,
        },
        engine: Engine {
            name: pipeline.engine().to_owned(),
            why: pipeline.why().to_owned(),
            stands_in,
            goldens: proof.goldens,
            worst_map_share: proof.worst.share,
            tolerance: proof.tolerance,
            worst_evidence_share: proof.evidence_share,
            p50_ms: speed.map(|speed| speed.p50_ms),
            p99_ms: speed.map(|speed| speed.p99_ms),
            deadline_ms,
        },
        camera,
        presence,
        records_folder,
        not_looked_at: station.map_or(Vec::new(), not_looked_at),
        warnings,
        settings: loaded.map(|loaded| loaded.settings),
    })
}

/// Hardware, with the command that looks at it.
fn not_looked_at(station: &Station) -> Vec<String> {
    let mut left = Vec::new();
    if matches!(
        station.camera,
        CameraSource::RealSense(_) | CameraSource::V4l2(_)
    ) {
        left.push("the camera: `twinspect check --config FILE --camera`".to_owned());
    }
    if matches!(station.line, LineSource::Gpio { .. }) {
        left.push("the wires: `twinspect check --config FILE --line`".to_owned());
    }
    left
}

fn stages(manifest: &Manifest) -> Vec<String> {
    let modalities = manifest.stages.present();
    let fusion = manifest.stages.fusion.iter().map(|_| StageName::Fusion);
    modalities
        .map(|(modality, _)| StageName::Of(modality))
        .chain(fusion)
        .map(|stage| stage.to_string())
        .collect()
}

/// Opens the station's recorded parts and holds them against the bundle, or what is known of a camera before it is
/// there. It may be in use by the station that runs: it is opened on request alone.
fn open_camera(bundle: &Bundle, source: &CameraSource) -> Result<Option<Camera>, EdgeError> {
    let Some(recording) = source.recording() else {
        cameras::check_beforehand(source, bundle)?;
        return Ok(None);
    };
    // As the station does: a simulated belt asks more of its parts.
    cameras::open(source, bundle, 0)?;
    let dataset = cameras::parts_of(recording)?;
    let camera = ReplayCamera::new(dataset, recording.split, Repeat::Once)?;
    Ok(Some(Camera {
        recording: recording.folder.clone(),
        parts: camera.parts().len(),
    }))
}

fn print_settings(out: &mut dyn Write, loaded: &Loaded) -> Result<(), EdgeError> {
    writeln!(out, "configuration")?;
    for setting in &loaded.settings {
        let origin = if setting.is_default {
            "  (default)"
        } else {
            ""
        };
        writeln!(out, "  {:<30} {}{origin}", setting.key, setting.value)?;
    }
    writeln!(out)?;
    Ok(())
}

fn print_findings(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    let Findings {
        threshold, engine, ..
    } = findings;
    writeln!(
        out,
        "bundle    {} {}, {}\n          sha256 {}\n\
         stages    {}\n\
         threshold {:.3} sd for a false-reject rate of {:.2} %; \
         {} good parts alone show at most {:.1} % with 95 % confidence\n\
         engine    {}: {} reproduced to {:.1e} of the range (tolerance {:.1e}), \
         evidence to {:.1e} of the threshold",
        findings.name,
        findings.version,
        plain(&findings.bundle.to_string_lossy()),
        findings.hash,
        findings.stages.join(", "),
        threshold.evidence,
        100.0 * threshold.target_rate,
        threshold.good_parts,
        100.0 * threshold.rate_bound_95,
        engine.name,
        counted(engine.goldens as u64, "golden"),
        engine.worst_map_share,
        engine.tolerance,
        engine.worst_evidence_share,
    )?;
    writeln!(out, "          chosen since: {}", engine.why)?;
    if let Some(recalibration) = &findings.recalibration {
        writeln!(
            out,
            "fitted    {} to {} good parts of {}; before that it was {}",
            recalibration.created,
            recalibration.good_parts,
            plain(&recalibration.data),
            recalibration.from
        )?;
    }
    if let (Some(p50), Some(p99)) = (engine.p50_ms, engine.p99_ms) {
        let deadline = engine.deadline_ms.map_or(String::new(), |deadline| {
            format!(", deadline {deadline:.1} ms")
        });
        writeln!(
            out,
            "latency   p50 {p50:.1} ms, p99 {p99:.1} ms a part{deadline}"
        )?;
    }
    if let Some(camera) = &findings.camera {
        writeln!(
            out,
            "camera    replay of {} parts of {}, fits the bundle's camera",
            camera.parts,
            plain(&camera.recording.to_string_lossy())
        )?;
    }
    if let Some(presence) = &findings.presence {
        writeln!(
            out,
            "presence  recorded parts cover {:.3} to {:.3} of the region of interest, {} of {} wholly inside \
             its margin",
            presence.least_share, presence.largest_share, presence.whole, presence.parts
        )?;
    }
    if let Some(folder) = &findings.records_folder {
        let folder = plain(&folder.to_string_lossy());
        writeln!(out, "records   {folder} can be written to")?;
    }
    for left in &findings.not_looked_at {
        writeln!(out, "not yet   {left}")?;
    }
    for warning in &findings.warnings {
        writeln!(out, "\x1b[33mwarning\x1b[0m   {}", plain(warning))?;
    }
    if findings.warnings.is_empty() {
        writeln!(out, "all is well")?;
    }
    Ok(())
}
