//! ONNX networks, if the library that computes them is there: the double `onnx`.

use std::ffi::c_void;

use crate::network::{Complaint, INVALID_GRAPH};

/// A network of the other library.
pub(crate) struct Onnx {
    network: *mut c_void,
    library: Library,
}

#[derive(Clone, Copy)]
struct Library {
    read: Read,
    run: unsafe extern "C" fn(*const c_void, *const *mut u8) -> bool,
    free: unsafe extern "C" fn(*mut c_void),
}

type Say = extern "C" fn(*mut c_void, *const u8, usize);
type Read = unsafe extern "C" fn(*const u8, usize, Say, *mut c_void) -> *mut c_void;

impl Library {
    fn open() -> Option<Self> {
        // SAFETY: functions with the types that the other library gives them.
        unsafe {
            let library = libc::dlopen(c"libtwinspect_double_onnx.so".as_ptr(), libc::RTLD_NOW);
            if library.is_null() {
                return None;
            }
            let [read, run, free] = [c"double_onnx_read", c"double_onnx_run", c"double_onnx_free"]
                .map(|name| libc::dlsym(library, name.as_ptr()));
            if read.is_null() || run.is_null() || free.is_null() {
                return None;
            }
            Some(Self {
                read: std::mem::transmute::<*mut c_void, Read>(read),
                run: std::mem::transmute::<
                    *mut c_void,
                    unsafe extern "C" fn(*const c_void, *const *mut u8) -> bool,
                >(run),
                free: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(free),
            })
        }
    }
}

/// A network, and its description in the double's own format.
pub(crate) fn read(source: &[u8]) -> Result<(Onnx, String), Complaint> {
    extern "C" fn say(context: *mut c_void, text: *const u8, bytes: usize) {
        // SAFETY: the context is a string, below; the text has so many bytes.
        let (context, text) = unsafe {
            (
                &mut *context.cast::<String>(),
                std::slice::from_raw_parts(text, bytes),
            )
        };
        context.push_str(&String::from_utf8_lossy(text));
    }
    let library = Library::open().ok_or_else(Complaint::unreadable)?;
    let mut said = String::new();
    // SAFETY: a slice, and a function that takes the string.
    let network =
        unsafe { (library.read)(source.as_ptr(), source.len(), say, (&raw mut said).cast()) };
    if network.is_null() {
        return Err(Complaint::new(INVALID_GRAPH, 0, "", &said));
    }
    Ok((Onnx { network, library }, said))
}

impl Onnx {
    /// # Safety
    /// Places for as many numbers as the tensors have.
    pub(crate) unsafe fn run(&self, places: *const *mut u8) -> bool {
        // SAFETY: a network that lives, and the caller's promise.
        unsafe { (self.library.run)(self.network, places) }
    }
}

// SAFETY: the other library keeps what a run changes behind a lock.
unsafe impl Send for Onnx {}
// SAFETY: as above.
unsafe impl Sync for Onnx {}

impl Drop for Onnx {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { (self.library.free)(self.network) }
    }
}
