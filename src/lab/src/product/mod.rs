//! What good parts say before anything is trained: the belt, the range of heights, the sensor's
//! noise, how much of the region a part covers; by colour alone, what parts lie on. The result is the product's
//! [`PrepareSpec`].

mod ground;

use twinspect_core::frame::FramePair;
use twinspect_core::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, Canvas, GeometrySpec, PrepareSpec, PreparedPart, Preparer,
    RgbSpec,
};
use twinspect_core::survey::{BELT_FRAMES, Where, bare_belt_spread, teach_belt};
use twinspect_dataset::PartRef;

use crate::config::TrainingConfig;
use crate::good_parts::{PartsError, canvases};

/// Least height from which on a place certainly belongs to the part, in mm.
const FOREGROUND_MM: f32 = 1.0;
/// Share of the region's outermost pixels that islands of noise may cover.
const EDGE_NOISE: f32 = 0.02;

/// Good parts that do not say enough.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ProductError {
    /// The parts themselves.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// No plane at the border of the frames.
    #[error("no belt found: the borders of the first {frames} training frames don't share a plane")]
    NoBelt {
        /// Frames that were looked at.
        frames: usize,
    },
}

impl ProductError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Parts(error) => error.hint(),
            Self::NoBelt { .. } => Some(
                "record parts with the empty belt visible around them, or set geometry.enabled = false"
                    .into(),
            ),
        }
    }
}

/// A product as its good parts describe it, with those parts on the grid.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) spec: PrepareSpec,
    pub(crate) canvases: Vec<Canvas>,
}

/// Learns the constants of preparation from good training parts.
pub(crate) fn learn(
    config: &TrainingConfig,
    rgb: Option<RgbSpec>,
    with_geometry: bool,
    parts: &[PartRef],
    frames: &[FramePair],
) -> Result<Product, ProductError> {
    let size = config.size;
    let mut spec = PrepareSpec {
        size,
        roi: config.roi,
        rgb,
        geometry: None,
        ground: None,
    };
    if !with_geometry {
        let canvases = canvases(&spec, parts, frames)?;
        if config.ground.enabled {
            lay_on_ground(&mut spec, &canvases)?;
        }
        return Ok(Product { spec, canvases });
    }
    spec.geometry = Some(GeometrySpec {
        belt: teach_belt(frames, Where::Border).ok_or(ProductError::NoBelt {
            frames: frames.len().min(BELT_FRAMES),
        })?,
        belt_bounds: BeltBounds::default(),
        height_range_mm: [-1e4, 1e4],
        foreground_mm: FOREGROUND_MM,
        part_share_min: 0.0,
        valid_share_min: 0.0,
        bank: BankSpec {
            sigma_px: BankSpec::sigmas(size),
            spread_mm: [1.0; BANK_CHANNELS],
        },
    });
    let canvases = canvases(&spec, parts, frames)?;
    let range = height_range(&canvases);
    if let Some(geometry) = &mut spec.geometry {
        geometry.height_range_mm = range;
        geometry.bank.spread_mm = bare_belt_spread(&geometry.bank, size, &canvases);
        geometry.foreground_mm = geometry.foreground_of_noise_mm().max(FOREGROUND_MM);
    }
    let seen = Seen::of(&spec, &canvases)?;
    seen.warn_of_cut_off(&spec, parts.len());
    if let Some(geometry) = &mut spec.geometry {
        geometry.part_share_min = half(seen.part_share, PrepareSpec::PART_SHARE_LEAST);
        geometry.valid_share_min = half(seen.valid_share, GeometrySpec::VALID_SHARE_LEAST);
    }
    Ok(Product { spec, canvases })
}

/// Half of the least that a good part ever showed. Below what any product asks for a part can't be told from an empty picture, and
/// [`crate::good_parts::require_sound`] refuses it.
fn half(share: f32, least: f32) -> f32 {
    (0.5 * share).max(least)
}

