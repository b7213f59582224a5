//! How good pictures are: what a person would see at once, in figures.
//!
//! Nothing here judges a part. The figures say whether a camera stands, lights and focuses as it should.

use crate::frame::{FramePair, FrameSize, RgbFrame};
use crate::prepare::Roi;

/// Luma from which a pixel is as bright as can be told, and up to which it is black.
const SATURATED: f32 = 250.0;
const DARK: f32 = 5.0;

/// What a colour picture is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColourFigures {
    /// Mean luma, 0 to 255.
    pub brightness: f32,
    /// Share of pixels that are black.
    pub dark_share: f32,
    /// Share of pixels of which one channel at least can't be brighter.
    pub saturated_share: f32,
    /// Variance of the Laplacian of luma: large for sharp pictures. It depends on what is seen, so it is compared
    /// with that of another picture of the same scene and with nothing else.
    pub sharpness: f32,
}

/// What a depth picture is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthFigures {
    /// Share of pixels with a measurement.
    pub measured_share: f32,
    /// The median distance along the optical axis in millimetres; `None` if nothing was measured.
    pub median_mm: Option<f64>,
}

/// The rows and columns of a region, as far as they lie in a picture; the whole picture if there is none.
fn region(roi: Option<Roi>, size: FrameSize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    match roi {
        None => (0..size.height, 0..size.width),
        Some(roi) => {
            let end = |start: usize, length: usize, side: usize| (start + length).min(side);
            (
                roi.y.min(size.height)..end(roi.y, roi.height, size.height),
                roi.x.min(size.width)..end(roi.x, roi.width, size.width),
            )
        }
    }
}

fn luma(pixel: &[u8]) -> f32 {
    match pixel {
        [r, g, b] => 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b),
        _ => 0.0,
    }
}

impl ColourFigures {
    /// Looks at a picture, or a region of it.
    pub fn of(picture: &RgbFrame, roi: Option<Roi>) -> Self {
        Self::sampled(picture, roi, 1)
    }

    /// The same by each so-and-so-many-th pixel of each so-and-so-many-th row. Edges are those of whole pixels all the
    /// same, so that the figures differ by chance alone.
    pub fn sampled(picture: &RgbFrame, roi: Option<Roi>, step: usize) -> Self {
        let step = step.max(1);
        let size = picture.size();
        let (rows, columns) = region(roi, size);
        let pixel = |column: usize, row: usize| {
            let at = 3 * (row * size.width + column);
            picture.data().get(at..at + 3).unwrap_or_default()
        };
        let looked_at = |side: &std::ops::Range<usize>| side.len().div_ceil(step);
        let count = (looked_at(&rows) * looked_at(&columns)).max(1) as f32;
        let (mut sum, mut dark, mut saturated) = (0.0_f64, 0_u32, 0_u32);
        let (mut laplacians, mut squares, mut inner) = (0.0_f64, 0.0_f64, 0_u32);
        for row in rows.clone().step_by(step) {
            for column in columns.clone().step_by(step) {
                let seen = pixel(column, row);
                let here = luma(seen);
                sum += f64::from(here);
                dark += u32::from(here <= DARK);
                saturated += u32::from(seen.iter().any(|value| f32::from(*value) >= SATURATED));
                let is_inner = row > rows.start
                    && row + 1 < rows.end
                    && column > columns.start
                    && column + 1 < columns.end;
                if is_inner {
                    let around = luma(pixel(column - 1, row))
                        + luma(pixel(column + 1, row))
                        + luma(pixel(column, row - 1))
                        + luma(pixel(column, row + 1));
                    let laplacian = f64::from(around - 4.0 * here);
                    laplacians += laplacian;
                    squares += laplacian * laplacian;
                    inner += 1;
                }
            }
        }
        let inner = f64::from(inner.max(1));
        let mean = laplacians / inner;
        Self {
            brightness: (sum / f64::from(count)) as f32,
            dark_share: dark as f32 / count,
            saturated_share: saturated as f32 / count,
            sharpness: (squares / inner - mean * mean).max(0.0) as f32,
        }
    }
}

impl DepthFigures {
    /// Looks at a pair's depth, or a region of it; `None` if it has none.
    pub fn of(pair: &FramePair, roi: Option<Roi>) -> Option<Self> {
        pair.depth()?;
        let (rows, columns) = region(roi, pair.size());
        let pixels = rows.len() * columns.len();
        let mut distances: Vec<f64> = rows
            .flat_map(|row| columns.clone().map(move |column| (column, row)))
            .filter_map(|(column, row)| Some(pair.point(column, row)?[2]))
            .collect();
        let measured = distances.len();
        Some(Self {
            measured_share: measured as f32 / pixels.max(1) as f32,
            median_mm: median(&mut distances),
        })
    }
}

/// How much the depth of a scene that does not move changes from picture to picture: the median over the pixels
/// of the standard deviation, in millimetres. Pixels that one of the pictures has not measured are left out.
///
/// `None` for fewer than two pictures, for pictures of different sizes, and if no pixel is left.
pub fn depth_noise_mm(pairs: &[FramePair], roi: Option<Roi>) -> Option<f64> {
    let mut noise = DepthNoise::new(pairs.first()?.size());
    pairs
        .iter()
        .all(|pair| noise.add(pair))
        .then(|| noise.noise_mm(roi))?
}

/// The same of any number of pictures that are seen one after the other, in memory that does not grow.
#[derive(Debug, Clone)]
pub struct DepthNoise {
    size: FrameSize,
    pixels: Vec<Changes>,
    pictures: usize,
}

