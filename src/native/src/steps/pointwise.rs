//! Operators that answer value by value.

use std::ops::Range;

use crate::map::{MapShape, Shift};

/// Of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,
    Minimum,
}

/// Of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unary {
    Clip {
        low: f32,
        high: f32,
    },
    /// `factor * x + summand`.
    Linear {
        factor: f32,
        summand: f32,
    },
    /// `numerator / x`.
    Reciprocal {
        numerator: f32,
    },
    Absolute,
    Root,
    Exponential,
    Logistic,
}

/// The operand beside the map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Beside<M> {
    /// There is none.
    Nothing,
    /// A map of the same extents.
    Same(M),
    /// One value for each pixel.
    PerPixel(M),
    /// One value for each channel.
    PerChannel(M),
    /// Constants, one for each channel.
    Constant(Vec<f32>),
}

/// A binary operator, where there is a second operand, and then unary ones.
#[derive(Debug)]
pub(crate) struct Pointwise {
    pub(crate) input: MapShape,
    pub(crate) beside: Beside<MapShape>,
    pub(crate) output: MapShape,
    pub(crate) operator: Binary,
    /// Whether the map is the right operand.
    pub(crate) swapped: bool,
    pub(crate) then: Vec<Unary>,
}

impl Pointwise {
    #[inline(always)]
    pub(crate) fn run(
        &self,
        rows: Range<usize>,
        x: &[f32],
        second: &[f32],
        (first, out): (Shift, &mut [f32]),
    ) {
        for row in rows {
            let a = self.input.row(x, row);
            let to = self.output.row_mut((first, &mut *out), row);
            match &self.beside {
                Beside::Nothing => to.copy_from_slice(a),
                Beside::Same(shape) => self.join(a, shape.row(second, row), Pair::Same, to),
                Beside::PerPixel(shape) => self.join(a, shape.row(second, row), Pair::Pixel, to),
                Beside::PerChannel(shape) => {
                    self.join(a, shape.row(second, 0), Pair::Channel, to);
                }
                Beside::Constant(values) => self.join(a, values, Pair::Channel, to),
            }
            for unary in &self.then {
                apply(*unary, to);
            }
        }
    }

    #[inline(always)]
    fn join(&self, a: &[f32], b: &[f32], pair: Pair, out: &mut [f32]) {
        let channels = self.output.channels;
        match (self.operator, self.swapped) {
            (Binary::Add, _) => zip(a, b, pair, channels, out, |a, b| a + b),
            (Binary::Multiply, _) => zip(a, b, pair, channels, out, |a, b| a * b),
            (Binary::Subtract, false) => zip(a, b, pair, channels, out, |a, b| a - b),
            (Binary::Subtract, true) => zip(a, b, pair, channels, out, |a, b| b - a),
            (Binary::Divide, false) => zip(a, b, pair, channels, out, |a, b| a / b),
            (Binary::Divide, true) => zip(a, b, pair, channels, out, |a, b| b / a),
            (Binary::Maximum, _) => zip(a, b, pair, channels, out, larger),
            (Binary::Minimum, _) => zip(a, b, pair, channels, out, smaller),
        }
    }
}

#[derive(Clone, Copy)]
enum Pair {
    Same,
    Pixel,
    Channel,
}

/// What is no number stays none.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn zip(
    a: &[f32],
    b: &[f32],
    pair: Pair,
    channels: usize,
    out: &mut [f32],
    f: impl Fn(f32, f32) -> f32,
) {
    match pair {
        Pair::Same => {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = f(a, b);
            }
        }
        Pair::Pixel => {
            let pixels = out.chunks_exact_mut(channels).zip(a.chunks_exact(channels));
            for ((out, a), &b) in pixels.zip(b) {
                for (out, &a) in out.iter_mut().zip(a) {
                    *out = f(a, b);
                }
            }
        }
        Pair::Channel => {
            let b = &b[..channels];
            for (out, a) in out.chunks_exact_mut(channels).zip(a.chunks_exact(channels)) {
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = f(a, b);
                }
            }
        }
    }
}

#[inline(always)]
fn apply(unary: Unary, values: &mut [f32]) {
    match unary {
        Unary::Clip { low, high } => each(values, |x| smaller(larger(x, low), high)),
        Unary::Linear { factor, summand } => each(values, |x| factor * x + summand),
        Unary::Reciprocal { numerator } => each(values, |x| numerator / x),
        Unary::Absolute => each(values, f32::abs),
        Unary::Root => each(values, f32::sqrt),
        Unary::Exponential => each(values, exponential),
        Unary::Logistic => each(values, |x| 1.0 / (1.0 + exponential(-x))),
    }
}

#[inline(always)]
fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
    for value in values {
        *value = f(*value);
    }
}

/// `e^x` to 2e-7 of its value, without a branch, so that a loop over it is one of vectors. Beyond the range of normal
/// numbers the result is that of the range's end.
#[inline(always)]
pub(crate) fn exponential(x: f32) -> f32 {
    /// Adding and subtracting it rounds to whole numbers; while added, the number stands in the lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// The natural logarithm of 2 in two parts, the first with few bits, so that products with whole numbers are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = smaller(larger(x, -87.0), 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let whole = shifted - ROUNDING;
    let rest = (x - whole * LN_2[0]) - whole * LN_2[1];
    let mut sum = 1.0 / 5040.0;
    for term in [720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0] {
        sum = sum * rest + 1.0 / term;
    }
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    sum * power
}
