//! From a finished run to a bundle that the device's own engine has reproduced.
//!
//! ```text
//! run folder ─► networks with the weights that ship ─► ONNX ─► engine on good parts ─► calibration
//!                            └► trainer's maps of two parts = goldens ─► engine proves ─► bundle
//! ```

mod model;

use std::convert::Infallible;
use std::path::PathBuf;

use rayon::prelude::*;
use twinspect_bundle::{
    Bundle, BundleBuilder, BundleError, FormatVersion, Golden, GoldenEvidence, Manifest, Method,
    Provenance, Stage, Tolerance, Version,
};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{PrepareSpec, PreparedPart, Preparer};
use twinspect_core::score::{
    self, DegradedPolicy, FitError, GoodPart, Join, MapStack, ScoreCalibration, Scorer,
};
use twinspect_dataset::{Dataset, PartRef, Split};
use twinspect_engine::tract::{Model, ModelError};
use twinspect_engine::{EngineError, Proof, ProofError, TractEngine, prove};
use twinspect_nn::RestoreError;
use twinspect_onnx::GraphError;

use crate::good_parts::{self, PartsError};
use crate::run_folder::{RunError, RunFolder, RunRecord};
use crate::teacher::{TeacherError, TeacherSource};
use crate::train::CheckpointError;
use model::{OUTPUT, TrainedModel};

/// Good validation parts that become goldens.
const GOLDENS: usize = 2;
/// Fewer good parts say nothing about a threshold.
const VALIDATION_MIN: usize = 5;
/// Largest difference between trainer and device, as a share of a map's range.
const TOLERANCE: Tolerance = Tolerance {
    f32: 1e-3,
    f16: 2e-2,
};

/// A run that cannot become a bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The data set.
    #[error("opening the data set of the run")]
    Data(#[source] twinspect_dataset::DatasetError),
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
    /// A student's file does not fit its network.
    #[error("restoring {}", path.display())]
    Student {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: RestoreError,
    },
    /// The prototypes' file does not hold prototypes.
    #[error("{} holds no codebook", path.display())]
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
            Self::Data(error) => error.hint().map(Into::into),
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
    /// The bundle's file.
    pub(crate) out: PathBuf,
}

/// What was exported.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) bundle: Bundle,
    pub(crate) proof: Proof,
}

/// Exports, proves, and writes the bundle.
pub(crate) fn export(job: &Job) -> Result<Exported, ExportError> {
    let folder = RunFolder::open(&job.run);
    let record = folder.finished()?;
    let data = job.data.as_ref().unwrap_or(&record.data);
    let dataset = twinspect_dataset::open(data).map_err(ExportError::Data)?;
    let mut model = TrainedModel::load(&folder, &record)?;
    let stages = model.stages(&record.prepare)?;
    let calibration = calibrate(dataset.as_ref(), &record, &stages)?;
    let mut builder = BundleBuilder::new(manifest(job, &record, calibration.clone())?);
    for (modality, onnx) in stages.present() {
        builder = builder.model(modality, onnx.clone());
    }
    for golden in goldens(dataset.as_ref(), &record.prepare, &calibration, &mut model)? {
        builder = builder.golden(golden);
    }
    let bundle = builder.build()?;
    let proof = prove(&mut TractEngine::load(&bundle)?, &bundle)?;
    bundle.write_archive(&job.out)?;
    Ok(Exported { bundle, proof })
}

/// Fits the score on what the device's engine answers for good parts that nobody trained on.
fn calibrate(
    dataset: &dyn Dataset,
    record: &RunRecord,
    stages: &PerModality<Vec<u8>>,
) -> Result<ScoreCalibration, ExportError> {
    let spec = &record.prepare;
    let validation = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?;
    let standardise = answers(dataset, spec, stages, &validation)?;
    let calibration = good_parts::good(dataset, Split::Calibration, 0)?;
    let rate = record.training.target_false_reject_rate;
    let views = TrainedModel::views(record);
    if calibration.is_empty() {
        return Ok(score::fit(
            spec,
            &views,
            &standardise,
            &standardise,
            rate,
            None,
        )?);
    }
    let thresholds = answers(dataset, spec, stages, &calibration)?;
    Ok(score::fit(
        spec,
        &views,
        &standardise,
        &thresholds,
        rate,
        None,
    )?)
}

