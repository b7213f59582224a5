//! The functions that the library exports: those that a test's program calls, under NVIDIA's names.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::Arc;

use crate::settings::settings;
use crate::state::{
    CAPTURE_INVALIDATED, CAPTURE_UNSUPPORTED, Code, INVALID_DEVICE, INVALID_VALUE, IS_CURRENT,
    Needs, SUCCESS, State, Thing, call, state, wrong,
};
use crate::work::{Kernel, Launch, Work};

/// The only context.
const CONTEXT: usize = 0xC0DE_0000;

/// Defines exported functions. Each body gets the state and gives a code; the pointers are the
/// caller's promise, as in C.
macro_rules! exports {
    ($($name:ident($($argument:ident: $type:ty),*), $needs:ident, $state:pat => $body:expr;)*) => {
        $(
            /// # Safety
            /// As the CUDA driver API reference says.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> Code {
                call(Needs::$needs, |$state: &mut State| {
                    #[allow(unused_unsafe, reason = "some have no pointers")]
                    // SAFETY: the caller's promise.
                    unsafe { $body }
                })
            }
        )*
    };
}

exports! {
    cuInit(flags: c_uint), Nothing, state => {
        state.is_initialised = flags == 0;
        if flags == 0 { SUCCESS } else { INVALID_VALUE }
    };
    cuDriverGetVersion(version: *mut c_int), Nothing, _ => put(version, 12060);
    cuDeviceGetCount(count: *mut c_int), Initialisation, _ => put(count, settings().devices);
    cuDeviceGet(device: *mut c_int, ordinal: c_int), Initialisation, _ => {
        if (0..settings().devices).contains(&ordinal) { put(device, ordinal) } else { INVALID_DEVICE }
    };
    cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int), Initialisation, _ => {
        let text = format!("double {device}\0");
        if text.len() > length as usize { return INVALID_VALUE; }
        std::ptr::copy_nonoverlapping(text.as_ptr(), name.cast(), text.len());
        SUCCESS
    };
    cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, _device: c_int), Initialisation, _ => {
        let found = match attribute {
            16 => 8,
            18 => i32::from(settings().is_integrated),
            75 => 8,
            76 => 7,
            _ => return INVALID_VALUE,
        };
        put(value, found)
    };
    cuDeviceTotalMem_v2(bytes: *mut usize, _device: c_int), Initialisation, _ => put(bytes, 8 << 30);
    cuDevicePrimaryCtxRetain(context: *mut *mut c_void, _device: c_int), Initialisation, state => {
        state.retained += 1;
        put(context, CONTEXT as *mut c_void)
    };
    cuCtxSetCurrent(context: *mut c_void), Initialisation, _ => {
        IS_CURRENT.set(context as usize == CONTEXT);
        if context as usize == CONTEXT { SUCCESS } else { INVALID_VALUE }
    };
    cuMemAlloc_v2(address: *mut u64, bytes: usize), Context, state => {
        if bytes == 0 { return INVALID_VALUE; }
        state.allocations += 1;
        put(address, state.memory.allocate(bytes, false).0 as u64)
    };
    cuMemHostAlloc(start: *mut *mut c_void, bytes: usize, flags: c_uint), Context, state => {
        if bytes == 0 || flags & 2 == 0 { return INVALID_VALUE; }
        state.allocations += 1;
        put(start, state.memory.allocate(bytes, true).1 as *mut c_void)
    };
    cuMemHostGetDevicePointer_v2(address: *mut u64, start: *mut c_void, flags: c_uint), Context, state => {
        match state.memory.address_of(start as usize) {
            Some(found) if flags == 0 => put(address, found as u64),
            _ => INVALID_VALUE,
        }
    };
    cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: *mut c_void), Context, state => {
        match state.memory.address_of(from as usize) {
            Some(from) => state.queue(stream as usize, Work::Copy { from, to: to as usize, bytes }),
            None => wrong("a copy from memory that is not pinned", from as usize),
        }
    };
    cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: *mut c_void), Context, state => {
        match state.memory.address_of(to as usize) {
            Some(to) => state.queue(stream as usize, Work::Copy { from: from as usize, to, bytes }),
            None => wrong("a copy to memory that is not pinned", to as usize),
        }
    };
    cuStreamCreate(stream: *mut *mut c_void, _flags: c_uint), Context, state => {
        put(stream, state.add(Thing::Stream { queue: vec![], capture: None }) as *mut c_void)
    };
    cuStreamSynchronize(stream: *mut c_void), Context, state => state.finish(stream as usize);
    cuStreamBeginCapture_v2(stream: *mut c_void, mode: c_uint), Context, state => {
        match state.get(stream as usize) {
            Thing::Stream { queue, capture } if queue.is_empty() && capture.is_none() && mode <= 2 => *capture = Some(vec![]),
            _ => return CAPTURE_UNSUPPORTED,
        }
        SUCCESS
    };
    cuStreamEndCapture(stream: *mut c_void, graph: *mut *mut c_void), Context, state => {
        let Thing::Stream { capture, .. } = state.get(stream as usize) else {
            wrong("no stream", stream as usize)
        };
        match capture.take() {
            Some(_) if settings().capture.is_some() => {
                put(graph, std::ptr::null_mut());
                CAPTURE_INVALIDATED
            }
            Some(work) => put(graph, state.add(Thing::Graph(work)) as *mut c_void),
            None => INVALID_VALUE,
        }
    };
    cuEventCreate(event: *mut *mut c_void, _flags: c_uint), Context, state => {
        put(event, state.add(Thing::Event { stream: None }) as *mut c_void)
    };
    cuEventRecord(event: *mut c_void, stream: *mut c_void), Context, state => {
        match state.get(event as usize) {
            Thing::Event { stream: recorded } => *recorded = Some(stream as usize),
            _ => wrong("no event", event as usize),
        }
        state.queue(stream as usize, Work::Record)
    };
    cuEventSynchronize(event: *mut c_void), Context, state => {
        match state.get(event as usize) {
            Thing::Event { stream: Some(stream) } => {
                let stream = *stream;
                state.finish(stream)
            }
            Thing::Event { stream: None } => SUCCESS,
            _ => wrong("no event", event as usize),
        }
    };
    cuGraphInstantiateWithFlags(executable: *mut *mut c_void, graph: *mut c_void, flags: u64), Context, state => {
        if graph.is_null() || flags != 0 { return INVALID_VALUE; }
        let Thing::Graph(work) = state.get(graph as usize) else {
            wrong("no graph", graph as usize)
        };
        let work = work.clone();
        put(executable, state.add(Thing::Executable(work)) as *mut c_void)
    };
    cuGraphLaunch(executable: *mut c_void, stream: *mut c_void), Context, state => {
        let Thing::Executable(work) = state.get(executable as usize) else {
            wrong("no executable graph", executable as usize)
        };
        let work = work.clone();
        state.graphs += 1;
        for work in work {
            state.queue(stream as usize, work);
        }
        SUCCESS
    };
}

