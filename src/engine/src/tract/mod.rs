//! tract, pure Rust: runs any ONNX network.

mod inspect;
mod model;
mod size;

pub use model::{Model, ModelError, TensorSpec};
pub(crate) use model::{check_finite, check_room, panic_message};

use std::num::NonZero;

use crate::cpu::Network;

impl Network for Model {
    const ENGINE: &'static str = "tract";
    const IS_SHARED: bool = false;

    fn load(onnx: &[u8], input_shapes: &[&[usize]], _: NonZero<usize>) -> Result<Self, ModelError> {
        Self::with_inputs(onnx, input_shapes)
    }

    fn inputs(&self) -> &[TensorSpec] {
        self.inputs()
    }

    fn outputs(&self) -> &[TensorSpec] {
        self.outputs()
    }

    fn by_tract(&self) -> Option<&str> {
        None
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), ModelError> {
        self.run_all_into(inputs, outputs)
    }
}

#[cfg(test)]
mod tests;
