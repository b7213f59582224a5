//! The pool of training samples: each good part as it is, in a few poses or under a few lights, and what
//! pseudo-anomalies make of these views, already turned into what the students take. A frozen teacher is run once for
//! each view, whatever the passes.

use std::sync::atomic::{AtomicBool, Ordering};

use half::f16;
use half::slice::HalfFloatSliceExt;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{Canvas, PrepareSpec, PreparedPart, Preparer, SpecError};
use twinspect_engine::tract::{Model, ModelError};
use twinspect_nn::Rng;

use crate::config::PoseConfig;
use crate::light::Light;
use crate::pose::Pose;
use crate::spread::spread;
use crate::student::{ColourSample, TeacherSample};
use crate::synth::{Generator, Perturbation, shares};

/// Teachers that don't answer, or constants that contradict each other.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// Constants of preparation.
    #[error("constants of preparation")]
    Spec(#[source] SpecError),
    /// The teacher's network.
    #[error("running the teacher")]
    Teacher(#[source] ModelError),
    /// The user does not want to wait for it.
    #[error("drawing the pool of the {modality} branch was interrupted")]
    Interrupted {
        /// The branch.
        modality: Modality,
    },
}

/// What a branch learns from.
pub(crate) struct Samples<T> {
    /// Views of good parts.
    pub(crate) good: Vec<T>,
    /// The same views with a pseudo-anomaly: the i-th is made of the view `i % good.len()`.
    pub(crate) defective: Vec<Defective<T>>,
}

/// A view with a pseudo-anomaly.
pub(crate) struct Defective<T> {
    /// What is seen.
    pub(crate) view: T,
    /// S/4 x S/4: share of each pixel that looks different.
    pub(crate) changed: Vec<f32>,
}

/// Share of a place of the teacher's second scale that has to be the part's or its margin's.
const ON_PART: f32 = 0.3;

/// One view of a part for the geometry student.
pub(crate) struct BankSample {
    /// 12 x S/4 x S/4.
    pub(crate) channels: Vec<f32>,
    /// S/4 x S/4: 1 on the part and its margin, 0 elsewhere, soft.
    pub(crate) region: Vec<f32>,
}

/// Draws and prepares the views of one branch. The same seed gives the same pool, with any number
/// of threads.
pub(crate) struct Pool<'a> {
    pub(crate) spec: &'a PrepareSpec,
    pub(crate) canvases: &'a [Canvas],
    pub(crate) variety: Variety<'a>,
    pub(crate) views: usize,
    pub(crate) seed: u64,
    pub(crate) modality: Modality,
    pub(crate) anomalies: Option<Anomalies<'a>>,
    pub(crate) interrupted: &'a AtomicBool,
}

/// In what the views of a part differ from the part as it was taken.
pub(crate) enum Variety<'a> {
    /// How it lies.
    Poses(&'a PoseConfig),
    /// How it is lit.
    Lights,
}

/// How pseudo-anomalies are made.
#[derive(Clone, Copy)]
pub(crate) struct Anomalies<'a> {
    pub(crate) generator: Generator<'a>,
    /// For each view.
    pub(crate) defects: usize,
}

