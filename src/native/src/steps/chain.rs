//! Convolutions that follow each other, computed a few rows at a time.
//!
//! What one makes is read by the next while it is still in the cache, and never has to be there as a whole. Between two
//! convolutions lies a band: the rows that the next one needs, of which those that it needs again move up when the band goes on.

use super::Machine;
use super::convolution::Convolution;
use super::depthwise::Depthwise;
use crate::map::MapShape;

/// Bytes of all bands together, at most, where one row at a time does not need more: part of a core's second cache.
const BYTES: usize = 384 << 10;
/// Places of the last output that are made at a time, at least, where twice as many bytes suffice for that.
const PLACES: usize = 128;
/// A map of fewer bytes stays in the cache as a whole.
const SMALL: usize = 96 << 10;

/// Which rows of a buffer hold which of a map: row `first + border` of the map's buffer is the buffer's first.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shift(pub(crate) usize);

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
pub(crate) struct Chain {
    links: Vec<Link>,
    /// Rows of the last link's output at a time.
    step: usize,
    /// Behind each link but the last.
    bands: Vec<Band>,
}

/// The rows that are there between two links.
#[derive(Debug, Clone, Copy, Default)]
struct Band {
    /// Rows for which there is room.
    room: usize,
    /// Where it begins in the scratch buffer.
    offset: usize,
    /// The map's row that is its first; above the map there are rows of zeros.
    first: isize,
    /// Rows of the map that were computed.
    done: isize,
    /// What the next link needs now.
    need: (isize, isize),
}

impl Chain {
    /// Joins links, at least one.
    pub(crate) fn new(links: Vec<Link>) -> Self {
        let (rows, columns) = links
            .last()
            .map_or((1, 1), |link| (link.rows, link.output.columns));
        let mut chain = Self {
            bands: vec![Band::default(); links.len().saturating_sub(1)],
            links,
            step: rows,
        };
        // All weights are read again for each step, which many places have to pay for.
        let enough = PLACES.div_ceil(columns).min(rows);
        for step in (1..=rows).rev() {
            chain.step = step;
            chain.measure();
            let bytes = chain.scratch_len() * size_of::<f32>();
            if bytes <= BYTES || step <= enough && bytes <= 2 * BYTES {
                break;
            }
        }
        chain
    }

    /// Whether a map is so large that it should not be there as a whole.
    pub(crate) fn pays(shape: MapShape) -> bool {
        shape.buffer_len() * size_of::<f32>() > SMALL
    }

    /// Values of the scratch buffer that it needs.
    pub(crate) fn scratch_len(&self) -> usize {
        let sizes = self.bands.iter().zip(&self.links);
        sizes
            .map(|(band, link)| band.room * link.output.pitch())
            .sum()
    }

    /// Finds the room that each band needs, by going through all of them.
    fn measure(&mut self) {
        for band in &mut self.bands {
            band.room = 0;
        }
        self.begin();
        let rows = self.links.last().map_or(0, |link| link.rows);
        for from in (0..rows).step_by(self.step) {
            self.demand(from, (from + self.step).min(rows));
            for at in 0..self.bands.len() {
                self.advance(at);
                let band = &mut self.bands[at];
                band.room = band.room.max((band.need.1 - band.first) as usize);
            }
        }
        let mut offset = 0;
        for (band, link) in self.bands.iter_mut().zip(&self.links) {
            band.offset = offset;
            offset += band.room * link.output.pitch();
        }
    }

    fn begin(&mut self) {
        for (band, next) in self.bands.iter_mut().zip(&self.links[1..]) {
            band.first = -(next.top as isize);
            band.done = 0;
            band.need = (band.first, 0);
        }
    }

    /// Sets what each band has to hold, so that the last link can make these rows.
    fn demand(&mut self, from: usize, to: usize) {
        let (mut from, mut to) = (from as isize, to as isize);
        for at in (0..self.bands.len()).rev() {
            let next = &self.links[at + 1];
            let (stride, top) = (next.stride as isize, next.top as isize);
            let band = &mut self.bands[at];
            if from < to {
                let need = from * stride - top;
                let end = (to - 1) * stride - top + next.reach as isize;
                band.need = (need, end);
            }
            (from, to) = band.missing(self.links[at].rows);
        }
    }

    /// Forgets what is no longer needed; says which rows are missing and, where rows stay, how many and how far they move
    /// up. Where a stride steps over rows, nothing stays.
    fn advance(&mut self, at: usize) -> (std::ops::Range<usize>, Option<(usize, usize)>) {
        let band = &mut self.bands[at];
        let (from, to) = band.missing(self.links[at].rows);
        let away = (band.need.0 - band.first).max(0) as usize;
        let kept = (band.done - band.need.0).max(0) as usize;
        band.first += away as isize;
        band.done = band.done.max(to);
        (
            from as usize..to.max(from) as usize,
            (away > 0 && kept > 0).then_some((away, kept)),
        )
    }

    /// Runs all of it. The scratch buffer has at least [`Chain::scratch_len`] values.
    pub(crate) fn run(
        &mut self,
        machine: Machine,
        x: &[f32],
        maps: &[Vec<f32>],
        scratch: &mut [f32],
        out: &mut [f32],
    ) {
        let scratch_len = self.scratch_len();
        scratch[..scratch_len].fill(0.0);
        self.begin();
        let rows = self.links.last().map_or(0, |link| link.rows);
        for from in (0..rows).step_by(self.step) {
            let to = (from + self.step).min(rows);
            self.demand(from, to);
            for at in 0..self.bands.len() {
                let (missing, moved) = self.advance(at);
                let link = &self.links[at];
                let band = self.bands[at];
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
                let (input, from) = self.input(at, x, before);
                link.run(machine, missing, (from, input), maps, (shift, here));
            }
            if let Some(link) = self.links.last() {
                let (input, shift) = self.input(self.bands.len(), x, scratch);
                link.run(machine, from..to, (shift, input), maps, (Shift(0), out));
            }
        }
    }

    /// What a link reads.
    fn input<'a>(&self, at: usize, x: &'a [f32], scratch: &'a [f32]) -> (&'a [f32], Shift) {
        match at.checked_sub(1) {
            None => (x, Shift(0)),
            Some(before) => {
                let (band, shape) = (self.bands[before], self.links[before].output);
                let values = &scratch[band.offset..][..band.room * shape.pitch()];
                (values, band.shift(shape))
            }
        }
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let links: Vec<String> = self.links.iter().map(Link::describe).collect();
        format!(
            "{} rows at a time, {} kB:\n{:12}{}",
            self.step,
            self.scratch_len() / 256,
            "",
            links.join("\n            ")
        )
    }
}

impl Band {
    /// Rows that are needed and exist and are not there.
    fn missing(&self, rows: usize) -> (isize, isize) {
        (self.done.max(self.need.0), self.need.1.min(rows as isize))
    }

    fn shift(&self, shape: MapShape) -> Shift {
        // No window reaches further above than the border is wide.
        Shift((self.first + shape.border as isize) as usize)
    }
}

impl Link {
    fn run(
        &self,
        machine: Machine,
        rows: std::ops::Range<usize>,
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
