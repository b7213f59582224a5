//! Which pixels of the colour picture a depth pixel hides, for a stretch of a row at once; and laying them down.
//!
//! Two loops: the first computes and never branches, so that the compiler makes vectors of it; the second writes to wherever
//! the patches lie, which no vector can.

use std::ops::Range;

use super::lens::Lens;
use super::round::{greater, lesser, nearest_count_less_1, places};
use crate::frame::FrameSize;

/// Depth pixels whose patches are found before they are laid down: small enough for the first cache.
pub(super) const STRETCH: usize = 32;

/// In the picture while it is filled: a count less 1, so that the nearest is the least, and this, nothing, the greatest.
pub(super) const NOTHING: u16 = u16::MAX;

/// One pixel: 1 wide, 1 high.
const ONE: u32 = 1 << 16 | 1;

/// Patches of a stretch of depth pixels.
pub(super) struct Patches {
    /// Row of the first pixel in the upper half, column in the lower one.
    first: [u32; STRETCH],
    /// Height in the upper half, width in the lower one; never empty.
    shape: [u32; STRETCH],
    /// The count less 1. [`NOTHING`] of a patch without a pixel or a measurement: laid down, it changes nothing wherever it
    /// lies, and costs no branch that comes unforeseen.
    less: [u16; STRETCH],
}

impl Patches {
    pub(super) fn new() -> Self {
        Self {
            first: [0; STRETCH],
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
    /// Finds the patches of depth pixels. `first` and `last` are rays, by coordinate, of their upper left and lower right
    /// corners. All are arrays, as a loop that might end early is not made vectors of.
    #[inline(always)]
    pub(super) fn find(
        &self,
        counts: &[u16; STRETCH],
        [x0, y0, z0]: [&[f32; STRETCH]; 3],
        [x1, y1, z1]: [&[f32; STRETCH]; 3],
        patches: &mut Patches,
    ) {
        let Patches { first, shape, less } = patches;
        let (wide, high) = (self.size.width as f32, self.size.height as f32);
        for at in 0..STRETCH {
            // Without a measurement both corners are seen at one place, and nothing lies between.
            let z_mm = f32::from(counts[at]) * self.unit_mm;
            let ([left, top], near_mm) = self.seen([x0[at], y0[at], z0[at]], z_mm);
            let ([right, bottom], far_mm) = self.seen([x1[at], y1[at], z1[at]], z_mm);
            let (left, right) = (lesser(left, right), greater(right, left));
            let (top, bottom) = (lesser(top, bottom), greater(bottom, top));
            // The pixels whose centres lie in the patch: neighbours share an edge, and no pixel twice. A patch
            // between two centres covers none; on a surface that goes on, its neighbour does.
            let columns = places(left, right, wide);
            let rows = places(top, bottom, high);
            let is_patch = (near_mm > 0.0)
                & (far_mm > 0.0)
                & (lesser(left, top) > f32::NEG_INFINITY)
                & (greater(right, bottom) < f32::INFINITY)
                & (columns.start < columns.end)
                & (rows.start < rows.end);
            first[at] = rows.start << 16 | columns.start;
            // Wraps where there is none, and is not used then.
            let count = |places: Range<u32>| places.end.wrapping_sub(places.start);
            let area = count(rows) << 16 | count(columns);
            shape[at] = if is_patch { area } else { ONE };
            // Of the patch's middle.
            let nearest = nearest_count_less_1((near_mm + far_mm) / (2.0 * self.unit_mm));
            less[at] = if is_patch { nearest } else { NOTHING };
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

/// Lays patches onto a picture of this width: the nearest count wins.
#[inline(always)]
pub(super) fn lay(patches: &Patches, width: usize, picture: &mut [u16]) {
    let patches = patches.first.iter().zip(&patches.shape).zip(&patches.less);
    for ((&first, &shape), &less) in patches {
        let start = (first >> 16) as usize * width + (first & 0xffff) as usize;
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
