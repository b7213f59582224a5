//! The half that runs networks: runtime, engine, context, memory.

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use crate::gpu;
use crate::log::log;
use crate::method::{methods, state};
use crate::network::{Network, Tensor};
use crate::object::{Implementation, Public, State, make};
use crate::release::release;
use crate::settings::settings;

/// What a plan of the double begins with; the release follows.
const PLAN: &str = "double plan of ";
/// What divides a plan's notes from its network.
const END_OF_NOTES: &[u8] = b"\n\n";

/// A plan: for which release, what was asked of it, and the network.
pub(crate) fn plan(network: &Network, notes: &str) -> Vec<u8> {
    let head = format!("{PLAN}{}\n{notes}", release().name);
    [head.as_bytes(), END_OF_NOTES, &network.source].concat()
}

fn read_plan(plan: &[u8]) -> Option<Network> {
    let head = format!("{PLAN}{}\n", release().name);
    if !plan.starts_with(head.as_bytes()) {
        log(
            1,
            "the engine plan file is not compatible with this version of TensorRT",
        );
        return None;
    }
    let end = plan.windows(2).position(|window| window == END_OF_NOTES)?;
    Network::read(plan.get(end + 2..)?).ok()
}

#[repr(C)]
pub(crate) struct Dims32 {
    count: i32,
    sizes: [i32; 8],
}

#[repr(C)]
pub(crate) struct Dims64 {
    count: i32,
    sizes: [i64; 8],
}

/// A shape, or what stands for none.
pub(crate) fn dims64(shape: Option<&[i64]>) -> Dims64 {
    let mut dims = Dims64 {
        count: -1,
        sizes: [0; 8],
    };
    if let Some(shape) = shape {
        dims.count = i32::try_from(shape.len()).unwrap_or(-1);
        dims.sizes[..shape.len()].copy_from_slice(shape);
    }
    dims
}

pub(crate) fn dims32(shape: Option<&[i64]>) -> Dims32 {
    let dims = dims64(shape);
    Dims32 {
        count: dims.count,
        sizes: dims.sizes.map(|size| i32::try_from(size).unwrap_or(-1)),
    }
}

fn deserialize(this: &mut Implementation, plan: *const u8, bytes: usize) -> *mut Public {
    // SAFETY: bytes that the program gave.
    let plan = unsafe { std::slice::from_raw_parts(plan, bytes) };
    match read_plan(plan) {
        Some(network) => make("VCudaEngine", this, State::Engine(Arc::new(network))),
        None => std::ptr::null_mut(),
    }
}

fn context(this: &mut Implementation) -> *mut Public {
    let network = state!(&this.state, State::Engine(network) => Arc::clone(network));
    let addresses = vec![0; network.tensors.len()];
    make(
        "VExecutionContext",
        this,
        State::Context { network, addresses },
    )
}

/// The tensor of this name, and its place.
fn find(network: &Network, name: *const c_char) -> Option<(usize, &Tensor)> {
    // SAFETY: a C string that the program gave.
    let name: &CStr = unsafe { gpu::text(name)? };
    network
        .tensors
        .iter()
        .enumerate()
        .find(|(_, tensor)| tensor.name.as_c_str() == name)
}

fn engine_tensor(this: &Implementation, name: *const c_char) -> Option<&Tensor> {
    state!(&this.state, State::Engine(network) => find(network, name).map(|(_, tensor)| tensor))
}

