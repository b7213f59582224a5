//! What sensor and mounting do to depth.

use twinspect_core::blur::Gaussian;
use twinspect_core::frame::{DepthCounts, DepthFrame, FrameError, FrameSize, OrganisedPoints};
use twinspect_nn::Rng;

/// Pixels between the three places that a depth's noise is measured with: further apart than a
/// sensor's own smoothing reaches.
const NOISE_LAG: usize = 8;
/// Median absolute deviation of a normal distribution over its standard deviation.
const MAD: f32 = 0.6745;
/// Deviation of the Gaussian that makes noise of neighbours alike, as matching of windows does.
const NOISE_SIGMA_PX: f32 = 2.0;
/// Radii of holes in pixels.
const HOLE_PX: [f32; 2] = [2.0, 6.0];

/// Adds noise that makes, with the noise that is there, twice as much.
pub(super) fn noise(depth: &DepthFrame, rng: &mut Rng) -> Result<DepthFrame, FrameError> {
    let FrameSize { width, height } = depth.size();
    let white: Vec<f32> = (0..width * height).map(|_| rng.normal() as f32).collect();
    let mut field = vec![0.0; white.len()];
    Gaussian::new(NOISE_SIGMA_PX, width, height).apply(&white, &mut field);
    // A Gaussian leaves white noise a deviation of 1 / (2 sigma sqrt(pi)).
    let whole = 2.0 * NOISE_SIGMA_PX * std::f32::consts::PI.sqrt();
    let sigma_mm = own_noise_mm(depth) * 3.0_f32.sqrt() * whole;
    let mut field = field.into_iter();
    moved(depth, |z_mm| {
        z_mm + f64::from(sigma_mm * field.next().unwrap_or_default())
    })
}

/// Moves everything away from the camera.
pub(super) fn further(depth: &DepthFrame, by_mm: f64) -> Result<DepthFrame, FrameError> {
    moved(depth, |z_mm| z_mm + by_mm)
}

/// Takes away round pieces until so much of what was measured is missing.
pub(super) fn holes(
    depth: &DepthFrame,
    share: f64,
    rng: &mut Rng,
) -> Result<DepthFrame, FrameError> {
    let size = depth.size();
    let mut measured: Vec<bool> = distances_mm(depth).iter().map(|z| *z > 0.0).collect();
    let there = measured.iter().filter(|there| **there).count();
    let mut left = (share * there as f64).round() as usize;
    while left > 0 {
        let centre = (rng.below(size.width), rng.below(size.height));
        let radius = rng.uniform_in(HOLE_PX[0], HOLE_PX[1]);
        for index in disc(centre, radius, size) {
            if left > 0 && std::mem::take(&mut measured[index]) {
                left -= 1;
            }
        }
    }
    kept(depth, &measured)
}

/// The pixels of a disc that lie in the frame.
fn disc(
    (x, y): (usize, usize),
    radius: f32,
    size: FrameSize,
) -> impl Iterator<Item = usize> + use<> {
    let reach = radius as usize;
    let rows = y.saturating_sub(reach)..=(y + reach).min(size.height - 1);
    rows.flat_map(move |row| {
        let columns = x.saturating_sub(reach)..=(x + reach).min(size.width - 1);
        columns
            .filter(move |column| {
                let (dx, dy) = (x.abs_diff(*column) as f32, y.abs_diff(row) as f32);
                dx.hypot(dy) <= radius
            })
            .map(move |column| row * size.width + column)
    })
}

/// The noise of a depth picture, by its second differences along rows: planes and slopes have none.
pub(super) fn own_noise_mm(depth: &DepthFrame) -> f32 {
    let size = depth.size();
    let distances = distances_mm(depth);
    let mut differences: Vec<f32> = distances
        .chunks_exact(size.width)
        .flat_map(|row| row.windows(2 * NOISE_LAG + 1))
        .map(|places| [places[0], places[NOISE_LAG], places[2 * NOISE_LAG]])
        .filter(|places| places.iter().all(|z| *z > 0.0))
        .map(|[left, middle, right]| (left - 2.0 * middle + right).abs())
        .collect();
    if differences.is_empty() {
        return 0.0;
    }
    let middle = differences.len() / 2;
    let (_, median, _) = differences.select_nth_unstable_by(middle, f32::total_cmp);
    // Variances of independent values add up: 1 + 4 + 1.
    *median / MAD / 6.0_f32.sqrt()
}

/// Distances along the optical axis; 0 where nothing was measured.
fn distances_mm(depth: &DepthFrame) -> Vec<f32> {
    match depth {
        DepthFrame::Counts(counts) => {
            let unit_mm = (counts.unit_m() * 1000.0) as f32;
            let values = counts.data().iter();
            values.map(|count| f32::from(*count) * unit_mm).collect()
        }
        DepthFrame::Points(points) => points.data().iter().map(|point| point[2]).collect(),
    }
}

/// Moves every measurement along its own ray.
fn moved(
    depth: &DepthFrame,
    mut distance: impl FnMut(f64) -> f64,
) -> Result<DepthFrame, FrameError> {
    Ok(match depth {
        DepthFrame::Counts(counts) => {
            let unit_mm = counts.unit_m() * 1000.0;
            let data = counts.data().iter().map(|&count| {
                // Asked of every pixel, as noise has one value for each.
                let moved = distance(f64::from(count) * unit_mm) / unit_mm;
                if count == 0 {
                    return 0;
                }
                // What was measured stays measured.
                moved.round().clamp(1.0, f64::from(u16::MAX)) as u16
            });
            DepthFrame::Counts(DepthCounts::new(
                depth.size(),
                counts.unit_m(),
                data.collect(),
            )?)
        }
        DepthFrame::Points(points) => {
            let data = points.data().iter().map(|&[x, y, z]| {
                let moved = distance(f64::from(z));
                if z.is_nan() || z <= 0.0 {
                    return [x, y, z];
                }
                let longer = (moved / f64::from(z)).max(0.0) as f32;
                [x * longer, y * longer, z * longer]
            });
            DepthFrame::Points(OrganisedPoints::new(depth.size(), data.collect())?)
        }
    })
}

/// Leaves only what is still measured.
fn kept(depth: &DepthFrame, measured: &[bool]) -> Result<DepthFrame, FrameError> {
    Ok(match depth {
        DepthFrame::Counts(counts) => {
            let data = counts.data().iter().zip(measured);
            let data = data.map(|(count, kept)| if *kept { *count } else { 0 });
            DepthFrame::Counts(DepthCounts::new(
                depth.size(),
                counts.unit_m(),
                data.collect(),
            )?)
        }
        DepthFrame::Points(points) => {
            let data = points.data().iter().zip(measured);
            let data = data.map(|(point, kept)| if *kept { *point } else { [0.0; 3] });
            DepthFrame::Points(OrganisedPoints::new(depth.size(), data.collect())?)
        }
    })
}
