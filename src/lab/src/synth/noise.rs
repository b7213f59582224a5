//! Gradient noise with octaves at any angle (Perlin, SIGGRAPH 1985).
//!
//! Every node of a lattice has a unit gradient; inside a cell its four nodes' ramps are blended by
//! `f(t) = 6 t^5 - 15 t^4 + 10 t^3` and scaled by `sqrt(2)`, so that values stay within -1 and 1.
//! The lattice is turned, not the picture, and goes on for ever: no corner stays empty.

use twinspect_nn::Rng;

/// Cells of the coarsest octave along one side of the picture.
const CELLS: [usize; 4] = [2, 4, 8, 16];
/// Steps of [`CELLS`] that the two axes may lie apart: 1:4 at most.
const ASPECT_STEPS: usize = 2;
/// Amplitude of an octave over the coarser one's.
const PERSISTENCE: f32 = 0.5;

/// What determines a noise, whatever the size of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NoiseSpec {
    /// Cells across the picture's side along the lattice's own axes, in the coarsest octave.
    pub(super) cells: [usize; 2],
    /// Octaves; each has twice the cells of the one before.
    pub(super) octaves: usize,
    /// Angle of the lattice in radians.
    pub(super) turn: f32,
    /// Seed of gradients and offsets.
    pub(super) seed: u64,
}

impl NoiseSpec {
    /// One to three octaves from 2 to 16 cells, at most 1:4, at any angle.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let first = rng.below(CELLS.len());
        let lowest = first.saturating_sub(ASPECT_STEPS);
        let highest = (first + ASPECT_STEPS).min(CELLS.len() - 1);
        let second = lowest + rng.below(highest - lowest + 1);
        let octaves = 1 + rng.below(3);
        Self::of([CELLS[first], CELLS[second]], octaves, rng)
    }

    /// A given lattice at any angle.
    pub(super) fn of(cells: [usize; 2], octaves: usize, rng: &mut Rng) -> Self {
        Self {
            cells,
            octaves,
            turn: rng.uniform_in(0.0, std::f32::consts::PI),
            seed: rng.next_u64(),
        }
    }
}

/// A noise over a picture of S x S pixels.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    size: usize,
    sin_cos: (f32, f32),
    octaves: Vec<(f32, Lattice)>,
}

impl Noise {
    pub(super) fn new(spec: &NoiseSpec, size: usize) -> Self {
        let mut rng = Rng::new(spec.seed);
        let weights = (0..spec.octaves).map(|octave| PERSISTENCE.powi(octave as i32));
        let total: f32 = weights.clone().sum();
        let octaves = weights.enumerate().map(|(octave, weight)| {
            let cells = spec.cells.map(|cells| cells << octave);
            (weight / total, Lattice::draw(cells, &mut rng))
        });
        Self {
            size,
            sin_cos: spec.turn.sin_cos(),
            octaves: octaves.collect(),
        }
    }

    /// The value at a place in pixels, from -1 to 1.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let side = self.size as f32;
        let (x, y) = ((x + 0.5) / side - 0.5, (y + 0.5) / side - 0.5);
        let (sin, cos) = self.sin_cos;
        let (u, v) = (cos * x + sin * y, cos * y - sin * x);
        let octaves = self.octaves.iter();
        octaves
            .map(|(weight, lattice)| weight * lattice.at(u, v))
            .sum()
    }

    /// All values, rows from the top.
    pub(super) fn field(&self) -> Vec<f32> {
        let place = |i: usize| ((i % self.size) as f32, (i / self.size) as f32);
        (0..self.size * self.size)
            .map(|i| {
                let (x, y) = place(i);
                self.at(x, y)
            })
            .collect()
    }
}

/// One octave: gradients at nodes that repeat beyond anything a picture shows.
#[derive(Debug, Clone)]
struct Lattice {
    cells: [f32; 2],
    offset: [f32; 2],
    /// Nodes along both axes, powers of two.
    nodes: [usize; 2],
    gradients: Vec<[f32; 2]>,
}

impl Lattice {
    fn draw(cells: [usize; 2], rng: &mut Rng) -> Self {
        // A picture's diagonal, and a node on either side.
        let nodes = cells.map(|cells| (3 * cells / 2 + 3).next_power_of_two());
        let offset = nodes.map(|nodes| rng.uniform_in(0.0, nodes as f32));
        let gradient = |_| {
            let (sin, cos) = rng.uniform_in(0.0, std::f32::consts::TAU).sin_cos();
            [cos, sin]
        };
        Self {
            cells: cells.map(|cells| cells as f32),
            offset,
            nodes,
            gradients: (0..nodes[0] * nodes[1]).map(gradient).collect(),
        }
    }

