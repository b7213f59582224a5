//! A place where an engine runs: its buffers and its stream.
//!
//! A run goes on after it was launched, and reads and writes buffers meanwhile. So a session owns
//! everything that a run touches, knows whether one is under way, and gives no access before it is
//! over: by borrowing while the [`Pending`] lives, and by its own memory should one be leaked.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use crate::abi::{Listener, Owned, VExecutionContext};
use crate::cuda::{DeviceBuffer, Graph, PinnedBuffer, Stream};
use crate::engine::{Direction, Engine, Tensor};
use crate::tensorrt::refused;
use crate::{CudaError, Device, Error};

/// How numbers come to the GPU and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// The GPU uses the host's memory. Where both are the same memory, as on a Jetson, nothing is
    /// copied.
    Mapped,
    /// The GPU has memory of its own; numbers are copied there and back.
    Copied,
}

impl Transfer {
    /// What should be faster on a device.
    pub fn of(device: &Device) -> Self {
        if device.facts().is_integrated {
            Self::Mapped
        } else {
            Self::Copied
        }
    }
}

/// An engine with buffers and a stream of its own. Any thread may have it, one at a time:
///
/// ```
/// fn may_move<T: Send>() {}
/// may_move::<twinspect_tensorrt::Session>();
/// ```
/// ```compile_fail,E0277
/// fn may_be_shared<T: Sync>() {}
/// may_be_shared::<twinspect_tensorrt::Session>();
/// ```
pub struct Session {
    parts: ManuallyDrop<Parts>,
    is_running: Cell<bool>,
}

/// What a run uses. Dropped in this order, after any run is over: what uses something goes before
/// it.
struct Parts {
    graph: Option<Graph>,
    context: Owned<VExecutionContext>,
    _engine: Engine,
    bindings: Vec<Binding>,
    stream: Stream,
}

/// A tensor and its memory.
struct Binding {
    tensor: Tensor,
    host: PinnedBuffer,
    /// Where numbers are copied.
    device: Option<DeviceBuffer>,
}

/// A run that is under way. Its session can't be used before it is over:
///
/// ```compile_fail,E0499
/// # use twinspect_tensorrt::{Error, Session};
/// fn too_early(session: &mut Session) -> Result<(), Error> {
///     let run = session.launch()?;
///     session.input("image")?.fill(0.0);
///     run.wait()
/// }
/// ```
#[must_use = "the run is only over after `wait`"]
pub struct Pending<'session> {
    session: &'session mut Session,
}

impl Session {
    /// Makes buffers for all tensors and tells TensorRT where they are, once and for all.
    ///
    /// # Errors
    /// [`Error::Cuda`] without enough memory; [`Error::Refused`]; [`Error::Canary`] if an address
    /// reads back differently.
    pub fn new(engine: Engine, device: &Device, transfer: Transfer) -> Result<Self, Error> {
        device.make_current()?;
        let stream = Stream::new(device)?;
        let tensors = engine.tensors().iter();
        let bindings = tensors
            .map(|tensor| Binding::new(tensor, device, transfer))
            .collect::<Result<Vec<_>, _>>()?;
        let context = engine
            .new_context()
            .map_err(|error| reason(&stream, error))?;
        for binding in &bindings {
            binding.attach(&context)?;
        }
        Ok(Self {
            parts: ManuallyDrop::new(Parts {
                graph: None,
                context,
                _engine: engine,
                bindings,
                stream,
            }),
            is_running: Cell::new(false),
        })
    }

    /// The numbers that the next run reads; zeros at first. Waits for a run whose [`Pending`] was
    /// leaked.
    ///
    /// # Errors
    /// [`Error::NoTensor`]; [`Error::Cuda`] from the wait.
    pub fn input(&mut self, name: &str) -> Result<&mut [f32], Error> {
        self.finish()?;
        let bindings = self.parts.bindings.iter_mut();
        let binding = find(
            bindings.map(|binding| (&binding.tensor, &mut binding.host)),
            Direction::Input,
            name,
        )?;
        // SAFETY: no run is under way, and none can be launched while the slice borrows the
        // session.
        Ok(unsafe { binding.as_mut_slice() })
    }

    /// The numbers that the last run wrote; zeros before the first. Waits like [`Session::input`].
    ///
    /// # Errors
    /// [`Error::NoTensor`]; [`Error::Cuda`] from the wait.
    pub fn output(&self, name: &str) -> Result<&[f32], Error> {
        self.finish()?;
        let bindings = self.parts.bindings.iter();
        let binding = find(
            bindings.map(|binding| (&binding.tensor, &binding.host)),
            Direction::Output,
            name,
        )?;
        // SAFETY: as above.
        Ok(unsafe { binding.as_slice() })
    }

    /// Starts a run.
    ///
    /// # Errors
    /// [`Error::Cuda`], [`Error::Refused`]. The session can be used again unless the error [is
    /// sticky](Error::is_sticky).
    pub fn launch(&mut self) -> Result<Pending<'_>, Error> {
        self.finish()?;
        self.parts.stream.device().make_current()?;
        // From now on: a launch that fails may have queued a part of its work.
        self.is_running.set(true);
        // SAFETY: the parts are one session's, and `is_running` guards them.
        if let Err(error) = unsafe { self.parts.launch() } {
            // What was queued must come to its end, and tells more than TensorRT does.
            return Err(match self.finish() {
                Ok(()) => error,
                Err(cuda) => error.with_cuda(cuda),
            });
        }
        Ok(Pending { session: self })
    }

    /// Captures the run into a graph, which each later launch queues with one call. Addresses and
    /// shapes of a session never change, so that its graph stays right.
    ///
    /// # Errors
    /// [`Error::Cuda`], [`Error::Refused`]; the session then goes on without a graph.
    pub fn record(&mut self) -> Result<(), Error> {
        self.finish()?;
        self.parts.graph = None;
        // TensorRT does things in the first run that a capture forbids.
        self.launch()?.wait()?;
        let parts = &self.parts;
        // SAFETY: the graph is kept with what it was captured with, and launched by `launch` only.
        let graph = parts.stream.capture(|| unsafe { parts.queue() });
        self.parts.graph = Some(graph.map_err(|error| reason(&parts.stream, error))?);
        Ok(())
    }

    /// Waits for the run that is under way, if one is.
    fn finish(&self) -> Result<(), CudaError> {
        if self.is_running.get() {
            self.parts.stream.device().make_current()?;
            self.parts.stream.wait()?;
            self.is_running.set(false);
        }
        Ok(())
    }
}

