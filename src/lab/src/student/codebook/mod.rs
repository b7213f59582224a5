//! Prototypes of the places of good parts: what remembers small things, as a student with a narrow bottleneck
//! cannot.
//!
//! A descriptor is what a teacher says of one place. The map is `min_k |q - p_k| / (r_k + 0.3)`: the distance to the
//! nearest prototype `p_k`, in units of how far good places are from it, its radius `r_k`.

mod cluster;
mod cover;
mod emit;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use twinspect_nn::Rng;

/// Added to every radius: nothing varies by less than a third of the sensor's noise.
const RADIUS_FLOOR: f32 = 0.3;
/// Added to the squared distance: where a part meets a prototype, the root would magnify what rounding
/// leaves of a difference of large numbers. A tenth of the radius; evidence begins far above.
const ROUNDING: f32 = 0.01;

/// Descriptors of at most `count` of the places that are set, chosen by the generator, one after the other. `planes` are those of
/// one part, channel by channel.
pub(super) fn some_places(
    planes: &[f32],
    set: impl ExactSizeIterator<Item = bool>,
    count: usize,
    mut rng: Rng,
) -> Vec<f32> {
    let plane = set.len();
    let set = set.enumerate().filter(|&(_, is_set)| is_set);
    let mut places: Vec<usize> = set.map(|(place, _)| place).collect();
    rng.shuffle(&mut places);
    places.truncate(count);
    let of = |&place: &usize| planes.iter().skip(place).step_by(plane).copied();
    places.iter().flat_map(of).collect()
}

/// Descriptors of places, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Descriptors {
    channels: usize,
    values: Vec<f32>,
}

impl Descriptors {
    /// None yet, of so many channels.
    pub(crate) fn new(channels: usize) -> Self {
        Self {
            channels,
            values: Vec::new(),
        }
    }

    /// Adds one place.
    pub(crate) fn push(&mut self, channels: impl Iterator<Item = f32>) {
        let before = self.values.len();
        self.values.extend(channels);
        debug_assert_eq!(self.values.len() - before, self.channels);
    }

    /// Adds places, one after the other.
    pub(crate) fn extend(&mut self, places: &[f32]) {
        debug_assert!(places.len().is_multiple_of(self.channels));
        self.values.extend_from_slice(places);
    }

    /// Number of places.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.channels
    }

    fn place(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels..][..self.channels]
    }

    fn places(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.channels)
    }
}

/// The prototypes with their radii.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codebook {
    prototypes: Descriptors,
    radii: Vec<f32>,
}

impl Codebook {
    /// A book of descriptors with so many channels, from what [`Codebook::prototypes`] and [`Codebook::radii`] gave;
    /// `None` if they don't match.
    pub(crate) fn from_values(channels: usize, prototypes: &[f32], radii: &[f32]) -> Option<Self> {
        let fits = prototypes.len() == channels * radii.len() && !radii.is_empty();
        fits.then(|| Self {
            prototypes: Descriptors {
                channels,
                values: prototypes.to_vec(),
            },
            radii: radii.to_vec(),
        })
    }

    /// All prototypes, one after the other.
    pub(crate) fn prototypes(&self) -> &[f32] {
        &self.prototypes.values
    }

    /// Radii of the prototypes.
    pub(crate) fn radii(&self) -> &[f32] {
        &self.radii
    }

    /// The map of one part: as many channels as descriptors have in, place by place within each; one map out.
    pub(crate) fn map(&self, channels: &[f32]) -> Vec<f32> {
        let plane = channels.len() / self.prototypes.channels;
        let gains: Vec<f32> = self.radii.iter().map(|&radius| gain(radius)).collect();
        let at = |index: usize| {
            let descriptor: Vec<f32> = channels
                .iter()
                .skip(index)
                .step_by(plane)
                .copied()
                .collect();
            let scaled = self
                .prototypes
                .places()
                .zip(&gains)
                .map(|(p, gain)| gain * squared(&descriptor, p));
            (scaled.fold(f32::INFINITY, f32::min) + ROUNDING).sqrt()
        };
        (0..plane).into_par_iter().map(at).collect()
    }
}

/// What a squared distance is worth to a prototype of this radius.
fn gain(radius: f32) -> f32 {
    (radius + RADIUS_FLOOR).powi(-2)
}

fn squared(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += (a - b) * (a - b);
    }
    sum
}
