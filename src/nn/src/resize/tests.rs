use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, seed_gradient, value_of, wide,
};
use crate::rng::Rng;
use crate::tensor::Tensor;

/// Bilinear resampling of NCHW values as a sum over all pixels, with hat functions as weights.
fn reference(from: Shape, to: Shape, x: &[f64]) -> Vec<f64> {
    let hat = |place: usize, from: usize, to: usize, pixel: usize| {
        let position = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        (1.0 - (position.clamp(0.0, from as f64 - 1.0) - pixel as f64).abs()).max(0.0)
    };
    let value = |i: usize| {
        let (image, row, column) = (i / (to.h * to.w), i / to.w % to.h, i % to.w);
        let pixel = |p: usize| {
            let weight = hat(row, from.h, to.h, p / from.w) * hat(column, from.w, to.w, p % from.w);
            weight * x[image * from.h * from.w + p]
        };
        (0..from.h * from.w).map(pixel).sum()
    };
    (0..to.len()).map(value).collect()
}

fn check(from: Shape, size: [usize; 2]) {
    let what = format!("resize {from:?} to {size:?}");
    let mut rng = Rng::new(from.len() as u64);
    let (mut x, mut y) = (
        Activation::variable(random(from, &mut rng)),
        Activation::new(),
    );
    resize(&x, size, &mut y);
    let to = Shape::new(from.n, size[0], size[1], from.c);
    assert_eq!(y.shape(), to);
    let point = wide(&value_of(&x));
    let want = reference(from, to, &point);
    assert_close(&format!("{what}: y"), &value_of(&y), &want, TOLERANCE);

    let dy = random(to, &mut rng);
    let gradient = wide(&dy.to_nchw());
    let want = finite_differences(&point, |x| dot(&reference(from, to, x), &gradient));
    for times in [1.0, 2.0] {
        seed_gradient(&mut y, &dy);
        resize_backward(&mut x, &mut y);
        let want: Vec<f64> = want.iter().map(|d| d * times).collect();
        assert_close(&format!("{what}: dx"), &gradient_of(&x), &want, TOLERANCE);
        // <R x, y> = <x, R^T y>
        let (left, right) = (
            times * dot(&wide(&value_of(&y)), &gradient),
            dot(&point, &wide(&gradient_of(&x))),
        );
        let size = dot(&gradient, &gradient).sqrt() * dot(&point, &point).sqrt();
        assert!(
            (left - right).abs() < 1e-6 * size,
            "{what}: {left} and {right}"
        );
    }
}

#[test]
fn values_and_gradients_agree_with_f64_and_the_adjoint() {
    check(Shape::new(2, 7, 9, 3), [20, 13]);
    check(Shape::new(1, 7, 5, 2), [3, 4]);
    check(Shape::new(2, 4, 3, 1), [16, 12]);
    check(Shape::new(1, 5, 6, 19), [5, 6]);
    check(Shape::new(2, 1, 1, 2), [3, 5]);
    check(Shape::new(1, 3, 1, 1), [1, 4]);
}

#[test]
fn doubling_takes_quarters() {
    let x = Activation::constant(Tensor::from_nchw(Shape::new(1, 1, 3, 1), &[0.0, 4.0, 8.0]));
    let mut y = Activation::new();
    resize(&x, [1, 6], &mut y);
    assert_eq!(value_of(&y), [0.0, 1.0, 3.0, 5.0, 7.0, 8.0]);
    resize(&x, [2, 3], &mut y);
    assert_eq!(value_of(&y), [0.0, 4.0, 8.0, 0.0, 4.0, 8.0]);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("resize", || {
        let mut rng = Rng::new(1);
        let mut x = Activation::variable(random(Shape::new(5, 16, 15, 8), &mut rng));
        let mut y = Activation::new();
        resize(&x, [61, 64], &mut y);
        let dy = random(y.shape(), &mut rng);
        seed_gradient(&mut y, &dy);
        resize_backward(&mut x, &mut y);
        vec![value_of(&y), gradient_of(&x)]
    });
}
