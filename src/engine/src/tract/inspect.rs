//! What an ONNX file says of itself, looked at before tract sees it.
//!
//! Networks of bundles and teachers are plain graphs: no subgraphs, all weights inside.
//! Whatever else the format allows is refused here, because it could read other files, run for
//! ever, or trip over tract's assertions.

use std::collections::HashSet;

use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};

use super::ModelError;

/// Most nodes of a network.
const NODES_MAX: usize = 10_000;
/// ONNX's number for 32-bit floats.
const FLOAT: i32 = 1;

/// Names of a plain network's tensors.
pub(super) struct Interface {
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

/// Checks the graph and the shapes that it declares, one for each input. A declared dimension with a
/// name instead of a number fits any.
pub(super) fn inspect(
    proto: &ModelProto,
    input_shapes: &[&[usize]],
) -> Result<Interface, ModelError> {
    let graph = proto.graph.as_ref().ok_or(ModelError::NoGraph)?;
    check_weights(graph)?;
    check_nodes(graph)?;
    let constants: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs: Vec<&ValueInfoProto> = graph
        .input
        .iter()
        .filter(|input| !constants.contains(input.name.as_str()))
        .collect();
    let names: Vec<String> = inputs.iter().map(|input| input.name.clone()).collect();
    if names.len() != input_shapes.len() {
        return Err(ModelError::Inputs {
            expected: input_shapes.len(),
            found: names,
        });
    }
    for (input, shape) in inputs.iter().zip(input_shapes) {
        check_input(input, shape)?;
    }
    if graph.output.is_empty() {
        return Err(ModelError::NoOutput);
    }
    let known: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(String::as_str))
        .chain(constants)
        .chain(names.iter().map(String::as_str))
        .collect();
    let needed = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter())
        .chain(graph.output.iter().map(|output| &output.name));
    for name in needed.filter(|name| !name.is_empty()) {
        if !known.contains(name.as_str()) {
            return Err(ModelError::Undefined {
                tensor: name.clone(),
            });
        }
    }
    Ok(Interface {
        inputs: names,
        outputs: graph.output.iter().map(|o| o.name.clone()).collect(),
    })
}

fn check_weights(graph: &GraphProto) -> Result<(), ModelError> {
    let constants = graph.node.iter().flat_map(|node| &node.attribute);
    let tensors = graph
        .initializer
        .iter()
        .chain(constants.filter_map(|attribute| attribute.t.as_ref()));
    let is_external =
        |t: &&TensorProto| t.data_location.unwrap_or(0) != 0 || !t.external_data.is_empty();
    match tensors.into_iter().find(is_external) {
        None => Ok(()),
        Some(tensor) => Err(ModelError::ExternalData {
            tensor: tensor.name.clone(),
        }),
    }
}

fn check_nodes(graph: &GraphProto) -> Result<(), ModelError> {
    if graph.node.len() > NODES_MAX {
        return Err(ModelError::TooManyNodes {
            limit: NODES_MAX,
            found: graph.node.len(),
        });
    }
    let has_subgraph = |node: &&tract_onnx::pb::NodeProto| {
        let mut attributes = node.attribute.iter();
        attributes.any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
    };
    match graph.node.iter().find(has_subgraph) {
        None => Ok(()),
        Some(node) => Err(ModelError::Subgraph {
            node: node.name.clone(),
            operator: node.op_type.clone(),
        }),
    }
}

fn check_input(input: &ValueInfoProto, expected: &[usize]) -> Result<(), ModelError> {
    let value = input.r#type.as_ref().and_then(|t| t.value.as_ref());
    let Some(Type::TensorType(tensor)) = value else {
        return Err(ModelError::InputType {
            tensor: input.name.clone(),
        });
    };
    if tensor.elem_type != FLOAT {
        return Err(ModelError::InputType {
            tensor: input.name.clone(),
        });
    }
    let Some(shape) = &tensor.shape else {
        return Ok(());
    };
    let fits = shape.dim.len() == expected.len()
        && shape
            .dim
            .iter()
            .zip(expected)
            .all(|(dim, &expected)| match &dim.value {
                Some(Dimension::DimValue(value)) => usize::try_from(*value) == Ok(expected),
                Some(Dimension::DimParam(_)) | None => true,
            });
    if fits {
        return Ok(());
    }
    let found: Vec<String> = shape
        .dim
        .iter()
        .map(|dim| match &dim.value {
            Some(Dimension::DimValue(value)) => value.to_string(),
            Some(Dimension::DimParam(name)) => name.clone(),
            None => "?".to_owned(),
        })
        .collect();
    Err(ModelError::InputShape {
        tensor: input.name.clone(),
        expected: expected.to_vec(),
        found: format!("[{}]", found.join(", ")),
    })
}
