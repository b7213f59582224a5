//! How a thread goes through the rows of a chain.

use std::ops::Range;

use super::chain::Link;
use crate::map::{MapShape, Shift};

/// Bytes of all bands together, at most, where one row at a time does not need more: part of a core's second cache.
const BYTES: usize = 384 << 10;
/// Places of the last output that are made at a time, at least, where twice as many bytes suffice for that.
const PLACES: usize = 128;

/// The rows of the last link's output that are made at a time, and the bands between the links.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) step: usize,
    /// Behind each link but the last.
    pub(crate) bands: Vec<Band>,
}

/// The rows that are there between two links.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Band {
    /// Rows for which there is room.
    pub(crate) room: usize,
    /// Where it begins in the scratch buffer.
    pub(crate) offset: usize,
    /// The map's row that is its first; above the map there are rows of zeros.
    pub(crate) first: isize,
    /// Rows of the map that were computed, or lie above those that are needed.
    done: isize,
    /// What the next link needs now.
    pub(crate) need: (isize, isize),
}

impl Course {
    /// Through these rows of the last link's output.
    pub(crate) fn through(links: &[Link], rows: Range<usize>) -> Self {
        let columns = links.last().map_or(1, |link| link.output.columns);
        let mut course = Self {
            step: rows.len(),
            bands: vec![Band::default(); links.len().saturating_sub(1)],
        };
        // All weights are read again for each step, which many places have to pay for.
        let enough = PLACES.div_ceil(columns).min(rows.len());
        for step in (1..=rows.len()).rev() {
            course.step = step;
            course.measure(links, rows.clone());
            let bytes = course.scratch_len(links) * size_of::<f32>();
            if bytes <= BYTES || step <= enough && bytes <= 2 * BYTES {
                break;
            }
        }
        course
    }

    /// Values of the scratch buffer that it needs.
    pub(crate) fn scratch_len(&self, links: &[Link]) -> usize {
        let sizes = self.bands.iter().zip(links);
        sizes
            .map(|(band, link)| band.room * link.output.pitch())
            .sum()
    }

    /// Finds the room that each band needs, by going through all of them.
    fn measure(&mut self, links: &[Link], rows: Range<usize>) {
        for band in &mut self.bands {
            band.room = 0;
        }
        self.begin(links);
        for from in rows.clone().step_by(self.step) {
            self.demand(links, from, (from + self.step).min(rows.end));
            for (at, link) in links.iter().take(self.bands.len()).enumerate() {
                self.advance(link, at);
                let band = &mut self.bands[at];
                band.room = band.room.max((band.need.1 - band.first) as usize);
            }
        }
        let mut offset = 0;
        for (band, link) in self.bands.iter_mut().zip(links) {
            band.offset = offset;
            offset += band.room * link.output.pitch();
        }
    }

    pub(crate) fn begin(&mut self, links: &[Link]) {
        for (band, next) in self.bands.iter_mut().zip(links.iter().skip(1)) {
            band.first = -(next.top as isize);
            band.done = 0;
            band.need = (band.first, 0);
        }
    }

    /// Sets what each band has to hold, so that the last link can make these rows.
    pub(crate) fn demand(&mut self, links: &[Link], from: usize, to: usize) {
        let (mut from, mut to) = (from as isize, to as isize);
        for at in (0..self.bands.len()).rev() {
            let next = &links[at + 1];
            let (stride, top) = (next.stride as isize, next.top as isize);
            let band = &mut self.bands[at];
            if from < to {
                let need = from * stride - top;
                let end = (to - 1) * stride - top + next.reach as isize;
                band.need = (need, end);
            }
            (from, to) = band.missing(links[at].rows);
        }
    }

    /// Forgets what is no longer needed; says which rows are missing and, where rows stay, how many and how far they move
    /// up. Where a stride steps over rows, nothing stays.
    pub(crate) fn advance(
        &mut self,
        link: &Link,
        at: usize,
    ) -> (Range<usize>, Option<(usize, usize)>) {
        let band = &mut self.bands[at];
        let (from, to) = band.missing(link.rows);
        let away = (band.need.0 - band.first).max(0) as usize;
        let kept = (band.done - band.need.0).max(0) as usize;
        band.first += away as isize;
        band.done = band.done.max(to);
        (
            from as usize..to.max(from) as usize,
            (away > 0 && kept > 0).then_some((away, kept)),
        )
    }
}

impl Band {
    /// Rows that are needed and exist and are not there.
    fn missing(&self, rows: usize) -> (isize, isize) {
        (self.done.max(self.need.0), self.need.1.min(rows as isize))
    }

    pub(crate) fn shift(&self, shape: MapShape) -> Shift {
        // No window reaches further above than the border is wide.
        Shift((self.first + shape.border as isize) as usize)
    }
}
