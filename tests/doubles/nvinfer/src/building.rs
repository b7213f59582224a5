//! The half that builds plans: parser, network, configuration, timing cache.

use std::ffi::{CString, c_char};
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::log;
use crate::method::{POISON, methods, state};
use crate::network::{Network, Tensor};
use crate::object::{
    Implementation, Parts, Public, State, check, implementation, interface_of, make, make_part,
};
use crate::release::release;
use crate::running::plan;
use crate::settings::settings;

/// What a timing cache of the double begins with; the release follows.
const CACHE: &str = "double cache of ";

/// `BuilderFlag::kTF32`, which is on from the start.
fn tf32() -> u32 {
    1 << if release().number < 10_000 { 7 } else { 6 }
}

/// Whether a network that was created with these flags can be read from ONNX.
fn fits_onnx(flags: u32) -> bool {
    match release().number {
        ..10_000 => flags == 1,
        10_000..110_000 => flags & !0b11 == 0,
        _ => flags == 1,
    }
}

fn make_parts(this: *mut Implementation, network: Network) -> Parts {
    let tensor = |tensor: &Tensor| {
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        make_part("VTensor", this, State::Tensor { name, shape })
    };
    let of = |is_input| {
        network
            .tensors
            .iter()
            .filter(move |tensor| tensor.is_input == is_input)
            .map(tensor)
    };
    let (inputs, outputs): (Vec<_>, Vec<_>) = (of(true).collect(), of(false).collect());
    let layer = |name: &CString| {
        let output = outputs.first().copied().unwrap_or(null_mut());
        let (is_precision_set, is_output_set) = (false, false);
        make_part(
            "VLayer",
            this,
            State::Layer {
                name: name.clone(),
                output,
                is_precision_set,
                is_output_set,
            },
        )
    };
    let layers = network.layers.iter().map(layer).collect();
    Parts {
        network: Arc::new(network),
        inputs,
        outputs,
        layers,
    }
}

fn parts(this: &Implementation) -> Option<&Parts> {
    state!(&this.state, State::NetworkDefinition { parts, .. } => parts.as_ref())
}

fn part(parts: Option<&[*mut Public]>, index: i32) -> *mut Public {
    let part = usize::try_from(index)
        .ok()
        .and_then(|index| parts?.get(index));
    part.copied().unwrap_or(null_mut())
}

fn count(parts: Option<&[*mut Public]>) -> i32 {
    parts.map_or(0, |parts| i32::try_from(parts.len()).unwrap_or(-1))
}

fn name_of(this: &Implementation) -> *const c_char {
    match &this.state {
        State::Tensor { name, .. } | State::Layer { name, .. } => name.as_ptr(),
        _ => std::ptr::null(),
    }
}

fn shape_of(this: &Implementation) -> &[i64] {
    state!(&this.state, State::Tensor { shape, .. } => shape)
}

/// What was asked of a plan, for a test to read.
fn notes(parts: &Parts, workspace: usize, network_flags: u32, flags: u32) -> String {
    let is_kept = |layer: &&*mut Public| {
        // SAFETY: layers of the network that is being built.
        let layer = unsafe { &*implementation(**layer, "VLayer") };
        matches!(
            layer.state,
            State::Layer {
                is_precision_set: true,
                is_output_set: true,
                ..
            }
        )
    };
    let kept = parts.layers.iter().filter(is_kept).map(|layer| {
        // SAFETY: as above.
        let layer = unsafe { &*implementation(*layer, "VLayer") };
        state!(&layer.state, State::Layer { name, .. } => name.to_string_lossy())
    });
    let kept: Vec<_> = kept.collect();
    format!(
        "workspace {workspace}\nnetwork flags {network_flags:#b}\nbuilder flags {flags:#b}\nlayers at 32 bits: {}",
        kept.join(" ")
    )
}

/// A build that somebody will interrupt.
fn stick_where_asked() {
    static BUILDS: AtomicU64 = AtomicU64::new(0);
    let this = BUILDS.fetch_add(1, Ordering::Relaxed) + 1;
    while settings().stuck == Some(this) {
        std::thread::park();
    }
}

/// Whether a timing cache is one of this release, or empty.
fn fits(cache: &[u8]) -> bool {
    cache.is_empty() || cache.starts_with(format!("{CACHE}{}\n", release().name).as_bytes())
}

