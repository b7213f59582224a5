use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, seed_gradient, value_of, wide,
};
use crate::rng::Rng;

/// Queries, keys, values and the gradient of the output.
fn case(shape: Shape, outer: usize, seed: u64) -> [Activation; 4] {
    let mut rng = Rng::new(seed);
    [shape.c, shape.c, outer, outer]
        .map(|c| Activation::variable(random(shape.with_channels(c), &mut rng)))
}

/// Attention of NCHW values, straight from its definition.
fn reference(shape: Shape, outer: usize, [q, k, v]: &[Vec<f64>; 3]) -> Vec<f64> {
    let area = shape.h * shape.w;
    let mut y = vec![0.0; shape.n * outer * area];
    for n in 0..shape.n {
        let at = |values: &[f64], c: usize, channels: usize, p: usize| {
            values[(n * channels + c) * area + p]
        };
        for i in 0..area {
            let weight = |j: usize| {
                let product = |c| at(q, c, shape.c, i) * at(k, c, shape.c, j);
                ((0..shape.c).map(product).sum::<f64>() / (shape.c as f64).sqrt()).exp()
            };
            let total: f64 = (0..area).map(weight).sum();
            for j in 0..area {
                for c in 0..outer {
                    y[(n * outer + c) * area + i] += weight(j) / total * at(v, c, outer, j);
                }
            }
        }
    }
    y
}

fn check(shape: Shape, outer: usize) {
    let what = format!("{shape:?} -> {outer}");
    let [mut q, mut k, mut v, dy] = case(shape, outer, 3);
    let (mut attention, mut y) = (Attention::default(), Activation::new());
    attention.forward(&q, &k, &v, &mut y);
    let point = [&q, &k, &v].map(|x| wide(&value_of(x)));
    let want = reference(shape, outer, &point);
    assert_close(&format!("{what}: y"), &value_of(&y), &want, TOLERANCE);

    let gradient = wide(&value_of(&dy));
    let want: Vec<Vec<f64>> = (0..3)
        .map(|i| {
            let mut moved = point.clone();
            finite_differences(&point[i], |values| {
                moved[i].copy_from_slice(values);
                dot(&reference(shape, outer, &moved), &gradient)
            })
        })
        .collect();
    for times in [1.0, 2.0] {
        seed_gradient(&mut y, dy.value());
        attention.backward(&mut q, &mut k, &mut v, &mut y);
        for ((name, got), want) in [("dq", &q), ("dk", &k), ("dv", &v)].into_iter().zip(&want) {
            let want: Vec<f64> = want.iter().map(|d| d * times).collect();
            let what = format!("{what}: {name}");
            // The gradient of a softmax is a difference: f32 leaves more behind than in a plain sum.
            assert_close(&what, &gradient_of(got), &want, 3.0 * TOLERANCE);
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    check(Shape::new(2, 3, 5, 4), 4);
    check(Shape::new(1, 4, 3, 7), 3);
    check(Shape::new(3, 1, 2, 1), 2);
    check(Shape::new(2, 1, 1, 3), 5);
}

#[test]
fn equal_keys_give_the_mean_of_the_image_whatever_lies_beside_it() {
    let shape = Shape::new(2, 3, 5, 4);
    let [q, _, v, _] = case(shape, 4, 4);
    let k = Activation::constant(Tensor::zeros(shape));
    let mut y = Activation::new();
    Attention::default().forward(&q, &k, &v, &mut y);
    let (values, outputs) = (value_of(&v), value_of(&y));
    for (values, outputs) in values.chunks_exact(15).zip(outputs.chunks_exact(15)) {
        let mean = values.iter().sum::<f32>() / 15.0;
        assert!(outputs.iter().all(|y| (y - mean).abs() < 1e-6));
    }
}

#[test]
fn large_products_choose_one_pixel_and_do_not_overflow() {
    let shape = Shape::new(1, 1, 3, 1);
    let tensor = |values: [f32; 3]| Activation::constant(Tensor::from_nchw(shape, &values));
    let (q, k) = (tensor([1e3, -1e3, 1e3]), tensor([-1e3, 0.0, 1e3]));
    let v = tensor([5.0, 6.0, 7.0]);
    let mut y = Activation::new();
    Attention::default().forward(&q, &k, &v, &mut y);
    assert_eq!(value_of(&y), [7.0, 5.0, 7.0]);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("attention", || {
        let [mut q, mut k, mut v, dy] = case(Shape::new(3, 16, 15, 64), 64, 5);
        let (mut attention, mut y) = (Attention::default(), Activation::new());
        attention.forward(&q, &k, &v, &mut y);
        seed_gradient(&mut y, dy.value());
        attention.backward(&mut q, &mut k, &mut v, &mut y);
        let mut arrays = [&q, &k, &v].map(gradient_of).to_vec();
        arrays.push(value_of(&y));
        arrays
    });
}

#[test]
fn constants_get_no_gradient() {
    let [q, mut k, v, dy] = case(Shape::new(1, 2, 3, 2), 2, 6);
    let [mut q, mut v] = [q, v].map(|x| Activation::constant(x.value().clone()));
    let (mut attention, mut y) = (Attention::default(), Activation::new());
    attention.forward(&q, &k, &v, &mut y);
    seed_gradient(&mut y, dy.value());
    attention.backward(&mut q, &mut k, &mut v, &mut y);
    assert!(q.grad().is_none() && v.grad().is_none());
    assert!(gradient_of(&k).iter().any(|&d| d != 0.0));
}
