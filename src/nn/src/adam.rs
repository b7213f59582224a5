//! The optimiser: Adam (Kingma and Ba 2015).

use rayon::prelude::*;

use crate::kernels::{AdamRule, adam_update, sum_of_squares};
use crate::param::{Entry, Parameters};

/// Adam's constants and its step count. The moments live in the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the first moment, in `[0, 1)`.
    pub beta1: f32,
    /// Decay of the second moment, in `[0, 1)`.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Largest Euclidean norm of the whole gradient; a longer one is scaled down to it.
    pub max_norm: Option<f32>,
    /// Steps done, to be saved with a run.
    pub steps: u64,
}

impl Default for Adam {
    /// Betas 0.9 and 0.999, epsilon 1e-8, no clipping.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            max_norm: None,
            steps: 0,
        }
    }
}

impl Adam {
    /// Adam with the given decays (RD4AD uses 0.5 and 0.999).
    pub fn new(beta1: f32, beta2: f32) -> Self {
        Self {
            beta1,
            beta2,
            ..Self::default()
        }
    }

    /// Changes every parameter of `net` by its gradient with learning rate `rate`, and clears the gradients.
    pub fn step(&mut self, net: &mut dyn Parameters, rate: f32) {
        self.steps += 1;
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(self.steps as f64);
        let rule = AdamRule {
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            step: (f64::from(rate) / correction(self.beta1)) as f32,
            second_scale: (1.0 / correction(self.beta2).sqrt()) as f32,
            grad_scale: self
                .max_norm
                .map_or(1.0, |max_norm| clip_scale(net, max_norm)),
        };
        net.visit("", &mut |_, entry| {
            if let Entry::Trained(param) = entry {
                let values = param
                    .value
                    .par_chunks_mut(CHUNK)
                    .zip(param.grad.par_chunks_mut(CHUNK));
                let moments = param
                    .first
                    .par_chunks_mut(CHUNK)
                    .zip(param.second.par_chunks_mut(CHUNK));
                values
                    .zip(moments)
                    .for_each(|((value, grad), (first, second))| {
                        adam_update(value, grad, first, second, &rule);
                    });
            }
        });
    }
}

/// Values that one task handles.
const CHUNK: usize = 1 << 15;

fn clip_scale(net: &mut dyn Parameters, max_norm: f32) -> f32 {
    let norm = gradient_norm(net);
    if norm > f64::from(max_norm) {
        (f64::from(max_norm) / norm) as f32
    } else {
        1.0
    }
}

/// Euclidean norm of the whole gradient.
pub fn gradient_norm(net: &mut dyn Parameters) -> f64 {
    let mut square = 0.0;
    net.visit("", &mut |_, entry| {
        if let Entry::Trained(param) = entry {
            square += sum_of_squares(&param.grad);
        }
    });
    square.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::Param;

    struct Single(Param);

    impl Parameters for Single {
        fn visit(&mut self, _: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
            visitor("p", Entry::Trained(&mut self.0));
        }
    }

    const GRADIENTS: [[f32; 3]; 4] = [
        [0.5, -0.25, 1e-3],
        [0.1, 0.3, -2e-3],
        [-0.7, 0.2, 4e-3],
        [0.0, -1.5, 1e-4],
    ];

    fn check(mut adam: Adam, want: [[f32; 3]; 4]) {
        let mut net = Single(Param::new(vec![1.0, -2.0, 0.5]));
        for (gradient, want) in GRADIENTS.iter().zip(want) {
            net.0.grad.copy_from_slice(gradient);
            adam.step(&mut net, 0.1);
            for (got, want) in net.0.value.iter().zip(want) {
                assert!(
                    (got - want).abs() < 2e-6,
                    "{:?} instead of {want} after step {}",
                    net.0.value,
                    adam.steps
                );
            }
            assert_eq!(net.0.grad, [0.0; 3]);
        }
    }

    /// The values are those of PyTorch 2.15's Adam (and `clip_grad_norm_`) on the same gradients.
    #[test]
    fn steps_agree_with_pytorch() {
        check(
            Adam::default(),
            [
                [0.9, -1.9, 0.400001],
                [0.8196959, -1.9142945, 0.4366111],
                [0.8348227, -1.953264, 0.3946457],
                [0.8472136, -1.9064363, 0.3590098],
            ],
        );
        check(
            Adam::new(0.5, 0.999),
            [
                [0.9, -1.9, 0.400001],
                [0.83527, -1.9422481, 0.4632367],
                [0.8952605, -2.0071073, 0.3930686],
                [0.927595, -1.914603, 0.3529305],
            ],
        );
        check(
            Adam {
                max_norm: Some(0.4),
                ..Adam::new(0.5, 0.9)
            },
            [
                [0.9, -1.9, 0.4000014],
                [0.8275715, -1.956137, 0.4714528],
                [0.8727478, -2.0148122, 0.4279101],
                [0.8977817, -1.9588513, 0.4028479],
            ],
        );
    }
}
