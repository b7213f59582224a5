//! From the library's pictures to the product's.

use std::time::{Duration, Instant};

use twinspect_core::align::Aligner;
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, FrameSize, RgbFrame};

use crate::librealsense::{Frame, FrameError, StreamFormat};
use crate::live;

/// Rows, and pixels of a row, by which two pictures are told apart.
const PRINT_SIDE: usize = 24;

/// Bytes of a pixel of depth, and of colour.
const DEPTH_BYTES: usize = 2;
const COLOUR_BYTES: usize = 3;

/// Why two pictures are no pair for the product.
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Align(#[from] twinspect_core::align::AlignError),
    #[error(transparent)]
    Pair(#[from] twinspect_core::frame::FrameError),
}

/// A hash of some of a picture's pixels.
pub(super) fn print(
    frame: &Frame,
    size: FrameSize,
    format: StreamFormat,
) -> Result<u64, FrameError> {
    let bytes_per_pixel = format.bytes_per_pixel().unwrap_or(1);
    let row_step = size.height.div_ceil(PRINT_SIDE);
    let column_step = size.width.div_ceil(PRINT_SIDE);
    let rows = frame.rows(size, bytes_per_pixel)?.step_by(row_step);
    let pixels = rows.flat_map(|row| row.chunks_exact(bytes_per_pixel).step_by(column_step));
    Ok(live::print(pixels.flatten()))
}

/// Depth counts of a picture, rows from the top.
fn counts(frame: &Frame, size: FrameSize, counts: &mut Vec<u16>) -> Result<(), FrameError> {
    counts.clear();
    for row in frame.rows(size, DEPTH_BYTES)? {
        // The library's pictures are in the byte order of every machine that it runs on.
        counts.extend(
            row.as_chunks()
                .0
                .iter()
                .map(|count| u16::from_le_bytes(*count)),
        );
    }
    Ok(())
}

/// A pair, and how long its halves took.
pub(super) struct Made {
    pub(super) pair: FramePair,
    /// Hash of all that depth measured; `None` if that is nothing.
    pub(super) depth_print: Option<u64>,
    /// The same of colour.
    pub(super) colour_print: Option<u64>,
    pub(super) colour: Duration,
    pub(super) align: Duration,
}

/// Makes pairs of one session's pictures.
#[derive(Debug)]
pub(super) struct PairMaker {
    aligner: Aligner,
    depth: FrameSize,
    intrinsics: twinspect_core::frame::Intrinsics,
    measured: Vec<u16>,
}

impl PairMaker {
    pub(super) fn new(
        aligner: Aligner,
        depth: FrameSize,
        intrinsics: twinspect_core::frame::Intrinsics,
    ) -> Self {
        Self {
            aligner,
            depth,
            intrinsics,
            measured: Vec::with_capacity(depth.pixels()),
        }
    }

    /// Copies colour, and lays depth onto it.
    pub(super) fn make(
        &mut self,
        depth: &Frame,
        colour: &Frame,
        unit_m: f64,
    ) -> Result<Made, PictureError> {
        let began = Instant::now();
        let size = self.aligner.size();
        counts(depth, self.depth, &mut self.measured)?;
        let depth_print = if self.measured.iter().all(|count| *count == 0) {
            None
        } else {
            Some(live::whole_print(depth.rows(self.depth, DEPTH_BYTES)?))
        };
        let mut aligned = vec![0; size.pixels()];
        self.aligner.align(&self.measured, unit_m, &mut aligned)?;
        let aligned_at = Instant::now();
        let mut rgb = Vec::with_capacity(size.pixels() * COLOUR_BYTES);
        for row in colour.rows(size, COLOUR_BYTES)? {
            rgb.extend_from_slice(row);
        }
        let colour_print = live::colour_print(&rgb);
        let colour = aligned_at.elapsed();
        let pair = FramePair::new(
            Some(RgbFrame::new(size, rgb)?),
            Some(DepthFrame::Counts(DepthCounts::new(size, unit_m, aligned)?)),
            Some(self.intrinsics),
        )?;
        Ok(Made {
            pair,
            depth_print,
            colour_print,
            colour,
            align: aligned_at - began,
        })
    }
}
