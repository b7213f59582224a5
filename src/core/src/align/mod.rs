//! Depth laid onto the colour picture, pixel by pixel.
//!
//! Two imagers a few centimetres apart see the same thing at different places. Each depth pixel is a
//! square patch of surface: its corners are brought into the colour camera's frame and onto its
//! picture, and the patch covers what lies between. Where several cover a pixel the nearest wins, as it
//! would hide the others. What the colour camera sees and the depth camera does not stays without a
//! measurement: beside an edge that is a shadow, about `f * offset * (1 / near - 1 / far)` pixels wide.
//!
//! The result is a distance along the *colour* camera's axis, in the counts that went in.

use pulp::{Arch, Simd, WithSimd};

mod lens;
mod patch;
mod round;

use self::lens::{AnyLens, Lens};
use self::patch::{NOTHING, Patches, STRETCH, View, lay};
use crate::frame::{FrameSize, Intrinsics};

/// Columns or rows of a picture at most: two sides go into 32 bits, and each is exact as a number of them. No camera has as many.
const SIDE_MAX: usize = 65_535;

/// Where the depth camera stands, seen from the colour camera: `colour = rotation * depth + translation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DepthToColour {
    /// Rows of the rotation.
    pub rotation: [[f64; 3]; 3],
    /// Millimetres.
    pub translation_mm: [f64; 3],
}

impl DepthToColour {
    /// Both cameras are one, as where colour comes from the depth module.
    pub const SAME: Self = Self {
        rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        translation_mm: [0.0; 3],
    };
}

/// Why depth can't be laid onto colour.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignError {
    /// Intrinsics that project nothing, or a picture of more than 65,535 columns or rows.
    #[error("the {camera} camera's intrinsics are not usable: {intrinsics:?}")]
    Intrinsics {
        /// `depth` or `colour`.
        camera: &'static str,
        /// What was given.
        intrinsics: Box<Intrinsics>,
    },
    /// A place that is none.
    #[error("the place of the depth camera beside the colour camera is not finite")]
    Place,
    /// A buffer of another size.
    #[error("{what} of {expected} needs {} counts, found {found}", expected.pixels())]
    Length {
        /// Which buffer.
        what: &'static str,
        /// The picture's size.
        expected: FrameSize,
        /// Counts in the buffer.
        found: usize,
    },
}

/// Lays depth pictures of one camera onto its colour pictures. Allocates when it is made, and not after.
#[derive(Debug, Clone)]
pub struct Aligner {
    depth: FrameSize,
    colour: FrameSize,
    lens: AnyLens,
    /// Ray of each corner of a depth pixel at a depth of 1, turned into the colour camera's frame, by coordinate:
    /// `width + 1` in each of `height + 1` rows from the top, and more up to [`corner_stride`], which nothing is seen by.
    corners: [Vec<f32>; 3],
    translation_mm: [f32; 3],
}

impl Aligner {
    /// Prepares for a depth camera, a colour camera, and their places.
    ///
    /// # Errors
    /// [`AlignError::Intrinsics`] and [`AlignError::Place`].
    pub fn new(
        depth: &Intrinsics,
        colour: &Intrinsics,
        place: &DepthToColour,
    ) -> Result<Self, AlignError> {
        for (camera, intrinsics) in [("depth", depth), ("colour", colour)] {
            let sides = [intrinsics.width, intrinsics.height];
            if !intrinsics.is_usable() || sides.iter().any(|&side| side > SIDE_MAX) {
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
        let stride = corner_stride(depth.width);
        let corners = place.rotation.map(|[a, b, c]| {
            (0..stride * (depth.height + 1))
                .map(|index| {
                    // Pixel centres lie at integers, so corners lie half a pixel before.
                    let (column, row) = (index % stride, index / stride);
                    let (x, y) = depth.ray(column as f64 - 0.5, row as f64 - 0.5);
                    (a * x + b * y + c) as f32
                })
                .collect()
        });
        Ok(Self {
            depth: depth.size(),
            colour: colour.size(),
            lens: AnyLens::of(colour),
            corners,
            translation_mm: place.translation_mm.map(|value| value as f32),
        })
    }

    /// Size of the colour picture, and of what comes out.
    pub fn size(&self) -> FrameSize {
        self.colour
    }

    /// Lays counts of `unit_m` metres onto the colour picture; 0 is no measurement in both.
    ///
    /// # Errors
    /// [`AlignError::Length`].
    pub fn align(
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
        length("aligned depth", self.colour, aligned.len())?;
        let unit_mm = (unit_m * 1000.0) as f32;
        // With the widest vectors of this processor.
        let arch = Arch::new();
        match self.lens {
            AnyLens::Straight(lens) => arch.dispatch(self.laying(lens, counts, unit_mm, aligned)),
            AnyLens::Bent(lens) => arch.dispatch(self.laying(lens, counts, unit_mm, aligned)),
        }
        Ok(())
    }

    fn laying<'a, L>(
        &'a self,
        lens: L,
        counts: &'a [u16],
        unit_mm: f32,
        aligned: &'a mut [u16],
    ) -> Laying<'a, L> {
        Laying {
            aligner: self,
            view: View {
                lens,
                translation_mm: self.translation_mm,
                size: self.colour,
                unit_mm,
            },
            counts,
            aligned,
        }
    }

    /// Rays of a stretch of corners.
    #[inline(always)]
    fn rays(&self, at: usize) -> Option<[&[f32; STRETCH]; 3]> {
        let [x, y, z] = self
            .corners
            .each_ref()
            .map(|values| values.get(at..)?.first_chunk());
        Some([x?, y?, z?])
    }
}

/// All of a picture, for [`Arch::dispatch`]: the loops are plain, and compiled for each kind of vectors. All that they call is
/// inlined, as it would be compiled for the least processor otherwise.
struct Laying<'a, L> {
    aligner: &'a Aligner,
    view: View<L>,
    counts: &'a [u16],
    aligned: &'a mut [u16],
}

impl<L: Lens> WithSimd for Laying<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            aligner,
            view,
            counts,
            aligned,
        } = self;
        let (width, stride) = (aligner.depth.width, corner_stride(aligner.depth.width));
        let mut patches = Patches::new();
        aligned.fill(NOTHING);
        for (row, counts) in counts.chunks_exact(width).enumerate() {
            for (stretch, counts) in counts.chunks(STRETCH).enumerate() {
                if counts.iter().all(|&count| count == 0) {
                    continue;
                }
                // What is beyond the row's end has no measurement.
                let mut measured = [0; STRETCH];
                measured[..counts.len()].copy_from_slice(counts);
                let above = row * stride + stretch * STRETCH;
                // The lower right corner lies one row below and one column to the right.
                let below = above + stride + 1;
                let [Some(first), Some(last)] = [aligner.rays(above), aligner.rays(below)] else {
                    continue;
                };
                view.find(&measured, first, last, &mut patches);
                lay(&patches, view.size.width, aligned);
            }
        }
        for pixel in aligned {
            *pixel = pixel.wrapping_add(1);
        }
    }
}

/// Corners in a row of the table: those of whole stretches, and one more.
fn corner_stride(width: usize) -> usize {
    width.next_multiple_of(STRETCH) + 1
}

#[cfg(test)]
mod tests;
