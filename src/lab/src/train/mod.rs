//! Training: good parts in, a run's folder out.
//!
//! ```text
//! data set ─► product: belt, heights, noise ─► pool of views ─► colour student   ─┐
//!                                           └► pool of views ─► geometry student ─┴► run folder
//! ```

mod branch;
mod checkpoint;
mod course;
mod pool;
mod progress;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use twinspect_bundle::CameraFacts;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{BANK_CHANNELS, Canvas, PrepareSpec, RgbSpec};
use twinspect_dataset::{Dataset, DatasetError, Split};
use twinspect_nn::{Rng, parameter_count, snapshot};
use twinspect_onnx::WeightFormat;

use branch::{Branch, Build, GeometryBranch, RgbBranch};
pub(crate) use checkpoint::{Checkpoint, CheckpointError};
pub(crate) use course::LOSSES;
use course::{Course, CourseError, Outcome};
use pool::{Anomalies, Pool, PoolError};
use progress::Progress;

use crate::config::{BranchConfig, Join, TrainingConfig};
use crate::cost::{Stopwatch, peak_memory_mib};
use crate::data_hash::{data_hash, hex};
use crate::export::{ExportError, TrainedModel, VALIDATION_MIN};
use crate::fusion::{self, FusionError, GateRecord, Lesson};
use crate::good_parts::{self, PartsError};
use crate::product::{self, Product, ProductError};
use crate::run_folder::{Cost, RunError, RunFolder, RunRecord, file};
use crate::student::{Codebook, Descriptor};
use crate::synth::pictures::{self, Picture, PicturesError};
use crate::synth::{Family, Generator, Relief, Sources};
use crate::teacher::{self, Teacher, TeacherError, TeacherSource};

/// Fewer good training parts teach nothing.
const PARTS_MIN: usize = 8;
/// Purpose of the gate's random numbers, beyond those of the modalities.
const GATE: u64 = 16;
/// Descriptors that each part gives to the codebook.
const DESCRIPTORS: usize = 400;

/// Training that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrainError {
    /// The data set's folder.
    #[error("opening the data set")]
    Open(#[source] DatasetError),
    /// Its files.
    #[error("reading the data set's files")]
    Hash(#[source] std::io::Error),
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// What the parts have in common.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// No branch is left.
    #[error("the data set has {found}, and the configuration enables none of it")]
    NoBranch {
        /// What the data set has.
        found: String,
    },
    /// The teacher.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// The user's textures.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
    /// The pool of views.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A course.
    #[error("training the {modality} branch")]
    Course {
        /// The branch.
        modality: Modality,
        /// What went wrong.
        #[source]
        source: CourseError,
    },
    /// The students as networks, for the gate.
    #[error("making the stages that the gate learns from")]
    Stages(#[from] Box<ExportError>),
    /// The gate.
    #[error("training the gate")]
    Gate(#[from] FusionError),
    /// The codebook's file.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The thread pool.
    #[error("starting worker threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

impl TrainError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint().map(Into::into),
            Self::Parts(error) => error.hint(),
            Self::Product(error) => error.hint(),
            Self::NoBranch { .. } => Some("set rgb.enabled or geometry.enabled to true".into()),
            Self::Teacher(error) => error.hint().map(Into::into),
            Self::Pictures(error) => Some(error.hint()),
            Self::Course { source, .. } => source.hint(),
            Self::Stages(error) => error.hint(),
            Self::Checkpoint(error) => error.hint(),
            Self::Run(error) => error.hint(),
            _ => None,
        }
    }
}

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
        /// The branch that was being trained.
        modality: Modality,
        /// Its steps so far.
        step: u64,
    },
}