/// Writes a result.
///
/// # Safety
/// A place for it.
unsafe fn put<T>(place: *mut T, value: T) -> Code {
    // SAFETY: the caller's promise.
    unsafe { place.write(value) };
    SUCCESS
}

/// Defines functions that give something back. They do so even if the call itself is to fail: what
/// counts is that the program asked.
macro_rules! givers {
    ($($name:ident($argument:ident: $type:ty), $state:ident => $body:expr;)*) => {
        $(
            /// # Safety
            /// As the CUDA driver API reference says.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($argument: $type) -> Code {
                give_back(|$state| $body);
                call(Needs::Context, |_| SUCCESS)
            }
        )*
    };
}

fn give_back(what: impl FnOnce(&mut State)) {
    let mut guard = state();
    what(guard.get_or_insert_with(State::default));
}

givers! {
    cuMemFree_v2(address: u64), state => {
        state.allocations -= 1;
        state.free(Some(address as usize));
    };
    cuMemFreeHost(start: *mut c_void), state => {
        state.allocations -= 1;
        let address = state.memory.address_of(start as usize);
        state.free(address);
    };
    cuStreamDestroy_v2(stream: *mut c_void), state => {
        match state.remove(stream as usize) {
            Thing::Stream { queue, .. } if queue.is_empty() || state.sticky.is_some() => {}
            _ => wrong("no stream, or one with work left", stream as usize),
        }
    };
    cuEventDestroy_v2(event: *mut c_void), state => {
        let Thing::Event { .. } = state.remove(event as usize) else { wrong("no event", event as usize) };
    };
    cuGraphDestroy(graph: *mut c_void), state => {
        let Thing::Graph(_) = state.remove(graph as usize) else { wrong("no graph", graph as usize) };
    };
    cuGraphExecDestroy(executable: *mut c_void), state => {
        let Thing::Executable(_) = state.remove(executable as usize) else { wrong("no executable graph", executable as usize) };
    };
}

