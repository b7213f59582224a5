//! One ONNX network, ready to run.

use std::any::Any;
use std::sync::Arc;

use tract_onnx::prelude::{
    Datum as _, Framework as _, InferenceModelExt as _, IntoRunnable as _, TValue, Tensor,
    TractError, TypedFact, TypedModel, TypedSimpleState,
};
use tract_onnx::tract_hir::infer::InferenceFact;

use super::inspect::{Interface, inspect};
use super::size::check_size;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Name and shape of a 32-bit float tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the ONNX file.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A network with any number of inputs and outputs, optimised for one shape of each input. Most have
/// one input: [`Model::from_bytes`], [`Model::run`]; the others are loaded by [`Model::with_inputs`]
/// and run by [`Model::run_all_into`].
#[derive(Debug)]
pub struct Model {
    state: TypedSimpleState,
    /// Refilled for each run as long as tract gives them back; see [`Model::run_all_into`].
    inputs: Vec<Arc<Tensor>>,
    input_specs: Vec<TensorSpec>,
    output_specs: Vec<TensorSpec>,
}

/// A network that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not an ONNX file.
    #[error("this is no ONNX file")]
    Read(#[source] Cause),
    /// An ONNX file without a graph.
    #[error("the ONNX file holds no graph")]
    NoGraph,
    /// Weights in another file.
    #[error("tensor {tensor:?} lies in another file, expected all weights inside")]
    ExternalData {
        /// The tensor.
        tensor: String,
    },
    /// More operators than a network may have.
    #[error("the graph has {found} nodes, at most {limit} are allowed")]
    TooManyNodes {
        /// The limit.
        limit: usize,
        /// Nodes in the file.
        found: usize,
    },
    /// A loop or a branch.
    #[error("node {node:?} ({operator}) holds a subgraph, expected a plain graph")]
    Subgraph {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
    },
    /// Another number of inputs.
    #[error("the graph has the inputs {found:?}, expected {expected}")]
    Inputs {
        /// How many it should have.
        expected: usize,
        /// Their names.
        found: Vec<String>,
    },
    /// No output.
    #[error("the graph has no output")]
    NoOutput,
    /// Something uses a tensor that nothing makes.
    #[error("tensor {tensor:?} is used and never made")]
    Undefined {
        /// The tensor.
        tensor: String,
    },
    /// The input is not of 32-bit floats.
    #[error("input {tensor:?} is no tensor of 32-bit floats")]
    InputType {
        /// The input.
        tensor: String,
    },
    /// The file declares another input shape.
    #[error("input {tensor:?} is declared as {found}, expected {expected:?}")]
    InputShape {
        /// The input.
        tensor: String,
        /// What was asked for.
        expected: Vec<usize>,
        /// What the file declares.
        found: String,
    },
    /// An output whose shape or type is not fixed by the input's.
    #[error("output {tensor:?} is no tensor of 32-bit floats of a fixed shape")]
    OutputType {
        /// The output.
        tensor: String,
    },
    /// Tensors inside that are far larger than those of any network of ours: a run would take minutes, or all memory.
    #[error("{what} would hold {found} values, at most {limit} are allowed")]
    TooLarge {
        /// Which tensor, or all of them.
        what: String,
        /// The limit.
        limit: usize,
        /// Values that it would hold.
        found: usize,
    },
    /// tract can't make a plan of the graph: an unknown operator, shapes that contradict.
    #[error("planning the graph")]
    Plan(#[source] Cause),
    /// tract gave up on the graph.
    #[error("planning the graph broke off: {message}")]
    Panic {
        /// What it said.
        message: String,
    },
    /// The input has another length.
    #[error("{found} values for input {tensor:?}, expected {expected}")]
    InputLength {
        /// The input; the first without values if there are too few.
        tensor: String,
        /// Values that the shape needs.
        expected: usize,
        /// Values that were given.
        found: usize,
    },
    /// The buffers for the outputs have other lengths.
    #[error("{found} values of room for output {tensor:?}, expected {expected}")]
    OutputRoom {
        /// The output; the first without a buffer if there are too few.
        tensor: String,
        /// Values that the output has.
        expected: usize,
        /// Values that fit.
        found: usize,
    },
    /// The network panicked; the engine must be loaded again.
    #[error("the network broke off: {message}")]
    Ended {
        /// What it said.
        message: String,
    },
    /// tract failed in the middle.
    #[error("evaluating the graph")]
    Run(#[source] Cause),
    /// An output that is not all numbers.
    #[error("output {tensor:?} is {value} at index {index}")]
    NotFinite {
        /// The output.
        tensor: String,
        /// Index of the first such value.
        index: usize,
        /// Infinite or NaN.
        value: f32,
    },
}

impl Model {
    /// Reads and optimises a network with one input, of `input_shape`.
    ///
    /// # Errors
    /// [`ModelError`] for whatever is no plain network with one input of that shape; a panic of
    /// the ONNX reader is one of them.
    pub fn from_bytes(onnx: &[u8], input_shape: &[usize]) -> Result<Self, ModelError> {
        Self::with_inputs(onnx, &[input_shape])
    }

    /// Reads and optimises a network with inputs of these shapes, in the order of the file.
    ///
    /// # Errors
    /// As [`Model::from_bytes`].
    pub fn with_inputs(onnx: &[u8], input_shapes: &[&[usize]]) -> Result<Self, ModelError> {
        // tract asserts on some malformed graphs. Nothing outlives the call but its result.
        std::panic::catch_unwind(|| load(onnx, input_shapes)).unwrap_or_else(|panic| {
            Err(ModelError::Panic {
                message: panic_message(panic.as_ref()),
            })
        })
    }

    /// The inputs, in the order of the file.
    pub fn inputs(&self) -> &[TensorSpec] {
        &self.input_specs
    }

    /// The outputs, in the order of the file.
    pub fn outputs(&self) -> &[TensorSpec] {
        &self.output_specs
    }

    /// Runs a network of one input; one vector for each of [`Model::outputs`].
    ///
    /// # Errors
    /// As [`Model::run_all_into`].
    pub fn run(&mut self, input: &[f32]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut outputs: Vec<Vec<f32>> = self
            .output_specs
            .iter()
            .map(|spec| vec![0.0; spec.len()])
            .collect();
        let mut room: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.run_into(input, &mut room)?;
        Ok(outputs)
    }

    /// Runs a network of one input and copies each of [`Model::outputs`] into its buffer.
    ///
    /// # Errors
    /// As [`Model::run_all_into`].
    pub fn run_into(
        &mut self,
        input: &[f32],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), ModelError> {
        self.run_all_into(&[input], outputs)
    }

    /// Runs the network on values for each of [`Model::inputs`] and copies each of
    /// [`Model::outputs`] into its buffer.
    ///
    /// # Errors
    /// [`ModelError::InputLength`], [`ModelError::OutputRoom`], [`ModelError::Run`], and
    /// [`ModelError::NotFinite`] for an answer that is not all numbers.
    pub fn run_all_into(
        &mut self,
        inputs: &[&[f32]],
        outputs: &mut [&mut [f32]],
    ) -> Result<(), ModelError> {
        check_room(&self.input_specs, &self.output_specs, inputs, outputs)?;
        for ((tensor, spec), values) in self.inputs.iter_mut().zip(&self.input_specs).zip(inputs) {
            fill(tensor, spec, values)?;
        }
        let values = self.inputs.iter().map(Arc::clone).map(TValue::from_const);
        let answers = self.state.run(values.collect()).map_err(run_error)?;
        for ((spec, answer), room) in self.output_specs.iter().zip(&answers).zip(outputs) {
            let view = answer.try_as_plain_ram().map_err(run_error)?;
            copy(spec, view.as_slice().map_err(run_error)?, room)?;
        }
        Ok(())
    }
}

/// Holds the caller's buffers to what the network takes and gives.
pub(crate) fn check_room(
    input_specs: &[TensorSpec],
    output_specs: &[TensorSpec],
    inputs: &[&[f32]],
    outputs: &[&mut [f32]],
) -> Result<(), ModelError> {
    for (index, spec) in input_specs.iter().enumerate() {
        let found = inputs.get(index).map_or(0, |values| values.len());
        if found != spec.len() {
            return Err(ModelError::InputLength {
                tensor: spec.name.clone(),
                expected: spec.len(),
                found,
            });
        }
    }
    for (index, spec) in output_specs.iter().enumerate() {
        let found = outputs.get(index).map_or(0, |room| room.len());
        if found != spec.len() {
            return Err(room_error(spec, found));
        }
    }
    Ok(())
}

fn fill(tensor: &mut Arc<Tensor>, spec: &TensorSpec, values: &[f32]) -> Result<(), ModelError> {
    match Arc::get_mut(tensor) {
        Some(tensor) => {
            let mut view = tensor.try_as_plain_ram_mut().map_err(run_error)?;
            let room = view.as_slice_mut::<f32>().map_err(run_error)?;
            room.copy_from_slice(values);
        }
        // A run that failed may still hold the tensor.
        None => {
            let filled = Tensor::from_shape(&spec.shape, values);
            *tensor = Arc::new(filled.map_err(run_error)?);
        }
    }
    Ok(())
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

fn copy(spec: &TensorSpec, answer: &[f32], room: &mut [f32]) -> Result<(), ModelError> {
    if answer.len() != room.len() {
        return Err(room_error(spec, answer.len()));
    }
    room.copy_from_slice(answer);
    check_finite(spec, answer)
}

/// Finds the first value that is no number.
pub(crate) fn check_finite(spec: &TensorSpec, answer: &[f32]) -> Result<(), ModelError> {
    let mut values = answer.iter().enumerate();
    match values.find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, &value)) => Err(ModelError::NotFinite {
            tensor: spec.name.clone(),
            index,
            value,
        }),
    }
}

