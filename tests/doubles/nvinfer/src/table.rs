//! Virtual tables, made from a release's slots.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::OnceLock;

use crate::method::{self, PUBLIC};
use crate::object::{Implementation, interface_of, wrong};
use crate::release::release;
use crate::settings::settings;

/// An entry of a table.
pub(crate) type Function = *const c_void;

/// The address of an interface's table: its slot 0.
pub(crate) fn table(interface: &'static str) -> *const Function {
    static TABLES: OnceLock<HashMap<&str, usize>> = OnceLock::new();
    let tables = TABLES.get_or_init(|| {
        let interfaces = release().interfaces.iter();
        let tables = interfaces.map(|(&name, slots)| (name, make(name, slots)));
        let public = make(PUBLIC, &["~complete() -> ()", "~deleting() -> ()"]);
        tables.chain([(PUBLIC, public)]).collect()
    });
    let table = tables.get(interface);
    let table = table.unwrap_or_else(|| wrong(&format!("no table of {interface} in this release")));
    *table as *const Function
}

/// Lays out a table for good. In front of it are the two words that C++ has there; behind it are
/// traps.
fn make(interface: &str, slots: &[&str]) -> usize {
    let behind = TRAPS.len() - slots.len();
    let methods = slots.iter().copied().chain(std::iter::repeat_n("", behind));
    let implementations = methods.zip(TRAPS).map(|(signature, trap)| {
        method::implementation(interface, signature).unwrap_or(trap as Function)
    });
    let mut entries: Vec<Function> = [std::ptr::null(), std::ptr::null()]
        .into_iter()
        .chain(implementations)
        .collect();
    if let Some((of, method, by)) = &settings().swap
        && of == interface
    {
        let named = |slot: &&str| slot.split_once('(').is_some_and(|(name, _)| name == method);
        let slot = slots
            .iter()
            .position(named)
            .expect("a method of this interface");
        // Before the first slot there is no method: what is there is not called but read, and null.
        let neighbour = (slot + 2).checked_add_signed(*by).expect("a neighbour");
        entries.swap(slot + 2, neighbour);
    }
    entries.leak()[2..].as_ptr() as usize
}

/// What stands in every slot that the double does not have: it says which one, and ends the
/// process.
extern "C" fn trap<const SLOT: usize>(this: *const Implementation) -> ! {
    let interface = interface_of(this);
    let slots = interface.and_then(|interface| release().interfaces.get(interface));
    let method = slots
        .and_then(|slots| slots.get(SLOT))
        .unwrap_or(&"nothing");
    wrong(&format!(
        "slot {SLOT} of {} was called, where {method} is",
        interface.unwrap_or("?")
    ))
}

type Trap = extern "C" fn(*const Implementation) -> !;

macro_rules! traps {
    ($($slot:literal)*) => { [$(trap::<$slot>),*] };
}

/// More than any table has slots.
static TRAPS: [Trap; 100] = traps![
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19
    20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39
    40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59
    60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79
    80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99
];
