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
