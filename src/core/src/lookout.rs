//! What stands on the belt: a cheap look at each picture of a camera that runs freely.
//!
//! A grid of points in the region of interest is held against the taught belt. Nothing is refined and
//! nothing resampled: it is asked whether something is there, whether it lies wholly in the region, and
//! how far from its middle. What it is, the engine says.

use serde::{Deserialize, Serialize};

use crate::frame::{DepthFrame, FramePair, FrameSize, Intrinsics, point_is_measured};
use crate::plane::Plane;
use crate::prepare::{PrepareSpec, Roi};

/// Points along the region's width and height; more would not tell more.
const GRID: [usize; 2] = [96, 72];
/// Share of the margin that may stand above the belt: single wrong depths do.
const MARGIN_SHARE_MAX: f32 = 0.01;

/// How to look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookoutSpec {
    /// What stands higher than this above the taught belt is part, in mm.
    pub height_mm: f32,
    /// Width of the margin that a part leaves free on all sides, as a share of the region's side.
    pub margin_share: f32,
}

/// What a picture shows of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Share of the measured places in the region of interest that stand above the belt.
    pub share: f32,
    /// Whether all of it lies inside the region's margin.
    pub is_whole: bool,
    /// How far its middle lies from the region's, along both axes together: 0 in the middle, 1 at a
    /// side, 2 in a corner.
    pub offset: f32,
}

/// A product that can't be seen coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookoutError {
    /// Nothing says how high something stands.
    #[error("the product is inspected by colour alone, so that no height tells part from belt")]
    NoGeometry,
}

/// A place of the grid.
#[derive(Debug, Clone, Copy)]
struct Place {
    pixel: usize,
    /// Height above the camera for each millimetre of depth, along the belt's normal.
    along: f32,
    /// As shares of the region's sides.
    x: f32,
    y: f32,
    in_margin: bool,
}

/// Looks at the pictures of one product. After the first of a size it allocates nothing.
#[derive(Debug, Clone)]
pub struct Lookout {
    spec: LookoutSpec,
    roi: Option<Roi>,
    belt: Plane,
    valid_share_min: f32,
    frame: Option<(FrameSize, Option<Intrinsics>)>,
    places: Vec<Place>,
}

impl Lookout {
    /// For a product with depth.
    ///
    /// # Errors
    /// [`LookoutError::NoGeometry`].
    pub fn new(spec: LookoutSpec, product: &PrepareSpec) -> Result<Self, LookoutError> {
        let geometry = product.geometry.as_ref().ok_or(LookoutError::NoGeometry)?;
        Ok(Self {
            spec,
            roi: product.roi,
            belt: geometry.belt,
            valid_share_min: geometry.valid_share_min(),
            frame: None,
            places: Vec::with_capacity(GRID.iter().product()),
        })
    }

    /// What a picture shows; nothing if it has no depth, too little of it, or does not hold the region.
    pub fn look(&mut self, pair: &FramePair) -> Option<Seen> {
        let depth = pair.depth()?;
        let frame = (pair.size(), pair.intrinsics().copied());
        if self.frame != Some(frame) {
            self.frame = Some(frame);
            self.lay_out(frame.0, pair.intrinsics());
        }
        let height_mm = self.height_of(depth);
        let (mut measured, mut above) = (0_u32, 0_u32);
        let (mut margin_measured, mut margin_above) = (0_u32, 0_u32);
        let (mut x, mut y) = (0.0_f32, 0.0_f32);
        for place in &self.places {
            let Some(height_mm) = height_mm(place) else {
                continue;
            };
            measured += 1;
            margin_measured += u32::from(place.in_margin);
            if height_mm > self.spec.height_mm {
                above += 1;
                margin_above += u32::from(place.in_margin);
                x += place.x;
                y += place.y;
            }
        }
        let least = self.valid_share_min * self.places.len() as f32;
        if measured == 0 || (measured as f32) < least {
            return None;
        }
        let from_middle = |sum: f32| 2.0 * (sum / above as f32 - 0.5).abs();
        Some(Seen {
            share: above as f32 / measured as f32,
            is_whole: above > 0 && margin_above as f32 <= MARGIN_SHARE_MAX * margin_measured as f32,
            offset: if above > 0 {
                from_middle(x) + from_middle(y)
            } else {
                0.0
            },
        })
    }

