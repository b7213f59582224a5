//! A finished run as networks: what the trainer computes, and the same as ONNX.

use std::path::Path;

use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{BANK_CHANNELS, BANK_SCALES, PrepareSpec, PreparedPart, RgbSpec};
use twinspect_core::score::{MapRange, MapStack, Standardise, ViewPlan};
use twinspect_engine::tract::Model;
use twinspect_nn::{Activation, Mode, Parameters, Rng, Shape, Tensor, resize, restore};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError, WeightFormat};

use super::ExportError;
use crate::run_folder::{RunFolder, RunRecord, StudentId};
use crate::student::{Codebook, GeometryStudent, Memory, Palette, RgbStudent, SCALES};
use crate::teacher::{self, Teacher};
use crate::train::{Checkpoint, CheckpointError, identity};

/// Names of the tensors at a stage's border.
pub(super) const OUTPUT: &str = "maps";
/// The Gaussian under which the memory's map is looked at, in pixels of S/4: four of 256, as PatchCore has it.
const MEMORY_SMOOTHING_PX: f32 = 1.0;
/// That of the palette's map: what it alone sees is broad, and what is small is the memory's.
const PALETTE_SMOOTHING_PX: f32 = 2.0;

/// The students with the weights that ship.
pub(crate) struct TrainedModel {
    rgb: Option<RgbModel>,
    geometry: Option<GeometryModel>,
}

struct RgbModel {
    teacher: Teacher,
    taps: Model,
    students: Vec<RgbStudent>,
    memory: Option<Memory>,
    palette: Option<(Palette, RgbSpec)>,
}

struct GeometryModel {
    students: Vec<GeometryStudent>,
    codebook: Codebook,
}

impl TrainedModel {
    /// Loads a finished run.
    pub(crate) fn load(folder: &RunFolder, record: &RunRecord) -> Result<Self, ExportError> {
        let config = &record.training;
        let mut rng = Rng::new(0);
        let rgb = match &record.teacher {
            None => None,
            Some(source) => {
                let teacher = teacher::load(source)?;
                if Some(&teacher.sha256) != record.teacher_hash.as_ref() {
                    return Err(ExportError::OtherTeacher {
                        teacher: source.clone(),
                    });
                }
                let network = teacher.taps_onnx(config.size, WeightFormat::F16)?;
                let taps = Model::from_bytes(&network, &[1, 3, config.size, config.size])?;
                let students = record.students_of(Modality::Rgb).map(|id| {
                    let (width, refinement) = (config.rgb.width, config.refinement.enabled);
                    let mut student =
                        RgbStudent::new(teacher.channels, width, refinement, &mut rng);
                    load_student(folder, record, id, &mut student)?;
                    student.settle();
                    Ok(student)
                });
                let students = students.collect::<Result<_, ExportError>>()?;
                let memory = config.memory.enabled;
                let memory = memory.then(|| load_memory(folder, record, teacher.channels));
                let spec = record.prepare.rgb.filter(|_| config.palette.enabled);
                let palette =
                    spec.map(|spec| Ok::<_, ExportError>((load_palette(folder, record)?, spec)));
                Some(RgbModel {
                    teacher,
                    taps,
                    students,
                    memory: memory.transpose()?,
                    palette: palette.transpose()?,
                })
            }
        };
        let geometry = match &record.prepare.geometry {
            None => None,
            Some(_) => {
                let students = record.students_of(Modality::Geometry).map(|id| {
                    let (width, refinement) = (config.geometry.width, config.refinement.enabled);
                    let mut student = GeometryStudent::new(width, refinement, &mut rng);
                    load_student(folder, record, id, &mut student)?;
                    student.settle();
                    Ok(student)
                });
                Some(GeometryModel {
                    students: students.collect::<Result<_, ExportError>>()?,
                    codebook: load_codebook(folder, record)?,
                })
            }
        };
        Ok(Self { rgb, geometry })
    }

