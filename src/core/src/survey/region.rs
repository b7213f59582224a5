//! A proposal for the region of interest: the largest rectangle in which depth is measured and the belt is flat.
//!
//! The picture is cut into cells. A cell is good if nearly all of its pixels were measured, in nearly all pictures,
//! and nearly all of them lie as near to the belt's plane as the points that taught it. A single bad cell among good
//! ones, a speck of dirt, does not count.

use super::BeltSurface;
use super::belt::BELT_INLIER_MM;
use crate::frame::{FramePair, FrameSize};
use crate::plane::Plane;
use crate::prepare::Roi;

/// Side of a cell in pixels, about: cells share the picture evenly.
const CELL_PX: usize = 8;
/// Least share of a cell's pixels that must be good.
const GOOD_SHARE: f64 = 0.9;
/// A bad cell with so many good ones around it is good too.
const GOOD_AROUND: usize = 7;

/// Where parts could be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiProposal {
    /// The region.
    pub roi: Roi,
    /// Share of the whole picture that it covers.
    pub share: f64,
    /// Root mean square of the belt's distance to its plane there, in mm, of the pixels' means over all pictures: what
    /// is uneven, and not what is noise.
    pub unevenness_mm: f64,
}

/// What a pixel showed in all pictures together.
#[derive(Debug, Clone, Copy, Default)]
struct Pixel {
    measured: u32,
    heights_mm: f64,
}

impl Pixel {
    /// Mean height above the plane, where it was measured nearly always.
    fn height_mm(self, frames: usize) -> Option<f64> {
        let is_measured = f64::from(self.measured) >= GOOD_SHARE * frames as f64;
        (is_measured && self.measured > 0).then(|| self.heights_mm / f64::from(self.measured))
    }
}

/// What all pixels showed, in any number of pictures of one size.
#[derive(Debug, Clone)]
pub(super) struct Heights {
    size: FrameSize,
    pixels: Vec<Pixel>,
    frames: usize,
    measured: usize,
}

impl Heights {
    pub(super) fn new(size: FrameSize) -> Self {
        Self {
            size,
            pixels: vec![Pixel::default(); size.pixels()],
            frames: 0,
            measured: 0,
        }
    }

    pub(super) fn add(&mut self, frame: &FramePair, belt: &Plane) {
        self.frames += 1;
        let width = self.size.width;
        for (at, pixel) in self.pixels.iter_mut().enumerate() {
            if let Some(point) = frame.point(at % width, at / width) {
                pixel.measured += 1;
                pixel.heights_mm += belt.height_mm(point);
                self.measured += 1;
            }
        }
    }

    /// Share of all pixels of all pictures that were measured.
    pub(super) fn measured_share(&self) -> f64 {
        self.measured as f64 / (self.frames * self.pixels.len()).max(1) as f64
    }

    /// Where each pixel lies.
    pub(super) fn surface(&self) -> BeltSurface {
        let height_mm = |pixel: &Pixel| Some(pixel.height_mm(self.frames)? as f32);
        BeltSurface {
            size: self.size,
            heights_mm: self.pixels.iter().map(height_mm).collect(),
        }
    }

    /// The proposal.
    pub(super) fn propose(&self) -> Option<RoiProposal> {
        let heights: Vec<Option<f64>> = self
            .pixels
            .iter()
            .map(|pixel| pixel.height_mm(self.frames))
            .collect();
        propose(self.size, &heights)
    }
}

/// The proposal, by the mean height of each pixel where it was measured.
fn propose(size: FrameSize, heights: &[Option<f64>]) -> Option<RoiProposal> {
    let (columns, rows) = (Cuts::of(size.width), Cuts::of(size.height));
    let good: Vec<bool> = (0..rows.count)
        .flat_map(|row| (0..columns.count).map(move |column| (column, row)))
        .map(|(column, row)| {
            let inside = columns.pixels(column).len() * rows.pixels(row).len();
            let near = rows
                .pixels(row)
                .flat_map(|y| columns.pixels(column).map(move |x| y * size.width + x))
                .filter_map(|at| heights[at])
                .filter(|height_mm| height_mm.abs() < BELT_INLIER_MM)
                .count();
            near as f64 >= GOOD_SHARE * inside as f64
        })
        .collect();
    let good = without_specks(&good, columns.count);
    let cells = largest(&good, columns.count)?;
    let (left, top) = (columns.pixels(cells.x).start, rows.pixels(cells.y).start);
    let (right, bottom) = (
        columns.pixels(cells.x + cells.width - 1).end,
        rows.pixels(cells.y + cells.height - 1).end,
    );
    let roi = Roi {
        x: left,
        y: top,
        width: right - left,
        height: bottom - top,
    };
    let inside = (top..bottom)
        .flat_map(|y| (left..right).map(move |x| y * size.width + x))
        .filter_map(|at| heights[at]);
    let (mut squares, mut count) = (0.0, 0_usize);
    for height_mm in inside {
        squares += height_mm * height_mm;
        count += 1;
    }
    Some(RoiProposal {
        roi,
        share: (roi.width * roi.height) as f64 / size.pixels() as f64,
        unevenness_mm: (squares / count.max(1) as f64).sqrt(),
    })
}

