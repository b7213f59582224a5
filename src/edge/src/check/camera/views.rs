//! What a camera saw, as files.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use twinspect_core::frame::FramePair;

use crate::error::EdgeError;
use crate::pictures::Kept;

const COLOUR: &str = "colour.png";
const DEPTH: &str = "depth.png";

/// Refuses a folder in which something else lies under these names, and one that would need another one above it.
pub(super) fn check(kept: &Kept<'_>, folder: &Path) -> Result<(), EdgeError> {
    [COLOUR, DEPTH]
        .into_iter()
        .try_for_each(|name| kept.check(&folder.join(name)))?;
    // A name alone lies in the folder that the program runs in.
    let above = folder
        .parent()
        .filter(|above| !above.as_os_str().is_empty());
    match above {
        Some(above) if !folder.is_dir() && !above.is_dir() => Err(EdgeError::Usage {
            message: format!(
                "the folder {} is not there, in which {} would be made",
                above.display(),
                folder.display()
            ),
            hint: "name a folder, or one that is not there yet in one that is",
        }),
        _ => Ok(()),
    }
}

/// Writes `colour.png` and `depth.png`, as far as the pair has both.
pub(super) fn save(
    pair: &FramePair,
    kept: &Kept<'_>,
    folder: &Path,
) -> Result<Vec<PathBuf>, EdgeError> {
    let size = pair.size();
    let (width, height) = (size.width as u32, size.height as u32);
    let mut written = Vec::new();
    if let Some(rgb) = pair.rgb()
        && let Some(picture) = RgbImage::from_raw(width, height, rgb.data().to_vec())
    {
        let path = folder.join(COLOUR);
        kept.save(&picture, &path)?;
        written.push(path);
    }
    if pair.depth().is_some() {
        let path = folder.join(DEPTH);
        kept.save(&grey_by_distance(pair), &path)?;
        written.push(path);
    }
    Ok(written)
}

/// Near is bright, far is dark, and what was not measured is blue. The nearest and the furthest hundredth make no
/// scale.
fn grey_by_distance(pair: &FramePair) -> RgbImage {
    let size = pair.size();
    let depth = |x: u32, y: u32| Some(pair.point(x as usize, y as usize)?[2]);
    let mut distances: Vec<f64> = (0..size.height as u32)
        .flat_map(|y| (0..size.width as u32).filter_map(move |x| depth(x, y)))
        .collect();
    distances.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * distances.len().saturating_sub(1) as f64) as usize;
        distances.get(place).copied().unwrap_or_default()
    };
    let (near, far) = (at(0.01), at(0.99));
    let span = (far - near).max(1.0);
    RgbImage::from_fn(size.width as u32, size.height as u32, |x, y| {
        match depth(x, y) {
            Some(distance) => {
                let share = ((far - distance) / span).clamp(0.0, 1.0);
                Rgb([(30.0 + 225.0 * share).round() as u8; 3])
            }
            None => Rgb([20, 30, 90]),
        }
    })
}
