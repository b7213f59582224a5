//! A stage's network, as a precision wants it.

use twinspect_bundle::Bundle;
use twinspect_tensorrt::{Builder, Generation, Network, Types};

use super::board::Board;
use super::error::PlanError;
use super::half::{Halved, halve};
use super::sealed;
use crate::engine::{Precision, StageName};

/// Changes when plans are built in another way.
const BUILDER_REVISION: u32 = 1;

/// What a plan is built of.
pub(super) struct StageSource<'a> {
    stage: StageName,
    onnx: &'a [u8],
    /// Where something of it is to be computed with 16 bits.
    halved: Option<Halved>,
}

impl<'a> StageSource<'a> {
    /// The network of a stage. One without anything to compute with 16 bits is computed with 32, and so is the fusion: a gate over both
    /// senses is a small thing, and all of it is head.
    pub(super) fn of(
        bundle: &'a Bundle,
        stage: StageName,
        wanted: Precision,
    ) -> Result<Self, PlanError> {
        let onnx = match stage {
            StageName::Of(modality) => bundle.stage_model(modality),
            StageName::Fusion => bundle.fusion_model(),
        };
        let onnx = onnx.ok_or(PlanError::NoModel { stage })?;
        let halved = match (stage, wanted) {
            (StageName::Of(_), Precision::F16) => {
                let halved = halve(onnx).map_err(|source| PlanError::Half { stage, source })?;
                Some(halved).filter(|halved| !halved.nodes.is_empty())
            }
            (StageName::Of(_), Precision::F32) | (StageName::Fusion, _) => None,
        };
        Ok(Self {
            stage,
            onnx,
            halved,
        })
    }

    /// Whose network it is.
    pub(super) fn stage(&self) -> StageName {
        self.stage
    }

    /// What it is computed with.
    pub(super) fn precision(&self) -> Precision {
        match self.halved {
            None => Precision::F32,
            Some(_) => Precision::F16,
        }
    }

    /// What a plan of it is for.
    pub(super) fn purpose(&self, board: &Board) -> String {
        let (board, network) = (board.identity(), self.network_lines());
        format!("revision = {BUILDER_REVISION}\n{board}\n{network}")
    }

    /// The end of what a plan of it is for, whatever the board.
    pub(super) fn network_lines(&self) -> String {
        let (types, network) = match &self.halved {
            None => ("f32", self.onnx),
            // Whatever changes in how it is made makes another plan of it.
            Some(halved) => ("f16", halved.typed.as_slice()),
        };
        format!("types = {types}\nnetwork = {}", sealed::digest(network))
    }

    /// Has TensorRT read it, as this generation can be told of its types.
    pub(super) fn parsed(self, board: &Board) -> Result<Network, PlanError> {
        let stage = self.stage;
        let build = |source| PlanError::Build { stage, source };
        let tensorrt = board.tensorrt();
        let builder = Builder::new(tensorrt).map_err(build)?;
        let network = match (self.halved, tensorrt.generation()) {
            (None, _) => builder.parse(self.onnx, Types::F32),
            (Some(halved), Generation::V8) => {
                builder.parse(self.onnx, Types::F16Only(halved.nodes))
            }
            (Some(halved), Generation::V10 | Generation::V11) => {
                builder.parse(&halved.typed, Types::AsTyped)
            }
        };
        network.map_err(build)
    }
}
