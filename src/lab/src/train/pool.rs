//! The pool of training samples: each good part as it is and in a few poses, already turned into
//! what the students take. A frozen teacher is run once for each view, whatever the passes.

use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use twinspect_core::prepare::{Canvas, PrepareSpec, PreparedPart, Preparer, SpecError};
use twinspect_engine::tract::{Model, ModelError};
use twinspect_nn::Rng;

use crate::config::PoseConfig;
use crate::pose::Pose;
use crate::student::SCALES;

/// Teachers that don't answer, or constants that contradict each other.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// Constants of preparation.
    #[error("constants of preparation")]
    Spec(#[source] SpecError),
    /// The teacher's network.
    #[error("running the teacher")]
    Teacher(#[source] ModelError),
}

/// Features of one view of a part, finest scale first, as f16: pools of some hundred views stay small.
pub(crate) type TeacherSample = [Vec<f16>; SCALES];

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
    pub(crate) pose: &'a PoseConfig,
    pub(crate) views: usize,
    pub(crate) seed: u64,
}

impl Pool<'_> {
    /// Number of samples: one view is enough where parts don't move.
    pub(crate) fn len(&self) -> usize {
        let views = if self.pose.is_fixed() { 1 } else { self.views };
        self.canvases.len() * views
    }

    /// The teacher's features of every view. `done` is called once for each.
    pub(crate) fn teacher_samples(
        &self,
        teacher: &[u8],
        done: impl Fn() + Sync,
    ) -> Result<Vec<TeacherSample>, PoolError> {
        let size = self.spec.size;
        self.each(
            || Model::from_bytes(teacher, &[1, 3, size, size]).map_err(PoolError::Teacher),
            |model, part| {
                let taps = model.run(&part.rgb).map_err(PoolError::Teacher)?;
                let mut taps = taps.into_iter();
                let sample = std::array::from_fn(|_| {
                    let values = taps.next().unwrap_or_default();
                    let mut halves = vec![f16::ZERO; values.len()];
                    halves.convert_from_f32_slice(&values);
                    halves
                });
                done();
                Ok(sample)
            },
        )
    }

    /// The filter bank of every view.
    pub(crate) fn bank_samples(&self) -> Result<Vec<BankSample>, PoolError> {
        self.each(
            || Ok(()),
            |(), part| {
                Ok(BankSample {
                    channels: part.geometry.clone(),
                    region: part.region.clone(),
                })
            },
        )
    }

    fn each<W, T: Send>(
        &self,
        worker: impl Fn() -> Result<W, PoolError> + Sync,
        sample: impl Fn(&mut W, &PreparedPart) -> Result<T, PoolError> + Sync,
    ) -> Result<Vec<T>, PoolError> {
        let preparer = Preparer::new(self.spec).map_err(PoolError::Spec)?;
        let threads = rayon::current_num_threads().max(1);
        let share = self.len().div_ceil(threads).max(1);
        let indices: Vec<usize> = (0..self.len()).collect();
        let shares: Result<Vec<Vec<T>>, PoolError> = indices
            .par_chunks(share)
            .map(|indices| {
                let mut worker = worker()?;
                let mut preparer = preparer.clone();
                let mut part = PreparedPart::new(self.spec);
                let mut posed = Canvas::new(self.spec.size);
                let each = indices.iter().map(|&index| {
                    preparer.derive(self.view(index, &mut posed), &mut part);
                    sample(&mut worker, &part)
                });
                each.collect()
            })
            .collect();
        Ok(shares?.into_iter().flatten().collect())
    }

    /// The first view of each part is the part as it was taken.
    fn view<'c>(&'c self, index: usize, posed: &'c mut Canvas) -> &'c Canvas {
        let canvas = &self.canvases[index % self.canvases.len()];
        if index < self.canvases.len() {
            return canvas;
        }
        let mut rng = Rng::new(self.seed).derive(index as u64);
        Pose::draw(self.pose, &mut rng).apply(canvas, posed);
        posed
    }
}
