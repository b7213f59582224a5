//! ONNX for the double of TensorRT: reads networks and computes them by tract.
//!
//! The double of TensorRT opens this library where a test has put it beside it. It is a library of
//! its own so that the tests of the calls alone need no tract, which takes minutes to compile; and
//! so that there are not two doubles of one name, with ONNX and without.
#![expect(unsafe_code, reason = "a C library")]

mod network;

use std::ffi::c_void;

use network::Network;

/// Takes a text.
type Say = extern "C" fn(context: *mut c_void, text: *const u8, bytes: usize);

/// Reads a network and says what it has, in the double's own format: `input NAME SIZES`, `output
/// NAME SIZES`, `layer NAME`, a line each. Null if it can't be read; then it says why.
///
/// # Safety
/// So many bytes, and a function that takes the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn double_onnx_read(
    source: *const u8,
    bytes: usize,
    say: Say,
    context: *mut c_void,
) -> *mut Network {
    // SAFETY: the caller's promise.
    let source = unsafe { std::slice::from_raw_parts(source, bytes) };
    let (text, network) = match Network::read(source) {
        Ok(network) => (network.description(), Box::into_raw(Box::new(network))),
        Err(error) => (error.to_string(), std::ptr::null_mut()),
    };
    say(context, text.as_ptr(), text.len());
    network
}

/// Computes outputs of inputs, each where `places` says, in the order of the description. False if
/// tract gives up.
///
/// # Safety
/// A network that was read here, and places for as many numbers as its tensors have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn double_onnx_run(network: *const Network, places: *const *mut f32) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*network).run(places) }.is_ok()
}

/// # Safety
/// A network that was read here, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn double_onnx_free(network: *mut Network) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(network) });
}
