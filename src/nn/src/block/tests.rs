use super::*;
use crate::reference::{
    TOLERANCE, assert_close, channel_moments, conv, dot, finite_differences, gradient_of,
    normalise, random, random_values, seed_gradient, value_of, wide,
};
use crate::tensor::Shape;

/// A block with random parameters, its input, skip and output gradient, and the same in f64.
struct Case {
    block: ConvNorm,
    from: Shape,
    to: Shape,
    x: Activation,
    skip: Option<Activation>,
    y: Activation,
    dy: Tensor,
}

impl Case {
    fn new(
        kernel: Kernel,
        from: Shape,
        outputs: usize,
        rectifier: Rectifier,
        with_skip: bool,
    ) -> Self {
        let mut rng = Rng::new(from.len() as u64 + outputs as u64);
        let to = kernel.output_shape(from, outputs);
        let mut block = ConvNorm::new(kernel, from.c, outputs, rectifier, &mut rng);
        let (scale, shift) = block.norm.scale_and_shift_mut();
        scale.copy_from_slice(&random_values(outputs, &mut rng));
        shift.copy_from_slice(&random_values(outputs, &mut rng));
        Self {
            x: Activation::variable(random(from, &mut rng)),
            skip: with_skip.then(|| Activation::variable(random(to, &mut rng))),
            y: Activation::new(),
            dy: random(to, &mut rng),
            block,
            from,
            to,
        }
    }

    fn forward(&mut self, mode: Mode) {
        match &self.skip {
            None => self.block.forward(&self.x, &mut self.y, mode),
            Some(skip) => self.block.forward_add(&self.x, skip, &mut self.y, mode),
        }
    }

    /// Input, weight, scale, shift, skip.
    fn parameters(&mut self) -> [Vec<f64>; 5] {
        let weight = wide(&self.block.conv.weight_onnx());
        let (scale, shift) = self.block.norm.scale_and_shift_mut();
        let (scale, shift) = (wide(scale), wide(shift));
        let skip = self.skip.as_ref().map_or(vec![0.0; self.to.len()], |skip| {
            wide(&skip.value().to_nchw())
        });
        [wide(&self.x.value().to_nchw()), weight, scale, shift, skip]
    }

    fn reference(&self, [x, weight, scale, shift, skip]: &[Vec<f64>; 5]) -> Vec<f64> {
        let product = conv(self.block.conv.kernel(), self.from, self.to, x, weight);
        let moments = channel_moments(self.to, &product);
        let mut y = normalise(self.to, &product, &moments, scale, shift);
        y.iter_mut().zip(skip).for_each(|(y, skip)| *y += skip);
        if self.block.rectifier == Rectifier::Relu {
            y.iter_mut().for_each(|y| *y = y.max(0.0));
        }
        y
    }
}

