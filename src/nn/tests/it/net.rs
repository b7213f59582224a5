//! A small network with every kind of layer, and what it is trained on.

use twinspect_nn::*;

/// Stem, residual block with a strided shortcut, upsampling, concatenation, and a head with mean and log-spread.
pub(crate) struct Net {
    stem: ConvNorm,
    down: ConvNorm,
    middle: ConvNorm,
    shortcut: ConvNorm,
    up: ConvNorm,
    mean: Conv,
    log_spread: Conv,
    acts: [Activation; 8],
    target: Tensor,
}

impl Net {
    /// A network and its data for `seed`, on images of `side` x `side`.
    pub(crate) fn new(seed: u64, side: usize) -> Self {
        use Kernel::*;
        use Rectifier::*;
        let mut rng = Rng::new(seed);
        let shape = Shape::new(2, side, side, 3);
        let mut random = |shape: Shape| {
            let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
            Tensor::from_nchw(shape, &values)
        };
        let (input, target) = (random(shape), random(shape));
        let mut acts = std::array::from_fn(|_| Activation::new());
        acts[0] = Activation::constant(input);
        Self {
            stem: ConvNorm::new(K3x3, 3, 8, Relu, &mut rng),
            down: ConvNorm::new(K3x3Stride2, 8, 12, Relu, &mut rng),
            middle: ConvNorm::new(K3x3, 12, 12, Relu, &mut rng),
            shortcut: ConvNorm::new(K1x1Stride2, 8, 12, Linear, &mut rng),
            up: ConvNorm::new(Up2x2, 12, 8, Relu, &mut rng),
            mean: Conv::new(K1x1, 16, 3, &mut rng).with_bias(),
            log_spread: Conv::new(K1x1, 16, 3, &mut rng).with_bias(),
            acts,
            target,
        }
    }

    /// One pass forward and backward; the loss.
    pub(crate) fn pass(&mut self) -> f32 {
        let [input, stem, down, shortcut, middle, up, joined, mean] = &mut self.acts;
        let mut log_spread = Activation::new();
        self.stem.forward(input, stem, Mode::Train);
        self.down.forward(stem, down, Mode::Train);
        self.shortcut.forward(stem, shortcut, Mode::Train);
        self.middle.forward_add(down, shortcut, middle, Mode::Train);
        self.up.forward(middle, up, Mode::Train);
        concat(&[stem, up], joined);
        self.mean.forward(joined, mean);
        self.log_spread.forward(joined, &mut log_spread);
        let loss = loss::laplace(mean, &mut log_spread, &self.target, None, 1.0)
            + loss::flat_cosine(mean, &self.target, None, 0.5);
        self.log_spread.backward(joined, &mut log_spread);
        self.mean.backward(joined, mean);
        concat_backward(&mut [stem, up], joined);
        self.up.backward(middle, up);
        self.middle.backward_add(down, shortcut, middle);
        self.shortcut.backward(stem, shortcut);
        self.down.backward(stem, down);
        self.stem.backward(input, stem);
        for act in &self.acts {
            assert!(act.value().padding_is_zero());
            assert!(act.grad().is_none_or(Tensor::padding_is_zero));
        }
        loss
    }
}

impl Parameters for Net {
    fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
        self.stem.visit(&scoped(prefix, "stem"), visitor);
        self.down.visit(&scoped(prefix, "down"), visitor);
        self.middle.visit(&scoped(prefix, "middle"), visitor);
        self.shortcut.visit(&scoped(prefix, "shortcut"), visitor);
        self.up.visit(&scoped(prefix, "up"), visitor);
        self.mean.visit(&scoped(prefix, "mean"), visitor);
        self.log_spread
            .visit(&scoped(prefix, "log_spread"), visitor);
    }
}

/// Trains for some steps and returns the losses.
pub(crate) fn train(net: &mut Net, adam: &mut Adam, steps: usize) -> Vec<f32> {
    (0..steps)
        .map(|_| {
            let loss = net.pass();
            adam.step(net, 0.01);
            loss
        })
        .collect()
}
