use super::*;
use crate::reference::{
    TOLERANCE, assert_close, assert_same_with_any_threads, dot, finite_differences, gradient_of,
    random, random_values, seed_gradient, value_of, wide,
};
use crate::tensor::Shape;

/// The convolution of NCHW values with ONNX weights, straight from its definition.
fn reference(shape: Shape, dilation: usize, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let Shape { n, h, w, c } = shape;
    let mut y = vec![0.0; shape.len()];
    for image in 0..n * c {
        for row in 0..h {
            for column in 0..w {
                let mut sum = bias[image % c];
                for tap in 0..TAPS {
                    let from_row = (row + tap / 3 * dilation).wrapping_sub(dilation);
                    let from_column = (column + tap % 3 * dilation).wrapping_sub(dilation);
                    if from_row < h && from_column < w {
                        let value = x[(image * h + from_row) * w + from_column];
                        sum += weight[image % c * TAPS + tap] * value;
                    }
                }
                y[(image * h + row) * w + column] = sum;
            }
        }
    }
    y
}

/// A layer with random weights and bias, input and output gradient.
fn case(shape: Shape, dilation: usize) -> (Depthwise, Activation, Tensor) {
    let mut rng = Rng::new((shape.len() + dilation) as u64);
    let mut layer = Depthwise::new(shape.c, dilation, &mut rng).with_bias();
    let bias = random_values(shape.c, &mut rng);
    layer.bias_mut().unwrap().copy_from_slice(&bias);
    let x = Activation::variable(random(shape, &mut rng));
    (layer, x, random(shape, &mut rng))
}

/// Forward against the definition, gradients against finite differences; a second pass must double them.
fn check(shape: Shape, dilation: usize) {
    let what = format!("{shape:?}, dilation {dilation}");
    let (mut layer, mut x, dy) = case(shape, dilation);
    let mut y = Activation::new();
    layer.forward(&x, &mut y);
    let point = [
        wide(&x.value().to_nchw()),
        wide(&layer.weight_onnx()),
        wide(layer.bias().unwrap()),
    ];
    let want = reference(shape, dilation, &point[0], &point[1], &point[2]);
    assert_close(&format!("{what}: y"), &value_of(&y), &want, TOLERANCE);

    let gradient = wide(&dy.to_nchw());
    let want: Vec<Vec<f64>> = (0..3)
        .map(|i| {
            let mut moved = point.clone();
            finite_differences(&point[i], |values| {
                moved[i].copy_from_slice(values);
                dot(
                    &reference(shape, dilation, &moved[0], &moved[1], &moved[2]),
                    &gradient,
                )
            })
        })
        .collect();
    for times in [1.0, 2.0] {
        seed_gradient(&mut y, &dy);
        layer.backward(&mut x, &mut y);
        let got = [
            gradient_of(&x),
            layer.weight_gradient_onnx(),
            layer.bias.as_ref().unwrap().grad().to_vec(),
        ];
        for ((name, got), want) in ["dx", "dw", "db"].iter().zip(&got).zip(&want) {
            let want: Vec<f64> = want.iter().map(|v| v * times).collect();
            assert_close(&format!("{what}: {name}"), got, &want, TOLERANCE);
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for dilation in [1, 2] {
        check(Shape::new(2, 5, 7, 3), dilation);
        check(Shape::new(1, 3, 4, 35), dilation);
        check(Shape::new(3, 1, 6, 2), dilation);
        check(Shape::new(2, 6, 1, 1), dilation);
        check(Shape::new(1, 2, 2, 4), dilation);
    }
}

#[test]
fn a_single_tap_shifts_the_image_by_the_dilation() {
    let shape = Shape::new(1, 4, 5, 2);
    let mut layer = Depthwise::new(2, 2, &mut Rng::new(1));
    let mut weight = vec![0.0; 18];
    // Channel 0 reads two rows above, channel 1 two columns to the right.
    (weight[1], weight[TAPS + 5]) = (1.0, 1.0);
    layer.set_weight_onnx(&weight);
    assert_eq!(layer.weight_onnx(), weight);
    let values: Vec<f32> = (1..=40).map(|i| i as f32).collect();
    let x = Activation::constant(Tensor::from_nchw(shape, &values));
    let mut y = Activation::new();
    layer.forward(&x, &mut y);
    let mut want = vec![0.0; 10];
    want.extend_from_slice(&values[..10]);
    for row in values[20..].chunks_exact(5) {
        want.extend_from_slice(&[row[2], row[3], row[4], 0.0, 0.0]);
    }
    assert_eq!(value_of(&y), want);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    assert_same_with_any_threads("depthwise", || {
        let (mut layer, mut x, dy) = case(Shape::new(5, 33, 31, 16), 2);
        let mut y = Activation::new();
        layer.forward(&x, &mut y);
        seed_gradient(&mut y, &dy);
        layer.backward(&mut x, &mut y);
        vec![value_of(&y), gradient_of(&x), layer.weight_gradient_onnx()]
    });
}

#[test]
fn constants_get_no_gradient() {
    let (mut layer, x, dy) = case(Shape::new(1, 3, 4, 2), 1);
    let (mut x, mut y) = (Activation::constant(x.value().clone()), Activation::new());
    layer.forward(&x, &mut y);
    seed_gradient(&mut y, &dy);
    layer.backward(&mut x, &mut y);
    assert!(x.grad().is_none());
    assert!(layer.weight.grad.iter().any(|&g| g != 0.0));
}
