//! A bundle against the test parts, on the device's own engine.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use twinspect_bundle::{Bundle, BundleError};
use twinspect_core::frame::FrameSize;
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{PrepareSpec, PreparedPart, Preparer, Roi};
use twinspect_core::score::{DegradedPolicy, Scorer};
use twinspect_core::verdict::Verdict;
use twinspect_dataset::{Dataset, DatasetError, PartRef, Split};
use twinspect_engine::{Engine, EngineError, TractEngine, judge};

use crate::good_parts::PartsError;
use crate::metrics::{self, Judged, Report, ScoredPart};

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
}

/// One part after its inspection.
struct Inspected {
    reference: PartRef,
    fused: ScoredPart,
    modalities: PerModality<ScoredPart>,
    scores: PartScore,
}

/// Inspects all test parts. Maps go to `maps` if it is given, as float32 of 256 x 256.
pub(crate) fn evaluate(
    bundle: &Path,
    data: &Path,
    maps: Option<&Path>,
) -> Result<Evaluation, EvaluateError> {
    let bundle = Bundle::open(bundle)?;
    let dataset = twinspect_dataset::open(data)?;
    let parts = dataset.parts(Split::Test);
    if parts.is_empty() {
        return Err(EvaluateError::NoParts {
            data: data.to_owned(),
        });
    }
    let share = parts
        .len()
        .div_ceil(rayon::current_num_threads().max(1))
        .max(1);
    let shares: Vec<Vec<Inspected>> = parts
        .par_chunks(share)
        .map(|parts| inspect(&bundle, dataset.as_ref(), parts))
        .collect::<Result<_, _>>()?;
    let inspected: Vec<Inspected> = shares.into_iter().flatten().collect();
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
    })
}

fn inspect(
    bundle: &Bundle,
    dataset: &dyn Dataset,
    parts: &[PartRef],
) -> Result<Vec<Inspected>, EvaluateError> {
    let manifest = bundle.manifest();
    let setup = |error: Box<dyn std::error::Error + Send + Sync>| EvaluateError::Setup(error);
    let spec = &manifest.prepare;
    let mut preparer = Preparer::new(spec).map_err(|error| setup(Box::new(error)))?;
    let mut scorer = Scorer::new(&manifest.score, spec, manifest.join())
        .map_err(|error| setup(Box::new(error)))?;
    let mut engine = TractEngine::load(bundle)?;
    let mut maps = engine.new_maps();
    let mut prepared = PreparedPart::new(spec);
    let mut all = Vec::with_capacity(parts.len());
    for reference in parts {
        let part = dataset.load(reference)?;
        let name = reference.id.to_string();
        let fits = preparer.prepare(&part.frame, &mut prepared);
        fits.map_err(|source| PartsError::Prepare {
            part: name.clone(),
            source,
        })?;
        let frame = part.frame.size();
        let policy = DegradedPolicy::default();
        let verdict = judge(
            &mut engine,
            &mut scorer,
            &prepared,
            &mut maps,
            frame,
            policy,
        )?;
        let has_result = !matches!(verdict, Verdict::NoResult { .. });
        let judged_map = |score: f32, map: &[f32], line: f32| {
            let map = whole_frame(map, line, spec, frame);
            Judged::new(score, map).map_err(|error| EvaluateError::Unrankable {
                part: name.clone(),
                source: Box::new(error),
            })
        };
        let scored = |judged| ScoredPart {
            label: part.label.clone(),
            judged,
            mask: part.mask.clone(),
        };
        let mut modalities = PerModality::default();
        let mut scores = PartScore {
            part: name.clone(),
            score: None,
            rgb: None,
            geometry: None,
        };
        for (modality, known) in manifest.score.modalities.present() {
            let line = known.threshold.evidence;
            let peak = scorer
                .evidence()
                .modalities
                .get(modality)
                .copied()
                .filter(|_| has_result);
            let map = scorer.modality_map(modality);
            let judged = peak
                .zip(map)
                .map(|(peak, map)| judged_map(peak / line, map, line))
                .transpose()?;
            let score = judged.as_ref().map(Judged::score);
            match modality {
                Modality::Rgb => scores.rgb = score,
                Modality::Geometry => scores.geometry = score,
            }
            modalities.set(modality, Some(scored(judged)));
        }
        scores.score = verdict.score().map(|score| score.0);
        let line = manifest.score.fused.evidence;
        let judged = scores
            .score
            .map(|score| judged_map(score, scorer.fused_map(), line))
            .transpose()?;
        all.push(Inspected {
            reference: reference.clone(),
            fused: scored(judged),
            modalities,
            scores,
        });
    }
    Ok(all)
}

/// The map over its line, placed in the whole frame and stretched to the referees' size. Beyond the
/// region of interest nothing was looked at: there it has the map's least value.
fn whole_frame(map: &[f32], line: f32, spec: &PrepareSpec, frame: FrameSize) -> Vec<f32> {
    let roi = spec.roi.unwrap_or(Roi {
        x: 0,
        y: 0,
        width: frame.width,
        height: frame.height,
    });
    let least = map.iter().copied().fold(f32::INFINITY, f32::min);
    let side = metrics::SIDE;
    let along = |index: usize, length: usize, from: usize, extent: usize| {
        let pixel = (index as f32 + 0.5) * length as f32 / side as f32 - from as f32;
        let inside = pixel >= 0.0 && pixel < extent as f32;
        inside.then(|| pixel / extent as f32 * spec.size as f32 - 0.5)
    };
    let value = |index: usize| {
        let x = along(index % side, frame.width, roi.x, roi.width);
        let y = along(index / side, frame.height, roi.y, roi.height);
        x.zip(y)
            .map_or(least, |(x, y)| bilinear(map, spec.size, x, y))
            / line
    };
    (0..side * side).map(value).collect()
}

fn bilinear(map: &[f32], side: usize, x: f32, y: f32) -> f32 {
    let last = (side - 1) as f32;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(side - 1), (top + 1).min(side - 1));
    let (across, down) = (x - left as f32, y - top as f32);
    let at = |y: usize, x: usize| map[y * side + x];
    let upper = at(top, left) + across * (at(top, right) - at(top, left));
    let lower = at(bottom, left) + across * (at(bottom, right) - at(bottom, left));
    upper + down * (lower - upper)
}
