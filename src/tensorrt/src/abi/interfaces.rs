//! The rows: every method of TensorRT that this crate calls, and where it stands in each
//! generation's tables.
//!
//! Checked against `slots/`, numbers, names and signatures, by this module's tests. Where a
//! signature changed, the two forms are two rows. Objects end by the deleting destructor: slot 1 of
//! a public object, and in the middle of the parser's table.

use std::ffi::{c_char, c_void};

use super::dims::{Dims32, Dims64};
use super::object::{Function, Handle, Interface, NO, Object, Reach};
use super::table::interface;

/// Slot 0 is the complete destructor, which frees no memory.
const PUBLIC: [usize; 3] = [1, 1, 1];

/// A C++ `bool` as it comes back: of the register only the lowest byte means something, and a wrong
/// slot could leave anything in it, which a Rust `bool` must not hold.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub(crate) struct Truth(u8);

impl Truth {
    pub(crate) fn is_true(self) -> bool {
        self.0 != 0
    }
}

interface! {
    /// Makes engines of plans.
    VRuntime, Implementation, delete PUBLIC;
    //                    8.5+  10  11
    values {
        set_max_threads  [ 10,  12, 11] "setMaxThreads" (threads: i32) -> Truth;
        max_threads      [ 11,  13, 12] "getMaxThreads" () -> i32;
    }
    pointers {
        deserialize_v8   [  2,  NO, NO] "deserializeCudaEngine" (plan: *const u8, bytes: usize, unused: *const c_void) -> *mut Object;
        deserialize_v10  [ NO,   3,  3] "deserializeCudaEngine" (plan: *const u8, bytes: usize) -> *mut Object;
    }
}

interface! {
    /// A network that a GPU can run.
    VCudaEngine, Implementation, delete PUBLIC;
    values {
        create_context_v8  [ 11,  NO, NO] "createExecutionContext" () -> *mut Object;
        create_context_v10 [ NO,   5,  5] "createExecutionContext" (memory: i32) -> *mut Object;
        tensors            [ 45,  30, 26] "getNbIOTensors" () -> i32;
        raw_tensor_name    [ 46,  31, 27] "getIOTensorName" (index: i32) -> *const c_char;
    }
    pointers {
        raw_shape_v8       [ 34,  NO, NO] "getTensorShape" (name: *const c_char) -> Dims32;
        raw_shape_v10      [ NO,  19, 15] "getTensorShape" (name: *const c_char) -> Dims64;
        raw_type           [ 35,  20, 16] "getTensorDataType" (name: *const c_char) -> i32;
        raw_mode           [ 38,  23, 19] "getTensorIOMode" (name: *const c_char) -> i32;
        raw_format         [ 41,  26, 22] "getTensorFormat" (name: *const c_char) -> i32;
    }
}

interface! {
    /// One place where a network runs: its intermediate memory and the addresses of its tensors.
    VExecutionContext, Implementation, delete PUBLIC;
    values {}
    pointers {
        raw_set_address    [ 32,  24, 23] "setTensorAddress" (name: *const c_char, address: *mut c_void) -> Truth;
        raw_address        [ 33,  25, 24] "getTensorAddress" (name: *const c_char) -> *const c_void;
        raw_enqueue        [ 44,  37, 36] "enqueueV3" (stream: *mut c_void) -> Truth;
    }
}

interface! {
    /// Bytes that the library owns: a plan, a timing cache.
    VHostMemory, Implementation, delete PUBLIC;
    values {
        data               [  2,   2,  2] "data" () -> *const c_void;
        size               [  3,   3,  3] "size" () -> usize;
    }
    pointers {}
}

interface! {
    /// Makes plans of networks.
    VBuilder, Implementation, delete PUBLIC;
    values {
        create_config      [  9,   7,  5] "createBuilderConfig" () -> *mut Object;
        create_network     [ 11,   8,  6] "createNetworkV2" (flags: u32) -> *mut Object;
    }
    pointers {
        raw_build          [ 17,  14, 11] "buildSerializedNetwork" (network: *mut Object, config: *mut Object) -> *mut Object;
    }
}

