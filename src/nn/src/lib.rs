//! twinspect's own small training engine for the CPU.
//!
//! A layer is a forward pass, a backward pass and a test; there is no tape and no graph. A network is a struct of its
//! caller that owns layers and the [`Activation`]s between them, runs `forward` in order and `backward` in reverse with
//! the same arguments. Reading order: [`Tensor`] (f32, NHWC, shared zero padding), [`Activation`] (a tensor with its
//! gradient), the layers [`Conv`], [`ConvNorm`], [`Depthwise`], [`concat()`], [`add`], [`relu`], [`sigmoid`], [`resize`]; for
//! modules that look at whole images [`Attention`] with [`GatedAdd`], [`global_mean`], [`global_max`] and
//! [`scale_channels`], for the fusion of two sources of evidence [`convex_gate`]; the losses in [`loss`], [`Adam`] and
//! [`Schedule`], [`Rng`], and [`Parameters`] with [`snapshot`] and [`restore`].
//!
//! Guarantees: every operator leaves padding at zero; results are the same bit for bit on every run and with any number of
//! threads of one machine (sums are split by shapes, never by threads); the crate needs no system library.
//!
//! Arguments whose shapes do not fit are errors of the calling program and panic.
//!
//! ```
//! use twinspect_nn::*;
//!
//! struct Net {
//!     first: ConvNorm,
//!     second: Conv,
//!     input: Activation,
//!     hidden: Activation,
//!     output: Activation,
//! }
//!
//! impl Net {
//!     fn forward(&mut self, mode: Mode) {
//!         self.first.forward(&self.input, &mut self.hidden, mode);
//!         self.second.forward(&self.hidden, &mut self.output);
//!     }
//!
//!     fn backward(&mut self) {
//!         self.second.backward(&mut self.hidden, &mut self.output);
//!         self.first.backward(&mut self.input, &mut self.hidden);
//!     }
//! }
//!
//! impl Parameters for Net {
//!     fn visit(&mut self, prefix: &str, visitor: &mut dyn FnMut(&str, Entry<'_>)) {
//!         self.first.visit(&scoped(prefix, "first"), visitor);
//!         self.second.visit(&scoped(prefix, "second"), visitor);
//!     }
//! }
//!
//! let mut rng = Rng::new(1);
//! let mut random = |shape: Shape| {
//!     let values: Vec<f32> = (0..shape.len()).map(|_| rng.normal() as f32).collect();
//!     Tensor::from_nchw(shape, &values)
//! };
//! let input = random(Shape::new(2, 9, 7, 3));
//! let target = random(Shape::new(2, 9, 7, 4));
//! let mut rng = Rng::new(2);
//! let mut net = Net {
//!     first: ConvNorm::new(Kernel::K3x3, 3, 8, Rectifier::Relu, &mut rng),
//!     second: Conv::new(Kernel::K1x1, 8, 4, &mut rng).with_bias(),
//!     input: Activation::constant(input),
//!     hidden: Activation::new(),
//!     output: Activation::new(),
//! };
//! let mut adam = Adam::new(0.5, 0.999);
//! let mut losses = Vec::new();
//! for step in 0..20 {
//!     net.forward(Mode::Train);
//!     losses.push(loss::flat_cosine(&mut net.output, &target, None, 1.0));
//!     net.backward();
//!     adam.step(&mut net, Schedule::OneCycle { warm_up: 0.3 }.rate(0.05, step, 20));
//! }
//! assert!(losses[19] < 0.8 * losses[0]);
//! ```

mod activation;
mod adam;
mod attention;
mod block;
mod conv;
mod depthwise;
mod gate;
mod join;
#[expect(
    unsafe_code,
    reason = "calls the matrix product on raw pointers and functions compiled for AVX2"
)]
mod kernels;
pub mod loss;
mod norm;
mod param;
#[cfg(test)]
mod reference;
mod residual;
mod resize;
mod rng;
mod schedule;
mod squeeze;
mod tensor;

pub use activation::Activation;
pub use adam::{Adam, gradient_norm};
pub use attention::Attention;
pub use block::{ConvNorm, FoldedConv, Rectifier};
pub use conv::{Conv, Kernel};
pub use depthwise::Depthwise;
pub use gate::{Authority, Evidence, convex_gate, convex_gate_backward};
pub use join::{
    add, add_backward, concat, concat_backward, relu, relu_backward, sigmoid, sigmoid_backward,
};
pub use norm::{BatchNorm, Mode};
pub use param::{
    Entry, Param, Parameters, RestoreError, clear_gradients, parameter_count, restore, scoped,
    snapshot,
};
pub use residual::GatedAdd;
pub use resize::{resize, resize_backward};
pub use rng::Rng;
pub use schedule::Schedule;
pub use squeeze::{
    global_max, global_max_backward, global_mean, global_mean_backward, scale_channels,
    scale_channels_backward,
};
pub use tensor::{Shape, Tensor};
