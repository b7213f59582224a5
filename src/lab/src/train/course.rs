//! The steps of one branch: batches, optimiser, checkpoints, interruption.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use twinspect_nn::{Adam, RestoreError, Rng, Schedule, restore, snapshot};

use super::branch::Branch;
use super::checkpoint::{Checkpoint, CheckpointError};

/// Share of the run in which the learning rate rises.
const WARM_UP: f64 = 0.1;
/// Wall time between two checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// A course that could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CourseError {
    /// The checkpoint's file.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not fit the network.
    #[error("restoring checkpoint {}", path.display())]
    Restore {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: RestoreError,
    },
    /// The checkpoint belongs to another run.
    #[error("checkpoint {} belongs to another configuration or other data", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The loss is no number.
    #[error("the loss is not a number at step {step}")]
    Diverged {
        /// The step.
        step: u64,
    },
}

impl CourseError {
    /// Whether the file system refused.
    pub(crate) fn is_storage(&self) -> bool {
        matches!(self, Self::Checkpoint(CheckpointError::File { .. }))
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Restore { path, .. } | Self::Foreign { path } => Some(format!(
                "choose another --out, train with what {} was learnt with, or delete it",
                path.display()
            )),
            Self::Diverged { .. } => Some("lower the branch's learning_rate".into()),
        }
    }
}

/// How one branch is trained.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// Parts in a step.
    pub(crate) batch: usize,
    /// Number of steps.
    pub(crate) steps: u64,
    /// Highest learning rate.
    pub(crate) learning_rate: f32,
    /// Decays of Adam's moments.
    pub(crate) betas: (f32, f32),
    /// Seed of the order of samples.
    pub(crate) seed: u64,
    /// Identity of configuration and data.
    pub(crate) run: String,
    /// Where checkpoints go.
    pub(crate) checkpoint: PathBuf,
}

/// How a course ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// All steps done.
    Finished(Vec<f32>),
    /// Stopped by the user; the checkpoint holds what was done.
    Interrupted {
        /// Steps done.
        step: u64,
    },
}

impl Course {
    /// Trains from the checkpoint, if there is one, or from the start. `progress` sees each step
    /// with its loss. The checkpoint after an interruption leads to the same end as no
    /// interruption: samples depend on seed and step alone.
    pub(crate) fn run(
        &self,
        branch: &mut dyn Branch,
        interrupted: &AtomicBool,
        mut progress: impl FnMut(u64, f32),
    ) -> Result<Outcome, CourseError> {
        let mut adam = Adam::new(self.betas.0, self.betas.1);
        let mut losses = Vec::new();
        if let Some(mut saved) = Checkpoint::read(&self.checkpoint)? {
            if saved.run != self.run {
                return Err(CourseError::Foreign {
                    path: self.checkpoint.clone(),
                });
            }
            losses = saved.state.remove(LOSSES).unwrap_or_default();
            restore(branch, &saved.state).map_err(|source| CourseError::Restore {
                path: self.checkpoint.clone(),
                source,
            })?;
            adam.steps = saved.step;
        }
        let mut saved_at = Instant::now();
        while adam.steps < self.steps {
            if interrupted.load(Ordering::Relaxed) {
                self.save(branch, adam.steps, &losses)?;
                return Ok(Outcome::Interrupted { step: adam.steps });
            }
            let step = adam.steps;
            let loss = branch.learn(&self.samples(step, branch.samples()));
            if !loss.is_finite() {
                return Err(CourseError::Diverged { step });
            }
            let rate =
                Schedule::OneCycle { warm_up: WARM_UP }.rate(self.learning_rate, step, self.steps);
            adam.step(branch, rate);
            losses.push(loss);
            progress(adam.steps, loss);
            if saved_at.elapsed() >= CHECKPOINT_EVERY {
                self.save(branch, adam.steps, &losses)?;
                saved_at = Instant::now();
            }
        }
        self.save(branch, adam.steps, &losses)?;
        Ok(Outcome::Finished(losses))
    }

    fn save(
        &self,
        branch: &mut dyn Branch,
        step: u64,
        losses: &[f32],
    ) -> Result<(), CheckpointError> {
        let mut state = snapshot(branch);
        state.insert(LOSSES.to_owned(), losses.to_vec());
        Checkpoint {
            step,
            run: self.run.clone(),
            state,
        }
        .write(&self.checkpoint)
    }

    /// Samples of a step: a pass takes every sample once, in an order of its own; what a batch
    /// would lack at the end of a pass comes from the next one.
    fn samples(&self, step: u64, count: usize) -> Vec<usize> {
        let order = |pass: u64| Rng::new(self.seed).derive(pass).permutation(count);
        let first = step * self.batch as u64;
        let mut pass = first / count as u64;
        let mut current = order(pass);
        let take = |position: u64| {
            if position / count as u64 != pass {
                pass = position / count as u64;
                current = order(pass);
            }
            current[(position % count as u64) as usize]
        };
        (first..first + self.batch as u64).map(take).collect()
    }
}

