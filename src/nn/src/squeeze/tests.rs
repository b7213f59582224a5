use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, seed_gradient, value_of, wide,
};
use crate::rng::Rng;
use crate::tensor::Tensor;

const SHAPES: [Shape; 3] = [
    Shape::new(2, 3, 5, 4),
    Shape::new(3, 4, 1, 35),
    Shape::new(1, 1, 1, 2),
];

/// One value per channel of each image, from NCHW values.
fn pooled(shape: Shape, x: &[f64], pool: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    x.chunks_exact(shape.h * shape.w).map(pool).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn check_pool(
    what: &str,
    forward: impl Fn(&Activation, &mut Activation),
    backward: impl Fn(&mut Activation, &mut Activation),
    pool: impl Fn(&[f64]) -> f64 + Copy,
) {
    for shape in SHAPES {
        let mut rng = Rng::new(shape.len() as u64);
        let (mut x, mut y) = (
            Activation::variable(random(shape, &mut rng)),
            Activation::new(),
        );
        forward(&x, &mut y);
        let point = wide(&value_of(&x));
        let what = format!("{what} {shape:?}");
        assert_eq!(y.shape(), Shape::new(shape.n, 1, 1, shape.c));
        assert_close(
            &format!("{what}: y"),
            &value_of(&y),
            &pooled(shape, &point, pool),
            TOLERANCE,
        );
        let dy = random(y.shape(), &mut rng);
        let gradient = wide(&dy.to_nchw());
        let want = finite_differences(&point, |x| dot(&pooled(shape, x, pool), &gradient));
        for times in [1.0, 2.0] {
            seed_gradient(&mut y, &dy);
            backward(&mut x, &mut y);
            let want: Vec<f64> = want.iter().map(|d| d * times).collect();
            assert_close(&format!("{what}: dx"), &gradient_of(&x), &want, TOLERANCE);
        }
    }
}

#[test]
fn pools_agree_with_finite_differences() {
    check_pool("mean", global_mean, global_mean_backward, mean);
    check_pool("max", global_max, global_max_backward, largest);
}

#[test]
fn negative_maxima_do_not_see_padding_and_the_first_of_equals_gets_the_gradient() {
    let shape = Shape::new(1, 2, 2, 1);
    let values = Tensor::from_nchw(shape, &[-3.0, -2.0, -2.0, -5.0]);
    let (mut x, mut y) = (Activation::variable(values), Activation::new());
    global_max(&x, &mut y);
    assert_eq!(value_of(&y), [-2.0]);
    seed_gradient(&mut y, &Tensor::from_nchw(Shape::new(1, 1, 1, 1), &[7.0]));
    global_max_backward(&mut x, &mut y);
    assert_eq!(gradient_of(&x), [0.0, 7.0, 0.0, 0.0]);
}

#[test]
fn scaled_channels_agree_with_finite_differences() {
    for shape in SHAPES {
        let mut rng = Rng::new(shape.len() as u64);
        let mut x = Activation::variable(random(shape, &mut rng));
        let mut gate = Activation::variable(random(vector_shape(shape), &mut rng));
        let mut y = Activation::new();
        scale_channels(&x, &gate, &mut y);
        let area = shape.h * shape.w;
        let reference = |x: &[f64], gate: &[f64]| -> Vec<f64> {
            x.iter()
                .enumerate()
                .map(|(i, x)| x * gate[i / area])
                .collect()
        };
        let (point, factors) = (wide(&value_of(&x)), wide(&value_of(&gate)));
        let what = format!("scaled channels {shape:?}");
        assert_close(
            &format!("{what}: y"),
            &value_of(&y),
            &reference(&point, &factors),
            TOLERANCE,
        );
        let dy = random(shape, &mut rng);
        let gradient = wide(&dy.to_nchw());
        let want_dx = finite_differences(&point, |x| dot(&reference(x, &factors), &gradient));
        let want_dg = finite_differences(&factors, |g| dot(&reference(&point, g), &gradient));
        for times in [1.0, 2.0] {
            seed_gradient(&mut y, &dy);
            scale_channels_backward(&mut x, &mut gate, &mut y);
            let scaled = |want: &[f64]| want.iter().map(|d| d * times).collect::<Vec<_>>();
            assert_close(
                &format!("{what}: dx"),
                &gradient_of(&x),
                &scaled(&want_dx),
                TOLERANCE,
            );
            assert_close(
                &format!("{what}: dgate"),
                &gradient_of(&gate),
                &scaled(&want_dg),
                TOLERANCE,
            );
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("squeeze", || {
        let (shape, mut rng) = (Shape::new(5, 33, 31, 16), Rng::new(1));
        let mut x = Activation::variable(random(shape, &mut rng));
        let [mut mean, mut max, mut y] = std::array::from_fn(|_| Activation::new());
        global_mean(&x, &mut mean);
        global_max(&x, &mut max);
        scale_channels(&x, &mean, &mut y);
        seed_gradient(&mut y, &random(shape, &mut rng));
        seed_gradient(&mut max, &random(vector_shape(shape), &mut rng));
        scale_channels_backward(&mut x, &mut mean, &mut y);
        global_max_backward(&mut x, &mut max);
        global_mean_backward(&mut x, &mut mean);
        vec![value_of(&y), gradient_of(&x), gradient_of(&mean)]
    });
}

#[test]
#[should_panic(expected = "factors of channels")]
fn a_gate_of_another_batch_is_refused() {
    let zeros = |shape| Activation::constant(Tensor::zeros(shape));
    let (x, gate) = (zeros(Shape::new(2, 3, 3, 4)), zeros(Shape::new(1, 1, 1, 4)));
    scale_channels(&x, &gate, &mut Activation::new());
}
