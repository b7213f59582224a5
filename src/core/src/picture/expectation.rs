//! What the pictures of good parts are like: measured where a model is made, carried by its bundle.

use serde::{Deserialize, Serialize};

use super::meter::PictureFigures;

/// A figure over the good parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The least that a good part had.
    pub low: f32,
    /// Half of them had more.
    pub median: f32,
    /// The most.
    pub high: f32,
}

impl Span {
    fn of(values: impl Iterator<Item = Option<f32>>) -> Option<Self> {
        let mut values: Vec<f32> = values.flatten().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f32::total_cmp);
        Some(Self {
            low: *values.first()?,
            median: *values.get(values.len() / 2)?,
            high: *values.last()?,
        })
    }

    /// Whether the numbers are some that a figure can have: finite, in order, none below zero.
    pub fn is_usable(&self) -> bool {
        0.0 <= self.low
            && self.low <= self.median
            && self.median <= self.high
            && self.high.is_finite()
    }
}

/// Figures of good parts' pictures. A figure that no part had is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureExpectation {
    /// Good parts that were looked at.
    pub parts: usize,
    /// Share of the region of interest without depth, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_holes: Option<Span>,
    /// Noise of depth in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth_noise_mm: Option<Span>,
    /// Mean luma, 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brightness: Option<Span>,
    /// Share of pixels that are as bright as can be, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturated: Option<Span>,
    /// Strength of edges over brightness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness: Option<Span>,
}

impl PictureExpectation {
    /// Of good parts; `None` for none.
    pub fn of(parts: &[PictureFigures]) -> Option<Self> {
        let span = |figure: fn(&PictureFigures) -> Option<f32>| Span::of(parts.iter().map(figure));
        (!parts.is_empty()).then(|| Self {
            parts: parts.len(),
            depth_holes: span(|part| part.depth_holes),
            depth_noise_mm: span(|part| part.depth_noise_mm),
            brightness: span(|part| part.brightness),
            saturated: span(|part| part.saturated),
            sharpness: span(|part| part.sharpness),
        })
    }

    /// Every figure that is there, by the name that it has in files.
    pub fn present(&self) -> impl Iterator<Item = (&'static str, Span)> {
        [
            ("depth_holes", self.depth_holes),
            ("depth_noise_mm", self.depth_noise_mm),
            ("brightness", self.brightness),
            ("saturated", self.saturated),
            ("sharpness", self.sharpness),
        ]
        .into_iter()
        .filter_map(|(name, span)| Some((name, span?)))
    }
}