fn answers(
    dataset: &dyn Dataset,
    spec: &PrepareSpec,
    stages: &PerModality<Vec<u8>>,
    parts: &[PartRef],
) -> Result<Vec<GoodPart>, ExportError> {
    let preparer = Preparer::new(spec).map_err(setup("the preparation"))?;
    let share = parts
        .len()
        .div_ceil(rayon::current_num_threads().max(1))
        .max(1);
    let answer = |parts: &[PartRef]| -> Result<Vec<GoodPart>, ExportError> {
        let mut preparer = preparer.clone();
        let mut part = PreparedPart::new(spec);
        let mut models = PerModality::default();
        for (modality, onnx) in stages.present() {
            models.set(
                modality,
                Some(Model::from_bytes(onnx, &input_shape(modality, spec))?),
            );
        }
        let mut all = Vec::with_capacity(parts.len());
        for reference in parts {
            let frame = &good_parts::frames(dataset, std::slice::from_ref(reference))?[0];
            prepare(&mut preparer, reference, frame, &mut part)?;
            let mut maps = PerModality::default();
            for modality in Modality::ALL {
                let Some(model) = models.get_mut(modality) else {
                    continue;
                };
                let input = if modality == Modality::Rgb {
                    &part.rgb
                } else {
                    &part.geometry
                };
                let data = model.run(input)?.into_iter().next().unwrap_or_default();
                let count = TrainedModel::map_count(modality);
                maps.set(
                    modality,
                    Some(MapStack {
                        count,
                        side: spec.map_size(),
                        data,
                    }),
                );
            }
            all.push(GoodPart::new(&part, maps));
        }
        Ok(all)
    };
    let shares: Vec<_> = parts
        .par_chunks(share)
        .map(answer)
        .collect::<Result<_, _>>()?;
    Ok(shares.into_iter().flatten().collect())
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

fn goldens(
    dataset: &dyn Dataset,
    spec: &PrepareSpec,
    calibration: &ScoreCalibration,
    model: &mut TrainedModel,
) -> Result<Vec<Golden>, ExportError> {
    let mut preparer = Preparer::new(spec).map_err(setup("the preparation"))?;
    let mut scorer = Scorer::new(calibration, spec, Join::Maximum).map_err(setup("the score"))?;
    let mut part = PreparedPart::new(spec);
    let chosen: Vec<_> = good_parts::good(dataset, Split::Validation, VALIDATION_MIN)?
        .into_iter()
        .take(GOLDENS)
        .collect();
    let frames = good_parts::frames(dataset, &chosen)?;
    let mut goldens = Vec::with_capacity(GOLDENS);
    for (index, (reference, frame)) in chosen.iter().zip(frames).enumerate() {
        prepare(&mut preparer, reference, &frame, &mut part)?;
        let maps = model.maps(&part)?;
        let gathered = scorer.gather(&part, &maps, frame.size(), DegradedPolicy::default());
        let Ok(verdict) = gathered.decide(|_, _| Ok::<(), Infallible>(()));
        let evidence = scorer.evidence();
        let fused = evidence.fused.ok_or_else(|| ExportError::NoGolden {
            part: reference.id.to_string(),
            reason: verdict.name().to_owned(),
        })?;
        let evidence = GoldenEvidence {
            fused,
            modalities: evidence.modalities,
        };
        goldens.push(Golden {
            name: format!("{index:03}"),
            frame,
            maps,
            fusion: None,
            evidence,
        });
    }
    Ok(goldens)
}

fn manifest(
    job: &Job,
    record: &RunRecord,
    score: ScoreCalibration,
) -> Result<Manifest, ExportError> {
    let spec = &record.prepare;
    let mut stages = PerModality::default();
    let mut teacher = PerModality::default();
    for (modality, _) in score.modalities.present() {
        stages.set(
            modality,
            Some(Stage {
                file: format!("{modality}.onnx"),
                input: modality.name().to_owned(),
                input_shape: input_shape(modality, spec),
                output: OUTPUT.to_owned(),
                output_shape: [
                    1,
                    TrainedModel::map_count(modality),
                    spec.map_size(),
                    spec.map_size(),
                ],
            }),
        );
        let name = match (modality, &record.teacher, &record.teacher_hash) {
            (Modality::Rgb, Some(teacher), Some(hash)) => format!("{} {hash}", teacher.name()),
            _ => "filter bank".to_owned(),
        };
        teacher.set(modality, Some(name));
    }
    Ok(Manifest {
        format: FormatVersion::V1,
        name: job.name.clone().unwrap_or_else(|| record.name.clone()),
        version: job.version.clone(),
        created: job.created.clone(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: record.data_hash.clone(),
            seed: record.training.seed,
            tool_version: record.tool_version.clone(),
            teacher,
        },
        camera: record.camera.clone(),
        prepare: spec.clone(),
        stages: stages.into(),
        score,
        tolerance: TOLERANCE,
    })
}

fn input_shape(modality: Modality, spec: &PrepareSpec) -> [usize; 4] {
    match modality {
        Modality::Rgb => [1, 3, spec.size, spec.size],
        Modality::Geometry => [
            1,
            twinspect_core::prepare::BANK_CHANNELS,
            spec.map_size(),
            spec.map_size(),
        ],
    }
}

fn setup<E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
) -> impl FnOnce(E) -> ExportError {
    move |source| ExportError::Setup {
        what,
        source: Box::new(source),
    }
}
