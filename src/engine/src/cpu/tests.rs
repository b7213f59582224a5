mod fusion;

use twinspect_onnx::{Graph, WeightFormat};

use super::*;
use crate::conformance::fixture::{Senses, Twist, builder, bundle, manifest, onnx};
use crate::conformance::suite;

/// What both engines say of a bundle that neither takes.
fn refused(bundle: &Bundle) -> EngineError {
    let error = TractEngine::load(bundle).unwrap_err();
    let by_native = NativeEngine::load(bundle).unwrap_err();
    let told = |error: &EngineError| {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        (error.to_string(), cause)
    };
    assert_eq!(told(&by_native), told(&error));
    error
}

#[test]
fn tract_conforms() {
    for cores in [1, 2] {
        suite(&|bundle| Box::new(TractEngine::load_for(bundle, cores).unwrap()));
    }
}

#[test]
fn native_conforms() {
    for cores in [1, 2] {
        suite(&|bundle| {
            let engine = NativeEngine::load_for(bundle, cores).unwrap();
            assert_eq!(engine.by_tract(), []);
            Box::new(engine)
        });
    }
}

#[test]
fn native_says_what_tract_says() {
    for senses in Senses::ALL {
        let bundle = bundle(senses, Twist::None);
        let [mut native, mut tract] = [
            Box::new(NativeEngine::load(&bundle).unwrap()) as Box<dyn Engine>,
            Box::new(TractEngine::load(&bundle).unwrap()),
        ];
        let found = crate::compare(native.as_mut(), tract.as_mut(), &bundle).unwrap();
        assert_eq!((&*found.engine, &*found.reference), ("native", "tract"));
        found.verdict().unwrap();
        for stage in &found.stages {
            assert!(stage.share < 1e-5, "{stage}");
        }
    }
}

#[test]
fn a_network_that_native_does_not_know_runs_by_tract() {
    let mut graph = Graph::new("shares", WeightFormat::F32);
    let x = graph.input("x", &[1, 3, 1, 1]).unwrap();
    // Our exporter writes it for the non-local block, and there is no kernel for it.
    let shares = graph.softmax("shares", x, 1).unwrap();
    graph.output("shares_out", shares).unwrap();
    let mut network = NativeNetwork::load(
        &graph.encode().unwrap(),
        &[&[1, 3, 1, 1]],
        NonZero::<usize>::MIN,
    )
    .unwrap();
    let why = network.by_tract().unwrap();
    assert!(why.contains("Softmax"), "{why}");
    let mut found = [0.0; 3];
    network.run(&[&[1.0, 1.0, 1.0]], &mut [&mut found]).unwrap();
    assert!(
        found.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-6),
        "{found:?}"
    );
}

#[test]
fn a_pool_has_threads_that_have_something_to_do() {
    fn threads<N: Network>(senses: Senses, cores: usize) -> usize {
        let engine = CpuEngine::<N>::load_for(&bundle(senses, Twist::None), cores).unwrap();
        engine.pool.map_or(1, |pool| pool.current_num_threads())
    }
    for senses in Senses::ALL {
        assert_eq!(threads::<Model>(senses, 1), 1);
        assert_eq!(threads::<NativeNetwork>(senses, 1), 1);
        assert_eq!(threads::<NativeNetwork>(senses, 2), 2);
        assert_eq!(threads::<NativeNetwork>(senses, 64), THREADS);
    }
    assert_eq!(threads::<Model>(Senses::Both, 2), 2);
    assert_eq!(threads::<Model>(Senses::Both, 64), 2);
    assert_eq!(threads::<Model>(Senses::Rgb, 64), 1);
    assert_eq!(threads::<Model>(Senses::Geometry, 64), 1);
}

#[test]
fn a_network_that_is_not_the_manifests_is_refused() {
    let load = |change: fn(&mut twinspect_bundle::Manifest)| {
        let mut manifest = manifest(Senses::Both);
        change(&mut manifest);
        let bundle = builder(manifest, Twist::None).build().unwrap();
        refused(&bundle)
    };
    let error = load(|m| m.stages.rgb.as_mut().unwrap().input = "picture".to_owned());
    assert!(
        matches!(&error, EngineError::Interface { what: "input", expected, found, .. } if expected == "picture" && found == "rgb_in"),
        "{error:?}"
    );
    let error = load(|m| m.stages.geometry.as_mut().unwrap().output = "maps".to_owned());
    assert!(
        matches!(
            &error,
            EngineError::Interface {
                stage: StageName::Of(Modality::Geometry),
                what: "output",
                ..
            }
        ),
        "{error:?}"
    );
    let error = load(|m| {
        m.stages.rgb.as_mut().unwrap().output_shape[1] = 2;
        let rgb = m.score.modalities.rgb.as_mut().unwrap();
        rgb.maps.pop();
        rgb.views[0].maps.count = 2;
    });
    assert!(
        matches!(
            &error,
            EngineError::Interface {
                what: "output shape",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.hint().is_some());
    let swapped = builder(manifest(Senses::Both), Twist::None)
        .model(Modality::Rgb, onnx(Modality::Geometry, Twist::None))
        .build()
        .unwrap();
    let error = refused(&swapped);
    assert!(
        matches!(
            &error,
            EngineError::Load {
                stage: StageName::Of(Modality::Rgb),
                source: ModelError::InputShape { .. }
            }
        ),
        "{error:?}"
    );
}

#[test]
fn an_engine_goes_to_the_thread_that_owns_it() {
    let bundle = bundle(Senses::Both, Twist::None);
    let mut engine: Box<dyn Engine> = Box::new(TractEngine::load(&bundle).unwrap());
    let name = std::thread::spawn(move || {
        let proof = crate::prove(engine.as_mut(), &bundle).unwrap();
        (engine.name().to_owned(), proof.goldens)
    });
    assert_eq!(name.join().unwrap(), ("tract".to_owned(), 3));
}
