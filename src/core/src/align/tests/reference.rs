//! Depth laid onto colour the plain way: one pixel after the other, each with its two corners. The module must say the same to
//! the last bit, and the example `align_time` measures both in turns; what is used is what the parent imports.

use super::{AlignError, DepthToColour, FrameSize, Intrinsics};

/// Lays depth pictures of one camera onto its colour pictures. Allocates when it is made, and not after.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    depth: FrameSize,
    colour: Intrinsics,
    /// Ray of each corner of a depth pixel at a depth of 1, turned into the colour camera's frame:
    /// `(width + 1) x (height + 1)`, rows from the top.
    corners: Vec<[f32; 3]>,
    translation_mm: [f32; 3],
    /// Whether the colour camera's lens bends nothing.
    is_straight: bool,
}

impl Reference {
    /// Prepares for a depth camera, a colour camera, and their places.
    ///
    /// # Errors
    /// [`AlignError::Intrinsics`] and [`AlignError::Place`].
    pub(crate) fn new(
        depth: &Intrinsics,
        colour: &Intrinsics,
        place: &DepthToColour,
    ) -> Result<Self, AlignError> {
        for (camera, intrinsics) in [("depth", depth), ("colour", colour)] {
            if !intrinsics.is_usable() {
                return Err(AlignError::Intrinsics {
                    camera,
                    intrinsics: Box::new(*intrinsics),
                });
            }
        }
        let numbers = place.rotation.iter().flatten().chain(&place.translation_mm);
        if !numbers.into_iter().all(|number| number.is_finite()) {
            return Err(AlignError::Place);
        }
        let columns = depth.width + 1;
        let corners = (0..columns * (depth.height + 1))
            .map(|index| {
                // Pixel centres lie at integers, so corners lie half a pixel before.
                let (column, row) = (index % columns, index / columns);
                let (x, y) = depth.ray(column as f64 - 0.5, row as f64 - 0.5);
                place.rotation.map(|[a, b, c]| (a * x + b * y + c) as f32)
            })
            .collect();
        Ok(Self {
            depth: depth.size(),
            is_straight: colour.distortion == [0.0; 5],
            colour: *colour,
            corners,
            translation_mm: place.translation_mm.map(|value| value as f32),
        })
    }

    /// Lays counts of `unit_m` metres onto the colour picture; 0 is no measurement in both.
    ///
    /// # Errors
    /// [`AlignError::Length`].
    pub(crate) fn align(
        &self,
        counts: &[u16],
        unit_m: f64,
        aligned: &mut [u16],
    ) -> Result<(), AlignError> {
        let length = |what, expected: FrameSize, found: usize| {
            if found == expected.pixels() {
                Ok(())
            } else {
                Err(AlignError::Length {
                    what,
                    expected,
                    found,
                })
            }
        };
        length("depth", self.depth, counts.len())?;
        length("aligned depth", self.colour.size(), aligned.len())?;
        aligned.fill(0);
        let unit_mm = (unit_m * 1000.0) as f32;
        let columns = self.depth.width + 1;
        let rows = counts.chunks_exact(self.depth.width);
        let corner_rows = self.corners.chunks_exact(columns);
        for ((row, above), below) in rows.zip(corner_rows.clone()).zip(corner_rows.skip(1)) {
            let corners = above.iter().zip(below.iter().skip(1));
            for (&count, (first, last)) in row.iter().zip(corners) {
                if count > 0 {
                    self.cover(f32::from(count) * unit_mm, unit_mm, [first, last], aligned);
                }
            }
        }
        Ok(())
    }

    /// Covers what one depth pixel hides.
    fn cover(&self, z_mm: f32, unit_mm: f32, [first, last]: [&[f32; 3]; 2], aligned: &mut [u16]) {
        let (Some((left, top, near_mm)), Some((right, bottom, far_mm))) =
            (self.seen(first, z_mm), self.seen(last, z_mm))
        else {
            return;
        };
        // The patch's middle; one that is out of the counts' range is no measurement.
        let Some(count) = nearest_count((near_mm + far_mm) / (2.0 * unit_mm)) else {
            return;
        };
        let size = self.colour.size();
        // The pixels whose centres lie in the patch: neighbours share an edge, and no pixel twice. A patch
        // between two centres covers none; on a surface that goes on, its neighbour does.
        let span = |from: f32, to: f32, end: usize| {
            next_place(from.min(to), end)..next_place(from.max(to), end)
        };
        let columns = span(left, right, size.width);
        for row in span(top, bottom, size.height) {
            let start = row * size.width;
            let Some(pixels) = aligned.get_mut(start + columns.start..start + columns.end) else {
                return;
            };
            for pixel in pixels {
                if *pixel == 0 || count < *pixel {
                    *pixel = count;
                }
            }
        }
    }

    /// Where the colour camera sees a corner at this depth of the depth camera, and how far away.
    fn seen(&self, ray: &[f32; 3], z_mm: f32) -> Option<(f32, f32, f32)> {
        let [tx, ty, tz] = self.translation_mm;
        let z = ray[2] * z_mm + tz;
        if z <= 0.0 {
            return None;
        }
        let (x, y) = ((ray[0] * z_mm + tx) / z, (ray[1] * z_mm + ty) / z);
        let colour = &self.colour;
        let (column, row) = if self.is_straight {
            (
                x * colour.fx as f32 + colour.cx as f32,
                y * colour.fy as f32 + colour.cy as f32,
            )
        } else {
            let (column, row) = colour.project(f64::from(x), f64::from(y));
            (column as f32, row as f32)
        };
        (column.is_finite() && row.is_finite()).then_some((column, row, z))
    }
}

/// The first place from an edge on, from 0 to `end`: what `ceil` says, which on many processors is a call of a function, and
/// this is done four times a pixel.
fn next_place(edge: f32, end: usize) -> usize {
    // A picture's side is exact in both types.
    let edge = edge.clamp(0.0, end as f32);
    let whole = edge as i32;
    (whole + i32::from((whole as f32) < edge)) as usize
}

/// The nearest count, halves upwards; `None` out of the range of counts. What `round` says, likewise.
fn nearest_count(counts: f32) -> Option<u16> {
    // Also of what is no number.
    if !(0.5..65_535.5).contains(&counts) {
        return None;
    }
    let whole = counts as i32;
    u16::try_from(whole + i32::from(counts - whole as f32 >= 0.5)).ok()
}
