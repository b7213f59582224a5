//! Memory that a GPU can use. All of it holds 32-bit floating point numbers, like the tensors of
//! our networks.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use super::device::Device;
use crate::Error;

/// Memory of the GPU. On a board with a GPU of its own the host must not touch it, so nothing here
/// can.
pub(crate) struct DeviceBuffer {
    device: Device,
    address: u64,
}

impl DeviceBuffer {
    pub(crate) fn new(device: &Device, numbers: usize) -> Result<Self, Error> {
        device.make_current()?;
        let mut address = 0;
        // SAFETY: a place for the result, a context is current.
        unsafe { device.driver().allocate(&raw mut address, bytes(numbers)) }?;
        Ok(Self {
            device: device.clone(),
            address,
        })
    }

    pub(crate) fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        // SAFETY: it was allocated once; whoever queued work on it has waited.
        self.device
            .give_back(|driver| unsafe { driver.free(self.address) });
    }
}

/// Memory of the host that stays where it is, so that a GPU can use it: by a copy that needs no
/// detour, or directly.
pub(crate) struct PinnedBuffer {
    device: Device,
    start: NonNull<f32>,
    numbers: usize,
}

impl PinnedBuffer {
    /// Zeros.
    pub(crate) fn new(device: &Device, numbers: usize) -> Result<Self, Error> {
        /// `CU_MEMHOSTALLOC_DEVICEMAP`
        const MAPPED: u32 = 2;
        device.make_current()?;
        let mut start = ptr::null_mut();
        // SAFETY: a place for the result, a context is current.
        unsafe {
            device
                .driver()
                .allocate_host(&raw mut start, bytes(numbers), MAPPED)
        }?;
        let start = NonNull::new(start.cast::<f32>()).filter(|start| start.is_aligned());
        let start = start.ok_or_else(|| Error::Interface {
            what: "memory that cuMemHostAlloc gave".to_owned(),
            expected: "an address that fits 32-bit numbers",
            found: "none".to_owned(),
        })?;
        // SAFETY: as many numbers as were asked for; nobody else knows the memory yet.
        unsafe { start.write_bytes(0, numbers) };
        Ok(Self {
            device: device.clone(),
            start,
            numbers,
        })
    }

    /// Where the GPU finds this memory.
    pub(crate) fn device_address(&self) -> Result<u64, Error> {
        self.device.make_current()?;
        let mut address = 0;
        // SAFETY: a place for the result; the memory was allocated as mapped.
        unsafe {
            self.device
                .driver()
                .device_address(&raw mut address, self.start.as_ptr().cast(), 0)
        }?;
        Ok(address)
    }

    pub(crate) fn numbers(&self) -> usize {
        self.numbers
    }

    pub(crate) fn start(&self) -> *mut c_void {
        self.start.as_ptr().cast()
    }

    /// # Safety
    /// No queued work may touch the memory while the slice lives.
    pub(crate) unsafe fn as_slice(&self) -> &[f32] {
        // SAFETY: initialised, ours, and the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.numbers) }
    }

    /// # Safety
    /// No queued work may touch the memory while the slice lives.
    pub(crate) unsafe fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: initialised, ours, and the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.numbers) }
    }
}

impl Drop for PinnedBuffer {
    fn drop(&mut self) {
        // SAFETY: it was allocated once; whoever queued work on it has waited.
        self.device
            .give_back(|driver| unsafe { driver.free_host(self.start.as_ptr().cast()) });
    }
}

// SAFETY: memory belongs to no thread.
unsafe impl Send for PinnedBuffer {}

/// Shapes are bounded when an engine is made, so this does not overflow.
pub(super) fn bytes(numbers: usize) -> usize {
    numbers * size_of::<f32>()
}
