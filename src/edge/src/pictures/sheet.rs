//! A whole run on one page: each part small, framed by what was said of it.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage};
use twinspect_core::verdict::Verdict;

use super::canvas::{BACKGROUND, FAINT, GREEN, INK, RED, YELLOW, fill, paste};
use super::snapshot::Snapshot;
use super::{font, panels};

const COLUMNS: u32 = 6;
const THUMB: u32 = 144;
const FRAME: u32 = 3;
const GAP: u32 = 8;
const TEXT: u32 = 2 * (font::HEIGHT + 3) + 2;
const CELL: (u32, u32) = (THUMB + 2 * FRAME + GAP, THUMB + 2 * FRAME + TEXT + GAP);
/// Parts on a sheet; later ones are left out, which the sheet's title says.
pub(crate) const PARTS_MAX: usize = 600;

/// Collects parts as they are inspected.
#[derive(Debug)]
pub(crate) struct Sheet {
    title: String,
    cells: Vec<Cell>,
    left_out: usize,
}

#[derive(Debug)]
struct Cell {
    thumb: RgbImage,
    frame: Rgb<u8>,
    lines: [String; 2],
}

impl Sheet {
    /// An empty sheet.
    pub(crate) fn new(title: String) -> Self {
        Self {
            title,
            cells: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds a part: the map's heat where it was rejected, its colours where it passed.
    pub(crate) fn add(&mut self, snapshot: &Snapshot, name: &str, verdict: &Verdict) {
        if self.cells.len() == PARTS_MAX {
            self.left_out += 1;
            return;
        }
        let mut view = panels::colour(snapshot);
        panels::outline(&mut view, snapshot);
        let (frame, said) = match verdict {
            Verdict::Pass { score, .. } => (GREEN, format!("PASS {score:.2}")),
            Verdict::Fail { finding, .. } => (
                RED,
                format!("FAIL {:.2} {}", finding.score, finding.seen_by),
            ),
            Verdict::NoResult { reason } => (YELLOW, format!("NONE {reason}")),
        };
        self.cells.push(Cell {
            thumb: resize(&view, THUMB, THUMB, FilterType::Triangle),
            frame,
            lines: [name.to_owned(), said],
        });
    }

    /// Draws the page.
    pub(crate) fn draw(&self) -> RgbImage {
        let rows = (self.cells.len() as u32).div_ceil(COLUMNS);
        let top = GAP + font::HEIGHT + GAP;
        let size = (COLUMNS * CELL.0 + GAP, top + rows * CELL.1);
        let mut page = RgbImage::from_pixel(size.0, size.1, BACKGROUND);
        let title = match self.left_out {
            0 => self.title.clone(),
            more => format!("{} ({more} more parts not shown)", self.title),
        };
        font::write(&mut page, (GAP, GAP), &title, INK);
        for (place, cell) in (0..).zip(&self.cells) {
            let left = GAP + place % COLUMNS * CELL.0;
            let upper = top + place / COLUMNS * CELL.1;
            let framed = THUMB + 2 * FRAME;
            fill(&mut page, (left, upper), (framed, framed), cell.frame);
            paste(&mut page, &cell.thumb, (left + FRAME, upper + FRAME));
            let [name, said] = &cell.lines;
            font::write(&mut page, (left, upper + framed + 3), &fit(name), FAINT);
            let second = upper + framed + 3 + font::HEIGHT + 3;
            font::write(&mut page, (left, second), &fit(said), cell.frame);
        }
        page
    }
}

/// As much of a text as stands under a thumb; its end tells parts apart.
fn fit(text: &str) -> String {
    let room = ((THUMB + 2 * FRAME) / font::ADVANCE) as usize;
    let surplus = text.chars().count().saturating_sub(room);
    text.chars().skip(surplus).collect()
}
