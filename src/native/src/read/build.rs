//! From nodes to steps: constants folded, activations and sums joined with the product before them, views told apart
//! from what has to be computed.

use std::collections::HashMap;

use super::draft::{Action, Draft, MapId};
use super::graph::{Constant, EXTENT_MAX, Graph, Node, VALUES_MAX, Values, damaged};
use crate::error::NetworkError;
use crate::map::MapShape;

/// A plan under construction, and at last the whole plan.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) maps: Vec<Planned>,
    /// In the order in which they run; `None` for what was joined with another.
    pub(super) drafts: Vec<Option<Draft>>,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    bound: HashMap<String, Bound>,
    /// How often each name is read.
    readers: HashMap<String, usize>,
}

/// A map that the network takes or gives.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) dims: Vec<usize>,
    pub(super) map: MapId,
}

/// A map of the plan.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) shape: MapShape,
    /// How many nodes read it, under any name.
    readers: usize,
    /// The only step that writes it, while that may still be joined with a later one.
    maker: Option<usize>,
    /// Number of steps after which it is there.
    since: usize,
}

/// Extents and values of a constant.
pub(super) type Floats<'a> = (&'a [usize], &'a [f32]);

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Constant(Constant),
    Map(MapId, View),
}

/// How a graph looks at a map's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// `[1, channels, rows, columns]`.
    Plain,
    /// `[1, groups, channels / groups, pixels]`.
    Grouped {
        /// Groups of neighbouring channels.
        groups: usize,
    },
}