/// Lets evidence count on parts alone, where colour tells them from what they lie on.
fn lay_on_ground(spec: &mut PrepareSpec, canvases: &[Canvas]) -> Result<(), PartsError> {
    spec.ground = ground::learn(canvases);
    let seen = Seen::of(spec, canvases)?;
    if spec.ground.is_some() {
        seen.warn_of_cut_off(spec, canvases.len());
    }
    match &mut spec.ground {
        Some(ground) => {
            ground.part_share_min = half(seen.part_share, PrepareSpec::PART_SHARE_LEAST);
            let ([red, green, blue], contrast) = (ground.colour, ground.contrast);
            log::info!(
                "parts lie on a ground of colour ({red}, {green}, {blue}) and differ from it by {contrast} levels and \
                 more: evidence counts on and beside them"
            );
        }
        None => {
            log::info!("parts lie on no ground of one colour: evidence counts in the whole picture")
        }
    }
    Ok(())
}

/// All but a thousandth of the heights at either end, a fifth of the range more, and a millimetre.
fn height_range(canvases: &[Canvas]) -> [f32; 2] {
    let mut heights: Vec<f32> = Vec::new();
    for canvas in canvases {
        let measured = canvas
            .height
            .iter()
            .zip(&canvas.valid)
            .filter(|(_, valid)| **valid > 0.0);
        heights.extend(measured.map(|(height, _)| *height).step_by(7));
    }
    if heights.is_empty() {
        return [-1.0, 1.0];
    }
    heights.sort_by(f32::total_cmp);
    let cut = heights.len() / 1000;
    let (low, high) = (heights[cut], heights[heights.len() - 1 - cut]);
    let margin = 0.2 * (high - low) + 1.0;
    [low - margin, high + margin]
}

/// What good parts show of themselves in the region of interest.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    /// The least share of the region that one covers.
    part_share: f32,
    /// The least share of it that carries depth.
    valid_share: f32,
    /// Parts that reach its edge, beyond which nobody looks.
    cut_off: usize,
}

impl Seen {
    fn of(spec: &PrepareSpec, canvases: &[Canvas]) -> Result<Self, PartsError> {
        let mut preparer = Preparer::new(spec).map_err(PartsError::Spec)?;
        let mut part = PreparedPart::new(spec);
        let mut seen = Self {
            part_share: 1.0,
            valid_share: 1.0,
            cut_off: 0,
        };
        for canvas in canvases {
            preparer.derive(canvas, &mut part);
            seen.part_share = seen.part_share.min(part.part_share);
            seen.valid_share = seen.valid_share.min(part.valid_share);
            seen.cut_off += usize::from(is_cut_off(&part));
        }
        Ok(seen)
    }

    /// Who draws a region of interest is told if it is too small. A whole picture is what it is: some parts are longer.
    fn warn_of_cut_off(self, spec: &PrepareSpec, parts: usize) {
        if spec.roi.is_some() && self.cut_off > 0 {
            log::warn!(
                "{} of {parts} training parts reach the edge of the region of interest (roi): what lies beyond it is not inspected",
                self.cut_off
            );
        }
    }
}

