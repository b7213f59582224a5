//! Nodes that answer value by value.

use super::build::{Bound, Plan, View};
use super::draft::{Action, MapId};
use super::graph::{Node, Values};
use crate::error::NetworkError;
use crate::steps::convolution::Bounds;
use crate::steps::pointwise::{Beside, Binary, Unary};

/// The second operand, as far as it is not a map.
enum Other {
    Map(MapId, View),
    Scalar(f32),
    PerChannel(Vec<f32>),
}

impl Plan {
    pub(super) fn bounding(&mut self, node: &Node) -> Result<(), NetworkError> {
        let (x, view) = self.any_map(node, 0)?;
        let scalar = |index: usize, absent: f32| match self.floats(node, index)? {
            None => Ok(absent),
            Some((_, &[value])) => Ok(value),
            Some((dims, _)) => Err(node.unlike(format!("a bound of shape {dims:?}"))),
        };
        let bounds = match node.operator.as_str() {
            "Relu" => Bounds {
                low: 0.0,
                high: f32::INFINITY,
            },
            _ => Bounds {
                low: scalar(1, f32::NEG_INFINITY)?,
                high: scalar(2, f32::INFINITY)?,
            },
        };
        if bounds.low > bounds.high {
            return Err(node.unlike(format!("bounds {} to {}", bounds.low, bounds.high)));
        }
        let free = self.sole_maker(x).and_then(Action::free_bounds);
        if let Some(free) = free {
            *free = bounds;
            self.rename(node, x, view);
            return Ok(());
        }
        let Bounds { low, high } = bounds;
        self.then(node, x, view, Unary::Clip { low, high })
    }

    pub(super) fn unary(&mut self, node: &Node) -> Result<(), NetworkError> {
        let (x, view) = self.any_map(node, 0)?;
        let unary = match node.operator.as_str() {
            "Neg" => Unary::Linear {
                factor: -1.0,
                summand: 0.0,
            },
            "Abs" => Unary::Absolute,
            "Sqrt" => Unary::Root,
            "Exp" => Unary::Exponential,
            _ => Unary::Logistic,
        };
        self.then(node, x, view, unary)
    }

    /// Adds a unary operator: to the step before, where nobody else reads what that makes.
    fn then(
        &mut self,
        node: &Node,
        x: MapId,
        view: View,
        unary: Unary,
    ) -> Result<(), NetworkError> {
        if let Some(Action::Pointwise { then, .. }) = self.sole_maker(x) {
            then.push(unary);
            self.rename(node, x, view);
            return Ok(());
        }
        let action = Action::Pointwise {
            beside: Beside::Nothing,
            operator: Binary::Add,
            swapped: false,
            then: vec![unary],
        };
        self.push_like(node, x, view, action)
    }

    /// A step whose output has the extents of its input.
    fn push_like(
        &mut self,
        node: &Node,
        x: MapId,
        view: View,
        action: Action,
    ) -> Result<(), NetworkError> {
        let shape = self.shape(x);
        let y = self.add_map(shape.rows, shape.columns, shape.channels)?;
        self.push(x, y, action);
        self.bind(&node.output, y, view);
        Ok(())
    }

    pub(super) fn binary(&mut self, node: &Node) -> Result<(), NetworkError> {
        let operator = match node.operator.as_str() {
            "Add" => Binary::Add,
            "Sub" => Binary::Subtract,
            "Mul" => Binary::Multiply,
            "Div" => Binary::Divide,
            "Max" => Binary::Maximum,
            _ => Binary::Minimum,
        };
        if node.inputs.len() != 2 {
            return Err(node.unlike(format!("{} operands", node.inputs.len())));
        }
        let (x, view, other, swapped) = match (self.other(node, 0)?, self.other(node, 1)?) {
            (Other::Map(a, view), other) => (a, view, other, false),
            (other, Other::Map(b, view)) => (b, view, other, true),
            _ => return Err(node.unlike("two constants")),
        };
        let beside = match other {
            Other::Scalar(value) => {
                return self.then(node, x, view, with_scalar(operator, value, swapped));
            }
            Other::PerChannel(values) => {
                let shape = self.shape(x);
                if view != View::Plain || values.len() != shape.channels {
                    return Err(node.unlike(format!("{} constants", values.len())));
                }
                Beside::Constant(values)
            }
            Other::Map(second, second_view) => {
                let plain = view == View::Plain && second_view == View::Plain;
                if operator == Binary::Add && plain && self.joined(node, x, second) {
                    return Ok(());
                }
                return self.pair(node, operator, (x, view), self.any_map(node, 1)?);
            }
        };
        let action = Action::Pointwise {
            beside,
            operator,
            swapped,
            then: Vec::new(),
        };
        self.push_like(node, x, view, action)
    }

