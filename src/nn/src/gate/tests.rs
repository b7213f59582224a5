use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, seed_gradient, value_of, wide,
};
use crate::rng::Rng;

const AUTHORITY: Authority = Authority {
    sharpness: 1.0,
    bound: 2.0,
};
const SHAPE: Shape = Shape::new(2, 5, 7, 1);

/// Both evidences, validity (a third each of 0, 1 and something between), logits, gradients of weight and fused.
fn case(shape: Shape, seed: u64) -> ([Tensor; 3], Activation, [Tensor; 2]) {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..shape.len())
        .map(|i| [0.0, 1.0, rng.uniform_in(0.1, 0.9)][i % 3])
        .collect();
    let valid = Tensor::from_nchw(shape, &values);
    let evidence = [random(shape, &mut rng), random(shape, &mut rng), valid];
    let logits = Activation::variable(random(shape.with_channels(2), &mut rng));
    let gradients = [random(shape, &mut rng), random(shape, &mut rng)];
    (evidence, logits, gradients)
}

fn evidence([base, other, valid]: &[Tensor; 3]) -> Evidence<'_> {
    Evidence { base, other, valid }
}

/// Weight and fused evidence of NCHW values.
fn reference(maps: &[Vec<f64>; 3], authority: Authority, logits: &[f64]) -> [Vec<f64>; 2] {
    let area = SHAPE.h * SHAPE.w;
    let [base, other, valid] = maps;
    let [sharpness, bound] = [authority.sharpness, authority.bound].map(f64::from);
    let weight = (0..SHAPE.len()).map(|i| {
        let first = i / area * 2 * area + i % area;
        let lead = bound * ((logits[first + area] - logits[first]) / bound).tanh();
        valid[i] / (1.0 + (-sharpness * (other[i] - base[i]) - lead).exp())
    });
    let weight: Vec<f64> = weight.collect();
    let fused = (0..SHAPE.len()).map(|i| (1.0 - weight[i]) * base[i] + weight[i] * other[i]);
    let fused = fused.collect();
    [weight, fused]
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (sharpness, bound) in [(1.0, 2.0), (2.5, 0.5)] {
        let authority = Authority { sharpness, bound };
        let (maps, mut logits, gradients) = case(SHAPE, 1);
        let (mut weight, mut fused) = (Activation::new(), Activation::new());
        convex_gate(
            &evidence(&maps),
            authority,
            &logits,
            &mut weight,
            &mut fused,
        );
        let wide_maps = maps.each_ref().map(|map| wide(&map.to_nchw()));
        let point = wide(&value_of(&logits));
        let [want_weight, want_fused] = reference(&wide_maps, authority, &point);
        assert_close("gate: weight", &value_of(&weight), &want_weight, TOLERANCE);
        assert_close("gate: fused", &value_of(&fused), &want_fused, TOLERANCE);
        let want = finite_differences(&point, |logits| {
            let outputs = reference(&wide_maps, authority, logits);
            let by_output = outputs.iter().zip(&gradients);
            by_output.map(|(y, dy)| dot(y, &wide(&dy.to_nchw()))).sum()
        });
        for times in [1.0, 2.0] {
            seed_gradient(&mut weight, &gradients[0]);
            seed_gradient(&mut fused, &gradients[1]);
            convex_gate_backward(
                &evidence(&maps),
                authority,
                &mut logits,
                &mut weight,
                &mut fused,
            );
            let want: Vec<f64> = want.iter().map(|d| d * times).collect();
            assert_close("gate: dlogits", &gradient_of(&logits), &want, TOLERANCE);
        }
    }
}

#[test]
fn without_validity_the_base_comes_through_bit_for_bit() {
    let (mut maps, logits, _) = case(SHAPE, 2);
    maps[2] = Tensor::zeros(SHAPE);
    let (mut weight, mut fused) = (Activation::new(), Activation::new());
    convex_gate(
        &evidence(&maps),
        AUTHORITY,
        &logits,
        &mut weight,
        &mut fused,
    );
    assert!(value_of(&weight).iter().all(|&w| w == 0.0));
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(value_of(&fused)), bits(maps[0].to_nchw()));
}

#[test]
fn the_untrained_gate_leans_to_the_larger_and_stays_between_the_two() {
    let (mut maps, _, _) = case(SHAPE, 3);
    maps[2] = Tensor::from_nchw(SHAPE, &vec![1.0; SHAPE.len()]);
    let logits = Activation::constant(Tensor::zeros(SHAPE.with_channels(2)));
    let (mut weight, mut fused) = (Activation::new(), Activation::new());
    convex_gate(
        &evidence(&maps),
        AUTHORITY,
        &logits,
        &mut weight,
        &mut fused,
    );
    let (base, other) = (maps[0].to_nchw(), maps[1].to_nchw());
    for (i, fused) in value_of(&fused).into_iter().enumerate() {
        let (low, high) = (base[i].min(other[i]), base[i].max(other[i]));
        assert!(fused <= high + 1e-6 && fused >= 0.5 * (low + high) - 1e-6);
    }
}

#[test]
fn no_logits_silence_what_leads_by_far() {
    let shape = Shape::new(1, 1, 1, 1);
    let one = |value: f32| Tensor::from_nchw(shape, &[value]);
    let maps = [one(0.0), one(8.0), one(1.0)];
    let against = Tensor::from_nchw(shape.with_channels(2), &[1000.0, -1000.0]);
    let logits = Activation::constant(against);
    let (mut weight, mut fused) = (Activation::new(), Activation::new());
    convex_gate(
        &evidence(&maps),
        AUTHORITY,
        &logits,
        &mut weight,
        &mut fused,
    );
    let least = 1.0 / (1.0 + (-(8.0_f32 - 2.0)).exp());
    assert_close(
        "gate: weight",
        &value_of(&weight),
        &[f64::from(least)],
        TOLERANCE,
    );
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("gate", || {
        let (maps, mut logits, gradients) = case(Shape::new(5, 33, 31, 1), 4);
        let (mut weight, mut fused) = (Activation::new(), Activation::new());
        convex_gate(
            &evidence(&maps),
            AUTHORITY,
            &logits,
            &mut weight,
            &mut fused,
        );
        seed_gradient(&mut weight, &gradients[0]);
        seed_gradient(&mut fused, &gradients[1]);
        convex_gate_backward(
            &evidence(&maps),
            AUTHORITY,
            &mut logits,
            &mut weight,
            &mut fused,
        );
        vec![value_of(&weight), value_of(&fused), gradient_of(&logits)]
    });
}
