use std::sync::atomic::{AtomicBool, Ordering};

use twinspect_bundle::FusionStage;
use twinspect_core::score::{FusionInputs, FusionMaps, MapStack};
use twinspect_engine::tract::Model;
use twinspect_nn::{Rng, restore, snapshot};

use super::course::{Material, Sample, learn};
use super::{Gate, Joining};

/// Nobody presses Ctrl-C.
static GO_ON: AtomicBool = AtomicBool::new(false);

const SIDE: usize = 12;
const VIEWS: [usize; 2] = [2, 3];

/// Random evidence, everything measured.
fn evidence(rng: &mut Rng) -> FusionInputs {
    let mut stack = |count| MapStack {
        count,
        side: SIDE,
        data: (0..count * SIDE * SIDE)
            .map(|_| 2.0 * rng.normal() as f32)
            .collect(),
    };
    FusionInputs {
        rgb: stack(VIEWS[0]),
        geometry: stack(VIEWS[1]),
        valid: vec![1.0; SIDE * SIDE],
    }
}

/// A gate that has learnt something: every weight is random.
fn random_gate(rng: &mut Rng) -> Gate {
    let mut gate = Gate::new(VIEWS, rng);
    let mut state = snapshot(&mut gate);
    for values in state.values_mut() {
        let random = values.iter_mut();
        random.for_each(|value| *value = 0.3 * rng.normal() as f32);
    }
    restore(&mut gate, &state).unwrap();
    gate
}

fn fused(gate: &Gate, inputs: &FusionInputs) -> FusionMaps {
    let mut maps = FusionMaps::new(SIDE);
    Joining::Gate(Box::new(gate.clone())).fuse(inputs, &mut maps);
    maps
}

fn strongest(stack: &MapStack, place: usize) -> f32 {
    let largest = |strongest: f32, map: &[f32]| strongest.max(map[place]);
    stack.maps().fold(f32::NEG_INFINITY, largest)
}

#[test]
fn an_untrained_gate_is_a_soft_maximum() {
    let mut rng = Rng::new(1);
    let inputs = evidence(&mut rng);
    let maps = fused(&Gate::new(VIEWS, &mut rng), &inputs);
    for place in 0..SIDE * SIDE {
        let a = f64::from(strongest(&inputs.rgb, place));
        let b = f64::from(strongest(&inputs.geometry, place));
        let weight = 1.0 / (1.0 + (a - b).exp());
        assert!((f64::from(maps.weight[place]) - weight).abs() < 1e-6);
        let expected = (1.0 - weight) * a + weight * b;
        assert!((f64::from(maps.fused[place]) - expected).abs() < 1e-5);
    }
}

#[test]
fn a_gate_never_exceeds_the_larger_evidence_and_needs_depth_to_listen_to_height() {
    let mut rng = Rng::new(2);
    let mut inputs = evidence(&mut rng);
    inputs.valid[..SIDE * SIDE / 2].fill(0.0);
    let maps = fused(&random_gate(&mut rng), &inputs);
    for place in 0..SIDE * SIDE {
        let (a, b) = (
            strongest(&inputs.rgb, place),
            strongest(&inputs.geometry, place),
        );
        assert!(maps.fused[place] <= a.max(b) + 1e-5 && maps.fused[place] >= a.min(b) - 1e-5);
        if inputs.valid[place] == 0.0 {
            assert_eq!((maps.weight[place], maps.fused[place]), (0.0, a), "{place}");
        }
    }
}

#[test]
fn what_both_see_above_nothing_adds_up() {
    let mut inputs = evidence(&mut Rng::new(5));
    inputs.valid.fill(1.0);
    inputs.rgb.data.fill(-9.0);
    inputs.geometry.data.fill(-9.0);
    // Nobody sees anything; height alone; colour alone; both a little; both a little, where depth is missing.
    let places = [
        [-9.0, -9.0],
        [-9.0, 4.0],
        [4.0, -9.0],
        [0.0, 1.0],
        [0.0, 1.0],
    ];
    for (at, [colour, height]) in places.into_iter().enumerate() {
        // The largest view counts.
        inputs.rgb.data[SIDE * SIDE + at] = colour;
        inputs.geometry.data[2 * SIDE * SIDE + at] = height;
    }
    inputs.valid[4] = 0.0;
    let mut maps = FusionMaps::new(SIDE);
    Joining::Sum.fuse(&inputs, &mut maps);
    assert_eq!(maps.fused[..5], [-3.0, 4.0, 4.0, 4.0, 0.0]);
    Joining::Quadrature.fuse(&inputs, &mut maps);
    assert_eq!(maps.fused[..5], [-3.0, 4.0, 4.0, 2.0, 0.0]);
    let by_height = maps.weight.iter().map(|&weight| weight > 0.5);
    assert_eq!(
        by_height.take(5).collect::<Vec<_>>(),
        [false, true, false, true, false]
    );
}

