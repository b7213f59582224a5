//! The networks of a product, as the manifest describes them.

use serde::{Deserialize, Serialize};
use twinspect_core::modality::{Modality, PerModality};

use crate::entry::FUSION_MODEL;

/// The networks of a product: one for each modality, and one that fuses them where the product has
/// both and does not join them by the maximum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stages {
    /// Colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rgb: Option<Stage>,
    /// Height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geometry: Option<Stage>,
    /// Fusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fusion: Option<FusionStage>,
}

impl Stages {
    /// The network of one modality.
    pub fn get(&self, modality: Modality) -> Option<&Stage> {
        match modality {
            Modality::Rgb => self.rgb.as_ref(),
            Modality::Geometry => self.geometry.as_ref(),
        }
    }

    /// The networks of the modalities that are there, colour first.
    pub fn present(&self) -> impl Iterator<Item = (Modality, &Stage)> {
        let all = Modality::ALL.into_iter();
        all.filter_map(|modality| Some((modality, self.get(modality)?)))
    }
}

impl From<PerModality<Stage>> for Stages {
    /// Without a fusion network.
    fn from(stages: PerModality<Stage>) -> Self {
        Self {
            rgb: stages.rgb,
            geometry: stages.geometry,
            fusion: None,
        }
    }
}

/// One network. Tensors are NCHW with N = 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Its file in the bundle: the modality's name and `.onnx`.
    pub file: String,
    /// Name of the input tensor.
    pub input: String,
    /// Colour: `[1, 3, S, S]`. Geometry: `[1, 12, S/4, S/4]`.
    pub input_shape: [usize; 4],
    /// Name of the output tensor.
    pub output: String,
    /// `[1, maps, S/4, S/4]`.
    pub output_shape: [usize; 4],
}

/// The network that joins the evidence of both modalities. The host standardises what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionStage {
    /// Its file in the bundle: `fusion.onnx`.
    pub file: String,
    /// Shapes of its inputs, which have the names of these keys and stand in this order.
    pub inputs: FusionInputShapes,
    /// Shapes of its outputs, likewise.
    pub outputs: FusionOutputShapes,
}

/// What a fusion network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionInputShapes {
    /// A channel for each view of colour.
    pub evidence_rgb: [usize; 4],
    /// A channel for each view of height.
    pub evidence_geometry: [usize; 4],
    /// Share of measured depth.
    pub valid: [usize; 4],
}

/// What a fusion network gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionOutputShapes {
    /// Evidence.
    pub fused: [usize; 4],
    /// Geometry's share of the decision.
    pub weight: [usize; 4],
}

impl FusionStage {
    /// The stage of a product with this number of views of each modality and maps of this side.
    pub fn new(rgb_views: usize, geometry_views: usize, side: usize) -> Self {
        let shape = |channels| [1, channels, side, side];
        Self {
            file: FUSION_MODEL.to_owned(),
            inputs: FusionInputShapes {
                evidence_rgb: shape(rgb_views),
                evidence_geometry: shape(geometry_views),
                valid: shape(1),
            },
            outputs: FusionOutputShapes {
                fused: shape(1),
                weight: shape(1),
            },
        }
    }
}

impl FusionInputShapes {
    /// Name and shape of each tensor, in the order of the network.
    pub fn named(&self) -> [(&'static str, [usize; 4]); 3] {
        [
            ("evidence_rgb", self.evidence_rgb),
            ("evidence_geometry", self.evidence_geometry),
            ("valid", self.valid),
        ]
    }
}

impl FusionOutputShapes {
    /// Name and shape of each tensor, in the order of the network.
    pub fn named(&self) -> [(&'static str, [usize; 4]); 2] {
        [("fused", self.fused), ("weight", self.weight)]
    }
}
