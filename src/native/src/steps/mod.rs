//! What a network consists of when it runs: steps from maps to a map.

pub(crate) mod chain;
pub(crate) mod channels;
pub(crate) mod convolution;
pub(crate) mod course;
pub(crate) mod depthwise;
pub(crate) mod greatest;
mod packed;
pub(crate) mod pieces;
pub(crate) mod pointwise;
pub(crate) mod spatial;
pub(crate) mod winograd;

use pulp::{Arch, Simd, WithSimd};

use std::ops::Range;

use self::chain::Chain;
use self::channels::{OverChannels, OverPixels, Placing};
use self::convolution::Convolution;
use self::course::Course;
use self::greatest::Greatest;
use self::pieces::Piece;
use self::pointwise::Pointwise;
use self::spatial::{Pooling, Resize};
use self::winograd::Winograd;
use crate::map::{MapShape, Shift};

/// One step's arithmetic.
#[derive(Debug)]
pub(crate) enum Kernel {
    /// Upper and lower half.
    Raising(Box<[Convolution; 2]>),
    Chain(Chain),
    /// With the shape of the map that is added.
    Winograd(Winograd, Option<MapShape>),
    Greatest(Greatest),
    Pointwise(Pointwise),
    OverChannels(OverChannels),
    OverPixels(OverPixels),
    Placing(Placing),
    Resize(Resize),
    Pooling(Pooling),
}

/// What is known of this machine's vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    arch: Arch,
    /// Values of a vector.
    pub(crate) lanes: usize,
}

impl Machine {
    pub(crate) fn this() -> Self {
        Self::of(Arch::new())
    }

    /// Every kind of vectors that this machine has, the shortest first.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::of(Arch::Scalar)];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(|simd| Self::of(Arch::V3(simd))));
        all.push(Self::this());
        all.dedup_by_key(|machine| machine.lanes);
        all
    }

    fn of(arch: Arch) -> Self {
        struct Ask;
        impl WithSimd for Ask {
            type Output = usize;

            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        let lanes = arch.dispatch(Ask);
        Self { arch, lanes }
    }

    /// Runs a kernel with this machine's vectors. Never inlined: where the vectors are the target's own, as on ARM, it would become a part of
    /// its caller, and there sums were seen to be stored and loaded again in the inner loop.
    #[inline(never)]
    pub(crate) fn run<K: WithSimd>(self, kernel: K) -> K::Output {
        self.arch.dispatch(kernel)
    }
}

/// A sum within bounds. One that is no number stays none: a network that overflows must not answer as if it had not.
#[inline(always)]
fn bounded<S: Simd>(simd: S, sum: S::f32s, low: S::f32s, high: S::f32s) -> S::f32s {
    if S::F32_LANES == 1 {
        // Plain numbers have no order in which a maximum keeps what is none.
        let raised = simd.select_f32s(simd.less_than_f32s(sum, low), low, sum);
        simd.select_f32s(simd.less_than_f32s(high, raised), high, raised)
    } else {
        // The second operand is what x86 answers if one is no number; ARM answers that there is none.
        simd.min_f32s(high, simd.max_f32s(low, sum))
    }
}

/// What a step reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operands<'a> {
    pub(crate) x: &'a [f32],
    /// The second operand, where there is one.
    pub(crate) second: Option<&'a [f32]>,
    /// All buffers, of which the output's is missing.
    pub(crate) maps: &'a [Vec<f32>],
}

impl Kernel {
    /// For people: the kind of step and its extents.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Winograd(step, _) => step.describe(),
            Self::Raising(halves) => format!("raising {}", halves[0].describe()),
            Self::Chain(chain) => chain.describe(),
            other => format!("{other:?}").chars().take(150).collect(),
        }
    }

    /// Output rows that have to stay together.
    const fn granule(&self) -> usize {
        match self {
            Self::Raising(_) | Self::Winograd(..) => 2,
            _ => 1,
        }
    }

    /// Products of an output row, or what takes about as long. Nobody waits long for the others.
    fn row_products(&self) -> usize {
        match self {
            Self::Raising(halves) => halves[0].row_products(),
            Self::Chain(chain) => chain.row_products(),
            Self::Winograd(step, _) => step.row_products(),
            Self::Greatest(step) => step.row_products(),
            _ => 0,
        }
    }

    /// How it goes through output rows.
    fn course(&self, rows: Range<usize>) -> Course {
        match self {
            Self::Chain(chain) => chain.course(rows),
            _ => Course::default(),
        }
    }

    /// Values of the scratch buffer that it needs on a course.
    fn scratch_len(&self, course: &Course) -> usize {
        match self {
            Self::Chain(chain) => chain.scratch_len(course),
            Self::Winograd(step, _) => step.scratch_len(),
            _ => 0,
        }
    }

    /// Computes a piece of the output.
    pub(crate) fn run(
        &self,
        machine: Machine,
        operands: Operands,
        piece: &mut Piece,
        scratch: &mut [f32],
        (to, out): (Shift, &mut [f32]),
    ) {
        let Operands { x, second, maps } = operands;
        let other = second.unwrap_or_default();
        let rows = piece.rows.clone();
        match self {
            Self::Chain(chain) => {
                chain.run(
                    machine,
                    (rows, &mut piece.course),
                    x,
                    maps,
                    scratch,
                    (to, out),
                );
            }
            Self::Winograd(step, shape) => {
                step.run(machine, rows, x, shape.zip(second), scratch, (to, out));
            }
            Self::Raising(halves) => {
                for half in halves.iter() {
                    let rows = rows.start / 2..rows.end / 2;
                    half.run(machine, rows, (Shift(0), x), None, (to, &mut *out));
                }
            }
            Self::Greatest(step) => step.run(machine, rows, x, (to, out)),
            Self::Pointwise(step) => machine.run(|| step.run(rows, x, other, (to, out))),
            Self::OverChannels(step) => machine.run(|| step.run(rows, x, other, (to, out))),
            Self::OverPixels(step) => machine.run(|| step.run(x, out)),
            Self::Placing(step) => step.run(rows, x, (to, out)),
            Self::Resize(step) => machine.run(|| step.run(rows, x, (to, out))),
            Self::Pooling(step) => machine.run(|| step.run(rows, x, (to, out))),
        }
    }
}
