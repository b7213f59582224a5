//! Which thread computes which rows.
//!
//! The rows of an output depend on a step's inputs and on no other row of the output, and are the same numbers whoever computes
//! them. So an output is cut into pieces, one below the other, each with scratch room of its own.

use std::ops::Range;

use super::Kernel;
use super::course::Course;
use crate::map::{MapShape, Shift};

/// Products of a step's piece, at least: some 20 µs of work, several times what it takes to hand it over.
const WORTH_IT: usize = 500_000;

/// Rows of a step's output that one thread computes.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) rows: Range<usize>,
    /// Of a chain; empty for all other kernels.
    pub(crate) course: Course,
    /// Values of the scratch buffer that it needs.
    scratch: usize,
}

impl Piece {
    /// For people.
    pub(crate) fn describe(&self) -> String {
        let Range { start, end } = self.rows;
        match self.course.bands.is_empty() {
            true => format!("rows {start} to {end}"),
            false => format!(
                "rows {start} to {end}, {} at a time, {} kB",
                self.course.step,
                self.scratch / 256
            ),
        }
    }
}

/// The pieces of a kernel's output for this number of threads, at least one, in the order of their rows.
pub(crate) fn cut(kernel: &Kernel, output: MapShape, threads: usize) -> Vec<Piece> {
    let granule = kernel.granule();
    let granules = output.rows.div_ceil(granule);
    let worth_it = output.rows * kernel.row_products() / WORTH_IT;
    let count = threads.min(granules).min(worth_it).max(1);
    let edge = |at: usize| (at * granules / count * granule).min(output.rows);
    (0..count)
        .map(|at| {
            let rows = edge(at)..edge(at + 1);
            let course = kernel.course(rows.clone());
            Piece {
                scratch: kernel.scratch_len(&course),
                rows,
                course,
            }
        })
        .collect()
}

/// Values of the scratch buffer that all pieces of a step need.
pub(crate) fn scratch_len(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.scratch).sum()
}

/// Has each piece computed, by `compute`, by whichever thread of the pool is free. `out` holds the pieces' rows of the output
/// and the border at either end.
pub(crate) fn share(
    output: MapShape,
    pieces: &mut [Piece],
    scratch: &mut [f32],
    (first, out): (Shift, &mut [f32]),
    compute: &(impl Fn(&mut Piece, &mut [f32], (Shift, &mut [f32])) + Sync),
) {
    if let [piece] = pieces {
        return compute(piece, scratch, (first, out));
    }
    let (upper, lower) = pieces.split_at_mut(pieces.len() / 2);
    let Some(below) = lower.first() else { return };
    let start = Shift(below.rows.start + output.border);
    let (upper_out, lower_out) = out.split_at_mut((start.0 - first.0) * output.pitch());
    let (upper_scratch, lower_scratch) = scratch.split_at_mut(scratch_len(upper));
    rayon::join(
        || share(output, upper, upper_scratch, (first, upper_out), compute),
        || share(output, lower, lower_scratch, (start, lower_out), compute),
    );
}
