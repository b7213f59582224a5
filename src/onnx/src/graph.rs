//! The graph under construction: values, constants, nodes and their names.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use half::f16;

use crate::error::GraphError;
use crate::proto::AttributeProto;
use crate::shape::Shape;

/// Names of nodes that must be computed in f32 whatever the precision of the rest begin with this:
/// norms, distances, map arithmetic (see [`Graph::head`]).
pub const HEAD_PREFIX: &str = "head.";

/// How weights of convolutions and matrix products are stored. Biases and other constants are
/// always f32, and all arithmetic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeightFormat {
    /// As they are.
    #[default]
    F32,
    /// Rounded to f16, followed by a Cast to f32: half the file.
    F16,
}

/// A handle to an f32 tensor of one [`Graph`], with its static shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    pub(crate) graph: u64,
    pub(crate) index: usize,
    shape: Shape,
}

impl Tensor {
    /// The shape; NCHW for pictures and feature maps.
    pub fn shape(&self) -> Shape {
        self.shape
    }
}

/// A node's or value's place in [`Graph::values`].
pub(crate) type ValueIndex = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F16,
    I64,
}

#[derive(Debug)]
pub(crate) enum Source {
    Input,
    Constant { raw: Vec<u8> },
    Node,
}

#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) element: Element,
    pub(crate) shape: Shape,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) op: &'static str,
    /// `None` is an absent optional input.
    pub(crate) inputs: Vec<Option<ValueIndex>>,
    pub(crate) output: ValueIndex,
    pub(crate) attributes: Vec<AttributeProto>,
}

