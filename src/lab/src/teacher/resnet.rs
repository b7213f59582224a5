//! ResNets up to stride 16: stem and stages 1 to 3 of 4, with torchvision's names.
//!
//! Source: He et al., CVPR 2016; Zagoruyko and Komodakis, BMVC 2016 for the wide one. As in
//! torchvision, a bottleneck block's stride is that of its 3x3 convolution.

use twinspect_onnx::{Graph, GraphError, Pads, Tensor};

use super::convolution::{Convolution, Geometry, Padding, Reader};
use super::error::TrunkError;
use super::weights::WeightFile;

const STEM_CHANNELS: usize = 64;

/// Channels of a bottleneck block's output, in those that its stage is named after.
const EXPANSION: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3 and 1x1; `width` times 64 channels in the middle of the first stage.
    Bottleneck { width: usize },
}

struct Network {
    name: &'static str,
    kind: BlockKind,
    blocks: [usize; 3],
}

const NETWORKS: [Network; 4] = [
    Network {
        name: "resnet18",
        kind: BlockKind::Basic,
        blocks: [2, 2, 2],
    },
    Network {
        name: "resnet34",
        kind: BlockKind::Basic,
        blocks: [3, 4, 6],
    },
    Network {
        name: "resnet50",
        kind: BlockKind::Bottleneck { width: 1 },
        blocks: [3, 4, 6],
    },
    Network {
        name: "wide_resnet50_2",
        kind: BlockKind::Bottleneck { width: 2 },
        blocks: [3, 4, 6],
    },
];

pub(super) struct Resnet {
    stem: Convolution,
    stages: [Vec<Block>; 3],
    channels: [usize; 3],
}

struct Block {
    convolutions: Vec<Convolution>,
    shortcut: Option<Convolution>,
}

impl Resnet {
    /// Whether the names are those of a ResNet.
    pub(super) fn recognise(file: &WeightFile) -> bool {
        file.dims("layer1.0.conv1.weight").is_some()
    }

    pub(super) fn read(file: &mut WeightFile) -> Result<(&'static str, Self), TrunkError> {
        let network = identify(file)?;
        let mut reader = Reader {
            file,
            network: network.name,
            epsilon: 1e-5,
            padding: Padding::Symmetric,
        };
        let stem = Geometry::new(3, STEM_CHANNELS, 7).stride(2);
        let stem = reader.convolution("conv1", "bn1", stem)?;
        let mut inputs = STEM_CHANNELS;
        let mut stages = [const { Vec::new() }; 3];
        let mut channels = [0; 3];
        for (index, stage) in stages.iter_mut().enumerate() {
            for number in 0..network.blocks[index] {
                let stride = if number == 0 && index > 0 { 2 } else { 1 };
                let prefix = format!("layer{}.{number}", index + 1);
                let plan = network.kind.plan(inputs, 64 << index, stride);
                inputs = plan.outputs;
                stage.push(Block::read(&mut reader, &prefix, &plan)?);
            }
            channels[index] = inputs;
        }
        let resnet = Self {
            stem,
            stages,
            channels,
        };
        Ok((network.name, resnet))
    }

    /// Channels of the taps.
    pub(super) fn channels(&self) -> [usize; 3] {
        self.channels
    }

    /// Adds the nodes; returns the taps from fine to coarse.
    pub(super) fn write(&self, graph: &mut Graph, x: Tensor) -> Result<[Tensor; 3], GraphError> {
        let x = self.stem.write(graph, "stem", x)?;
        let x = graph.relu("stem.relu", x)?;
        let pads = Pads::symmetric(1);
        let mut x = graph.max_pool("stem.pool", x, [3, 3], 2, pads)?;
        let mut taps = [x; 3];
        for (index, stage) in self.stages.iter().enumerate() {
            for (number, block) in stage.iter().enumerate() {
                let scope = format!("layer{}.{number}", index + 1);
                x = graph.within(&scope, |graph| block.write(graph, x))?;
            }
            taps[index] = x;
        }
        Ok(taps)
    }
}

