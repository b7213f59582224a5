//! All figures of one category: what `evaluate` prints and `--json` writes.

use std::collections::BTreeMap;

use serde::Serialize;
use twinspect_core::statistics::clopper_pearson;

use super::ScoredPart;
use super::bootstrap::auroc_interval;
use super::curves::Curves;
use super::masks::any_pixel;
use super::pixels::{PixelFigures, Pixels};
use super::ranking::{auroc, roc};
use super::regions::Regions;
use super::{Judged, SIDE};

/// Confidence of every interval in a report, two-sided.
const CONFIDENCE: f64 = 0.95;

/// The limits of the AU-PRO figures: share of defect-free pixels above the threshold.
const LIMITS: [f64; 3] = [0.3, 0.05, 0.01];

/// The figures of one category. Field names are a contract with scripts.
///
/// Rates and areas are in `[0, 1]`; undefined ones are `None`. Intervals are two-sided at 95 %.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Report {
    /// The category's name.
    pub(crate) category: String,
    /// AUROC of image scores, good against defective parts.
    pub(crate) i_auroc: Option<f64>,
    /// Bootstrap interval of `i_auroc` over test parts.
    pub(crate) i_auroc_interval: Option<[f64; 2]>,
    /// AUROC over all pixels of all test parts.
    pub(crate) p_auroc: Option<f64>,
    /// Average precision over the same pixels.
    pub(crate) p_ap: Option<f64>,
    /// AU-PRO up to 30 % false positives.
    pub(crate) au_pro_30: Option<f64>,
    /// AU-PRO up to 5 %.
    pub(crate) au_pro_05: Option<f64>,
    /// AU-PRO up to 1 %.
    pub(crate) au_pro_01: Option<f64>,
    /// Scores above it are rejected.
    pub(crate) threshold: f32,
    /// Share of good parts that are rejected.
    pub(crate) false_reject_rate: Option<f64>,
    /// Clopper-Pearson interval of `false_reject_rate`.
    pub(crate) false_reject_interval: Option<[f64; 2]>,
    /// Share of defective parts that are passed.
    pub(crate) escape_rate: Option<f64>,
    /// Clopper-Pearson interval of `escape_rate`.
    pub(crate) escape_interval: Option<[f64; 2]>,
    /// Good test parts.
    pub(crate) good_parts: usize,
    /// Good parts that are rejected.
    pub(crate) false_rejects: usize,
    /// Defective test parts.
    pub(crate) defective_parts: usize,
    /// Defective parts that are passed.
    pub(crate) escapes: usize,
    /// Parts without a result: rejected, and in none of the rankings.
    pub(crate) no_results: usize,
    /// Defective parts whose mask marks nothing, or that have none: in no pixel figure.
    pub(crate) unmasked_parts: usize,
    /// The same by kind of defect.
    pub(crate) per_kind: BTreeMap<String, KindReport>,
    /// What the areas are areas of: for drawing, and in no file of figures.
    #[serde(skip)]
    pub(crate) curves: Curves,
}

/// The figures of one kind of defect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct KindReport {
    /// AUROC of image scores, all good parts against this kind.
    pub(crate) i_auroc: Option<f64>,
    /// Test parts of this kind.
    pub(crate) parts: usize,
    /// Those that are passed.
    pub(crate) escapes: usize,
    /// Their share.
    pub(crate) escape_rate: Option<f64>,
    /// Clopper-Pearson interval of `escape_rate`.
    pub(crate) escape_interval: Option<[f64; 2]>,
}

impl Report {
    /// Measures a category's test parts at a threshold that they had no part in choosing.
    ///
    /// `seed` draws the bootstrap interval; one seed gives one interval.
    pub(crate) fn new(category: &str, parts: &[ScoredPart], threshold: f32, seed: u64) -> Self {
        let mut good = Group::default();
        let mut defective = Group::default();
        let mut kinds: BTreeMap<&str, Group> = BTreeMap::new();
        for part in parts {
            if part.label.is_good() {
                good.add(part, threshold);
            } else {
                defective.add(part, threshold);
                let kind = kinds.entry(part.label.as_str()).or_default();
                kind.add(part, threshold);
            }
        }
        let false_rejects = good.parts - good.passed;
        let false_reject = Share::of(false_rejects, good.parts);
        let escape = Share::of(defective.passed, defective.parts);
        let pixels = pixel_figures(parts);
        let [au_pro_30, au_pro_05, au_pro_01] = pixels.au_pro;
        Self {
            category: category.to_owned(),
            i_auroc: auroc(&good.scores, &defective.scores),
            i_auroc_interval: auroc_interval(&good.scores, &defective.scores, seed),
            p_auroc: pixels.auroc,
            p_ap: pixels.average_precision,
            au_pro_30,
            au_pro_05,
            au_pro_01,
            threshold,
            false_reject_rate: false_reject.rate,
            false_reject_interval: false_reject.interval,
            escape_rate: escape.rate,
            escape_interval: escape.interval,
            good_parts: good.parts,
            false_rejects,
            defective_parts: defective.parts,
            escapes: defective.passed,
            no_results: parts.iter().filter(|part| part.judged.is_none()).count(),
            unmasked_parts: parts.iter().filter(|part| is_unmasked(part)).count(),
            per_kind: kinds
                .into_iter()
                .map(|(kind, group)| (kind.to_owned(), group.report(&good)))
                .collect(),
            curves: Curves {
                roc: roc(&good.scores, &defective.scores),
                pro: pixels.pro,
            },
        }
    }
}

/// The scores and outcomes of parts that belong together.
#[derive(Debug, Default)]
struct Group {
    parts: usize,
    passed: usize,
    scores: Vec<f32>,
}

impl Group {
    fn add(&mut self, part: &ScoredPart, threshold: f32) {
        self.parts += 1;
        self.passed += usize::from(!part.is_rejected(threshold));
        self.scores.extend(part.judged.as_ref().map(Judged::score));
    }

    fn report(&self, good: &Self) -> KindReport {
        let escape = Share::of(self.passed, self.parts);
        KindReport {
            i_auroc: auroc(&good.scores, &self.scores),
            parts: self.parts,
            escapes: self.passed,
            escape_rate: escape.rate,
            escape_interval: escape.interval,
        }
    }
}

/// A share of parts and how well it is known; nothing is known of a share of no parts.
struct Share {
    rate: Option<f64>,
    interval: Option<[f64; 2]>,
}

impl Share {
    fn of(count: usize, parts: usize) -> Self {
        let known = parts > 0;
        Self {
            rate: known.then(|| count as f64 / parts as f64),
            interval: known.then(|| clopper_pearson(count, parts, CONFIDENCE).into()),
        }
    }
}

/// Whether it is unknown where a part's defect is: a mask that marks nothing says as little as none.
fn is_unmasked(part: &ScoredPart) -> bool {
    let marked = part
        .mask
        .as_ref()
        .is_some_and(|mask| mask.defect_pixels() > 0);
    !part.label.is_good() && !marked
}

fn pixel_figures(parts: &[ScoredPart]) -> PixelFigures<3> {
    let mut pixels = Pixels::with_capacity(parts.len() * SIDE * SIDE);
    for part in parts.iter().filter(|part| !is_unmasked(part)) {
        if let Some(judged) = &part.judged {
            let regions = match &part.mask {
                Some(mask) => Regions::of(&any_pixel(mask), SIDE),
                None => Regions::none(SIDE * SIDE),
            };
            pixels.add(judged.map(), &regions);
        }
    }
    pixels.figures(LIMITS)
}
