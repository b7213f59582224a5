//! Queued work.

use std::ffi::c_void;
use std::sync::Arc;

use crate::memory::Memory;

/// A function of another library that runs when its turn comes: given its argument and where the
/// bytes of its addresses are.
pub(crate) type Kernel = extern "C" fn(argument: *const c_void, places: *const *mut u8) -> bool;

#[derive(Clone)]
pub(crate) enum Work {
    Copy {
        from: usize,
        to: usize,
        bytes: usize,
    },
    Kernel(Arc<Launch>),
    /// A mark for whoever waits.
    Record,
}

/// A kernel's arguments. It ends with the last graph or queue that has it.
pub(crate) struct Launch {
    pub(crate) kernel: Kernel,
    pub(crate) argument: usize,
    /// Gives the argument back.
    pub(crate) release: extern "C" fn(*const c_void),
    /// Addresses of the device, with lengths in bytes.
    pub(crate) uses: Vec<(usize, usize)>,
}

impl Drop for Launch {
    fn drop(&mut self) {
        (self.release)(self.argument as *const c_void);
    }
}

impl Work {
    pub(crate) fn is_kernel(&self) -> bool {
        matches!(self, Self::Kernel(_))
    }

    /// Addresses of the device that it uses. Copies are between an address of the device and pinned
    /// memory, whose address of the device is given here.
    pub(crate) fn addresses(&self) -> Vec<usize> {
        match self {
            Self::Copy { from, to, .. } => vec![*from, *to],
            Self::Kernel(launch) => launch.uses.iter().map(|&(address, _)| address).collect(),
            Self::Record => vec![],
        }
    }

    /// Does it; false for an address that is not the device's, or too few bytes there.
    pub(crate) fn run(&self, memory: &Memory) -> bool {
        match self {
            Self::Copy { from, to, bytes } => {
                let (from, to) = (memory.bytes_at(*from, *bytes), memory.bytes_at(*to, *bytes));
                let (Some(from), Some(to)) = (from, to) else {
                    return false;
                };
                // SAFETY: both were looked up with this length, and are different blocks.
                unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, *bytes) };
                true
            }
            Self::Kernel(launch) => {
                let places = launch
                    .uses
                    .iter()
                    .map(|&(address, bytes)| memory.bytes_at(address, bytes));
                let places: Option<Vec<*mut u8>> = places
                    .map(|place| place.map(|place| place as *mut u8))
                    .collect();
                places.is_some_and(|places| {
                    (launch.kernel)(launch.argument as *const c_void, places.as_ptr())
                })
            }
            Self::Record => true,
        }
    }
}
