//! Nodes that join, resample and relabel.

use super::build::{Plan, View};
use super::draft::Action;
use super::graph::Node;
use super::products::{both, pads};
use crate::error::NetworkError;
use crate::steps::channels::Reduction;
use crate::steps::pointwise::{Beside, Binary};

impl Plan {
    pub(super) fn reduction(&mut self, node: &Node) -> Result<(), NetworkError> {
        let (x, view) = self.any_map(node, 0)?;
        let reduction = match node.operator.as_str() {
            "ReduceSum" => Reduction::Sum,
            "ReduceMax" => Reduction::Maximum,
            _ => Reduction::Mean,
        };
        let axes: Vec<i64> = match node.operator.as_str() {
            "GlobalAveragePool" => vec![2, 3],
            "ReduceSum" => self.numbers(node, 1)?.unwrap_or_default().to_vec(),
            _ => node.integers("axes").unwrap_or_default().to_vec(),
        };
        if node.integer("keepdims").unwrap_or(1) != 1 {
            return Err(node.unlike("axes that go away"));
        }
        let shape = self.shape(x);
        match (view, &axes[..]) {
            (View::Plain, [1]) => {
                let (input, factor) = self.take_product(x, reduction).unwrap_or((x, None));
                let y = self.add_map(shape.rows, shape.columns, 1)?;
                self.push(input, y, Action::OverChannels { reduction, factor });
                self.bind(&node.output, y, View::Plain);
            }
            (View::Grouped { groups }, [2]) => {
                let y = self.add_map(shape.rows, shape.columns, groups)?;
                let factor = None;
                self.push(x, y, Action::OverChannels { reduction, factor });
                self.bind(&node.output, y, View::Grouped { groups });
            }
            (View::Plain, [2, 3]) => {
                let y = self.add_map(1, 1, shape.channels)?;
                self.push(x, y, Action::OverPixels(reduction));
                self.bind(&node.output, y, View::Plain);
            }
            _ => return Err(node.unlike(format!("axes {axes:?}"))),
        }
        Ok(())
    }

    /// The operands of a product that nobody else reads, for a sum that multiplies itself; its step is then gone.
    fn take_product(
        &mut self,
        x: super::draft::MapId,
        reduction: Reduction,
    ) -> Option<(super::draft::MapId, Option<super::draft::MapId>)> {
        if reduction != Reduction::Sum {
            return None;
        }
        let (step, draft) = self.sole_draft(x)?;
        let Action::Pointwise {
            beside: Beside::Same(other),
            operator: Binary::Multiply,
            then,
            ..
        } = &draft.action
        else {
            return None;
        };
        let taken = then.is_empty().then_some((draft.input, Some(*other)))?;
        self.drafts[step] = None;
        Some(taken)
    }

    pub(super) fn pooling(&mut self, node: &Node) -> Result<(), NetworkError> {
        let (x, view) = self.any_map(node, 0)?;
        let shape = self.shape(x);
        let size = match node.integers("kernel_shape") {
            Some(&[rows, columns]) if rows > 0 && columns > 0 => [rows as usize, columns as usize],
            other => return Err(node.unlike(format!("kernel {other:?}"))),
        };
        let (stride, pads) = (both(node, "strides")?, pads(node)?);
        if both(node, "dilations")? != 1 || node.integer("ceil_mode").unwrap_or(0) != 0 {
            return Err(node.unlike("dilations or places that are rounded up"));
        }
        if let View::Grouped { groups } = view {
            if size != [shape.channels / groups, 1] || stride != 1 || pads != [0; 4] {
                return Err(node.unlike(format!("a kernel {size:?} on reshaped channels")));
            }
            let y = self.add_map(shape.rows, shape.columns, groups)?;
            let candidates = (groups == 1).then(|| self.take_candidates(x)).flatten();
            match candidates {
                Some((source, weights, bias)) => {
                    self.push(source, y, Action::Greatest { weights, bias });
                }
                None => {
                    let (reduction, factor) = (Reduction::Maximum, None);
                    self.push(x, y, Action::OverChannels { reduction, factor });
                }
            }
            self.bind(&node.output, y, view);
            return Ok(());
        }
        let [top, left, bottom, right] = pads;
        let places = |extent: usize, size: usize, before: usize, after: usize| {
            let fits = before < size && after < size;
            let last = (extent + before + after)
                .checked_sub(size)
                .filter(|_| fits)?;
            Some(last / stride + 1)
        };
        let rows = places(shape.rows, size[0], top, bottom);
        let columns = places(shape.columns, size[1], left, right);
        let (Some(rows), Some(columns)) = (rows, columns) else {
            return Err(node.unlike(format!("a window {size:?} with pads {pads:?}")));
        };
        let y = self.add_map(rows, columns, shape.channels)?;
        let action = Action::Pooling {
            size,
            stride,
            top,
            left,
        };
        self.push(x, y, action);
        self.bind(&node.output, y, View::Plain);
        Ok(())
    }

