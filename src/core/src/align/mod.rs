//! Depth laid onto the colour picture, pixel by pixel.
//!
//! Two imagers a few centimetres apart see the same thing at different places. Each depth pixel is a
//! square patch of surface: its corners are brought into the colour camera's frame and onto its
//! picture, and the patch covers what lies between. Where several cover a pixel the nearest wins, as it
//! would hide the others. What the colour camera sees and the depth camera does not stays without a
//! measurement: beside an edge that is a shadow, about `f * offset * (1 / near - 1 / far)` pixels wide.
//!
//! The result is a distance along the *colour* camera's axis, in the counts that went in.

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
    /// `(width + 1) x (height + 1)` each, rows from the top.
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
        let columns = depth.width + 1;
        let corners = place.rotation.map(|[a, b, c]| {
            (0..columns * (depth.height + 1))
                .map(|index| {
                    // Pixel centres lie at integers, so corners lie half a pixel before.
                    let (column, row) = (index % columns, index / columns);
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
        match self.lens {
            AnyLens::Straight(lens) => self.lay_all(lens, counts, unit_mm, aligned),
            AnyLens::Bent(lens) => self.lay_all(lens, counts, unit_mm, aligned),
        }
        Ok(())
    }

    fn lay_all<L: Lens>(&self, lens: L, counts: &[u16], unit_mm: f32, aligned: &mut [u16]) {
        let view = View {
            lens,
            translation_mm: self.translation_mm,
            size: self.colour,
            unit_mm,
        };
        let mut patches = Patches::new();
        aligned.fill(NOTHING);
        for (row, counts) in counts.chunks_exact(self.depth.width).enumerate() {
            for (stretch, counts) in counts.chunks(STRETCH).enumerate() {
                if counts.iter().all(|&count| count == 0) {
                    continue;
                }
                let above = row * (self.depth.width + 1) + stretch * STRETCH;
                let rays = |at: usize| {
                    let corners = self.corners.each_ref();
                    corners.map(|values| &values[at..at + counts.len()])
                };
                // The lower right corner lies one row below and one column to the right.
                let below = above + self.depth.width + 2;
                view.find(counts, rays(above), rays(below), &mut patches);
                lay(&patches, counts.len(), self.colour.width, aligned);
            }
        }
        for pixel in aligned {
            *pixel = pixel.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