methods! {
    VRuntime "setMaxThreads(i32) -> bool" set_max_threads(this, threads: i32) -> u8, or 0 => {
        state!(&mut this.state, State::Runtime { threads: kept } => if settings().hears("threads") { *kept = threads });
        1
    }
    VRuntime "getMaxThreads() -> i32" max_threads(this) -> i32, or -1 => {
        state!(&this.state, State::Runtime { threads } => *threads)
    }
    VRuntime "deserializeCudaEngine(ptr, usize, ptr) -> ptr"
        deserialize_v8(this, plan: *const u8, bytes: usize, factory: *const c_void) -> *mut Public, or std::ptr::null_mut() => {
        if !factory.is_null() { crate::object::wrong("a factory of plugins"); }
        deserialize(this, plan, bytes)
    }
    VRuntime "deserializeCudaEngine(ptr, usize) -> ptr"
        deserialize_v10(this, plan: *const u8, bytes: usize) -> *mut Public, or std::ptr::null_mut() => {
        deserialize(this, plan, bytes)
    }

    VCudaEngine "createExecutionContext() -> ptr" context_v8(this) -> *mut Public, or std::ptr::null_mut() => {
        context(this)
    }
    VCudaEngine "createExecutionContext(i32) -> ptr" context_v10(this, memory: i32) -> *mut Public, or std::ptr::null_mut() => {
        if memory != 0 { crate::object::wrong("a context with the program's memory"); }
        context(this)
    }
    VCudaEngine "getNbIOTensors() -> i32" tensors(this) -> i32, or -1 => {
        state!(&this.state, State::Engine(network) => i32::try_from(network.tensors.len()).unwrap_or(-1))
    }
    VCudaEngine "getIOTensorName(i32) -> ptr" tensor_name(this, index: i32) -> *const c_char, or std::ptr::null() => {
        let network = state!(&this.state, State::Engine(network) => network);
        let tensor = usize::try_from(index).ok().and_then(|index| network.tensors.get(index));
        tensor.map_or(std::ptr::null(), |tensor| tensor.name.as_ptr())
    }
    VCudaEngine "getTensorShape(ptr) -> Dims32" shape_v8(this, name: *const c_char) -> Dims32, or dims32(None) => {
        dims32(engine_tensor(this, name).map(|tensor| tensor.shape.as_slice()))
    }
    VCudaEngine "getTensorShape(ptr) -> Dims64" shape_v10(this, name: *const c_char) -> Dims64, or dims64(None) => {
        dims64(engine_tensor(this, name).map(|tensor| tensor.shape.as_slice()))
    }
    VCudaEngine "getTensorDataType(ptr) -> i32" data_type(this, name: *const c_char) -> i32, or -1 => {
        engine_tensor(this, name).map_or(-1, |_| 0)
    }
    VCudaEngine "getTensorIOMode(ptr) -> i32" mode(this, name: *const c_char) -> i32, or 0 => {
        engine_tensor(this, name).map_or(0, |tensor| if tensor.is_input { 1 } else { 2 })
    }
    VCudaEngine "getTensorFormat(ptr) -> i32" format(this, name: *const c_char) -> i32, or -1 => {
        engine_tensor(this, name).map_or(-1, |_| 0)
    }

    VExecutionContext "setTensorAddress(ptr, ptr) -> bool" set_address(this, name: *const c_char, address: u64) -> u8, or 0 => {
        state!(&mut this.state, State::Context { network, addresses } => match find(network, name) {
            Some((index, _)) => if settings().hears("address") { addresses[index] = address },
            None => return 0,
        });
        1
    }
    VExecutionContext "getTensorAddress(ptr) -> ptr" address(this, name: *const c_char) -> u64, or 0 => {
        state!(&this.state, State::Context { network, addresses } => {
            find(network, name).map_or(0, |(index, _)| addresses[index])
        })
    }
    VExecutionContext "enqueueV3(ptr) -> bool" enqueue(this, stream: *mut c_void) -> u8, or 0 => {
        state!(&this.state, State::Context { network, addresses } => {
            if addresses.contains(&0) {
                log(1, "a tensor has no address");
                return 0;
            }
            let code = gpu::launch(network, addresses, stream);
            if code != 0 {
                log(1, &format!("CUDA error {code} launching the network"));
            }
            u8::from(code == 0)
        })
    }

    VHostMemory "data() -> ptr" data(this) -> *const u8, or std::ptr::null() => {
        state!(&this.state, State::HostMemory(bytes) => bytes.as_ptr())
    }
    VHostMemory "size() -> usize" size(this) -> usize, or 0 => {
        state!(&this.state, State::HostMemory(bytes) => bytes.len())
    }
}
