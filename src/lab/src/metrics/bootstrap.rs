//! How far an AUROC would move with another draw of test parts.

use twinspect_nn::Rng;

use super::ranking::auroc;

/// Draws of the interval: its ends then move in the third decimal with another seed.
const DRAWS: usize = 2000;

/// Percentile interval of the image AUROC over test parts, at 95 %.
///
/// Good and defective parts are drawn with replacement each among themselves, so that every draw
/// has as many of either as the test set. `None` where the AUROC itself is undefined.
pub(super) fn auroc_interval(negatives: &[f32], positives: &[f32], seed: u64) -> Option<[f64; 2]> {
    let mut rng = Rng::new(seed);
    let mut draw = |scores: &[f32]| -> Vec<f32> {
        let index = |_| scores[rng.below(scores.len())];
        (0..scores.len()).map(index).collect()
    };
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map_while(|_| auroc(&draw(negatives), &draw(positives)))
        .collect();
    drawn.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| drawn.get((share * (DRAWS - 1) as f64).round() as usize);
    Some([*at(0.025)?, *at(0.975)?])
}
