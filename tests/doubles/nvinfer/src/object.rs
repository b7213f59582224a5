//! Objects, laid out as C++ lays them out.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::method::PUBLIC;
use crate::network::Network;
use crate::settings::settings;
use crate::table::{Function, table};

/// What a program holds: a table of destructors, and where the work is done.
#[repr(C)]
pub(crate) struct Public {
    table: *const Function,
    implementation: *mut Implementation,
}

/// What methods are called on.
#[repr(C)]
pub(crate) struct Implementation {
    table: *const Function,
    magic: u64,
    interface: &'static str,
    public: *mut Public,
    /// What made it, and must outlive it.
    parent: *mut Implementation,
    children: usize,
    pub(crate) state: State,
}

/// What objects of each interface know.
pub(crate) enum State {
    Runtime {
        threads: i32,
    },
    Engine(Arc<Network>),
    Context {
        network: Arc<Network>,
        addresses: Vec<u64>,
    },
    HostMemory(Vec<u8>),
    Builder,
    NetworkDefinition {
        flags: u32,
        parts: Option<Parts>,
    },
    Tensor {
        name: CString,
        shape: Vec<i64>,
    },
    Layer {
        name: CString,
        output: *mut Public,
        is_precision_set: bool,
        is_output_set: bool,
    },
    Config {
        flags: u32,
        workspace: usize,
        cache: *mut Implementation,
    },
    TimingCache(Vec<u8>),
    Parser {
        network: *mut Implementation,
        errors: Vec<*mut Implementation>,
    },
    ParserError {
        code: i32,
        node: i32,
        text: CString,
        node_name: CString,
    },
}

/// What was read into a network definition. It owns the objects.
pub(crate) struct Parts {
    pub(crate) network: Arc<Network>,
    pub(crate) inputs: Vec<*mut Public>,
    pub(crate) outputs: Vec<*mut Public>,
    pub(crate) layers: Vec<*mut Public>,
}

/// Says that memory is one of our objects, and a live one.
const MAGIC: u64 = 0x7761_7463_6866_756c;

static CALLS: AtomicU64 = AtomicU64::new(0);
static ALIVE: AtomicU64 = AtomicU64::new(0);

pub(crate) fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

pub(crate) fn alive() -> u64 {
    ALIVE.load(Ordering::Relaxed)
}

/// Counts a call; true if it is the one that is to fail.
pub(crate) fn is_failing() -> bool {
    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    settings().fail == Some(call)
}

/// Makes an object that the program deletes. `parent` is what must outlive it, or null.
pub(crate) fn make(
    interface: &'static str,
    parent: *mut Implementation,
    state: State,
) -> *mut Public {
    ALIVE.fetch_add(1, Ordering::Relaxed);
    if !parent.is_null() {
        // SAFETY: an object of ours, on which a method is being called.
        unsafe { (*parent).children += 1 };
    }
    make_part(interface, parent, state)
}

/// Makes an object that another one owns.
pub(crate) fn make_part(
    interface: &'static str,
    parent: *mut Implementation,
    state: State,
) -> *mut Public {
    let implementation = Box::into_raw(Box::new(Implementation {
        table: table(interface),
        magic: MAGIC,
        interface,
        public: std::ptr::null_mut(),
        parent,
        children: 0,
        state,
    }));
    let public = Box::into_raw(Box::new(Public {
        table: table(PUBLIC),
        implementation,
    }));
    // SAFETY: made a line above.
    unsafe { (*implementation).public = public };
    public
}

/// The implementation of a public object that a program hands back.
pub(crate) fn implementation(public: *mut Public, interface: &str) -> *mut Implementation {
    if public.addr() < 4096 || !public.is_aligned() {
        wrong(&format!(
            "an argument that should be a {interface} is no pointer"
        ));
    }
    // SAFETY: a pointer that should be one of our objects; `check` looks whether it is.
    let implementation = unsafe { (*public).implementation };
    check(implementation, interface);
    implementation
}

/// What a program holds of an object; null of none.
pub(crate) fn public_of(object: *mut Implementation) -> *mut Public {
    if object.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: an object that another one of ours refers to.
    unsafe { (*object).public }
}

/// An object whose methods are called directly: programs get no public object of it.
pub(crate) fn direct(public: *mut Public) -> *mut Implementation {
    // SAFETY: a public object that was made a moment ago.
    unsafe { (*public).implementation }
}

/// Looks whether this is a live object with the interface.
pub(crate) fn check(this: *const Implementation, interface: &str) {
    match interface_of(this) {
        Some(found) if found == interface => {}
        found => wrong(&format!(
            "{interface} expected, {} found",
            found.unwrap_or("no object")
        )),
    }
}

/// The interface of an object.
pub(crate) fn interface_of(this: *const Implementation) -> Option<&'static str> {
    if this.addr() < 4096 || !this.is_aligned() {
        return None;
    }
    // SAFETY: whatever it is, a program has called a method on it; should it be no memory, the
    // process ends here, which is the aim.
    unsafe { (this.cast::<u64>().add(1).read() == MAGIC).then(|| (*this).interface) }
}

/// The deleting destructor of a public object.
pub(crate) extern "C" fn delete_public(public: *mut Public) -> usize {
    // SAFETY: a program deletes it.
    let implementation = unsafe { (*public).implementation };
    delete(implementation)
}

/// The deleting destructor.
pub(crate) extern "C" fn delete(this: *mut Implementation) -> usize {
    if interface_of(this).is_none() {
        wrong("something is deleted that is no object, or was deleted before");
    }
    ALIVE.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: a live object of ours; a parent outlives its children, or the process has ended.
    unsafe {
        if (*this).children > 0 {
            wrong(&format!(
                "a {} is deleted before what it made",
                (*this).interface
            ));
        }
        if !(*this).parent.is_null() {
            (*(*this).parent).children -= 1;
        }
        free(this);
    }
    crate::method::POISON
}

/// The complete destructor: C++ uses it where memory belongs to somebody else. The object stays,
/// and is a leak.
pub(crate) extern "C" fn destroy_without_freeing(_: *mut Implementation) -> usize {
    crate::method::POISON
}

/// # Safety
/// A live object of ours, which nobody uses afterwards.
unsafe fn free(this: *mut Implementation) {
    // SAFETY: both were boxes; parts are objects that this one owns.
    unsafe {
        let mut object = Box::from_raw(this);
        object.magic = 0;
        drop(Box::from_raw(object.public));
        match &object.state {
            State::NetworkDefinition {
                parts: Some(parts), ..
            } => {
                for part in parts
                    .inputs
                    .iter()
                    .chain(&parts.outputs)
                    .chain(&parts.layers)
                {
                    free((**part).implementation);
                }
            }
            State::Parser { errors, .. } => errors.iter().for_each(|error| free(*error)),
            _ => {}
        }
    }
}

/// A mistake of the program that a real library would take badly at some time later.
#[expect(clippy::print_stderr, reason = "the process ends here")]
pub(crate) fn wrong(what: &str) -> ! {
    eprintln!("double of libnvinfer: {what}");
    std::process::abort()
}
