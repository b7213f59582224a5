//! From a plan to what runs: weights packed for this machine, maps laid into buffers.

use std::collections::HashMap;

use super::build::{Plan, Port};
use super::draft::{Action, Draft, MapId};
use crate::map::MapShape;
use crate::steps::Kernel;
use crate::steps::chain::{Chain, Link, Product};
use crate::steps::channels::{OverChannels, OverPixels, Placing};
use crate::steps::convolution::Convolution;
use crate::steps::depthwise::Depthwise;
use crate::steps::greatest::Greatest;
use crate::steps::pieces::{Piece, cut, scratch_len};
use crate::steps::pointwise::{Beside, Pointwise};
use crate::steps::spatial::{Pooling, Resize};
use crate::steps::winograd::Winograd;

/// A whole network.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) inputs: Vec<Gate>,
    pub(crate) outputs: Vec<Gate>,
    pub(crate) steps: Vec<Step>,
    /// Lengths of the buffers.
    pub(crate) buffers: Vec<usize>,
    /// Length of the scratch buffer.
    pub(crate) scratch: usize,
}

/// Where a tensor enters or leaves.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) name: String,
    pub(crate) dims: Vec<usize>,
    pub(crate) shape: MapShape,
    pub(crate) buffer: usize,
}

/// One step with the buffers that it reads and the one that it writes.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) kernel: Kernel,
    /// In the order of their rows.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) shape: MapShape,
    pub(crate) input: usize,
    pub(crate) second: Option<usize>,
    pub(crate) output: usize,
}

impl Step {
    /// For people.
    pub(crate) fn describe(&self) -> String {
        let kernel = self.kernel.describe();
        match &self.pieces[..] {
            [piece] if piece.course.bands.is_empty() => kernel,
            pieces => {
                let each: Vec<String> = pieces.iter().map(Piece::describe).collect();
                format!("{}:\n{:12}{kernel}", each.join("; "), "")
            }
        }
    }
}

impl Plan {
    /// Packs weights for vectors of `lanes` values, lays maps into buffers and divides the work among `threads`.
    pub(crate) fn compile(mut self, lanes: usize, threads: usize) -> Compiled {
        self.block(lanes);
        let groups = self.groups(lanes);
        let (places, buffers) = self.places(&groups);
        let gate = |port: &Port| Gate {
            name: port.name.clone(),
            dims: port.dims.clone(),
            shape: self.shape(port.map),
            buffer: places[port.map.0],
        };
        let steps = groups.iter().filter_map(|group| {
            let (first, last) = (group.first()?, group.last()?);
            let kernel = self.group_kernel(lanes, &places, group)?;
            let shape = self.shape(last.output);
            let alone = (group.len() == 1).then_some(first);
            let second = alone.and_then(|draft| draft.action.second());
            Some(Step {
                pieces: cut(&kernel, shape, threads),
                kernel,
                shape,
                input: places[first.input.0],
                second: second.map(|map| places[map.0]),
                output: places[last.output.0],
            })
        });
        let steps: Vec<Step> = steps.collect();
        let scratch = steps.iter().map(|step| scratch_len(&step.pieces)).max();
        Compiled {
            inputs: self.inputs.iter().map(gate).collect(),
            outputs: self.outputs.iter().map(gate).collect(),
            buffers,
            scratch: scratch.unwrap_or(0),
            steps,
        }
    }

    /// One kernel for what [`Plan::groups`] puts together.
    fn group_kernel(&self, lanes: usize, places: &[usize], group: &[&Draft]) -> Option<Kernel> {
        let chain = |links: Vec<Link>| Kernel::Chain(Chain::new(links));
        let [draft] = group else {
            let links = group
                .iter()
                .filter_map(|draft| self.link(lanes, places, draft));
            return Some(chain(links.collect()));
        };
        let alone = || self.link(lanes, places, draft).map(|link| vec![link]);
        self.winograd(lanes, draft)
            .or_else(|| alone().map(chain))
            .or_else(|| self.kernel(lanes, draft))
    }

