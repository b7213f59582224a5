//! The colours of good places: what a teacher that was taught shapes and textures passes over, such as a stain without an
//! edge. A filter bank of the picture as the geometry branch has one of height, compared with prototypes.
//!
//! ```text
//! rgb 3@256 ┬─ mean 4x4 ─► 3@64 ─ over its surroundings ─ opponents ─┬─ Gaussians ────────────┐
//!           │                                                        └─ Gaussians' slopes ────┤
//!           └─ how far clipped ─ mean 4x4 ─► 1@64 ─ Gaussian ─────────────────────────────────┴─ concat 19@64 ─ codebook ─► map@64
//! ```
//! Sides at S = 256. Each channel is divided by its mean around the place, so that neither the light's strength nor its colour
//! counts, nor a shadow that is softer than these surroundings. Two things do not go with the light: highlights that one colour
//! clips before the others, and the rounding of levels, which is all the colour that grey parts have. So good parts are learnt under
//! other lights too, and a channel tells clipped places from others, which must not take their colours for good ones. Opponents are lightness, red against green, and both against blue: a tint that lightness would drown has a
//! channel of its own.

mod clipped;
mod filters;
mod shares;
#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use twinspect_core::prepare::RgbSpec;
use twinspect_nn::Rng;
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::codebook::{Codebook, Descriptors, some_places};
use clipped::{clipped, emit_clipped};
use filters::{FILTER, Filters, LEVELS, REACH, filtered};
use shares::{emit_shares, shares};

/// Red, green, blue; and the opponents.
const COLOURS: usize = 3;
/// Channels that count in standard deviations of good places.
const FILTERED: usize = 2 * LEVELS;
/// Channels of a descriptor: these, and whether the place is clipped.
const CHANNELS: usize = FILTERED + 1;
/// Added to a slope's square, in squared deviations of good places: where nothing slopes, the root would magnify rounding.
const FLAT: f32 = 1e-4;
/// No channel varies by less: without a colour it is rounding that would be magnified. A twentieth of a level of 255.
const DEVIATION_MIN: f64 = 2e-4;
/// Places of each part that prototypes are made of.
const PLACES: usize = 400;
/// Places of each part under another light.
const PLACES_LIT: usize = 100;

/// The colours of one part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColourSample {
    /// 3 x S/4 x S/4: each place's colour over that of its surroundings, less one.
    shares: Vec<f32>,
    /// S/4 x S/4: 0 where nothing is clipped.
    clipped: Vec<f32>,
    /// S/4 x S/4: 1 on the part and its margin, 0 elsewhere, soft.
    region: Vec<f32>,
}

impl ColourSample {
    /// Of a prepared picture, 3 x S x S, and the region where evidence counts, S/4 x S/4.
    pub(crate) fn new(rgb: &[f32], region: &[f32], spec: &RgbSpec) -> Self {
        Self {
            shares: shares(rgb, spec),
            clipped: clipped(rgb, spec),
            region: region.to_vec(),
        }
    }
}

/// Prototypes of the colours of good places.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Palette {
    /// One over each channel's standard deviation on good parts.
    gains: [f32; FILTERED],
    book: Codebook,
}

impl Palette {
    /// Learns from good parts as they were taken and the same under other lights, all parts under one after the other. The
    /// same parts and generator give the same palette, with any number of threads; `None` if it was interrupted.
    pub(crate) fn learn(
        plain: &[ColourSample],
        lit: &[ColourSample],
        rng: &mut Rng,
        interrupted: &AtomicBool,
    ) -> Option<Self> {
        let seeds = rng.derive(PLACES_OF_PARTS);
        let of_part = |(index, part): (usize, &ColourSample)| {
            let bank = bank(&part.shares, &part.clipped);
            // A light moves no part, whatever a ground that is found by its colour makes of it.
            let region = &plain[index % plain.len()].region;
            let count = if index < plain.len() {
                PLACES
            } else {
                PLACES_LIT
            };
            let set = region.iter().map(|&inside| inside > 0.5);
            some_places(&bank, set, count, seeds.derive(index as u64))
        };
        let parts = plain.par_iter().chain(lit).enumerate();
        let chosen: Vec<Vec<f32>> = parts.map(of_part).collect();
        let chosen = chosen.concat();
        let gains = std::array::from_fn(|channel| {
            one_over_deviation(chosen.iter().skip(channel).step_by(CHANNELS))
        });
        let mut descriptors = Descriptors::new(CHANNELS);
        for place in chosen.chunks_exact(CHANNELS) {
            let channels = place.iter().enumerate();
            descriptors.push(channels.map(|(channel, &value)| scaled(channel, value, &gains)));
        }
        if descriptors.len() == 0 {
            descriptors.push(std::iter::repeat_n(0.0, CHANNELS));
        }
        Some(Self {
            gains,
            book: Codebook::cluster(&descriptors, rng, interrupted)?,
        })
    }

