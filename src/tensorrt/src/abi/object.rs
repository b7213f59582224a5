//! Objects that TensorRT hands out.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::Generation;

/// What a public object of TensorRT begins with. Its own table holds two destructors and nothing
/// else; the methods are in the table of the object that does the work. That one begins with its
/// table, too.
///
/// Source: `NvInferRuntime.h` and `NvInferImpl.h` of every release since 8.0: `IRuntime` has a
/// protected member `mImpl` of type `apiv::VRuntime*`, first after the table that it inherits from
/// `INoCopy`.
#[repr(C)]
pub(crate) struct Object {
    table: *const Function,
    implementation: *mut Object,
}

/// An entry of a table: a function of the type that its row says.
pub(crate) type Function = *const c_void;

/// Where the methods of an interface are found.
pub(crate) enum Reach {
    /// In the table of the object that the public object points to.
    Implementation,
    /// In the public object's own table.
    Direct,
}

/// An interface of TensorRT: a name for the tables, and what is common to its methods.
pub(crate) trait Interface: 'static {
    /// Where the methods are.
    const REACH: Reach;
    /// The slot of the deleting destructor in the *public* object's table: what C++'s `delete`
    /// calls.
    const DELETE: [usize; 3];
}

/// The slot of a method that a generation does not have.
pub(crate) const NO: usize = usize::MAX;

/// A live object with the interface `I`, which its parent owns.
///
/// Invariant: `object`, and what it points to as far as [`Interface::REACH`] says, are objects that
/// a library of `generation` made, with the tables of `I`, and they live at least as long as
/// `'parent`.
pub(crate) struct Handle<'parent, I> {
    object: NonNull<Object>,
    generation: Generation,
    parent: PhantomData<&'parent I>,
}

impl<I: Interface> Handle<'_, I> {
    /// Takes what a call returned. `None` for what can't be an object: failed factories return not
    /// only null but also null after an adjustment to a base class, 0x228 for instance (seen with
    /// the lean runtimes of 10.15 to 11.4 without a driver). Nothing is ever mapped in the first
    /// page.
    ///
    /// # Safety
    /// Anything else must be an object as the invariant of [`Handle`] says, for the lifetime that
    /// is chosen.
    pub(crate) unsafe fn new(object: *mut Object, generation: Generation) -> Option<Self> {
        let object = plausible(object)?;
        if matches!(I::REACH, Reach::Implementation) {
            // SAFETY: a public object has these two words.
            plausible(unsafe { (*object.as_ptr()).implementation })?;
        }
        Some(Self {
            object,
            generation,
            parent: PhantomData,
        })
    }

    /// The tables that fit the object.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// The object as an argument for another call.
    pub(crate) fn as_argument(&self) -> *mut Object {
        self.object.as_ptr()
    }

    /// The object whose table has the methods; it is also their first argument.
    pub(super) fn receiver(&self) -> NonNull<Object> {
        match I::REACH {
            Reach::Direct => self.object,
            // SAFETY: the invariant; `new` saw that it is a pointer.
            Reach::Implementation => unsafe {
                NonNull::new_unchecked((*self.object.as_ptr()).implementation)
            },
        }
    }

    /// The function in a slot of the methods' table, the slot being given for each generation.
    pub(super) fn function(&self, slots: [usize; 3]) -> Function {
        self.entry(self.receiver(), slots)
    }

    fn entry(&self, object: NonNull<Object>, slots: [usize; 3]) -> Function {
        let [v8, v10, v11] = slots;
        let slot = match self.generation {
            Generation::V8 => v8,
            Generation::V10 => v10,
            Generation::V11 => v11,
        };
        assert_ne!(slot, NO, "a call that this generation does not have");
        // SAFETY: the invariant says that there is a table; `abi::tests` holds the slots to the
        // tables' lengths.
        unsafe { *(*object.as_ptr()).table.add(slot) }
    }
}

/// An object that is ours to delete. What it was made by must outlive it: the types outside of this
/// module see to that by the order of their fields.
pub(crate) struct Owned<I: Interface>(Handle<'static, I>);

impl<I: Interface> Owned<I> {
    /// Takes what a call returned; `None` for what can't be an object.
    ///
    /// # Safety
    /// As [`Handle::new`], and nobody else deletes the object.
    pub(crate) unsafe fn new(object: *mut Object, generation: Generation) -> Option<Self> {
        // SAFETY: the caller's promise; the handle lives as long as the object, since dropping it
        // deletes it.
        unsafe { Handle::new(object, generation) }.map(Self)
    }
}

impl<I: Interface> std::ops::Deref for Owned<I> {
    type Target = Handle<'static, I>;

    /// Only for as long as the owner is borrowed: handles can't be copied.
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<I: Interface> Drop for Owned<I> {
    fn drop(&mut self) {
        let destructor = self.0.entry(self.0.object, I::DELETE);
        // SAFETY: on x86-64 and aarch64 a deleting destructor takes the object and returns nothing.
        // The object is ours and nobody uses it after this.
        unsafe {
            let destructor =
                std::mem::transmute::<Function, unsafe extern "C" fn(*mut Object)>(destructor);
            destructor(self.0.object.as_ptr());
        }
    }
}

// SAFETY: objects of TensorRT belong to no thread; they must not be used by two at the same time
// ("Thread Safety" in NVIDIA's developer guide). Owned objects are not `Sync`, so only the thread
// that has one can use it.
unsafe impl<I: Interface> Send for Owned<I> {}

/// A pointer that may point to an object: outside of the first page, and aligned.
fn plausible(object: *mut Object) -> Option<NonNull<Object>> {
    const FIRST_PAGE: usize = 4096;
    let is_plausible = object.addr() >= FIRST_PAGE && object.is_aligned();
    NonNull::new(object).filter(|_| is_plausible)
}
