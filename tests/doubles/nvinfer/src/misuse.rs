//! What the doubles must take badly, done on purpose.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;

/// A mistake that a real library might forgive for years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misuse {
    /// The host writes to memory of the device.
    DeviceMemory,
    /// The host writes to pinned memory that queued work uses.
    BusyMemory,
    /// Memory is freed that queued work uses.
    FreedEarly,
    /// A method is called that the double does not have.
    UnsetSlot,
}

const CUDA: &CStr = c"libcuda.so.1";
const NVINFER: &CStr = c"libnvinfer.so.10";
const BYTES: usize = 4096;

impl Misuse {
    /// All.
    pub const ALL: [Self; 4] = [
        Self::DeviceMemory,
        Self::BusyMemory,
        Self::FreedEarly,
        Self::UnsetSlot,
    ];

    /// Makes the mistake, on the doubles of 10.3.0 that the loader finds. The process should not live on.
    ///
    /// # Panics
    /// Without those doubles.
    pub fn make(self) {
        match self {
            Self::DeviceMemory => {
                let address = Transfer::new().to;
                // SAFETY: none of it: that this ends the process is the aim.
                unsafe { (address as *mut u8).write_volatile(1) };
            }
            Self::BusyMemory => {
                let copy = Transfer::new();
                copy.queue();
                // SAFETY: as above.
                unsafe { copy.from.cast::<u8>().write_volatile(1) };
            }
            Self::FreedEarly => {
                let copy = Transfer::new();
                copy.queue();
                type Free = unsafe extern "C" fn(u64) -> c_int;
                // SAFETY: as above; the function has this type.
                unsafe { function::<Free>(CUDA, c"cuMemFree_v2")(copy.to) };
            }
            Self::UnsetSlot => call_slot(UNSET_SLOT),
        }
    }
}

/// Pinned memory, memory of the device and a stream.
struct Transfer {
    from: *mut c_void,
    to: u64,
    stream: *mut c_void,
}

impl Transfer {
    fn new() -> Self {
        type Init = unsafe extern "C" fn(c_uint) -> c_int;
        type Retain = unsafe extern "C" fn(*mut *mut c_void, c_int) -> c_int;
        type SetCurrent = unsafe extern "C" fn(*mut c_void) -> c_int;
        type Allocate = unsafe extern "C" fn(*mut u64, usize) -> c_int;
        type AllocateHost = unsafe extern "C" fn(*mut *mut c_void, usize, c_uint) -> c_int;
        type CreateStream = unsafe extern "C" fn(*mut *mut c_void, c_uint) -> c_int;
        /// `CU_MEMHOSTALLOC_DEVICEMAP`
        const MAPPED: c_uint = 2;
        let (mut context, mut from, mut stream) = (null_mut(), null_mut(), null_mut());
        let mut to = 0;
        // SAFETY: the functions of these names have these types, and get places for their results.
        let codes = unsafe {
            [
                function::<Init>(CUDA, c"cuInit")(0),
                function::<Retain>(CUDA, c"cuDevicePrimaryCtxRetain")(&raw mut context, 0),
                function::<SetCurrent>(CUDA, c"cuCtxSetCurrent")(context),
                function::<Allocate>(CUDA, c"cuMemAlloc_v2")(&raw mut to, BYTES),
                function::<AllocateHost>(CUDA, c"cuMemHostAlloc")(&raw mut from, BYTES, MAPPED),
                function::<CreateStream>(CUDA, c"cuStreamCreate")(&raw mut stream, 0),
            ]
        };
        assert_eq!(codes, [0; 6]);
        Self { from, to, stream }
    }

    fn queue(&self) {
        type ToDevice = unsafe extern "C" fn(u64, *const c_void, usize, *mut c_void) -> c_int;
        // SAFETY: the function has this type; both memories have so many bytes.
        let code = unsafe {
            function::<ToDevice>(CUDA, c"cuMemcpyHtoDAsync_v2")(
                self.to,
                self.from,
                BYTES,
                self.stream,
            )
        };
        assert_eq!(code, 0);
    }
}

/// `IRuntime::getDLACore` of 10, which nobody needs.
const UNSET_SLOT: usize = 6;

/// Makes a runtime and calls one of its methods without arguments.
fn call_slot(slot: usize) {
    type Factory = unsafe extern "C" fn(*const c_void, c_int) -> *const *const *const *const c_void;
    extern "C" fn log(_: *const c_void, _: c_int, _: *const c_char) {}
    // `ILogger` before 11: the method, and two destructors that nobody calls.
    let table = [log as *const c_void; 3];
    let logger = table.as_ptr();
    // Without a driver there is no runtime.
    let _driver = Transfer::new();
    // SAFETY: the function has this type. What it makes is an object whose second word is the one with the
    // methods, whose first word is their table.
    unsafe {
        let runtime = function::<Factory>(NVINFER, c"createInferRuntime_INTERNAL")(
            (&raw const logger).cast(),
            100_300,
        );
        let object = *runtime.add(1);
        let method = *(*object).add(slot);
        std::mem::transmute::<*const c_void, extern "C" fn(*const c_void)>(method)(object.cast());
    }
}

/// # Safety
/// `F` is the type of this function.
unsafe fn function<F>(library: &CStr, symbol: &CStr) -> F {
    // SAFETY: the doubles may be loaded at any time; the caller vouches for the type, which is a pointer.
    unsafe {
        let library = libc::dlopen(library.as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "{library:?} is not there");
        let function = libc::dlsym(library, symbol.as_ptr());
        assert!(!function.is_null(), "no {symbol:?}");
        std::mem::transmute_copy::<*mut c_void, F>(&function)
    }
}
