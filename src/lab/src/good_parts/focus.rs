//! Good parts whose pictures show hardly an edge: out of focus, or of nothing. What the device takes for usual sharpness
//! reaches down to the least sharp of them, so that one that slipped in hides a lens that has come loose.

use twinspect_dataset::PartRef;

use super::sound::first_named;
use super::usual::{PARTS_MIN, median};

/// Share of the median part's sharpness below which one is odd. Sound parts of one product were seen to differ by a factor
/// of five from their median, and a Gaussian of two pixels takes away more than this.
const SHARE: f32 = 0.1;

/// Tells of good parts that are far less sharp than half of them. A sharpness is the variance of the Laplacian of luma.
pub(super) fn warn_of_blur(data: &str, parts: &[(&PartRef, f32)]) {
    let sharpness: Vec<f32> = parts.iter().map(|(_, sharpness)| *sharpness).collect();
    let (usual, odd) = odd_ones(&sharpness);
    if odd.is_empty() {
        return;
    }
    let named = odd.iter().map(|&index| {
        let (part, sharpness) = parts[index];
        format!("{} {sharpness:.1}", part.id)
    });
    log::warn!(
        "{data}: {} of {} good parts show hardly an edge in colour, with a sharpness below a tenth of the usual {usual:.0}: {}: leave such parts \
         out, or a station whose lens has come loose will pass for a usual one",
        odd.len(),
        parts.len(),
        first_named(named)
    );
}

/// The usual sharpness, and the places of those that are far below it.
fn odd_ones(sharpness: &[f32]) -> (f32, Vec<usize>) {
    let usual = median(sharpness.iter().copied());
    let is_told = sharpness.len() >= PARTS_MIN;
    let odd = (0..sharpness.len()).filter(|&index| is_told && sharpness[index] < SHARE * usual);
    (usual, odd.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_odd_and_what_is_less_sharp_is_not() {
        let with = |sharpness| {
            let mut all = vec![200.0, 150.0, 900.0, 220.0, 210.0, 240.0, 180.0, 205.0];
            all.push(sharpness);
            odd_ones(&all)
        };
        assert_eq!(with(30.0), (205.0, vec![]));
        assert_eq!(with(20.0).1, [8]);
        assert_eq!(with(0.0).1, [8]);
    }

    #[test]
    fn few_parts_and_uniform_ones_have_nothing_usual() {
        assert!(odd_ones(&[200.0, 200.0, 200.0, 0.0]).1.is_empty());
        assert!(odd_ones(&[0.0; 10]).1.is_empty());
        assert!(odd_ones(&[]).1.is_empty());
    }
}
