//! Steps before they are final: which maps they join, not yet where those lie.

use crate::steps::channels::Reduction;
use crate::steps::convolution::{Bounds, Weights, Window};
use crate::steps::pointwise::{Beside, Binary, Unary};

/// Number of a map in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MapId(pub(super) usize);

/// One step of the plan.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) input: MapId,
    pub(super) output: MapId,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Convolution {
        weights: Weights,
        window: Window,
        /// Added before the bounds.
        skip: Option<MapId>,
        bounds: Bounds,
    },
    Depthwise {
        weights: Weights,
        window: Window,
        bounds: Bounds,
    },
    Raising {
        weights: Weights,
        bounds: Bounds,
    },
    /// Rows of inputs and a bias for each candidate.
    Greatest {
        weights: Vec<f32>,
        bias: Vec<f32>,
    },
    Pointwise {
        beside: Beside<MapId>,
        operator: Binary,
        swapped: bool,
        then: Vec<Unary>,
    },
    OverChannels {
        reduction: Reduction,
        factor: Option<MapId>,
    },
    OverPixels(Reduction),
    Placing {
        first: usize,
    },
    Resize,
    Pooling {
        size: [usize; 2],
        stride: usize,
        top: usize,
        left: usize,
    },
}

pub(super) const UNBOUNDED: Bounds = Bounds {
    low: f32::NEG_INFINITY,
    high: f32::INFINITY,
};

impl Action {
    /// The second operand.
    pub(super) fn second(&self) -> Option<MapId> {
        match self {
            Self::Convolution { skip, .. } => *skip,
            Self::Pointwise { beside, .. } => match beside {
                Beside::Same(map) | Beside::PerPixel(map) | Beside::PerChannel(map) => Some(*map),
                Beside::Nothing | Beside::Constant(_) => None,
            },
            Self::OverChannels { factor, .. } => *factor,
            _ => None,
        }
    }

    /// The bounds of the activation, of what has any and no narrower ones yet.
    pub(super) fn free_bounds(&mut self) -> Option<&mut Bounds> {
        let (Self::Convolution { bounds, .. }
        | Self::Depthwise { bounds, .. }
        | Self::Raising { bounds, .. }) = self
        else {
            return None;
        };
        (*bounds == UNBOUNDED).then_some(bounds)
    }
}
