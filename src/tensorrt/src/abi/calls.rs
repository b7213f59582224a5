//! The calls with Rust's arguments and results.
//!
//! Names are `CStr`s, so that a pointer to them is what TensorRT wants; it keeps none of them.
//! Texts are copied before the call that may change them. Objects come back owned, or tied to the
//! handle that they belong to.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use super::interfaces::*;
use super::object::{Handle, Interface, Object, Owned};
use crate::Generation;

/// Largest plan or timing cache that is believed. A wrong slot gives an address for a size.
const BYTES_MAX: usize = 4 << 30;
/// Longest text that is read.
const TEXT_MAX: usize = 4096;

impl Handle<'_, VRuntime> {
    pub(crate) fn limit_threads(&self, threads: i32) -> bool {
        self.set_max_threads(threads).is_true()
    }

    pub(crate) fn thread_limit(&self) -> i32 {
        self.max_threads()
    }

    /// The engine of a plan. TensorRT keeps no pointer into the plan.
    pub(crate) fn engine(&self, plan: &[u8]) -> Option<Owned<VCudaEngine>> {
        let (data, bytes) = (plan.as_ptr(), plan.len());
        // SAFETY: data and bytes are a slice. The third argument of 8.x is an obsolete factory of
        // plugins, null for none.
        let engine = unsafe {
            match self.generation() {
                Generation::V8 => self.deserialize_v8(data, bytes, ptr::null()),
                Generation::V10 | Generation::V11 => self.deserialize_v10(data, bytes),
            }
        };
        // SAFETY: what this call returns is a new engine.
        unsafe { Owned::new(engine, self.generation()) }
    }
}

impl Handle<'_, VCudaEngine> {
    pub(crate) fn tensor_count(&self) -> i32 {
        self.tensors()
    }

    pub(crate) fn tensor_name(&self, index: i32) -> Option<CString> {
        text(self.raw_tensor_name(index))
    }

    pub(crate) fn tensor_shape(&self, name: &CStr) -> Option<Vec<i64>> {
        // SAFETY: a C string.
        unsafe {
            match self.generation() {
                Generation::V8 => self.raw_shape_v8(name.as_ptr()).sizes(),
                Generation::V10 | Generation::V11 => self.raw_shape_v10(name.as_ptr()).sizes(),
            }
        }
    }

    pub(crate) fn tensor_type(&self, name: &CStr) -> i32 {
        // SAFETY: a C string.
        unsafe { self.raw_type(name.as_ptr()) }
    }

    pub(crate) fn tensor_mode(&self, name: &CStr) -> i32 {
        // SAFETY: a C string.
        unsafe { self.raw_mode(name.as_ptr()) }
    }

    pub(crate) fn tensor_format(&self, name: &CStr) -> i32 {
        // SAFETY: a C string.
        unsafe { self.raw_format(name.as_ptr()) }
    }

    /// A context that allocates its own intermediate memory.
    pub(crate) fn context(&self) -> Option<Owned<VExecutionContext>> {
        /// `ExecutionContextAllocationStrategy::kSTATIC`: all of it now.
        const STATIC: i32 = 0;
        let context = match self.generation() {
            Generation::V8 => self.create_context_v8(),
            Generation::V10 | Generation::V11 => self.create_context_v10(STATIC),
        };
        // SAFETY: what this call returns is a new context.
        unsafe { Owned::new(context, self.generation()) }
    }
}

impl Handle<'_, VExecutionContext> {
    /// # Safety
    /// The device must be able to use as many bytes at this address as the tensor has, whenever the
    /// context runs.
    pub(crate) unsafe fn set_address(&self, name: &CStr, address: u64) -> bool {
        let address = ptr::without_provenance_mut::<c_void>(address as usize);
        // SAFETY: a C string, and the caller vouches for the address.
        unsafe { self.raw_set_address(name.as_ptr(), address).is_true() }
    }

    pub(crate) fn address(&self, name: &CStr) -> u64 {
        // SAFETY: a C string.
        unsafe { self.raw_address(name.as_ptr()).addr() as u64 }
    }

    /// Queues a run of the network.
    ///
    /// # Safety
    /// The stream lives; until it has come to the end of this run, context and buffers live and
    /// nobody else touches the buffers.
    pub(crate) unsafe fn enqueue(&self, stream: *mut c_void) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.raw_enqueue(stream).is_true() }
    }
}

