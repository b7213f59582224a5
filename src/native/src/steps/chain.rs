//! Convolutions that follow each other, computed a few rows at a time.
//!
//! What one makes is read by the next while it is still in the cache, and never has to be there as a whole. Between two
//! convolutions lies a band: the rows that the next one needs, of which those that it needs again move up when the band goes on.

use std::ops::Range;

use super::Machine;
use super::convolution::Convolution;
use super::course::Course;
use super::depthwise::Depthwise;
use crate::map::{MapShape, Shift};

/// A map of fewer bytes stays in the cache as a whole.
const SMALL: usize = 96 << 10;

/// Any convolution.
#[derive(Debug)]
pub(crate) enum Product {
    Dense(Convolution),
    Depthwise(Depthwise),
}

/// One convolution of a chain.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) product: Product,
    /// Rows of its output.
    pub(crate) rows: usize,
    /// Rows from its first tap to its last.
    pub(crate) reach: usize,
    pub(crate) stride: usize,
    pub(crate) top: usize,
    /// Added to what it makes: a map and its buffer.
    pub(crate) skip: Option<(MapShape, usize)>,
    /// What it makes.
    pub(crate) output: MapShape,
}

/// Convolutions each of which reads what the one before makes, and nobody else does.
#[derive(Debug)]
pub(crate) struct Chain(Vec<Link>);

impl Chain {
    /// Joins links, at least one.
    pub(crate) const fn new(links: Vec<Link>) -> Self {
        Self(links)
    }

    /// Whether a map is so large that it should not be there as a whole.
    pub(crate) fn pays(shape: MapShape) -> bool {
        shape.buffer_len() * size_of::<f32>() > SMALL
    }

    /// Products of a row of the output, as far as rows above it don't need them too.
    pub(crate) fn row_products(&self) -> usize {
        let rows = self.0.last().map_or(1, |link| link.rows);
        let all: usize = self
            .0
            .iter()
            .map(|link| link.rows * link.product.row_products())
            .sum();
        all / rows
    }

    /// How a thread goes through these rows of the output.
    pub(crate) fn course(&self, rows: Range<usize>) -> Course {
        Course::through(&self.0, rows)
    }

    /// Values of the scratch buffer that it needs on that course.
    pub(crate) fn scratch_len(&self, course: &Course) -> usize {
        course.scratch_len(&self.0)
    }

    /// Computes output rows, on the course that is theirs. The scratch buffer has at least [`Chain::scratch_len`] values.
    pub(crate) fn run(
        &self,
        machine: Machine,
        (rows, course): (Range<usize>, &mut Course),
        x: &[f32],
        maps: &[Vec<f32>],
        scratch: &mut [f32],
        (to, out): (Shift, &mut [f32]),
    ) {
        let scratch_len = self.scratch_len(course);
        scratch[..scratch_len].fill(0.0);
        course.begin(&self.0);
        for from in rows.clone().step_by(course.step) {
            let end = (from + course.step).min(rows.end);
            course.demand(&self.0, from, end);
            for at in 0..course.bands.len() {
                let link = &self.0[at];
                let (missing, moved) = course.advance(link, at);
                let band = course.bands[at];
                let pitch = link.output.pitch();
                let (before, here) = scratch.split_at_mut(band.offset);
                let here = &mut here[..band.room * pitch];
                if let Some((away, kept)) = moved {
                    here.copy_within(away * pitch..(away + kept) * pitch, 0);
                }
                let shift = band.shift(link.output);
                let below = (band.need.1 - link.rows as isize).max(0) as usize;
                if below > 0 {
                    let end = (band.need.1 - band.first) as usize;
                    here[(end - below) * pitch..end * pitch].fill(0.0);
                }
                let (from, input) = self.input(course, at, x, before);
                link.run(machine, missing, (from, input), maps, (shift, here));
            }
            if let Some(link) = self.0.last() {
                let input = self.input(course, course.bands.len(), x, scratch);
                link.run(machine, from..end, input, maps, (to, &mut *out));
            }
        }
    }

    /// What a link reads.
    fn input<'a>(
        &self,
        course: &Course,
        at: usize,
        x: &'a [f32],
        scratch: &'a [f32],
    ) -> (Shift, &'a [f32]) {
        match at.checked_sub(1) {
            None => (Shift(0), x),
            Some(before) => {
                let (band, shape) = (course.bands[before], self.0[before].output);
                let values = &scratch[band.offset..][..band.room * shape.pitch()];
                (band.shift(shape), values)
            }
        }
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let links: Vec<String> = self.0.iter().map(Link::describe).collect();
        links.join("\n            ")
    }
}

impl Product {
    /// Products of a row.
    fn row_products(&self) -> usize {
        match self {
            Self::Dense(step) => step.row_products(),
            Self::Depthwise(step) => step.row_products(),
        }
    }
}

impl Link {
    fn run(
        &self,
        machine: Machine,
        rows: Range<usize>,
        (from, x): (Shift, &[f32]),
        maps: &[Vec<f32>],
        (to, out): (Shift, &mut [f32]),
    ) {
        let skip = self.skip.map(|(shape, at)| (shape, &maps[at][..]));
        match &self.product {
            Product::Dense(step) => step.run(machine, rows, (from, x), skip, (to, out)),
            Product::Depthwise(step) => step.run(machine, rows, (from, x), (to, out)),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match &self.product {
            Product::Dense(step) => step.describe(),
            Product::Depthwise(step) => step.describe(),
        }
    }
}
