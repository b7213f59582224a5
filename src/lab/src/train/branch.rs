//! One branch under training: samples in, one step out.
//!
//! A step takes as many good views as its batch says; with pseudo-anomalies, as many defective ones of
//! other views beside them, in one batch, so that normalisation sees both.

use half::f16;
use half::slice::HalfFloatSliceExt;
use twinspect_core::prepare::BANK_CHANNELS;
use twinspect_nn::{Activation, Entry, Mode, Parameters, Rng, Shape, Tensor};

use super::pool::{BankSample, Samples, averaged};
use crate::student::{
    GeometryStudent, GeometryTargets, LossWeights, RgbStudent, RgbTargets, SCALES, TeacherSample,
};

/// A network with its samples.
pub(crate) trait Branch: Parameters {
    /// Number of samples.
    fn samples(&self) -> usize;

    /// Forward pass, loss and backward pass on a batch of samples; returns the loss.
    fn learn(&mut self, batch: &[usize]) -> f32;

    /// Begins anew with the next student.
    fn renew(&mut self, rng: &mut Rng);
}

/// What the layers of a branch are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build {
    /// Side of the finest maps, S/4.
    pub(crate) side: usize,
    /// Channels of the widest layers.
    pub(crate) width: usize,
    /// Whether features are refined.
    pub(crate) refinement: bool,
    /// What counts how much.
    pub(crate) losses: LossWeights,
}

/// A batch: what is seen, of which good view, and where it differs from that.
struct Row<'a, T> {
    seen: &'a T,
    good: &'a T,
    changed: Option<&'a [f32]>,
}

impl<T> Samples<T> {
    fn count(&self) -> usize {
        self.good.len().max(self.defective.len())
    }

    /// Good views first, then defective ones.
    fn rows(&self, batch: &[usize]) -> Vec<Row<'_, T>> {
        let view = |index: usize| &self.good[index % self.good.len()];
        let good = batch.iter().map(|&index| Row {
            seen: view(index),
            good: view(index),
            changed: None,
        });
        let defective = batch.iter().filter_map(|&index| {
            let made = self.defective.get(index)?;
            Some(Row {
                seen: &made.view,
                good: view(index),
                changed: Some(&made.changed),
            })
        });
        good.chain(defective).collect()
    }
}

/// The colour branch.
pub(crate) struct RgbBranch {
    pub(crate) student: RgbStudent,
    channels: [usize; SCALES],
    build: Build,
    samples: Samples<TeacherSample>,
    targets: RgbTargets,
}

impl RgbBranch {
    /// For a teacher with these channels, finest first.
    pub(crate) fn new(
        channels: [usize; SCALES],
        build: Build,
        samples: Samples<TeacherSample>,
        rng: &mut Rng,
    ) -> Self {
        Self {
            student: RgbStudent::new(channels, build.width, build.refinement, rng),
            channels,
            build,
            samples,
            targets: RgbTargets::default(),
        }
    }
}

impl Branch for RgbBranch {
    fn samples(&self) -> usize {
        self.samples.count()
    }

    fn learn(&mut self, batch: &[usize]) -> f32 {
        let rows = self.samples.rows(batch);
        let RgbTargets {
            clean,
            is_good,
            places,
        } = &mut self.targets;
        *is_good = rows.iter().map(|row| row.changed.is_none()).collect();
        let has_defects = is_good.contains(&false);
        if has_defects && places.is_none() {
            *places = Some(Default::default());
        }
        let inputs = self.student.inputs_mut().iter_mut().zip(clean);
        for (k, (input, clean)) in inputs.enumerate() {
            let side = self.build.side >> k;
            let shape = Shape::new(rows.len(), side, side, self.channels[k]);
            write(
                begin(input, shape),
                rows.iter().map(|row| &row.seen.taps[k]),
            );
            clean.reshape(shape);
            write(clean, rows.iter().map(|row| &row.good.taps[k]));
            if let Some(places) = places {
                let coarse: Vec<_> = rows
                    .iter()
                    .map(|row| Some(averaged(row.changed?, self.build.side, 1 << k)))
                    .collect();
                places[k].fill(shape, coarse.iter().map(Option::as_deref));
            }
        }
        self.student.forward(Mode::Train);
        let loss = self.student.loss(&self.targets, &self.build.losses);
        self.student.backward();
        loss
    }

    fn renew(&mut self, rng: &mut Rng) {
        let Build {
            width, refinement, ..
        } = self.build;
        self.student = RgbStudent::new(self.channels, width, refinement, rng);
    }
}

impl Parameters for RgbBranch {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.student.visit(prefix, visitor);
    }
}

/// Weight of the bare belt in the geometry loss, so that the student spends itself on the part.
const BELT_WEIGHT: f32 = 0.1;

/// The geometry branch.
pub(crate) struct GeometryBranch {
    pub(crate) student: GeometryStudent,
    build: Build,
    samples: Samples<BankSample>,
    targets: GeometryTargets,
}

impl GeometryBranch {
    pub(crate) fn new(build: Build, samples: Samples<BankSample>, rng: &mut Rng) -> Self {
        Self {
            student: GeometryStudent::new(build.width, build.refinement, rng),
            build,
            samples,
            targets: GeometryTargets::default(),
        }
    }
}

impl Branch for GeometryBranch {
    fn samples(&self) -> usize {
        self.samples.count()
    }

    fn learn(&mut self, batch: &[usize]) -> f32 {
        let rows = self.samples.rows(batch);
        let shape = Shape::new(rows.len(), self.build.side, self.build.side, BANK_CHANNELS);
        let GeometryTargets {
            clean,
            weights,
            is_good,
            places,
        } = &mut self.targets;
        *is_good = rows.iter().map(|row| row.changed.is_none()).collect();
        clean.reshape(shape);
        weights.reshape(shape.with_channels(1));
        let seen = begin(self.student.input_mut(), shape);
        for (n, row) in rows.iter().enumerate() {
            seen.write_image_nchw(n, &row.seen.channels);
            clean.write_image_nchw(n, &row.good.channels);
            let counts: Vec<f32> = row
                .good
                .region
                .iter()
                .map(|inside| inside.max(BELT_WEIGHT))
                .collect();
            weights.write_image_nchw(n, &counts);
        }
        if is_good.contains(&false) {
            let places = places.get_or_insert_default();
            places.fill(shape, rows.iter().map(|row| row.changed));
        }
        self.student.forward(Mode::Train);
        let loss = self.student.loss(&self.targets, &self.build.losses);
        self.student.backward();
        loss
    }

    fn renew(&mut self, rng: &mut Rng) {
        let Build {
            width, refinement, ..
        } = self.build;
        self.student = GeometryStudent::new(width, refinement, rng);
    }
}

impl Parameters for GeometryBranch {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.student.visit(prefix, visitor);
    }
}

fn begin(input: &mut Activation, shape: Shape) -> &mut Tensor {
    let tensor = input.value_mut();
    tensor.reshape(shape);
    tensor
}

fn write<'a>(tensor: &mut Tensor, images: impl Iterator<Item = &'a Vec<f16>>) {
    let mut wide = Vec::new();
    for (n, halves) in images.enumerate() {
        wide.resize(halves.len(), 0.0);
        halves.convert_to_f32_slice(&mut wide);
        tensor.write_image_nchw(n, &wide);
    }
}
