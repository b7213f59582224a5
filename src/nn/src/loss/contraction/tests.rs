use super::*;
use crate::reference::{
    assert_close, assert_same_with_any_threads, finite_differences, gradient_of, random, wide,
};
use crate::rng::Rng;
use crate::tensor::{Shape, Tensor};

const SHAPE: Shape = Shape::new(5, 3, 7, 4);
const CLEAN: [bool; 5] = [true, false, true, true, false];
const TOLERANCE: f64 = 1e-5;

fn moments<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (
        mean,
        values.map(|v| (v - mean).powi(2)).sum::<f64>() / count,
    )
}

/// The loss of NCHW values, straight from its definition.
fn reference(shape: Shape, clean: &[bool], x: &[f64]) -> f64 {
    let area = shape.h * shape.w;
    let (mut between, mut total) = (0.0, 0.0);
    for c in 0..shape.c {
        let samples = || {
            let chosen = (0..shape.n).filter(|&n| clean[n]);
            chosen.map(|n| &x[(n * shape.c + c) * area..][..area])
        };
        let means: Vec<f64> = samples().map(|s| moments(s.iter()).0).collect();
        let deviations: Vec<f64> = samples().map(|s| moments(s.iter()).1.sqrt()).collect();
        between += moments(means.iter()).1 + moments(deviations.iter()).1;
        let all: Vec<f64> = samples().flatten().copied().collect();
        total += moments(all.iter()).1;
    }
    between / total
}

#[test]
fn contraction_agrees_with_f64() {
    for (shape, clean) in [(SHAPE, &CLEAN[..]), (Shape::new(4, 2, 5, 35), &[true; 4])] {
        let mut features = Activation::variable(random(shape, &mut Rng::new(1)));
        let point = wide(&features.value().to_nchw());
        let loss = |x: &[f64]| 0.7 * reference(shape, clean, x);
        let want = finite_differences(&point, loss);
        for times in [1.0, 2.0] {
            let value = contraction(&mut features, clean, 0.7);
            assert_close("contraction: value", &[value], &[loss(&point)], TOLERANCE);
            let want: Vec<f64> = want.iter().map(|d| d * times).collect();
            assert_close(
                "contraction: gradient",
                &gradient_of(&features),
                &want,
                TOLERANCE,
            );
        }
        let area = shape.h * shape.w * shape.c;
        for (gradient, &clean) in gradient_of(&features).chunks_exact(area).zip(clean) {
            assert_eq!(gradient.iter().any(|&d| d != 0.0), clean);
        }
    }
}

#[test]
fn equal_samples_cost_nothing_and_place_does_not_matter() {
    let shape = Shape::new(2, 4, 5, 3);
    let image = random(Shape::new(1, 4, 5, 3), &mut Rng::new(2)).to_nchw();
    let turned: Vec<f32> = image
        .chunks_exact(20)
        .flat_map(|c| c.iter().rev().copied())
        .collect();
    let values = [image, turned].concat();
    let mut features = Activation::variable(Tensor::from_nchw(shape, &values));
    assert!(contraction(&mut features, &[true; 2], 1.0) < 1e-12);
}

#[test]
fn samples_that_differ_only_as_wholes_cost_everything() {
    let shape = Shape::new(2, 3, 3, 1);
    let values = [[1.0; 9], [3.0; 9]].concat();
    let mut features = Activation::variable(Tensor::from_nchw(shape, &values));
    let value = contraction(&mut features, &[true; 2], 1.0);
    assert!((value - 1.0).abs() < 1e-6, "{value}");
    assert!(gradient_of(&features).iter().all(|d| d.is_finite()));
}

#[test]
fn too_few_or_constant_samples_give_nothing() {
    let mut features = Activation::variable(random(SHAPE, &mut Rng::new(3)));
    // A gradient that is forgotten must not come back.
    contraction(&mut features, &CLEAN, 1.0);
    features.value_mut();
    let one = [true, false, false, false, false];
    assert_eq!(contraction(&mut features, &one, 1.0), 0.0);
    assert_eq!(contraction(&mut features, &[false; 5], 1.0), 0.0);
    let mut silent = Activation::variable(Tensor::zeros(SHAPE));
    assert_eq!(contraction(&mut silent, &[true; 5], 1.0), 0.0);
    for activation in [&features, &silent] {
        assert!(gradient_of(activation).iter().all(|&d| d == 0.0));
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("contraction", || {
        let mut features =
            Activation::variable(random(Shape::new(5, 31, 33, 40), &mut Rng::new(4)));
        let value = contraction(&mut features, &CLEAN, 1.0);
        vec![vec![value], gradient_of(&features)]
    });
}
