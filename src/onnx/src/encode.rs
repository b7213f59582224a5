//! A finished graph as the bytes of an ONNX file.

use prost::Message;

use crate::error::GraphError;
use crate::graph::{Element, Graph, Node, Source, Value};
use crate::proto::{
    DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// The operator set: the newest that TensorRT 8.4 to 8.6 support wholly.
const OPSET: i64 = 17;

/// The file format's version that belongs to [`OPSET`].
const IR_VERSION: i64 = 8;

impl Element {
    /// ONNX's number of the element type.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::F32 => 1,
            Self::I64 => 7,
            Self::F16 => 10,
        }
    }
}

impl Graph {
    /// The ONNX file: opset 17, IR version 8, static shapes declared for every value. The same
    /// graph gives the same bytes.
    ///
    /// # Errors
    /// The graph has no outputs.
    pub fn encode(&self) -> Result<Vec<u8>, GraphError> {
        if self.outputs.is_empty() {
            return Err(GraphError::NoOutput {
                graph: self.name.clone(),
            });
        }
        let declared = |indices: &[usize]| {
            let values = indices.iter().map(|&i| value_info(&self.values[i]));
            values.collect()
        };
        let inner: Vec<usize> = self
            .nodes
            .iter()
            .map(|node| node.output)
            .filter(|index| !self.outputs.contains(index))
            .collect();
        let graph = GraphProto {
            node: self
                .nodes
                .iter()
                .map(|node| self.node_proto(node))
                .collect(),
            name: Some(self.name.clone()),
            initializer: self.values.iter().filter_map(initialiser).collect(),
            input: declared(&self.inputs),
            output: declared(&self.outputs),
            value_info: declared(&inner),
        };
        let model = ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("twinspect".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
        };
        Ok(model.encode_to_vec())
    }

    fn node_proto(&self, node: &Node) -> NodeProto {
        let input = |index: &Option<usize>| match index {
            Some(index) => self.values[*index].name.clone(),
            None => String::new(),
        };
        NodeProto {
            input: node.inputs.iter().map(input).collect(),
            output: vec![self.values[node.output].name.clone()],
            name: Some(node.name.clone()),
            op_type: Some(node.op.to_owned()),
            attribute: node.attributes.clone(),
        }
    }
}

fn initialiser(value: &Value) -> Option<TensorProto> {
    let Source::Constant { raw } = &value.source else {
        return None;
    };
    Some(TensorProto {
        dims: value.shape.dims().iter().map(|&d| d as i64).collect(),
        data_type: Some(value.element.code()),
        name: Some(value.name.clone()),
        raw_data: Some(raw.clone()),
    })
}

fn value_info(value: &Value) -> ValueInfoProto {
    let dimension = |&size: &usize| DimensionProto {
        dim_value: Some(size as i64),
    };
    let tensor_type = TensorTypeProto {
        elem_type: Some(value.element.code()),
        shape: Some(TensorShapeProto {
            dim: value.shape.dims().iter().map(dimension).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(value.name.clone()),
        kind: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
    }
}
