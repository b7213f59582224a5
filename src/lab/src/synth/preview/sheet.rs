//! One contact sheet: a row a sample, five pictures a row.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use twinspect_core::prepare::{Canvas, PreparedPart};

use super::panels;
use crate::panels::relief;
use crate::synth::Labels;

/// Samples on a sheet.
pub(super) const ROWS: usize = 6;
const COLUMNS: u32 = 5;
const GAP: u32 = 6;
const BACKGROUND: Rgb<u8> = Rgb([24, 26, 30]);

/// What a row shows.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// The part as it was taken, and what preparation derives.
    pub(super) good: (&'a Canvas, &'a PreparedPart),
    /// What was made of it.
    pub(super) made: (&'a Canvas, &'a PreparedPart),
    pub(super) labels: &'a Labels,
}

/// Good colour, perturbed colour, good height, perturbed height, labels; all of side S.
#[derive(Debug)]
pub(super) struct Sheet {
    side: u32,
    rows: Vec<[RgbImage; COLUMNS as usize]>,
}

impl Sheet {
    pub(super) fn new(size: usize) -> Self {
        Self {
            side: size as u32,
            rows: Vec::with_capacity(ROWS),
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        let highest = row.good.1.height.iter().copied().fold(1.0, f32::max);
        self.rows.push([
            panels::colour(row.good.0),
            panels::colour(row.made.0),
            relief(row.good.1, highest),
            relief(row.made.1, highest),
            panels::outlines(row.made.0, row.labels),
        ]);
    }

    /// Writes a PNG, and the folders that it lies in.
    pub(super) fn save(&self, path: &Path) -> std::io::Result<()> {
        let extent = |count: u32| count * (self.side + GAP) + GAP;
        let size = (extent(COLUMNS), extent(self.rows.len() as u32));
        let mut page = RgbImage::from_pixel(size.0, size.1, BACKGROUND);
        for (row, panels) in (0..).zip(&self.rows) {
            for (column, panel) in (0..).zip(panels) {
                let (left, top) = (extent(column), extent(row));
                for (x, y, pixel) in panel.enumerate_pixels() {
                    page.put_pixel(left + x, top + y, *pixel);
                }
            }
        }
        let mut png = Cursor::new(Vec::new());
        let encoded = page.write_to(&mut png, ImageFormat::Png);
        encoded.map_err(std::io::Error::other)?;
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, png.into_inner())
    }
}
