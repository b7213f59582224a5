//! Engines that fuse as the trainer did, and engines that don't.

use super::*;

type Change = fn(&mut FusionMaps);

/// An engine whose fusion stage is another's, changed.
struct Gate {
    inner: TractEngine,
    change: Change,
}

impl Engine for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn new_maps(&self) -> StageMaps {
        self.inner.new_maps()
    }

    fn infer(&mut self, part: &PreparedPart, maps: &mut StageMaps) -> Result<(), EngineError> {
        self.inner.infer(part, maps)
    }

    fn fuse(&mut self, inputs: &FusionInputs, maps: &mut FusionMaps) -> Result<(), EngineError> {
        self.inner.fuse(inputs, maps)?;
        (self.change)(maps);
        Ok(())
    }
}

fn prove_changed(change: Change) -> Result<Proof, ProofError> {
    let bundle = bundle(Senses::Fused, Twist::None);
    let inner = TractEngine::load(&bundle).unwrap();
    prove(&mut Gate { inner, change }, &bundle)
}

/// A place that decides nothing.
const PLACE: usize = 3;

#[test]
fn a_fused_map_beyond_the_tolerance_is_named() {
    assert_eq!(prove_changed(|_| ()).unwrap().goldens, 3);
    let refused = |change: Change| match prove_changed(change) {
        Err(ProofError::Maps { worst, .. }) => (worst.stage, worst.map, worst.index),
        other => panic!("{other:?}"),
    };
    let fused = refused(|maps| maps.fused[PLACE] -= 0.1);
    assert_eq!(fused, (StageName::Fusion, 0, PLACE));
    let weight = refused(|maps| maps.weight[PLACE] += 2e-4);
    assert_eq!(weight, (StageName::Fusion, 1, PLACE));
    prove_changed(|maps| maps.weight[PLACE] += 5e-5).unwrap();
}

#[test]
fn a_fused_map_that_is_none_is_refused() {
    let refused = prove_changed(|maps| maps.fused[PLACE] = f32::NAN);
    assert!(
        matches!(&refused, Err(ProofError::Evidence { found: None, .. })),
        "{refused:?}"
    );
}

/// The network is held to its own answer, and the whole way to the evidence.
#[test]
fn maps_that_differ_within_the_tolerance_are_not_told_twice() {
    let bundle = bundle(Senses::Fused, Twist::None);
    let nudge = |maps: &mut StageMaps| {
        for value in &mut maps.rgb.as_mut().unwrap().data {
            *value *= 1.000_01;
        }
    };
    let proof = prove_tampered(&bundle, Precision::F32, nudge).unwrap();
    assert_eq!(proof.worst.stage, StageName::Of(Modality::Rgb));
    assert!(proof.evidence_share > 0.0 && proof.evidence_share < EVIDENCE_SHARE);
}