/// An ONNX graph under construction. Nodes are added in an order in which they can run.
///
/// Every method that adds a node takes its name first; the full name is the path of the scopes
/// ([`Graph::within`]) and that name, joined by dots, with a number appended when it is taken.
#[derive(Debug)]
pub struct Graph {
    pub(crate) name: String,
    id: u64,
    weights: WeightFormat,
    scopes: Vec<String>,
    heads: usize,
    names: HashSet<String>,
    pub(crate) values: Vec<Value>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: Vec<ValueIndex>,
    pub(crate) outputs: Vec<ValueIndex>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: &str, weights: WeightFormat) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            name: name.to_owned(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            weights,
            scopes: Vec::new(),
            heads: 0,
            names: HashSet::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds nodes under a scope: their names begin with `scope` and a dot, inside the scopes that
    /// are open already.
    pub fn within<R>(&mut self, scope: &str, add: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(scope.to_owned());
        let result = add(self);
        self.scopes.pop();
        result
    }

    /// Adds nodes of a head: their full names begin with [`HEAD_PREFIX`], before all scopes, so
    /// that an engine can be told to keep them in f32.
    pub fn head<R>(&mut self, add: impl FnOnce(&mut Self) -> R) -> R {
        self.heads += 1;
        let result = add(self);
        self.heads -= 1;
        result
    }

    /// Full names of the nodes, in the order of the file.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str())
    }

    /// Declares an f32 input of the graph under exactly this name.
    ///
    /// # Errors
    /// The name is taken or unusable, or the dimensions make no shape.
    pub fn input(&mut self, name: &str, dims: &[usize]) -> Result<Tensor, GraphError> {
        let shape = shape_of(name, dims)?;
        self.claim(name)?;
        let tensor = self.push(name.to_owned(), Element::F32, shape, Source::Input);
        self.inputs.push(tensor.index);
        Ok(tensor)
    }

    /// Makes a tensor an output of the graph under exactly this name.
    ///
    /// # Errors
    /// The name is taken or unusable, or the tensor belongs to another graph.
    pub fn output(&mut self, name: &str, tensor: Tensor) -> Result<(), GraphError> {
        self.check(name, tensor)?;
        let value = &self.values[tensor.index];
        // What a node computes can carry the output's name itself; an input, a constant or a
        // tensor that is an output already needs a node of its own.
        let renamed = matches!(value.source, Source::Node) && !self.outputs.contains(&tensor.index);
        let index = if renamed {
            if value.name != name {
                self.claim(name)?;
                self.values[tensor.index].name = name.to_owned();
            }
            tensor.index
        } else {
            self.claim(name)?;
            let output = self.push(name.to_owned(), Element::F32, tensor.shape, Source::Node);
            self.nodes.push(Node {
                name: name.to_owned(),
                op: "Identity",
                inputs: vec![Some(tensor.index)],
                output: output.index,
                attributes: Vec::new(),
            });
            output.index
        };
        self.outputs.push(index);
        Ok(())
    }

    /// An f32 constant.
    ///
    /// # Errors
    /// The number of values is not that of the shape, or one is not finite.
    pub fn constant(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        self.constant_named(name, dims, values)
    }

    /// A constant that is stored as the graph's [`WeightFormat`] says; in a head always as f32, as
    /// the small differences that heads are about would drown in f16.
    ///
    /// # Errors
    /// As [`Graph::constant`]; also a value beyond the range of f16 where that is the format.
    pub fn weight(
        &mut self,
        name: &str,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Tensor, GraphError> {
        let name = self.full_name(name)?;
        self.weight_named(name, dims, values)
    }

    pub(crate) fn constant_named(
        &mut self,
        name: String,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Tensor, GraphError> {
        let shape = checked_constant(&name, dims, values)?;
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Ok(self.push(name, Element::F32, shape, Source::Constant { raw }))
    }

    pub(crate) fn weight_named(
        &mut self,
        name: String,
        dims: &[usize],
        values: &[f32],
    ) -> Result<Tensor, GraphError> {
        if self.weights == WeightFormat::F32 || self.heads > 0 {
            return self.constant_named(name, dims, values);
        }
        let shape = checked_constant(&name, dims, values)?;
        let halves: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
        if let Some(index) = halves.iter().position(|v| !v.is_finite()) {
            return Err(GraphError::HalfRange {
                name,
                index,
                value: values[index],
            });
        }
        let raw = halves.iter().flat_map(|v| v.to_le_bytes()).collect();
        let stored_name = self.part_name(&name, "f16");
        let stored = self.push(stored_name, Element::F16, shape, Source::Constant { raw });
        let to_f32 = AttributeProto::int("to", Element::F32.code().into());
        Ok(self.append(name, "Cast", &[stored], vec![to_f32], shape))
    }

    /// The unique name of a constant that belongs to a node.
    pub(crate) fn part_name(&mut self, node: &str, part: &str) -> String {
        self.unique(&format!("{node}.{part}"))
    }

    /// An i64 constant vector, for operators that take axes, sizes or shapes as inputs.
    pub(crate) fn integers(
        &mut self,
        name: String,
        values: &[usize],
    ) -> Result<Tensor, GraphError> {
        let shape = shape_of(&name, &[values.len()])?;
        let raw = values
            .iter()
            .flat_map(|&v| (v as i64).to_le_bytes())
            .collect();
        Ok(self.push(name, Element::I64, shape, Source::Constant { raw }))
    }

    /// The full, unique and from now on reserved name of a node or constant that is to be added.
    pub(crate) fn full_name(&mut self, name: &str) -> Result<String, GraphError> {
        let mut path = String::new();
        if self.heads > 0 {
            path.push_str(HEAD_PREFIX);
        }
        for scope in &self.scopes {
            path.push_str(scope);
            path.push('.');
        }
        path.push_str(name);
        if name.is_empty() || !is_name(&path) {
            return Err(GraphError::Name { name: path });
        }
        Ok(self.unique(&path))
    }

    /// The operand's shape, when it belongs to this graph.
    pub(crate) fn check(&self, node: &str, tensor: Tensor) -> Result<Shape, GraphError> {
        if tensor.graph == self.id {
            Ok(tensor.shape)
        } else {
            Err(GraphError::ForeignTensor { node: node.into() })
        }
    }

    /// The operand's four axes.
    pub(crate) fn check_nchw(&self, node: &str, tensor: Tensor) -> Result<[usize; 4], GraphError> {
        let found = self.check(node, tensor)?;
        found.nchw().ok_or_else(|| GraphError::Rank {
            node: node.into(),
            expected: 4,
            found,
        })
    }

    /// Adds a node under a name from [`Graph::full_name`]; its output carries the same name.
    pub(crate) fn append(
        &mut self,
        name: String,
        op: &'static str,
        inputs: &[Tensor],
        attributes: Vec<AttributeProto>,
        shape: Shape,
    ) -> Tensor {
        let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
        self.append_optional(name, op, &inputs, attributes, shape)
    }

    /// [`Graph::append`] for an operator with absent optional inputs.
    pub(crate) fn append_optional(
        &mut self,
        name: String,
        op: &'static str,
        inputs: &[Option<Tensor>],
        attributes: Vec<AttributeProto>,
        shape: Shape,
    ) -> Tensor {
        let output = self.push(name.clone(), Element::F32, shape, Source::Node);
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.iter().map(|t| t.map(|t| t.index)).collect(),
            output: output.index,
            attributes,
        });
        output
    }

    fn push(&mut self, name: String, element: Element, shape: Shape, source: Source) -> Tensor {
        self.values.push(Value {
            name,
            element,
            shape,
            source,
        });
        Tensor {
            graph: self.id,
            index: self.values.len() - 1,
            shape,
        }
    }

    fn claim(&mut self, name: &str) -> Result<(), GraphError> {
        if !is_name(name) {
            return Err(GraphError::Name { name: name.into() });
        }
        if self.names.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(GraphError::DuplicateName { name: name.into() })
        }
    }

    fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.names.insert(unique.clone()) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        unique
    }
}

pub(crate) fn shape_of(name: &str, dims: &[usize]) -> Result<Shape, GraphError> {
    Shape::new(dims).ok_or_else(|| GraphError::Shape {
        name: name.into(),
        dims: dims.into(),
    })
}

fn checked_constant(name: &str, dims: &[usize], values: &[f32]) -> Result<Shape, GraphError> {
    let shape = shape_of(name, dims)?;
    if values.len() != shape.elements() {
        return Err(GraphError::Length {
            name: name.into(),
            expected: shape.elements(),
            found: values.len(),
        });
    }
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(shape),
        Some(index) => Err(GraphError::NotFinite {
            name: name.into(),
            index,
            value: values[index],
        }),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(allowed)
}
