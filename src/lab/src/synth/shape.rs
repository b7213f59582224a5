//! What a defect does to shape, within what the sensor can show (guided filter: He, Sun and
//! Tang, ECCV 2010).
//!
//! A wanted displacement is filtered with the unperturbed height as guide, and then added to that
//! height. The filter is linear, so this equals filtering the perturbed height, but for one
//! thing: the part's own measured noise stays. Where material is cut away the filter follows the
//! guide downwards and takes noise with it; fresh noise is added there, as much as was taken.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use super::foreground::Foreground;
use super::guided::{Guided, guided};
use super::mask::Mask;
use super::noise::{Noise, NoiseSpec};
use super::pixels_at;
use super::sensor::Relief;

/// Radius of the guided filter in pixels of 256.
const RADIUS_PX: f32 = 4.0;
/// Amplitudes in deviations of the sensor: less teaches nothing, more is no subtle defect.
const SIGMAS: (f32, f32) = (3.0, 30.0);
/// Amplitude in parts of the part's height, before it is clamped.
const HEIGHT_SHARE: (f32, f32) = (0.02, 0.20);
/// Cells of a rough surface, and the noise that counts as its full height.
const ROUGH_CELLS: (usize, usize) = (12, 28);
const ROUGH_FULL: f32 = 0.6;
/// What is missing was cut at the level of the lowest tenth around it.
const FLOOR_SHARE: usize = 10;
/// Pixels of 256 around a mask that this level is looked for in.
const AROUND_PX: f32 = 6.0;

/// A shape's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bump,
    Dent,
    Rough,
    Missing,
}

/// What determines a change of shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShapeSpec {
    pub(super) form: Form,
    /// Amplitude over the part's height.
    pub(super) height_share: f32,
    /// A rough surface's noise.
    pub(super) rough: NoiseSpec,
}

impl ShapeSpec {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        const FORMS: [Form; 4] = [Form::Bump, Form::Dent, Form::Rough, Form::Missing];
        let cells = ROUGH_CELLS.0 + rng.below(ROUGH_CELLS.1 - ROUGH_CELLS.0 + 1);
        Self {
            form: FORMS[rng.below(FORMS.len())],
            height_share: rng.uniform_in(HEIGHT_SHARE.0, HEIGHT_SHARE.1),
            rough: NoiseSpec::of([cells, cells], 2, rng),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.form {
            Form::Bump => "bump",
            Form::Dent => "dent",
            Form::Rough => "roughness",
            Form::Missing => "missing material",
        }
    }

    /// Changes the heights of a canvas inside the mask; `None` where the sensor shows nothing of it.
    pub(super) fn apply(
        &self,
        canvas: &mut Canvas,
        foreground: &Foreground,
        mask: &Mask,
        relief: &Relief,
    ) -> Option<Displaced> {
        let amplitude = bounded(self.height_share * foreground.height_mm, relief);
        let soft = |i: usize| mask.level[i] * foreground.soft[i];
        let pixels = canvas.height.len();
        let field: Vec<f32> = match self.form {
            Form::Bump => (0..pixels).map(|i| soft(i) * mask.rise[i]).collect(),
            Form::Dent => (0..pixels).map(|i| -soft(i) * mask.rise[i]).collect(),
            Form::Rough => {
                let noise = Noise::new(&self.rough, canvas.size);
                let (size, inside) = (canvas.size, |i: usize| mask.level[i] > 0.0);
                let rough = |i: usize| {
                    let value = noise.at((i % size) as f32, (i / size) as f32);
                    soft(i) * (value / ROUGH_FULL).clamp(-1.0, 1.0)
                };
                let values = (0..pixels).map(|i| if inside(i) { rough(i) } else { 0.0 });
                values.collect()
            }
            Form::Missing => return cut_away(canvas, foreground, mask, amplitude, relief),
        };
        push(canvas, foreground, &field, amplitude, relief)
    }
}

