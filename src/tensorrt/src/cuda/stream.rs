//! A queue of work for a GPU.

use std::ffi::c_void;
use std::ptr;

use super::device::Device;
use super::driver::CudaError;
use super::graph::{Captured, Graph};
use super::memory::{DeviceBuffer, PinnedBuffer, bytes};
use crate::Error;

/// A queue of work, done one after the other, beside other streams.
pub(crate) struct Stream {
    done: Event,
    queue: Queue,
}

/// `CUstream`
struct Queue {
    device: Device,
    handle: *mut c_void,
}

/// `CUevent`: a mark in a queue that can be waited for.
struct Event {
    device: Device,
    handle: *mut c_void,
}

impl Stream {
    pub(crate) fn new(device: &Device) -> Result<Self, Error> {
        /// `CU_STREAM_NON_BLOCKING`: does not wait for the default stream.
        const BESIDE_OTHERS: u32 = 1;
        /// `CU_EVENT_BLOCKING_SYNC`: whoever waits sleeps; a processor that spins is missing
        /// elsewhere on a board.
        const SLEEP: u32 = 1;
        /// `CU_EVENT_DISABLE_TIMING`
        const UNTIMED: u32 = 2;
        device.make_current()?;
        let mut handle = ptr::null_mut();
        // SAFETY: a place for the result, a context is current.
        unsafe {
            device
                .driver()
                .create_stream(&raw mut handle, BESIDE_OTHERS)
        }?;
        let queue = Queue {
            device: device.clone(),
            handle,
        };
        let mut handle = ptr::null_mut();
        // SAFETY: as above.
        unsafe {
            device
                .driver()
                .create_event(&raw mut handle, SLEEP | UNTIMED)
        }?;
        let done = Event {
            device: device.clone(),
            handle,
        };
        Ok(Self { done, queue })
    }

    pub(crate) fn device(&self) -> &Device {
        &self.queue.device
    }

    /// For TensorRT, which queues work of its own. `cudaStream_t` and `CUstream` are the same.
    pub(crate) fn handle(&self) -> *mut c_void {
        self.queue.handle
    }

    /// Queues a copy of all of `from`.
    ///
    /// # Safety
    /// `to` is as large as `from`; until the stream has done it, both live and nobody else touches
    /// them.
    pub(crate) unsafe fn copy_to_device(
        &self,
        from: &PinnedBuffer,
        to: &DeviceBuffer,
    ) -> Result<(), CudaError> {
        let bytes = bytes(from.numbers());
        let driver = self.device().driver();
        // SAFETY: the caller's promise.
        unsafe { driver.copy_to_device(to.address(), from.start(), bytes, self.handle()) }
    }

    /// Queues a copy into all of `to`.
    ///
    /// # Safety
    /// `from` is as large as `to`; until the stream has done it, both live and nobody else touches
    /// them.
    pub(crate) unsafe fn copy_to_host(
        &self,
        from: &DeviceBuffer,
        to: &PinnedBuffer,
    ) -> Result<(), CudaError> {
        let bytes = bytes(to.numbers());
        let driver = self.device().driver();
        // SAFETY: the caller's promise.
        unsafe { driver.copy_to_host(to.start(), from.address(), bytes, self.handle()) }
    }

    /// Queues what a graph holds.
    ///
    /// # Safety
    /// As for each thing that was queued when the graph was captured.
    pub(crate) unsafe fn launch(&self, graph: &Graph) -> Result<(), CudaError> {
        // SAFETY: both handles live, and the caller's promise.
        unsafe {
            self.device()
                .driver()
                .launch_graph(graph.handle(), self.handle())
        }
    }

    /// Waits until everything queued so far is done, and says whether it went well.
    pub(crate) fn wait(&self) -> Result<(), CudaError> {
        let driver = self.device().driver();
        // SAFETY: both handles live.
        unsafe {
            driver.record_event(self.done.handle, self.handle())?;
            driver.wait_for_event(self.done.handle)
        }
    }

    /// Puts what `queue` queues into a graph, and does none of it.
    pub(crate) fn capture(
        &self,
        queue: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Graph, Error> {
        /// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: other threads may go on with what a capture
        /// forbids.
        const THIS_THREAD: u32 = 1;
        let driver = self.device().driver();
        // SAFETY: the handle lives.
        unsafe { driver.begin_capture(self.handle(), THIS_THREAD) }?;
        let queued = queue();
        let mut captured = ptr::null_mut();
        // SAFETY: a place for the result. Called after a failure, too, or the stream would stay in
        // capture.
        let mut end = || unsafe { driver.end_capture(self.handle(), &raw mut captured) };
        // It may have failed before it ended anything, and a stream in capture can't even be waited for.
        let ended = end().or_else(|first| end().map_err(|_second| first));
        // SAFETY: the capture's graph, which is ours now, or null.
        let captured = unsafe { Captured::new(self.device(), captured) };
        queued?;
        ended?;
        Graph::new(&captured)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: created once. Work that is still queued would go on; whoever queued it has
        // waited.
        self.device
            .give_back(|driver| unsafe { driver.destroy_stream(self.handle) });
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: created once.
        self.device
            .give_back(|driver| unsafe { driver.destroy_event(self.handle) });
    }
}

// SAFETY: streams belong to no thread.
unsafe impl Send for Queue {}
// SAFETY: events belong to no thread.
unsafe impl Send for Event {}