    /// How the score looks at the maps: a student's scales together and the codebook by itself, each under every smoothing of
    /// its own; memory and palette by themselves, under one. Geometry's maps are in standard deviations of good parts already;
    /// those of colour are not quite, as its scales see different features.
    pub(crate) fn views(record: &RunRecord) -> PerModality<ViewPlan> {
        let plan = |standardise, maps: &[(MapRange, &Vec<f32>)]| {
            let views = maps
                .iter()
                .flat_map(|&(range, sigmas)| sigmas.iter().map(move |&sigma| (range, sigma)));
            Some(ViewPlan {
                standardise,
                views: views.collect(),
            })
        };
        let scales = |count| MapRange { first: 0, count };
        let mut plans = PerModality::default();
        if record.prepare.rgb.is_some() {
            let sigmas = &record.training.rgb.smoothing_px;
            plans.rgb = plan(Standardise::Each, &[(scales(SCALES), sigmas)]);
            let beside = [
                (record.training.memory.enabled, MEMORY_SMOOTHING_PX),
                (record.training.palette.enabled, PALETTE_SMOOTHING_PX),
            ];
            let beside = beside.iter().filter(|(enabled, _)| *enabled);
            for (index, &(_, smoothing_px)) in beside.enumerate() {
                let map = MapRange {
                    first: SCALES + index,
                    count: 1,
                };
                plans
                    .rgb
                    .iter_mut()
                    .for_each(|plan| plan.views.push((map, smoothing_px)));
            }
        }
        if record.prepare.geometry.is_some() {
            let codebook = MapRange {
                first: BANK_SCALES,
                count: 1,
            };
            let training = &record.training;
            plans.geometry = plan(
                Standardise::Together,
                &[
                    (scales(BANK_SCALES), &training.geometry.smoothing_px),
                    (codebook, &training.codebook.smoothing_px),
                ],
            );
        }
        plans
    }

    /// The stages as ONNX files.
    pub(crate) fn stages(&self, spec: &PrepareSpec) -> Result<PerModality<Vec<u8>>, ExportError> {
        let mut stages = PerModality::default();
        if let Some(model) = &self.rgb {
            stages.rgb = Some(model.onnx(spec)?);
        }
        if let Some(model) = &self.geometry {
            stages.geometry = Some(model.onnx(spec)?);
        }
        Ok(stages)
    }

    /// What the trainer answers for a part.
    pub(super) fn maps(
        &mut self,
        part: &PreparedPart,
    ) -> Result<PerModality<MapStack>, ExportError> {
        let mut maps = PerModality::default();
        if let Some(model) = &mut self.rgb {
            maps.rgb = Some(model.maps(part)?);
        }
        if let Some(model) = &mut self.geometry {
            maps.geometry = Some(model.maps(part));
        }
        Ok(maps)
    }
}

impl RgbModel {
    fn onnx(&self, spec: &PrepareSpec) -> Result<Vec<u8>, ExportError> {
        let mut graph = Graph::new("rgb", WeightFormat::F16);
        let input = graph.input("rgb", &[1, 3, spec.size, spec.size])?;
        let taps = self.teacher.emit(&mut graph, input)?;
        let side = spec.map_size();
        let stacks = self.students.iter().enumerate().map(|(index, student)| {
            within_student(&mut graph, index, |graph| student.emit(graph, taps, side))
        });
        let stacks = stacks.collect::<Result<Vec<_>, _>>()?;
        let mut all = vec![emit_mean(&mut graph, &stacks)?];
        if let Some(memory) = &self.memory {
            all.push(memory.emit(&mut graph, taps, side)?);
        }
        if let Some((palette, spec)) = &self.palette {
            all.push(palette.emit(&mut graph, input, spec)?);
        }
        let maps = match all.as_slice() {
            [students] => *students,
            all => graph.head(|graph| graph.concat("all", all, 1))?,
        };
        graph.output(OUTPUT, maps)?;
        Ok(graph.encode()?)
    }