    /// `u` and `v` in sides of the picture.
    fn at(&self, u: f32, v: f32) -> f32 {
        let (u, v) = (
            u * self.cells[0] + self.offset[0],
            v * self.cells[1] + self.offset[1],
        );
        let (column, row) = (u.floor(), v.floor());
        let (u, v) = (u - column, v - row);
        let ramp = |right: i32, down: i32| {
            let wrap = |node: i32, nodes: usize| (node & (nodes as i32 - 1)) as usize;
            let x = wrap(column as i32 + right, self.nodes[0]);
            let y = wrap(row as i32 + down, self.nodes[1]);
            let [gx, gy] = self.gradients[y * self.nodes[0] + x];
            gx * (u - right as f32) + gy * (v - down as f32)
        };
        let (across, along) = (fade(u), fade(v));
        let upper = mix(ramp(0, 0), ramp(1, 0), across);
        let lower = mix(ramp(0, 1), ramp(1, 1), across);
        std::f32::consts::SQRT_2 * mix(upper, lower, along)
    }
}

fn fade(t: f32) -> f32 {
    t * t * t * (t * (6.0 * t - 15.0) + 10.0)
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + share * (b - a)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinspect_nn::Rng;

    use super::*;

    fn deviation(values: &[f32]) -> f64 {
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let squares = values.iter().map(|&v| (f64::from(v) - mean).powi(2));
        (squares.sum::<f64>() / count).sqrt()
    }

    /// Pooled over draws: the deviation of one picture with few cells varies.
    #[test]
    fn one_octave_has_a_deviation_of_three_tenths() {
        for cells in [4, 8, 16] {
            let mut rng = Rng::new(7);
            let pooled: Vec<f32> = (0..24)
                .flat_map(|_| Noise::new(&NoiseSpec::of([cells, cells], 1, &mut rng), 128).field())
                .collect();
            let found = deviation(&pooled);
            assert!((found - 0.30).abs() < 0.03, "{cells} cells: {found}");
        }
    }

    #[test]
    fn a_cell_is_what_the_formula_says() {
        let lattice = Lattice {
            cells: [1.0, 1.0],
            offset: [0.0, 0.0],
            nodes: [2, 2],
            gradients: vec![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]],
        };
        assert_eq!(lattice.at(0.0, 0.0), 0.0);
        assert_eq!(lattice.at(1.0, 1.0), 0.0);
        // Middle of the cell: all four ramps weigh a quarter.
        let ramps = 0.5 + 0.5 - 0.5 + (-0.5 * 0.6 - 0.5 * 0.8);
        let expected = std::f32::consts::SQRT_2 * 0.25 * ramps;
        assert!((lattice.at(0.5, 0.5) - expected).abs() < 1e-6);
        // On the upper edge only the upper nodes count: f(1/4) = 0.103515625.
        let expected = std::f32::consts::SQRT_2 * mix(0.25, 0.0, 0.103_515_625);
        assert!((lattice.at(0.25, 0.0) - expected).abs() < 1e-6);
    }

    #[test]
    fn corners_are_as_lively_as_the_middle_at_any_angle() {
        let mut rng = Rng::new(3);
        let corner: Vec<f32> = (0..400)
            .map(|_| Noise::new(&NoiseSpec::draw(&mut rng), 64).at(0.0, 0.0))
            .collect();
        assert!(deviation(&corner) > 0.2, "{}", deviation(&corner));
        assert!(corner.iter().filter(|value| **value == 0.0).count() < 4);
    }

    proptest! {
        #[test]
        fn values_are_bounded_and_repeatable(seed: u64) {
            let spec = NoiseSpec::draw(&mut Rng::new(seed));
            let field = Noise::new(&spec, 64).field();
            prop_assert!(field.iter().all(|value| value.abs() <= 1.0));
            prop_assert!(deviation(&field) > 0.05);
            prop_assert_eq!(field, Noise::new(&spec, 64).field());
            let [a, b] = spec.cells;
            prop_assert!(a <= 4 * b && b <= 4 * a, "{} {}", a, b);
        }
    }
}