impl Parts {
    /// # Safety
    /// Nobody touches the buffers, and the parts live, until the stream has come to the end.
    unsafe fn launch(&self) -> Result<(), Error> {
        match &self.graph {
            // SAFETY: it was captured with these parts; the caller's promise.
            Some(graph) => Ok(unsafe { self.stream.launch(graph) }?),
            // SAFETY: the caller's promise.
            None => unsafe { self.queue() },
        }
    }

    /// Queues copies in, the network, copies out.
    ///
    /// # Safety
    /// As [`Parts::launch`].
    unsafe fn queue(&self) -> Result<(), Error> {
        for (host, device) in self.copies(Direction::Input) {
            // SAFETY: equally large, and the caller's promise.
            unsafe { self.stream.copy_to_device(host, device) }?;
        }
        let listener = Listener::new();
        // SAFETY: every tensor has an address, and the caller's promise.
        if !unsafe { self.context.enqueue(self.stream.handle()) } {
            return Err(refused("enqueueV3", listener));
        }
        for (host, device) in self.copies(Direction::Output) {
            // SAFETY: equally large, and the caller's promise.
            unsafe { self.stream.copy_to_host(device, host) }?;
        }
        Ok(())
    }

    /// The buffers of a direction between which numbers are copied.
    fn copies(&self, direction: Direction) -> impl Iterator<Item = (&PinnedBuffer, &DeviceBuffer)> {
        let bindings = self.bindings.iter();
        let bindings = bindings.filter(move |binding| binding.tensor.direction == direction);
        bindings.filter_map(|binding| Some((&binding.host, binding.device.as_ref()?)))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A second time if the first one failed: waiting is all that keeps the memory from being
        // used by two.
        match self.finish().or_else(|_| self.finish()) {
            Err(error) if !error.is_sticky() => {
                // Nobody knows whether the GPU still writes. Memory that is lost does less harm
                // than memory that somebody else gets.
                log::error!(target: "tensorrt", "a session is leaked, since its last run can't be waited for: {error}");
                return;
            }
            // After a sticky error the GPU does nothing any more.
            Ok(()) | Err(_) => {}
        }
        // TensorRT's destructors want the context to be current, too.
        if let Err(error) = self.parts.stream.device().make_current() {
            log::debug!(target: "tensorrt", "ending a session: {error}");
        }
        // SAFETY: here only, and nothing uses the parts afterwards.
        unsafe { ManuallyDrop::drop(&mut self.parts) }
    }
}

impl Pending<'_> {
    /// Waits until the run is over.
    ///
    /// # Errors
    /// [`Error::Cuda`]: what went wrong in the run shows here.
    pub fn wait(self) -> Result<(), Error> {
        Ok(self.session.finish()?)
    }
}

impl Drop for Pending<'_> {
    /// A run that nobody waited for is waited for here.
    fn drop(&mut self) {
        if let Err(error) = self.session.finish() {
            log::debug!(target: "tensorrt", "ending a run: {error}");
        }
    }
}

impl Binding {
    fn new(tensor: &Tensor, device: &Device, transfer: Transfer) -> Result<Self, Error> {
        let host = PinnedBuffer::new(device, tensor.numbers())?;
        let device = match transfer {
            Transfer::Mapped => None,
            Transfer::Copied => Some(DeviceBuffer::new(device, tensor.numbers())?),
        };
        Ok(Self {
            tensor: tensor.clone(),
            host,
            device,
        })
    }

    fn attach(&self, context: &Owned<VExecutionContext>) -> Result<(), Error> {
        let name = &self.tensor.c_name;
        let address = match &self.device {
            Some(device) => device.address(),
            None => self.host.device_address()?,
        };
        let listener = Listener::new();
        // SAFETY: the buffer has as many numbers as the tensor and lives as long as the context, in
        // one session.
        if !unsafe { context.set_address(name, address) } {
            return Err(refused("setTensorAddress", listener));
        }
        let found = context.address(name);
        if found != address {
            return Err(Error::Canary {
                what: "the address of a tensor",
                expected: format!("{address:#x}"),
                found: format!("{found:#x}"),
            });
        }
        Ok(())
    }
}

/// TensorRT only says that something did not work. If CUDA is lost, the stream says so.
fn reason(stream: &Stream, error: Error) -> Error {
    match stream.wait() {
        Err(lost) if lost.is_sticky() => error.with_cuda(lost),
        Ok(()) | Err(_) => error,
    }
}

fn find<'tensor, B>(
    mut bindings: impl Iterator<Item = (&'tensor Tensor, B)>,
    direction: Direction,
    name: &str,
) -> Result<B, Error> {
    let found = bindings.find(|(tensor, _)| tensor.direction == direction && tensor.name == name);
    found
        .map(|(_, buffer)| buffer)
        .ok_or_else(|| Error::NoTensor {
            direction,
            name: name.to_owned(),
        })
}
