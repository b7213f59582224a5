//! From a row of a table to a function that can be called.

/// Defines an interface: a type that names it, and for each row a method of its
/// [`Handle`](super::Handle).
///
/// A row has Rust's name, the slots in 8.5+, 10 and 11, the name in NVIDIA's headers, and the
/// signature as the C ABI sees it, without the object. Methods under `values` take plain numbers,
/// so that they can be called by anybody who has a live object; methods under `pointers` take
/// pointers, too, and are unsafe to call.
macro_rules! interface {
    (
        $(#[$doc:meta])*
        $interface:ident, $reach:ident, delete $delete:tt;
        values { $($value:ident $value_slots:tt $value_cpp:literal
            ($($value_arg:ident: $value_type:ty),*) -> $value_result:ty;)* }
        pointers { $($pointer:ident $pointer_slots:tt $pointer_cpp:literal
            ($($pointer_arg:ident: $pointer_type:ty),*) -> $pointer_result:ty;)* }
    ) => {
        $(#[$doc])*
        pub(crate) enum $interface {}

        impl Interface for $interface {
            const REACH: Reach = Reach::$reach;
            const DELETE: [usize; 3] = $delete;
        }

        impl Handle<'_, $interface> {
            $(
                #[doc = concat!("`", $value_cpp, "`")]
                pub(super) fn $value(&self, $($value_arg: $value_type),*) -> $value_result {
                    let function = self.function($value_slots);
                    // SAFETY: the object lives and has this interface, so that the slot holds a
                    // function of this type.
                    unsafe {
                        let function = std::mem::transmute::<
                            Function,
                            unsafe extern "C" fn(*mut Object, $($value_type),*) -> $value_result,
                        >(function);
                        function(self.receiver().as_ptr(), $($value_arg),*)
                    }
                }
            )*
            $(
                #[doc = concat!("`", $pointer_cpp, "`")]
                ///
                /// # Safety
                /// The pointers must be what this method wants.
                pub(super) unsafe fn $pointer(&self, $($pointer_arg: $pointer_type),*) -> $pointer_result {
                    let function = self.function($pointer_slots);
                    // SAFETY: as above, and the caller vouches for the pointers.
                    unsafe {
                        let function = std::mem::transmute::<
                            Function,
                            unsafe extern "C" fn(*mut Object, $($pointer_type),*) -> $pointer_result,
                        >(function);
                        function(self.receiver().as_ptr(), $($pointer_arg),*)
                    }
                }
            )*
        }

        #[cfg(test)]
        impl super::tests::Rows for $interface {
            const NAME: &'static str = stringify!($interface);
            fn rows() -> Vec<super::tests::Row> {
                use super::tests::{Abi, Row};
                vec![
                    $(Row {
                        method: $value_cpp,
                        slots: $value_slots,
                        arguments: vec![$(<$value_type as Abi>::TEXT),*],
                        result: <$value_result as Abi>::TEXT,
                    },)*
                    $(Row {
                        method: $pointer_cpp,
                        slots: $pointer_slots,
                        arguments: vec![$(<$pointer_type as Abi>::TEXT),*],
                        result: <$pointer_result as Abi>::TEXT,
                    },)*
                ]
            }
        }
    };
}

pub(super) use interface;
