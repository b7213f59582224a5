use super::*;
use crate::reference::{
    assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of, random, wide,
};
use crate::rng::Rng;

const TOLERANCE: f64 = 1e-5;

/// Cosines of all pairs of places of image `n`, from NCHW values.
fn cosines(shape: Shape, x: &[f64], n: usize) -> Vec<f64> {
    let (rows, columns) = (shape.h.min(16), shape.w.min(16));
    let block = |i: usize, size: usize, blocks: usize| i * size / blocks..(i + 1) * size / blocks;
    let place = |p: usize| -> Vec<f64> {
        let ys = block(p / columns, shape.h, rows);
        let xs = block(p % columns, shape.w, columns);
        let count = (ys.len() * xs.len()) as f64;
        let mean = |c: usize| {
            let row = |y: usize| &x[((n * shape.c + c) * shape.h + y) * shape.w..];
            let sums = ys
                .clone()
                .map(|y| xs.clone().map(|x| row(y)[x]).sum::<f64>());
            sums.sum::<f64>() / count
        };
        (0..shape.c).map(mean).collect()
    };
    let places: Vec<Vec<f64>> = (0..rows * columns).map(place).collect();
    let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let pairs = places
        .iter()
        .flat_map(|a| places.iter().map(move |b| cosine(a, b)));
    pairs.collect()
}

fn check(shape: Shape, target_channels: usize) {
    let mut rng = Rng::new(shape.len() as u64);
    let mut student = Activation::variable(random(shape, &mut rng));
    let target = random(shape.with_channels(target_channels), &mut rng);
    let point = wide(&student.value().to_nchw());
    let wanted: Vec<Vec<f64>> = (0..shape.n)
        .map(|n| cosines(target.shape(), &wide(&target.to_nchw()), n))
        .collect();
    let reference = |x: &[f64]| {
        let sample = |n: usize| {
            let own = cosines(shape, x, n);
            let squares = own.iter().zip(&wanted[n]).map(|(a, b)| (a - b).powi(2));
            squares.sum::<f64>() / own.len() as f64
        };
        0.7 * (0..shape.n).map(sample).sum::<f64>() / shape.n as f64
    };
    let want = finite_differences(&point, reference);
    for times in [1.0, 2.0] {
        let value = affinity(&mut student, &target, 0.7);
        assert_close("affinity: value", &[value], &[reference(&point)], TOLERANCE);
        let want: Vec<f64> = want.iter().map(|d| d * times).collect();
        assert_close(
            "affinity: gradient",
            &gradient_of(&student),
            &want,
            TOLERANCE,
        );
    }
}

#[test]
fn affinity_agrees_with_f64() {
    check(Shape::new(2, 3, 5, 4), 4);
    check(Shape::new(1, 4, 3, 19), 3);
    check(Shape::new(1, 19, 2, 2), 2);
    check(Shape::new(1, 2, 33, 2), 2);
}

#[test]
fn only_relations_count() {
    // The same features with channels exchanged and every pixel's length changed: all cosines stay.
    let shape = Shape::new(1, 4, 5, 3);
    let mut rng = Rng::new(1);
    let target = random(shape, &mut rng);
    let values = target.to_nhwc();
    let turned: Vec<f32> = values
        .chunks_exact(3)
        .flat_map(|p| {
            let length = rng.uniform_in(0.5, 2.0);
            [p[2], -p[0], p[1]].map(|v| v * length)
        })
        .collect();
    let mut student = Activation::variable(Tensor::from_nhwc(shape, &turned));
    assert!(affinity(&mut student, &target, 1.0) < 1e-12);
}

#[test]
fn opposite_relations_cost_their_square() {
    // Two pixels: alike for the teacher, opposite for the student. Half of the pairs differ by 2.
    let shape = Shape::new(1, 1, 2, 1);
    let mut student = Activation::variable(Tensor::from_nchw(shape, &[2.0, -3.0]));
    let target = Tensor::from_nchw(shape, &[1.0, 5.0]);
    assert!((affinity(&mut student, &target, 1.0) - 2.0).abs() < 1e-6);
    let mut silent = Activation::variable(Tensor::zeros(shape));
    assert!(affinity(&mut silent, &target, 1.0).is_finite());
    assert!(gradient_of(&silent).iter().all(|d| d.is_finite()));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("affinity", || {
        let (shape, mut rng) = (Shape::new(3, 31, 33, 40), Rng::new(4));
        let mut student = Activation::variable(random(shape, &mut rng));
        let value = affinity(&mut student, &random(shape, &mut rng), 1.0);
        vec![vec![value], gradient_of(&student)]
    });
}
