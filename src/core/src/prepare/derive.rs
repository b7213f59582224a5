//! Second half of preparation: from canvas to tensors.

use super::bank::{Bank, compress};
use super::canvas::Canvas;
use super::islands::Islands;
use super::part::{DepthState, PreparedPart, RgbState};
use super::spec::{BANK_SCALES, BankSpec, GeometrySpec, MAP_STRIDE, PrepareSpec, RgbSpec};
use crate::blur::Gaussian;

/// Scratch of the second half.
#[derive(Debug, Clone)]
pub(super) struct Deriver {
    geometry: Option<(Bank, Margin)>,
}

impl Deriver {
    pub(super) fn new(spec: &PrepareSpec) -> Self {
        let geometry = spec.geometry.as_ref().map(|geometry| {
            let margin = Margin::new(&geometry.bank, spec.map_size());
            (Bank::new(&geometry.bank, spec.size), margin)
        });
        Self { geometry }
    }

    pub(super) fn derive(&mut self, spec: &PrepareSpec, canvas: &Canvas, part: &mut PreparedPart) {
        part.rgb_state = canvas.rgb_state;
        part.depth_state = canvas.depth_state;
        part.belt = canvas.belt;
        part.valid_share = canvas.valid_share;
        match (&spec.rgb, canvas.rgb_state) {
            (Some(rgb), RgbState::Usable) => normalise(rgb, &canvas.rgb, &mut part.rgb),
            _ => part.rgb.fill(0.0),
        }
        match (&spec.geometry, &mut self.geometry, canvas.depth_state) {
            (Some(spec), Some((bank, margin)), DepthState::Usable) => {
                shape(spec, bank, margin, canvas, part);
            }
            _ => without_depth(part),
        }
    }
}

/// From the foreground to the region where evidence counts: the foreground under the coarsest
/// Gaussian, so that a part has the same margin whatever its height. A piece that is missing has its
/// place there; noise of the belt, which rises above the foreground's height here and there, has not.
#[derive(Debug, Clone)]
struct Margin {
    gaussian: Gaussian,
    cells: Vec<f32>,
    islands: Islands,
}

/// Shares of the smoothed foreground at which a place begins to count, and counts fully. A straight
/// edge has one half; these lie 1.3 and 0.8 deviations outside it.
const MARGIN: [f32; 2] = [0.1, 0.2];

impl Margin {
    fn new(bank: &BankSpec, side: usize) -> Self {
        let coarsest = bank.sigma_px[BANK_SCALES - 1] / MAP_STRIDE as f32;
        Self {
            gaussian: Gaussian::new(coarsest, side, side),
            cells: vec![0.0; side * side],
            islands: Islands::new(side),
        }
    }

    fn widen(&mut self, foreground: &[f32], size: usize, region: &mut [f32]) {
        let side = size / MAP_STRIDE;
        let share = 1.0 / (MAP_STRIDE * MAP_STRIDE) as f32;
        self.cells.fill(0.0);
        for (y, line) in foreground.chunks_exact(size).enumerate() {
            let cells = &mut self.cells[y / MAP_STRIDE * side..][..side];
            for (cell, values) in cells.iter_mut().zip(line.chunks_exact(MAP_STRIDE)) {
                *cell += share * values.iter().sum::<f32>();
            }
        }
        self.gaussian.apply(&self.cells, region);
        self.islands.drown(region, MARGIN[0]);
        for value in region {
            *value = ramp(*value, MARGIN[0], MARGIN[1]);
        }
    }
}

fn normalise(spec: &RgbSpec, source: &[f32], target: &mut [f32]) {
    let pixels = source.len() / 3;
    let channels = source
        .chunks_exact(pixels)
        .zip(target.chunks_exact_mut(pixels));
    for ((source, target), (mean, std)) in channels.zip(spec.mean.into_iter().zip(spec.std)) {
        let gain = 1.0 / std;
        for (value, &level) in target.iter_mut().zip(source) {
            *value = (level - mean) * gain;
        }
    }
}

fn without_depth(part: &mut PreparedPart) {
    part.geometry.fill(0.0);
    part.height.fill(0.0);
    part.normals.fill(0.0);
    let pixels = part.height.len();
    part.normals[2 * pixels..].fill(1.0);
    part.valid.fill(0.0);
    part.foreground.fill(1.0);
    part.region.fill(1.0);
    part.part_share = 1.0;
}

fn shape(
    spec: &GeometrySpec,
    bank: &mut Bank,
    margin: &mut Margin,
    canvas: &Canvas,
    part: &mut PreparedPart,
) {
    part.valid.copy_from_slice(&canvas.valid);
    part.height.copy_from_slice(&canvas.height);
    let [lowest, highest] = spec.height_range_mm;
    for height in &mut part.height {
        *height = height.clamp(lowest, highest);
    }
    bank.responses(&part.height, &mut part.geometry);

    let mut covered = 0.0_f64;
    for (foreground, &height) in part.foreground.iter_mut().zip(bank.surface()) {
        *foreground = ramp(height, spec.foreground_mm / 2.0, spec.foreground_mm);
        covered += f64::from(*foreground);
    }
    part.part_share = (covered / part.foreground.len() as f64) as f32;
    margin.widen(&part.foreground, part.size, &mut part.region);
    normals(
        bank.surface(),
        part.size,
        canvas.pitch_mm,
        &mut part.normals,
    );
    compress(&spec.bank, &mut part.geometry);
}

fn ramp(value: f32, from: f32, to: f32) -> f32 {
    let share = ((value - from) / (to - from)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// Unit normals from central differences of the smoothed height; `pitch` in mm a pixel.
fn normals(surface: &[f32], side: usize, pitch: (f32, f32), normals: &mut [f32]) {
    let (nx, rest) = normals.split_at_mut(side * side);
    let (ny, nz) = rest.split_at_mut(side * side);
    let (per_x, per_y) = (0.5 / pitch.0, 0.5 / pitch.1);
    for y in 0..side {
        let row = &surface[y * side..][..side];
        let above = &surface[y.saturating_sub(1) * side..][..side];
        let below = &surface[(y + 1).min(side - 1) * side..][..side];
        for x in 0..side {
            let dx = (row[(x + 1).min(side - 1)] - row[x.saturating_sub(1)]) * per_x;
            let dy = (below[x] - above[x]) * per_y;
            let shrink = 1.0 / (1.0 + dx * dx + dy * dy).sqrt();
            let index = y * side + x;
            (nx[index], ny[index], nz[index]) = (-dx * shrink, -dy * shrink, shrink);
        }
    }
}
