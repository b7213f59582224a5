//! From a network to a plan.

use std::collections::BTreeSet;

use crate::abi::{
    self, CachedConfig, Handle, IParser, Listener, Owned, VBuilderConfig, VLayer,
    VNetworkDefinition, VTensor,
};
use crate::engine::{checked_name, checked_shape};
use crate::tensorrt::refused;
use crate::{Builder, Direction, Error, Generation, Plan, Tensor, Types};

/// Layers that a network may have. Ours have a few hundred.
const LAYERS_MAX: i32 = 100_000;
/// Inputs, and outputs, that a network may have.
const TENSORS_MAX: i32 = 16;
/// Outputs that a layer may have. The parser makes layers of its own, some without any.
const LAYER_OUTPUTS_MAX: i32 = 1024;

/// The last `DataType` that 8.6 knows.
const TYPE_MAX: i32 = 6;

/// A network that was read and can be built. It keeps the builder.
pub struct Network {
    // Dropped in this order. TensorRT reads weights from the parser's memory until the plan is
    // built.
    _parser: Owned<IParser>,
    network: Owned<VNetworkDefinition>,
    builder: Builder,
    types: Types,
    tensors: Vec<Tensor>,
}

/// What a build may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildLimits {
    /// Memory for trying out. TensorRT would take all of the device's, which on a Jetson is the
    /// system's.
    pub workspace_bytes: usize,
}

/// What a build gives.
pub struct Built {
    /// The network for this board.
    pub plan: Plan,
    /// What was learned about this board's speed, for the next build.
    pub timing_cache: Vec<u8>,
    /// Whether the timing cache that was given did not fit this board and version.
    pub is_cache_rejected: bool,
}

impl Network {
    pub(crate) fn new(
        parser: Owned<IParser>,
        network: Owned<VNetworkDefinition>,
        builder: Builder,
        types: Types,
    ) -> Result<Self, Error> {
        // Put together first, so that they end in this order if something is wrong with the
        // network, too.
        let mut network = Self {
            _parser: parser,
            network,
            builder,
            types,
            tensors: Vec::new(),
        };
        network.tensors = tensors(&network.network)?;
        Ok(network)
    }

    /// What goes in and out: inputs, then outputs.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Builds a plan: seconds on a PC, minutes on a board, and several times the plan's size of
    /// memory.
    ///
    /// # Errors
    /// [`Error::NoLayers`] if a layer that is to have 16 bits is not there; [`Error::Canary`] if
    /// the configuration reads back differently; [`Error::Refused`] with TensorRT's words.
    pub fn build(self, limits: &BuildLimits, timing_cache: Option<&[u8]>) -> Result<Built, Error> {
        let generation = self.network.generation();
        let listener = Listener::new();
        let Some(config) = self.builder.builder.config() else {
            return Err(refused("createBuilderConfig", listener));
        };
        set_limits(&config, limits)?;
        set_flags(&config, generation, &self.types)?;
        if let Types::F16Only(names) = &self.types {
            keep_f32_but(&self.network, names)?;
        }
        let (config, is_cache_rejected) = with_cache(config, timing_cache.unwrap_or_default())?;
        let listener = Listener::new();
        let Some(plan) = self.builder.builder.build(&self.network, config.handle()) else {
            return Err(refused("buildSerializedNetwork", listener));
        };
        let plan = plan.bytes().ok_or_else(|| nothing("the plan"))?;
        let timing_cache = config
            .handle()
            .timing_cache()
            .and_then(|cache| cache.serialized());
        Ok(Built {
            plan: Plan::from_trusted_bytes(plan),
            timing_cache: timing_cache.ok_or_else(|| nothing("the timing cache"))?,
            is_cache_rejected,
        })
    }
}

fn nothing(what: &str) -> Error {
    Error::Interface {
        what: what.to_owned(),
        expected: "up to 4 GB",
        found: "nothing".to_owned(),
    }
}

fn set_limits(config: &Handle<'_, VBuilderConfig>, limits: &BuildLimits) -> Result<(), Error> {
    let pool = abi::WORKSPACE.of(config.generation()).unwrap_or_default();
    let found = config.limit(pool, limits.workspace_bytes);
    if found != limits.workspace_bytes {
        return Err(Error::Canary {
            what: "the workspace limit in bytes",
            expected: limits.workspace_bytes.to_string(),
            found: found.to_string(),
        });
    }
    Ok(())
}

/// TF32, which is on unless cleared, would make 32 bits less than they say. It is set first: a
/// getter that always says the same is seen by that.
fn set_flags(
    config: &Handle<'_, VBuilderConfig>,
    generation: Generation,
    types: &Types,
) -> Result<(), Error> {
    let is_half = matches!(types, Types::F16Only(_));
    let half = [(abi::FP16, true), (abi::OBEY, true)];
    let wanted = [(abi::TF32, true), (abi::TF32, false)].into_iter();
    for (value, on) in wanted.chain(half.into_iter().filter(|_| is_half)) {
        let Some(flag) = value.of(generation) else {
            continue;
        };
        let found = config.switch(flag, on);
        if found != on {
            return Err(Error::Canary {
                what: value.name,
                expected: on.to_string(),
                found: found.to_string(),
            });
        }
    }
    Ok(())
}

