//! A branch that joins its trunk with a learned strength.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::join::pass_on;
use crate::kernels::{add_scaled, blend, dot_products};
use crate::param::{Entry, Param, Parameters, scoped};

/// Values that one task handles.
const CHUNK: usize = 1 << 14;

/// `y = x + gamma * branch` with one learned number `gamma`, which starts at 0 (Zhang et al. 2019, SAGAN): an untrained
/// branch changes nothing, and learns nothing before the first step has moved `gamma`.
#[derive(Clone, Debug)]
pub struct GatedAdd {
    gamma: Param,
}

impl Default for GatedAdd {
    fn default() -> Self {
        Self {
            gamma: Param::new(vec![0.0]),
        }
    }
}

impl GatedAdd {
    /// A closed gate: `gamma = 0`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The branch's strength.
    pub fn gamma(&self) -> f32 {
        self.gamma.value[0]
    }

    /// Sets the branch's strength.
    pub fn set_gamma(&mut self, gamma: f32) {
        self.gamma.value[0] = gamma;
    }

    /// Writes `y = x + gamma * branch`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn forward(&self, x: &Activation, branch: &Activation, y: &mut Activation) {
        assert_eq!(x.shape(), branch.shape(), "trunk and branch");
        let gamma = self.gamma();
        let chunks = y.begin(x.shape()).body_mut().par_chunks_mut(CHUNK);
        let terms = x
            .value()
            .body()
            .par_chunks(CHUNK)
            .zip(branch.value().body().par_chunks(CHUNK));
        chunks
            .zip(terms)
            .for_each(|(y, (x, branch))| blend(y, x, 1.0, branch, gamma));
    }

    /// From the gradient of `y`, adds to those of `gamma`, `x` and `branch`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn backward(&mut self, x: &mut Activation, branch: &mut Activation, y: &mut Activation) {
        assert_eq!(branch.shape(), y.shape(), "branch and output");
        let gamma = self.gamma();
        let (_, dy) = y.finished();
        if let (_, Some(slot)) = x.parts() {
            pass_on(slot, dy);
        }
        let (branch, slot) = branch.parts();
        let products: Vec<f64> = (branch.body().par_chunks(CHUNK))
            .zip(dy.body().par_chunks(CHUNK))
            .map(|(branch, dy)| dot_products(branch, dy)[0])
            .collect();
        self.gamma.grad[0] += products.iter().sum::<f64>() as f32;
        if let Some(slot) = slot {
            let grad = slot.into_sum().body_mut().par_chunks_mut(CHUNK);
            grad.zip(dy.body().par_chunks(CHUNK))
                .for_each(|(grad, dy)| add_scaled(grad, dy, gamma));
        }
    }
}

impl Parameters for GatedAdd {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        visitor(&scoped(prefix, "gamma"), Entry::Trained(&mut self.gamma));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::{
        TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences,
        gradient_of, random, seed_gradient, value_of, wide,
    };
    use crate::rng::Rng;
    use crate::tensor::Shape;

    fn case(shape: Shape) -> (Activation, Activation, Activation) {
        let mut rng = Rng::new(21);
        let mut random = || Activation::variable(random(shape, &mut rng));
        (random(), random(), random())
    }

    fn reference([x, branch, gamma]: &[Vec<f64>; 3]) -> Vec<f64> {
        x.iter()
            .zip(branch)
            .map(|(x, b)| x + gamma[0] * b)
            .collect()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for gamma in [0.0, -0.7] {
            let (mut x, mut branch, dy) = case(Shape::new(2, 3, 5, 4));
            let mut y = Activation::new();
            let mut layer = GatedAdd::new();
            layer.set_gamma(gamma);
            layer.forward(&x, &branch, &mut y);
            let point = [
                wide(&value_of(&x)),
                wide(&value_of(&branch)),
                vec![f64::from(gamma)],
            ];
            assert_close("y", &value_of(&y), &reference(&point), TOLERANCE);
            seed_gradient(&mut y, dy.value());
            layer.backward(&mut x, &mut branch, &mut y);
            let dy = wide(&value_of(&dy));
            let got = [
                gradient_of(&x),
                gradient_of(&branch),
                layer.gamma.grad.clone(),
            ];
            for (i, got) in got.iter().enumerate() {
                let mut moved = point.clone();
                let want = finite_differences(&point[i], |values| {
                    moved[i].copy_from_slice(values);
                    dot(&reference(&moved), &dy)
                });
                let name = ["dx", "dbranch", "dgamma"][i];
                assert_close(&format!("gamma {gamma}: {name}"), got, &want, TOLERANCE);
            }
        }
    }

    #[test]
    fn a_new_gate_is_closed() {
        let (x, branch, _) = case(Shape::new(2, 3, 5, 4));
        let mut y = Activation::new();
        GatedAdd::new().forward(&x, &branch, &mut y);
        assert_eq!(value_of(&y), value_of(&x));
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        assert_same_with_any_threads("gated sum", || {
            let (mut x, mut branch, dy) = case(Shape::new(5, 33, 31, 16));
            let (mut layer, mut y) = (GatedAdd::new(), Activation::new());
            layer.set_gamma(0.3);
            layer.forward(&x, &branch, &mut y);
            seed_gradient(&mut y, dy.value());
            layer.backward(&mut x, &mut branch, &mut y);
            vec![value_of(&y), gradient_of(&branch), layer.gamma.grad.clone()]
        });
    }
}