    pub(super) fn concat(&mut self, node: &Node) -> Result<(), NetworkError> {
        if node.integer("axis") != Some(1) {
            return Err(node.unlike("another axis than the channels"));
        }
        let maps = (0..node.inputs.len())
            .map(|index| self.map(node, index))
            .collect::<Result<Vec<_>, _>>()?;
        let shapes: Vec<_> = maps.iter().map(|&map| self.shape(map)).collect();
        let Some(head) = shapes.first() else {
            return Err(node.unlike("no operands"));
        };
        if shapes
            .iter()
            .any(|shape| [shape.rows, shape.columns] != [head.rows, head.columns])
        {
            return Err(node.unlike("maps of different extents"));
        }
        let channels = shapes.iter().map(|shape| shape.channels).sum();
        let y = self.add_map(head.rows, head.columns, channels)?;
        let mut first = 0;
        for (map, shape) in maps.into_iter().zip(shapes) {
            self.push(map, y, Action::Placing { first });
            first += shape.channels;
        }
        self.bind(&node.output, y, View::Plain);
        Ok(())
    }

    pub(super) fn reshape(&mut self, node: &Node) -> Result<(), NetworkError> {
        let (x, _) = self.any_map(node, 0)?;
        let shape = self.shape(x);
        let dims: Vec<usize> = self
            .numbers(node, 1)?
            .unwrap_or_default()
            .iter()
            .map(|&dim| usize::try_from(dim).unwrap_or(0))
            .collect();
        let view = match dims[..] {
            [1, channels, rows, columns]
                if [channels, rows, columns] == [shape.channels, shape.rows, shape.columns] =>
            {
                View::Plain
            }
            [1, groups, size, pixels]
                if groups.checked_mul(size) == Some(shape.channels) && pixels == shape.pixels() =>
            {
                View::Grouped { groups }
            }
            _ => {
                return Err(node.unlike(format!(
                    "the shape {dims:?} of {} channels of {} x {} pixels: channels can be parted into groups, and pixels can't \
                     become the rows of a matrix, as attention wants them",
                    shape.channels, shape.rows, shape.columns
                )));
            }
        };
        self.rename(node, x, view);
        Ok(())
    }

    pub(super) fn resize(&mut self, node: &Node) -> Result<(), NetworkError> {
        let x = self.map(node, 0)?;
        let shape = self.shape(x);
        let plain = node.text("mode") == Some(b"linear")
            && node.text("coordinate_transformation_mode") == Some(b"half_pixel")
            && self.constant(node, 1)?.is_none()
            && self.constant(node, 2)?.is_none();
        let sizes = match self.numbers(node, 3)? {
            Some(&[1, channels, rows, columns])
                if plain && channels == shape.channels as i64 && rows > 0 && columns > 0 =>
            {
                [rows as usize, columns as usize]
            }
            _ => return Err(node.unlike("anything but bilinear sizes at half pixels")),
        };
        if sizes == [shape.rows, shape.columns] {
            self.rename(node, x, View::Plain);
            return Ok(());
        }
        let y = self.add_map(sizes[0], sizes[1], shape.channels)?;
        self.push(x, y, Action::Resize);
        self.bind(&node.output, y, View::Plain);
        Ok(())
    }
}
