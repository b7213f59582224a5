//! Streams and graphs: that they are used, and what becomes of a network that can't be captured.

use super::*;

#[test]
fn stages_run_side_by_side_and_each_is_one_launch() {
    run_fresh("streams", "8.5.2", "");
    run_fresh("streams", "10.3.0", "discrete");
}

pub(super) fn streams(plans: &PlanStore) {
    let bundle = bundle(Senses::Fused, Twist::None);
    let mut engine = built(plans, &bundle, Precision::F32);
    let inputs = crate::conformance::fixture::fusion::inputs(20);
    let (mut maps, mut fused) = (engine.new_maps(), FusionMaps::new(16));
    let counts = || (Counter::CudaGraphs.read(), Counter::CudaBeside.read());
    assert_eq!(counts(), (0, 0));
    for done in 0..3 {
        let part = part(bundle.manifest(), u32::try_from(done).unwrap());
        engine.infer(&part, &mut maps).unwrap();
        assert_eq!(counts(), (3 * done + 2, done + 1));
        // It needs the maps of both, which are there.
        engine.fuse(&inputs, &mut fused).unwrap();
        assert_eq!(counts(), (3 * done + 3, done + 1));
    }
}

/// `infer` holds the maps to those of loops, with and without graphs.
#[test]
fn a_network_that_can_t_be_captured_is_queued_anew_for_each_part() {
    let good = run_fresh("infer and warn", "10.3.0", "");
    assert_eq!((said(&good, "result"), said(&good, "graphs")), ("ok", "6"));
    assert!(!good.contains("@warning"), "{good}");
    // With mapped memory TensorRT meets the error, with copies we do.
    for (cuda, why) in [
        (
            "capture=900",
            "TensorRT gave nothing for enqueueV3: it logged: CUDA error 900 launching the network",
        ),
        (
            "capture=900,discrete",
            "cuMemcpyHtoDAsync_v2 gave CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900)",
        ),
    ] {
        let text = run_fresh("infer and warn", "10.3.0", cuda);
        assert_eq!((said(&text, "result"), said(&text, "graphs")), ("ok", "0"));
        assert_eq!(said(&text, "left"), "0");
        let warnings: Vec<&str> = text
            .lines()
            .filter_map(|line| Some(line.split_once("@warning ")?.1))
            .collect();
        let expected = ["rgb", "geometry"]
            .map(|stage| format!("the {stage} network runs without a graph: {why}"));
        assert_eq!(warnings, expected, "{text}");
    }
}

pub(super) fn infer_and_warn(plans: &PlanStore) {
    log::set_logger(&Printed).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    infer(plans);
}

/// A log for the test that started this process.
struct Printed;

impl log::Log for Printed {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("@warning {}", record.args());
    }

    fn flush(&self) {}
}
