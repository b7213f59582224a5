//! Training: good parts in, a run's folder out.
//!
//! ```text
//! data set ─► product: belt, heights, noise ─► pool of views ─► colour student   ─┐
//!                                           └► pool of views ─► geometry student ─┼► run folder
//!                                 students' stages on good parts and others ─► gate ─┘
//! ```

mod branch;
mod checkpoint;
mod course;
mod differences;
mod error;
mod gate;
mod pool;
mod resume;
mod run;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use twinspect_bundle::{CameraFacts, Manifest};
use twinspect_core::frame::FramePair;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::RgbSpec;
use twinspect_dataset::{Dataset, PartRef, Split};
use twinspect_nn::parameter_count;

use branch::Branch;
pub(crate) use checkpoint::{Checkpoint, CheckpointError};
pub(crate) use course::LOSSES;
use course::Outcome;
pub(crate) use error::TrainError;
use pool::PoolError;
use resume::{Begun, begin};
use run::Run;

use crate::camera_fit::other_distance;
use crate::config::{Join, TrainingConfig};
use crate::cost::{Stopwatch, peak_memory_mib};
use crate::data_hash::{data_hash, hex};
use crate::fusion::{FusionError, GateRecord};
use crate::good_parts::{self, VALIDATION_MIN};
use crate::product::{self, Product};
use crate::run_folder::{Cost, RunRecord, StudentId, file};
use crate::synth::pictures;
use crate::teacher::{self, Teacher, TeacherSource};

/// Fewer good training parts teach nothing.
const PARTS_MIN: usize = 8;

/// What to train on, with what, and where to leave it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The data set's folder.
    pub(crate) data: PathBuf,
    /// The colour teacher.
    pub(crate) teacher: TeacherSource,
    /// The configuration.
    pub(crate) config: TrainingConfig,
    /// The run's folder.
    pub(crate) out: PathBuf,
}

/// How training ended, or one sitting at it.
#[derive(Debug)]
pub(crate) enum Ending<T = Box<RunRecord>> {
    /// All that was to be learnt is.
    Finished(T),
    /// Ctrl-C; the same command goes on from here.
    Interrupted {
        /// What was being trained: a branch, or the gate.
        what: &'static str,
        /// Its steps so far; none where its pictures were being looked at, and of the gate, whose are not kept.
        step: Option<u64>,
    },
}

/// Trains, or goes on training.
pub(crate) fn train(job: &Job, interrupted: &AtomicBool) -> Result<Ending, TrainError> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(job.config.threads);
    let threads = threads.build().map_err(TrainError::Threads)?;
    threads.install(|| train_here(job, interrupted))
}

