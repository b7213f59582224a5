//! From a plan to an engine.

use crate::abi::{self, Listener, Owned, VRuntime};
use crate::tensorrt::refused;
use crate::{Engine, Error, Plan, TensorRt};

/// Makes an engine of a plan.
///
/// An engine keeps the runtime that made it, so a runtime makes one:
///
/// ```compile_fail,E0382
/// # use twinspect_tensorrt::{Error, Plan, Runtime};
/// fn two(runtime: Runtime, plan: &Plan) -> Result<(), Error> {
///     let first = runtime.engine(plan)?;
///     let second = runtime.engine(plan)?;
///     Ok(())
/// }
/// ```
pub struct Runtime {
    runtime: Owned<VRuntime>,
}

impl Runtime {
    /// Starts TensorRT. Open the [`Device`](crate::Device) first.
    ///
    /// # Errors
    /// [`Error::Refused`], for instance without a usable driver; [`Error::Canary`] if the library
    /// is not laid out as its version says.
    pub fn new(tensorrt: &TensorRt) -> Result<Self, Error> {
        let listener = Listener::new();
        let Some(runtime) = abi::new_runtime(tensorrt.library(), tensorrt.version())? else {
            return Err(refused("createInferRuntime", listener));
        };
        // Two numbers, so that a getter which always says the same is seen. One thread is also what
        // is wanted: plans are read by the caller's.
        for threads in [2, 1] {
            let is_set = runtime.limit_threads(threads);
            let found = runtime.thread_limit();
            if !is_set || found != threads {
                return Err(Error::Canary {
                    what: "the limit of threads",
                    expected: threads.to_string(),
                    found: found.to_string(),
                });
            }
        }
        Ok(Self { runtime })
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// [`Error::Refused`] for a plan of another version or GPU, or one that is damaged;
    /// [`Error::Interface`] if its tensors can't be used.
    pub fn engine(self, plan: &Plan) -> Result<Engine, Error> {
        let listener = Listener::new();
        match self.runtime.engine(plan.as_bytes()) {
            Some(engine) => Engine::new(engine, self),
            None => Err(refused("deserializeCudaEngine", listener)),
        }
    }
}
