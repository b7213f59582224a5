//! From figures to what is said of them: fine, worth a word, or no picture to judge a part by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::drift::BeltDrift;
use super::expectation::PictureExpectation;
use super::meter::PictureFigures;
use crate::verdict::Reason;

/// Noise below this in mm is no reason to compare by factors: depth comes in counts, and a quiet one has none.
const NOISE_LEAST_MM: f32 = 0.05;

/// What may be wrong with a picture. If several things are, the first of this order names the reason: it tends to be the
/// cause of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// It is the picture before, or nearly.
    Repeated,
    /// The belt lies nearer or further than it should.
    BeltHeight,
    /// The belt is tilted against what it should be.
    BeltTilt,
    /// Depth is noisy.
    DepthNoise,
    /// Depth is missing.
    DepthHoles,
    /// Colour is dark.
    Dark,
    /// Colour is bright.
    Bright,
    /// Colour is as bright as can be in too many places.
    Saturated,
    /// Colour has no edges.
    Blurred,
}

impl Figure {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Repeated,
        Self::BeltHeight,
        Self::BeltTilt,
        Self::DepthNoise,
        Self::DepthHoles,
        Self::Dark,
        Self::Bright,
        Self::Saturated,
        Self::Blurred,
    ];

    /// The name that scripts read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::BeltHeight => "belt_height",
            Self::BeltTilt => "belt_tilt",
            Self::DepthNoise => "depth_noise",
            Self::DepthHoles => "depth_holes",
            Self::Dark => "dark",
            Self::Bright => "bright",
            Self::Saturated => "saturated",
            Self::Blurred => "blurred",
        }
    }

    /// Why a part has no result if this is beyond its limit.
    pub fn reason(self) -> Reason {
        match self {
            Self::Repeated => Reason::PictureRepeated,
            Self::BeltHeight => Reason::PictureBeltHeight,
            Self::BeltTilt => Reason::PictureBeltTilt,
            Self::DepthNoise => Reason::PictureDepthNoise,
            Self::DepthHoles => Reason::PictureDepthHoles,
            Self::Dark => Reason::PictureDark,
            Self::Bright => Reason::PictureBright,
            Self::Saturated => Reason::PictureSaturated,
            Self::Blurred => Reason::PictureBlurred,
        }
    }
}

/// What is said of a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    #[default]
    Fine,
    /// Somebody should know.
    Warn,
    /// Nothing can be judged by such a picture.
    Reject,
}

/// Two limits of one figure, either of which may be absent. What equals a limit is not beyond it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Steps {
    /// Beyond this somebody is told.
    pub warn: Option<f32>,
    /// Beyond this a part has no result.
    pub reject: Option<f32>,
}

impl Steps {
    /// Both limits.
    pub const fn new(warn: f32, reject: f32) -> Self {
        Self {
            warn: Some(warn),
            reject: Some(reject),
        }
    }

    /// Parts are never rejected by it.
    pub const fn warn(warn: f32) -> Self {
        Self {
            warn: Some(warn),
            reject: None,
        }
    }

    fn level(self, value: f32) -> Level {
        let beyond = |limit: Option<f32>| limit.is_some_and(|limit| value > limit);
        if beyond(self.reject) {
            Level::Reject
        } else if beyond(self.warn) {
            Level::Warn
        } else {
            Level::Fine
        }
    }
}

/// Limits of all figures. Those that compare with good parts need a bundle that knows them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PictureLimits {
    /// Share of the region without depth, beyond the most that a good part had.
    pub holes_more: Steps,
    /// The same share by itself.
    pub holes: Steps,
    /// Noise of depth over the most that a good part had.
    pub noise_factor: Steps,
    /// The noise itself in mm.
    pub noise_mm: Steps,
    /// How far the belt may lie from the taught one, and from the calibrated one, either way, in mm.
    pub belt_mm: Steps,
    /// The angle between both, in degrees.
    pub tilt_deg: Steps,
    /// Brightness over the most, or the least over brightness, of good parts.
    pub brightness_factor: Steps,
    /// Share of saturated pixels beyond the most that a good part had.
    pub saturated_more: Steps,
    /// The same share by itself.
    pub saturated: Steps,
    /// The least sharpness of good parts over sharpness.
    pub blur_factor: Steps,
    /// Share of pixels that may be as they were in the picture before. At least so many are beyond it.
    pub repeated: Steps,
}

impl PictureLimits {
    /// No limits at all: everything is fine.
    pub const NONE: Self = Self {
        holes_more: NO_STEPS,
        holes: NO_STEPS,
        noise_factor: NO_STEPS,
        noise_mm: NO_STEPS,
        belt_mm: NO_STEPS,
        tilt_deg: NO_STEPS,
        brightness_factor: NO_STEPS,
        saturated_more: NO_STEPS,
        saturated: NO_STEPS,
        blur_factor: NO_STEPS,
        repeated: NO_STEPS,
    };