fn train_here(job: &Job, interrupted: &AtomicBool) -> Result<Ending, TrainError> {
    let watch = Stopwatch::start();
    let config = &job.config;
    let dataset = twinspect_dataset::open(&job.data).map_err(TrainError::Open)?;
    let has = dataset.modalities();
    let (with_rgb, with_geometry) = (
        has.rgb && config.rgb.enabled,
        has.depth && config.geometry.enabled,
    );
    if !with_rgb && !with_geometry {
        return Err(TrainError::NoBranch {
            found: has.to_string(),
        });
    }
    let teacher = with_rgb.then(|| teacher::load(&job.teacher)).transpose()?;
    let parts = good_parts::good(dataset.as_ref(), Split::Train, PARTS_MIN)?;
    // What export needs is asked for now, and not after minutes of training.
    good_parts::good(dataset.as_ref(), Split::Validation, VALIDATION_MIN)?;
    if !Manifest::is_name(dataset.name()) {
        log::warn!(
            "{:?} can't be a product's name ({}): give export a --name",
            dataset.name(),
            Manifest::NAME_RULE
        );
    }
    let textures = match &config.perturbation.textures {
        Some(textures) if config.perturbation.enabled => pictures::read(textures, config.size)?,
        _ => Vec::new(),
    };
    log::info!(
        "{}: {} good training parts, {}",
        dataset.name(),
        parts.len(),
        dataset.layout()
    );
    let frames = good_parts::frames(dataset.as_ref(), &parts)?;
    let rgb = teacher.as_ref().map(|teacher| RgbSpec {
        mean: teacher.normalisation.mean,
        std: teacher.normalisation.deviation,
    });
    let Product { spec, canvases } = product::learn(config, rgb, with_geometry, &parts, &frames)?;
    good_parts::require_sound(dataset.as_ref(), &spec)?;
    let mut record = RunRecord {
        name: dataset.name().to_owned(),
        data: job.data.clone(),
        data_hash: data_hash(dataset.as_ref()).map_err(TrainError::Hash)?,
        teacher: teacher.is_some().then(|| job.teacher.clone()),
        teacher_hash: teacher.as_ref().map(|teacher| teacher.sha256.clone()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        spent: None,
        cost: None,
        training: config.clone(),
        camera: camera_facts(dataset.as_ref(), usual(&frames)),
        prepare: spec,
        gate: None,
    };
    drop(frames);
    if let Some((told_mm, seen_mm)) = other_distance(&record.camera, &record.prepare) {
        log::warn!(
            "{}: distance_to_belt_mm = {told_mm:.1}, and these parts lie {seen_mm:.1} mm away: one of the two, or depth_unit_m, is not this camera's",
            job.data.display()
        );
    }
    let problems = record.camera.problems(&record.prepare);
    if !problems.is_empty() {
        return Err(TrainError::Unfit { problems });
    }
    let (folder, finished) = match begin(job, &mut record)? {
        Begun::Finished(folder, found) => (folder, Some(found)),
        Begun::Open(folder) => (folder, None),
    };
    let run = Run {
        record: &record,
        canvases: &canvases,
        textures: &textures,
        folder: &folder,
        interrupted,
    };
    if let Some(found) = finished {
        return Ok(match heard(run.palette().map(Ending::Finished))? {
            Ending::Finished(()) => {
                log::info!(
                    "{}: trained before, and whole; time and memory are those of then",
                    job.out.display()
                );
                Ending::Finished(found)
            }
            Ending::Interrupted { what, step } => Ending::Interrupted { what, step },
        });
    }
    let sitting = heard(sit(&run, teacher.as_ref(), dataset.as_ref(), &parts[0]))?;
    let mut cost = Cost {
        cpu_seconds: watch.cpu_seconds(),
        wall_seconds: watch.wall_seconds(),
        peak_memory_mib: peak_memory_mib(),
        parameters: 0,
    };
    if let Some(before) = record.spent.take() {
        cost.add(&before);
    }
    match sitting {
        Ending::Interrupted { what, step } => {
            record.spent = Some(cost);
            folder.write(&record)?;
            Ok(Ending::Interrupted { what, step })
        }
        Ending::Finished(learnt) => {
            fs_err::write(folder.losses(), learnt.losses)
                .map_err(file("writing", &folder.losses()))?;
            cost.parameters = learnt.parameters;
            record.cost = Some(cost);
            record.gate = learnt.gate;
            folder.write(&record)?;
            Ok(Ending::Finished(Box::new(record)))
        }
    }
}

/// Rooms that draw pictures, learn prototypes or train the gate tell an interruption as an error; here it is an ending.
fn heard<T>(sitting: Result<Ending<T>, TrainError>) -> Result<Ending<T>, TrainError> {
    let what = match &sitting {
        Err(TrainError::Interrupted { what }) => what,
        Err(TrainError::Pool(PoolError::Interrupted { modality })) => modality.name(),
        Err(TrainError::Gate(FusionError::Interrupted)) => "the gate",
        _ => return sitting,
    };
    Ok(Ending::Interrupted { what, step: None })
}

/// What the record of a run needs of its students.
struct Learnt {
    parameters: usize,
    losses: String,
    gate: Option<GateRecord>,
}

/// Learns what checkpoints do not hold yet.
fn sit(
    run: &Run<'_>,
    teacher: Option<&Teacher>,
    dataset: &dyn Dataset,
    first: &PartRef,
) -> Result<Ending<Learnt>, TrainError> {
    let record = run.record;
    let with_geometry = record.prepare.geometry.is_some();
    run.palette()?;
    let mut learnt = Learnt {
        parameters: 0,
        losses: String::from("branch,step,loss\n"),
        gate: None,
    };
    let mut learn = |modality: Modality, branch: &mut dyn Branch| {
        for student in record.students_of(modality) {
            if student.index > 0 {
                branch.renew(&mut run.rng(student));
            }
            learnt.parameters += parameter_count(branch);
            match run.course(student, branch)? {
                Outcome::Finished(values) => append(&mut learnt.losses, student, &values),
                Outcome::Interrupted { step } => {
                    return Ok(Some(Ending::Interrupted {
                        what: modality.name(),
                        step: Some(step),
                    }));
                }
            }
        }
        Ok::<_, TrainError>(None)
    };
    if let Some(teacher) = teacher
        && let Some(interrupted) = learn(Modality::Rgb, &mut run.rgb_branch(teacher)?)?
    {
        return Ok(interrupted);
    }
    if with_geometry
        && let Some(interrupted) = learn(Modality::Geometry, &mut run.geometry_branch()?)?
    {
        return Ok(interrupted);
    }
    let stages = run.stages(first)?;
    if teacher.is_some() && with_geometry && record.training.fusion.join == Join::Gate {
        learnt.gate = Some(run.gate(dataset, &stages)?);
    }
    Ok(Ending::Finished(learnt))
}

/// What makes two runs the same: data, teacher, constants, and what of the configuration changes what is learnt.
pub(crate) fn identity(record: &RunRecord) -> String {
    use sha2::{Digest, Sha256};
    let facts = (
        &record.data_hash,
        &record.teacher_hash,
        &record.training.for_learning(),
        &record.prepare,
        &record.tool_version,
    );
    hex(&Sha256::digest(
        serde_json::to_vec(&facts).unwrap_or_default(),
    ))
}

/// A frame of the size that most have.
fn usual(frames: &[FramePair]) -> &FramePair {
    let size = good_parts::usual_size(frames.iter().map(FramePair::size));
    let usual = frames.iter().find(|frame| Some(frame.size()) == size);
    usual.unwrap_or(&frames[0])
}

fn camera_facts(dataset: &dyn Dataset, frame: &FramePair) -> CameraFacts {
    CameraFacts {
        depth_unit_m: dataset.camera().and_then(|camera| camera.depth_unit_m),
        distance_mm: dataset
            .camera()
            .and_then(|camera| camera.distance_to_belt_mm),
        frame: frame.size(),
        intrinsics: frame.intrinsics().copied(),
    }
}

fn append(losses: &mut String, student: StudentId, values: &[f32]) {
    for (step, loss) in values.iter().enumerate() {
        losses.push_str(&format!("{student},{},{loss}\n", step + 1));
    }
}