/// # Safety
/// As the CUDA driver API reference says. It is the one that gives back and needs no context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> Code {
    give_back(|state| state.retained -= 1);
    call(Needs::Initialisation, |_| SUCCESS)
}

/// # Safety
/// A place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(code: c_int, name: *mut *const c_char) -> Code {
    let known = match code {
        0 => c"CUDA_SUCCESS",
        1 => c"CUDA_ERROR_INVALID_VALUE",
        2 => c"CUDA_ERROR_OUT_OF_MEMORY",
        3 => c"CUDA_ERROR_NOT_INITIALIZED",
        100 => c"CUDA_ERROR_NO_DEVICE",
        101 => c"CUDA_ERROR_INVALID_DEVICE",
        201 => c"CUDA_ERROR_INVALID_CONTEXT",
        700 => c"CUDA_ERROR_ILLEGAL_ADDRESS",
        719 => c"CUDA_ERROR_LAUNCH_FAILED",
        900 => c"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
        901 => c"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
        _ => return INVALID_VALUE,
    };
    // SAFETY: the caller's promise.
    unsafe { put(name, known.as_ptr()) }
}

/// Queues a kernel of the double of TensorRT, which uses these addresses, with these lengths in
/// bytes. The argument is given to `release` when it is not needed any more.
///
/// # Safety
/// `addresses` and `bytes` have `count` numbers each; kernel and release can take the argument.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn double_cuda_launch(
    stream: *mut c_void,
    kernel: Kernel,
    argument: *const c_void,
    release: extern "C" fn(*const c_void),
    addresses: *const u64,
    bytes: *const usize,
    count: usize,
) -> Code {
    // SAFETY: the caller's promise.
    let (addresses, bytes) = unsafe {
        (
            std::slice::from_raw_parts(addresses, count),
            std::slice::from_raw_parts(bytes, count),
        )
    };
    let uses = addresses
        .iter()
        .zip(bytes)
        .map(|(&address, &bytes)| (address as usize, bytes))
        .collect();
    let launch = Arc::new(Launch {
        kernel,
        argument: argument as usize,
        release,
        uses,
    });
    call(Needs::Context, |state| {
        state.queue(stream as usize, Work::Kernel(launch))
    })
}

/// Calls so far.
#[unsafe(no_mangle)]
pub extern "C" fn double_cuda_calls() -> u64 {
    state().as_ref().map_or(0, |state| state.calls)
}

/// Graphs that were launched.
#[unsafe(no_mangle)]
pub extern "C" fn double_cuda_graphs() -> u64 {
    state().as_ref().map_or(0, |state| state.graphs)
}

/// Kernels that were queued while one waited on another stream.
#[unsafe(no_mangle)]
pub extern "C" fn double_cuda_beside() -> u64 {
    state().as_ref().map_or(0, |state| state.beside)
}

/// Contexts, memory, streams, events and graphs that were not given back.
#[unsafe(no_mangle)]
pub extern "C" fn double_cuda_alive() -> u64 {
    state().as_ref().map_or(0, State::alive)
}