    /// Lays maps that one depthwise convolution reads and one convolution makes vector by vector.
    fn block(&mut self, lanes: usize) {
        for at in 0..self.drafts.len() {
            let Some(draft) = &self.drafts[at] else {
                continue;
            };
            let Action::Depthwise {
                weights, window, ..
            } = &draft.action
            else {
                continue;
            };
            let (input, output) = (draft.input, self.shape(draft.output));
            let made_whole = self.sole_draft(input).is_some_and(|(_, maker)| {
                matches!(maker.action, Action::Convolution { skip: None, .. })
            });
            let channels = self.shape(input).channels;
            if made_whole
                && channels.is_multiple_of(lanes)
                && channels > lanes
                && Depthwise::goes_by_vectors(weights.dims[2], *window, output)
            {
                self.maps[input.0].shape.block = lanes;
            }
        }
    }

    /// The steps in their order, and together those that a chain can be made of: each reads what the one before makes,
    /// and nobody else does.
    fn groups(&self, lanes: usize) -> Vec<Vec<&Draft>> {
        let is_product = |draft: &Draft| {
            matches!(
                draft.action,
                Action::Convolution { .. } | Action::Depthwise { .. }
            ) && !self.goes_by_squares(lanes, draft)
        };
        let mut groups: Vec<Vec<&Draft>> = Vec::new();
        for draft in self.drafts.iter().flatten() {
            let before = groups.last_mut().filter(|group| {
                group.last().is_some_and(|before| {
                    is_product(before)
                        && is_product(draft)
                        && before.output == draft.input
                        && Chain::pays(self.shape(draft.input))
                        && self.is_read_once(draft.input)
                        && draft.action.second() != Some(draft.input)
                })
            });
            match before {
                Some(group) => group.push(draft),
                None => groups.push(vec![draft]),
            }
        }
        groups
    }

    fn goes_by_squares(&self, lanes: usize, draft: &Draft) -> bool {
        let Action::Convolution {
            weights, window, ..
        } = &draft.action
        else {
            return false;
        };
        let (input, output) = (self.shape(draft.input), self.shape(draft.output));
        output.is_plain() && Winograd::suits(lanes, input, output, weights, *window)
    }

    fn winograd(&self, lanes: usize, draft: &Draft) -> Option<Kernel> {
        let Action::Convolution {
            weights,
            skip,
            bounds,
            ..
        } = &draft.action
        else {
            return None;
        };
        let (input, output) = (self.shape(draft.input), self.shape(draft.output));
        let step = || Winograd::new(lanes, input, output, weights, *bounds);
        let skip = skip.map(|map| self.shape(map));
        self.goes_by_squares(lanes, draft)
            .then(|| Kernel::Winograd(step(), skip))
    }

    fn link(&self, lanes: usize, places: &[usize], draft: &Draft) -> Option<Link> {
        let (input, output) = (self.shape(draft.input), self.shape(draft.output));
        let (product, window, size) = match &draft.action {
            Action::Convolution {
                weights,
                window,
                bounds,
                ..
            } => {
                let step = Convolution::new(lanes, input, output, weights, *window, *bounds);
                (Product::Dense(step), window, weights.dims[2])
            }
            Action::Depthwise {
                weights,
                window,
                bounds,
            } => {
                let step = Depthwise::new(input, output, weights, *window, *bounds);
                (Product::Depthwise(step), window, weights.dims[2])
            }
            _ => return None,
        };
        let skip = draft.action.second();
        Some(Link {
            product,
            rows: output.rows,
            reach: (size - 1) * window.dilation + 1,
            stride: window.stride,
            top: window.top,
            skip: skip.map(|map| (self.shape(map), places[map.0])),
            output,
        })
    }