impl Pool<'_> {
    /// Number of views: one is enough where parts don't move.
    fn views(&self) -> usize {
        let views = match self.variety {
            Variety::Poses(pose) if pose.is_fixed() => 1,
            _ => self.views,
        };
        self.canvases.len() * views
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        let defects = self.anomalies.map_or(0, |anomalies| anomalies.defects);
        self.views() * (1 + defects)
    }

    /// The teacher's features of every view. `done` is called once for each.
    pub(crate) fn teacher_samples(
        &self,
        teacher: &[u8],
        done: impl Fn() + Sync,
    ) -> Result<Samples<TeacherSample>, PoolError> {
        let size = self.spec.size;
        self.samples(
            || Model::from_bytes(teacher, &[1, 3, size, size]).map_err(PoolError::Teacher),
            |model, part| {
                let taps = model.run(&part.rgb).map_err(PoolError::Teacher)?;
                let mut taps = taps.into_iter();
                let taps = std::array::from_fn(|_| {
                    let values = taps.next().unwrap_or_default();
                    let mut halves = vec![f16::ZERO; values.len()];
                    halves.convert_from_f32_slice(&values);
                    halves
                });
                done();
                let shares = averaged(&part.region, part.map_size(), 2);
                let on_part = shares.iter().map(|&share| share > ON_PART).collect();
                Ok(TeacherSample { taps, on_part })
            },
        )
    }

    /// The colours of every good view; none of a product without colour.
    pub(crate) fn colour_samples(&self) -> Result<Vec<ColourSample>, PoolError> {
        let samples = self.samples(
            || Ok(()),
            |(), part| {
                let spec = self.spec.rgb.as_ref();
                Ok(spec.map(|spec| ColourSample::new(&part.rgb, &part.region, spec)))
            },
        )?;
        Ok(samples.good.into_iter().flatten().collect())
    }

    /// The filter bank of every view.
    pub(crate) fn bank_samples(&self) -> Result<Samples<BankSample>, PoolError> {
        self.samples(
            || Ok(()),
            |(), part| {
                Ok(BankSample {
                    channels: part.geometry.clone(),
                    region: part.region.clone(),
                })
            },
        )
    }

    fn samples<W, T: Send>(
        &self,
        worker: impl Fn() -> Result<W, PoolError> + Sync,
        sample: impl Fn(&mut W, &PreparedPart) -> Result<T, PoolError> + Sync,
    ) -> Result<Samples<T>, PoolError> {
        let preparer = Preparer::new(self.spec).map_err(PoolError::Spec)?;
        let desk = || {
            Ok(Desk {
                worker: worker()?,
                preparer: preparer.clone(),
                part: PreparedPart::new(self.spec),
                varied: Canvas::new(self.spec.size),
            })
        };
        let go_on = || match self.interrupted.load(Ordering::Relaxed) {
            true => Err(PoolError::Interrupted {
                modality: self.modality,
            }),
            false => Ok(()),
        };
        let good = spread(self.views(), desk, |desk, index| {
            go_on()?;
            let view = self.view(index, &mut desk.varied);
            desk.preparer.derive(view, &mut desk.part);
            sample(&mut desk.worker, &desk.part)
        })?;
        let Some(anomalies) = self.anomalies else {
            let defective = Vec::new();
            return Ok(Samples { good, defective });
        };
        let seeds = Rng::new(self.seed).derive(DEFECTS);
        let count = self.views() * anomalies.defects;
        let defective = spread(count, desk, |desk, index| {
            go_on()?;
            let seed = seeds.derive(index as u64).next_u64();
            let made = Perturbation::draw(seed, &anomalies.generator).alone(self.modality);
            let view = self.view(index % self.views(), &mut desk.varied);
            let made = made.apply(view, &anomalies.generator);
            desk.preparer.derive(&made.canvas, &mut desk.part);
            let labels = match self.modality {
                Modality::Rgb => &made.labels.rgb,
                Modality::Geometry => &made.labels.geometry,
            };
            let changed = shares(labels, self.spec.size);
            let view = sample(&mut desk.worker, &desk.part)?;
            Ok(Defective { view, changed })
        })?;
        Ok(Samples { good, defective })
    }

    /// The first view of each part is the part as it was taken.
    fn view<'c>(&'c self, index: usize, varied: &'c mut Canvas) -> &'c Canvas {
        let canvas = &self.canvases[index % self.canvases.len()];
        if index < self.canvases.len() {
            return canvas;
        }
        let mut rng = Rng::new(self.seed).derive(index as u64);
        match self.variety {
            Variety::Poses(pose) => Pose::draw(pose, &mut rng).apply(canvas, varied),
            Variety::Lights => Light::draw(&mut rng).apply(canvas, varied),
        }
        varied
    }
}

/// Means over blocks of a square map.
pub(super) fn averaged(map: &[f32], side: usize, block: usize) -> Vec<f32> {
    let coarse = side / block;
    let mut means = vec![0.0; coarse * coarse];
    for (index, value) in map.iter().enumerate() {
        means[index / side / block * coarse + index % side / block] += value;
    }
    let share = 1.0 / (block * block) as f32;
    means.iter_mut().for_each(|mean| *mean *= share);
    means
}

/// Purpose of the seeds of defects, beyond the numbers of all views.
const DEFECTS: u64 = 1 << 32;

/// Where one thread prepares.
struct Desk<W> {
    worker: W,
    preparer: Preparer,
    part: PreparedPart,
    varied: Canvas,
}
