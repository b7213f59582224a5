//! A tensor on its way through a network, with the gradient that flows back to it.

use rayon::prelude::*;

use crate::tensor::{Shape, Tensor};

/// What stands between two layers: a value and the gradient of the loss with respect to it.
///
/// A layer's forward pass overwrites the value of its output and forgets the gradient; losses and backward passes *add*
/// to the gradient, so an activation may have several readers. Inputs and teacher features are [`Activation::constant`]:
/// layers spend nothing on their gradients.
#[derive(Clone, Debug, Default)]
pub struct Activation {
    value: Tensor,
    grad: Tensor,
    state: GradState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GradState {
    /// Nobody has added to the gradient since the forward pass; the buffer's content means nothing.
    #[default]
    Empty,
    Filled,
    Unwanted,
}

impl Activation {
    /// An empty activation, for a layer to write.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value without gradient: the input of a network.
    pub fn constant(value: Tensor) -> Self {
        Self {
            value,
            grad: Tensor::default(),
            state: GradState::Unwanted,
        }
    }

    /// A value whose gradient is wanted although no layer has written it.
    pub fn variable(value: Tensor) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    /// The value.
    pub const fn value(&self) -> &Tensor {
        &self.value
    }

    /// The value for writing, as for the next batch of a constant. Forgets the gradient.
    pub fn value_mut(&mut self) -> &mut Tensor {
        self.forget_gradient();
        &mut self.value
    }

    /// The gradient, if anything has been added since the forward pass. What a layer's backward pass took as the
    /// gradient of its output is used up: it may be overwritten in place.
    pub fn grad(&self) -> Option<&Tensor> {
        (self.state == GradState::Filled).then_some(&self.grad)
    }

    /// The value's extents.
    pub const fn shape(&self) -> Shape {
        self.value.shape()
    }

    /// The value and where to put its gradient (none if unwanted).
    pub(crate) fn parts(&mut self) -> (&Tensor, Option<GradSlot<'_>>) {
        let is_first = match self.state {
            GradState::Unwanted => return (&self.value, None),
            GradState::Empty => true,
            GradState::Filled => false,
        };
        self.grad.reshape(self.value.shape());
        self.state = GradState::Filled;
        (
            &self.value,
            Some(GradSlot {
                grad: &mut self.grad,
                is_first,
            }),
        )
    }

    /// The value and its gradient (zeros if nobody has added any), which the caller may use up.
    pub(crate) fn finished(&mut self) -> (&Tensor, &mut Tensor) {
        if self.state != GradState::Filled {
            self.grad.reshape(self.value.shape());
            self.grad.clear();
        }
        (&self.value, &mut self.grad)
    }

    /// The value, shaped, for a layer that overwrites all of it.
    pub(crate) fn begin(&mut self, shape: Shape) -> &mut Tensor {
        self.forget_gradient();
        self.value.reshape(shape);
        &mut self.value
    }

    fn forget_gradient(&mut self) {
        if self.state == GradState::Filled {
            self.state = GradState::Empty;
        }
    }
}

/// The gradient of an activation, to which one reader contributes.
pub(crate) struct GradSlot<'a> {
    grad: &'a mut Tensor,
    is_first: bool,
}

impl<'a> GradSlot<'a> {
    /// The tensor and whether to add (`true`) or to overwrite everything (`false`).
    pub(crate) fn into_parts(self) -> (&'a mut Tensor, bool) {
        (self.grad, !self.is_first)
    }

    /// The tensor with valid content, for code that can only add.
    pub(crate) fn into_sum(self) -> &'a mut Tensor {
        if self.is_first {
            self.grad.clear();
        }
        self.grad
    }
}

/// The images of a gradient that is to be added to, each with its padding, or as many times none.
pub(crate) fn by_image(slot: Option<GradSlot<'_>>, count: usize) -> Vec<Option<&mut [f32]>> {
    match slot {
        Some(slot) => slot.into_sum().images_mut().map(Some).collect(),
        None => (0..count).map(|_| None).collect(),
    }
}