impl Handle<'_, VHostMemory> {
    /// A copy of the bytes; `None` if there are none, or more than [`BYTES_MAX`].
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let bytes = self.size();
        let data = plausible(self.data().cast::<u8>())?;
        if bytes == 0 || bytes > BYTES_MAX {
            return None;
        }
        // SAFETY: the object lives, so its bytes do, and nobody writes them.
        Some(unsafe { std::slice::from_raw_parts(data, bytes) }.to_vec())
    }
}

impl Handle<'_, VBuilder> {
    pub(crate) fn config(&self) -> Option<Owned<VBuilderConfig>> {
        // SAFETY: what this call returns is a new configuration.
        unsafe { Owned::new(self.create_config(), self.generation()) }
    }

    pub(crate) fn network(&self, flags: u32) -> Option<Owned<VNetworkDefinition>> {
        // SAFETY: what this call returns is a new network.
        unsafe { Owned::new(self.create_network(flags), self.generation()) }
    }

    pub(crate) fn build(
        &self,
        network: &Handle<'_, VNetworkDefinition>,
        config: &Handle<'_, VBuilderConfig>,
    ) -> Option<Owned<VHostMemory>> {
        // SAFETY: two objects that live, which this builder has made.
        let plan = unsafe { self.raw_build(network.as_argument(), config.as_argument()) };
        // SAFETY: what this call returns is new.
        unsafe { Owned::new(plan, self.generation()) }
    }
}

impl Handle<'_, VNetworkDefinition> {
    pub(crate) fn layer_count(&self) -> i32 {
        self.layers()
    }

    pub(crate) fn input_count(&self) -> i32 {
        self.inputs()
    }

    pub(crate) fn output_count(&self) -> i32 {
        self.outputs()
    }

    pub(crate) fn layer(&self, index: i32) -> Option<Handle<'_, VLayer>> {
        part(self, self.raw_layer(index))
    }

    pub(crate) fn input(&self, index: i32) -> Option<Handle<'_, VTensor>> {
        part(self, self.raw_input(index))
    }

    pub(crate) fn output(&self, index: i32) -> Option<Handle<'_, VTensor>> {
        part(self, self.raw_output(index))
    }
}

impl Handle<'_, VTensor> {
    pub(crate) fn name(&self) -> Option<CString> {
        text(self.raw_name())
    }

    pub(crate) fn shape(&self) -> Option<Vec<i64>> {
        match self.generation() {
            Generation::V8 => self.raw_shape_v8().sizes(),
            Generation::V10 | Generation::V11 => self.raw_shape_v10().sizes(),
        }
    }

    pub(crate) fn number_type(&self) -> i32 {
        self.data_type()
    }
}

impl Handle<'_, VLayer> {
    pub(crate) fn name(&self) -> Option<CString> {
        text(self.raw_name())
    }

    pub(crate) fn output_count(&self) -> i32 {
        self.outputs()
    }

    pub(crate) fn output(&self, index: i32) -> Option<Handle<'_, VTensor>> {
        part(self, self.raw_output(index))
    }

    /// Asks for a type to compute with; false if that did not arrive.
    pub(crate) fn compute_in(&self, data_type: i32) -> bool {
        self.set_precision(data_type);
        self.precision_is_set().is_true()
    }

    /// Asks for a type of an output; false if that did not arrive.
    pub(crate) fn output_in(&self, output: i32, data_type: i32) -> bool {
        self.set_output_type(output, data_type);
        self.output_type_is_set(output).is_true()
    }
}

