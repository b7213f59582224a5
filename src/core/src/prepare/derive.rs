//! Second half of preparation: from canvas to tensors.

use super::bank::{Bank, compress};
use super::canvas::Canvas;
use super::ground::GroundContrast;
use super::margin::Margin;
use super::part::{DepthState, PreparedPart, RgbState};
use super::ramp;
use super::spec::{BANK_SCALES, BankSpec, GeometrySpec, PrepareSpec, RgbSpec};

/// Scratch of the second half.
#[derive(Debug, Clone)]
pub(super) struct Deriver {
    bank: Option<Bank>,
    ground: Option<GroundContrast>,
    margin: Margin,
}

impl Deriver {
    pub(super) fn new(spec: &PrepareSpec) -> Self {
        let size = spec.size;
        let bank = spec.geometry.as_ref().map(|geometry| &geometry.bank);
        let sigmas = bank.map_or(BankSpec::sigmas(size), |bank| bank.sigma_px);
        Self {
            bank: bank.map(|bank| Bank::new(bank, size)),
            ground: spec.ground.map(|_| GroundContrast::new(size)),
            margin: Margin::new(sigmas[BANK_SCALES - 1], spec.map_size()),
        }
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
        let Self {
            bank,
            ground,
            margin,
        } = self;
        match (&spec.geometry, bank, canvas.depth_state) {
            (Some(spec), Some(bank), DepthState::Usable) => {
                shape(spec, bank, canvas, part);
                outline(bank.surface(), spec.foreground_mm, margin, part);
                normals(
                    bank.surface(),
                    part.size,
                    canvas.pitch_mm,
                    &mut part.normals,
                );
                compress(&spec.bank, &mut part.geometry);
            }
            _ => {
                without_depth(part);
                if let (Some(spec), Some(ground), RgbState::Usable) =
                    (&spec.ground, ground, canvas.rgb_state)
                {
                    let contrast = ground.against(canvas, spec.seen(canvas));
                    outline(contrast, spec.contrast, margin, part);
                }
            }
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

fn shape(spec: &GeometrySpec, bank: &mut Bank, canvas: &Canvas, part: &mut PreparedPart) {
    part.valid.copy_from_slice(&canvas.valid);
    part.height.copy_from_slice(&canvas.height);
    let [lowest, highest] = spec.height_range_mm;
    for height in &mut part.height {
        *height = height.clamp(lowest, highest);
    }
    bank.responses(&part.height, &mut part.geometry);
}

/// Where the part is: what stands out by `whole` certainly belongs to it, what does by half of that does not.
fn outline(standing_out: &[f32], whole: f32, margin: &mut Margin, part: &mut PreparedPart) {
    let mut covered = 0.0_f64;
    for (foreground, &value) in part.foreground.iter_mut().zip(standing_out) {
        *foreground = ramp(value, whole / 2.0, whole);
        covered += f64::from(*foreground);
    }
    part.part_share = (covered / part.foreground.len() as f64) as f32;
    margin.widen(&part.foreground, part.size, &mut part.region);
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
