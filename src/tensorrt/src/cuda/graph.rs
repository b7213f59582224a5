//! Work that was captured once and is queued again by a single call.

use std::ffi::c_void;
use std::ptr;

use super::device::Device;
use crate::Error;

/// `CUgraphExec`. Addresses are part of it: whatever it was captured with must live for as long as
/// it is launched.
pub(crate) struct Graph {
    device: Device,
    executable: *mut c_void,
}

/// `CUgraph`: what was captured, or null if nothing could be.
pub(super) struct Captured {
    device: Device,
    graph: *mut c_void,
}

impl Captured {
    /// # Safety
    /// A `CUgraph` that nobody else owns, or null.
    pub(super) unsafe fn new(device: &Device, graph: *mut c_void) -> Self {
        Self {
            device: device.clone(),
            graph,
        }
    }
}

impl Graph {
    /// Makes what was captured executable. It keeps nothing of it.
    pub(super) fn new(captured: &Captured) -> Result<Self, Error> {
        let mut executable = ptr::null_mut();
        let driver = captured.device.driver();
        // SAFETY: a place for the result; null, which is not a graph, is refused by the driver.
        unsafe { driver.instantiate_graph(&raw mut executable, captured.graph, 0) }?;
        Ok(Self {
            device: captured.device.clone(),
            executable,
        })
    }

    pub(super) fn handle(&self) -> *mut c_void {
        self.executable
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: created once; whoever launched it has waited.
        self.device
            .give_back(|driver| unsafe { driver.destroy_executable(self.executable) });
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        if !self.graph.is_null() {
            // SAFETY: ours alone.
            self.device
                .give_back(|driver| unsafe { driver.destroy_graph(self.graph) });
        }
    }
}

// SAFETY: graphs belong to no thread.
unsafe impl Send for Graph {}