/// Name of the losses among the arrays of a checkpoint.
pub(crate) const LOSSES: &str = "losses";

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    use crate::student::{LossWeights, TeacherSample};
    use crate::train::branch::{Build, GeometryBranch, RgbBranch};
    use crate::train::pool::{BankSample, Defective, Samples};

    fn build() -> Build {
        Build {
            side: 16,
            width: 32,
            refinement: true,
            losses: LossWeights::default(),
        }
    }

    /// Views of which every second one has a defect in a corner.
    fn samples<T>(mut view: impl FnMut() -> T) -> Samples<T> {
        let corner = |i: usize| f32::from(u8::from(i / 16 < 4 && i % 16 < 4));
        Samples {
            good: (0..6).map(|_| view()).collect(),
            defective: (0..6)
                .map(|_| Defective {
                    view: view(),
                    changed: (0..16 * 16).map(corner).collect(),
                })
                .collect(),
        }
    }

    fn branch() -> GeometryBranch {
        let mut rng = Rng::new(5);
        let samples = samples(|| BankSample {
            channels: (0..12 * 16 * 16).map(|_| rng.normal() as f32).collect(),
            region: vec![1.0; 16 * 16],
        });
        GeometryBranch::new(build(), samples, &mut Rng::new(9))
    }

    fn rgb_branch() -> RgbBranch {
        let mut rng = Rng::new(6);
        let channels = [8, 8, 16];
        let samples = samples(|| TeacherSample {
            taps: std::array::from_fn(|k| {
                let values = channels[k] * (16 >> k) * (16 >> k);
                let value = |_| f16::from_f64(rng.normal());
                (0..values).map(value).collect()
            }),
            on_part: vec![true; 8 * 8],
        });
        RgbBranch::new(channels, build(), samples, &mut Rng::new(9))
    }

    #[test]
    fn every_layer_learns_and_the_loss_falls() {
        let mut geometry = branch();
        let mut rgb = rgb_branch();
        let branches: [&mut dyn Branch; 2] = [&mut geometry, &mut rgb];
        for branch in branches {
            let folder = tempfile::tempdir().unwrap();
            let before = snapshot(branch);
            let course = Course {
                steps: 30,
                ..course(folder.path())
            };
            let outcome = course
                .run(branch, &AtomicBool::new(false), |_, _| {})
                .unwrap();
            let Outcome::Finished(losses) = outcome else {
                panic!("{outcome:?}");
            };
            let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
            assert!(mean(&losses[25..]) < mean(&losses[..5]) - 0.1, "{losses:?}");
            for (name, values) in snapshot(branch) {
                assert_ne!(values, before[&name], "{name} has not moved");
            }
        }
    }

    fn course(folder: &std::path::Path) -> Course {
        Course {
            batch: 4,
            steps: 6,
            learning_rate: 0.01,
            betas: (0.9, 0.999),
            seed: 3,
            run: "r".into(),
            checkpoint: folder.join("geometry.checkpoint"),
        }
    }

    #[test]
    fn a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() {
        let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let go_on = AtomicBool::new(false);
        let mut once = branch();
        let outcome = course(whole.path())
            .run(&mut once, &go_on, |_, _| {})
            .unwrap();

        let stop = AtomicBool::new(false);
        let mut first = branch();
        let half = course(halves.path())
            .run(&mut first, &stop, |step, _| {
                stop.store(step == 3, Ordering::Relaxed)
            })
            .unwrap();
        assert_eq!(half, Outcome::Interrupted { step: 3 });
        let mut second = branch();
        assert_eq!(
            course(halves.path())
                .run(&mut second, &go_on, |_, _| {})
                .unwrap(),
            outcome
        );
        assert_eq!(snapshot(&mut once), snapshot(&mut second));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let run = |threads: usize| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let mut branch = branch();
                course(folder.path())
                    .run(&mut branch, &AtomicBool::new(false), |_, _| {})
                    .unwrap();
                snapshot(&mut branch)
            })
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn another_runs_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let go_on = AtomicBool::new(false);
        course(folder.path())
            .run(&mut branch(), &go_on, |_, _| {})
            .unwrap();
        let other = Course {
            run: "other".into(),
            ..course(folder.path())
        };
        assert!(matches!(
            other.run(&mut branch(), &go_on, |_, _| {}),
            Err(CourseError::Foreign { .. })
        ));
    }

    #[test]
    fn each_pass_sees_every_sample_once() {
        let folder = tempfile::tempdir().unwrap();
        let course = course(folder.path());
        let mut seen: Vec<usize> = (0..3).flat_map(|step| course.samples(step, 6)).collect();
        let second = seen.split_off(6);
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert_eq!(second.len(), 6);
        let mut second = second;
        second.sort_unstable();
        assert_eq!(second, [0, 1, 2, 3, 4, 5]);
    }
}
