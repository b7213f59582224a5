use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, seed_gradient, value_of, wide,
};
use crate::rng::Rng;

const SHAPE: Shape = Shape::new(2, 3, 5, 4);

fn variable(c: usize, seed: u64) -> Activation {
    Activation::variable(random(SHAPE.with_channels(c), &mut Rng::new(seed)))
}

#[test]
fn concatenation_keeps_order_and_splits_gradients() {
    let (mut a, mut b, mut y) = (variable(3, 1), variable(5, 2), Activation::new());
    concat(&[&a, &b], &mut y);
    let value = value_of(&y);
    let (size_a, size_b) = (3 * 15, 5 * 15);
    for n in 0..2 {
        let sample = &value[n * (size_a + size_b)..(n + 1) * (size_a + size_b)];
        assert_eq!(sample[..size_a], value_of(&a)[n * size_a..(n + 1) * size_a]);
        assert_eq!(sample[size_a..], value_of(&b)[n * size_b..(n + 1) * size_b]);
    }
    let dy = random(y.shape(), &mut Rng::new(3));
    for times in [1.0, 2.0] {
        seed_gradient(&mut y, &dy);
        concat_backward(&mut [&mut a, &mut b], &mut y);
        let want = dy.to_nchw();
        let (got_a, got_b) = (gradient_of(&a), gradient_of(&b));
        for n in 0..2 {
            let sample = &want[n * (size_a + size_b)..(n + 1) * (size_a + size_b)];
            let got = got_a[n * size_a..(n + 1) * size_a]
                .iter()
                .chain(&got_b[n * size_b..(n + 1) * size_b]);
            assert!(got.zip(sample).all(|(got, want)| *got == times * want));
        }
    }
}

#[test]
fn sums_and_their_gradients() {
    let (mut a, mut b, mut y) = (variable(4, 1), variable(4, 2), Activation::new());
    add(&a, &b, &mut y);
    let want: Vec<f32> = value_of(&a)
        .iter()
        .zip(value_of(&b))
        .map(|(a, b)| a + b)
        .collect();
    assert_eq!(value_of(&y), want);
    let dy = random(SHAPE, &mut Rng::new(3));
    seed_gradient(&mut y, &dy);
    seed_gradient(&mut b, &dy);
    add_backward(&mut a, &mut b, &mut y);
    assert_eq!(gradient_of(&a), dy.to_nchw());
    assert_eq!(
        gradient_of(&b),
        dy.to_nchw().iter().map(|d| 2.0 * d).collect::<Vec<_>>()
    );
}

#[test]
fn relu_passes_what_is_positive() {
    let (mut x, mut y) = (variable(4, 1), Activation::new());
    relu(&x, &mut y);
    assert_eq!(
        value_of(&y),
        value_of(&x).iter().map(|x| x.max(0.0)).collect::<Vec<_>>()
    );
    let dy = random(SHAPE, &mut Rng::new(3));
    seed_gradient(&mut y, &dy);
    relu_backward(&mut x, &mut y);
    let want: Vec<f32> = value_of(&x)
        .iter()
        .zip(dy.to_nchw())
        .map(|(&x, dy)| if x > 0.0 { dy } else { 0.0 })
        .collect();
    assert_eq!(gradient_of(&x), want);
}

#[test]
fn sigmoid_agrees_with_f64() {
    let (mut x, mut y) = (variable(4, 1), Activation::new());
    sigmoid(&x, &mut y);
    let point = wide(&value_of(&x));
    let reference = |x: &[f64]| {
        x.iter()
            .map(|x| 1.0 / (1.0 + (-x).exp()))
            .collect::<Vec<_>>()
    };
    assert_close("sigmoid: y", &value_of(&y), &reference(&point), TOLERANCE);
    let dy = random(SHAPE, &mut Rng::new(3));
    let gradient = wide(&dy.to_nchw());
    let want = finite_differences(&point, |x| dot(&reference(x), &gradient));
    for times in [1.0, 2.0] {
        seed_gradient(&mut y, &dy);
        sigmoid_backward(&mut x, &mut y);
        let want: Vec<f64> = want.iter().map(|d| d * times).collect();
        assert_close("sigmoid: dx", &gradient_of(&x), &want, TOLERANCE);
    }
}

#[test]
fn sigmoid_saturates_without_overflow() {
    for (x, want) in [
        (0.0, 0.5),
        (1e4, 1.0),
        (-1e4, 0.0),
        (f32::MAX, 1.0),
        (-f32::MAX, 0.0),
    ] {
        assert_eq!(logistic(x), want, "at {x}");
    }
    assert_eq!(logistic(-30.0), (-30.0f32).exp());
}

#[test]
fn sigmoid_does_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("sigmoid", || {
        let shape = Shape::new(5, 33, 31, 8);
        let mut x = Activation::variable(random(shape, &mut Rng::new(1)));
        let mut y = Activation::new();
        sigmoid(&x, &mut y);
        seed_gradient(&mut y, &random(shape, &mut Rng::new(2)));
        sigmoid_backward(&mut x, &mut y);
        vec![value_of(&y), gradient_of(&x)]
    });
}

#[test]
fn an_output_that_nobody_read_passes_zeros_back() {
    let (mut a, mut b, mut y) = (variable(4, 1), variable(4, 2), Activation::new());
    for _ in 0..2 {
        add(&a, &b, &mut y);
        add_backward(&mut a, &mut b, &mut y);
        assert!(gradient_of(&a).iter().all(|&d| d == 0.0));
        // What is left in the buffer must not come back after the next forward pass.
        seed_gradient(&mut y, &random(SHAPE, &mut Rng::new(4)));
    }
}

#[test]
#[should_panic(expected = "terms of a sum")]
fn unequal_terms_are_refused() {
    add(&variable(4, 1), &variable(3, 1), &mut Activation::new());
}