/// An amplitude that the sensor can show, and that is still a defect and no other part.
pub(super) fn bounded(amplitude_mm: f32, relief: &Relief) -> f32 {
    amplitude_mm.clamp(SIGMAS.0 * relief.noise_mm, SIGMAS.1 * relief.noise_mm)
}

/// What a change of shape came to.
#[derive(Debug, Clone)]
pub(super) struct Displaced {
    /// Largest displacement in mm, along the surface's normal; straight down for missing material.
    pub(super) amplitude_mm: f32,
    /// S x S: deviation in mm of the noise that went with material that was cut away; empty where
    /// the surface only moved, and its noise with it.
    pub(super) lost_noise_mm: Vec<f32>,
}

impl Displaced {
    /// Adds what was lost, drawn anew.
    pub(super) fn renew_noise(&self, canvas: &mut Canvas, rng: &mut Rng) {
        let heights = canvas.height.iter_mut().zip(&self.lost_noise_mm);
        for (height, &lost) in heights.filter(|(_, lost)| **lost > 0.0) {
            *height += lost * rng.normal() as f32;
        }
    }
}

/// Moves the surface along its normal by `amplitude_mm` where the filtered field is largest, and in
/// proportion elsewhere.
pub(super) fn push(
    canvas: &mut Canvas,
    foreground: &Foreground,
    field: &[f32],
    amplitude_mm: f32,
    relief: &Relief,
) -> Option<Displaced> {
    let shown = Shown::of(canvas, field, relief)?;
    let peak = shown
        .places()
        .map(|(at, i)| shown.value(at) * foreground.part[i]);
    let peak = peak.fold(0.0_f32, |peak, value| peak.max(value.abs()));
    if peak < 1e-4 {
        return None;
    }
    shown.add(canvas, |i| {
        amplitude_mm / peak * foreground.part[i] / foreground.lean[i]
    });
    Some(Displaced {
        amplitude_mm,
        lost_noise_mm: Vec::new(),
    })
}

/// Cuts the surface flat: at the level of the lowest places around, or `amplitude_mm` below the
/// surface where all around is as high. Never below the belt, never deeper than 30 deviations; and
/// not at all where the part is too low to lose three.
/// What is missing may reach the part's very edge, so the mask is taken without the feathering.
fn cut_away(
    canvas: &mut Canvas,
    foreground: &Foreground,
    mask: &Mask,
    amplitude_mm: f32,
    relief: &Relief,
) -> Option<Displaced> {
    let size = canvas.size;
    let around = Rectangle::around(|i| mask.level[i] > 0.0, size, pixels_at(AROUND_PX, size))?;
    let measured = |i: &usize| canvas.valid[*i] > 0.0;
    let mut near: Vec<f32> = around
        .pixels(size)
        .filter(measured)
        .map(|i| canvas.height[i])
        .collect();
    let mut inside: Vec<f32> = around
        .pixels(size)
        .filter(|&i| measured(&i) && mask.level[i] > 0.0)
        .map(|i| canvas.height[i])
        .collect();
    let percentile = |values: &mut Vec<f32>, share: usize| {
        let rank = values.len() / share;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(rank, f32::total_cmp).1)
    };
    let (low, middle) = (
        percentile(&mut near, FLOOR_SHARE)?,
        percentile(&mut inside, 2)?,
    );
    let floor = low.min(middle - amplitude_mm).max(0.0);
    let deepest = SIGMAS.1 * relief.noise_mm;
    let field: Vec<f32> = (0..canvas.height.len())
        .map(|i| {
            let surplus = (canvas.height[i] - floor).clamp(0.0, deepest);
            -surplus * mask.level[i] * foreground.part[i]
        })
        .collect();
    let shown = Shown::of(canvas, &field, relief)?;
    let depths = shown
        .places()
        .map(|(at, i)| (shown.value(at) * foreground.part[i]).abs());
    let depth = depths.fold(0.0, f32::max);
    if depth < SIGMAS.0 * relief.noise_mm {
        return None;
    }
    // The filter overshoots a little beside edges.
    let scale = (deepest / depth).min(1.0);
    shown.add(canvas, |i| scale * foreground.part[i]);
    Some(Displaced {
        amplitude_mm: scale * depth,
        lost_noise_mm: shown.lost_noise_mm(canvas, relief, |i| scale * foreground.part[i]),
    })
}

