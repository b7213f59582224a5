//! A cellular pattern (Worley, "A cellular texture basis function", SIGGRAPH 1996): distances to
//! points scattered one to each square of a grid.

use twinspect_nn::Rng;

/// Squares of the grid along a side, a power of two; the pattern repeats after them.
const GRID: usize = 32;

/// Scattered points and what is made of their distances.
#[derive(Debug)]
pub(super) struct Cells {
    /// Squares across the picture's side.
    across: f32,
    /// Whether borders between cells are drawn, or round grains.
    borders: bool,
    /// Each square's point, from its upper left corner.
    points: Vec<[f32; 2]>,
}

impl Cells {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self {
            across: rng.uniform_in(8.0, 28.0),
            borders: rng.uniform() < 0.5,
            points: (0..GRID * GRID)
                .map(|_| [rng.uniform_in(0.0, 1.0), rng.uniform_in(0.0, 1.0)])
                .collect(),
        }
    }

    /// From about 0 to 1; the place in sides of the picture.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x * self.across, y * self.across);
        let (column, row) = (x.floor(), y.floor());
        let wrap = |square: i32| (square & (GRID as i32 - 1)) as usize;
        let (mut nearest, mut next) = (f32::MAX, f32::MAX);
        for down in -1..=1 {
            for right in -1..=1 {
                let square = wrap(row as i32 + down) * GRID + wrap(column as i32 + right);
                let [px, py] = self.points[square];
                let dx = column + right as f32 + px - x;
                let dy = row + down as f32 + py - y;
                let distance = dx * dx + dy * dy;
                if distance < nearest {
                    (nearest, next) = (distance, nearest);
                } else {
                    next = next.min(distance);
                }
            }
        }
        if self.borders {
            next.sqrt() - nearest.sqrt()
        } else {
            nearest.sqrt()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grains_are_nothing_at_their_points_and_borders_between_two() {
        let mut cells = Cells {
            across: 4.0,
            borders: false,
            points: vec![[0.5, 0.5]; GRID * GRID],
        };
        // Points of a regular grid, a quarter of the side apart.
        assert!(cells.at(0.125, 0.125).abs() < 1e-6);
        assert!((cells.at(0.25, 0.125) - 0.5).abs() < 1e-6);
        cells.borders = true;
        assert!(cells.at(0.25, 0.125).abs() < 1e-6);
        assert!((cells.at(0.125, 0.125) - 1.0).abs() < 1e-6);
    }
}
