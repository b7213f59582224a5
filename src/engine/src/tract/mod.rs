//! The CPU engine: tract, pure Rust. The stages of a product that has both senses don't wait for each
//! other: where there is a second core, `geometry` runs on a thread that the engine owns.

mod inspect;
mod model;
mod worker;

pub use model::{Model, ModelError, TensorSpec};

use std::num::NonZero;

use twinspect_bundle::{Bundle, FusionStage, Stage};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{FusionInputs, FusionMaps, MapStack, StageMaps};

use self::worker::Worker;
use crate::engine::{Engine, EngineError, Precision, StageName, is_usable};

/// The stage that goes to a second thread: its input is the smaller one, and the handover copies it.
const BESIDE: Modality = Modality::Geometry;

/// The stages of one product on the CPU.
#[derive(Debug)]
pub struct TractEngine {
    stages: PerModality<LoadedStage>,
    /// Runs on the thread that asks: it has nothing to run beside.
    fusion: Option<Box<Model>>,
}

#[derive(Debug)]
struct LoadedStage {
    runner: Runner,
    count: usize,
    side: usize,
}

/// Where a network runs.
#[derive(Debug)]
enum Runner {
    /// On the thread that asks.
    Here(Box<Model>),
    /// On its own.
    Beside(Worker),
}

impl TractEngine {
    /// Reads, checks and optimises the networks of a bundle.
    ///
    /// # Errors
    /// [`EngineError::Load`] for what is no usable network, [`EngineError::Interface`] for one
    /// whose tensors are not those of the manifest.
    pub fn load(bundle: &Bundle) -> Result<Self, EngineError> {
        // What can't be known counts as one.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::load_for(bundle, cores)
    }

    /// [`TractEngine::load`] for a machine with this number of cores.
    fn load_for(bundle: &Bundle, cores: usize) -> Result<Self, EngineError> {
        let present = &bundle.manifest().stages;
        let side_by_side = cores > 1 && present.present().count() > 1;
        let mut stages = PerModality::default();
        for (modality, stage) in present.present() {
            let name = StageName::Of(modality);
            let onnx = bundle.stage_model(modality);
            let onnx = onnx.ok_or(EngineError::NoModel { stage: name })?;
            let load_error = |source| EngineError::Load {
                stage: name,
                source,
            };
            let mut model = Model::from_bytes(onnx, &stage.input_shape).map_err(load_error)?;
            check(modality, stage, &model)?;
            let runner = if side_by_side && modality == BESIDE {
                let name = format!("{modality} network");
                let network =
                    move |input: &[f32], room: &mut [f32]| model.run_into(input, &mut [room]);
                Runner::Beside(Worker::start(&name, network).map_err(load_error)?)
            } else {
                Runner::Here(Box::new(model))
            };
            let [_, count, side, _] = stage.output_shape;
            let stage = LoadedStage {
                runner,
                count,
                side,
            };
            stages.set(modality, Some(stage));
        }
        let fusion = present.fusion.as_ref();
        let fusion = fusion.map(|stage| load_fusion(bundle, stage)).transpose()?;
        Ok(Self { stages, fusion })
    }

    fn check_buffers(&self, maps: &StageMaps) -> Result<(), EngineError> {
        for modality in Modality::ALL {
            let fits = match (self.stages.get(modality), maps.get(modality)) {
                (None, None) => true,
                (Some(stage), Some(buffer)) => {
                    buffer.count == stage.count && buffer.side == stage.side
                }
                _ => false,
            };
            if !fits {
                let stage = modality.into();
                return Err(EngineError::Buffers { stage });
            }
        }
        Ok(())
    }

    /// Does one step of each stage that is usable in the part; an error of one stage doesn't keep
    /// the others from theirs.
    fn each(
        &mut self,
        part: &PreparedPart,
        maps: &mut StageMaps,
        step: impl Fn(&mut Runner, &[f32], &mut [f32]) -> Result<(), ModelError>,
    ) -> Result<(), EngineError> {
        let mut all = Ok(());
        for modality in Modality::ALL {
            let (Some(stage), Some(buffer)) =
                (self.stages.get_mut(modality), maps.get_mut(modality))
            else {
                continue;
            };
            if !is_usable(part, modality) {
                continue;
            }
            let input = match modality {
                Modality::Rgb => &part.rgb,
                Modality::Geometry => &part.geometry,
            };
            let done = step(&mut stage.runner, input, &mut buffer.data);
            let stage = modality.into();
            all = all.and(done.map_err(|source| EngineError::Run { stage, source }));
        }
        all
    }
}

