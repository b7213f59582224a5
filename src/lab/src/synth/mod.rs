//! Pseudo-anomalies: what defects of a part could look like, for training without defects (the idea
//! is that of DCRDF-Net, Sensors 2026, 26, 412; the numbers are ours). They are made on the
//! [`Canvas`], between the two halves of preparation, so that bank, region and normals are derived
//! from the perturbed height.
//!
//! ```text
//! Canvas ─► foreground ─► mask, one for both modalities ─┬► colour ─┐
//!                                                        └► shape  ─┴► labels ─► distractors ─► Canvas
//! ```
//! A [`Perturbation`] is drawn from a seed alone and applied to any part: the same seed, product
//! and part give the same bits. Colour is 0 to 255 and heights are mm, as on the canvas; lengths
//! are pixels of a part of side 256 and grow with S.
//!
//! | what comes in | what happens |
//! |---|---|
//! | no usable depth, or the product has none | colour alone; the foreground is what stands out from the ground, or everything |
//! | no usable colour | shape alone |
//! | neither, or no part on the belt | nothing but distractors |
//! | pixels without depth | stay so; never labelled in height |

mod cells;
mod colour;
mod distractor;
mod foreground;
mod guided;
mod held_out;
mod label;
mod mask;
mod noise;
mod perlin;
pub(crate) mod pictures;
pub(crate) mod preview;
mod sensor;
mod shape;
#[cfg(test)]
mod tests;
mod texture;

use serde::Serialize;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{Canvas, DepthState, GroundSpec, RgbState};
use twinspect_nn::Rng;

use distractor::Distractors;
use foreground::Foreground;
use held_out::HeldOutDefect;
pub(crate) use label::{Labels, shares};
use mask::Mask;
use perlin::PerlinDefect;
pub(crate) use sensor::Relief;
use shape::Displaced;
pub(crate) use texture::Sources;

/// Purposes of a perturbation's random numbers.
const DEFECT: u64 = 1;
const DISTRACTORS: u64 = 2;
const SENSOR: u64 = 3;

/// How often both modalities are changed, colour alone, shape alone; the rest stays good.
const KINDS: [(Kind, f64); 3] = [
    (Kind::Both, 0.35),
    (Kind::Rgb, 0.20),
    (Kind::Geometry, 0.20),
];

/// Which generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Family {
    /// Percentages of the part under gradient noise: what training sees.
    Perlin,
    /// Pasted patches, Gaussian dents, scratches: for validation.
    HeldOut,
}

/// What a perturbation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Colour and shape at the same place.
    Both,
    /// Colour alone.
    Rgb,
    /// Shape alone.
    Geometry,
    /// Nothing.
    None,
}

impl Kind {
    fn draw(rng: &mut Rng) -> Self {
        let mut left = rng.uniform();
        for (kind, share) in KINDS {
            if left < share {
                return kind;
            }
            left -= share;
        }
        Self::None
    }

    /// What is left of it with the modalities that a part has: its defect shows in the other one.
    fn within(self, rgb: bool, geometry: bool) -> Self {
        match (self, rgb, geometry) {
            (Self::None, ..) | (_, false, false) => Self::None,
            (_, true, false) => Self::Rgb,
            (_, false, true) => Self::Geometry,
            (kind, true, true) => kind,
        }
    }

    /// The name that users see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Rgb => "rgb",
            Self::Geometry => "geometry",
            Self::None => "none",
        }
    }
}

/// What the generator knows of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generator<'a> {
    /// Which generator.
    pub(crate) family: Family,
    /// What shapes are measured by; `None` without depth.
    pub(crate) relief: Option<Relief>,
    /// What parts lie on, where colour tells.
    pub(crate) ground: Option<GroundSpec>,
    /// Where textures come from.
    pub(crate) sources: Sources<'a>,
}

/// Everything random about one view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Perturbation {
    kind: Kind,
    defect: Defect,
    distractors: Distractors,
    sensor_seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    Perlin(PerlinDefect),
    HeldOut(HeldOutDefect),
}

/// A part with a defect, or without one, and what of it can be seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Perturbed {
    /// The part.
    pub(crate) canvas: Canvas,
    /// What looks different.
    pub(crate) labels: Labels,
    /// What was done.
    pub(crate) facts: Facts,
}

