//! Masks at the resolution of the comparison.

use twinspect_dataset::Mask;

use super::SIDE;

/// A mask of `SIDE x SIDE` pixels, each set where any frame pixel that it touches is.
pub(super) fn any_pixel(mask: &Mask) -> Vec<bool> {
    let size = mask.size();
    let mut small = vec![false; SIDE * SIDE];
    let rows = mask.data().chunks_exact(size.width).enumerate();
    for (y, row) in rows {
        for (x, _) in row.iter().enumerate().filter(|&(_, &value)| value != 0) {
            for v in touched(y, size.height) {
                small[v * SIDE..][touched(x, size.width)].fill(true);
            }
        }
    }
    small
}

/// The pixels of `SIDE` that pixel `index` of `length` touches when both are laid over each other.
fn touched(index: usize, length: usize) -> std::ops::Range<usize> {
    index * SIDE / length..((index + 1) * SIDE).div_ceil(length)
}
