//! The belt's plane, and what the filter bank says of the bare belt.

use crate::frame::{FramePair, FrameSize};
use crate::plane::Plane;
use crate::prepare::{BANK_CHANNELS, Bank, BankSpec, Canvas};

/// Frames that the belt is taught from.
pub const BELT_FRAMES: usize = 20;
/// Distance to the belt within which a point agrees with it, in mm.
pub const BELT_INLIER_MM: f64 = 1.5;
/// Points of each of these frames, at most.
const BELT_POINTS: usize = 400;
/// Share of the frame's sides that counts as its border.
const BORDER: f64 = 1.0 / 12.0;
/// Triples of points that are tried as planes.
const DRAWS: usize = 300;
/// Heights that may still be the bare belt, in mm, and the coarsest scale's.
const BARE_MM: (f32, f32) = (1.0, 0.8);

/// Where the belt is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Along the frame's sides: something lies in the middle.
    Border,
    /// In all of the frame: nothing lies on the belt.
    Everywhere,
}

/// Pixels of a side that count as its border.
pub(crate) fn margin(length: usize) -> usize {
    ((length as f64 * BORDER) as usize).max(4).min(length)
}

impl Where {
    fn holds(self, size: FrameSize, (x, y): (usize, usize)) -> bool {
        let (margin_x, margin_y) = (margin(size.width), margin(size.height));
        match self {
            Self::Everywhere => true,
            Self::Border => {
                x < margin_x
                    || y < margin_y
                    || x >= size.width - margin_x
                    || y >= size.height - margin_y
            }
        }
    }
}

/// The plane that the first [`BELT_FRAMES`] frames share, if they do. The same frames always teach the same one.
pub fn teach_belt(frames: &[FramePair], place: Where) -> Option<Plane> {
    let mut points = Vec::new();
    for frame in frames.iter().take(BELT_FRAMES) {
        let size = frame.size();
        let places: Vec<_> = (0..size.pixels())
            .map(|i| (i % size.width, i / size.width))
            .filter(|&at| place.holds(size, at))
            .collect();
        let step = places.len().div_ceil(BELT_POINTS);
        points.extend(
            places
                .iter()
                .step_by(step)
                .filter_map(|&(x, y)| frame.point(x, y)),
        );
    }
    Plane::teach(&points, BELT_INLIER_MM, DRAWS)
}

/// What each channel of the bank varies by, in mm, where nothing lies on the belt.
///
/// Deviations over all places of all canvases that are no further from the belt than bare belt is, at the finest and
/// the coarsest scale. Canvases with fewer than a hundred such places leave a depth camera's usual fifth of a
/// millimetre.
pub fn bare_belt_spread(bank: &BankSpec, size: usize, canvases: &[Canvas]) -> [f32; BANK_CHANNELS] {
    let mut spread = BareSpread::new(bank, size);
    for canvas in canvases {
        spread.add(canvas);
    }
    spread.spread_mm()
}

/// The same of canvases that are seen one after the other.
#[derive(Debug, Clone)]
pub(super) struct BareSpread {
    filters: Bank,
    channels: Vec<f32>,
    sums: [[f64; 2]; BANK_CHANNELS],
    count: f64,
}

impl BareSpread {
    pub(super) fn new(bank: &BankSpec, size: usize) -> Self {
        Self {
            filters: Bank::new(bank, size),
            channels: vec![0.0; BANK_CHANNELS * (size / 4) * (size / 4)],
            sums: [[0.0; 2]; BANK_CHANNELS],
            count: 0.0,
        }
    }

    pub(super) fn add(&mut self, canvas: &Canvas) {
        let Self {
            filters,
            channels,
            sums,
            count,
        } = self;
        filters.responses(&canvas.height, channels);
        let plane = channels.len() / BANK_CHANNELS;
        let (finest, coarsest) = (&channels[..plane], &channels[9 * plane..10 * plane]);
        let bare: Vec<usize> = (0..plane)
            .filter(|&i| finest[i].abs() < BARE_MM.0 && coarsest[i].abs() < BARE_MM.1)
            .collect();
        *count += bare.len() as f64;
        for (values, sums) in channels.chunks_exact(plane).zip(sums) {
            for &index in &bare {
                let value = f64::from(values[index]);
                sums[0] += value;
                sums[1] += value * value;
            }
        }
    }

    pub(super) fn spread_mm(&self) -> [f32; BANK_CHANNELS] {
        let count = self.count;
        self.sums.map(|[sum, squares]| {
            let mean = sum / count.max(1.0);
            let sd = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt() as f32;
            if count < 100.0 { 0.2 } else { sd.max(1e-3) }
        })
    }
}
