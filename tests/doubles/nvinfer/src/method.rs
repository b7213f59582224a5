//! The methods that the double has, each for the slots that have its name and signature.

use crate::object::{delete, delete_public, destroy_without_freeing};
use crate::table::Function;
use crate::{building, running};

/// The table of public objects, which has destructors alone.
pub const PUBLIC: &str = "public";

/// What methods that return nothing leave in the register of the result: no pointer, no number that
/// makes sense.
pub(crate) const POISON: usize = 0x8BAD_F00D_8BAD_F00D;

/// A method: its interface, its name and signature as `slots/` writes them, and the function.
pub(crate) type Method = (&'static str, &'static str, Function);

/// Defines methods. Each is counted, checks its object, and fails when a test wants that, with the
/// value behind `or`.
macro_rules! methods {
    ($($interface:ident $signature:literal
        $name:ident($object:ident $(, $argument:ident: $type:ty)*) -> $result:ty, or $failure:expr => $body:block)*) => {
        $(
            extern "C" fn $name(this: *mut crate::object::Implementation $(, $argument: $type)*) -> $result {
                crate::object::check(this, stringify!($interface));
                if crate::object::is_failing() {
                    return $failure;
                }
                // SAFETY: a live object, and one call at a time.
                let $object = unsafe { &mut *this };
                $body
            }
        )*

        pub(crate) fn methods() -> Vec<crate::method::Method> {
            vec![$((stringify!($interface), $signature, $name as crate::table::Function)),*]
        }
    };
}
pub(crate) use methods;

/// The state of an object that has an interface; anything else can't be.
macro_rules! state {
    ($object:expr, $pattern:pat => $value:expr) => {
        match $object {
            $pattern => $value,
            _ => crate::object::wrong("an object without the state of its interface"),
        }
    };
}
pub(crate) use state;

/// The function for a slot.
pub(crate) fn implementation(interface: &str, signature: &str) -> Option<Function> {
    let direct = matches!(interface, "IParser" | "IParserError");
    match signature.split_once('(')?.0 {
        "~complete" if direct || interface == PUBLIC => {
            return Some(destroy_without_freeing as Function);
        }
        "~deleting" if direct => return Some(delete as Function),
        "~deleting" if interface == PUBLIC => return Some(delete_public as Function),
        _ => {}
    }
    let all = running::methods().into_iter().chain(building::methods());
    let mut found = all.filter(|(of, name, _)| *of == interface && *name == signature);
    found.next().map(|(_, _, function)| function)
}

/// Interface and signature of every method that the double has: all that the product calls, and
/// nothing else.
pub fn signatures() -> Vec<(&'static str, &'static str)> {
    let all = running::methods().into_iter().chain(building::methods());
    let deleting = [
        (PUBLIC, "~deleting() -> ()"),
        ("IParser", "~deleting() -> ()"),
    ];
    all.map(|(interface, signature, _)| (interface, signature))
        .chain(deleting)
        .collect()
}