    fn other(&self, node: &Node, index: usize) -> Result<Other, NetworkError> {
        let constant = match self.operand(node, index)? {
            Bound::Map(map, view) => return Ok(Other::Map(*map, *view)),
            Bound::Constant(constant) => constant,
        };
        match (&constant.values, &constant.dims[..]) {
            (Values::Floats(values), _) if values.len() == 1 => Ok(Other::Scalar(values[0])),
            (Values::Floats(values), [1, _, 1, 1] | [_, 1, 1]) => {
                Ok(Other::PerChannel(values.clone()))
            }
            (_, dims) => Err(node.unlike(format!("a constant of shape {dims:?}"))),
        }
    }

    /// Two maps.
    fn pair(
        &mut self,
        node: &Node,
        operator: Binary,
        (a, view): (MapId, View),
        (b, other_view): (MapId, View),
    ) -> Result<(), NetworkError> {
        let (left, right) = (self.shape(a), self.shape(b));
        let same_view = view == other_view;
        let plain = same_view && view == View::Plain;
        let same_places = [left.rows, left.columns] == [right.rows, right.columns];
        let one_place = |shape: crate::map::MapShape| shape.pixels() == 1;
        let same_channels = left.channels == right.channels;
        let (x, beside, swapped) = if same_view && left.same_extents(right) {
            (a, Beside::Same(b), false)
        } else if plain && same_places && right.channels == 1 {
            (a, Beside::PerPixel(b), false)
        } else if plain && same_places && left.channels == 1 {
            (b, Beside::PerPixel(a), true)
        } else if plain && same_channels && one_place(right) {
            (a, Beside::PerChannel(b), false)
        } else if plain && same_channels && one_place(left) {
            (b, Beside::PerChannel(a), true)
        } else {
            return Err(node.unlike(format!("operands {left:?} and {right:?}")));
        };
        let action = Action::Pointwise {
            beside,
            operator,
            swapped,
            then: Vec::new(),
        };
        self.push_like(node, x, view, action)
    }

    /// Lets a convolution add the other operand before it stores its sums, if it can.
    fn joined(&mut self, node: &Node, a: MapId, b: MapId) -> bool {
        for (x, other) in [(a, b), (b, a)] {
            if x == other || !self.shape(x).same_extents(self.shape(other)) {
                continue;
            }
            let Some((step, _)) = self.sole_draft(x) else {
                continue;
            };
            if !self.is_there_before(other, step) {
                continue;
            }
            if let Some(action) = self.sole_maker(x)
                && action.free_bounds().is_some()
                && let Action::Convolution { skip, .. } = action
                && skip.is_none()
            {
                *skip = Some(other);
                self.rename(node, x, View::Plain);
                return true;
            }
        }
        false
    }
}

fn with_scalar(operator: Binary, value: f32, swapped: bool) -> Unary {
    let linear = |factor, summand| Unary::Linear { factor, summand };
    match (operator, swapped) {
        (Binary::Add, _) => linear(1.0, value),
        (Binary::Multiply, _) => linear(value, 0.0),
        (Binary::Subtract, false) => linear(1.0, -value),
        (Binary::Subtract, true) => linear(-1.0, value),
        (Binary::Divide, false) => linear(1.0 / value, 0.0),
        (Binary::Divide, true) => Unary::Reciprocal { numerator: value },
        (Binary::Maximum, _) => Unary::Clip {
            low: value,
            high: f32::INFINITY,
        },
        (Binary::Minimum, _) => Unary::Clip {
            low: f32::NEG_INFINITY,
            high: value,
        },
    }
}