fn room_error(spec: &TensorSpec, found: usize) -> ModelError {
    ModelError::OutputRoom {
        tensor: spec.name.clone(),
        expected: spec.len(),
        found,
    }
}

fn run_error(error: TractError) -> ModelError {
    ModelError::Run(error.into())
}

fn load(onnx: &[u8], input_shapes: &[&[usize]]) -> Result<Model, ModelError> {
    let reader = tract_onnx::onnx();
    let proto = reader
        .proto_model_for_read(&mut &*onnx)
        .map_err(|error| ModelError::Read(error.into()))?;
    let interface = inspect(&proto, input_shapes)?;
    plan(&reader, &proto, interface, input_shapes)
}

fn plan(
    reader: &tract_onnx::Onnx,
    proto: &tract_onnx::pb::ModelProto,
    interface: Interface,
    input_shapes: &[&[usize]],
) -> Result<Model, ModelError> {
    let planned = |error: TractError| ModelError::Plan(error.into());
    let mut model = reader.model_for_proto_model(proto).map_err(planned)?;
    for (index, shape) in input_shapes.iter().enumerate() {
        let fact = InferenceFact::dt_shape(f32::datum_type(), *shape);
        model = model.with_input_fact(index, fact).map_err(planned)?;
    }
    let model: TypedModel = model.into_typed().map_err(planned)?;
    check_size(&model)?;
    let model = model.into_optimized().map_err(planned)?;
    let output_specs = interface
        .outputs
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let fact = model.output_fact(index).map_err(planned)?;
            output_spec(name, fact)
        })
        .collect::<Result<_, _>>()?;
    let zeros = input_shapes.iter().map(|shape| {
        let tensor = Tensor::zero::<f32>(shape).map_err(planned)?;
        Ok(Arc::new(tensor))
    });
    let inputs = zeros.collect::<Result<_, _>>()?;
    let named = interface.inputs.into_iter().zip(input_shapes);
    let state = model
        .into_runnable()
        .and_then(|plan| plan.spawn())
        .map_err(planned)?;
    Ok(Model {
        state,
        inputs,
        input_specs: named
            .map(|(name, shape)| TensorSpec {
                name,
                shape: shape.to_vec(),
            })
            .collect(),
        output_specs,
    })
}

fn output_spec(name: &str, fact: &TypedFact) -> Result<TensorSpec, ModelError> {
    match fact.shape.as_concrete() {
        Some(shape) if fact.datum_type == f32::datum_type() => Ok(TensorSpec {
            name: name.to_owned(),
            shape: shape.to_vec(),
        }),
        _ => Err(ModelError::OutputType {
            tensor: name.to_owned(),
        }),
    }
}
