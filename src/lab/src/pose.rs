//! Turning and moving a canvas as good parts turn and move.

use twinspect_core::prepare::Canvas;
use twinspect_nn::Rng;

use crate::config::PoseConfig;

/// A turn about the middle and a shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    /// Radians, from x towards y.
    pub(crate) turn: f32,
    /// Pixels of S x S along x and y.
    pub(crate) shift: [f32; 2],
}

impl Pose {
    /// Draws from the configured range.
    pub(crate) fn draw(config: &PoseConfig, rng: &mut Rng) -> Self {
        let turn = rng
            .uniform_in(-config.rotation_deg, config.rotation_deg)
            .to_radians();
        let mut shift = || rng.uniform_in(-config.shift_px, config.shift_px);
        Self {
            turn,
            shift: [shift(), shift()],
        }
    }

    /// Writes the posed picture. Colour and height by Catmull-Rom splines, which keep the sensor's
    /// noise where linear weights would smooth it away; validity by the nearest pixel. What comes
    /// from beyond the border is mirrored.
    pub(crate) fn apply(&self, source: &Canvas, target: &mut Canvas) {
        let side = source.size;
        let pixels = side * side;
        target.rgb_state = source.rgb_state;
        target.depth_state = source.depth_state;
        target.belt = source.belt;
        target.valid_share = source.valid_share;
        target.pitch_mm = source.pitch_mm;
        // A turn is a turn in millimetres: pixels of a stretched region need not be square.
        let aspect = source.pitch_mm.1 / source.pitch_mm.0;
        let (sin, cos) = self.turn.sin_cos();
        let middle = 0.5 * (side as f32 - 1.0);
        for y in 0..side {
            for x in 0..side {
                let dx = x as f32 - middle - self.shift[0];
                let dy = (y as f32 - middle - self.shift[1]) * aspect;
                let from_x = cos * dx + sin * dy + middle;
                let from_y = (cos * dy - sin * dx) / aspect + middle;
                let spline = Spline::at(from_x, from_y, side);
                let index = y * side + x;
                for channel in 0..3 {
                    let plane = &source.rgb[channel * pixels..][..pixels];
                    target.rgb[channel * pixels + index] =
                        spline.value(plane, side).clamp(0.0, 255.0);
                }
                target.height[index] = spline.value(&source.height, side);
                target.valid[index] = source.valid[spline.nearest];
            }
        }
    }
}

/// Sixteen neighbours and their weights.
struct Spline {
    columns: [usize; 4],
    rows: [usize; 4],
    column_weights: [f32; 4],
    row_weights: [f32; 4],
    nearest: usize,
}

impl Spline {
    fn at(x: f32, y: f32, side: usize) -> Self {
        let (columns, column_weights) = neighbours(x, side);
        let (rows, row_weights) = neighbours(y, side);
        let nearest =
            mirrored(y.round() as isize, side) * side + mirrored(x.round() as isize, side);
        Self {
            columns,
            rows,
            column_weights,
            row_weights,
            nearest,
        }
    }

    fn value(&self, plane: &[f32], side: usize) -> f32 {
        let mut sum = 0.0;
        for (&row, &row_weight) in self.rows.iter().zip(&self.row_weights) {
            let line = &plane[row * side..][..side];
            let mut along = 0.0;
            for (&column, &weight) in self.columns.iter().zip(&self.column_weights) {
                along += weight * line[column];
            }
            sum += row_weight * along;
        }
        sum
    }
}

fn neighbours(position: f32, side: usize) -> ([usize; 4], [f32; 4]) {
    let floor = position.floor();
    let t = position - floor;
    let at = floor as isize;
    let weights = [
        0.5 * t * (t * (2.0 - t) - 1.0),
        0.5 * (t * t * (3.0 * t - 5.0) + 2.0),
        0.5 * t * (t * (4.0 - 3.0 * t) + 1.0),
        0.5 * t * t * (t - 1.0),
    ];
    (
        [-1, 0, 1, 2].map(|offset| mirrored(at + offset, side)),
        weights,
    )
}

/// A row or column beyond the border, folded back inside.
pub(crate) fn mirrored(index: isize, side: usize) -> usize {
    let last = side as isize - 1;
    let period = index.rem_euclid(2 * last);
    (if period > last {
        2 * last - period
    } else {
        period
    }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> Canvas {
        let mut canvas = Canvas::new(64);
        for (i, height) in canvas.height.iter_mut().enumerate() {
            let (x, y) = ((i % 64) as f32 - 20.0, (i / 64) as f32 - 40.0);
            *height = (-(x * x + y * y) / 50.0).exp();
        }
        canvas.valid.fill(1.0);
        canvas.pitch_mm = (0.5, 0.5);
        canvas
    }

    fn peak(canvas: &Canvas) -> (usize, usize) {
        let at = (0..64 * 64)
            .max_by(|&a, &b| canvas.height[a].total_cmp(&canvas.height[b]))
            .unwrap();
        (at % 64, at / 64)
    }

    #[test]
    fn no_pose_changes_nothing() {
        let (source, mut target) = (canvas(), Canvas::new(64));
        Pose {
            turn: 0.0,
            shift: [0.0, 0.0],
        }
        .apply(&source, &mut target);
        assert_eq!(source, target);
    }

    #[test]
    fn shifts_and_turns_move_the_part_where_they_say() {
        let (source, mut target) = (canvas(), Canvas::new(64));
        Pose {
            turn: 0.0,
            shift: [5.0, -3.0],
        }
        .apply(&source, &mut target);
        assert_eq!(peak(&target), (25, 37));
        // A quarter turn from x towards y about (31.5, 31.5): (-11.5, 8.5) becomes (-8.5, -11.5).
        Pose {
            turn: std::f32::consts::FRAC_PI_2,
            shift: [0.0, 0.0],
        }
        .apply(&source, &mut target);
        assert_eq!(peak(&target), (23, 20));
    }

    #[test]
    fn a_turn_keeps_lengths_in_millimetres_on_stretched_pixels() {
        let (mut source, mut target) = (canvas(), Canvas::new(64));
        source.pitch_mm = (0.5, 1.0);
        Pose {
            turn: std::f32::consts::FRAC_PI_2,
            shift: [0.0, 0.0],
        }
        .apply(&source, &mut target);
        // (-11.5, 8.5) px is (-5.75, 8.5) mm; turned (-8.5, -5.75) mm is (-17, -5.75) px.
        assert_eq!(peak(&target), (15, 26));
    }

    #[test]
    fn mirroring_stays_inside() {
        let folded: Vec<usize> = (-3..8).map(|i| mirrored(i, 4)).collect();
        assert_eq!(folded, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
    }
}
