//! The pixel figures of a whole test set, all from one sort.

use super::curves::Polyline;
use super::overlap::LimitedArea;
use super::ranking::Ranking;
use super::regions::Regions;

/// What the pixels of all test parts say together.
#[derive(Debug, PartialEq)]
pub(super) struct PixelFigures<const LIMITS: usize> {
    /// Area under the ROC curve; `None` without defect pixels or without free ones.
    pub(super) auroc: Option<f64>,
    /// Average precision; `None` without defect pixels.
    pub(super) average_precision: Option<f64>,
    /// AU-PRO at each limit; `None` without regions or without free pixels.
    pub(super) au_pro: [Option<f64>; LIMITS],
    /// The curve of the AU-PRO figures up to the largest limit; `None` where they are.
    pub(super) pro: Option<Vec<[f64; 2]>>,
}

/// All pixels of a test set, waiting to be sorted.
///
/// A pixel is one number: above, its score, coded so that a higher score is a lower code; below,
/// the region that it lies in (0 for none). Sorting the numbers sorts the scores, and no second
/// array has to be followed through memory.
#[derive(Debug, Default)]
pub(super) struct Pixels {
    coded: Vec<u64>,
    region_sizes: Vec<u32>,
}

impl Pixels {
    /// Room for `count` pixels.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            coded: Vec::with_capacity(count),
            region_sizes: Vec::new(),
        }
    }

    /// Adds a picture: finite scores and the regions of the same pixels.
    pub(super) fn add(&mut self, scores: &[f32], regions: &Regions) {
        let before = self.region_sizes.len() as u32;
        self.region_sizes.extend(&regions.sizes);
        let pixels = scores.iter().zip(&regions.labels);
        self.coded.extend(pixels.map(|(&score, &label)| {
            let region = if label == 0 { 0 } else { before + label };
            u64::from(falling(score)) << 32 | u64::from(region)
        }));
    }

    /// Sorts once and reads every figure off the sorted pixels.
    pub(super) fn figures<const LIMITS: usize>(
        mut self,
        limits: [f64; LIMITS],
    ) -> PixelFigures<LIMITS> {
        self.coded.sort_unstable();
        let free = self
            .coded
            .iter()
            .filter(|&&pixel| region(pixel) == 0)
            .count();
        let regions = self.region_sizes.len();
        let mut areas = limits.map(LimitedArea::up_to);
        let mut pro = Polyline::up_to(limits.into_iter().fold(0.0, f64::max));
        let mut ranking = Ranking::default();
        let (mut false_positives, mut covered) = (0_u64, 0.0_f64);
        for tied in self.coded.chunk_by(|a, b| a >> 32 == b >> 32) {
            let mut defective = 0;
            for index in tied.iter().map(|&pixel| region(pixel)) {
                if let Some(known) = index.checked_sub(1) {
                    defective += 1;
                    covered += 1.0 / f64::from(self.region_sizes[known]);
                }
            }
            let good = tied.len() as u64 - defective;
            ranking.take(defective, good);
            false_positives += good;
            let x = false_positives as f64 / free.max(1) as f64;
            let y = (covered / regions.max(1) as f64).min(1.0);
            for area in &mut areas {
                area.extend(x, y);
            }
            pro.extend(x, y);
        }
        pro.extend(1.0, 1.0);
        let defined = regions > 0 && free > 0;
        PixelFigures {
            auroc: ranking.auroc(),
            average_precision: ranking.average_precision(),
            au_pro: areas.map(|mut area| {
                area.extend(1.0, 1.0);
                defined.then(|| area.normalised())
            }),
            pro: defined.then(|| pro.finish()),
        }
    }
}

/// The region of a coded pixel: 0 for none, else one more than its index.
fn region(pixel: u64) -> usize {
    (pixel & u64::from(u32::MAX)) as usize
}

/// A code that falls as a finite score rises; both zeros have one code.
fn falling(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    let negative = bits >> 31 == 1;
    if negative {
        bits
    } else {
        !bits & (u32::MAX >> 1)
    }
}
