//! How often memory is asked for.

use std::alloc::System;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use twinspect_core::prepare::PreparedPart;
use twinspect_core::score::{FusionInputs, FusionMaps, StageMaps};
use twinspect_engine::{Engine, EngineError, Precision};

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

/// An engine whose demands for memory are counted apart from those of the code around it: those of its pool of threads, too, which
/// come with one call of many.
pub(super) struct Counted {
    engine: Box<dyn Engine>,
    count: Count,
}

/// How often an engine has asked for memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Count(Arc<AtomicUsize>);

impl Count {
    /// Since this was called last.
    pub(super) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Counted {
    /// The engine, and what it is counted by.
    pub(super) fn new(engine: Box<dyn Engine>) -> (Self, Count) {
        let count = Count::default();
        let counted = Self {
            engine,
            count: count.clone(),
        };
        (counted, count)
    }

    fn counting<T>(&mut self, work: impl FnOnce(&mut dyn Engine) -> T) -> T {
        let (result, asked) = during(|| work(self.engine.as_mut()));
        self.count.0.fetch_add(asked, Ordering::Relaxed);
        result
    }
}

impl Engine for Counted {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn precision(&self) -> Precision {
        self.engine.precision()
    }

    fn cools_down(&self) -> bool {
        self.engine.cools_down()
    }

    fn new_maps(&self) -> StageMaps {
        self.engine.new_maps()
    }

    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError> {
        self.counting(|engine| engine.infer(part, maps))
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        self.counting(|engine| engine.fuse(inputs, maps))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use twinspect_bundle::Bundle;

    use super::*;

    #[test]
    fn memory_is_counted() {
        let (kept, count) = during(|| std::hint::black_box(vec![1_u8; 100]));
        assert!(count >= 1, "{kept:?}");
    }

    /// Asks for memory once a part.
    struct Asking;

    impl Engine for Asking {
        fn name(&self) -> &str {
            "asking"
        }

        fn precision(&self) -> Precision {
            Precision::F32
        }

        fn new_maps(&self) -> StageMaps {
            StageMaps::default()
        }

        fn infer(&mut self, _: &PreparedPart, _: &mut StageMaps) -> Result<(), EngineError> {
            drop(std::hint::black_box(vec![1_u8; 100]));
            Ok(())
        }

        fn fuse(&mut self, _: &FusionInputs, _: &mut FusionMaps) -> Result<(), EngineError> {
            Ok(())
        }
    }

    #[test]
    fn what_an_engine_asks_for_is_counted_while_it_is_called_and_no_longer() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let bundle = Bundle::open(models.join("cap.twb")).unwrap();
        let part = PreparedPart::new(&bundle.manifest().prepare);
        let (mut engine, count) = Counted::new(Box::new(Asking));
        let mut maps = engine.new_maps();
        for _ in 0..3 {
            engine.infer(&part, &mut maps).unwrap();
            // Other tests of this process may ask meanwhile.
            assert!(count.take() >= 1);
            drop(std::hint::black_box(vec![1_u8; 100]));
            assert_eq!(count.take(), 0, "that was nobody's but ours");
        }
    }
}