/// Whether a part covers more of the region's outermost pixels than noise does.
fn is_cut_off(part: &PreparedPart) -> bool {
    let last = part.size - 1;
    let on_edge = |index: usize| {
        let (x, y) = (index % part.size, index / part.size);
        x == 0 || y == 0 || x == last || y == last
    };
    let covered = part
        .foreground
        .iter()
        .enumerate()
        .filter(|&(index, &foreground)| foreground > 0.5 && on_edge(index))
        .count();
    covered as f32 > EDGE_NOISE * (4 * last) as f32
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{DepthCounts, DepthFrame, FrameSize, Intrinsics};
    use twinspect_core::prepare::Roi;
    use twinspect_dataset::{Label, PartId, Split};

    use super::*;

    /// A 64 x 64 frame of a tilted belt with a box of 10 mm, as counts of 0.1 mm.
    fn frame(seed: u64) -> FramePair {
        let size = FrameSize {
            width: 64,
            height: 64,
        };
        let mut rng = twinspect_nn::Rng::new(seed);
        let counts = (0..size.pixels())
            .map(|i| {
                let (x, y) = (i % 64, i / 64);
                let part = if (20..44).contains(&x) && (16..48).contains(&y) {
                    10.0
                } else {
                    0.0
                };
                let z = 450.0 + 0.05 * x as f64 - part + 0.3 * rng.normal();
                (z * 10.0).round() as u16
            })
            .collect();
        let intrinsics = Intrinsics {
            width: 64,
            height: 64,
            fx: 200.0,
            fy: 200.0,
            cx: 31.5,
            cy: 31.5,
            distortion: [0.0; 5],
        };
        let depth = DepthFrame::Counts(DepthCounts::new(size, 1e-4, counts).unwrap());
        FramePair::new(None, Some(depth), Some(intrinsics)).unwrap()
    }

    #[test]
    fn a_product_asks_for_half_of_what_good_parts_show_and_never_for_nothing() {
        let least = PrepareSpec::PART_SHARE_LEAST;
        assert_eq!((half(0.4, least), half(0.0, least)), (0.2, least));
    }

    fn config(roi: Option<Roi>) -> TrainingConfig {
        TrainingConfig {
            size: 64,
            roi,
            ..TrainingConfig::default()
        }
    }

    fn parts() -> Vec<PartRef> {
        let part = |i| PartRef {
            id: PartId::new(format!("train/good/{i:03}")),
            split: Split::Train,
            label: Label::Good,
        };
        (0..8).map(part).collect()
    }

    #[test]
    fn a_region_magnifies_the_part_and_tells_whom_it_cuts_off() {
        let frames: Vec<_> = (0..8).map(frame).collect();
        let learnt = |roi| learn(&config(roi), None, true, &parts(), &frames).unwrap();
        let around = Roi {
            x: 12,
            y: 8,
            width: 40,
            height: 48,
        };
        let (whole, near) = (learnt(None), learnt(Some(around)));
        let share = |product: &Product| Seen::of(&product.spec, &product.canvases).unwrap();
        let (far, near_by) = (share(&whole), share(&near));
        let magnified = near_by.part_share / far.part_share;
        let expected = (64.0 * 64.0) / (40.0 * 48.0);
        assert!((magnified / expected - 1.0).abs() < 0.1, "{magnified}");
        assert_eq!((far.cut_off, near_by.cut_off), (0, 0));
        let through = Roi {
            x: 30,
            width: 30,
            ..around
        };
        assert_eq!(share(&learnt(Some(through))).cut_off, 8);
    }

    #[test]
    fn good_parts_teach_belt_range_noise_and_shares() {
        let frames: Vec<_> = (0..8).map(frame).collect();
        let parts = parts();
        let product = learn(&config(None), None, true, &parts, &frames).unwrap();
        let geometry = product.spec.geometry.as_ref().unwrap();
        product.spec.validate().unwrap();
        let middle = frames[0].intrinsics().unwrap().ray(31.5, 31.5);
        let belt_height = geometry
            .belt
            .height_mm([middle.0 * 451.6, middle.1 * 451.6, 451.6]);
        assert!(belt_height.abs() < 0.1, "{belt_height}");
        let [low, high] = geometry.height_range_mm;
        assert!(
            (-6.0..-1.5).contains(&low) && (12.0..16.0).contains(&high),
            "{low} {high}"
        );
        assert!(geometry.bank.spread_mm[0] > 0.05 && geometry.bank.spread_mm[0] < 0.3);
        assert!(
            (0.05..0.15).contains(&geometry.part_share_min),
            "{}",
            geometry.part_share_min
        );
        assert_eq!(geometry.valid_share_min, 0.5);
    }
}