/// A side of the picture, cut into cells.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    length: usize,
    count: usize,
}

impl Cuts {
    fn of(length: usize) -> Self {
        Self {
            length,
            count: (length / CELL_PX).max(1),
        }
    }

    fn pixels(self, cell: usize) -> std::ops::Range<usize> {
        cell * self.length / self.count..(cell + 1) * self.length / self.count
    }
}

/// The same cells, and those that are bad among good ones.
fn without_specks(good: &[bool], columns: usize) -> Vec<bool> {
    let rows = good.len() / columns;
    let around = |column: usize, row: usize| {
        let is_inner = column > 0 && row > 0 && column + 1 < columns && row + 1 < rows;
        is_inner.then(|| {
            (row - 1..=row + 1)
                .flat_map(|y| (column - 1..=column + 1).map(move |x| (x, y)))
                .filter(|&(x, y)| (x, y) != (column, row) && good[y * columns + x])
                .count()
        })
    };
    good.iter()
        .enumerate()
        .map(|(at, &is_good)| {
            is_good || around(at % columns, at / columns).is_some_and(|count| count >= GOOD_AROUND)
        })
        .collect()
}

/// The largest rectangle of good cells, in cells; of several the one that ends first, row by row.
fn largest(good: &[bool], columns: usize) -> Option<Roi> {
    let mut best: Option<Roi> = None;
    // Good cells from each one upwards, itself with them.
    let mut runs = vec![0_usize; columns];
    for (row, cells) in good.chunks_exact(columns).enumerate() {
        for (run, &is_good) in runs.iter_mut().zip(cells) {
            *run = if is_good { *run + 1 } else { 0 };
        }
        for right in 0..columns {
            let mut height = usize::MAX;
            for left in (0..=right).rev() {
                height = height.min(runs[left]);
                if height == 0 {
                    break;
                }
                let width = right - left + 1;
                if best.is_none_or(|best| width * height > best.width * best.height) {
                    best = Some(Roi {
                        x: left,
                        y: row + 1 - height,
                        width,
                        height,
                    });
                }
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(picture: &[&str]) -> (Vec<bool>, usize) {
        let good = picture.iter().flat_map(|row| row.chars().map(|c| c == '#'));
        (good.collect(), picture[0].len())
    }

    #[test]
    fn the_largest_rectangle_is_found_and_a_speck_is_none() {
        let (good, columns) = cells(&["..####", ".#####", ".##.##", ".#####", "......"]);
        // 2 x 4 cells on the right are as many, and end further down.
        let above_the_hole = Roi {
            x: 2,
            y: 0,
            width: 4,
            height: 2,
        };
        assert_eq!(largest(&good, columns), Some(above_the_hole));
        let whole = Roi {
            x: 1,
            y: 1,
            width: 5,
            height: 3,
        };
        let mended = without_specks(&good, columns);
        let added = mended.iter().zip(&good).filter(|(a, b)| a != b).count();
        assert_eq!(added, 1);
        // 4 x 4 and 5 x 3 cells: the larger one.
        assert_eq!(
            largest(&mended, columns).map(|roi| roi.width * roi.height),
            Some(16)
        );
        assert_eq!(
            largest(&mended[columns..], columns),
            Some(Roi { y: 0, ..whole })
        );
        assert_eq!(largest(&[false; 6], 3), None);
    }

    proptest! {
        #[test]
        fn no_rectangle_of_good_cells_is_larger(good in prop::collection::vec(prop::bool::weighted(0.8), 30), columns in prop::sample::select(vec![5_usize, 6, 10])) {
            let rows = good.len() / columns;
            let is_good = |x: usize, y: usize, width: usize, height: usize| {
                (y..y + height).all(|row| (x..x + width).all(|column| good[row * columns + column]))
            };
            let mut most = 0;
            for y in 0..rows {
                for x in 0..columns {
                    for height in 1..=rows - y {
                        for width in 1..=columns - x {
                            if is_good(x, y, width, height) {
                                most = most.max(width * height);
                            }
                        }
                    }
                }
            }
            let found = largest(&good, columns);
            prop_assert_eq!(found.map_or(0, |roi| roi.width * roi.height), most);
            if let Some(roi) = found {
                prop_assert!(is_good(roi.x, roi.y, roi.width, roi.height));
            }
        }
    }
}