methods! {
    VBuilder "createBuilderConfig() -> ptr" create_config(this) -> *mut Public, or null_mut() => {
        make("VBuilderConfig", this, State::Config { flags: tf32(), workspace: 8 << 30, cache: null_mut() })
    }
    VBuilder "createNetworkV2(u32) -> ptr" create_network(this, flags: u32) -> *mut Public, or null_mut() => {
        make("VNetworkDefinition", this, State::NetworkDefinition { flags, parts: None })
    }
    VBuilder "buildSerializedNetwork(ptr, ptr) -> ptr"
        build(_this, network: *mut Public, config: *mut Public) -> *mut Public, or null_mut() => {
        stick_where_asked();
        let network = implementation(network, "VNetworkDefinition");
        let config = implementation(config, "VBuilderConfig");
        // SAFETY: two live objects that were looked at.
        let (network, config) = unsafe { (&*network, &mut *config) };
        let (flags, workspace, cache) = state!(&config.state, State::Config { flags, workspace, cache } => (*flags, *workspace, *cache));
        let Some(parts) = parts(network) else {
            log(1, "network must have at least one output");
            return null_mut();
        };
        if workspace < 1 << 20 {
            log(1, "insufficient workspace");
            return null_mut();
        }
        if !cache.is_null() {
            check(cache, "VTimingCache");
            // SAFETY: a live object that was looked at.
            state!(unsafe { &mut (*cache).state }, State::TimingCache(data) => {
                if data.is_empty() {
                    *data = format!("{CACHE}{}\n", release().name).into_bytes();
                }
                data.extend(b"a network\n");
            });
        }
        let network_flags = state!(&network.state, State::NetworkDefinition { flags, .. } => *flags);
        let bytes = plan(&parts.network, &notes(parts, workspace, network_flags, flags));
        make("VHostMemory", null_mut(), State::HostMemory(bytes))
    }

    VNetworkDefinition "getNbLayers() -> i32" layers(this) -> i32, or -1 => {
        count(parts(this).map(|parts| parts.layers.as_slice()))
    }
    VNetworkDefinition "getLayer(i32) -> ptr" layer(this, index: i32) -> *mut Public, or null_mut() => {
        part(parts(this).map(|parts| parts.layers.as_slice()), index)
    }
    VNetworkDefinition "getNbInputs() -> i32" inputs(this) -> i32, or -1 => {
        count(parts(this).map(|parts| parts.inputs.as_slice()))
    }
    VNetworkDefinition "getInput(i32) -> ptr" input(this, index: i32) -> *mut Public, or null_mut() => {
        part(parts(this).map(|parts| parts.inputs.as_slice()), index)
    }
    VNetworkDefinition "getNbOutputs() -> i32" outputs(this) -> i32, or -1 => {
        count(parts(this).map(|parts| parts.outputs.as_slice()))
    }
    VNetworkDefinition "getOutput(i32) -> ptr" output(this, index: i32) -> *mut Public, or null_mut() => {
        part(parts(this).map(|parts| parts.outputs.as_slice()), index)
    }

    VTensor "getName() -> ptr" tensor_name(this) -> *const c_char, or std::ptr::null() => { name_of(this) }
    VTensor "getDimensions() -> Dims32" tensor_shape_v8(this) -> crate::running::Dims32, or crate::running::dims32(None) => {
        crate::running::dims32(Some(shape_of(this)))
    }
    VTensor "getDimensions() -> Dims64" tensor_shape_v10(this) -> crate::running::Dims64, or crate::running::dims64(None) => {
        crate::running::dims64(Some(shape_of(this)))
    }
    VTensor "getType() -> i32" tensor_type(_this) -> i32, or -1 => { 0 }

    VLayer "getName() -> ptr" layer_name(this) -> *const c_char, or std::ptr::null() => { name_of(this) }
    VLayer "getNbOutputs() -> i32" layer_outputs(_this) -> i32, or -1 => { 1 }
    VLayer "getOutput(i32) -> ptr" layer_output(this, index: i32) -> *mut Public, or null_mut() => {
        state!(&this.state, State::Layer { output, .. } => if index == 0 { *output } else { null_mut() })
    }
    VLayer "setPrecision(i32) -> ()" set_precision(this, data_type: i32) -> usize, or POISON => {
        state!(&mut this.state, State::Layer { is_precision_set, .. } => *is_precision_set = data_type == 0);
        POISON
    }
    VLayer "precisionIsSet() -> bool" precision_is_set(this) -> u8, or 0 => {
        state!(&this.state, State::Layer { is_precision_set, .. } => u8::from(*is_precision_set))
    }
    VLayer "setOutputType(i32, i32) -> ()" set_output_type(this, index: i32, data_type: i32) -> usize, or POISON => {
        state!(&mut this.state, State::Layer { is_output_set, .. } => *is_output_set = index == 0 && data_type == 0);
        POISON
    }
    VLayer "outputTypeIsSet(i32) -> bool" output_type_is_set(this, index: i32) -> u8, or 0 => {
        state!(&this.state, State::Layer { is_output_set, .. } => u8::from(*is_output_set && index == 0))
    }

    VBuilderConfig "clearFlag(i32) -> ()" clear_flag(this, flag: i32) -> usize, or POISON => {
        state!(&mut this.state, State::Config { flags, .. } => *flags &= !(1_u32.wrapping_shl(flag as u32)));
        POISON
    }
    VBuilderConfig "setFlag(i32) -> ()" set_flag(this, flag: i32) -> usize, or POISON => {
        state!(&mut this.state, State::Config { flags, .. } => *flags |= 1_u32.wrapping_shl(flag as u32));
        POISON
    }
    VBuilderConfig "getFlag(i32) -> bool" flag(this, flag: i32) -> u8, or 0 => {
        state!(&this.state, State::Config { flags, .. } => u8::from(flags & 1_u32.wrapping_shl(flag as u32) != 0))
    }
    VBuilderConfig "setMemoryPoolLimit(i32, usize) -> ()" set_pool_limit(this, pool: i32, bytes: usize) -> usize, or POISON => {
        state!(&mut this.state, State::Config { workspace, .. } => if pool == 0 && settings().hears("workspace") { *workspace = bytes });
        POISON
    }
    VBuilderConfig "getMemoryPoolLimit(i32) -> usize" pool_limit(this, pool: i32) -> usize, or 0 => {
        state!(&this.state, State::Config { workspace, .. } => if pool == 0 { *workspace } else { 0 })
    }
    VBuilderConfig "createTimingCache(ptr, usize) -> ptr"
        create_cache(_this, data: *const u8, bytes: usize) -> *mut Public, or null_mut() => {
        // SAFETY: bytes that the program gave, or null for none.
        let data = if data.is_null() { vec![] } else { unsafe { std::slice::from_raw_parts(data, bytes) }.to_vec() };
        make("VTimingCache", null_mut(), State::TimingCache(data))
    }
    VBuilderConfig "setTimingCache(ptr, bool) -> bool" set_cache(this, cache: *mut Public, ignore_mismatch: u8) -> u8, or 0 => {
        let cache = implementation(cache, "VTimingCache");
        // SAFETY: a live object that was looked at.
        let is_fit = state!(unsafe { &(*cache).state }, State::TimingCache(data) => fits(data));
        if !is_fit && ignore_mismatch == 0 {
            log(2, "the timing cache does not match this device and version");
            return 0;
        }
        state!(&mut this.state, State::Config { cache: used, .. } => *used = cache);
        1
    }
    VBuilderConfig "getTimingCache() -> ptr" cache(this) -> *mut Public, or null_mut() => {
        let cache = state!(&this.state, State::Config { cache, .. } => *cache);
        crate::object::public_of(cache)
    }
    VTimingCache "serialize() -> ptr" serialize(this) -> *mut Public, or null_mut() => {
        let data = state!(&this.state, State::TimingCache(data) => data.clone());
        make("VHostMemory", null_mut(), State::HostMemory(data))
    }

    IParser "parse(ptr, usize, ptr) -> bool" parse(this, model: *const u8, bytes: usize, path: *const c_char) -> u8, or 0 => {
        if !path.is_null() { crate::object::wrong("a network with a path"); }
        // SAFETY: bytes that the program gave.
        let read = Network::read(unsafe { std::slice::from_raw_parts(model, bytes) });
        let parser: *mut Implementation = this;
        let (network, errors) = state!(&mut this.state, State::Parser { network, errors } => (*network, errors));
        check(network, "VNetworkDefinition");
        // SAFETY: a live object that was looked at; the parser is its child.
        let (flags, parts) = state!(unsafe { &mut (*network).state }, State::NetworkDefinition { flags, parts } => (*flags, parts));
        match read {
            Ok(_) if !fits_onnx(flags) => {
                log(1, "this version supports networks with explicit batch only");
                0
            }
            Ok(read) => {
                *parts = Some(make_parts(network, read));
                1
            }
            Err(complaint) => {
                log(1, &format!("parsing failed: {}", complaint.text.to_string_lossy()));
                let (code, node, text, node_name) = (complaint.code, complaint.node, complaint.text, complaint.node_name);
                let error = make_part("IParserError", parser, State::ParserError { code, node, text, node_name });
                errors.push(crate::object::direct(error));
                0
            }
        }
    }
    IParser "getNbErrors() -> i32" errors(this) -> i32, or -1 => {
        state!(&this.state, State::Parser { errors, .. } => i32::try_from(errors.len()).unwrap_or(-1))
    }
    IParser "getError(i32) -> ptr" error(this, index: i32) -> *mut Implementation, or null_mut() => {
        let errors = state!(&this.state, State::Parser { errors, .. } => errors);
        let error = usize::try_from(index).ok().and_then(|index| errors.get(index));
        error.copied().unwrap_or(null_mut())
    }
    IParserError "code() -> i32" code(this) -> i32, or -1 => {
        state!(&this.state, State::ParserError { code, .. } => *code)
    }
    IParserError "desc() -> ptr" desc(this) -> *const c_char, or std::ptr::null() => {
        state!(&this.state, State::ParserError { text, .. } => text.as_ptr())
    }
    IParserError "node() -> i32" node(this) -> i32, or -1 => {
        state!(&this.state, State::ParserError { node, .. } => *node)
    }
    IParserError "nodeName() -> ptr" node_name(this) -> *const c_char, or std::ptr::null() => {
        state!(&this.state, State::ParserError { node_name, .. } => node_name.as_ptr())
    }
}

/// A parser for a network; null if that is none.
pub(crate) fn new_parser(network: *mut Public) -> *mut Implementation {
    let network = implementation(network, "VNetworkDefinition");
    debug_assert!(interface_of(network).is_some());
    crate::object::direct(make(
        "IParser",
        network,
        State::Parser {
            network,
            errors: vec![],
        },
    ))
}
