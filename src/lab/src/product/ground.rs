//! What parts lie on, learnt from the pictures of a product that is inspected by colour alone.

use rayon::prelude::*;
use twinspect_core::prepare::{Canvas, GroundContrast, GroundSpec, border_colour, is_border};

/// Levels of a channel.
const LEVELS: usize = 256;
/// Least share of the border that has to be ground. Some parts reach into it.
const BORDER_GROUND_MIN: f64 = 0.9;
/// Least share of all pictures that has to stand out from the ground.
const PART_MIN: f64 = 0.02;
/// So many times as much of the inside as of the border has to stand out: a texture does so everywhere.
const INSIDE_MIN: f64 = 3.0;
/// A smaller contrast is the sensor's noise, a shadow or the course of the light.
const CONTRAST_MIN: usize = 16;

/// Pixels by how far they are from their picture's ground.
#[derive(Debug, Clone)]
struct Counts {
    border: [u64; LEVELS],
    inside: [u64; LEVELS],
}

/// The ground, if the pictures show one: a border of one colour, and something inside that stands out from it. The
/// least share of a part is left to the caller.
pub(super) fn learn(canvases: &[Canvas]) -> Option<GroundSpec> {
    let borders: Vec<[f32; 3]> = canvases.iter().map(border_colour).collect();
    let colour = std::array::from_fn(|channel| {
        median(borders.iter().map(|colour| colour[channel]).collect())
    });
    let counts = canvases
        .par_iter()
        .zip(&borders)
        .map_init(
            || None,
            |contrast: &mut Option<GroundContrast>, (canvas, &ground)| {
                let contrast = contrast.get_or_insert_with(|| GroundContrast::new(canvas.size));
                Counts::of(contrast.against(canvas, ground), canvas.size)
            },
        )
        .reduce(Counts::none, Counts::and);
    let contrast = counts.contrast()?;
    Some(GroundSpec {
        colour,
        contrast: contrast as f32,
        part_share_min: 0.0,
    })
}

fn median(mut levels: Vec<f32>) -> f32 {
    let middle = levels.len() / 2;
    match levels.get(middle) {
        Some(_) => *levels.select_nth_unstable_by(middle, f32::total_cmp).1,
        None => 0.0,
    }
}

impl Counts {
    fn none() -> Self {
        Self {
            border: [0; LEVELS],
            inside: [0; LEVELS],
        }
    }

    fn of(contrast: &[f32], size: usize) -> Self {
        let mut counts = Self::none();
        for (i, &contrast) in contrast.iter().enumerate() {
            let counts = if is_border(i % size, i / size, size) {
                &mut counts.border
            } else {
                &mut counts.inside
            };
            counts[(contrast as usize).min(LEVELS - 1)] += 1;
        }
        counts
    }

    fn and(mut self, other: Self) -> Self {
        let sum = |to: &mut [u64; LEVELS], from: [u64; LEVELS]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        sum(&mut self.border, other.border);
        sum(&mut self.inside, other.inside);
        self
    }

    /// The level that parts best from ground (Otsu, 1979), if they are as a part on a ground would be.
    fn contrast(&self) -> Option<usize> {
        let contrast = otsu(&std::array::from_fn(|i| self.border[i] + self.inside[i]))?;
        let share = |counts: &[u64; LEVELS], from: usize| {
            let total: u64 = counts.iter().sum();
            counts[from..].iter().sum::<u64>() as f64 / total.max(1) as f64
        };
        let border = share(&self.border, contrast);
        let inside = share(&self.inside, contrast);
        let is_ground = 1.0 - share(&self.border, contrast / 2) >= BORDER_GROUND_MIN;
        let stands_out = inside >= PART_MIN && inside >= INSIDE_MIN * border;
        (contrast >= CONTRAST_MIN && is_ground && stands_out).then_some(contrast)
    }
}

/// The first level of the upper class, where the variance between the two classes is largest: in the middle of the gap
/// between them, where there is one.
fn otsu(counts: &[u64; LEVELS]) -> Option<usize> {
    let moment = |counts: &[u64], first: usize| {
        let weight: u64 = counts.iter().sum();
        let sum: f64 = (first..)
            .zip(counts)
            .map(|(level, &n)| level as f64 * n as f64)
            .sum();
        (weight as f64, sum)
    };
    let between = |from: usize| {
        let (below, above) = counts.split_at(from);
        let ((n, sum), (m, other)) = (moment(below, 0), moment(above, from));
        (n > 0.0 && m > 0.0).then(|| n * m * (sum / n - other / m).powi(2))
    };
    let known: Vec<(usize, f64)> = (1..LEVELS)
        .filter_map(|from| between(from).map(|variance| (from, variance)))
        .collect();
    let largest = known
        .iter()
        .map(|(_, variance)| *variance)
        .max_by(f64::total_cmp)?;
    let mut best = known.iter().filter(|(_, variance)| *variance == largest);
    let first = best.next()?.0;
    Some(first.midpoint(best.next_back().map_or(first, |last| last.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pictures of side 64 by a rule from x, y and the picture's index.
    fn pictures(level: impl Fn(usize, usize, usize) -> f32) -> Vec<Canvas> {
        let picture = |index| {
            let mut canvas = Canvas::new(64);
            let plane = 64 * 64;
            for i in 0..3 * plane {
                canvas.rgb[i] = level(i % 64, i % plane / 64, index);
            }
            canvas
        };
        (0..6).map(picture).collect()
    }

    fn noise(x: usize, y: usize, index: usize) -> f32 {
        ((x * 31 + y * 17 + index * 7) % 11) as f32 - 5.0
    }

    fn bar(x: usize, y: usize, ground: f32, part: f32) -> f32 {
        let inside = (10..54).contains(&x) && (24..34).contains(&y);
        if inside { part } else { ground }
    }

    #[test]
    fn a_dark_part_on_a_light_ground_is_told_from_it() {
        let ground = learn(&pictures(|x, y, i| {
            bar(x, y, 180.0 + 4.0 * i as f32, 60.0) + noise(x, y, i)
        }))
        .unwrap();
        assert!((188.0..=194.0).contains(&ground.colour[0]), "{ground:?}");
        assert!((16.0..110.0).contains(&ground.contrast), "{ground:?}");
    }

    #[test]
    fn textures_and_parts_that_fill_the_picture_have_no_ground() {
        assert_eq!(
            learn(&pictures(|x, y, i| 120.0 + 8.0 * noise(x, y, i))),
            None
        );
        let striped = |x: usize, _, _| {
            if (x / 16).is_multiple_of(2) {
                60.0
            } else {
                180.0
            }
        };
        assert_eq!(learn(&pictures(striped)), None);
        assert_eq!(
            learn(&pictures(|x, y, _| (x + y) as f32)),
            None,
            "a course of light"
        );
    }

    #[test]
    fn empty_pictures_have_no_ground_that_could_be_told_from_a_part() {
        assert_eq!(learn(&pictures(|x, y, i| 150.0 + noise(x, y, i))), None);
        assert_eq!(learn(&pictures(|_, _, _| 150.0)), None);
        assert_eq!(learn(&[]), None);
    }
}
