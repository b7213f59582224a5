//! How often memory is asked for.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The system's allocator, counted: two atomic additions a call.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a piece of work returns, and how often memory was asked for meanwhile, by all threads.
pub(super) fn during<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    let change = region.change();
    (result, change.allocations + change.reallocations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted() {
        let (kept, count) = during(|| std::hint::black_box(vec![1_u8; 100]));
        assert!(count >= 1, "{kept:?}");
    }
}
