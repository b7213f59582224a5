//! How good the pictures of a camera are, part by part: figures, what is said of them, and one line in the log for each
//! change.

use serde::{Deserialize, Serialize};
use twinspect_bundle::Bundle;
use twinspect_core::frame::FramePair;
use twinspect_core::picture::{
    BeltDrift, Figure, Level, Levels, PictureExpectation, PictureFigures, PictureLimits,
    PictureMeter, PictureWatch,
};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{DepthState, PreparedPart, RgbState};
use twinspect_core::verdict::Reason;

/// What pictures are like. Its keys are for scripts and stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct PictureStatus {
    /// Of the last part.
    #[serde(flatten)]
    pub(crate) figures: PictureFigures,
    /// What is the matter for some parts now; what is fine is left out.
    pub(crate) states: Levels,
}

/// Looks at the pictures of one camera for one product.
#[derive(Debug)]
pub(crate) struct PictureCheck {
    meter: PictureMeter,
    limits: PictureLimits,
    expected: Option<PictureExpectation>,
    watch: PictureWatch,
    last: PictureFigures,
}

impl PictureCheck {
    /// `station_belt` is where the station's calibration has found the belt, if it has one.
    pub(crate) fn new(
        bundle: &Bundle,
        limits: PictureLimits,
        station_belt: Option<Plane>,
        is_live: bool,
    ) -> Self {
        let manifest = bundle.manifest();
        Self {
            meter: PictureMeter::new(&manifest.prepare, station_belt, is_live),
            limits,
            expected: manifest.picture,
            watch: PictureWatch::default(),
            last: PictureFigures::default(),
        }
    }

    /// Takes a part's picture; why nothing can be judged by it, if so.
    pub(crate) fn look(&mut self, frame: &FramePair, part: &PreparedPart) -> Option<Reason> {
        let levels = self.measure(frame, part);
        let figures = self.last;
        self.watch
            .see(&levels, |figure, level| tell(figure, level, &figures));
        levels.rejected().map(Figure::reason)
    }

    /// What is beyond its limit in one picture.
    fn measure(&mut self, frame: &FramePair, part: &PreparedPart) -> Levels {
        let mut figures = self.meter.measure(frame);
        // A sense that is missing has a reason of its own, and the station may do without it.
        if part.depth_state != DepthState::Usable {
            figures.depth_holes = None;
            figures.depth_noise_mm = None;
            (figures.belt, figures.station_belt) = (None, None);
        }
        if part.rgb_state != RgbState::Usable {
            figures.brightness = None;
            (figures.saturated, figures.sharpness) = (None, None);
        }
        self.last = figures;
        self.limits.judge(&figures, self.expected.as_ref())
    }

    /// What pictures are like now.
    pub(crate) fn status(&self) -> PictureStatus {
        PictureStatus {
            figures: self.last,
            states: self.watch.states(),
        }
    }
}

fn tell(figure: Figure, level: Level, figures: &PictureFigures) {
    let what = what(figure, figures);
    match level {
        Level::Fine => log::info!("pictures are well again: {what}"),
        Level::Warn => log::warn!("pictures: {what}: {}", remedy(figure)),
        Level::Reject => log::warn!(
            "pictures: {what}: parts have no result ({}) until that is mended: {}",
            figure.reason(),
            remedy(figure)
        ),
    }
}

/// What is the matter, with its figure as it was last.
pub(crate) fn what(figure: Figure, figures: &PictureFigures) -> String {
    let told = |what: &str, value: Option<f32>, scale: f32, unit: &str| {
        value.map_or_else(
            || what.to_owned(),
            |value| format!("{what} ({:.2}{unit})", scale * value),
        )
    };
    // Of two belts the one that lies further off.
    let belt = |worst: fn(&BeltDrift) -> f64| {
        [figures.belt, figures.station_belt]
            .into_iter()
            .flatten()
            .max_by(|one, other| worst(one).total_cmp(&worst(other)))
    };
    match figure {
        Figure::Repeated => "the picture is the one before".to_owned(),
        Figure::BeltHeight => {
            let drift = belt(|drift| drift.nearer_mm.abs());
            let how_far = drift.map_or(String::new(), |drift| {
                let way = if drift.nearer_mm < 0.0 {
                    "further away"
                } else {
                    "nearer"
                };
                format!(" ({:.1} mm {way})", drift.nearer_mm.abs())
            });
            format!("the belt does not lie where it lay{how_far}")
        }
        Figure::BeltTilt => {
            let tilt = belt(|drift| drift.tilt_deg).map(|drift| drift.tilt_deg as f32);
            told("the belt is tilted", tilt, 1.0, " degrees")
        }
        Figure::DepthNoise => told("depth is noisy", figures.depth_noise_mm, 1.0, " mm"),
        Figure::DepthHoles => told("depth is missing", figures.depth_holes, 100.0, " %"),
        Figure::Dark => told("colour is dark", figures.brightness, 1.0, " of 255"),
        Figure::Bright => told("colour is bright", figures.brightness, 1.0, " of 255"),
        Figure::Saturated => told("colour is saturated", figures.saturated, 100.0, " %"),
        Figure::Blurred => told(
            "colour is blurred",
            figures.sharpness,
            1.0,
            " where edges are compared",
        ),
    }
}

/// What to do about it.
pub(crate) fn remedy(figure: Figure) -> &'static str {
    match figure {
        Figure::Repeated => "look at the camera's cable, plug and supply; start it again",
        Figure::BeltHeight | Figure::BeltTilt => {
            "see whether camera or belt have moved, put them back, and measure the empty belt with `twinspect calibrate`"
        }
        Figure::DepthNoise => {
            "look for a lost emitter, strong light, dirt on the window and another projector; `twinspect check --camera` \
             shows it"
        }
        Figure::DepthHoles => {
            "look for strong light, glossy or dark parts and dirt on the depth camera; `twinspect check --camera` shows it"
        }
        Figure::Dark => "look for a lamp that has failed, dirt on lens and lamp, and the exposure",
        Figure::Bright | Figure::Saturated => {
            "look for light from outside, a window or lamp, and the exposure"
        }
        Figure::Blurred => "clean the lens, and see to its focus and to the belt's speed",
    }
}