impl Handle<'_, VBuilderConfig> {
    /// Sets or clears a flag, and says what reads back.
    pub(crate) fn switch(&self, flag: i32, on: bool) -> bool {
        if on {
            self.set_flag(flag);
        } else {
            self.clear_flag(flag);
        }
        self.flag(flag).is_true()
    }

    /// Sets a limit, and says what reads back.
    pub(crate) fn limit(&self, pool: i32, bytes: usize) -> usize {
        self.set_pool_limit(pool, bytes);
        self.pool_limit(pool)
    }

    /// A timing cache of what an earlier one was serialised to; of nothing, an empty one.
    fn new_timing_cache(&self, data: &[u8]) -> Option<Owned<VTimingCache>> {
        let start = if data.is_empty() {
            ptr::null()
        } else {
            data.as_ptr()
        };
        // SAFETY: start and length are a slice, or null and 0, which is an empty cache.
        let cache = unsafe { self.raw_create_cache(start, data.len()) };
        // SAFETY: what this call returns is new and ours.
        unsafe { Owned::new(cache, self.generation()) }
    }

    /// The cache in use.
    pub(crate) fn timing_cache(&self) -> Option<Handle<'_, VTimingCache>> {
        part(self, self.raw_timing_cache())
    }
}

/// A configuration that uses a timing cache, which must outlive it.
pub(crate) struct CachedConfig {
    // Dropped in this order.
    config: Owned<VBuilderConfig>,
    _cache: Owned<VTimingCache>,
}

impl CachedConfig {
    /// Gives the configuration a cache; of no data, an empty one. Gives it back if the cache is not
    /// taken: it was made by another version or on another GPU.
    pub(crate) fn new(
        config: Owned<VBuilderConfig>,
        data: &[u8],
    ) -> Result<Self, Owned<VBuilderConfig>> {
        let Some(cache) = config.new_timing_cache(data) else {
            return Err(config);
        };
        // SAFETY: both live, and if it is taken, `CachedConfig` sees to the order of their ends.
        if unsafe { config.raw_set_cache(cache.as_argument(), false).is_true() } {
            Ok(Self {
                config,
                _cache: cache,
            })
        } else {
            Err(config)
        }
    }

    pub(crate) fn handle(&self) -> &Handle<'_, VBuilderConfig> {
        &self.config
    }
}

impl Handle<'_, VTimingCache> {
    pub(crate) fn serialized(&self) -> Option<Vec<u8>> {
        // SAFETY: what this call returns is new.
        let memory = unsafe { Owned::<VHostMemory>::new(self.raw_serialize(), self.generation()) };
        memory?.bytes()
    }
}

impl Handle<'_, IParser> {
    /// Reads a network into the one that the parser was made for.
    pub(crate) fn parse(&self, onnx: &[u8]) -> bool {
        // SAFETY: a slice. No path: weights in files of their own are not read.
        unsafe {
            self.raw_parse(onnx.as_ptr(), onnx.len(), ptr::null())
                .is_true()
        }
    }

    pub(crate) fn error_count(&self) -> i32 {
        self.errors()
    }

    pub(crate) fn error(&self, index: i32) -> Option<Handle<'_, IParserError>> {
        part(self, self.raw_error(index))
    }
}

impl Handle<'_, IParserError> {
    pub(crate) fn error_code(&self) -> i32 {
        self.code()
    }

    pub(crate) fn text(&self) -> Option<CString> {
        text(self.raw_text())
    }

    pub(crate) fn node_index(&self) -> i32 {
        self.node()
    }

    /// `None` before 10, where it is not known.
    pub(crate) fn node_name(&self) -> Option<CString> {
        match self.generation() {
            Generation::V8 => None,
            Generation::V10 | Generation::V11 => text(self.raw_node_name()),
        }
    }
}

/// An object that its parent owns, for as long as the parent is borrowed.
fn part<'parent, P: Interface, I: Interface>(
    parent: &'parent Handle<'_, P>,
    object: *mut Object,
) -> Option<Handle<'parent, I>> {
    // SAFETY: only called with what a method of the parent has just returned, whose row says which
    // interface it has. TensorRT keeps such objects until the parent is deleted; nothing here
    // changes a network after it was read.
    unsafe { Handle::new(object, parent.generation()) }
}

/// A copy of a text; `None` for what is no text, or one longer than [`TEXT_MAX`].
fn text(start: *const c_char) -> Option<CString> {
    let start = plausible(start.cast::<u8>())?;
    // SAFETY: a C string of the library, by the row of the method that returned it, which is alive
    // while its object is.
    let found = unsafe { CStr::from_ptr(start.cast()) };
    (found.count_bytes() <= TEXT_MAX).then(|| found.to_owned())
}

/// Not null, and not in the first page.
fn plausible(start: *const u8) -> Option<*const u8> {
    (start.addr() >= 4096).then_some(start)
}