    /// What is to be said of a picture's figures. Without an expectation only limits that stand by themselves count.
    pub fn judge(&self, figures: &PictureFigures, expected: Option<&PictureExpectation>) -> Levels {
        let mut levels = Levels::default();
        let most = |span: Option<super::Span>| span.map(|span| span.high);
        let least = |span: Option<super::Span>| span.map(|span| span.low);
        if let Some(share) = figures.depth_holes {
            levels.raise(Figure::DepthHoles, self.holes.level(share));
            if let Some(most) = expected.and_then(|known| most(known.depth_holes)) {
                levels.raise(Figure::DepthHoles, self.holes_more.level(share - most));
            }
        }
        if let Some(noise_mm) = figures.depth_noise_mm {
            levels.raise(Figure::DepthNoise, self.noise_mm.level(noise_mm));
            if let Some(most) = expected.and_then(|known| most(known.depth_noise_mm)) {
                let factor = noise_mm / most.max(NOISE_LEAST_MM);
                levels.raise(Figure::DepthNoise, self.noise_factor.level(factor));
            }
        }
        for drift in [figures.belt, figures.station_belt].into_iter().flatten() {
            let BeltDrift {
                nearer_mm,
                tilt_deg,
            } = drift;
            let distance = nearer_mm.abs() as f32;
            levels.raise(Figure::BeltHeight, self.belt_mm.level(distance));
            levels.raise(Figure::BeltTilt, self.tilt_deg.level(tilt_deg as f32));
        }
        if let (Some(brightness), Some(known)) = (
            figures.brightness,
            expected.and_then(|known| known.brightness),
        ) {
            let steps = self.brightness_factor;
            let (dark, bright) = (
                known.low / brightness.max(1.0),
                brightness / known.high.max(1.0),
            );
            levels.raise(Figure::Dark, steps.level(dark));
            levels.raise(Figure::Bright, steps.level(bright));
        }
        if let Some(share) = figures.saturated {
            levels.raise(Figure::Saturated, self.saturated.level(share));
            if let Some(most) = expected.and_then(|known| most(known.saturated)) {
                levels.raise(Figure::Saturated, self.saturated_more.level(share - most));
            }
        }
        if let (Some(sharpness), Some(least)) = (
            figures.sharpness,
            expected.and_then(|known| least(known.sharpness)),
        ) {
            let factor = least / sharpness.max(f32::MIN_POSITIVE);
            levels.raise(Figure::Blurred, self.blur_factor.level(factor));
        }
        if let Some(share) = figures.repeated {
            levels.raise(Figure::Repeated, reaching(self.repeated).level(share));
        }
        levels
    }
}

const NO_STEPS: Steps = Steps {
    warn: None,
    reject: None,
};

/// Limits that are reached by what equals them: no share is more than all.
fn reaching(steps: Steps) -> Steps {
    Steps {
        warn: steps.warn.map(f32::next_down),
        reject: steps.reject.map(f32::next_down),
    }
}

/// A level for each figure; for scripts those that are not fine, by their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<Figure, Level>", from = "BTreeMap<Figure, Level>")]
pub struct Levels([Level; Figure::ALL.len()]);

impl From<Levels> for BTreeMap<Figure, Level> {
    fn from(levels: Levels) -> Self {
        Figure::ALL
            .into_iter()
            .map(|figure| (figure, levels.of(figure)))
            .filter(|(_, level)| *level != Level::Fine)
            .collect()
    }
}

impl From<BTreeMap<Figure, Level>> for Levels {
    fn from(told: BTreeMap<Figure, Level>) -> Self {
        let mut levels = Self::default();
        for (figure, level) in told {
            levels.raise(figure, level);
        }
        levels
    }
}

impl Levels {
    /// Of one figure.
    pub fn of(&self, figure: Figure) -> Level {
        self.0.get(figure as usize).copied().unwrap_or_default()
    }

    /// Lifts a figure's level, never lowers it.
    pub(super) fn raise(&mut self, figure: Figure, level: Level) {
        if let Some(known) = self.0.get_mut(figure as usize) {
            *known = level.max(*known);
        }
    }

    /// The first figure that leaves a part without a result.
    pub fn rejected(&self) -> Option<Figure> {
        self.at(Level::Reject).next()
    }

    /// The figures of a level.
    pub fn at(&self, level: Level) -> impl Iterator<Item = Figure> {
        let levels = *self;
        let is_at = move |figure: &Figure| levels.of(*figure) == level;
        Figure::ALL.into_iter().filter(is_at)
    }
}
