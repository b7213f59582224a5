//! Whole numbers of edges and distances, without a branch, a call, or a cast that looks after what can't come: so that the
//! compiler does several pixels at once. On many processors `ceil`, `round` and a cast that saturates are not one instruction.

use std::ops::Range;

/// From here to its double, neighbours among 32-bit numbers lie 1 apart: what is added to it is rounded to the nearest whole
/// number, halves to the even one, and stands in the last bits of the sum.
const WHOLES: f32 = 8_388_608.0;

/// The nearest whole number, halves to the even one, in both types. Right from 0 up to [`WHOLES`].
#[inline(always)]
fn nearest_even(value: f32) -> (f32, u32) {
    let sum = value + WHOLES;
    (sum - WHOLES, sum.to_bits() - WHOLES.to_bits())
}

/// What `ceil` says, from 0 up to [`WHOLES`].
#[inline(always)]
fn next_whole(value: f32) -> u32 {
    let (whole, number) = nearest_even(value);
    number + u32::from(whole < value)
}

/// The lesser of two; the second one where one of them is no number. One instruction, which `min` is not.
#[inline(always)]
pub(super) fn lesser(one: f32, other: f32) -> f32 {
    if one < other { one } else { other }
}

/// The greater of two; the second one where one of them is no number.
#[inline(always)]
pub(super) fn greater(one: f32, other: f32) -> f32 {
    if one > other { one } else { other }
}

/// The places from one edge on and before the other, from 0 to `end`, which is a picture's side. None between edges of which
/// one is no number.
#[inline(always)]
pub(super) fn places(from: f32, to: f32, end: f32) -> Range<u32> {
    // The order matters: what is no number becomes the end of a range that starts there, or 0 of one that ends there.
    let from = greater(lesser(from, end), 0.0);
    let to = lesser(greater(to, 0.0), end);
    next_whole(from)..next_whole(to)
}

/// The nearest count, halves upwards, less 1: what `round` says. What is no number, below the counts or above them becomes
/// [`NOTHING`](super::patch::NOTHING).
#[inline(always)]
pub(super) fn nearest_count_less_1(counts: f32) -> u16 {
    // Both ends round to what is nothing, less 1 and in 16 bits.
    let counts = lesser(greater(counts, 0.0), 65_536.0);
    let (whole, count) = nearest_even(counts);
    // The difference is exact, and a half only where the even one lies below.
    let count = count + u32::from(counts - whole >= 0.5);
    count.wrapping_sub(1) as u16
}
