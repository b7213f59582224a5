//! The functions of the CUDA driver library.
//!
//! `libcuda.so.1` belongs to the board's driver, has one name on every JetPack, and a C API that
//! NVIDIA keeps: a function whose signature changes gets a new name, `cuMemAlloc_v2`. All of these
//! exist from CUDA 11.4 on, which is JetPack 5.
//!
//! Source: CUDA driver API reference of 11.4 and 13.0; `cuda.h` says which name stands behind which
//! macro.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use crate::Error;
use crate::library::SharedLibrary;

/// A call of the CUDA driver failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call} gave {name} ({code})")]
pub struct CudaError {
    /// Which call.
    pub call: &'static str,
    /// The number, `CUresult`.
    pub code: i32,
    /// Its name: `CUDA_ERROR_OUT_OF_MEMORY`.
    pub name: String,
}

/// Errors after which "the process must be terminated and relaunched", as the reference says of
/// each: uncorrectable memory, illegal addresses and instructions, a time-out, an assertion in a
/// kernel, a failed launch.
const STICKY: [i32; 13] = [
    214, 220, 226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721,
];

impl CudaError {
    /// Whether every further call in this process will fail, too.
    pub fn is_sticky(&self) -> bool {
        STICKY.contains(&self.code)
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self.code {
            2 => {
                Some("free memory of the board: smaller networks, no desktop, fewer other programs")
            }
            35 | 803 => {
                Some("the driver is older than this CUDA: install driver and CUDA of one JetPack")
            }
            100 | 101 => Some(
                "see that the driver is loaded and that the service's user may open the GPU (on a Jetson: groups video and render)",
            ),
            // CUDA_ERROR_NOT_SUPPORTED and CUDA_ERROR_UNKNOWN: seen on Jetsons where device nodes can't be opened.
            801 | 999 => Some(
                "see that the service's user may open the GPU's device nodes: systemd/dropins/gpu.conf, and on a Jetson the \
                 groups video and render; else start the machine again",
            ),
            _ if self.is_sticky() => Some(
                "start the process again; if it comes back, look at the kernel's log for Xid or nvgpu",
            ),
            _ => None,
        }
    }
}

/// Defines the table of functions, how it is filled, and a checked call for each.
macro_rules! driver {
    ($($method:ident $symbol:literal ($($argument:ident: $type:ty),*);)*) => {
        /// The driver, loaded.
        pub(super) struct Driver {
            $($method: unsafe extern "C" fn($($type),*) -> c_int,)*
            error_name: unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int,
        }

        impl Driver {
            fn of(library: &SharedLibrary) -> Result<Self, Error> {
                Ok(Self {
                    $($method: {
                        const SYMBOL: &CStr = match CStr::from_bytes_with_nul(concat!($symbol, "\0").as_bytes()) {
                            Ok(symbol) => symbol,
                            Err(_) => c"",
                        };
                        // SAFETY: the function of this name has this type; see the module's source.
                        unsafe { library.function(SYMBOL)? }
                    },)*
                    // SAFETY: as above.
                    error_name: unsafe { library.function(c"cuGetErrorName")? },
                })
            }

            $(
                #[doc = concat!("`", $symbol, "`")]
                ///
                /// # Safety
                /// Pointers and handles must be what the reference asks for.
                pub(super) unsafe fn $method(&self, $($argument: $type),*) -> Result<(), CudaError> {
                    // SAFETY: the caller's promise.
                    let code = unsafe { (self.$method)($($argument),*) };
                    self.checked($symbol, code)
                }
            )*
        }
    };
}

// A `CUdevice` is an int, a `CUdeviceptr` an unsigned 64-bit number; contexts, streams, events and
// graphs are pointers.
driver! {
    init                 "cuInit"                       (flags: c_uint);
    driver_version       "cuDriverGetVersion"           (version: *mut c_int);
    device_count         "cuDeviceGetCount"             (count: *mut c_int);
    device               "cuDeviceGet"                  (device: *mut c_int, ordinal: c_int);
    device_name          "cuDeviceGetName"              (name: *mut c_char, length: c_int, device: c_int);
    device_attribute     "cuDeviceGetAttribute"         (value: *mut c_int, attribute: c_int, device: c_int);
    device_memory        "cuDeviceTotalMem_v2"          (bytes: *mut usize, device: c_int);
    retain_context       "cuDevicePrimaryCtxRetain"     (context: *mut *mut c_void, device: c_int);
    release_context      "cuDevicePrimaryCtxRelease_v2" (device: c_int);
    set_current          "cuCtxSetCurrent"              (context: *mut c_void);
    allocate             "cuMemAlloc_v2"                (address: *mut u64, bytes: usize);
    free                 "cuMemFree_v2"                 (address: u64);
    allocate_host        "cuMemHostAlloc"               (start: *mut *mut c_void, bytes: usize, flags: c_uint);
    free_host            "cuMemFreeHost"                (start: *mut c_void);
    device_address       "cuMemHostGetDevicePointer_v2" (address: *mut u64, start: *mut c_void, flags: c_uint);
    copy_to_device       "cuMemcpyHtoDAsync_v2"         (to: u64, from: *const c_void, bytes: usize, stream: *mut c_void);
    copy_to_host         "cuMemcpyDtoHAsync_v2"         (to: *mut c_void, from: u64, bytes: usize, stream: *mut c_void);
    create_stream        "cuStreamCreate"               (stream: *mut *mut c_void, flags: c_uint);
    destroy_stream       "cuStreamDestroy_v2"           (stream: *mut c_void);
    begin_capture        "cuStreamBeginCapture_v2"      (stream: *mut c_void, mode: c_uint);
    end_capture          "cuStreamEndCapture"           (stream: *mut c_void, graph: *mut *mut c_void);
    create_event         "cuEventCreate"                (event: *mut *mut c_void, flags: c_uint);
    record_event         "cuEventRecord"                (event: *mut c_void, stream: *mut c_void);
    wait_for_event       "cuEventSynchronize"           (event: *mut c_void);
    destroy_event        "cuEventDestroy_v2"            (event: *mut c_void);
    instantiate_graph    "cuGraphInstantiateWithFlags"  (executable: *mut *mut c_void, graph: *mut c_void, flags: u64);
    launch_graph         "cuGraphLaunch"                (executable: *mut c_void, stream: *mut c_void);
    destroy_executable   "cuGraphExecDestroy"           (executable: *mut c_void);
    destroy_graph        "cuGraphDestroy"               (graph: *mut c_void);
}

impl Driver {
    /// Loads and initialises the driver.
    pub(super) fn load() -> Result<Self, Error> {
        let driver = Self::of(&SharedLibrary::open("libcuda.so.1")?)?;
        // SAFETY: flags must be 0.
        unsafe { driver.init(0) }?;
        Ok(driver)
    }

    fn checked(&self, call: &'static str, code: c_int) -> Result<(), CudaError> {
        if code == 0 {
            return Ok(());
        }
        let mut name = ptr::null();
        // SAFETY: a place for a pointer. The name is a static text of the library, or null if the
        // code is unknown.
        let name = unsafe {
            (self.error_name)(code, &raw mut name);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        };
        Err(CudaError {
            call,
            code,
            name: name.unwrap_or_else(|| "an unknown error".to_owned()),
        })
    }
}