fn check(kernel: Kernel, from: Shape, outputs: usize, rectifier: Rectifier, with_skip: bool) {
    let what = format!("{kernel:?} {from:?} -> {outputs}, {rectifier:?}, skip {with_skip}");
    let mut case = Case::new(kernel, from, outputs, rectifier, with_skip);
    let parameters = case.parameters();
    case.forward(Mode::Train);
    assert_close(
        &format!("{what}: y"),
        &value_of(&case.y),
        &case.reference(&parameters),
        TOLERANCE,
    );

    seed_gradient(&mut case.y, &case.dy.clone());
    match &mut case.skip {
        None => case.block.backward(&mut case.x, &mut case.y),
        Some(skip) => case.block.backward_add(&mut case.x, skip, &mut case.y),
    }
    let dy = wide(&case.dy.to_nchw());
    let mut gradients = Vec::new();
    case.block.visit("", &mut |name, entry| {
        if let Entry::Trained(param) = entry {
            gradients.push((name.to_owned(), param.grad().to_vec()));
        }
    });
    assert_eq!(
        gradients
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["conv.weight", "norm.weight", "norm.bias"]
    );
    let mut got = vec![gradient_of(&case.x), case.block.conv.weight_gradient_onnx()];
    got.extend(gradients.drain(1..).map(|(_, gradient)| gradient));
    got.extend(case.skip.as_ref().map(gradient_of));
    for (i, got) in got.iter().enumerate() {
        let mut point = parameters.clone();
        let want = finite_differences(&parameters[i], |values| {
            point[i].copy_from_slice(values);
            dot(&case.reference(&point), &dy)
        });
        let name = ["dx", "dw", "dscale", "dshift", "dskip"][i];
        // Normalisation cancels most of the gradient: f32 leaves more behind than in a plain sum.
        assert_close(&format!("{what}: {name}"), got, &want, 3.0 * TOLERANCE);
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for rectifier in [Rectifier::Linear, Rectifier::Relu] {
        for with_skip in [false, true] {
            check(
                Kernel::K3x3,
                Shape::new(2, 3, 4, 2),
                3,
                rectifier,
                with_skip,
            );
            check(
                Kernel::K1x1,
                Shape::new(2, 3, 3, 2),
                35,
                rectifier,
                with_skip,
            );
            check(
                Kernel::Up2x2,
                Shape::new(2, 2, 3, 3),
                4,
                rectifier,
                with_skip,
            );
            check(
                Kernel::K3x3Stride2,
                Shape::new(2, 5, 3, 2),
                3,
                rectifier,
                with_skip,
            );
            check(
                Kernel::K1x1Stride2,
                Shape::new(3, 3, 5, 3),
                2,
                rectifier,
                with_skip,
            );
        }
    }
}

#[test]
fn statistics_survive_a_large_mean() {
    // Sums of squares would lose everything here; merged deviations keep it.
    let mut rng = Rng::new(12);
    let shape = Shape::new(2, 16, 16, 40);
    let mut block = ConvNorm::new(Kernel::K1x1, 40, 40, Rectifier::Linear, &mut rng);
    let identity: Vec<f32> = (0..1600)
        .map(|i| if i / 40 == i % 40 { 1.0 } else { 0.0 })
        .collect();
    block.conv.set_weight_onnx(&identity);
    let values: Vec<f32> = random_values(shape.len(), &mut rng)
        .iter()
        .map(|v| 1000.0 + v)
        .collect();
    let x = Activation::constant(Tensor::from_nchw(shape, &values));
    let mut y = Activation::new();
    block.forward(&x, &mut y, Mode::Train);
    let moments = channel_moments(shape, &wide(&values));
    let want = normalise(shape, &wide(&values), &moments, &[1.0; 40], &[0.0; 40]);
    assert_close("y", &value_of(&y), &want, 1e-4);
}

#[test]
fn running_statistics_move_by_a_tenth_and_evaluation_uses_them() {
    for with_skip in [false, true] {
        let mut case = Case::new(
            Kernel::K3x3,
            Shape::new(2, 5, 4, 3),
            6,
            Rectifier::Relu,
            with_skip,
        );
        let [x, weight, scale, shift, skip] = case.parameters();
        case.forward(Mode::Train);
        let product = conv(Kernel::K3x3, case.from, case.to, &x, &weight);
        let count = case.to.pixels() as f64;
        let running: Vec<(f64, f64)> = channel_moments(case.to, &product)
            .iter()
            .map(|(mean, variance)| (0.1 * mean, 0.9 + 0.1 * variance * count / (count - 1.0)))
            .collect();
        let (mean, variance) = case.block.norm.running_mut();
        assert_close(
            "running mean",
            mean,
            &running.iter().map(|m| m.0).collect::<Vec<_>>(),
            TOLERANCE,
        );
        assert_close(
            "running variance",
            variance,
            &running.iter().map(|m| m.1).collect::<Vec<_>>(),
            TOLERANCE,
        );
        let before = variance.to_vec();
        case.forward(Mode::Evaluate);
        assert_eq!(
            case.block.norm.running_mut().1,
            before,
            "evaluation changes nothing"
        );
        let mut want = normalise(case.to, &product, &running, &scale, &shift);
        want.iter_mut()
            .zip(&skip)
            .for_each(|(y, skip)| *y = (*y + skip).max(0.0));
        assert_close("y", &value_of(&case.y), &want, TOLERANCE);
    }
}

#[test]
fn a_folded_block_is_the_block_in_evaluation() {
    for kernel in [Kernel::K3x3, Kernel::Up2x2, Kernel::K1x1Stride2] {
        let mut case = Case::new(kernel, Shape::new(2, 5, 4, 3), 7, Rectifier::Linear, false);
        (0..3).for_each(|_| case.forward(Mode::Train));
        case.forward(Mode::Evaluate);
        let folded = case.block.folded();
        let x = wide(&case.x.value().to_nchw());
        let mut want = conv(kernel, case.from, case.to, &x, &wide(&folded.weight));
        let area = case.to.h * case.to.w;
        want.iter_mut()
            .enumerate()
            .for_each(|(i, y)| *y += f64::from(folded.bias[i / area % 7]));
        assert_close(&format!("{kernel:?}"), &value_of(&case.y), &want, TOLERANCE);
    }
}