/// Trains, or goes on training.
pub(crate) fn train(job: &Job, interrupted: &AtomicBool) -> Result<Ending, TrainError> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(job.config.threads);
    threads
        .build()
        .map_err(TrainError::Threads)?
        .install(|| train_here(job, interrupted))
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
    let Product { spec, canvases } =
        product::learn(config.size, rgb, with_geometry, &parts, &frames)?;
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
    let folder = begin(job, &record)?;
    let textures = match &config.perturbation.textures {
        Some(textures) if config.perturbation.enabled => pictures::read(textures, config.size)?,
        _ => Vec::new(),
    };

    let mut parameters = 0;
    let mut losses = String::from("branch,step,loss\n");
    if let Some(teacher) = &teacher {
        let run = Run {
            record: &record,
            canvases: &canvases,
            textures: &textures,
            folder: &folder,
            interrupted,
        };
        let mut branch = run.rgb_branch(teacher)?;
        parameters += parameter_count(&mut branch);
        match run.course(Modality::Rgb, &mut branch)? {
            Outcome::Finished(values) => append(&mut losses, Modality::Rgb, &values),
            Outcome::Interrupted { step } => {
                return Ok(Ending::Interrupted {
                    modality: Modality::Rgb,
                    step,
                });
            }
        }
    }
    if with_geometry {
        let run = Run {
            record: &record,
            canvases: &canvases,
            textures: &textures,
            folder: &folder,
            interrupted,
        };
        let mut branch = run.geometry_branch()?;
        parameters += parameter_count(&mut branch);
        match run.course(Modality::Geometry, &mut branch)? {
            Outcome::Finished(values) => append(&mut losses, Modality::Geometry, &values),
            Outcome::Interrupted { step } => {
                return Ok(Ending::Interrupted {
                    modality: Modality::Geometry,
                    step,
                });
            }
        }
    }
    if with_rgb && with_geometry && config.fusion.join == Join::Gate {
        record.gate = Some(train_gate(
            &folder,
            &record,
            dataset.as_ref(),
            &canvases,
            &textures,
        )?);
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

/// Trains the gate on what the finished students' stages answer, and saves it.
fn train_gate(
    folder: &RunFolder,
    record: &RunRecord,
    dataset: &dyn Dataset,
    canvases: &[Canvas],
    textures: &[Picture],
) -> Result<GateRecord, TrainError> {
    let spec = &record.prepare;
    let model = TrainedModel::load(folder, record).map_err(Box::new)?;
    let stages = model.stages(spec).map_err(Box::new)?;
    let parts = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?;
    let frames = good_parts::frames(dataset, &parts)?;
    let validation = good_parts::canvases(spec, &parts, &frames)?;
    let lesson = Lesson {
        spec,
        pose: &record.training.pose,
        stages: &stages,
        views: &TrainedModel::views(record),
        training: canvases,
        validation: &validation,
        generator: generator(spec, canvases, textures),
        seed: Rng::new(record.training.seed).derive(GATE).next_u64(),
    };
    let mut progress: Option<Progress> = None;
    let (mut gate, facts) = fusion::train_gate(&lesson, |step, steps, loss| {
        let bar = progress.get_or_insert_with(|| Progress::new("gate", steps));
        bar.loss(step, loss);
    })?;
    if let Some(bar) = progress {
        bar.finish();
    }
    log::info!("{facts}");
    let saved = Checkpoint {
        step: facts.epoch,
        run: identity(record),
        state: snapshot(&mut gate),
    };
    saved.write(&folder.gate())?;
    Ok(facts)
}

/// What pseudo-anomalies of a product are made with.
fn generator<'a>(
    spec: &PrepareSpec,
    canvases: &'a [Canvas],
    textures: &'a [Picture],
) -> Generator<'a> {
    let relief = spec.geometry.as_ref();
    Generator {
        family: Family::Perlin,
        relief: relief.map(|geometry| Relief::measure(geometry, canvases)),
        sources: Sources {
            parts: canvases,
            pictures: textures,
        },
    }
}

/// Opens the run's folder; another run's is refused.
fn begin(job: &Job, record: &RunRecord) -> Result<RunFolder, RunError> {
    let folder = RunFolder::create(&job.out)?;
    match folder.read()? {
        Some(found) if identity(&found) != identity(record) => Err(RunError::Foreign {
            path: job.out.clone(),
        }),
        Some(_) => Ok(folder),
        None => {
            folder.write(record)?;
            Ok(folder)
        }
    }
}

