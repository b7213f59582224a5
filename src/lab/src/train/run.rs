//! One run's branches: what they are made of, and how they are trained.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{BANK_CHANNELS, Canvas, PrepareSpec, PreparedPart, Preparer};
use twinspect_dataset::PartRef;
use twinspect_nn::Rng;
use twinspect_onnx::WeightFormat;

use super::branch::{Branch, Build, GeometryBranch, RgbBranch};
use super::checkpoint::Checkpoint;
use super::course::{Course, Outcome};
use super::error::TrainError;
use super::identity;
use super::pool::{Anomalies, BankSample, Pool, Variety};
use crate::config::BranchConfig;
use crate::export::{DeviceStages, ExportError, TrainedModel};
use crate::good_parts::PartsError;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, RunRecord, StudentId};
use crate::student::{Codebook, Descriptors, Memory, Palette};
use crate::synth::pictures::Picture;
use crate::synth::{Family, Generator, Relief, Sources};
use crate::teacher::Teacher;

/// Descriptors that each part gives to the codebook.
const DESCRIPTORS: usize = 400;

/// Purpose of the generator of the colour branch's memory, beside those of its pool and its course.
const MEMORY: u64 = 3;
/// Purpose of that of its palette.
const PALETTE: u64 = 4;
/// Other lights under which a palette sees each part.
const LIGHTS: usize = 4;
/// Purposes of the generators of a branch's later students come behind this.
const LATER_STUDENTS: u64 = 16;

/// One run, with the parts on the grid.
pub(super) struct Run<'a> {
    pub(super) record: &'a RunRecord,
    pub(super) canvases: &'a [Canvas],
    pub(super) textures: &'a [Picture],
    pub(super) folder: &'a RunFolder,
    pub(super) interrupted: &'a AtomicBool,
}