    /// A palette from what [`Palette::values`] gave; `None` if it does not match.
    pub(crate) fn from_values(values: [&[f32]; 3]) -> Option<Self> {
        let [prototypes, radii, gains] = values;
        Some(Self {
            gains: gains.try_into().ok()?,
            book: Codebook::from_values(CHANNELS, prototypes, radii)?,
        })
    }

    /// Prototypes, radii and gains.
    pub(crate) fn values(&self) -> [&[f32]; 3] {
        [self.book.prototypes(), self.book.radii(), &self.gains]
    }

    /// The map of one prepared picture, S/4 x S/4.
    pub(crate) fn map(&self, rgb: &[f32], spec: &RgbSpec) -> Vec<f32> {
        let mut bank = bank(&shares(rgb, spec), &clipped(rgb, spec));
        let plane = bank.len() / CHANNELS;
        for (channel, plane) in bank.chunks_exact_mut(plane).enumerate() {
            plane
                .iter_mut()
                .for_each(|value| *value = scaled(channel, *value, &self.gains));
        }
        self.book.map(&bank)
    }

    /// Writes the same: from the stage's picture to a map of a quarter of its side.
    pub(crate) fn emit(
        &self,
        graph: &mut Graph,
        picture: onnx::Tensor,
        spec: &RgbSpec,
    ) -> Result<onnx::Tensor, GraphError> {
        let bank = graph.head(|graph| {
            graph.within("palette", |graph| {
                let shares = emit_shares(graph, picture, spec)?;
                let filters = Filters::new(&self.gains);
                let mut filter = |name: &str, values: &[f32]| {
                    let kernel = onnx::Kernel {
                        dims: [LEVELS, COLOURS, FILTER, FILTER],
                        values,
                    };
                    let conv = onnx::Conv::new(kernel, None).pads(onnx::Pads::symmetric(REACH));
                    graph.conv(name, shares, &conv)
                };
                let levels = filter("levels", &filters.levels)?;
                let across = filter("across", &filters.across)?;
                let down = filter("down", &filters.down)?;
                let across = graph.mul("across2", across, across)?;
                let down = graph.mul("down2", down, down)?;
                let slopes = graph.add("slopes2", across, down)?;
                let slopes = graph.offset("sloping", slopes, FLAT)?;
                let slopes = graph.sqrt("slopes", slopes)?;
                let clipped = emit_clipped(graph, picture, spec)?;
                graph.concat("bank", &[levels, slopes, clipped], 1)
            })
        })?;
        graph.within("palette", |graph| self.book.emit(graph, bank))
    }
}

/// Purpose of the generators that choose places of parts.
const PLACES_OF_PARTS: u64 = 1;

/// `CHANNELS` x side x side: levels, then slopes, as the filters answer, and what is clipped.
fn bank(shares: &[f32], clipped: &[f32]) -> Vec<f32> {
    let side = clipped.len().isqrt();
    let filters = Filters::new(&[1.0; FILTERED]);
    let [levels, across, down] = [&filters.levels, &filters.across, &filters.down]
        .map(|values| filtered(shares, side, values));
    let slope = |(across, down): (f32, f32)| across.hypot(down);
    let slopes = across.into_iter().zip(down).map(slope);
    let filtered = levels.into_iter().chain(slopes);
    filtered.chain(clipped.iter().copied()).collect()
}

/// A channel's answer in standard deviations of good places.
fn scaled(channel: usize, value: f32, gains: &[f32; FILTERED]) -> f32 {
    let Some(gain) = gains.get(channel) else {
        return value;
    };
    let scaled = gain * value;
    match channel < LEVELS {
        true => scaled,
        false => (scaled * scaled + FLAT).sqrt(),
    }
}

/// One over the standard deviation.
fn one_over_deviation<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0_usize);
    for &value in values {
        let value = f64::from(value);
        sum += value;
        squares += value * value;
        count += 1;
    }
    let mean = sum / count.max(1) as f64;
    let variance = squares / count.max(1) as f64 - mean * mean;
    (1.0 / variance.max(0.0).sqrt().max(DEVIATION_MIN)) as f32
}
