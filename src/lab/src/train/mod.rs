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
mod run;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use twinspect_bundle::{CameraFacts, Manifest};
use twinspect_core::modality::Modality;
use twinspect_core::prepare::RgbSpec;
use twinspect_dataset::{Dataset, Split};
use twinspect_nn::parameter_count;

use branch::Branch;
pub(crate) use checkpoint::{Checkpoint, CheckpointError};
pub(crate) use course::LOSSES;
use course::{CourseError, Outcome};
use differences::differences;
pub(crate) use error::TrainError;
use pool::PoolError;
use run::Run;

use crate::camera_fit::other_distance;
use crate::config::{Join, TrainingConfig};
use crate::cost::{Stopwatch, peak_memory_mib};
use crate::data_hash::{data_hash, hex};
use crate::fusion::FusionError;
use crate::good_parts::{self, VALIDATION_MIN};
use crate::product::{self, Product};
use crate::run_folder::{Cost, RunError, RunFolder, RunRecord, StudentId, file};
use crate::synth::pictures;
use crate::teacher::{self, TeacherSource};

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

/// How training ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The run is whole.
    Finished(Box<RunRecord>),
    /// Ctrl-C; the same command goes on from here.
    Interrupted {
        /// What was being trained: a branch, or the gate.
        what: &'static str,
        /// Its steps so far. The gate's are not kept.
        step: u64,
    },
}

/// Trains, or goes on training.
pub(crate) fn train(job: &Job, interrupted: &AtomicBool) -> Result<Ending, TrainError> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(job.config.threads);
    let trained = threads
        .build()
        .map_err(TrainError::Threads)?
        .install(|| train_here(job, interrupted));
    match trained {
        Err(TrainError::Pool(PoolError::Interrupted { modality })) => Ok(Ending::Interrupted {
            what: modality.name(),
            step: 0,
        }),
        Err(TrainError::Gate(FusionError::Interrupted)) => Ok(Ending::Interrupted {
            what: "the gate",
            step: 0,
        }),
        trained => trained,
    }
}

