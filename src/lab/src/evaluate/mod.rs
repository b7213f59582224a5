//! A bundle against the test parts, on the device's own engine.

mod inspect;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use twinspect_bundle::{Bundle, BundleError};
use twinspect_core::modality::Modality;
use twinspect_dataset::{Dataset, DatasetError, PartRef, Split};
use twinspect_engine::{EngineError, ProofError, TractEngine, prove};

use crate::camera_fit::{UnfitCamera, check_camera, other_sizes};
use crate::good_parts::PartsError;
use crate::metrics::{self, Report, ScoredPart};
use inspect::{Inspected, inspect};
pub(crate) use inspect::{Onlooker, Seen};

/// An evaluation that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvaluateError {
    /// The bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The data set.
    #[error("reading the data set")]
    Data(#[from] DatasetError),
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine does not reproduce the bundle.
    #[error("proving the engine with bundle {}", bundle.display())]
    Proof {
        /// The bundle.
        bundle: PathBuf,
        /// What differs.
        #[source]
        source: Box<ProofError>,
    },
    /// A bundle of another camera.
    #[error(transparent)]
    Camera(#[from] UnfitCamera),
    /// A map that is no map.
    #[error("judging part {part}")]
    Unrankable {
        /// The part.
        part: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A map's file.
    #[error("writing the maps")]
    Maps(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bundle's constants contradict each other.
    #[error("setting up the bundle")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No test parts.
    #[error("{} has no test parts", data.display())]
    NoParts {
        /// The data set.
        data: PathBuf,
    },
}

impl EvaluateError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Bundle(error) => error.hint(),
            Self::Data(error) => error.hint().map(Into::into),
            Self::Parts(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Proof { source, .. } => source.hint(),
            Self::Camera(error) => error.hint(),
            Self::NoParts { .. } => Some("name a data set with a folder `test`".into()),
            _ => None,
        }
    }
}

/// The figures of a bundle on one data set: fused, and of each modality by itself.
#[derive(Debug, Serialize)]
pub(crate) struct Evaluation {
    /// Of the map that decides.
    #[serde(flatten)]
    pub(crate) fused: Report,
    /// Of each modality with its own threshold, where the product has two.
    pub(crate) modalities: std::collections::BTreeMap<&'static str, Report>,
    /// The test parts with their scores, so that misses can be looked up.
    pub(crate) parts: Vec<PartScore>,
    /// Test parts whose picture has another size than the bundle's camera takes.
    #[serde(skip)]
    pub(crate) other_sizes: usize,
}

/// One test part's scores; 1.0 is the line.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PartScore {
    /// The part.
    pub(crate) part: String,
    /// Fused score; `None` for a part without a result.
    pub(crate) score: Option<f32>,
    /// Evidence of colour over its own threshold.
    pub(crate) rgb: Option<f32>,
    /// Evidence of height over its own threshold.
    pub(crate) geometry: Option<f32>,
    /// Why there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// As many good parts are not all rejected by chance.
const TELLING_GOOD_PARTS: usize = 5;

/// Inspects all test parts. Maps go to `maps` if it is given, as float32 of 256 x 256.
pub(crate) fn evaluate(
    bundle: &Path,
    data: &Path,
    maps: Option<&Path>,
) -> Result<Evaluation, EvaluateError> {
    let (bundle, dataset) = open(bundle, data)?;
    let evaluation = evaluate_before(&bundle, dataset.as_ref(), maps, &|_| {})?;
    if evaluation.other_sizes > 0 {
        log::warn!(
            "{}: {} of {} test parts have another frame size than the {} of the bundle's camera: they are judged here, and a station refuses such a camera",
            dataset.name(),
            evaluation.other_sizes,
            evaluation.parts.len(),
            bundle.manifest().camera.frame
        );
    }
    let fused = &evaluation.fused;
    if fused.good_parts >= TELLING_GOOD_PARTS && fused.false_rejects == fused.good_parts {
        log::warn!(
            "every good part of {} is rejected: are these parts of {:?}, as its camera saw them in training?",
            dataset.name(),
            bundle.manifest().name
        );
    }
    Ok(evaluation)
}

/// Opens both, and holds them to each other.
pub(crate) fn open(
    bundle: &Path,
    data: &Path,
) -> Result<(Bundle, Box<dyn Dataset>), EvaluateError> {
    let bundle = Bundle::open(bundle)?;
    let dataset = twinspect_dataset::open(data)?;
    check(&bundle, dataset.as_ref())?;
    Ok((bundle, dataset))
}

/// Refuses another camera's parts, and an engine that does not reproduce the goldens: figures of either
/// would say nothing.
pub(crate) fn check(bundle: &Bundle, dataset: &dyn Dataset) -> Result<(), EvaluateError> {
    check_camera(bundle, dataset)?;
    let proof = prove(&mut TractEngine::load(bundle)?, bundle);
    proof.map_err(|source| EvaluateError::Proof {
        bundle: bundle.path().to_owned(),
        source: Box::new(source),
    })?;
    Ok(())
}

/// The same before an onlooker, who sees what no evaluation keeps; of what [`check`] has passed.
pub(crate) fn evaluate_before(
    bundle: &Bundle,
    dataset: &dyn Dataset,
    maps: Option<&Path>,
    onlooker: &Onlooker<'_>,
) -> Result<Evaluation, EvaluateError> {
    let parts = dataset.parts(Split::Test);
    if parts.is_empty() {
        return Err(EvaluateError::NoParts {
            data: dataset.root().to_owned(),
        });
    }
    let share = parts
        .len()
        .div_ceil(rayon::current_num_threads().max(1))
        .max(1);
    let shares: Vec<Vec<Inspected>> = parts
        .par_chunks(share)
        .map(|parts| inspect(bundle, dataset, parts, onlooker))
        .collect::<Result<_, _>>()?;
    let inspected: Vec<Inspected> = shares.into_iter().flatten().collect();
    let pictures: Vec<_> = inspected
        .iter()
        .map(|part| (&part.reference.id, part.frame))
        .collect();
    let other_sizes = other_sizes(bundle, dataset, &pictures)?;
    if let Some(folder) = maps {
        fs_err::create_dir_all(folder).map_err(|error| EvaluateError::Maps(Box::new(error)))?;
        for part in &inspected {
            if let Some(judged) = &part.fused.judged {
                let PartRef { label, id, .. } = &part.reference;
                metrics::write_map(folder, label, id, judged)
                    .map_err(|error| EvaluateError::Maps(Box::new(error)))?;
            }
        }
    }
    let seed = bundle.manifest().provenance.seed;
    let report = |parts: &[ScoredPart]| Report::new(dataset.name(), parts, 1.0, seed);
    let scores = inspected.iter().map(|part| part.scores.clone()).collect();
    let (mut fused, mut rgb, mut geometry) = (Vec::new(), Vec::new(), Vec::new());
    for part in inspected {
        fused.push(part.fused);
        rgb.extend(part.modalities.rgb);
        geometry.extend(part.modalities.geometry);
    }
    let alone = [(Modality::Rgb, rgb), (Modality::Geometry, geometry)];
    let modalities = alone
        .into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(modality, parts)| (modality.name(), report(&parts)))
        .collect();
    Ok(Evaluation {
        fused: report(&fused),
        modalities,
        parts: scores,
        other_sizes,
    })
}
