//! From a finished run to a bundle that the device's own engine has reproduced.
//!
//! ```text
//! run folder ─► networks with the weights that ship ─► ONNX ─► engine on good parts ─► calibration
//!                            └► trainer's maps of two parts = goldens ─► engine proves ─► bundle
//! ```

mod fusion;
mod goldens;
mod manifest;
mod model;
mod stages;

use std::path::{Path, PathBuf};

use twinspect_bundle::{Bundle, BundleBuilder, BundleError, Manifest, Version, require_vacant};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::picture::{PictureExpectation, PictureMeter};
use twinspect_core::prepare::{PrepareSpec, PreparedPart, Preparer};
use twinspect_core::score::{
    self, FitError, Fuse, FusionInputs, FusionMaps, GoodPart, ScoreCalibration,
};
use twinspect_dataset::{Dataset, PartRef, Split};
use twinspect_engine::tract::ModelError;
use twinspect_engine::{EngineError, Proof, ProofError, TractEngine, prove};
use twinspect_nn::RestoreError;
use twinspect_onnx::GraphError;

use crate::config::Join;
use crate::data_hash::data_hash;
use crate::good_parts::{self, PartsError, VALIDATION_MIN};
use crate::run_folder::{RunError, RunFolder, RunRecord};
use crate::spread::spread;
use crate::teacher::{TeacherError, TeacherSource};
use crate::train::CheckpointError;
use fusion::Fusion;
pub(crate) use model::TrainedModel;
pub(crate) use stages::DeviceStages;

/// What helps where weights or answers are no numbers.
const DIVERGED: &str =
    "the training has diverged: lower the branch's learning_rate, and train into another --out";

