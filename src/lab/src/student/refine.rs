//! Guided feature refinement between teacher and student (GFRN; the idea is that of DCRDF-Net, Sensors
//! 2026, 26, 412, the layers are ours): what the teacher sees of a part, without the defect.
//!
//! ```text
//! x ─ 1x1 C→h ─ 3x3 ─ 3x3 ─ [+ gamma * attention of all places] ─ 1x1 h→C ─► clean x
//! ```
//! Nothing leads past the narrow middle: that is the constraint of the projection.

use twinspect_nn::{
    Activation, Attention, Conv, Entry, GatedAdd, Kernel, Mode, Parameters, Rng, scoped,
};
use twinspect_onnx as onnx;
use twinspect_onnx::{Graph, GraphError};

use super::blocks::{Chain, emit_conv, settle_conv};

/// One scale's refinement with its activations.
#[derive(Debug, Clone)]
pub(super) struct Refiner {
    narrow: Chain,
    non_local: Option<NonLocal>,
    widen: Conv,
    narrowed: Activation,
    refined: Activation,
}

impl Refiner {
    /// `channels` in and out; `steps` lead to the narrow middle, whose last one has `hidden`
    /// channels. With `non_local` every place sees all others: for maps of about 16 x 16.
    pub(super) fn new(
        channels: usize,
        steps: &[(Kernel, usize)],
        non_local: bool,
        rng: &mut Rng,
    ) -> Self {
        let hidden = steps.last().map_or(channels, |(_, hidden)| *hidden);
        Self {
            narrow: Chain::new(channels, steps, rng),
            non_local: non_local.then(|| NonLocal::new(hidden, rng)),
            widen: Conv::new(Kernel::K1x1, hidden, channels, rng).with_bias(),
            narrowed: Activation::new(),
            refined: Activation::new(),
        }
    }

    /// The clean features of the last forward pass.
    pub(super) fn refined(&self) -> &Activation {
        &self.refined
    }

    /// The same, for losses and for the backward pass of what follows.
    pub(super) fn refined_mut(&mut self) -> &mut Activation {
        &mut self.refined
    }

    pub(super) fn forward(&mut self, x: &Activation, mode: Mode) {
        self.narrow.forward(x, &mut self.narrowed, mode);
        let middle = match &mut self.non_local {
            Some(block) => block.forward(&self.narrowed),
            None => &self.narrowed,
        };
        self.widen.forward(middle, &mut self.refined);
    }

    /// From the gradient of the clean features to those of all parameters.
    pub(super) fn backward(&mut self, x: &mut Activation) {
        match &mut self.non_local {
            Some(block) => {
                self.widen.backward(&mut block.sum, &mut self.refined);
                block.backward(&mut self.narrowed);
            }
            None => self.widen.backward(&mut self.narrowed, &mut self.refined),
        }
        self.narrow.backward(x, &mut self.narrowed);
    }

    /// Takes the weights that ship.
    pub(super) fn settle(&mut self) {
        self.narrow.settle();
        if let Some(block) = &mut self.non_local {
            block.settle();
        }
        settle_conv(&mut self.widen);
    }

    pub(super) fn emit(
        &self,
        graph: &mut Graph,
        x: onnx::Tensor,
    ) -> Result<onnx::Tensor, GraphError> {
        let mut middle = graph.within("narrow", |graph| self.narrow.emit(graph, x))?;
        if let Some(block) = &self.non_local {
            middle = graph.within("non_local", |graph| block.emit(graph, middle))?;
        }
        emit_conv(graph, "widen", &self.widen, middle)
    }
}

impl Parameters for Refiner {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.narrow.visit(&scoped(prefix, "narrow"), visitor);
        if let Some(block) = &mut self.non_local {
            block.visit(&scoped(prefix, "non_local"), visitor);
        }
        self.widen.visit(&scoped(prefix, "widen"), visitor);
    }
}

/// `x + gamma * attention(x)`, gamma from zero: a place is explained by places like it.
#[derive(Debug, Clone)]
struct NonLocal {
    query: Conv,
    key: Conv,
    value: Conv,
    attention: Attention,
    gate: GatedAdd,
    queries: Activation,
    keys: Activation,
    values: Activation,
    mixed: Activation,
    sum: Activation,
}

impl NonLocal {
    fn new(channels: usize, rng: &mut Rng) -> Self {
        let mut conv = || Conv::new(Kernel::K1x1, channels, channels, rng);
        Self {
            query: conv(),
            key: conv(),
            value: conv(),
            attention: Attention::default(),
            gate: GatedAdd::new(),
            queries: Activation::new(),
            keys: Activation::new(),
            values: Activation::new(),
            mixed: Activation::new(),
            sum: Activation::new(),
        }
    }

    fn forward(&mut self, x: &Activation) -> &Activation {
        self.query.forward(x, &mut self.queries);
        self.key.forward(x, &mut self.keys);
        self.value.forward(x, &mut self.values);
        let (queries, keys, values) = (&self.queries, &self.keys, &self.values);
        self.attention
            .forward(queries, keys, values, &mut self.mixed);
        self.gate.forward(x, &self.mixed, &mut self.sum);
        &self.sum
    }

    fn backward(&mut self, x: &mut Activation) {
        self.gate.backward(x, &mut self.mixed, &mut self.sum);
        self.attention.backward(
            &mut self.queries,
            &mut self.keys,
            &mut self.values,
            &mut self.mixed,
        );
        self.query.backward(x, &mut self.queries);
        self.key.backward(x, &mut self.keys);
        self.value.backward(x, &mut self.values);
    }

    fn settle(&mut self) {
        for conv in [&mut self.query, &mut self.key, &mut self.value] {
            settle_conv(conv);
        }
    }

    fn emit(&self, graph: &mut Graph, x: onnx::Tensor) -> Result<onnx::Tensor, GraphError> {
        let (shape, channels) = (x.shape(), self.query.inputs());
        let [rows, columns] = [shape.dims()[2], shape.dims()[3]];
        let places = rows * columns;
        let queries = emit_conv(graph, "query", &self.query, x)?;
        let keys = emit_conv(graph, "key", &self.key, x)?;
        let values = emit_conv(graph, "value", &self.value, x)?;
        let mixed = graph.head(|graph| {
            let flat = [1, channels, places];
            let queries = graph.reshape("queries", queries, &flat)?;
            let queries = graph.transpose("query_rows", queries, &[0, 2, 1])?;
            let keys = graph.reshape("keys", keys, &flat)?;
            let products = graph.mat_mul("products", queries, keys)?;
            let logits = graph.scale("logits", products, 1.0 / (channels as f32).sqrt())?;
            let shares = graph.softmax("shares", logits, 2)?;
            let values = graph.reshape("values", values, &flat)?;
            let values = graph.transpose("value_rows", values, &[0, 2, 1])?;
            let mixed = graph.mat_mul("mixed", shares, values)?;
            let mixed = graph.transpose("back", mixed, &[0, 2, 1])?;
            graph.reshape("map", mixed, &[1, channels, rows, columns])
        })?;
        let branch = graph.scale("gamma", mixed, self.gate.gamma())?;
        graph.add("sum", x, branch)
    }
}

impl Parameters for NonLocal {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.query.visit(&scoped(prefix, "query"), visitor);
        self.key.visit(&scoped(prefix, "key"), visitor);
        self.value.visit(&scoped(prefix, "value"), visitor);
        self.gate.visit(&scoped(prefix, "gate"), visitor);
    }
}