/// What was done to a part, for people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Facts {
    /// What was changed.
    pub(crate) kind: Kind,
    /// Share of the part that the mask covers.
    pub(crate) share: f32,
    /// The change of colour.
    pub(crate) colour: Option<&'static str>,
    /// The change of shape.
    pub(crate) shape: Option<&'static str>,
    /// Its amplitude in mm; 0 without one.
    pub(crate) amplitude_mm: f32,
}

impl Perturbation {
    /// Draws from a seed. Defect and distractors have numbers of their own.
    pub(crate) fn draw(seed: u64, generator: &Generator<'_>) -> Self {
        let rng = Rng::new(seed);
        let mut of_defect = rng.derive(DEFECT);
        let kind = Kind::draw(&mut of_defect);
        let defect = match generator.family {
            Family::Perlin => {
                Defect::Perlin(PerlinDefect::draw(&generator.sources, &mut of_defect))
            }
            Family::HeldOut => Defect::HeldOut(HeldOutDefect::draw(&mut of_defect)),
        };
        Self {
            kind,
            defect,
            distractors: Distractors::draw(&mut rng.derive(DISTRACTORS)),
            sensor_seed: rng.derive(SENSOR).next_u64(),
        }
    }

    /// The same defect in one modality, without distractors: what a branch by itself learns from.
    pub(crate) fn alone(self, modality: Modality) -> Self {
        let kind = match modality {
            Modality::Rgb => Kind::Rgb,
            Modality::Geometry => Kind::Geometry,
        };
        Self {
            kind,
            distractors: Distractors::default(),
            ..self
        }
    }

    /// Makes the defect on a part. Labels are taken before fresh noise and distractors come on top.
    pub(crate) fn apply(&self, part: &Canvas, generator: &Generator<'_>) -> Perturbed {
        let relief = generator
            .relief
            .filter(|_| part.depth_state == DepthState::Usable);
        let kind = self
            .kind
            .within(part.rgb_state == RgbState::Usable, relief.is_some());
        let foreground = Foreground::of(part, relief.as_ref(), generator.ground.as_ref());
        let mut canvas = part.clone();
        let mut facts = Facts {
            kind,
            share: 0.0,
            colour: None,
            shape: None,
            amplitude_mm: 0.0,
        };
        let mut displaced = None;
        let mask = (kind != Kind::None)
            .then(|| self.defect.mask(part.size, &foreground))
            .flatten();
        if let Some(mask) = mask {
            facts.share = mask.covered as f32 / foreground.places.len().max(1) as f32;
            if kind != Kind::Geometry {
                let sources = &generator.sources;
                let made = self.defect.colour(&mut canvas, &foreground, &mask, sources);
                facts.colour = Some(made);
            }
            if let Some(relief) = relief.filter(|_| kind != Kind::Rgb) {
                let made = self.defect.shape(&mut canvas, &foreground, &mask, &relief);
                facts.shape = made.as_ref().map(|(name, _)| *name);
                displaced = made.map(|(_, displaced)| displaced);
            }
        }
        let labels = Labels::between(part, &canvas, relief.map(|relief| relief.noise_mm));
        if let Some(displaced) = displaced {
            facts.amplitude_mm = displaced.amplitude_mm;
            displaced.renew_noise(&mut canvas, &mut Rng::new(self.sensor_seed));
        }
        self.distractors
            .apply(&mut canvas, &foreground, relief.as_ref());
        Perturbed {
            canvas,
            labels,
            facts,
        }
    }
}

impl Defect {
    fn mask(&self, size: usize, foreground: &Foreground) -> Option<Mask> {
        match self {
            Self::Perlin(defect) => defect.mask(size, foreground),
            Self::HeldOut(defect) => defect.mask(size, foreground),
        }
    }

    fn colour(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        sources: &Sources<'_>,
    ) -> &'static str {
        match self {
            Self::Perlin(defect) => defect.colour(canvas, foreground, mask, sources),
            Self::HeldOut(defect) => defect.colour(canvas, foreground, mask, sources),
        }
    }

    fn shape(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        relief: &Relief,
    ) -> Option<(&'static str, Displaced)> {
        match self {
            Self::Perlin(defect) => defect.shape(canvas, foreground, mask, relief),
            Self::HeldOut(defect) => defect.shape(canvas, foreground, mask, relief),
        }
    }
}

/// Pixels of a part of side S for pixels of 256.
fn pixels_at(of_256: f32, size: usize) -> f32 {
    of_256 * size as f32 / 256.0
}

/// 0 up to 0, 1 from 1 on, `3 t^2 - 2 t^3` between.
fn smooth_step(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