#[test]
fn the_networks_answer_what_the_trainer_does() {
    let mut rng = Rng::new(3);
    let stage = FusionStage::new(VIEWS[0], VIEWS[1], SIDE);
    let gate = random_gate(&mut rng);
    for joining in [
        Joining::Quadrature,
        Joining::Sum,
        Joining::Average,
        Joining::Gate(Box::new(gate)),
    ] {
        let onnx = joining.onnx(&stage).unwrap();
        let shapes = stage.inputs.named();
        let shapes = shapes.each_ref().map(|(_, shape)| shape.as_slice());
        let mut model = Model::with_inputs(&onnx, &shapes).unwrap();
        let mut joining = joining;
        for _ in 0..3 {
            let mut inputs = evidence(&mut rng);
            let valid = inputs.valid.iter_mut();
            valid.for_each(|valid| *valid = rng.uniform() as f32);
            // Beyond what the gate looks at.
            inputs.rgb.data[7] = 60.0;
            inputs.geometry.data[8] = -9.0;
            let mut expected = FusionMaps::new(SIDE);
            joining.fuse(&inputs, &mut expected);
            let mut found = FusionMaps::new(SIDE);
            let values = [&inputs.rgb.data[..], &inputs.geometry.data, &inputs.valid];
            let mut room = [&mut found.fused[..], &mut found.weight];
            model.run_all_into(&values, &mut room).unwrap();
            let pairs = found.fused.iter().zip(&expected.fused);
            for (found, expected) in pairs.chain(found.weight.iter().zip(&expected.weight)) {
                assert!(
                    (found - expected).abs() < 1e-4,
                    "{found} instead of {expected}"
                );
            }
        }
    }
}

/// Colour cries wolf, height is quiet until there is a defect. What sets them apart lies within what a gate may add.
fn sample(rng: &mut Rng, defective: bool) -> Sample {
    let places = SIDE * SIDE;
    let mut inputs = evidence(rng);
    for value in &mut inputs.rgb.data {
        *value = 0.3 * *value + 1.5;
    }
    for value in &mut inputs.geometry.data {
        *value *= 0.1;
    }
    let mut changed = vec![0.0; places];
    if defective {
        let (x, y) = (1 + rng.below(SIDE - 4), 1 + rng.below(SIDE - 4));
        for place in (0..9).map(|i| (y + i / 3) * SIDE + x + i % 3) {
            changed[place] = 1.0;
            for view in 0..VIEWS[1] {
                inputs.geometry.data[view * places + place] += 2.5;
            }
        }
    }
    Sample {
        inputs,
        changed,
        region: vec![1.0; places],
    }
}

fn material(seed: u64) -> Material {
    let mut rng = Rng::new(seed);
    Material {
        training: (0..32).map(|i| sample(&mut rng, i % 4 > 0)).collect(),
        held_out: (0..12).map(|i| sample(&mut rng, i % 4 > 0)).collect(),
        good: (0..8).map(|_| sample(&mut rng, false)).collect(),
    }
}

#[test]
fn a_gate_learns_which_modality_to_believe() {
    let gate = Gate::new(VIEWS, &mut Rng::new(4));
    let (mut gate, record) = learn(gate, &material(5), Rng::new(6), &GO_ON, |_, _, _| {}).unwrap();
    assert!(record.trained_ships, "{record}");
    assert!(
        record.synthetic_ap_trained > record.synthetic_ap_untrained + 0.2,
        "{record}"
    );
    assert!(record.good_growth < 1.0, "{record}");
    let again = Gate::new(VIEWS, &mut Rng::new(4));
    let (mut again, _) = learn(again, &material(5), Rng::new(6), &GO_ON, |_, _, _| {}).unwrap();
    assert_eq!(snapshot(&mut gate), snapshot(&mut again));
}

#[test]
fn a_gate_that_does_not_help_is_left_out() {
    let mut material = material(7);
    // The other family is nothing but noise: no epoch can be better than chance for long, and what is
    // seen in good parts must not grow.
    for sample in &mut material.held_out {
        sample.changed.fill(0.0);
    }
    let (mut gate, record) = learn(
        Gate::new(VIEWS, &mut Rng::new(4)),
        &material,
        Rng::new(6),
        &GO_ON,
        |_, _, _| {},
    )
    .unwrap();
    assert!(!record.trained_ships, "{record}");
    let mut untrained = Gate::new(VIEWS, &mut Rng::new(4));
    assert_eq!(snapshot(&mut gate), snapshot(&mut untrained));
}

#[test]
fn a_gate_is_not_waited_for_after_an_interruption() {
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    let gate = Gate::new(VIEWS, &mut Rng::new(4));
    let learnt = learn(gate, &material(5), Rng::new(6), &stop, |step, _, _| {
        steps = step;
        stop.store(step == 2, Ordering::Relaxed);
    });
    assert!(learnt.is_none());
    assert_eq!(steps, 2);
}
