//! The stages as they will run on the device, on the trainer's side.

use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::{BANK_CHANNELS, PrepareSpec, PreparedPart};
use twinspect_core::score::{MapStack, StageMaps};
use twinspect_engine::tract::{Model, ModelError};

use super::ExportError;

/// The networks of one product.
pub(crate) struct DeviceStages {
    models: PerModality<Model>,
    side: usize,
}

impl DeviceStages {
    /// From ONNX files.
    pub(crate) fn load(
        stages: &PerModality<Vec<u8>>,
        spec: &PrepareSpec,
    ) -> Result<Self, ModelError> {
        let mut models = PerModality::default();
        for (modality, onnx) in stages.present() {
            let model = Model::from_bytes(onnx, &input_shape(modality, spec))?;
            models.set(modality, Some(model));
        }
        Ok(Self {
            models,
            side: spec.map_size(),
        })
    }

    /// What they answer for a part, called `name`, if all of it is numbers.
    pub(crate) fn numbers(
        &mut self,
        part: &PreparedPart,
        name: &str,
    ) -> Result<StageMaps, ExportError> {
        let maps = self.answer(part)?;
        let mut present = maps.present();
        let odd = present.find(|(_, stack)| !stack.is_finite());
        match odd.map(|(modality, _)| modality) {
            Some(modality) => Err(ExportError::NotNumbers {
                modality,
                part: name.to_owned(),
            }),
            None => {
                drop(present);
                Ok(maps)
            }
        }
    }

    /// What they answer for a part.
    pub(crate) fn answer(&mut self, part: &PreparedPart) -> Result<StageMaps, ModelError> {
        let mut maps = PerModality::default();
        for modality in Modality::ALL {
            let Some(model) = self.models.get_mut(modality) else {
                continue;
            };
            let input = match modality {
                Modality::Rgb => &part.rgb,
                Modality::Geometry => &part.geometry,
            };
            let data = model.run(input)?.into_iter().next().unwrap_or_default();
            let stack = MapStack {
                count: data.len() / (self.side * self.side),
                side: self.side,
                data,
            };
            maps.set(modality, Some(stack));
        }
        Ok(maps)
    }
}

/// What a stage takes.
pub(super) fn input_shape(modality: Modality, spec: &PrepareSpec) -> [usize; 4] {
    match modality {
        Modality::Rgb => [1, 3, spec.size, spec.size],
        Modality::Geometry => [1, BANK_CHANNELS, spec.map_size(), spec.map_size()],
    }
}
