//! The two modules that most operators are for, small: a refinement of features between teacher and student, and the
//! fusion of two sources of evidence. Their backward passes as wholes, and equal bits at any number of threads.

use twinspect_nn::*;

/// A network with its data: one pass forward and backward gives the loss.
trait Pass: Parameters {
    fn pass(&mut self) -> f32;
}

fn random(shape: Shape, rng: &mut Rng) -> Tensor {
    let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
    Tensor::from_nchw(shape, &values)
}

fn acts<const N: usize>() -> [Activation; N] {
    std::array::from_fn(|_| Activation::new())
}

/// Projection to fewer channels, attention, projection back: no skip from input to output.
struct Refinement {
    narrow: ConvNorm,
    middle: ConvNorm,
    query: Conv,
    key: Conv,
    value: Conv,
    attention: Attention,
    gate: GatedAdd,
    widen: Conv,
    input: Activation,
    clean_features: Tensor,
    label: Tensor,
}

impl Refinement {
    fn new(seed: u64) -> Self {
        use Kernel::*;
        use Rectifier::*;
        let mut rng = Rng::new(seed);
        let shape = Shape::new(4, 17, 14, 12);
        let label: Vec<f32> = (0..shape.pixels())
            .map(|i| f32::from(u8::from(i % 7 == 0)))
            .collect();
        let mut gate = GatedAdd::new();
        gate.set_gamma(0.4);
        Self {
            narrow: ConvNorm::new(K1x1, 12, 6, Relu, &mut rng),
            middle: ConvNorm::new(K3x3, 6, 6, Relu, &mut rng),
            query: Conv::new(K1x1, 6, 6, &mut rng),
            key: Conv::new(K1x1, 6, 6, &mut rng),
            value: Conv::new(K1x1, 6, 6, &mut rng),
            attention: Attention::default(),
            gate,
            widen: Conv::new(K1x1, 6, 12, &mut rng).with_bias(),
            input: Activation::constant(random(shape, &mut rng)),
            clean_features: random(shape, &mut rng),
            label: Tensor::from_nchw(shape.with_channels(1), &label),
        }
    }
}

impl Pass for Refinement {
    fn pass(&mut self) -> f32 {
        let [
            mut narrow,
            mut middle,
            mut q,
            mut k,
            mut v,
            mut mixed,
            mut joined,
            mut refined,
        ] = acts();
        let [mut distance, mut map] = acts();
        let target = &self.clean_features;
        self.narrow.forward(&self.input, &mut narrow, Mode::Train);
        self.middle.forward(&narrow, &mut middle, Mode::Train);
        self.query.forward(&middle, &mut q);
        self.key.forward(&middle, &mut k);
        self.value.forward(&middle, &mut v);
        self.attention.forward(&q, &k, &v, &mut mixed);
        self.gate.forward(&middle, &mixed, &mut joined);
        self.widen.forward(&joined, &mut refined);
        loss::feature_distance(&refined, target, &mut distance);
        resize(&distance, [17, 14], &mut map);

        let weights = self
            .label
            .to_nchw()
            .iter()
            .map(|y| 1.0 + 4.0 * y)
            .collect::<Vec<_>>();
        let weights = Tensor::from_nchw(self.label.shape(), &weights);
        let clean = [true, true, false, true];
        let loss = loss::flat_cosine(&mut refined, target, None, 1.0)
            + loss::weighted_distance(&mut refined, target, &weights, 0.5)
            + loss::contraction(&mut refined, &clean, 0.5)
            + loss::affinity(&mut refined, target, 0.5)
            + loss::pixel_hinge(&mut map, &self.label, None, 0.5);

        resize_backward(&mut distance, &mut map);
        loss::feature_distance_backward(&mut refined, target, &mut distance);
        self.widen.backward(&mut joined, &mut refined);
        self.gate.backward(&mut middle, &mut mixed, &mut joined);
        self.attention.backward(&mut q, &mut k, &mut v, &mut mixed);
        self.value.backward(&mut middle, &mut v);
        self.key.backward(&mut middle, &mut k);
        self.query.backward(&mut middle, &mut q);
        self.middle.backward(&mut narrow, &mut middle);
        self.narrow.backward(&mut self.input, &mut narrow);
        for act in [
            &narrow, &middle, &q, &k, &v, &mixed, &joined, &refined, &distance, &map,
        ] {
            assert!(act.value().padding_is_zero());
            assert!(act.grad().is_some_and(Tensor::padding_is_zero));
        }
        loss
    }
}

