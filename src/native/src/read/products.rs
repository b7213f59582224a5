//! Nodes that are products with constant weights.

use super::build::{Plan, View};
use super::draft::{Action, MapId, UNBOUNDED};
use super::graph::{Node, damaged};
use crate::error::NetworkError;
use crate::steps::convolution::{Weights, Window};
use crate::steps::depthwise::Depthwise;

impl Plan {
    pub(super) fn convolution(&mut self, node: &Node) -> Result<(), NetworkError> {
        let x = self.map(node, 0)?;
        let shape = self.shape(x);
        let weights = self.weights(node, 0)?;
        let [outputs, inputs, rows, columns] = weights.dims;
        let groups = node.integer("group").unwrap_or(1);
        let stride = both(node, "strides")?;
        let dilation = both(node, "dilations")?;
        let [top, left, bottom, right] = pads(node)?;
        // A window that lies in the border alone computes nothing; chains count on its being elsewhere.
        let most = [rows, columns].map(|taps| (taps - 1) * dilation);
        if top.max(bottom) > most[0] || left.max(right) > most[1] {
            return Err(node.unlike("pads as wide as its window"));
        }
        let window = Window {
            stride,
            top,
            left,
            dilation,
        };
        let places = |size: usize, taps: usize, before: usize, after: usize| {
            let reach = (taps - 1) * dilation;
            let last = (size + before + after).checked_sub(reach + 1)?;
            let count = last / stride + 1;
            // How far the last window reaches beyond the map's last value.
            let beyond = ((count - 1) * stride + reach).saturating_sub(before + size - 1);
            Some((count, before.max(beyond)))
        };
        let vertical = places(shape.rows, rows, top, bottom);
        let horizontal = places(shape.columns, columns, left, right);
        let (Some((out_rows, border)), Some((out_columns, side))) = (vertical, horizontal) else {
            return Err(damaged(format!(
                "node {}: a window of {rows} x {columns} does not fit into {} x {}",
                node.name, shape.rows, shape.columns
            )));
        };
        let dense = groups == 1 && inputs == shape.channels && dilation == 1;
        let alone = groups == shape.channels as i64
            && inputs == 1
            && outputs == shape.channels
            && rows == columns
            && Depthwise::SIZES.contains(&rows);
        let bounds = UNBOUNDED;
        let action = match (dense, alone) {
            (true, _) => Action::Convolution {
                weights,
                window,
                skip: None,
                bounds,
            },
            (false, true) => Action::Depthwise {
                weights,
                window,
                bounds,
            },
            (false, false) => {
                return Err(node.unlike(format!(
                    "weights {:?}, {groups} groups and dilation {dilation} for {} channels",
                    weights.dims, shape.channels
                )));
            }
        };
        self.widen(x, border.max(side));
        let y = self.add_map(out_rows, out_columns, outputs)?;
        self.push(x, y, action);
        self.bind(&node.output, y, View::Plain);
        Ok(())
    }

    pub(super) fn raising(&mut self, node: &Node) -> Result<(), NetworkError> {
        let x = self.map(node, 0)?;
        let shape = self.shape(x);
        let weights = self.weights(node, 1)?;
        let [inputs, outputs, rows, columns] = weights.dims;
        let plain = inputs == shape.channels
            && [rows, columns] == [2, 2]
            && both(node, "strides")? == 2
            && both(node, "dilations")? == 1
            && pads(node)? == [0; 4]
            && node.integer("group").unwrap_or(1) == 1
            && node
                .integers("output_padding")
                .is_none_or(|pads| pads.iter().all(|&pad| pad == 0))
            && node.integers("output_shape").is_none();
        if !plain {
            return Err(node.unlike("anything but a 2x2 kernel and stride 2, without pads"));
        }
        let y = self.add_map(2 * shape.rows, 2 * shape.columns, outputs)?;
        let bounds = UNBOUNDED;
        self.push(x, y, Action::Raising { weights, bounds });
        self.bind(&node.output, y, View::Plain);
        Ok(())
    }

    /// Weights and bias; `axis` is that of the outputs in the weights' dimensions.
    fn weights(&self, node: &Node, axis: usize) -> Result<Weights, NetworkError> {
        let (dims, values) = self
            .floats(node, 1)?
            .ok_or_else(|| damaged(format!("node {} has no weights", node.name)))?;
        let &[a, b, c, d] = dims else {
            return Err(node.unlike(format!("weights of shape {dims:?}")));
        };
        let dims = [a, b, c, d];
        let outputs = dims[axis];
        let bias = match self.floats(node, 2)? {
            None => vec![0.0; outputs],
            Some((_, bias)) if bias.len() == outputs => bias.to_vec(),
            Some((_, bias)) => {
                return Err(damaged(format!(
                    "node {} has {outputs} outputs and {} biases",
                    node.name,
                    bias.len()
                )));
            }
        };
        Ok(Weights {
            dims,
            values: values.to_vec(),
            bias,
        })
    }

    /// Where a map is the maximum of 1x1 convolutions of one and the same map, and nothing else reads any of them: that
    /// map, the rows of all their weights, and their biases. Those steps are then gone.
    pub(super) fn take_candidates(&mut self, top: MapId) -> Option<(MapId, Vec<f32>, Vec<f32>)> {
        use crate::steps::pointwise::{Beside, Binary};
        let mut source = None;
        let (mut weights, mut bias, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let mut waiting = vec![top];
        while let Some(map) = waiting.pop() {
            let (step, draft) = self.sole_draft(map)?;
            match &draft.action {
                Action::Pointwise {
                    beside: Beside::Same(other),
                    operator: Binary::Maximum,
                    then,
                    ..
                } if then.is_empty() => waiting.extend([draft.input, *other]),
                Action::Convolution {
                    weights: candidates,
                    window,
                    skip: None,
                    bounds,
                } if candidates.dims[2..] == [1, 1]
                    && [window.stride, window.top, window.left] == [1, 0, 0]
                    && *bounds == UNBOUNDED =>
                {
                    let (from, to) = (self.shape(draft.input), self.shape(map));
                    if *source.get_or_insert(draft.input) != draft.input
                        || [from.rows, from.columns] != [to.rows, to.columns]
                    {
                        return None;
                    }
                    weights.extend_from_slice(&candidates.values);
                    bias.extend_from_slice(&candidates.bias);
                }
                _ => return None,
            }
            steps.push(step);
        }
        for step in steps {
            self.drafts[step] = None;
        }
        source.map(|source| (source, weights, bias))
    }
}

/// An attribute of two equal numbers; 1 where it is absent.
pub(super) fn both(node: &Node, name: &str) -> Result<usize, NetworkError> {
    match node.integers(name) {
        None => Ok(1),
        Some(&[rows, columns]) if rows == columns && (1..=64).contains(&rows) => Ok(rows as usize),
        Some(other) => Err(node.unlike(format!("{name} {other:?}"))),
    }
}

/// Zeros at top, left, bottom and right.
pub(super) fn pads(node: &Node) -> Result<[usize; 4], NetworkError> {
    if node.text("auto_pad").is_some_and(|mode| mode != b"NOTSET") {
        return Err(node.unlike("automatic padding"));
    }
    let Some(pads) = node.integers("pads") else {
        return Ok([0; 4]);
    };
    let found: Option<Vec<usize>> = pads
        .iter()
        .map(|&pad| usize::try_from(pad).ok().filter(|&pad| pad <= 64))
        .collect();
    found
        .and_then(|pads| pads.try_into().ok())
        .ok_or_else(|| node.unlike(format!("pads {pads:?}")))
}