    /// How to tell a place's height above the belt in mm, where it was measured.
    fn height_of<'a>(&self, depth: &'a DepthFrame) -> impl Fn(&Place) -> Option<f32> + use<'a> {
        let normal = self.belt.normal.map(|value| value as f32);
        let offset_mm = self.belt.offset_mm as f32;
        move |place| match depth {
            DepthFrame::Counts(counts) => {
                let count = *counts.data().get(place.pixel)?;
                let z_mm = f32::from(count) * (counts.unit_m() * 1e3) as f32;
                (count > 0).then_some(z_mm * place.along - offset_mm)
            }
            DepthFrame::Points(points) => {
                let point = *points.data().get(place.pixel)?;
                let along: f32 = normal.iter().zip(point).map(|(n, p)| n * p).sum();
                point_is_measured(point).then_some(along - offset_mm)
            }
        }
    }

    /// Spreads the grid over the region of interest.
    fn lay_out(&mut self, size: FrameSize, camera: Option<&Intrinsics>) {
        self.places.clear();
        let roi = self.roi.unwrap_or_else(|| Roi::whole(size));
        if roi.x + roi.width > size.width || roi.y + roi.height > size.height {
            return;
        }
        let [columns, rows] = [roi.width.min(GRID[0]), roi.height.min(GRID[1])];
        let margin = self.spec.margin_share;
        let at_side = |index: usize, count: usize, share: f32| {
            index == 0 || index + 1 == count || share < margin || share > 1.0 - margin
        };
        for row in 0..rows {
            for column in 0..columns {
                let at_x = roi.x + (2 * column + 1) * roi.width / (2 * columns);
                let at_y = roi.y + (2 * row + 1) * roi.height / (2 * rows);
                let (x, y) = (
                    (column as f32 + 0.5) / columns as f32,
                    (row as f32 + 0.5) / rows as f32,
                );
                let ray = camera.map_or((0.0, 0.0), |camera| camera.ray(at_x as f64, at_y as f64));
                let [nx, ny, nz] = self.belt.normal;
                self.places.push(Place {
                    pixel: at_y * size.width + at_x,
                    along: (nx * ray.0 + ny * ray.1 + nz) as f32,
                    x,
                    y,
                    in_margin: at_side(column, columns, x) || at_side(row, rows, y),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DepthCounts, OrganisedPoints};
    use crate::prepare::{BANK_CHANNELS, BankSpec, BeltBounds, GeometrySpec};

    const SIZE: FrameSize = FrameSize {
        width: 200,
        height: 100,
    };
    const CAMERA: Intrinsics = Intrinsics {
        width: SIZE.width,
        height: SIZE.height,
        fx: 300.0,
        fy: 300.0,
        cx: 99.5,
        cy: 49.5,
        distortion: [0.0; 5],
    };
    const SPEC: LookoutSpec = LookoutSpec {
        height_mm: 3.0,
        margin_share: 0.05,
    };

    fn product(roi: Option<Roi>) -> PrepareSpec {
        PrepareSpec {
            size: 64,
            roi,
            rgb: None,
            geometry: Some(GeometrySpec {
                belt: Plane {
                    normal: [0.0, 0.0, -1.0],
                    offset_mm: -400.0,
                },
                belt_bounds: BeltBounds::default(),
                height_range_mm: [-5.0, 60.0],
                foreground_mm: 2.0,
                part_share_min: 0.01,
                valid_share_min: 0.5,
                bank: BankSpec {
                    sigma_px: BankSpec::sigmas(64),
                    spread_mm: [0.1; BANK_CHANNELS],
                },
            }),
            ground: None,
        }
    }

    /// A block of 40 x 40 pixels whose left side lies in a column that may be outside, so high.
    fn depths(left: i32, height_mm: u16) -> Vec<u16> {
        let on_block = |x: i32, y: i32| (left..left + 40).contains(&x) && (30..70).contains(&y);
        (0..SIZE.pixels() as i32)
            .map(|pixel| {
                let (x, y) = (pixel % 200, pixel / 200);
                4000 - if on_block(x, y) { 10 * height_mm } else { 0 }
            })
            .collect()
    }

    fn pair(counts: Vec<u16>) -> FramePair {
        let depth = DepthCounts::new(SIZE, 1e-4, counts).unwrap();
        FramePair::new(None, Some(DepthFrame::Counts(depth)), Some(CAMERA)).unwrap()
    }

    fn look(left: i32, height_mm: u16) -> Seen {
        let mut lookout = Lookout::new(SPEC, &product(None)).unwrap();
        lookout.look(&pair(depths(left, height_mm))).unwrap()
    }

    #[test]
    fn a_part_on_its_way_is_partly_whole_and_partly_seen() {
        let seen: Vec<Seen> = [-60, -20, 5, 80, 155, 190]
            .into_iter()
            .map(|left| look(left, 10))
            .collect();
        let whole: Vec<bool> = seen.iter().map(|seen| seen.is_whole).collect();
        assert_eq!(whole, [false, false, false, true, false, false]);
        assert_eq!(seen[0].share, 0.0, "an empty belt");
        assert!((seen[3].share - 0.08).abs() < 0.005, "{:?}", seen[3]);
        assert!(seen[1].share < seen[3].share && seen[5].share < seen[1].share);
        assert!(seen[3].offset < 0.02, "{:?}", seen[3]);
        assert!((seen[4].offset - 0.75).abs() < 0.02, "{:?}", seen[4]);
    }

    #[test]
    fn what_is_lower_than_the_least_height_is_belt() {
        assert_eq!(look(80, 3).share, 0.0);
        assert!(look(80, 4).share > 0.05);
    }

    #[test]
    fn the_margin_may_be_wide_and_holds_on_all_sides() {
        let spec = LookoutSpec {
            margin_share: 0.35,
            ..SPEC
        };
        let mut lookout = Lookout::new(spec, &product(None)).unwrap();
        let seen = lookout.look(&pair(depths(80, 10))).unwrap();
        assert!(!seen.is_whole, "rows 30 to 70 of 100 lie in it");
    }

    #[test]
    fn only_the_region_of_interest_counts() {
        let roi = Roi {
            x: 100,
            y: 0,
            width: 100,
            height: 100,
        };
        let mut lookout = Lookout::new(SPEC, &product(Some(roi))).unwrap();
        assert_eq!(lookout.look(&pair(depths(40, 10))).unwrap().share, 0.0);
        let seen = lookout.look(&pair(depths(130, 10))).unwrap();
        assert!(
            seen.is_whole && (seen.share - 0.16).abs() < 0.01,
            "{seen:?}"
        );
        let small = FrameSize {
            width: 150,
            height: 100,
        };
        let points = OrganisedPoints::new(small, vec![[0.0, 0.0, 400.0]; 15_000]).unwrap();
        let pair = FramePair::new(None, Some(DepthFrame::Points(points)), None).unwrap();
        assert_eq!(lookout.look(&pair), None, "the region is not in it");
    }

    #[test]
    fn points_are_seen_like_counts() {
        let counts = depths(80, 10);
        let points = counts.iter().enumerate().map(|(pixel, count)| {
            let z = f64::from(*count) * 0.1;
            let (x, y) = CAMERA.ray((pixel % 200) as f64, (pixel / 200) as f64);
            [(x * z) as f32, (y * z) as f32, z as f32]
        });
        let points = OrganisedPoints::new(SIZE, points.collect()).unwrap();
        let pair = FramePair::new(None, Some(DepthFrame::Points(points)), None).unwrap();
        let mut lookout = Lookout::new(SPEC, &product(None)).unwrap();
        assert_eq!(lookout.look(&pair), Some(look(80, 10)));
    }

    #[test]
    fn a_picture_that_was_not_measured_says_nothing() {
        let mut lookout = Lookout::new(SPEC, &product(None)).unwrap();
        let mut counts = depths(80, 10);
        counts[..12_000].fill(0);
        assert_eq!(lookout.look(&pair(counts)), None);
        let without = PrepareSpec {
            geometry: None,
            ..product(None)
        };
        let error = Lookout::new(SPEC, &without).unwrap_err();
        assert_eq!(error, LookoutError::NoGeometry);
    }
}
