//! The few inner loops on which the speed of everything depends, and the crate's only `unsafe` code.
//!
//! Each elementwise function is compiled twice on x86-64, for the baseline and for AVX2, and picks at run time; other
//! architectures have one version. Both do the same operations in the same order, so results do not depend on the choice.

mod elementwise;
mod matmul;
mod reduce;

pub(crate) use elementwise::*;
pub(crate) use matmul::{Matrix, matmul};
pub(crate) use reduce::*;

/// Defines functions that exist once for the baseline and once for AVX2.
macro_rules! dispatched {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        pub(crate) fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn plain($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $kind),*) $(-> $result)? {
                    plain($($argument),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    // SAFETY: `avx2` is a safe function apart from needing the two features that were just detected.
                    return unsafe { avx2($($argument),*) };
                }
            }
            plain($($argument),*)
        }
    )*};
}
pub(crate) use dispatched;
