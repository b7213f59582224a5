//! The CPU engine: tract, pure Rust, one thread.

mod inspect;
mod model;

pub use model::{Model, ModelError, TensorSpec};

use twinspect_bundle::{Bundle, Stage};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{MapStack, StageMaps};

use crate::engine::{Engine, EngineError, Precision, is_usable};

/// The stages of one product on the CPU.
#[derive(Debug)]
pub struct TractEngine {
    stages: PerModality<LoadedStage>,
}

#[derive(Debug)]
struct LoadedStage {
    model: Model,
    count: usize,
    side: usize,
}

impl TractEngine {
    /// Reads, checks and optimises the networks of a bundle.
    ///
    /// # Errors
    /// [`EngineError::Load`] for what is no usable network, [`EngineError::Interface`] for one
    /// whose tensors are not those of the manifest.
    pub fn load(bundle: &Bundle) -> Result<Self, EngineError> {
        let mut stages = PerModality::default();
        for (modality, stage) in bundle.manifest().stages.present() {
            let onnx = bundle
                .stage_model(modality)
                .ok_or(EngineError::NoModel { modality })?;
            let model = Model::from_bytes(onnx, &stage.input_shape)
                .map_err(|source| EngineError::Load { modality, source })?;
            check(modality, stage, &model)?;
            let [_, count, side, _] = stage.output_shape;
            stages.set(modality, Some(LoadedStage { model, count, side }));
        }
        Ok(Self { stages })
    }
}

fn check(modality: Modality, stage: &Stage, model: &Model) -> Result<(), EngineError> {
    let agree = |what, expected: String, found: String| match expected == found {
        true => Ok(()),
        false => Err(EngineError::Interface {
            modality,
            what,
            expected,
            found,
        }),
    };
    let names: Vec<&str> = model.outputs().iter().map(|o| o.name.as_str()).collect();
    agree("input", stage.input.clone(), model.input().name.clone())?;
    agree("output", stage.output.clone(), names.join(", "))?;
    for output in model.outputs() {
        agree(
            "output shape",
            format!("{:?}", stage.output_shape),
            format!("{:?}", output.shape),
        )?;
    }
    Ok(())
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
        for modality in Modality::ALL {
            let (stage, buffer) = match (self.stages.get_mut(modality), maps.get_mut(modality)) {
                (None, None) => continue,
                (Some(stage), Some(buffer))
                    if buffer.count == stage.count && buffer.side == stage.side =>
                {
                    (stage, buffer)
                }
                _ => return Err(EngineError::Buffers { modality }),
            };
            if !is_usable(part, modality) {
                buffer.data.fill(0.0);
                continue;
            }
            let input = match modality {
                Modality::Rgb => &part.rgb,
                Modality::Geometry => &part.geometry,
            };
            stage
                .model
                .run_into(input, &mut [&mut buffer.data])
                .map_err(|source| EngineError::Run { modality, source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