impl Plan {
    /// Plans a graph.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, NetworkError> {
        let graph = Graph::read(bytes)?;
        let mut plan = Self {
            maps: Vec::new(),
            drafts: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            bound: HashMap::new(),
            readers: HashMap::new(),
        };
        let read = graph.nodes.iter().flat_map(|node| &node.inputs);
        for name in read.chain(graph.outputs.iter().map(|output| &output.name)) {
            *plan.readers.entry(name.clone()).or_default() += 1;
        }
        let constants = graph.constants.into_iter();
        plan.bound
            .extend(constants.map(|(name, constant)| (name, Bound::Constant(constant))));
        for input in graph.inputs {
            let &[1, channels, rows, columns] = &input.dims[..] else {
                return Err(damaged(format!(
                    "the input {} has the shape {:?}, [1, channels, rows, columns] is expected",
                    input.name, input.dims
                )));
            };
            let map = plan.add_map(rows, columns, channels)?;
            plan.bind(&input.name, map, View::Plain);
            plan.inputs.push(Port {
                name: input.name,
                dims: input.dims,
                map,
            });
        }
        for node in &graph.nodes {
            plan.add(node)?;
        }
        for output in graph.outputs {
            let map = match plan.bound.get(&output.name) {
                Some(&Bound::Map(map, View::Plain)) => map,
                _ => {
                    return Err(damaged(format!(
                        "nothing computes the output {}",
                        output.name
                    )));
                }
            };
            let shape = plan.maps[map.0].shape;
            let found = [1, shape.channels, shape.rows, shape.columns];
            if output.dims != found {
                return Err(damaged(format!(
                    "the output {} is declared as {:?} and has the shape {found:?}",
                    output.name, output.dims
                )));
            }
            plan.outputs.push(Port {
                name: output.name,
                dims: output.dims,
                map,
            });
        }
        plan.check_size()?;
        Ok(plan)
    }

    /// Memory for all maps together, borders included, is bounded before any of it is asked for.
    fn check_size(&self) -> Result<(), NetworkError> {
        let values = self.maps.iter().try_fold(0_usize, |sum, map| {
            let MapShape {
                rows,
                columns,
                channels,
                border,
                ..
            } = map.shape;
            let [rows, columns] = [rows, columns].map(|extent| extent + 2 * border);
            let values = rows.checked_mul(columns)?.checked_mul(channels)?;
            sum.checked_add(values)
        });
        match values {
            Some(values) if values <= VALUES_MAX => Ok(()),
            _ => Err(damaged(format!(
                "its maps have more than {VALUES_MAX} values together"
            ))),
        }
    }

    fn add(&mut self, node: &Node) -> Result<(), NetworkError> {
        match node.operator.as_str() {
            "Cast" => self.cast(node),
            "Conv" => self.convolution(node),
            "ConvTranspose" => self.raising(node),
            "Relu" | "Clip" => self.bounding(node),
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" => self.binary(node),
            "Neg" | "Abs" | "Sqrt" | "Exp" | "Sigmoid" => self.unary(node),
            "ReduceSum" | "ReduceMean" | "ReduceMax" | "GlobalAveragePool" => self.reduction(node),
            "MaxPool" => self.pooling(node),
            "Concat" => self.concat(node),
            "Reshape" => self.reshape(node),
            "Resize" => self.resize(node),
            _ => Err(NetworkError::Operator {
                node: node.name.clone(),
                operator: node.operator.clone(),
            }),
        }
    }

    /// A map of these extents; there is no border yet.
    ///
    /// # Errors
    /// It would be larger than any map of a sound graph.
    pub(super) fn add_map(
        &mut self,
        rows: usize,
        columns: usize,
        channels: usize,
    ) -> Result<MapId, NetworkError> {
        let values = rows
            .checked_mul(columns)
            .and_then(|pixels| pixels.checked_mul(channels));
        if values.is_none_or(|values| values == 0 || values > VALUES_MAX)
            || rows.max(columns) > EXTENT_MAX
        {
            return Err(damaged(format!(
                "a map of {channels} x {rows} x {columns} is computed; {VALUES_MAX} values and {EXTENT_MAX} rows and \
                 columns are the most"
            )));
        }
        self.maps.push(Planned {
            shape: MapShape {
                rows,
                columns,
                channels,
                border: 0,
                block: channels,
            },
            readers: 0,
            maker: None,
            since: self.drafts.len(),
        });
        Ok(MapId(self.maps.len() - 1))
    }

    pub(super) fn shape(&self, map: MapId) -> MapShape {
        self.maps[map.0].shape
    }

    pub(super) fn widen(&mut self, map: MapId, border: usize) {
        let shape = &mut self.maps[map.0].shape;
        shape.border = shape.border.max(border);
    }

    /// Adds a step; it may be joined with a later one while it is the only one that writes its map.
    pub(super) fn push(&mut self, input: MapId, output: MapId, action: Action) {
        let planned = &mut self.maps[output.0];
        planned.maker = Some(self.drafts.len());
        planned.since = self.drafts.len() + 1;
        self.drafts.push(Some(Draft {
            input,
            output,
            action,
        }));
    }

    /// Gives a map a name.
    pub(super) fn bind(&mut self, name: &str, map: MapId, view: View) {
        self.maps[map.0].readers += self.readers.get(name).copied().unwrap_or(0);
        self.bound.insert(name.to_owned(), Bound::Map(map, view));
    }

    /// Gives a map that this node would read another name, without a step.
    pub(super) fn rename(&mut self, node: &Node, map: MapId, view: View) {
        self.maps[map.0].readers -= 1;
        self.bind(&node.output, map, view);
    }

    /// The step that makes a map which nobody else reads.
    pub(super) fn sole_maker(&mut self, map: MapId) -> Option<&mut Action> {
        let planned = &self.maps[map.0];
        let maker = planned.maker.filter(|_| planned.readers == 1)?;
        self.drafts[maker].as_mut().map(|draft| &mut draft.action)
    }

    /// [`Plan::sole_maker`] with everything about the step, and its number.
    pub(super) fn sole_draft(&self, map: MapId) -> Option<(usize, &Draft)> {
        let planned = &self.maps[map.0];
        let maker = planned.maker.filter(|_| planned.readers == 1)?;
        self.drafts[maker].as_ref().map(|draft| (maker, draft))
    }

    /// Whether one node reads a map, and it is no output.
    pub(super) fn is_read_once(&self, map: MapId) -> bool {
        self.maps[map.0].readers == 1
    }

    /// Whether a map is there before a step runs.
    pub(super) fn is_there_before(&self, map: MapId, step: usize) -> bool {
        self.maps[map.0].since <= step
    }

    /// What stands at an input of a node.
    pub(super) fn operand(&self, node: &Node, index: usize) -> Result<&Bound, NetworkError> {
        let name = node.inputs.get(index).filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| damaged(format!("node {}: input {index} is missing", node.name)))?;
        self.bound.get(name).ok_or_else(|| {
            damaged(format!(
                "node {}: nothing computes its input {name}",
                node.name
            ))
        })
    }

    /// A map at an input of a node.
    pub(super) fn any_map(&self, node: &Node, index: usize) -> Result<(MapId, View), NetworkError> {
        match self.operand(node, index)? {
            Bound::Map(map, view) => Ok((*map, *view)),
            Bound::Constant(_) => Err(node.unlike(format!("a constant as input {index}"))),
        }
    }

    /// A map with four plain axes at an input of a node.
    pub(super) fn map(&self, node: &Node, index: usize) -> Result<MapId, NetworkError> {
        match self.any_map(node, index)? {
            (map, View::Plain) => Ok(map),
            _ => Err(node.unlike("a reshaped operand")),
        }
    }

    /// A constant at an input of a node; `None` where an optional one is absent.
    pub(super) fn constant(
        &self,
        node: &Node,
        index: usize,
    ) -> Result<Option<&Constant>, NetworkError> {
        if node.inputs.get(index).is_none_or(String::is_empty) {
            return Ok(None);
        }
        match self.operand(node, index)? {
            Bound::Constant(constant) => Ok(Some(constant)),
            Bound::Map(..) => Err(node.unlike(format!("a computed input {index}"))),
        }
    }

    /// Constant floats at an input of a node.
    pub(super) fn floats(
        &self,
        node: &Node,
        index: usize,
    ) -> Result<Option<Floats<'_>>, NetworkError> {
        match self.constant(node, index)? {
            None => Ok(None),
            Some(Constant {
                dims,
                values: Values::Floats(values),
            }) => Ok(Some((dims, values))),
            Some(_) => Err(node.unlike(format!("whole numbers as input {index}"))),
        }
    }

    /// Constant whole numbers at an input of a node.
    pub(super) fn numbers(
        &self,
        node: &Node,
        index: usize,
    ) -> Result<Option<&[i64]>, NetworkError> {
        match self.constant(node, index)? {
            None => Ok(None),
            Some(Constant {
                values: Values::Integers(values),
                ..
            }) => Ok(Some(values)),
            Some(_) => Err(node.unlike(format!("floats as input {index}"))),
        }
    }

    /// ONNX's type number of 32-bit floats.
    const FLOAT: i64 = 1;

    fn cast(&mut self, node: &Node) -> Result<(), NetworkError> {
        if node.integer("to") != Some(Self::FLOAT) {
            return Err(node.unlike("another type than 32-bit floats"));
        }
        match self.operand(node, 0)?.clone() {
            Bound::Constant(constant) => {
                if let Values::Integers(_) = constant.values {
                    return Err(node.unlike("whole numbers"));
                }
                self.bound
                    .insert(node.output.clone(), Bound::Constant(constant));
            }
            Bound::Map(map, view) => self.rename(node, map, view),
        }
        Ok(())
    }
}
