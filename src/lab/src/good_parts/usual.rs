//! What is usual among good parts.

/// With fewer parts there is no saying what is usual.
pub(super) const PARTS_MIN: usize = 8;

/// The upper median; zero of nothing.
pub(super) fn median(figures: impl Iterator<Item = f32>) -> f32 {
    let mut figures: Vec<f32> = figures.collect();
    figures.sort_unstable_by(f32::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