/// A field as far as the sensor shows it, in the rectangle that it covers.
struct Shown {
    rectangle: Rectangle,
    size: usize,
    guided: Guided,
}

impl Shown {
    fn of(canvas: &Canvas, field: &[f32], relief: &Relief) -> Option<Self> {
        let size = canvas.size;
        let radius = (pixels_at(RADIUS_PX, size).round() as usize).max(1);
        // A window's line reaches one radius, the mean of lines another.
        let reach = 2.0 * radius as f32;
        let rectangle = Rectangle::around(|i| field[i] != 0.0, size, reach)?;
        let cut =
            |values: &[f32]| -> Vec<f32> { rectangle.pixels(size).map(|i| values[i]).collect() };
        let guided = guided(
            &cut(field),
            &cut(&canvas.height),
            &cut(&canvas.valid),
            rectangle.width(),
            radius,
            (2.0 * relief.noise_mm).powi(2),
        );
        Some(Self {
            rectangle,
            size,
            guided,
        })
    }

    /// Indices in the rectangle and in the picture.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.rectangle.pixels(self.size).enumerate()
    }

    fn value(&self, at: usize) -> f32 {
        self.guided.output[at]
    }

    /// Adds the field times a scale to the heights.
    fn add(&self, canvas: &mut Canvas, scale: impl Fn(usize) -> f32) {
        for (at, i) in self.places() {
            canvas.height[i] += scale(i) * self.value(at);
        }
    }

    /// The deviation of the noise that went: where `k` of the guide was added, `1 + k` of its noise
    /// is left.
    fn lost_noise_mm(
        &self,
        canvas: &Canvas,
        relief: &Relief,
        scale: impl Fn(usize) -> f32,
    ) -> Vec<f32> {
        let mut lost = vec![0.0; canvas.height.len()];
        for (at, i) in self.places().filter(|&(_, i)| canvas.valid[i] > 0.0) {
            let left = 1.0 + scale(i) * self.guided.gain[at];
            lost[i] = relief.noise_mm * (1.0 - left * left).max(0.0).sqrt();
        }
        lost
    }
}

/// Columns and rows, the last ones not included.
#[derive(Debug, Clone, Copy)]
struct Rectangle {
    columns: (usize, usize),
    rows: (usize, usize),
}

impl Rectangle {
    /// All marked pixels and `margin` more on every side.
    fn around(marked: impl Fn(usize) -> bool, size: usize, margin: f32) -> Option<Self> {
        let margin = margin.round() as usize;
        let (mut columns, mut rows) = ((size, 0), (size, 0));
        for i in (0..size * size).filter(|&i| marked(i)) {
            let (x, y) = (i % size, i / size);
            columns = (columns.0.min(x), columns.1.max(x + 1));
            rows = (rows.0.min(y), rows.1.max(y + 1));
        }
        let wider =
            |(from, to): (usize, usize)| (from.saturating_sub(margin), (to + margin).min(size));
        (columns.0 < columns.1).then(|| Self {
            columns: wider(columns),
            rows: wider(rows),
        })
    }

    fn width(&self) -> usize {
        self.columns.1 - self.columns.0
    }

    fn pixels(&self, size: usize) -> impl Iterator<Item = usize> + use<> {
        let (rows, columns) = (self.rows, self.columns);
        (rows.0..rows.1).flat_map(move |y| (columns.0..columns.1).map(move |x| y * size + x))
    }
}
