//! Whole numbers of edges and distances, without a branch, a call, or a cast that looks after what can't come: so that the
//! compiler does several pixels at once. On many processors `ceil`, `round` and a cast that saturates are not one instruction.

/// From here to its double, neighbours among 32-bit numbers lie 1 apart: what is added to it is rounded to the nearest whole
/// number, halves to the even one, and stands in the last bits of the sum.
const WHOLES: f32 = 8_388_608.0;

/// The nearest whole number, halves to the even one, in both types. Right from 0 up to [`WHOLES`].
#[inline(always)]
fn nearest_even(value: f32) -> (f32, u32) {
    let sum = value + WHOLES;
    (sum - WHOLES, sum.to_bits() - WHOLES.to_bits())
}

/// The first place from an edge on, from 0 to `end`, which is a picture's side: what `ceil` says. Of no number it is 0.
#[inline(always)]
pub(super) fn next_place(edge: f32, end: f32) -> u32 {
    // Not `clamp`, which hands on what is no number.
    let edge = if edge > 0.0 { edge } else { 0.0 };
    let edge = if edge < end { edge } else { end };
    let (whole, place) = nearest_even(edge);
    place + u32::from(whole < edge)
}

/// The nearest count, halves upwards: what `round` says. 0, no measurement, out of the range of counts and of no number.
#[inline(always)]
pub(super) fn nearest_count(counts: f32) -> u16 {
    let is_count = (counts >= 0.5) & (counts < 65_535.5);
    let counts = if is_count { counts } else { 0.0 };
    let (whole, count) = nearest_even(counts);
    // The difference is exact, and a half only where the even one lies below.
    (count + u32::from(counts - whole >= 0.5)) as u16
}
