//! A network, as tract has it.

use std::fmt::Write as _;
use std::sync::Mutex;

use tract_onnx::prelude::{
    Framework as _, InferenceModelExt as _, IntoRunnable as _, TValue, Tensor, TractError,
    TypedSimpleState,
};

pub struct Network {
    inputs: Vec<Named>,
    outputs: Vec<Named>,
    layers: Vec<String>,
    state: Mutex<TypedSimpleState>,
}

/// Name and shape of a tensor.
struct Named {
    name: String,
    shape: Vec<usize>,
}

impl Network {
    /// Reads a network with static shapes.
    pub(crate) fn read(source: &[u8]) -> Result<Self, TractError> {
        let reader = tract_onnx::onnx();
        let proto = reader.proto_model_for_read(&mut &*source)?;
        let graph = proto
            .graph
            .as_ref()
            .ok_or_else(|| TractError::msg("no graph"))?;
        let constants: Vec<&str> = graph
            .initializer
            .iter()
            .map(|constant| constant.name.as_str())
            .collect();
        let inputs = graph.input.iter().map(|input| input.name.as_str());
        let inputs: Vec<&str> = inputs.filter(|name| !constants.contains(name)).collect();

        let model = reader.model_for_proto_model(&proto)?;
        let shapes = (0..inputs.len()).map(|index| {
            let shape = model.input_fact(index)?.shape.as_concrete_finite()?;
            shape
                .map(|shape| shape.to_vec())
                .ok_or_else(|| TractError::msg("a size is unknown"))
        });
        let inputs = named(&inputs, &shapes.collect::<Result<Vec<_>, TractError>>()?);
        let model = model.into_optimized()?;
        let shapes = (0..graph.output.len()).map(|index| {
            let shape = model
                .output_fact(index)?
                .shape
                .as_concrete()
                .map(<[usize]>::to_vec);
            shape.ok_or_else(|| TractError::msg("a size is unknown"))
        });
        let outputs: Vec<&str> = graph
            .output
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        let outputs = named(&outputs, &shapes.collect::<Result<Vec<_>, TractError>>()?);
        Ok(Self {
            inputs,
            outputs,
            layers: graph.node.iter().map(|node| node.name.clone()).collect(),
            state: Mutex::new(model.into_runnable()?.spawn()?),
        })
    }

    pub(crate) fn description(&self) -> String {
        let mut text = String::new();
        let inputs = self.inputs.iter().map(|tensor| ("input", tensor));
        for (direction, tensor) in
            inputs.chain(self.outputs.iter().map(|tensor| ("output", tensor)))
        {
            let sizes: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
            let _infallible = writeln!(text, "{direction} {} {}", tensor.name, sizes.join(" "));
        }
        for layer in &self.layers {
            let _infallible = writeln!(text, "layer {layer}");
        }
        text
    }

    /// # Safety
    /// Places for as many numbers as the tensors have, inputs first, no two of them the same.
    pub(crate) unsafe fn run(&self, places: *const *mut f32) -> Result<(), TractError> {
        let mut places = (0..).map(|index| {
            // SAFETY: the caller's promise; the tensors are counted below.
            unsafe { *places.add(index) }
        });
        let inputs = self.inputs.iter().zip(&mut places).map(|(tensor, place)| {
            // SAFETY: the caller's promise.
            let numbers =
                unsafe { std::slice::from_raw_parts(place, tensor.shape.iter().product()) };
            Ok(TValue::from(Tensor::from_shape(&tensor.shape, numbers)?))
        });
        let inputs = inputs.collect::<Result<_, TractError>>()?;
        let mut state = self
            .state
            .lock()
            .map_err(|_poisoned| TractError::msg("an earlier run broke off"))?;
        let answers = state.run(inputs)?;
        for ((tensor, answer), place) in self.outputs.iter().zip(&answers).zip(places) {
            // SAFETY: the caller's promise.
            let room =
                unsafe { std::slice::from_raw_parts_mut(place, tensor.shape.iter().product()) };
            room.copy_from_slice(answer.try_as_plain_ram()?.as_slice::<f32>()?);
        }
        Ok(())
    }
}

fn named(names: &[&str], shapes: &[Vec<usize>]) -> Vec<Named> {
    let named = names.iter().zip(shapes).map(|(&name, shape)| Named {
        name: name.to_owned(),
        shape: shape.clone(),
    });
    named.collect()
}
