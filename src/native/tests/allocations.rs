//! A run allocates nothing. The only test of this program, since others would allocate beside it.
#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::path::Path;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use twinspect_bundle::Bundle;
use twinspect_native::Network;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn shipped_networks_run_without_allocating() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::open(models.join("cap.twb")).unwrap();
    for (modality, stage) in bundle.manifest().stages.present() {
        let mut network = Network::from_onnx(bundle.stage_model(modality).unwrap()).unwrap();
        let input = vec![0.5; stage.input_shape.iter().product()];
        let mut output = vec![0.0; stage.output_shape.iter().product()];
        let region = Region::new(ALLOCATOR);
        network.run(&[&input], &mut [&mut output]).unwrap();
        let change = region.change();
        assert_eq!(
            (
                change.allocations,
                change.reallocations,
                change.deallocations
            ),
            (0, 0, 0),
            "{modality}"
        );
    }
}