fn load_fusion(bundle: &Bundle, stage: &FusionStage) -> Result<Box<Model>, EngineError> {
    let name = StageName::Fusion;
    let onnx = bundle.fusion_model();
    let onnx = onnx.ok_or(EngineError::NoModel { stage: name })?;
    let (inputs, outputs) = (stage.inputs.named(), stage.outputs.named());
    let shapes = inputs.each_ref().map(|(_, shape)| &shape[..]);
    let model = Model::with_inputs(onnx, &shapes).map_err(|source| EngineError::Load {
        stage: name,
        source,
    })?;
    for (what, expected, found) in [
        ("inputs", &inputs[..], model.inputs()),
        ("outputs", &outputs, model.outputs()),
    ] {
        let expected = expected.iter().map(|(name, shape)| (*name, &shape[..]));
        let found = found
            .iter()
            .map(|tensor| (tensor.name.as_str(), &tensor.shape[..]));
        agree(name, what, describe(expected), describe(found))?;
    }
    Ok(Box::new(model))
}

fn describe<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> String {
    let each: Vec<String> = tensors
        .map(|(name, shape)| format!("{name} {shape:?}"))
        .collect();
    each.join(", ")
}

fn check(modality: Modality, stage: &Stage, model: &Model) -> Result<(), EngineError> {
    let name = modality.into();
    let names = |tensors: &[TensorSpec]| {
        let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        names.join(", ")
    };
    agree(name, "input", stage.input.clone(), names(model.inputs()))?;
    agree(name, "output", stage.output.clone(), names(model.outputs()))?;
    for output in model.outputs() {
        agree(
            name,
            "output shape",
            format!("{:?}", stage.output_shape),
            format!("{:?}", output.shape),
        )?;
    }
    Ok(())
}

fn agree(
    stage: StageName,
    what: &'static str,
    expected: String,
    found: String,
) -> Result<(), EngineError> {
    match expected == found {
        true => Ok(()),
        false => Err(EngineError::Interface {
            stage,
            what,
            expected,
            found,
        }),
    }
}

impl Engine for TractEngine {
    fn name(&self) -> &str {
        "tract"
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn new_maps(&self) -> StageMaps {
        let mut maps = PerModality::default();
        for (modality, stage) in self.stages.present() {
            maps.set(modality, Some(MapStack::new(stage.count, stage.side)));
        }
        maps
    }

    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError> {
        self.check_buffers(maps)?;
        for modality in Modality::ALL {
            if let Some(buffer) = maps.get_mut(modality)
                && !is_usable(part, modality)
            {
                buffer.data.fill(0.0);
            }
        }
        self.each(part, maps, |runner, input, room| match runner {
            Runner::Here(_) => Ok(()),
            Runner::Beside(worker) => worker.begin(input, room.len()),
        })?;
        let here = self.each(part, maps, |runner, input, room| match runner {
            Runner::Here(model) => model.run_into(input, &mut [room]),
            Runner::Beside(_) => Ok(()),
        });
        let beside = self.each(part, maps, |runner, _, room| match runner {
            Runner::Here(_) => Ok(()),
            Runner::Beside(worker) => worker.finish(room),
        });
        here.and(beside)
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        let stage = StageName::Fusion;
        let model = self.fusion.as_mut();
        let model = model.ok_or(EngineError::NoModel { stage })?;
        let inputs = [&inputs.rgb.data, &inputs.geometry.data, &inputs.valid].map(Vec::as_slice);
        let FusionMaps { fused, weight } = maps;
        let run = model.run_all_into(&inputs, &mut [fused, weight]);
        run.map_err(|source| match source {
            ModelError::InputLength { .. } | ModelError::OutputRoom { .. } => {
                EngineError::Buffers { stage }
            }
            source => EngineError::Run { stage, source },
        })
    }
}

#[cfg(test)]
mod tests;
