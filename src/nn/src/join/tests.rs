use super::*;
use crate::reference::{gradient_of, random, seed_gradient, value_of};
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
