//! What the library knows: handles, queues, the error that sticks.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::memory::Memory;
use crate::settings::settings;
use crate::work::Work;

pub(crate) type Code = i32;
pub(crate) const SUCCESS: Code = 0;
pub(crate) const INVALID_VALUE: Code = 1;
pub(crate) const NOT_INITIALIZED: Code = 3;
pub(crate) const INVALID_DEVICE: Code = 101;
pub(crate) const INVALID_CONTEXT: Code = 201;
pub(crate) const ILLEGAL_ADDRESS: Code = 700;
pub(crate) const CAPTURE_UNSUPPORTED: Code = 900;
pub(crate) const CAPTURE_INVALIDATED: Code = 901;

/// What a handle names.
pub(crate) enum Thing {
    Stream {
        queue: Vec<Work>,
        capture: Option<Vec<Work>>,
    },
    Event {
        stream: Option<usize>,
    },
    Graph(Vec<Work>),
    Executable(Vec<Work>),
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) calls: u64,
    /// Kernels whose turn has come.
    kernels: u64,
    /// Graphs that were launched.
    pub(crate) graphs: u64,
    /// Kernels that were queued while one waited on another stream.
    pub(crate) beside: u64,
    pub(crate) is_initialised: bool,
    pub(crate) sticky: Option<Code>,
    pub(crate) retained: u64,
    pub(crate) memory: Memory,
    pub(crate) allocations: u64,
    pub(crate) things: HashMap<usize, Thing>,
    next_handle: usize,
}

thread_local! {
    /// Whether the primary context is current on this thread.
    pub(crate) static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn state() -> MutexGuard<'static, Option<State>> {
    static STATE: Mutex<Option<State>> = Mutex::new(None);
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call needs before it does anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Initialisation,
    Context,
}

/// Counts a call, fails it if a test wants that, and does it otherwise.
pub(crate) fn call(needs: Needs, what: impl FnOnce(&mut State) -> Code) -> Code {
    let mut guard = state();
    let state = guard.get_or_insert_with(State::default);
    state.calls += 1;
    if let Some((call, code)) = settings().fail
        && call == state.calls
    {
        if is_sticky(code) {
            state.sticky = Some(code);
        }
        return code;
    }
    if let Some(code) = state.sticky {
        return code;
    }
    if needs != Needs::Nothing && !state.is_initialised {
        return NOT_INITIALIZED;
    }
    if needs == Needs::Context && !(IS_CURRENT.get() && state.retained > 0) {
        return INVALID_CONTEXT;
    }
    what(state)
}

fn is_sticky(code: Code) -> bool {
    matches!(code, 214 | 700..=719)
}

impl State {
    /// A handle that is no address: the first page is never mapped.
    pub(crate) fn add(&mut self, thing: Thing) -> usize {
        self.next_handle += 16;
        let handle = 0x10_0000_0000 + self.next_handle;
        self.things.insert(handle, thing);
        handle
    }

    /// Gives a thing back, whatever the call says afterwards: a leak is what was never asked to be
    /// given back.
    pub(crate) fn remove(&mut self, handle: usize) -> Thing {
        let thing = self.things.remove(&handle);
        thing.unwrap_or_else(|| wrong("a handle that was never given, or twice", handle))
    }

    pub(crate) fn get(&mut self, handle: usize) -> &mut Thing {
        let thing = self.things.get_mut(&handle);
        thing.unwrap_or_else(|| wrong("a handle that is unknown", handle))
    }

    /// Queues work, or puts it into the graph that is being captured.
    pub(crate) fn queue(&mut self, stream: usize, work: Work) -> Code {
        let Thing::Stream { queue, capture } = self.get(stream) else {
            wrong("no stream", stream)
        };
        if let Some(capture) = capture {
            if let Some(code) = settings().capture {
                return code;
            }
            capture.push(work);
            return SUCCESS;
        }
        let (addresses, is_kernel) = (work.addresses(), work.is_kernel());
        queue.push(work);
        for address in addresses {
            self.memory.use_by_work(address);
        }
        if is_kernel && self.has_kernel_beside(stream) {
            self.beside += 1;
        }
        SUCCESS
    }

    /// Whether a kernel waits on another stream.
    fn has_kernel_beside(&self, stream: usize) -> bool {
        self.things.iter().any(|(&other, thing)| match thing {
            Thing::Stream { queue, .. } => other != stream && queue.iter().any(Work::is_kernel),
            Thing::Event { .. } | Thing::Graph(_) | Thing::Executable(_) => false,
        })
    }

    /// Does everything that is queued on a stream.
    pub(crate) fn finish(&mut self, stream: usize) -> Code {
        let Thing::Stream { queue, capture } = self.get(stream) else {
            wrong("no stream", stream)
        };
        if capture.is_some() {
            return CAPTURE_UNSUPPORTED;
        }
        let queue = std::mem::take(queue);
        let mut outcome = SUCCESS;
        for work in queue {
            let addresses = work.addresses();
            for &address in &addresses {
                self.memory.open(address);
            }
            if outcome == SUCCESS {
                outcome = self.run(&work);
            }
            for address in addresses {
                self.memory.leave_to_host(address);
            }
        }
        if is_sticky(outcome) {
            self.sticky = Some(outcome);
        }
        outcome
    }

    /// Does a piece of work, or what a test wants in its place.
    fn run(&mut self, work: &Work) -> Code {
        if work.is_kernel() {
            self.kernels += 1;
            if let Some((kernel, code)) = settings().kernel
                && self.kernels >= kernel
            {
                return code;
            }
        }
        if settings().is_silent || work.run(&self.memory) {
            SUCCESS
        } else {
            ILLEGAL_ADDRESS
        }
    }

    /// Frees memory. Only after a sticky error may queued work still use it: that work is never
    /// done.
    pub(crate) fn free(&mut self, address: Option<usize>) {
        match address.and_then(|address| self.memory.free(address)) {
            Some(0) => {}
            Some(_) if self.sticky.is_some() => {}
            Some(_) => wrong(
                "memory is freed that queued work uses",
                address.unwrap_or(0),
            ),
            None => wrong("memory is freed that is unknown", address.unwrap_or(0)),
        }
    }

    pub(crate) fn alive(&self) -> u64 {
        self.retained + self.allocations + self.things.len() as u64
    }
}

/// A mistake of the program that a real driver would take badly at some time later.
#[expect(clippy::print_stderr, reason = "the process ends here")]
pub(crate) fn wrong(what: &str, handle: usize) -> ! {
    eprintln!("double of libcuda: {what}: {handle:#x}");
    std::process::abort()
}