/// Tells the network by the number of its blocks and the width of the first.
fn identify(file: &WeightFile) -> Result<&'static Network, TrunkError> {
    // One more than any known network has is enough to tell it.
    const BLOCKS_MAX: usize = 64;
    let blocks = [1, 2, 3].map(|stage| {
        let exists = |block: &usize| {
            let name = format!("layer{stage}.{block}.conv1.weight");
            file.dims(&name).is_some()
        };
        (0..BLOCKS_MAX).take_while(exists).count()
    });
    let width = match file.dims("layer1.0.conv1.weight") {
        Some([width, ..]) => *width,
        _ => 0,
    };
    let kind = if file.dims("layer1.0.conv3.weight").is_some() {
        BlockKind::Bottleneck {
            width: width / STEM_CHANNELS,
        }
    } else {
        BlockKind::Basic
    };
    NETWORKS
        .iter()
        .find(|network| network.kind == kind && network.blocks == blocks)
        .ok_or_else(|| TrunkError::Unknown {
            evidence: format!(
                "a ResNet of {blocks:?} {} blocks, {width} channels wide",
                match kind {
                    BlockKind::Basic => "basic",
                    BlockKind::Bottleneck { .. } => "bottleneck",
                }
            ),
        })
}

struct BlockPlan {
    convolutions: Vec<Geometry>,
    shortcut: Option<Geometry>,
    outputs: usize,
}

impl BlockKind {
    fn plan(self, inputs: usize, channels: usize, stride: usize) -> BlockPlan {
        let (convolutions, outputs) = match self {
            Self::Basic => {
                let first = Geometry::new(inputs, channels, 3).stride(stride);
                let second = Geometry::new(channels, channels, 3);
                (vec![first, second], channels)
            }
            Self::Bottleneck { width } => {
                let middle = channels * width;
                let outputs = channels * EXPANSION;
                let convolutions = vec![
                    Geometry::new(inputs, middle, 1),
                    Geometry::new(middle, middle, 3).stride(stride),
                    Geometry::new(middle, outputs, 1),
                ];
                (convolutions, outputs)
            }
        };
        let shortcut = (stride != 1 || inputs != outputs)
            .then(|| Geometry::new(inputs, outputs, 1).stride(stride));
        BlockPlan {
            convolutions,
            shortcut,
            outputs,
        }
    }
}

impl Block {
    fn read(reader: &mut Reader, prefix: &str, plan: &BlockPlan) -> Result<Self, TrunkError> {
        let mut convolutions = Vec::new();
        for (index, &geometry) in plan.convolutions.iter().enumerate() {
            let conv = format!("{prefix}.conv{}", index + 1);
            let norm = format!("{prefix}.bn{}", index + 1);
            convolutions.push(reader.convolution(&conv, &norm, geometry)?);
        }
        let shortcut = match plan.shortcut {
            Some(geometry) => {
                let conv = format!("{prefix}.downsample.0");
                let norm = format!("{prefix}.downsample.1");
                Some(reader.convolution(&conv, &norm, geometry)?)
            }
            None => None,
        };
        Ok(Self {
            convolutions,
            shortcut,
        })
    }

    fn write(&self, graph: &mut Graph, x: Tensor) -> Result<Tensor, GraphError> {
        let mut y = x;
        for (index, convolution) in self.convolutions.iter().enumerate() {
            y = convolution.write(graph, &format!("conv{}", index + 1), y)?;
            if index + 1 < self.convolutions.len() {
                y = graph.relu(&format!("relu{}", index + 1), y)?;
            }
        }
        let shortcut = match &self.shortcut {
            Some(convolution) => convolution.write(graph, "downsample", x)?,
            None => x,
        };
        let sum = graph.add("sum", y, shortcut)?;
        graph.relu("relu", sum)
    }
}
