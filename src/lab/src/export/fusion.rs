//! The network of a bundle that joins both modalities: as the trainer computes it, and as the device's
//! engine does.

use twinspect_bundle::FusionStage;
use twinspect_core::score::{FusionInputs, FusionMaps};
use twinspect_engine::tract::{Model, ModelError};
use twinspect_nn::{Rng, restore};

use super::model::{TrainedModel, read};
use super::{ExportError, RunFolder, RunRecord};
use crate::config::Join;
use crate::fusion::{Gate, Joining};

/// A joining that is a network.
pub(super) struct Fusion {
    pub(super) stage: FusionStage,
    pub(super) onnx: Vec<u8>,
    joining: Joining,
    device: Model,
}

impl Fusion {
    /// Of a finished run; `None` where the larger evidence counts, or where there is one modality.
    pub(super) fn load(
        folder: &RunFolder,
        record: &RunRecord,
        join: Join,
    ) -> Result<Option<Self>, ExportError> {
        let views = TrainedModel::views(record);
        let (Some(rgb), Some(geometry)) = (&views.rgb, &views.geometry) else {
            if join == Join::Gate {
                log::warn!(
                    "one modality inspects this product: there is nothing for a gate to join"
                );
            }
            return Ok(None);
        };
        let counts = [rgb.views.len(), geometry.views.len()];
        let joining = match Joining::untaught(join) {
            Some(joining) => joining,
            None if join == Join::Gate => {
                Joining::Gate(Box::new(load_gate(folder, record, counts)?))
            }
            None => return Ok(None),
        };
        let stage = FusionStage::new(counts[0], counts[1], record.prepare.map_size());
        let onnx = joining.onnx(&stage)?;
        let shapes = stage.inputs.named();
        let shapes = shapes.each_ref().map(|(_, shape)| shape.as_slice());
        Ok(Some(Self {
            device: Model::with_inputs(&onnx, &shapes)?,
            stage,
            onnx,
            joining,
        }))
    }

    /// What the device's engine answers.
    pub(super) fn ask(
        &mut self,
        inputs: &FusionInputs,
        maps: &mut FusionMaps,
    ) -> Result<(), ModelError> {
        let FusionInputs {
            rgb,
            geometry,
            valid,
        } = inputs;
        self.device.run_all_into(
            &[&rgb.data, &geometry.data, valid],
            &mut [&mut maps.fused, &mut maps.weight],
        )
    }

    /// What the trainer answers.
    pub(super) fn trained(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) {
        self.joining.fuse(inputs, maps);
    }
}

fn load_gate(
    folder: &RunFolder,
    record: &RunRecord,
    counts: [usize; 2],
) -> Result<Gate, ExportError> {
    let path = folder.gate();
    if !path.exists() {
        return Err(ExportError::NoGate {
            run: folder.path().to_owned(),
        });
    }
    let checkpoint = read(folder, record, &path)?;
    let mut gate = Gate::new(counts, &mut Rng::new(0));
    let restored = restore(&mut gate, &checkpoint.state);
    restored.map_err(|source| ExportError::Student { path, source })?;
    Ok(gate)
}
