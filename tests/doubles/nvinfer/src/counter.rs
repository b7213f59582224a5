//! What the doubles count, asked by the program that has loaded them.

use std::ffi::CStr;

/// What a double counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Calls of the driver.
    CudaCalls,
    /// Things of the driver that were not given back.
    CudaAlive,
    /// Graphs that were launched.
    CudaGraphs,
    /// Kernels that were queued while one waited on another stream.
    CudaBeside,
    /// Calls of TensorRT and its parser.
    NvinferCalls,
    /// Objects of TensorRT that were not deleted.
    NvinferAlive,
}

impl Counter {
    /// The count, 0 if no double is loaded.
    pub fn read(self) -> u64 {
        let (names, symbol): (&[&CStr], _) = match self {
            Self::CudaCalls => (CUDA, c"double_cuda_calls"),
            Self::CudaAlive => (CUDA, c"double_cuda_alive"),
            Self::CudaGraphs => (CUDA, c"double_cuda_graphs"),
            Self::CudaBeside => (CUDA, c"double_cuda_beside"),
            Self::NvinferCalls => (NVINFER, c"double_nvinfer_calls"),
            Self::NvinferAlive => (NVINFER, c"double_nvinfer_alive"),
        };
        names
            .iter()
            .find_map(|name| read(name, symbol))
            .unwrap_or(0)
    }
}

const CUDA: &[&CStr] = &[c"libcuda.so.1"];
const NVINFER: &[&CStr] = &[
    c"libnvinfer.so.8",
    c"libnvinfer.so.9",
    c"libnvinfer.so.10",
    c"libnvinfer.so.11",
    c"libnvinfer.so.12",
];

fn read(name: &CStr, symbol: &CStr) -> Option<u64> {
    // SAFETY: a library that is loaded or not; all counters have this type, and no other library
    // has these names.
    unsafe {
        let library = libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if library.is_null() {
            return None;
        }
        let counter = libc::dlsym(library, symbol.as_ptr());
        if counter.is_null() {
            return None;
        }
        let counter = std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> u64>(counter);
        Some(counter())
    }
}