impl Run<'_> {
    fn spec(&self) -> &PrepareSpec {
        &self.record.prepare
    }

    pub(super) fn rgb_branch(&self, teacher: &Teacher) -> Result<RgbBranch, TrainError> {
        let config = &self.record.training;
        let pool = self.pool(config.rgb.views, Modality::Rgb);
        // The teacher as it will ship: rounding its weights moves its features.
        let network = teacher.taps_onnx(config.size, WeightFormat::F16)?;
        let progress = Progress::new("rgb: teacher", pool.len() as u64);
        let samples = pool.teacher_samples(&network, || progress.step())?;
        progress.finish();
        if config.memory.enabled {
            let prototypes = config.memory.prototypes_per_part * self.canvases.len();
            let mut rng = self.branch_rng(Modality::Rgb).derive(MEMORY);
            let plain = &samples.good[..self.canvases.len()];
            let memory = Memory::learn(
                plain,
                teacher.channels,
                prototypes,
                &mut rng,
                self.interrupted,
            )
            .ok_or(TrainError::Interrupted { what: "the memory" })?;
            let [prototypes, radii, gains] = memory.values();
            self.keep(
                &self.folder.memory(),
                [
                    ("prototypes", prototypes),
                    ("radii", radii),
                    ("gains", gains),
                ],
            )?;
        }
        let build = self.build(Modality::Rgb);
        let mut rng = self.branch_rng(Modality::Rgb);
        Ok(RgbBranch::new(teacher.channels, build, samples, &mut rng))
    }

    /// Learns the colours of good places, if the product is to know them and does not yet. No student knows of them, so that
    /// a finished run takes them too.
    pub(super) fn palette(&self) -> Result<(), TrainError> {
        let path = self.folder.palette();
        let wanted = self.spec().rgb.is_some() && self.record.training.palette.enabled;
        if !wanted
            || Checkpoint::read(&path)?.is_some_and(|found| found.run == identity(self.record))
        {
            return Ok(());
        }
        let pool = Pool {
            variety: Variety::Lights,
            anomalies: None,
            ..self.pool(1 + LIGHTS, Modality::Rgb)
        };
        let samples = pool.colour_samples()?;
        let (plain, lit) = samples.split_at(self.canvases.len());
        let mut rng = self.branch_rng(Modality::Rgb).derive(PALETTE);
        let palette = Palette::learn(plain, lit, &mut rng, self.interrupted).ok_or(
            TrainError::Interrupted {
                what: "the palette",
            },
        )?;
        let [prototypes, radii, gains] = palette.values();
        let values = [
            ("prototypes", prototypes),
            ("radii", radii),
            ("gains", gains),
        ];
        self.keep(&path, values)
    }

    pub(super) fn geometry_branch(&self) -> Result<GeometryBranch, TrainError> {
        let config = &self.record.training.geometry;
        let samples = self.pool(config.views, Modality::Geometry).bank_samples()?;
        let mut rng = self.branch_rng(Modality::Geometry);
        let plain = &samples.good[..self.canvases.len()];
        let book = Codebook::cluster(&descriptors(plain, &mut rng), &mut rng, self.interrupted)
            .ok_or(TrainError::Interrupted {
                what: "the codebook",
            })?;
        let values = [("prototypes", book.prototypes()), ("radii", book.radii())];
        self.keep(&self.folder.codebook(), values)?;
        let build = self.build(Modality::Geometry);
        Ok(GeometryBranch::new(build, samples, &mut rng))
    }

    /// Writes what was learnt before the first step.
    fn keep<const N: usize>(
        &self,
        path: &Path,
        values: [(&str, &[f32]); N],
    ) -> Result<(), TrainError> {
        let state = values.map(|(name, values)| (name.to_owned(), values.to_vec()));
        let saved = Checkpoint {
            step: 0,
            run: identity(self.record),
            state: state.into(),
        };
        Ok(saved.write(path)?)
    }

    fn build(&self, modality: Modality) -> Build {
        let config = &self.record.training;
        Build {
            side: self.spec().map_size(),
            width: config.branch(modality).width,
            refinement: config.refinement.enabled,
            losses: config.losses,
        }
    }

    fn pool(&self, views: usize, modality: Modality) -> Pool<'_> {
        Pool {
            spec: self.spec(),
            canvases: self.canvases,
            variety: Variety::Poses(&self.record.training.pose),
            views,
            seed: self.branch_rng(modality).derive(1).next_u64(),
            modality,
            anomalies: self.anomalies(),
            interrupted: self.interrupted,
        }
    }

    fn anomalies(&self) -> Option<Anomalies<'_>> {
        let config = &self.record.training.perturbation;
        config.enabled.then(|| Anomalies {
            generator: self.generator(),
            defects: config.defects,
        })
    }

    /// What pseudo-anomalies of the product are made with.
    pub(super) fn generator(&self) -> Generator<'_> {
        let relief = self.spec().geometry.as_ref();
        Generator {
            family: Family::Perlin,
            relief: relief.map(|geometry| Relief::measure(geometry, self.canvases)),
            ground: self.spec().ground,
            sources: Sources {
                parts: self.canvases,
                pictures: self.textures,
            },
        }
    }

    /// The finished students as networks. One that has diverged is refused: `part` is the first one of
    /// the training, and has to be answered with numbers.
    pub(super) fn stages(&self, part: &PartRef) -> Result<PerModality<Vec<u8>>, TrainError> {
        let spec = self.spec();
        let checked = || -> Result<PerModality<Vec<u8>>, ExportError> {
            let stages = TrainedModel::load(self.folder, self.record)?.stages(spec)?;
            let preparer = Preparer::new(spec);
            let mut preparer =
                preparer.map_err(|error| ExportError::Parts(PartsError::Spec(error)))?;
            let mut prepared = PreparedPart::new(spec);
            preparer.derive(&self.canvases[0], &mut prepared);
            DeviceStages::load(&stages, spec)?.numbers(&prepared, part.id.as_str())?;
            Ok(stages)
        };
        Ok(checked().map_err(Box::new)?)
    }

    fn branch_rng(&self, modality: Modality) -> Rng {
        Rng::new(self.record.training.seed).derive(modality as u64)
    }

    /// What a student's weights begin with, and what its course takes its order from. The first one's is its branch's.
    pub(super) fn rng(&self, student: StudentId) -> Rng {
        let branch = self.branch_rng(student.modality);
        match student.index {
            0 => branch,
            index => branch.derive(LATER_STUDENTS + index as u64),
        }
    }

    pub(super) fn course(
        &self,
        student: StudentId,
        branch: &mut dyn Branch,
    ) -> Result<Outcome, TrainError> {
        let modality = student.modality;
        let config: &BranchConfig = self.record.training.branch(modality);
        let course = Course {
            batch: config.batch,
            steps: config.steps(self.canvases.len()),
            learning_rate: config.learning_rate,
            // Colour as RD4AD has it; the geometry student learns better with a longer memory.
            betas: match modality {
                Modality::Rgb => (0.5, 0.999),
                Modality::Geometry => (0.9, 0.999),
            },
            seed: self.rng(student).derive(2).next_u64(),
            run: identity(self.record),
            checkpoint: self.folder.checkpoint(student),
        };
        let mut progress = Progress::new(&student.to_string(), course.steps);
        let outcome = course.run(branch, self.interrupted, |step, loss| {
            progress.loss(step, loss)
        });
        progress.finish();
        outcome.map_err(|source| TrainError::Course { modality, source })
    }
}

/// Descriptors at random places of each part.
fn descriptors(samples: &[BankSample], rng: &mut Rng) -> Descriptors {
    let mut all = Descriptors::new(BANK_CHANNELS);
    for sample in samples {
        let plane = sample.region.len();
        let mut places: Vec<usize> = (0..plane).filter(|&i| sample.region[i] > 0.5).collect();
        rng.shuffle(&mut places);
        for &place in places.iter().take(DESCRIPTORS) {
            all.push(sample.channels.iter().skip(place).step_by(plane).copied());
        }
    }
    if all.len() == 0 {
        all.push(std::iter::repeat_n(0.0, BANK_CHANNELS));
    }
    all
}