interface! {
    /// A network that was read and not yet built.
    VNetworkDefinition, Implementation, delete PUBLIC;
    values {
        layers             [ 17,  NO, NO] "getNbLayers" () -> i32;
        raw_layer          [ 18,  NO, NO] "getLayer" (index: i32) -> *mut Object;
        inputs             [ 19,  14, 14] "getNbInputs" () -> i32;
        raw_input          [ 20,  15, 15] "getInput" (index: i32) -> *mut Object;
        outputs            [ 21,  16, 16] "getNbOutputs" () -> i32;
        raw_output         [ 22,  17, 17] "getOutput" (index: i32) -> *mut Object;
    }
    pointers {}
}

interface! {
    /// A tensor of a network that was read.
    VTensor, Implementation, delete PUBLIC;
    values {
        raw_name           [  3,   3,  3] "getName" () -> *const c_char;
        raw_shape_v8       [  5,  NO, NO] "getDimensions" () -> Dims32;
        raw_shape_v10      [ NO,   5,  5] "getDimensions" () -> Dims64;
        data_type          [  7,   7,  6] "getType" () -> i32;
    }
    pointers {}
}

interface! {
    /// A layer of a network that was read. Only in 8.x are layers looked at, to choose the types of
    /// their numbers.
    VLayer, Implementation, delete PUBLIC;
    values {
        raw_name           [  4,  NO, NO] "getName" () -> *const c_char;
        outputs            [  7,  NO, NO] "getNbOutputs" () -> i32;
        raw_output         [  8,  NO, NO] "getOutput" (index: i32) -> *mut Object;
        set_precision      [ 10,  NO, NO] "setPrecision" (data_type: i32) -> ();
        precision_is_set   [ 12,  NO, NO] "precisionIsSet" () -> Truth;
        set_output_type    [ 14,  NO, NO] "setOutputType" (output: i32, data_type: i32) -> ();
        output_type_is_set [ 16,  NO, NO] "outputTypeIsSet" (output: i32) -> Truth;
    }
    pointers {}
}

interface! {
    /// What is wanted of a plan.
    VBuilderConfig, Implementation, delete PUBLIC;
    values {
        clear_flag         [ 14,  10,  8] "clearFlag" (flag: i32) -> ();
        set_flag           [ 15,  11,  9] "setFlag" (flag: i32) -> ();
        flag               [ 16,  12, 10] "getFlag" (flag: i32) -> Truth;
        raw_timing_cache   [ 46,  42, 31] "getTimingCache" () -> *mut Object;
        set_pool_limit     [ 47,  43, 32] "setMemoryPoolLimit" (pool: i32, bytes: usize) -> ();
        pool_limit         [ 48,  44, 33] "getMemoryPoolLimit" (pool: i32) -> usize;
    }
    pointers {
        raw_create_cache   [ 44,  40, 29] "createTimingCache" (data: *const u8, bytes: usize) -> *mut Object;
        raw_set_cache      [ 45,  41, 30] "setTimingCache" (cache: *mut Object, ignore_mismatch: bool) -> Truth;
    }
}

interface! {
    /// How fast this board runs what was already tried: makes the next build shorter.
    VTimingCache, Implementation, delete PUBLIC;
    values {
        raw_serialize      [  2,   2,  2] "serialize" () -> *mut Object;
    }
    pointers {}
}

interface! {
    /// Reads ONNX into a network.
    IParser, Direct, delete [10, 9, 7];
    values {
        errors             [  6,   5,  3] "getNbErrors" () -> i32;
        raw_error          [  7,   6,  4] "getError" (index: i32) -> *mut Object;
    }
    pointers {
        raw_parse          [  0,   0,  0] "parse" (model: *const u8, bytes: usize, path: *const c_char) -> Truth;
    }
}

interface! {
    /// Why a network was not read. The parser owns it.
    IParserError, Direct, delete [7, 11, 11];
    values {
        code               [  0,   0,  0] "code" () -> i32;
        raw_text           [  1,   1,  1] "desc" () -> *const c_char;
        node               [  5,   5,  5] "node" () -> i32;
        raw_node_name      [ NO,   6,  6] "nodeName" () -> *const c_char;
    }
    pointers {}
}
