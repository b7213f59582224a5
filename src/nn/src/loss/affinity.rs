//! Consistency of non-local affinities: which places of an image look alike should be the same for the student as for the
//! teacher, whatever the features themselves are.

use rayon::prelude::*;

use super::UNIT_EPSILON;
use crate::activation::{Activation, by_image};
use crate::kernels::{Matrix, add_scaled, dot_products, matmul, sum_of_squares};
use crate::tensor::{Shape, Tensor};

/// Most rows and columns of the maps that are compared: larger ones are averaged over blocks first.
pub const AFFINITY_SIDE: usize = 16;

/// `scale * mean over samples and pairs of places of (a_student - a_target)^2`, where `a` is the cosine of the feature
/// vectors at two places of one image. Maps of more than [`AFFINITY_SIDE`] rows or columns are averaged over as many
/// blocks, equal but for a pixel. Student and target may differ in channels.
///
/// # Panics
/// If batches, rows or columns differ.
pub fn affinity(student: &mut Activation, target: &Tensor, scale: f32) -> f32 {
    let shape = student.shape();
    let targets = target.shape();
    assert_eq!(
        shape.with_channels(targets.c),
        targets,
        "target of an affinity"
    );
    let grid = Grid::new(shape);
    let places = grid.places();
    let share = f64::from(scale) / (shape.n * places * places).max(1) as f64;
    let (value, slot) = student.parts();
    let images = by_image(slot, shape.n).into_par_iter().enumerate();
    let terms: Vec<f64> = images
        .map(|(n, grad)| {
            let (own, wanted) = (
                Directions::new(value, n, &grid),
                Directions::new(target, n, &grid),
            );
            let mut difference = own.affinity();
            add_scaled(&mut difference, &wanted.affinity(), -1.0);
            if let Some(image) = grad {
                own.add_gradient(&difference, (4.0 * share) as f32, &grid, image);
            }
            share * sum_of_squares(&difference)
        })
        .collect();
    terms.iter().sum::<f64>() as f32
}

/// The blocks over which a map is averaged.
struct Grid {
    map: Shape,
    rows: usize,
    columns: usize,
}

impl Grid {
    fn new(map: Shape) -> Self {
        Self {
            map,
            rows: map.h.min(AFFINITY_SIDE),
            columns: map.w.min(AFFINITY_SIDE),
        }
    }

    fn places(&self) -> usize {
        self.rows * self.columns
    }

    /// Calls `f(row, column, place, share)` for every pixel with the block that it belongs to and its share in that.
    fn for_each_pixel(&self, mut f: impl FnMut(usize, usize, usize, f32)) {
        let edge = |i: usize, size: usize, blocks: usize| i * size / blocks;
        for place in 0..self.places() {
            let (i, j) = (place / self.columns, place % self.columns);
            let rows = edge(i, self.map.h, self.rows)..edge(i + 1, self.map.h, self.rows);
            let columns = edge(j, self.map.w, self.columns)..edge(j + 1, self.map.w, self.columns);
            let share = 1.0 / (rows.len() * columns.len()) as f32;
            for y in rows {
                columns.clone().for_each(|x| f(y, x, place, share));
            }
        }
    }
}

/// The mean feature vectors of an image's blocks as unit vectors `u = m / sqrt(|m|^2 + epsilon)`.
struct Directions {
    channels: usize,
    units: Vec<f32>,
    inverse_lengths: Vec<f32>,
}

impl Directions {
    fn new(x: &Tensor, n: usize, grid: &Grid) -> Self {
        let channels = x.shape().c;
        let mut units = vec![0.0; grid.places() * channels];
        grid.for_each_pixel(|y, column, place, share| {
            let mean = &mut units[place * channels..][..channels];
            add_scaled(mean, x.pixel(n, y, column), share);
        });
        let inverse_lengths = units.chunks_exact_mut(channels).map(|unit| {
            let inverse = 1.0 / (sum_of_squares(unit) + f64::from(UNIT_EPSILON)).sqrt();
            unit.iter_mut().for_each(|v| *v *= inverse as f32);
            inverse as f32
        });
        Self {
            inverse_lengths: inverse_lengths.collect(),
            channels,
            units,
        }
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::dense(&self.units, self.inverse_lengths.len(), self.channels)
    }

    /// The cosines of all pairs of places.
    fn affinity(&self) -> Vec<f32> {
        let mut cosines = vec![0.0; self.inverse_lengths.len().pow(2)];
        matmul(
            &mut cosines,
            self.matrix(),
            self.matrix().transposed(),
            false,
        );
        cosines
    }

    /// Adds to an image's gradient that of `factor / 4 * |difference|^2`: `g = factor * difference * u` for unit vectors,
    /// `(g - u <u, g>) / length` for means, a share of that for pixels.
    fn add_gradient(&self, difference: &[f32], factor: f32, grid: &Grid, image: &mut [f32]) {
        let (places, c) = (self.inverse_lengths.len(), self.channels);
        let mut gradient = vec![0.0; self.units.len()];
        let difference = Matrix::dense(difference, places, places);
        matmul(&mut gradient, difference, self.matrix(), false);
        let rows = gradient.chunks_exact_mut(c).zip(self.units.chunks_exact(c));
        for ((gradient, unit), inverse) in rows.zip(&self.inverse_lengths) {
            let along = dot_products(gradient, unit)[0] as f32;
            let values = gradient.iter_mut().zip(unit);
            values.for_each(|(g, u)| *g = factor * inverse * (*g - along * u));
        }
        grid.for_each_pixel(|y, x, place, share| {
            let out = &mut image[(y * grid.map.pitch() + x) * c..][..c];
            add_scaled(out, &gradient[place * c..][..c], share);
        });
    }
}

#[cfg(test)]
mod tests;