/// Asks for 32 bits in all layers but those named: the parser makes layers of its own, which no ONNX node names. Layers whose
/// outputs are no floating point numbers, shapes for instance, have no say in it.
fn keep_f32_but(network: &Handle<'_, VNetworkDefinition>, names: &[String]) -> Result<(), Error> {
    let halves: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut missing = halves.clone();
    let layers = checked_count(network.layer_count(), LAYERS_MAX, "layers")?;
    for index in 0..layers {
        let layer = network
            .layer(index)
            .ok_or_else(|| part_missing("layer", index))?;
        let (_, name) = checked_name(layer.name(), "layer", index)?;
        if halves.contains(name.as_str()) {
            missing.remove(name.as_str());
        } else {
            keep_layer_f32(&layer)?;
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.into_iter().map(str::to_owned).collect();
    Err(Error::NoLayers { names })
}

fn keep_layer_f32(layer: &Handle<'_, VLayer>) -> Result<(), Error> {
    let float = abi::FLOAT.of(layer.generation()).unwrap_or_default();
    let outputs = layer.output_count();
    if !(0..=LAYER_OUTPUTS_MAX).contains(&outputs) {
        return Err(Error::Interface {
            what: "the number of outputs of a layer".to_owned(),
            expected: "not absurdly many",
            found: outputs.to_string(),
        });
    }
    for index in 0..outputs {
        let output = layer
            .output(index)
            .ok_or_else(|| part_missing("output", index))?;
        match output.number_type() {
            found if found == float => {}
            0..=TYPE_MAX => return Ok(()),
            found => return Err(wrong_type("output", index, "a known type", found)),
        }
    }
    let mut is_set = layer.compute_in(float);
    for index in 0..outputs {
        is_set &= layer.output_in(index, float);
    }
    if is_set {
        return Ok(());
    }
    Err(Error::Canary {
        what: "the type of a layer",
        expected: "set".to_owned(),
        found: "unset".to_owned(),
    })
}

/// Gives the configuration a timing cache: the one that was kept, or an empty one if that does not
/// fit. A configuration without one would forget what it measures.
fn with_cache(config: Owned<VBuilderConfig>, kept: &[u8]) -> Result<(CachedConfig, bool), Error> {
    let listener = Listener::new();
    let config = match CachedConfig::new(config, kept) {
        Ok(cached) => return Ok((cached, false)),
        Err(config) if kept.is_empty() => {
            drop(config);
            return Err(refused("setTimingCache", listener));
        }
        Err(config) => config,
    };
    match CachedConfig::new(config, &[]) {
        Ok(cached) => Ok((cached, true)),
        Err(_) => Err(refused("setTimingCache", listener)),
    }
}

fn tensors(network: &Handle<'_, VNetworkDefinition>) -> Result<Vec<Tensor>, Error> {
    let inputs = checked_count(network.input_count(), TENSORS_MAX, "inputs of the network")?;
    let outputs = checked_count(
        network.output_count(),
        TENSORS_MAX,
        "outputs of the network",
    )?;
    let inputs = (0..inputs).map(|index| tensor(network.input(index), Direction::Input, index));
    let outputs = (0..outputs).map(|index| tensor(network.output(index), Direction::Output, index));
    inputs.chain(outputs).collect()
}

fn tensor(
    tensor: Option<Handle<'_, VTensor>>,
    direction: Direction,
    index: i32,
) -> Result<Tensor, Error> {
    let kind = match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    };
    let tensor = tensor.ok_or_else(|| part_missing(kind, index))?;
    let (c_name, name) = checked_name(tensor.name(), kind, index)?;
    let found = tensor.number_type();
    if abi::FLOAT.of(tensor.generation()) != Some(found) {
        return Err(wrong_type(kind, index, "32-bit floating point (0)", found));
    }
    let shape = checked_shape(tensor.shape(), &name)?;
    Ok(Tensor {
        c_name,
        name,
        direction,
        shape,
    })
}

/// At least one, and not more than `max`.
fn checked_count(count: i32, max: i32, what: &str) -> Result<i32, Error> {
    if (1..=max).contains(&count) {
        return Ok(count);
    }
    Err(Error::Interface {
        what: format!("the number of {what}"),
        expected: "at least one, and not absurdly many",
        found: count.to_string(),
    })
}

fn wrong_type(kind: &str, index: i32, expected: &'static str, found: i32) -> Error {
    Error::Interface {
        what: format!("the type of {kind} {index}"),
        expected,
        found: found.to_string(),
    }
}

fn part_missing(kind: &str, index: i32) -> Error {
    Error::Interface {
        what: format!("{kind} {index}"),
        expected: "an object",
        found: "none".to_owned(),
    }
}
