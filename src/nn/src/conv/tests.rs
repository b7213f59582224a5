use super::*;
use crate::reference::{
    TOLERANCE, assert_close, conv_links, gradient_of, random, random_values, seed_gradient,
    value_of, wide,
};

/// Forward and both gradients against f64 loops; a second backward pass must double all gradients.
fn check(kernel: Kernel, from: Shape, outputs: usize) {
    let what = format!("{kernel:?} {from:?} -> {outputs}");
    let mut rng = Rng::new(from.len() as u64);
    let to = kernel.output_shape(from, outputs);
    let (input, dy) = (random(from, &mut rng), random(to, &mut rng));
    let mut layer = Conv::new(kernel, from.c, outputs, &mut rng).with_bias();
    let bias = random_values(outputs, &mut rng);
    layer.bias_mut().unwrap().copy_from_slice(&bias);

    let mut x = Activation::variable(input.clone());
    let mut y = Activation::new();
    layer.forward(&x, &mut y);

    let (values, weight, gradient) = (
        wide(&input.to_nchw()),
        wide(&layer.weight_onnx()),
        wide(&dy.to_nchw()),
    );
    let (mut want_y, mut want_dx, mut want_dw) = (
        vec![0.0; to.len()],
        vec![0.0; from.len()],
        vec![0.0; weight.len()],
    );
    conv_links(kernel, from, to, |i, o, w| {
        want_y[o] += values[i] * weight[w];
        want_dx[i] += gradient[o] * weight[w];
        want_dw[w] += gradient[o] * values[i];
    });
    let area = to.h * to.w;
    want_y
        .iter_mut()
        .enumerate()
        .for_each(|(i, y)| *y += f64::from(bias[i / area % outputs]));
    let want_db: Vec<f64> = (0..outputs)
        .map(|c| {
            (0..to.n)
                .map(|n| {
                    gradient[(n * outputs + c) * area..][..area]
                        .iter()
                        .sum::<f64>()
                })
                .sum()
        })
        .collect();
    assert_close(&format!("{what}: y"), &value_of(&y), &want_y, TOLERANCE);

    for times in [1.0, 2.0] {
        seed_gradient(&mut y, &dy);
        layer.backward(&mut x, &mut y);
        let scaled = |values: &[f64]| values.iter().map(|v| v * times).collect::<Vec<_>>();
        assert_close(
            &format!("{what}: dx"),
            &gradient_of(&x),
            &scaled(&want_dx),
            TOLERANCE,
        );
        assert_close(
            &format!("{what}: dw"),
            &layer.weight_gradient_onnx(),
            &scaled(&want_dw),
            TOLERANCE,
        );
        assert_close(
            &format!("{what}: db"),
            layer.bias.as_ref().unwrap().grad(),
            &scaled(&want_db),
            TOLERANCE,
        );
    }
}

#[test]
fn kernels_agree_with_f64_loops_at_even_and_odd_sizes() {
    use Kernel::*;
    for kernel in [K1x1, K1x1Stride2, K3x3, K3x3Stride2, Up2x2] {
        check(kernel, Shape::new(2, 8, 8, 3), 5);
        check(kernel, Shape::new(1, 7, 4, 2), 33);
        check(kernel, Shape::new(3, 4, 9, 6), 4);
        check(kernel, Shape::new(2, 5, 5, 64), 40);
        check(kernel, Shape::new(2, 1, 1, 4), 3);
        check(kernel, Shape::new(1, 1, 6, 1), 1);
    }
}

#[test]
fn sums_split_into_parts_agree_with_f64_loops() {
    check(Kernel::K3x3, Shape::new(3, 61, 67, 2), 3);
    check(Kernel::K1x1, Shape::new(3, 61, 67, 2), 3);
    check(Kernel::K3x3Stride2, Shape::new(3, 61, 67, 2), 3);
    check(Kernel::Up2x2, Shape::new(3, 35, 33, 3), 2);
}

#[test]
fn onnx_order_round_trips() {
    for kernel in [Kernel::K3x3, Kernel::Up2x2, Kernel::K1x1] {
        let mut layer = Conv::new(kernel, 3, 5, &mut Rng::new(4));
        let shape = layer.weight_onnx_shape();
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|i| i as f32)
            .collect();
        layer.set_weight_onnx(&values);
        assert_eq!(layer.weight_onnx(), values);
    }
}

#[test]
fn weights_have_the_variance_of_their_fan_out() {
    let layer = Conv::new(Kernel::K3x3, 64, 32, &mut Rng::new(5));
    let square =
        layer.weight.value.iter().map(|w| w * w).sum::<f32>() / layer.weight.value.len() as f32;
    assert!((square * (32.0 * 9.0) / 2.0 - 1.0).abs() < 0.05, "{square}");
}

#[test]
fn constants_get_no_gradient() {
    let mut rng = Rng::new(6);
    let mut layer = Conv::new(Kernel::K3x3, 2, 2, &mut rng);
    let mut x = Activation::constant(random(Shape::new(1, 3, 3, 2), &mut rng));
    let mut y = Activation::new();
    layer.forward(&x, &mut y);
    let dy = random(y.shape(), &mut rng);
    seed_gradient(&mut y, &dy);
    layer.backward(&mut x, &mut y);
    assert!(x.grad().is_none());
    assert!(layer.weight.grad.iter().any(|&g| g != 0.0));
}