    /// Number of each map's buffer, and the buffers' lengths. Maps of one shape follow each other in one buffer: its
    /// border stays what it was, zero.
    fn places(&self, groups: &[Vec<&Draft>]) -> (Vec<usize>, Vec<usize>) {
        let reads = |group: &[&Draft]| {
            let first = group.first().map(|draft| draft.input);
            let others = group.iter().filter_map(|draft| draft.action.second());
            first.into_iter().chain(others).collect::<Vec<MapId>>()
        };
        let mut last_read = vec![0; self.maps.len()];
        for (step, group) in groups.iter().enumerate() {
            for map in reads(group) {
                last_read[map.0] = step;
            }
        }
        for port in self.inputs.iter().chain(&self.outputs) {
            last_read[port.map.0] = usize::MAX;
        }
        let mut lengths = Vec::new();
        let mut places = vec![usize::MAX; self.maps.len()];
        let mut free: HashMap<MapShape, Vec<usize>> = HashMap::new();
        let mut take = |shape: MapShape, free: &mut HashMap<MapShape, Vec<usize>>| {
            free.get_mut(&shape).and_then(Vec::pop).unwrap_or_else(|| {
                lengths.push(shape.buffer_len());
                lengths.len() - 1
            })
        };
        for port in &self.inputs {
            places[port.map.0] = take(self.shape(port.map), &mut free);
        }
        for (step, group) in groups.iter().enumerate() {
            let Some(MapId(output)) = group.last().map(|draft| draft.output) else {
                continue;
            };
            if places[output] == usize::MAX {
                places[output] = take(self.shape(MapId(output)), &mut free);
            }
            let mut done = reads(group);
            done.retain(|map| last_read[map.0] == step);
            done.sort_unstable();
            done.dedup();
            for map in done {
                free.entry(self.shape(map)).or_default().push(places[map.0]);
            }
        }
        (places, lengths)
    }

    /// Of any step but those that are links.
    fn kernel(&self, lanes: usize, draft: &Draft) -> Option<Kernel> {
        let (input, output) = (self.shape(draft.input), self.shape(draft.output));
        Some(match &draft.action {
            Action::Convolution { .. } | Action::Depthwise { .. } => return None,
            Action::Raising { weights, bounds } => {
                Kernel::Raising(Box::new([0, 1].map(|half| {
                    Convolution::raising(lanes, input, output, weights, half, *bounds)
                })))
            }
            Action::Greatest { weights, bias } => {
                Kernel::Greatest(Greatest::new(lanes, input, output, weights, bias))
            }
            Action::Pointwise {
                beside,
                operator,
                swapped,
                then,
            } => Kernel::Pointwise(Pointwise {
                input,
                beside: match beside {
                    Beside::Nothing => Beside::Nothing,
                    Beside::Same(map) => Beside::Same(self.shape(*map)),
                    Beside::PerPixel(map) => Beside::PerPixel(self.shape(*map)),
                    Beside::PerChannel(map) => Beside::PerChannel(self.shape(*map)),
                    Beside::Constant(values) => Beside::Constant(values.clone()),
                },
                output,
                operator: *operator,
                swapped: *swapped,
                then: then.clone(),
            }),
            Action::OverChannels { reduction, factor } => Kernel::OverChannels(OverChannels {
                input,
                output,
                reduction: *reduction,
                factor: factor.map(|map| self.shape(map)),
            }),
            Action::OverPixels(reduction) => Kernel::OverPixels(OverPixels {
                input,
                output,
                reduction: *reduction,
            }),
            Action::Placing { first } => Kernel::Placing(Placing {
                input,
                output,
                first: *first,
            }),
            Action::Resize => Kernel::Resize(Resize::new(input, output)),
            Action::Pooling {
                size,
                stride,
                top,
                left,
            } => Kernel::Pooling(Pooling {
                input,
                output,
                size: *size,
                stride: *stride,
                top: *top,
                left: *left,
            }),
        })
    }
}