/// A run that cannot become a bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A name that no product may have.
    #[error("{name:?} can't be a product's name: expected {}", Manifest::NAME_RULE)]
    Name {
        /// The name.
        name: String,
    },
    /// The data set.
    #[error("opening the data set of the run")]
    Data(#[source] twinspect_dataset::DatasetError),
    /// The data set is no more where it was.
    #[error("the data set of the run is not at {}, where it was trained on", data.display())]
    Moved {
        /// Where it was.
        data: PathBuf,
        /// What is there now.
        #[source]
        source: Box<twinspect_dataset::DatasetError>,
    },
    /// Its files.
    #[error("reading the data set's files")]
    Hash(#[source] std::io::Error),
    /// Another data set, or a changed one.
    #[error(
        "{} is not the data set that the run in {} was trained on: its files have SHA-256 {found}, the run's had {expected}",
        data.display(), run.display()
    )]
    OtherData {
        /// The data set.
        data: PathBuf,
        /// The run's folder.
        run: PathBuf,
        /// The run's hash.
        expected: String,
        /// The data set's.
        found: String,
    },
    /// A camera or parts of which no bundle may be, as earlier releases trained with.
    #[error("no bundle could be made of this run: {problems}")]
    Unfit {
        /// Why.
        problems: String,
    },
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The teacher.
    #[error(transparent)]
    Teacher(#[from] TeacherError),
    /// The teacher's file has changed since.
    #[error("{teacher} is not the teacher that the run was trained with")]
    OtherTeacher {
        /// What is there now.
        teacher: TeacherSource,
    },
    /// A student's file.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of another run.
    #[error("{} belongs to another run than {}", path.display(), run.display())]
    ForeignCheckpoint {
        /// The file.
        path: PathBuf,
        /// The run's folder.
        run: PathBuf,
    },
    /// A student's file does not fit its network.
    #[error("restoring {}", path.display())]
    Student {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: RestoreError,
    },
    /// No gate was trained.
    #[error("{} holds no gate", run.display())]
    NoGate {
        /// The run's folder.
        run: PathBuf,
    },
    /// The prototypes' file does not hold prototypes.
    #[error("{} holds no prototypes", path.display())]
    Codebook {
        /// The file.
        path: PathBuf,
    },
    /// A network that cannot be written.
    #[error("writing a network")]
    Graph(#[source] GraphError),
    /// A network that the device's engine does not run.
    #[error("running an exported network")]
    Model(#[from] ModelError),
    /// A network that answers with something else than numbers.
    #[error("the {modality} network does not answer part {part} with numbers")]
    NotNumbers {
        /// The network.
        modality: Modality,
        /// The part.
        part: String,
    },
    /// Good parts that do not support a calibration.
    #[error("calibrating the score")]
    Fit(#[from] FitError),
    /// Preparation or score refuse their own constants.
    #[error("setting up {what} of the exported model")]
    Setup {
        /// What was set up.
        what: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A golden part that gives no result.
    #[error("good validation part {part} gives no result: {reason}")]
    NoGolden {
        /// The part.
        part: String,
        /// Why.
        reason: String,
    },
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The device's engine does not load it.
    #[error("loading the bundle into the device's engine")]
    Engine(#[from] EngineError),
    /// Trainer and device disagree.
    #[error("the device's engine does not reproduce the trainer: nothing was exported")]
    Proof(#[from] ProofError),
}

impl ExportError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::Name { .. } => Some("give another one with --name".into()),
            Self::NoGate { .. } => Some(
                "train with join = \"gate\" under [fusion], or export with --join quadrature".into(),
            ),
            Self::Data(error) => error.hint().map(Into::into),
            Self::Moved { .. } => Some("name the run's data set, where it lies now, with --data".into()),
            Self::OtherData { .. } => Some(
                "name with --data the data set as it was trained on, test parts too, or train again on this one".into(),
            ),
            Self::Unfit { .. } => Some(
                "correct the data set's camera.json, or record its good parts again; then train again".into(),
            ),
            Self::ForeignCheckpoint { path, .. } => Some(format!(
                "put the run's own file back, or delete {} and train again with the same options; if values in the run's run.toml were \
                 edited, put those back",
                path.display()
            )),
            Self::NoGolden { .. } => Some(
                "leave the part out, or record it again; then train again, as the data set is another one without it"
                    .into(),
            ),
            Self::NotNumbers { .. }
            | Self::Graph(GraphError::NotFinite { .. } | GraphError::HalfRange { .. }) => {
                Some(DIVERGED.into())
            }
            Self::Parts(error) => error.hint(),
            Self::Teacher(error) => error.hint().map(Into::into),
            Self::OtherTeacher { .. } => Some("put the teacher's file back, take the program that trained the run, or train again".into()),
            Self::Checkpoint(error) => error.hint(),
            Self::Bundle(error) => error.hint(),
            Self::Fit(FitError::TooFew { .. }) => Some("record more good validation parts".into()),
            _ => None,
        }
    }
}

/// What to export, and under which name.
#[derive(Debug)]
pub(crate) struct Job {
    /// The finished run.
    pub(crate) run: PathBuf,
    /// The data set, if it has moved since training.
    pub(crate) data: Option<PathBuf>,
    /// The product's name; the data set's if absent.
    pub(crate) name: Option<String>,
    /// The model's version.
    pub(crate) version: Version,
    /// The time to write into the manifest, RFC 3339.
    pub(crate) created: String,
    /// How evidence is joined; as the run's configuration says if absent.
    pub(crate) join: Option<Join>,
}

/// What was exported.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) bundle: Bundle,
    pub(crate) proof: Proof,
}

/// Exports, proves, and writes the bundle as a new file.
pub(crate) fn export(job: &Job, out: &Path) -> Result<Exported, ExportError> {
    require_vacant(out)?;
    let exported = build(job)?;
    // It takes minutes, in which another one may have come.
    require_vacant(out)?;
    exported.bundle.write_archive(out)?;
    Ok(exported)
}

/// Exports and proves; nothing is written.
pub(crate) fn build(job: &Job) -> Result<Exported, ExportError> {
    let folder = RunFolder::open(&job.run);
    let record = folder.finished()?;
    let name = job.name.as_ref().unwrap_or(&record.name);
    if !Manifest::is_name(name) {
        return Err(ExportError::Name { name: name.clone() });
    }
    let dataset = open_data(job.data.as_deref(), &record)?;
    require_own(dataset.as_ref(), &job.run, &record)?;
    require_fit(&record)?;
    good_parts::require_sound(dataset.as_ref(), &record.prepare)?;
    let mut model = TrainedModel::load(&folder, &record)?;
    let stages = model.stages(&record.prepare)?;
    let join = job.join.unwrap_or(record.training.fusion.join);
    let mut fusion = Fusion::load(&folder, &record, join)?;
    let calibration = calibrate(dataset.as_ref(), &record, &stages, fusion.as_mut())?;
    let picture = pictures(dataset.as_ref(), &record.prepare)?;
    let manifest = manifest::manifest(job, &record, calibration, fusion.as_ref(), picture);
    let goldens = goldens::goldens(dataset.as_ref(), &manifest, &mut model, fusion.as_mut())?;
    let mut builder = BundleBuilder::new(manifest);
    for (modality, onnx) in stages.present() {
        builder = builder.model(modality, onnx.clone());
    }
    if let Some(fusion) = &fusion {
        builder = builder.fusion_model(fusion.onnx.clone());
    }
    for golden in goldens {
        builder = builder.golden(golden);
    }
    let bundle = builder.build()?;
    let proof = prove(&mut TractEngine::load(&bundle)?, &bundle)?;
    Ok(Exported { bundle, proof })
}

/// Refuses what [`BundleBuilder::build`] would refuse in the end.
fn require_fit(record: &RunRecord) -> Result<(), ExportError> {
    let problems = record.camera.problems(&record.prepare);
    if problems.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(ExportError::Unfit {
        problems: told.join("; "),
    })
}

/// The data set of a run: where the user says, or where it was.
pub(crate) fn open_data(
    named: Option<&Path>,
    record: &RunRecord,
) -> Result<Box<dyn Dataset>, ExportError> {
    match named {
        Some(data) => twinspect_dataset::open(data).map_err(ExportError::Data),
        None => twinspect_dataset::open(&record.data).map_err(|source| ExportError::Moved {
            data: record.data.clone(),
            source: Box::new(source),
        }),
    }
}

/// Refuses a data set that is not the one that the run was trained on, file by file.
pub(crate) fn require_own(
    dataset: &dyn Dataset,
    run: &Path,
    record: &RunRecord,
) -> Result<(), ExportError> {
    let found = data_hash(dataset).map_err(ExportError::Hash)?;
    if found == record.data_hash {
        return Ok(());
    }
    Err(ExportError::OtherData {
        data: dataset.root().to_owned(),
        run: run.to_owned(),
        expected: record.data_hash.clone(),
        found,
    })
}

/// What the pictures of all good parts are like that the model was made from.
fn pictures(
    dataset: &dyn Dataset,
    spec: &PrepareSpec,
) -> Result<Option<PictureExpectation>, ExportError> {
    let mut parts = Vec::new();
    for split in [Split::Train, Split::Validation, Split::Calibration] {
        parts.extend(good_parts::good(dataset, split, 0)?);
    }
    let worker = || Ok::<_, ExportError>(PictureMeter::new(spec, None, false));
    let figures = spread(parts.len(), worker, |meter, index| {
        let frame = &good_parts::frames(dataset, std::slice::from_ref(&parts[index]))?[0];
        Ok(meter.measure(frame))
    })?;
    Ok(PictureExpectation::of(&figures))
}

/// Fits the score on what the device's engine answers for good parts that nobody trained on.
fn calibrate(
    dataset: &dyn Dataset,
    record: &RunRecord,
    stages: &PerModality<Vec<u8>>,
    fusion: Option<&mut Fusion>,
) -> Result<ScoreCalibration, ExportError> {
    let spec = &record.prepare;
    let validation = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?;
    let standardise = answers(dataset, spec, stages, &validation)?;
    let calibration = good_parts::good(dataset, Split::Calibration, 0)?;
    let rate = record.training.target_false_reject_rate;
    let views = TrainedModel::views(record);
    let separate = match calibration.is_empty() {
        true => None,
        false => Some(answers(dataset, spec, stages, &calibration)?),
    };
    let thresholds = separate.as_ref().unwrap_or(&standardise);
    let mut fuse = fusion.map(|fusion| {
        |inputs: &FusionInputs, maps: &mut FusionMaps| fusion.ask(inputs, maps).map_err(Into::into)
    });
    let fuse = fuse.as_mut().map(|fuse| fuse as &mut Fuse<'_>);
    Ok(score::fit(
        spec,
        &views,
        &standardise,
        thresholds,
        rate,
        fuse,
    )?)
}

fn answers(
    dataset: &dyn Dataset,
    spec: &PrepareSpec,
    stages: &PerModality<Vec<u8>>,
    parts: &[PartRef],
) -> Result<Vec<GoodPart>, ExportError> {
    let preparer = Preparer::new(spec).map_err(setup("the preparation"))?;
    let worker = || {
        let stages = DeviceStages::load(stages, spec)?;
        Ok((preparer.clone(), PreparedPart::new(spec), stages))
    };
    spread(parts.len(), worker, |(preparer, part, stages), index| {
        let reference = &parts[index];
        let frame = &good_parts::frames(dataset, std::slice::from_ref(reference))?[0];
        prepare(preparer, reference, frame, part)?;
        Ok(GoodPart::new(
            part,
            stages.numbers(part, reference.id.as_str())?,
        ))
    })
}

fn prepare(
    preparer: &mut Preparer,
    reference: &PartRef,
    frame: &twinspect_core::frame::FramePair,
    part: &mut PreparedPart,
) -> Result<(), PartsError> {
    let prepared = preparer.prepare(frame, part);
    prepared.map_err(|source| PartsError::Prepare {
        part: reference.id.to_string(),
        source,
    })
}

fn setup<E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
) -> impl FnOnce(E) -> ExportError {
    move |source| ExportError::Setup {
        what,
        source: Box::new(source),
    }
}