    fn maps(&mut self, part: &PreparedPart) -> Result<MapStack, ExportError> {
        let taps = self.taps.run(&part.rgb)?;
        let side = part.map_size();
        let mut enlarged = Activation::new();
        let mut enlarge = |map: Tensor| {
            resize(&Activation::constant(map), [side, side], &mut enlarged);
            enlarged.value().to_nchw()
        };
        let mut stacks = Vec::with_capacity(self.students.len());
        for student in &mut self.students {
            for (k, (input, tap)) in student.inputs_mut().iter_mut().zip(&taps).enumerate() {
                let side = side >> k;
                let shape = Shape::new(1, side, side, self.teacher.channels[k]);
                *input.value_mut() = Tensor::from_nchw(shape, tap);
            }
            student.forward(Mode::Evaluate);
            stacks.push(student.maps().map(&mut enlarge).concat());
        }
        let mut data = mean(stacks);
        if let Some(memory) = &self.memory {
            let coarse = Shape::new(1, side / 2, side / 2, 1);
            data.extend(enlarge(Tensor::from_nchw(coarse, &memory.map(&taps))));
        }
        if let Some((palette, spec)) = &self.palette {
            data.extend(palette.map(&part.rgb, spec));
        }
        Ok(MapStack {
            count: data.len() / (side * side),
            side,
            data,
        })
    }
}

impl GeometryModel {
    fn onnx(&self, spec: &PrepareSpec) -> Result<Vec<u8>, ExportError> {
        let side = spec.map_size();
        let mut graph = Graph::new("geometry", WeightFormat::F16);
        let input = graph.input("geometry", &[1, BANK_CHANNELS, side, side])?;
        let stacks = self.students.iter().enumerate().map(|(index, student)| {
            within_student(&mut graph, index, |graph| student.emit(graph, input, side))
        });
        let stacks = stacks.collect::<Result<Vec<_>, _>>()?;
        let scales = emit_mean(&mut graph, &stacks)?;
        let codebook = self.codebook.emit(&mut graph, input)?;
        let maps = graph.head(|graph| graph.concat("all", &[scales, codebook], 1))?;
        graph.output(OUTPUT, maps)?;
        Ok(graph.encode()?)
    }

    fn maps(&mut self, part: &PreparedPart) -> MapStack {
        let side = part.map_size();
        let shape = Shape::new(1, side, side, BANK_CHANNELS);
        let stacks = self.students.iter_mut().map(|student| {
            *student.input_mut().value_mut() = Tensor::from_nchw(shape, &part.geometry);
            student.forward(Mode::Evaluate);
            student.maps().to_nchw()
        });
        let mut data = mean(stacks.collect());
        data.extend(self.codebook.map(&part.geometry));
        MapStack {
            count: BANK_SCALES + 1,
            side,
            data,
        }
    }
}

/// The first student's nodes have the names that they have alone.
fn within_student<R>(graph: &mut Graph, index: usize, add: impl FnOnce(&mut Graph) -> R) -> R {
    match index {
        0 => add(graph),
        index => graph.within(&format!("student{}", index + 1), add),
    }
}

/// The mean of what all students of a branch answer; there is at least one.
fn mean(stacks: Vec<Vec<f32>>) -> Vec<f32> {
    let count = stacks.len() as f32;
    let sum = stacks.into_iter().reduce(|mut sum, stack| {
        sum.iter_mut()
            .zip(&stack)
            .for_each(|(sum, value)| *sum += value);
        sum
    });
    let mut mean = sum.unwrap_or_default();
    mean.iter_mut().for_each(|value| *value /= count);
    mean
}

/// Writes the same.
fn emit_mean(graph: &mut Graph, stacks: &[onnx::Tensor]) -> Result<onnx::Tensor, GraphError> {
    let (mut sum, others) = (stacks[0], &stacks[1..]);
    if others.is_empty() {
        return Ok(sum);
    }
    graph.head(|graph| {
        for (index, stack) in others.iter().enumerate() {
            sum = graph.add(&format!("students{}", index + 2), sum, *stack)?;
        }
        graph.scale("students", sum, 1.0 / stacks.len() as f32)
    })
}

