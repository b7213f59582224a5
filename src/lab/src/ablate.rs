//! The ablation: which part of the network earns its place, at an equal budget (the rows
//! of DCRDF-Net's ablation, Sensors 2026, 26, 412).
//!
//! | variant | pseudo-anomalies | refinement | joined by |
//! |---|---|---|---|
//! | `average` | | | average |
//! | `perturbation` | yes | | average |
//! | `refinement` | | yes | average |
//! | `both-average` | yes | yes | average |
//! | `both-maximum` | yes | yes | maximum |
//! | `full` | yes | yes | gate |
//!
//! Every step sees as many pictures: without pseudo-anomalies twice as many good ones. The last three
//! share one training run. Each run is a job of its own; what is there is left alone.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::config::{Join, TrainingConfig};
use crate::measure::{self, MeasureError, Place, Progress, Run, Wanted, category, make};
use crate::teacher::TeacherSource;

/// What is trained: a name, pseudo-anomalies, refinement, and the variants that come of it.
struct Students {
    name: &'static str,
    perturbation: bool,
    refinement: bool,
    variants: &'static [(&'static str, Join)],
}

const ALL: [Students; 4] = [
    Students {
        name: "plain",
        perturbation: false,
        refinement: false,
        variants: &[("average", Join::Average)],
    },
    Students {
        name: "perturbed",
        perturbation: true,
        refinement: false,
        variants: &[("perturbation", Join::Average)],
    },
    Students {
        name: "refined",
        perturbation: false,
        refinement: true,
        variants: &[("refinement", Join::Average)],
    },
    Students {
        name: "both",
        perturbation: true,
        refinement: true,
        variants: &[
            ("both-average", Join::Average),
            ("both-maximum", Join::Maximum),
            ("full", Join::Gate),
        ],
    },
];

/// What to take apart.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) data: &'a [PathBuf],
    pub(crate) seeds: &'a [u64],
    pub(crate) teacher: &'a TeacherSource,
    /// Budget and everything else that is not varied.
    pub(crate) config: &'a TrainingConfig,
    pub(crate) place: Place<'a>,
}

/// Makes all results that are missing.
pub(crate) fn ablate(job: &Job<'_>, interrupted: &AtomicBool) -> Result<Progress, MeasureError> {
    open(job)?;
    make(runs(job), &job.place, interrupted)
}

/// Opens every data set, so that no command is printed that can't work.
pub(crate) fn open(job: &Job<'_>) -> Result<(), MeasureError> {
    measure::open(job.data)
}

/// For each run with a missing result its data set and seed: the jobs that a batch system can spread.
pub(crate) fn missing(job: &Job<'_>) -> Vec<(PathBuf, u64)> {
    let mut missing: Vec<(PathBuf, u64)> = runs(job)
        .filter(|run| run.results.iter().any(|wanted| job.place.lacks(wanted)))
        .map(|run| (run.data, run.config.seed))
        .collect();
    missing.dedup();
    missing
}

fn runs<'a>(job: &'a Job<'_>) -> impl Iterator<Item = Run> + use<'a> {
    let pairs = job
        .seeds
        .iter()
        .flat_map(|seed| job.data.iter().map(move |data| (*seed, data)));
    pairs.flat_map(move |(seed, data)| {
        let teacher = job.teacher.clone();
        let stem = format!("{}-{}", category(data), teacher.name());
        ALL.iter().map(move |students| Run {
            name: format!("{stem}-{}-seed{seed}", students.name),
            data: data.clone(),
            teacher: teacher.clone(),
            config: students.config(job.config, seed),
            results: students
                .variants
                .iter()
                .map(|&(variant, join)| Wanted {
                    name: format!("{stem}-{variant}-seed{seed}"),
                    variant: Some(variant),
                    join,
                })
                .collect(),
        })
    })
}

impl Students {
    fn config(&self, base: &TrainingConfig, seed: u64) -> TrainingConfig {
        let mut config = base.clone();
        config.seed = seed;
        config.perturbation.enabled = self.perturbation;
        config.refinement.enabled = self.refinement;
        // A gate is trained where any variant ships it.
        config.fusion.join = match self.variants.iter().any(|(_, join)| *join == Join::Gate) {
            true => Join::Gate,
            false => Join::Average,
        };
        if !self.perturbation {
            for branch in [&mut config.rgb, &mut config.geometry] {
                branch.passes *= 2;
                branch.batch *= 2;
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_see_as_many_pictures_in_as_many_steps() {
        let base = TrainingConfig::default();
        let pictures = |students: &Students| {
            let config = students.config(&base, 3);
            let seen = if students.perturbation { 2 } else { 1 };
            [config.rgb, config.geometry].map(|branch| {
                let steps = branch.passes as f64 / branch.batch as f64;
                (steps, branch.batch * seen)
            })
        };
        let all = ALL.each_ref().map(pictures);
        assert!(all.iter().all(|budget| *budget == all[0]), "{all:?}");
    }

    #[test]
    fn what_is_there_is_not_wanted_again() {
        let folder = tempfile::tempdir().unwrap();
        let data = [PathBuf::from("data/cap"), PathBuf::from("data/gear")];
        let job = Job {
            data: &data,
            seeds: &[1, 2],
            teacher: &TeacherSource::new(None),
            config: &TrainingConfig::default(),
            place: Place {
                work: folder.path(),
                results: folder.path(),
                robustness: false,
                created: String::new(),
                version: "1.0.0".parse().unwrap(),
            },
        };
        assert_eq!(missing(&job).len(), 4);
        let results: Vec<Wanted> = runs(&job)
            .filter(|run| run.data == data[1] && run.config.seed == 2)
            .flat_map(|run| run.results)
            .collect();
        assert_eq!(results.len(), 6);
        for wanted in &results {
            std::fs::write(job.place.result(wanted), "{}").unwrap();
        }
        let left = [(&data[0], 1), (&data[1], 1), (&data[0], 2)];
        assert_eq!(missing(&job), left.map(|(data, seed)| (data.clone(), seed)));
    }
}