impl Parameters for Refinement {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.narrow.visit(&scoped(prefix, "narrow"), visitor);
        self.middle.visit(&scoped(prefix, "middle"), visitor);
        self.query.visit(&scoped(prefix, "query"), visitor);
        self.key.visit(&scoped(prefix, "key"), visitor);
        self.value.visit(&scoped(prefix, "value"), visitor);
        self.gate.visit(&scoped(prefix, "gate"), visitor);
        self.widen.visit(&scoped(prefix, "widen"), visitor);
    }
}

/// Squeeze and excitation, two depthwise-separable convolutions, a convex gate; slope and offset of the loss's logit.
struct Fusion {
    stem: Conv,
    squeeze: Conv,
    excite: Conv,
    depthwise: [Depthwise; 2],
    pointwise: [Conv; 2],
    head: Conv,
    logit: Conv,
    input: Activation,
    evidence: [Tensor; 3],
    label: Tensor,
}

impl Fusion {
    fn new(seed: u64) -> Self {
        use Kernel::K1x1;
        let mut rng = Rng::new(seed);
        let shape = Shape::new(3, 15, 13, 1);
        let mut binary = |every: usize| {
            let values: Vec<f32> = (0..shape.len())
                .map(|_| f32::from(u8::from(rng.below(every) > 0)))
                .collect();
            Tensor::from_nchw(shape, &values)
        };
        let (valid, label) = (binary(8), binary(2));
        let mut conv = |inputs, outputs| Conv::new(K1x1, inputs, outputs, &mut rng).with_bias();
        let (stem, squeeze, excite) = (conv(10, 16), conv(32, 8), conv(8, 16));
        let (pointwise, head, logit) = ([conv(16, 16), conv(16, 16)], conv(16, 2), conv(1, 1));
        let depthwise = [1, 2].map(|dilation| Depthwise::new(16, dilation, &mut rng).with_bias());
        Self {
            stem,
            squeeze,
            excite,
            depthwise,
            pointwise,
            head,
            logit,
            input: Activation::constant(random(shape.with_channels(10), &mut rng)),
            evidence: [random(shape, &mut rng), random(shape, &mut rng), valid],
            label,
        }
    }
}

impl Fusion {
    fn spatial_backward(&mut self, i: usize, trunk: &mut Activation, acts: &mut [Activation; 3]) {
        let [depthwise, pointwise, out] = acts;
        relu_backward(pointwise, out);
        self.pointwise[i].backward(depthwise, pointwise);
        self.depthwise[i].backward(trunk, depthwise);
    }
}

impl Pass for Fusion {
    fn pass(&mut self) -> f32 {
        let [
            mut product,
            mut stem,
            mut mean,
            mut max,
            mut pooled,
            mut squeezed,
            mut active,
        ] = acts();
        let [
            mut excited,
            mut factors,
            mut scaled,
            mut logits,
            mut weight,
            mut fused,
            mut logit,
        ] = acts();
        let mut spatial: [[Activation; 3]; 2] = [acts(), acts()];
        let [base, other, valid] = &self.evidence;
        let evidence = Evidence { base, other, valid };
        let authority = Authority {
            sharpness: 1.0,
            bound: 2.0,
        };

        self.stem.forward(&self.input, &mut product);
        relu(&product, &mut stem);
        global_mean(&stem, &mut mean);
        global_max(&stem, &mut max);
        concat(&[&mean, &max], &mut pooled);
        self.squeeze.forward(&pooled, &mut squeezed);
        relu(&squeezed, &mut active);
        self.excite.forward(&active, &mut excited);
        sigmoid(&excited, &mut factors);
        scale_channels(&stem, &factors, &mut scaled);
        let mut trunk = &scaled;
        for (i, [depthwise, pointwise, out]) in spatial.iter_mut().enumerate() {
            self.depthwise[i].forward(trunk, depthwise);
            self.pointwise[i].forward(depthwise, pointwise);
            relu(pointwise, out);
            trunk = out;
        }
        self.head.forward(trunk, &mut logits);
        convex_gate(&evidence, authority, &logits, &mut weight, &mut fused);
        self.logit.forward(&fused, &mut logit);

        let untrained = Tensor::zeros(base.shape());
        let loss = loss::focal(&mut logit, &self.label, Some(valid), 10.0)
            + loss::dice(&mut logit, &self.label, Some(valid), 1.0)
            + loss::squared_error(&mut weight, &untrained, None, 0.05);

        self.logit.backward(&mut fused, &mut logit);
        convex_gate_backward(&evidence, authority, &mut logits, &mut weight, &mut fused);
        let [first, second] = &mut spatial;
        self.head.backward(&mut second[2], &mut logits);
        self.spatial_backward(1, &mut first[2], second);
        self.spatial_backward(0, &mut scaled, first);
        scale_channels_backward(&mut stem, &mut factors, &mut scaled);
        sigmoid_backward(&mut excited, &mut factors);
        self.excite.backward(&mut active, &mut excited);
        relu_backward(&mut squeezed, &mut active);
        self.squeeze.backward(&mut pooled, &mut squeezed);
        concat_backward(&mut [&mut mean, &mut max], &mut pooled);
        global_max_backward(&mut stem, &mut max);
        global_mean_backward(&mut stem, &mut mean);
        relu_backward(&mut product, &mut stem);
        self.stem.backward(&mut self.input, &mut product);
        for act in [
            &stem, &mean, &max, &factors, &scaled, &logits, &weight, &fused, &logit,
        ] {
            assert!(act.value().padding_is_zero());
            assert!(act.grad().is_some_and(Tensor::padding_is_zero));
        }
        loss
    }
}