fn load_student(
    folder: &RunFolder,
    record: &RunRecord,
    id: StudentId,
    student: &mut dyn Parameters,
) -> Result<(), ExportError> {
    let path = folder.checkpoint(id);
    let mut checkpoint = read(folder, record, &path)?;
    checkpoint.state.remove(crate::train::LOSSES);
    restore(student, &checkpoint.state).map_err(|source| ExportError::Student { path, source })
}

fn load_codebook(folder: &RunFolder, record: &RunRecord) -> Result<Codebook, ExportError> {
    let path = folder.codebook();
    let checkpoint = read(folder, record, &path)?;
    let [prototypes, radii] = values(&checkpoint, ["prototypes", "radii"]);
    Codebook::from_values(BANK_CHANNELS, prototypes, radii).ok_or(ExportError::Codebook { path })
}

fn load_memory(
    folder: &RunFolder,
    record: &RunRecord,
    channels: [usize; SCALES],
) -> Result<Memory, ExportError> {
    let path = folder.memory();
    let checkpoint = read(folder, record, &path)?;
    let values = values(&checkpoint, ["prototypes", "radii", "gains"]);
    Memory::from_values(channels, values).ok_or(ExportError::Codebook { path })
}

fn load_palette(folder: &RunFolder, record: &RunRecord) -> Result<Palette, ExportError> {
    let path = folder.palette();
    let checkpoint = read(folder, record, &path)?;
    let values = values(&checkpoint, ["prototypes", "radii", "gains"]);
    Palette::from_values(values).ok_or(ExportError::Codebook { path })
}

fn values<'a, const N: usize>(checkpoint: &'a Checkpoint, names: [&str; N]) -> [&'a [f32]; N] {
    let of = |name| checkpoint.state.get(name).map(Vec::as_slice);
    names.map(|name| of(name).unwrap_or_default())
}

/// A file of this run, which must be there.
pub(super) fn read(
    folder: &RunFolder,
    record: &RunRecord,
    path: &Path,
) -> Result<Checkpoint, ExportError> {
    let missing = || CheckpointError::File {
        action: "reading",
        path: path.to_owned(),
        source: std::io::ErrorKind::NotFound.into(),
    };
    let checkpoint = Checkpoint::read(path)?.ok_or_else(missing)?;
    if checkpoint.run != identity(record) {
        return Err(ExportError::ForeignCheckpoint {
            path: path.to_owned(),
            run: folder.path().to_owned(),
        });
    }
    Ok(checkpoint)
}

impl From<GraphError> for ExportError {
    fn from(source: GraphError) -> Self {
        Self::Graph(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_answer_with_their_mean_in_the_network_too() {
        let stacks = [
            [1.0, -2.0, 6.0, 0.5],
            [3.0, 4.0, 0.0, 0.5],
            [8.0, 1.0, 3.0, 0.5],
        ];
        let expected = [4.0, 1.0, 3.0, 0.5];
        assert_eq!(mean(stacks.map(|stack| stack.to_vec()).to_vec()), expected);

        let shape = [1, 1, 2, 2];
        let mut graph = Graph::new("students", WeightFormat::F32);
        let inputs = ["a", "b", "c"].map(|name| graph.input(name, &shape).unwrap());
        let answer = emit_mean(&mut graph, &inputs).unwrap();
        graph.output(OUTPUT, answer).unwrap();
        let onnx = graph.encode().unwrap();
        let mut model = Model::with_inputs(&onnx, &[&shape, &shape, &shape]).unwrap();
        let mut answered = [0.0; 4];
        model
            .run_all_into(
                &stacks.each_ref().map(|stack| stack.as_slice()),
                &mut [&mut answered],
            )
            .unwrap();
        for (answered, expected) in answered.iter().zip(expected) {
            assert!(
                (answered - expected).abs() < 1e-6,
                "{answered} instead of {expected}"
            );
        }
    }
}