/// What a pixel's depth has done, in mm. Sums are of differences to the first picture: they stay small, and a depth that
/// never changes has none.
#[derive(Debug, Clone, Copy, Default)]
struct Changes {
    first_mm: f64,
    sum: f64,
    squares: f64,
    measured: u32,
}

impl DepthNoise {
    /// For pictures of this size.
    pub fn new(size: FrameSize) -> Self {
        Self {
            size,
            pixels: vec![Changes::default(); size.pixels()],
            pictures: 0,
        }
    }

    /// Takes the next picture; one of another size is not taken, and `false`.
    #[must_use]
    pub fn add(&mut self, pair: &FramePair) -> bool {
        if pair.size() != self.size {
            return false;
        }
        self.pictures += 1;
        for (at, pixel) in self.pixels.iter_mut().enumerate() {
            let Some([_, _, z_mm]) = pair.point(at % self.size.width, at / self.size.width) else {
                continue;
            };
            if pixel.measured == 0 {
                pixel.first_mm = z_mm;
            }
            let change = z_mm - pixel.first_mm;
            pixel.sum += change;
            pixel.squares += change * change;
            pixel.measured += 1;
        }
        true
    }

    /// Whether there were several pictures, and each was the first one again.
    pub fn is_still(&self) -> bool {
        let is_same = |pixel: &Changes| {
            pixel.squares == 0.0 && [0, self.pictures].contains(&(pixel.measured as usize))
        };
        self.pictures > 1 && self.pixels.iter().all(is_same)
    }

    /// The noise so far, of all of the picture or a region; `None` as [`depth_noise_mm`] has it.
    pub fn noise_mm(&self, roi: Option<Roi>) -> Option<f64> {
        if self.pictures < 2 {
            return None;
        }
        let count = self.pictures as f64;
        let (rows, columns) = region(roi, self.size);
        let mut deviations: Vec<f64> = rows
            .flat_map(|row| {
                columns
                    .clone()
                    .map(move |column| row * self.size.width + column)
            })
            .filter_map(|at| self.pixels.get(at))
            .filter(|pixel| pixel.measured as usize == self.pictures)
            .map(|pixel| {
                let squares = pixel.squares - pixel.sum * pixel.sum / count;
                (squares.max(0.0) / (count - 1.0)).sqrt()
            })
            .collect();
        median(&mut deviations)
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DepthCounts, DepthFrame, Intrinsics};

    const SIZE: FrameSize = FrameSize {
        width: 8,
        height: 6,
    };

    fn colour(pixel: impl Fn(usize) -> u8) -> RgbFrame {
        let data = (0..SIZE.pixels()).flat_map(|at| [pixel(at); 3]).collect();
        RgbFrame::new(SIZE, data).unwrap()
    }

    fn pair(count: impl Fn(usize) -> u16) -> FramePair {
        let counts = (0..SIZE.pixels()).map(count).collect();
        let depth = DepthFrame::Counts(DepthCounts::new(SIZE, 0.001, counts).unwrap());
        let intrinsics = Intrinsics {
            width: SIZE.width,
            height: SIZE.height,
            fx: 8.0,
            fy: 8.0,
            cx: 4.0,
            cy: 3.0,
            distortion: [0.0; 5],
        };
        FramePair::new(None, Some(depth), Some(intrinsics)).unwrap()
    }

    #[test]
    fn an_even_picture_has_no_edges() {
        let figures = ColourFigures::of(&colour(|_| 100), None);
        assert!((figures.brightness - 100.0).abs() < 1e-3);
        assert_eq!((figures.dark_share, figures.saturated_share), (0.0, 0.0));
        assert!(figures.sharpness < 1e-6);
        let stripes = ColourFigures::of(&colour(|at| 100 + 50 * (at % 2) as u8), None);
        assert!(stripes.sharpness > 1_000.0);
    }

    #[test]
    fn black_and_white_are_told() {
        let figures = ColourFigures::of(&colour(|at| if at < 12 { 255 } else { 0 }), None);
        assert!((figures.saturated_share - 0.25).abs() < 1e-6);
        assert!((figures.dark_share - 0.75).abs() < 1e-6);
    }

    #[test]
    fn depth_is_looked_at_where_it_counts() {
        let left_half = |at: usize| if at % 8 < 4 { 400 } else { 0 };
        let whole = DepthFigures::of(&pair(left_half), None).unwrap();
        assert!((whole.measured_share - 0.5).abs() < 1e-6);
        assert_eq!(whole.median_mm, Some(400.0));
        let roi = Roi {
            x: 4,
            y: 0,
            width: 100,
            height: 6,
        };
        let right = DepthFigures::of(&pair(left_half), Some(roi)).unwrap();
        assert_eq!((right.measured_share, right.median_mm), (0.0, None));
    }

    #[test]
    fn noise_is_what_changes_and_not_what_is_seen() {
        let still = [
            pair(|at| 400 + at as u16),
            pair(|at| 400 + at as u16),
            pair(|at| 400 + at as u16),
        ];
        assert_eq!(depth_noise_mm(&still, None), Some(0.0));
        // Deviations of 400, 402, 404: 2.
        let moved = [pair(|_| 400), pair(|_| 402), pair(|_| 404)];
        assert_eq!(depth_noise_mm(&moved, None), Some(2.0));
        assert_eq!(depth_noise_mm(&moved[..1], None), None);
        let holes = [pair(|_| 400), pair(|_| 0)];
        assert_eq!(depth_noise_mm(&holes, None), None);
    }
}