fn train_here(job: &Job, interrupted: &AtomicBool) -> Result<Ending, TrainError> {
    let watch = Stopwatch::start();
    let config = &job.config;
    let dataset = twinspect_dataset::open(&job.data).map_err(TrainError::Open)?;
    require_apart(&job.out, dataset.root())?;
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
    let Product { spec, canvases } = product::learn(
        config.size,
        rgb,
        with_geometry,
        config.ground.enabled,
        &parts,
        &frames,
    )?;
    good_parts::require_sound(dataset.as_ref(), &spec)?;
    let mut record = RunRecord {
        name: dataset.name().to_owned(),
        data: job.data.clone(),
        data_hash: data_hash(dataset.as_ref()).map_err(TrainError::Hash)?,
        teacher: teacher.is_some().then(|| job.teacher.clone()),
        teacher_hash: teacher.as_ref().map(|teacher| teacher.sha256.clone()),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        cost: None,
        training: config.clone(),
        camera: camera_facts(dataset.as_ref(), &frames[0]),
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
    let (folder, finished) = match begin(job, &record)? {
        Begun::Finished(folder, found) => (folder, Some(found)),
        Begun::Open(folder) => (folder, None),
    };
    let mut parameters = 0;
    let mut losses = String::from("branch,step,loss\n");
    let run = Run {
        record: &record,
        canvases: &canvases,
        textures: &textures,
        folder: &folder,
        interrupted,
    };
    run.palette()?;
    if let Some(found) = finished {
        return Ok(Ending::Finished(found));
    }
    let mut learn = |modality: Modality, branch: &mut dyn Branch| {
        for student in record.students_of(modality) {
            if student.index > 0 {
                branch.renew(&mut run.rng(student));
            }
            parameters += parameter_count(branch);
            match run.course(student, branch)? {
                Outcome::Finished(values) => append(&mut losses, student, &values),
                Outcome::Interrupted { step } => {
                    let what = modality.name();
                    return Ok(Some(Ending::Interrupted { what, step }));
                }
            }
        }
        Ok::<_, TrainError>(None)
    };
    if let Some(teacher) = &teacher
        && let Some(interrupted) = learn(Modality::Rgb, &mut run.rgb_branch(teacher)?)?
    {
        return Ok(interrupted);
    }
    if with_geometry
        && let Some(interrupted) = learn(Modality::Geometry, &mut run.geometry_branch()?)?
    {
        return Ok(interrupted);
    }
    let stages = run.stages(&parts[0])?;
    if with_rgb && with_geometry && config.fusion.join == Join::Gate {
        record.gate = Some(run.gate(dataset.as_ref(), &stages)?);
    }
    fs_err::write(folder.losses(), losses).map_err(file("writing", &folder.losses()))?;
    record.cost = Some(Cost {
        cpu_seconds: watch.cpu_seconds(),
        wall_seconds: watch.wall_seconds(),
        peak_memory_mib: peak_memory_mib(),
        parameters,
    });
    folder.write(&record)?;
    Ok(Ending::Finished(Box::new(record)))
}

/// Refuses a run's folder in the data set, whose files would become part of it.
fn require_apart(out: &Path, data: &Path) -> Result<(), TrainError> {
    // The folder itself may not be there yet.
    let real = |path: &Path| {
        let path = std::path::absolute(path).ok()?;
        path.ancestors().find_map(|path| path.canonicalize().ok())
    };
    let inside = real(out).zip(real(data));
    match inside.is_some_and(|(out, data)| out.starts_with(data)) {
        true => Err(TrainError::OutInData {
            out: out.to_owned(),
            data: data.to_owned(),
        }),
        false => Ok(()),
    }
}

/// What there is to do in a run's folder.
enum Begun {
    /// Something, from the start or from checkpoints.
    Open(RunFolder),
    /// Nothing but what no student knows of: the same run has been trained to its end.
    Finished(RunFolder, Box<RunRecord>),
}

/// Opens the run's folder; another run's is refused.
fn begin(job: &Job, record: &RunRecord) -> Result<Begun, TrainError> {
    let folder = RunFolder::create(&job.out)?;
    match folder.read()? {
        Some(found) if identity(&found) != identity(record) => Err(RunError::Foreign {
            path: job.out.clone(),
            differences: differences(&found, record),
        }
        .into()),
        Some(mut found) if found.cost.is_some() && is_whole(&folder, &found)? => {
            log::info!(
                "{}: trained before, and whole; time and memory are those of then",
                job.out.display()
            );
            if found.training.fusion != job.config.fusion
                && found.prepare.rgb.is_some()
                && found.prepare.geometry.is_some()
            {
                log::warn!(
                    "{}: colour and height were joined by: {}; from now on by: {}",
                    job.out.display(),
                    found.training.fusion.join,
                    job.config.fusion.join
                );
            }
            let (fusion, palette) = (job.config.fusion, job.config.palette);
            if found.prepare.rgb.is_some() && found.training.palette != palette {
                let how = if palette.enabled { "with" } else { "without" };
                log::warn!(
                    "{}: from now on {how} a palette; figures of before are of the other model",
                    job.out.display()
                );
            }
            if (found.training.fusion, found.training.palette) != (fusion, palette) {
                found.training.fusion = fusion;
                found.training.palette = palette;
                folder.write(&found)?;
            }
            Ok(Begun::Finished(folder, Box::new(found)))
        }
        Some(_) => Ok(Begun::Open(folder)),
        None => {
            refuse_foreign(&folder, record)?;
            folder.write(record)?;
            Ok(Begun::Open(folder))
        }
    }
}

/// Refuses checkpoints of another run in a folder that has lost its record, before the record of this one lies there.
fn refuse_foreign(folder: &RunFolder, record: &RunRecord) -> Result<(), TrainError> {
    let run = identity(record);
    for student in record.students() {
        let path = folder.checkpoint(student);
        // A damaged one is told when its turn comes.
        if let Ok(Some(found)) = Checkpoint::read(&path)
            && found.run != run
        {
            return Err(TrainError::Course {
                modality: student.modality,
                source: CourseError::Foreign { path },
            });
        }
    }
    Ok(())
}

/// Whether all that a finished run has learnt is still there; what has gone is learnt anew, and what is another run's is not there.
fn is_whole(folder: &RunFolder, record: &RunRecord) -> Result<bool, CheckpointError> {
    let run = identity(record);
    let lies = |path: &Path| {
        let found = Checkpoint::read(path)?;
        Ok::<_, CheckpointError>(found.is_some_and(|found| found.run == run))
    };
    let geometry = record.prepare.geometry.is_some();
    for student in record.students() {
        if !lies(&folder.checkpoint(student))? {
            return Ok(false);
        }
    }
    let files = [
        (
            record.prepare.rgb.is_some() && record.training.memory.enabled,
            folder.memory(),
        ),
        (geometry, folder.codebook()),
        (record.gate.is_some(), folder.gate()),
    ];
    for (belongs, path) in files {
        if belongs && !lies(&path)? {
            return Ok(false);
        }
    }
    Ok(true)
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

fn camera_facts(dataset: &dyn Dataset, frame: &twinspect_core::frame::FramePair) -> CameraFacts {
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