/// What makes two runs the same: data, teacher, constants and configuration, but for the number of
/// threads, which changes no result.
fn identity(record: &RunRecord) -> String {
    use sha2::{Digest, Sha256};
    let training = TrainingConfig {
        threads: 0,
        ..record.training.clone()
    };
    let facts = (
        &record.data_hash,
        &record.teacher_hash,
        &training,
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

fn append(losses: &mut String, modality: Modality, values: &[f32]) {
    for (step, loss) in values.iter().enumerate() {
        losses.push_str(&format!("{modality},{},{loss}\n", step + 1));
    }
}

/// One run, with the parts on the grid.
struct Run<'a> {
    record: &'a RunRecord,
    canvases: &'a [Canvas],
    textures: &'a [Picture],
    folder: &'a RunFolder,
    interrupted: &'a AtomicBool,
}

impl Run<'_> {
    fn spec(&self) -> &PrepareSpec {
        &self.record.prepare
    }

    fn rgb_branch(&self, teacher: &Teacher) -> Result<RgbBranch, TrainError> {
        let config = &self.record.training;
        let pool = self.pool(config.rgb.views, Modality::Rgb);
        // The teacher as it will ship: rounding its weights moves its features.
        let network = teacher.taps_onnx(config.size, WeightFormat::F16)?;
        let progress = Progress::new("rgb: teacher", pool.len() as u64);
        let samples = pool.teacher_samples(&network, || progress.step())?;
        progress.finish();
        let build = self.build(Modality::Rgb);
        let mut rng = self.rng(Modality::Rgb);
        Ok(RgbBranch::new(teacher.channels, build, samples, &mut rng))
    }

    fn geometry_branch(&self) -> Result<GeometryBranch, TrainError> {
        let config = &self.record.training.geometry;
        let samples = self.pool(config.views, Modality::Geometry).bank_samples()?;
        let mut rng = self.rng(Modality::Geometry);
        let plain = &samples.good[..self.canvases.len()];
        let book = Codebook::learn(&descriptors(plain, &mut rng), &mut rng);
        let state = [("prototypes", book.prototypes()), ("radii", book.radii())];
        let state = state.map(|(name, values)| (name.to_owned(), values.to_vec()));
        let saved = Checkpoint {
            step: 0,
            run: identity(self.record),
            state: state.into(),
        };
        saved.write(&self.folder.codebook())?;
        let build = self.build(Modality::Geometry);
        Ok(GeometryBranch::new(build, samples, &mut rng))
    }

    fn build(&self, modality: Modality) -> Build {
        let config = &self.record.training;
        Build {
            side: self.spec().map_size(),
            width: config.branch(modality).width,
            refinement: config.refinement.enabled,
            losses: config.losses,
        }
    }

    fn pool(&self, views: usize, modality: Modality) -> Pool<'_> {
        Pool {
            spec: self.spec(),
            canvases: self.canvases,
            pose: &self.record.training.pose,
            views,
            seed: self.rng(modality).derive(1).next_u64(),
            modality,
            anomalies: self.anomalies(),
        }
    }

    fn anomalies(&self) -> Option<Anomalies<'_>> {
        let config = &self.record.training.perturbation;
        config.enabled.then(|| Anomalies {
            generator: generator(self.spec(), self.canvases, self.textures),
            defects: config.defects,
        })
    }

    fn rng(&self, modality: Modality) -> Rng {
        Rng::new(self.record.training.seed).derive(modality as u64)
    }

    fn course(&self, modality: Modality, branch: &mut dyn Branch) -> Result<Outcome, TrainError> {
        let config: &BranchConfig = self.record.training.branch(modality);
        let seen = config.passes * self.canvases.len();
        let course = Course {
            batch: config.batch,
            steps: seen.div_ceil(config.batch) as u64,
            learning_rate: config.learning_rate,
            // Colour as RD4AD has it; the geometry student learns better with a longer memory.
            betas: match modality {
                Modality::Rgb => (0.5, 0.999),
                Modality::Geometry => (0.9, 0.999),
            },
            seed: self.rng(modality).derive(2).next_u64(),
            run: identity(self.record),
            checkpoint: self.folder.checkpoint(modality),
        };
        let mut progress = Progress::new(modality.name(), course.steps);
        let outcome = course.run(branch, self.interrupted, |step, loss| {
            progress.loss(step, loss)
        });
        progress.finish();
        outcome.map_err(|source| TrainError::Course { modality, source })
    }
}

/// Descriptors at random places of each part.
fn descriptors(samples: &[pool::BankSample], rng: &mut Rng) -> Vec<Descriptor> {
    let mut all = Vec::with_capacity(samples.len() * DESCRIPTORS);
    for sample in samples {
        let plane = sample.region.len();
        let mut places: Vec<usize> = (0..plane).filter(|&i| sample.region[i] > 0.5).collect();
        rng.shuffle(&mut places);
        places.truncate(DESCRIPTORS);
        let at = |place: usize| -> Descriptor {
            std::array::from_fn(|channel: usize| sample.channels[channel * plane + place])
        };
        all.extend(places.into_iter().map(at));
    }
    if all.is_empty() {
        all.push([0.0; BANK_CHANNELS]);
    }
    all
}
