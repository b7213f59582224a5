//! Learning rates over a run.

use std::f64::consts::PI;

/// How the learning rate changes from the first to the last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// Always the base rate.
    Constant,
    /// From the base rate to `fraction` of it, by the same factor every step.
    Exponential {
        /// Last rate over base rate, above 0.
        fraction: f64,
    },
    /// Smith's one-cycle policy (2018) with half cosines: from 1/25 of the base rate up to it during the first
    /// `warm_up` of the run, then down to 1/10000 of the start.
    OneCycle {
        /// Share of the run that goes up, in `[0, 1]`; 0.3 is usual.
        warm_up: f64,
    },
}

impl Schedule {
    /// The rate of step `step` (from 0) of `steps`.
    pub fn rate(self, base: f32, step: u64, steps: u64) -> f32 {
        let progress = if steps > 1 {
            (step as f64 / (steps - 1) as f64).min(1.0)
        } else {
            0.0
        };
        let factor = match self {
            Self::Constant => 1.0,
            Self::Exponential { fraction } => fraction.powf(progress),
            Self::OneCycle { warm_up } if progress < warm_up => {
                between(START, 1.0, progress / warm_up)
            }
            Self::OneCycle { warm_up } => {
                let rest = 1.0 - warm_up;
                between(
                    1.0,
                    START * END,
                    if rest > 0.0 {
                        (progress - warm_up) / rest
                    } else {
                        0.0
                    },
                )
            }
        };
        (f64::from(base) * factor) as f32
    }
}

const START: f64 = 1.0 / 25.0;
const END: f64 = 1e-4;

fn between(from: f64, to: f64, progress: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + (PI * progress).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_pass_through_their_corners() {
        let close = |a: f32, b: f32| assert!((a - b).abs() <= 1e-6 * b, "{a} and {b}");
        for step in [0, 5, 10, 99] {
            close(Schedule::Constant.rate(0.5, step, 11), 0.5);
        }
        let falling = Schedule::Exponential { fraction: 0.01 };
        for (step, rate) in [(0, 2.0), (5, 0.2), (10, 0.02), (50, 0.02)] {
            close(falling.rate(2.0, step, 11), rate);
        }
        close(falling.rate(2.0, 0, 1), 2.0);
        let cycle = Schedule::OneCycle { warm_up: 0.3 };
        for (step, rate) in [(0, 0.04), (30, 1.0), (65, 0.500_002), (100, 4e-6)] {
            close(cycle.rate(1.0, step, 101), rate);
        }
        assert!((1..30).all(|step| cycle.rate(1.0, step, 101) > cycle.rate(1.0, step - 1, 101)));
    }
}
