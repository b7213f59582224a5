//! Which pixels of the colour picture a depth pixel hides, for a stretch of a row at once; and laying them down.
//!
//! Two loops: the first computes and never branches, so that the compiler makes vectors of it; the second writes to wherever
//! the patches lie, which no vector can.

use super::lens::Lens;
use super::round::{nearest_count, next_place};
use crate::frame::FrameSize;

/// Depth pixels whose patches are found before they are laid down: small enough for the first cache.
pub(super) const STRETCH: usize = 64;

/// In the picture while it is filled: a count less 1, so that the nearest is the least, and this, nothing, the greatest.
pub(super) const NOTHING: u16 = u16::MAX;

/// One pixel: 1 wide, 1 high.
const ONE: u32 = 1 << 16 | 1;

/// Patches of a stretch of depth pixels.
pub(super) struct Patches {
    /// Index of the first pixel, which always is one of the picture.
    start: [u32; STRETCH],
    /// Height in the upper half, width in the lower one; never empty.
    shape: [u32; STRETCH],
    /// The count less 1. [`NOTHING`] of a patch without a pixel or a measurement: laid down, it changes nothing, and costs
    /// no branch that comes unforeseen.
    less: [u16; STRETCH],
}

impl Patches {
    pub(super) fn new() -> Self {
        Self {
            start: [0; STRETCH],
            shape: [ONE; STRETCH],
            less: [NOTHING; STRETCH],
        }
    }
}

/// How depth is seen from the colour camera.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<L> {
    pub(super) lens: L,
    pub(super) translation_mm: [f32; 3],
    pub(super) size: FrameSize,
    pub(super) unit_mm: f32,
}

impl<L: Lens> View<L> {
    /// Finds the patches of at most [`STRETCH`] depth pixels. `first` and `last` are rays, by coordinate, of their upper left
    /// and lower right corners, as many as counts.
    #[inline(always)]
    pub(super) fn find(
        &self,
        counts: &[u16],
        first: [&[f32]; 3],
        last: [&[f32]; 3],
        patches: &mut Patches,
    ) {
        let many = counts.len().min(STRETCH);
        let counts = &counts[..many];
        let [x0, y0, z0] = first.map(|values| &values[..many]);
        let [x1, y1, z1] = last.map(|values| &values[..many]);
        let (start, shape) = (&mut patches.start[..many], &mut patches.shape[..many]);
        let less = &mut patches.less[..many];
        let (wide, high) = (self.size.width as f32, self.size.height as f32);
        let stride = self.size.width as u32;
        for at in 0..many {
            let z_mm = f32::from(counts[at]) * self.unit_mm;
            let ([left, top], near_mm) = self.seen([x0[at], y0[at], z0[at]], z_mm);
            let ([right, bottom], far_mm) = self.seen([x1[at], y1[at], z1[at]], z_mm);
            // The patch's middle; one that is out of the counts' range is no measurement.
            let count = nearest_count((near_mm + far_mm) / (2.0 * self.unit_mm));
            // The pixels whose centres lie in the patch: neighbours share an edge, and no pixel twice. A patch
            // between two centres covers none; on a surface that goes on, its neighbour does.
            let (from_column, columns) = span(left, right, wide);
            let (from_row, rows) = span(top, bottom, high);
            let is_seen = (counts[at] > 0)
                & (near_mm > 0.0)
                & (far_mm > 0.0)
                & left.is_finite()
                & top.is_finite()
                & right.is_finite()
                & bottom.is_finite();
            let is_patch = is_seen & (count > 0) & (columns > 0) & (rows > 0);
            start[at] = if is_patch { from_row * stride + from_column } else { 0 };
            shape[at] = if is_patch { rows << 16 | columns } else { ONE };
            less[at] = if is_patch { count.wrapping_sub(1) } else { NOTHING };
        }
    }

    /// Where the colour camera sees a corner at this depth of the depth camera, and how far away. Means nothing where that
    /// is not before the camera.
    #[inline(always)]
    fn seen(&self, ray: [f32; 3], z_mm: f32) -> ([f32; 2], f32) {
        let [tx, ty, tz] = self.translation_mm;
        let z = ray[2] * z_mm + tz;
        let place = self
            .lens
            .place((ray[0] * z_mm + tx) / z, (ray[1] * z_mm + ty) / z);
        (place, z)
    }
}

/// The first place between two edges, and how many there are.
#[inline(always)]
fn span(from: f32, to: f32, end: f32) -> (u32, u32) {
    let (one, other) = (next_place(from, end), next_place(to, end));
    let first = one.min(other);
    (first, one.max(other) - first)
}

/// Lays the first `many` patches onto a picture of this width: the nearest count wins.
#[inline(always)]
pub(super) fn lay(patches: &Patches, many: usize, width: usize, picture: &mut [u16]) {
    let patches = patches.start.iter().zip(&patches.shape).zip(&patches.less);
    for ((&start, &shape), &less) in patches.take(many) {
        let start = start as usize;
        if shape == ONE {
            if let Some(pixel) = picture.get_mut(start) {
                *pixel = less.min(*pixel);
            }
            continue;
        }
        let (columns, rows) = ((shape & 0xffff) as usize, (shape >> 16) as usize);
        let Some(from) = picture.get_mut(start..) else {
            continue;
        };
        for row in from.chunks_mut(width).take(rows) {
            for pixel in row.iter_mut().take(columns) {
                *pixel = less.min(*pixel);
            }
        }
    }
}
