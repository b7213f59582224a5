//! `twinspect engine build`: plans for this board, and the proof that they can be trusted.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;
use twinspect_engine::tensorrt::{BuildLimits, BuildScope, BuildStep};
use twinspect_engine::{StageName, TractEngine, provable};

use super::folder::{BuildLock, check_folder, make_folder};
use super::{PlansPlace, open_board, take_mark};
use crate::background;
use crate::cli::BuildArgs;
use crate::config::PrecisionChoice;
use crate::engines::{BoardReport, OnGpu};
use crate::error::EdgeError;
use crate::records::plain;
use crate::replay::write_json;

/// A spinner turns so often.
const TURN: Duration = Duration::from_millis(120);

/// What was done. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    bundle: PathBuf,
    name: String,
    version: String,
    hash: String,
    plans: PathBuf,
    board: BoardReport,
    stages: Vec<StagePlan>,
    #[serde(flatten)]
    compared: OnGpu,
}

#[derive(Serialize)]
struct StagePlan {
    stage: String,
    /// Of numbers in convolutions.
    bits: u32,
    /// A good plan was there already.
    kept: bool,
    build_s: Option<f64>,
}

/// Builds what is missing, and compares what comes of it with tract.
pub(super) fn build(args: &BuildArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    if args.end_with_parent {
        background::end_with_parent()?;
    }
    // Before any library makes a thread: Linux counts niceness by thread, and new ones have their maker's.
    background::give_way()?;
    let place = PlansPlace::of(&args.plans)?;
    let path = args.bundle.as_ref().or(place.bundle.as_ref());
    let Some(path) = path.cloned() else {
        return Err(EdgeError::Usage {
            message: "no bundle is named".to_owned(),
            hint: "name it with --bundle, or a station with --config",
        });
    };
    let bundle = crate::model::open(&path)?;
    // Before a build of minutes, and whatever there is to build with: what tract does not take is the bundle's fault, whatever
    // TensorRT would say of it, and plans of a bundle that proves nothing would never be trusted.
    TractEngine::load(&bundle)?;
    provable(&bundle).map_err(|source| EdgeError::Proof {
        bundle: bundle.path().to_owned(),
        source: Box::new(source),
    })?;
    check_folder(&place.folder)?;
    let board = open_board()?;
    make_folder(&place.folder)?;
    let _held = BuildLock::take(&place.folder)?;
    let plans = place.store();
    if !args.json {
        writeln!(out, "board     {}", board.facts())?;
        writeln!(out, "plans     {}", plain(&place.folder.to_string_lossy()))?;
    }
    let scope = if args.again {
        BuildScope::All
    } else {
        BuildScope::Lacking
    };
    let limits = BuildLimits {
        workspace_bytes: args.workspace_mb << 20,
    };
    let mut progress = Progress::new();
    let mut stages = Vec::new();
    let wanted = args.precision.unwrap_or(place.precision);
    let mut build = |precision: PrecisionChoice| -> Result<(), EdgeError> {
        progress.bits = precision.bits();
        let mut told = |step| stages.extend(progress.step(step));
        let built = plans.build(&board, &bundle, precision.into(), scope, &limits, &mut told);
        progress.finish();
        Ok(built?)
    };
    let compared = OnGpu::of(&bundle, &board, &plans, wanted, &mut build)?;
    // Whatever had ended the board, this has not.
    take_mark(&place.folder);
    if !args.json {
        for stage in &stages {
            let StagePlan {
                stage,
                bits,
                build_s,
                ..
            } = stage;
            match build_s {
                Some(seconds) => {
                    writeln!(out, "built     {stage}, {bits} bits, in {seconds:.1} s")?
                }
                None => writeln!(out, "kept      {stage}, {bits} bits")?,
            }
        }
        compared.print(out)?;
        return compared.into_verdict();
    }
    let manifest = bundle.manifest();
    let findings = Findings {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        hash: bundle.hash().to_owned(),
        bundle: path,
        plans: place.folder,
        board: board.facts().into(),
        stages,
        compared,
    };
    write_json(out, &findings)?;
    findings.compared.into_verdict()
}

/// One spinner on standard error, on a terminal alone; elsewhere the log tells.
struct Progress {
    bar: ProgressBar,
    bits: u32,
    since: Instant,
}

impl Progress {
    fn new() -> Self {
        Self {
            bar: ProgressBar::new_spinner(),
            bits: PrecisionChoice::Fp32.bits(),
            since: Instant::now(),
        }
    }

    /// What is done with by this step.
    fn step(&mut self, step: BuildStep) -> Option<StagePlan> {
        let told = |stage: StageName, kept, build_s| {
            Some(StagePlan {
                stage: stage.to_string(),
                bits: match stage {
                    StageName::Of(_) => self.bits,
                    StageName::Fusion => PrecisionChoice::Fp32.bits(),
                },
                kept,
                build_s,
            })
        };
        match step {
            BuildStep::Kept(stage) => {
                log::info!("{stage}: a good plan is there");
                told(stage, true, None)
            }
            BuildStep::Building(stage) => {
                log::info!("{stage}: building, which takes minutes on a board");
                self.since = Instant::now();
                self.bar.enable_steady_tick(TURN);
                self.bar.set_message(format!(
                    "building the plan of {stage}: minutes on a board; Ctrl-C loses this one alone"
                ));
                None
            }
            BuildStep::Built(stage) => {
                let took = self.since.elapsed().as_secs_f64();
                log::info!("{stage}: built in {took:.1} s");
                told(stage, false, Some(took))
            }
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
