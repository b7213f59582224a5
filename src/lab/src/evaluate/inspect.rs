//! One test part after the other, on the device's engine.

use twinspect_bundle::Bundle;
use twinspect_core::frame::FrameSize;
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{PrepareSpec, PreparedPart, Preparer, Roi};
use twinspect_core::score::{DegradedPolicy, Scorer};
use twinspect_core::verdict::Verdict;
use twinspect_dataset::{Dataset, Mask, PartRef};
use twinspect_engine::{Engine, TractEngine, judge};

use super::{EvaluateError, PartScore};
use crate::good_parts::PartsError;
use crate::metrics::{self, Judged, ScoredPart};

/// One part after its inspection.
pub(super) struct Inspected {
    pub(super) reference: PartRef,
    pub(super) frame: FrameSize,
    pub(super) fused: ScoredPart,
    pub(super) modalities: PerModality<ScoredPart>,
    pub(super) scores: PartScore,
}

/// One part on the device's engine, as long as its maps are there.
pub(crate) struct Seen<'a> {
    /// The part.
    pub(crate) reference: &'a PartRef,
    /// Where its defect is, in the whole frame.
    pub(crate) mask: Option<&'a Mask>,
    /// What was looked at.
    pub(crate) prepared: &'a PreparedPart,
    /// Holds the maps: fused, of each modality, and the fusion network's. They are the part's only
    /// if it has a result.
    pub(crate) scorer: &'a Scorer,
    /// What was said.
    pub(crate) verdict: &'a Verdict,
    /// The same in numbers.
    pub(crate) scores: &'a PartScore,
}

/// Sees every part that is inspected, from several threads and in no order.
pub(crate) type Onlooker<'a> = dyn Fn(&Seen<'_>) + Sync + 'a;

/// Inspects parts one after the other; `onlooker` sees each of them while all its maps are there.
pub(super) fn inspect(
    bundle: &Bundle,
    dataset: &dyn Dataset,
    parts: &[PartRef],
    onlooker: &Onlooker<'_>,
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
            reason: match &verdict {
                Verdict::NoResult { reason } => Some(reason.name()),
                Verdict::Pass { .. } | Verdict::Fail { .. } => None,
            },
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
        onlooker(&Seen {
            reference,
            mask: part.mask.as_ref(),
            prepared: &prepared,
            scorer: &scorer,
            verdict: &verdict,
            scores: &scores,
        });
        all.push(Inspected {
            reference: reference.clone(),
            frame,
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
    let roi = spec.roi.unwrap_or_else(|| Roi::whole(frame));
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
