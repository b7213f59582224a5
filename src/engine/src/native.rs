//! Our own kernels as an engine: [`NativeNetwork`].

use std::num::NonZero;
use std::panic::catch_unwind;

use twinspect_native::Network as Kernels;

use crate::cpu::Network;
use crate::tract::{Model, ModelError, TensorSpec, check_finite, check_room, panic_message};

/// A network that our own kernels run if they know all of it, and tract if not.
#[derive(Debug)]
pub struct NativeNetwork(Library);

#[derive(Debug)]
enum Library {
    Native(Box<Native>),
    Tract { model: Box<Model>, why: String },
}

#[derive(Debug)]
struct Native {
    kernels: Kernels,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

impl Native {
    /// What our kernels make of a network, or why they don't take it.
    fn load(
        onnx: &[u8],
        input_shapes: &[&[usize]],
        threads: NonZero<usize>,
    ) -> Result<Self, String> {
        let read = catch_unwind(|| Kernels::for_threads(onnx, threads));
        let read = read.map_err(|panic| panic_message(panic.as_ref()))?;
        let kernels = read.map_err(|error| with_causes(&error))?;
        let specs = |specs: &[twinspect_native::TensorSpec]| {
            let each = specs.iter().map(|spec| TensorSpec {
                name: spec.name.clone(),
                shape: spec.shape.clone(),
            });
            each.collect::<Vec<_>>()
        };
        let (inputs, outputs) = (specs(kernels.inputs()), specs(kernels.outputs()));
        let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
        if shapes != input_shapes {
            return Err(format!(
                "its inputs are {shapes:?}, {input_shapes:?} are asked for"
            ));
        }
        Ok(Self {
            kernels,
            inputs,
            outputs,
        })
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), ModelError> {
        check_room(&self.inputs, &self.outputs, inputs, outputs)?;
        let run = self.kernels.run(inputs, outputs);
        run.map_err(|error| ModelError::Run(error.into()))?;
        for (spec, values) in self.outputs.iter().zip(outputs) {
            check_finite(spec, values)?;
        }
        Ok(())
    }
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

impl Network for NativeNetwork {
    const ENGINE: &'static str = "native";
    const IS_SHARED: bool = true;

    /// What our kernels don't take, tract is asked about: it either runs it, or says better what is wrong with it.
    fn load(
        onnx: &[u8],
        input_shapes: &[&[usize]],
        threads: NonZero<usize>,
    ) -> Result<Self, ModelError> {
        let library = match Native::load(onnx, input_shapes, threads) {
            Ok(native) => Library::Native(Box::new(native)),
            Err(why) => Library::Tract {
                model: Box::new(Model::with_inputs(onnx, input_shapes)?),
                why,
            },
        };
        Ok(Self(library))
    }

    fn inputs(&self) -> &[TensorSpec] {
        match &self.0 {
            Library::Native(native) => &native.inputs,
            Library::Tract { model, .. } => model.inputs(),
        }
    }

    fn outputs(&self) -> &[TensorSpec] {
        match &self.0 {
            Library::Native(native) => &native.outputs,
            Library::Tract { model, .. } => model.outputs(),
        }
    }

    fn by_tract(&self) -> Option<&str> {
        match &self.0 {
            Library::Native(_) => None,
            Library::Tract { why, .. } => Some(why),
        }
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), ModelError> {
        match &mut self.0 {
            Library::Native(native) => native.run(inputs, outputs),
            Library::Tract { model, .. } => model.run_all_into(inputs, outputs),
        }
    }
}
