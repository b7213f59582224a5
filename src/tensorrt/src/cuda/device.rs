//! A GPU, by its primary context.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use super::driver::{CudaError, Driver};
use crate::Error;

/// A GPU that is ready for work. Copies are the same GPU; it is given back with the last one.
#[derive(Clone)]
pub struct Device {
    held: Arc<Held>,
}

/// What tells one GPU from another. A plan fits one kind only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFacts {
    /// `Orin`, `NVIDIA H100 80GB HBM3`; a box for each character that a terminal would obey.
    pub name: String,
    /// 8.7 is Orin, 7.2 Xavier, 11.0 Thor.
    pub compute_capability: (i32, i32),
    /// Boards of one family differ in these.
    pub multiprocessors: i32,
    /// Bytes. On a Jetson they are the system's.
    pub memory_bytes: usize,
    /// Host and GPU share their memory, so that copies are a waste.
    pub is_integrated: bool,
    /// The newest CUDA that the driver can run: 12060 is 12.6.
    pub driver_version: i32,
}

/// The retained context.
struct Held {
    driver: Driver,
    ordinal: c_int,
    context: *mut c_void,
    facts: DeviceFacts,
}

// SAFETY: the driver's functions may be called by any thread, and the context is a name for them;
// which thread it is current on is settled before each use.
unsafe impl Send for Held {}
// SAFETY: as above: nothing of it changes after it was made.
unsafe impl Sync for Held {}

impl Device {
    /// Takes a GPU. Do this before anything of TensorRT: without a usable driver some of its
    /// libraries answer with pointers that are none.
    ///
    /// # Errors
    /// [`Error::NotLoaded`] and [`Error::MissingSymbol`] without a driver, [`Error::NoDevice`],
    /// [`Error::Cuda`].
    pub fn open(ordinal: u32) -> Result<Self, Error> {
        let driver = Driver::load()?;
        let mut count = 0;
        // SAFETY: a place for the result.
        unsafe { driver.device_count(&raw mut count) }?;
        let asked = c_int::try_from(ordinal)
            .ok()
            .filter(|&ordinal| ordinal < count);
        let asked = asked.ok_or(Error::NoDevice {
            ordinal,
            found: count,
        })?;
        let mut number = 0;
        // SAFETY: a place for the result.
        unsafe { driver.device(&raw mut number, asked) }?;
        let facts = facts(&driver, number)?;
        let mut context = ptr::null_mut();
        // SAFETY: a place for the result. From here on `Held` gives it back.
        unsafe { driver.retain_context(&raw mut context, number) }?;
        let device = Self {
            held: Arc::new(Held {
                driver,
                ordinal: number,
                context,
                facts,
            }),
        };
        device.make_current()?;
        Ok(device)
    }

    /// What the GPU is.
    pub fn facts(&self) -> &DeviceFacts {
        &self.held.facts
    }

    /// Makes the context current on this thread, which nearly all of CUDA and TensorRT wants. It
    /// costs less than a microsecond, so that it is done before each use and nothing is bound to
    /// one thread.
    pub(crate) fn make_current(&self) -> Result<(), CudaError> {
        // SAFETY: the context is retained.
        unsafe { self.held.driver.set_current(self.held.context) }
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.held.driver
    }

    /// Gives something back, in a `drop`: with the context current, and with nobody to tell of a
    /// failure. After a sticky error this fails as everything does, and the process is about to
    /// end.
    pub(super) fn give_back(&self, what: impl FnOnce(&Driver) -> Result<(), CudaError>) {
        let current = self.make_current();
        if let Err(error) = current.and(what(self.driver())) {
            log::debug!(target: "tensorrt", "giving back: {error}");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: retained once, and everything that used it held a copy of the device.
        if let Err(error) = unsafe { self.driver.release_context(self.ordinal) } {
            log::debug!(target: "tensorrt", "giving back: {error}");
        }
    }
}

fn facts(driver: &Driver, device: c_int) -> Result<DeviceFacts, CudaError> {
    let attribute = |number| {
        let mut value = 0;
        // SAFETY: a place for the result.
        unsafe { driver.device_attribute(&raw mut value, number, device) }.map(|()| value)
    };
    let mut name = [0_u8; 128];
    let (mut memory_bytes, mut driver_version) = (0, 0);
    // SAFETY: places for the results; the name gets at most as many bytes as it has, one of them
    // zero.
    unsafe {
        driver.device_name(name.as_mut_ptr().cast(), 128, device)?;
        driver.device_memory(&raw mut memory_bytes, device)?;
        driver.driver_version(&raw mut driver_version)?;
    }
    // Numbers: `CUdevice_attribute` in the driver API reference.
    Ok(DeviceFacts {
        name: readable(&name),
        compute_capability: (attribute(75)?, attribute(76)?),
        multiprocessors: attribute(16)?,
        memory_bytes,
        is_integrated: attribute(18)? != 0,
        driver_version,
    })
}

/// A name that ends with a zero, as text that can be shown: a driver may write anything there.
fn readable(name: &[u8]) -> String {
    let name = CStr::from_bytes_until_nul(name).unwrap_or(c"?");
    twinspect_loader::plain(&name.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_that_no_terminal_obeys() {
        assert_eq!(readable(b"Orin\0\x1b"), "Orin");
        assert_eq!(
            readable(b"NV\x1b[2J\n\x07!\0"),
            "NV\u{25a1}[2J\u{25a1}\u{25a1}!"
        );
        assert_eq!(readable(b"without an end"), "?");
    }
}