impl Parameters for Fusion {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.stem.visit(&scoped(prefix, "stem"), visitor);
        self.squeeze.visit(&scoped(prefix, "squeeze"), visitor);
        self.excite.visit(&scoped(prefix, "excite"), visitor);
        for (i, (depthwise, pointwise)) in self
            .depthwise
            .iter_mut()
            .zip(&mut self.pointwise)
            .enumerate()
        {
            depthwise.visit(&scoped(prefix, &format!("depthwise{i}")), visitor);
            pointwise.visit(&scoped(prefix, &format!("pointwise{i}")), visitor);
        }
        self.head.visit(&scoped(prefix, "head"), visitor);
        self.logit.visit(&scoped(prefix, "logit"), visitor);
    }
}

/// Along the gradient g, the loss changes by |g|^2 a unit.
fn check_slope<Net: Pass>(what: &str, new: impl Fn() -> Net) {
    let mut net = new();
    net.pass();
    let square = gradient_norm(&mut net).powi(2);
    let at = |step: f64| {
        let mut net = new();
        net.pass();
        net.visit("", &mut |_, entry| {
            if let Entry::Trained(param) = entry {
                let gradient = param.grad().to_vec();
                let moved = param.value_mut().iter_mut().zip(gradient);
                moved.for_each(|(v, g)| *v += (step * f64::from(g)) as f32);
            }
        });
        f64::from(net.pass())
    };
    let step = 2e-3 / square.sqrt();
    let slope = (at(step) - at(-step)) / (2.0 * step);
    assert!(
        (slope / square - 1.0).abs() < 0.02,
        "{what}: slope {slope}, squared gradient {square}"
    );
}

#[test]
fn gradients_are_the_slopes_of_the_losses() {
    check_slope("refinement", || Refinement::new(1));
    check_slope("fusion", || Fusion::new(2));
}

/// Losses and final state of a short run.
fn train<Net: Pass>(mut net: Net, steps: usize) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut adam = Adam {
        max_norm: Some(5.0),
        ..Adam::new(0.5, 0.999)
    };
    let losses = (0..steps).map(|_| {
        let loss = net.pass();
        adam.step(&mut net, 0.003);
        loss
    });
    (losses.collect(), snapshot(&mut net).into_values().collect())
}

#[test]
fn runs_are_equal_bit_for_bit_at_any_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| (train(Refinement::new(3), 3), train(Fusion::new(4), 3)))
    };
    let first = run(1);
    assert!(first == run(1), "again with one thread");
    assert!(first == run(2), "two threads");
    assert!(first == run(5), "five threads");
}

#[test]
fn training_lowers_the_losses() {
    for losses in [train(Refinement::new(5), 60).0, train(Fusion::new(6), 60).0] {
        assert!(losses[59] < 0.9 * losses[0], "{losses:?}");
    }
}

#[test]
fn the_gate_is_as_small_as_it_should_be() {
    // Slope and offset of the loss's logit, which are thrown away, are the other two.
    assert_eq!(parameter_count(&mut Fusion::new(7)), 1482 + 2);
}
