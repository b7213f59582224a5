//! The functions that the libraries export, under NVIDIA's names, and two for tests.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::gpu;
use crate::log::{log, take_logger};
use crate::object::{self, Implementation, Public, State, is_failing, make};
use crate::release::release;

/// What a factory returns that found no driver: null, as a base class of what it wanted to make.
const ADJUSTED_NULL: usize = 0x228;
/// What `getNvOnnxParserVersion` says, and the parser's factory wants to hear.
const PARSER_VERSION: i32 = 101;

#[unsafe(no_mangle)]
pub extern "C" fn getInferLibVersion() -> i32 {
    release().number
}

#[unsafe(no_mangle)]
pub extern "C" fn createInferRuntime_INTERNAL(logger: *mut c_void, version: i32) -> *mut Public {
    create("VRuntime", logger, version, State::Runtime { threads: 1 })
}

#[unsafe(no_mangle)]
pub extern "C" fn createInferBuilder_INTERNAL(logger: *mut c_void, version: i32) -> *mut Public {
    create("VBuilder", logger, version, State::Builder)
}

fn create(interface: &'static str, logger: *mut c_void, version: i32, state: State) -> *mut Public {
    take_logger(logger);
    log(3, "a factory is at work");
    if version != release().number {
        log(1, "the version asked for is not this library's");
        return null_mut();
    }
    if is_failing() || !gpu::is_there() {
        log(1, "CUDA initialization failure with error: 35");
        return std::ptr::without_provenance_mut(ADJUSTED_NULL);
    }
    make(interface, null_mut(), state)
}

#[unsafe(no_mangle)]
pub extern "C" fn getNvOnnxParserVersion() -> i32 {
    PARSER_VERSION
}

#[unsafe(no_mangle)]
pub extern "C" fn createNvOnnxParser_INTERNAL(
    network: *mut Public,
    logger: *mut c_void,
    version: i32,
) -> *mut Implementation {
    take_logger(logger);
    if version != PARSER_VERSION || is_failing() {
        log(1, "no parser of this version");
        return null_mut();
    }
    crate::building::new_parser(network)
}

/// Calls of methods and factories so far.
#[unsafe(no_mangle)]
pub extern "C" fn double_nvinfer_calls() -> u64 {
    object::calls()
}

/// Objects that were not deleted.
#[unsafe(no_mangle)]
pub extern "C" fn double_nvinfer_alive() -> u64 {
    object::alive()
}
