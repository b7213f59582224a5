//! Teachers: pretrained trunks whose features a student learns to give back on good parts.
//!
//! A teacher is EfficientNet-Lite0 or one of torchvision's ResNets up to stride 16. It is loaded
//! from a weight file, told by the names and axes of its tensors, and written into an ONNX graph
//! with its batch norms folded. It is never trained.

mod convolution;
mod error;
mod lite0;
mod resnet;
mod source;
mod weights;

use twinspect_onnx::{Graph, GraphError, Tensor, WeightFormat};

pub(crate) use error::{TeacherError, TrunkError};
use lite0::Lite0;
use resnet::Resnet;
pub(crate) use source::TeacherSource;
use weights::WeightFile;

/// What a teacher's input is made of: red, green and blue in 0 to 255, less the mean, divided by
/// the deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Normalisation {
    /// Red, green, blue.
    pub(crate) mean: [f32; 3],
    /// Red, green, blue.
    pub(crate) deviation: [f32; 3],
}

/// A pretrained trunk with three taps at strides 4, 8 and 16.
pub(crate) struct Teacher {
    /// Name of the network.
    pub(crate) name: &'static str,
    /// Channels of the taps, from fine to coarse.
    pub(crate) channels: [usize; 3],
    /// What the input is made of.
    pub(crate) normalisation: Normalisation,
    /// SHA-256 of the weight file, in lower-case hexadecimal digits.
    pub(crate) sha256: String,
    trunk: Trunk,
}

enum Trunk {
    Lite0(Lite0),
    Resnet(Resnet),
}

/// Loads a teacher: the built-in one, a `.safetensors` file, or PyTorch's zip `.pth` or `.pt`.
///
/// # Errors
/// The file cannot be read, is damaged, or holds no known network.
pub(crate) fn load(from: &TeacherSource) -> Result<Teacher, TeacherError> {
    from.open()
        .map_err(|source| TrunkError::Weights { source })
        .and_then(Teacher::new)
        .map_err(|source| TeacherError::Load {
            teacher: from.clone(),
            source: Box::new(source),
        })
}

impl Teacher {
    fn new(mut file: WeightFile) -> Result<Self, TrunkError> {
        let sha256 = file.sha256().to_owned();
        if Lite0::recognise(&file) {
            let (name, trunk) = Lite0::read(&mut file)?;
            Ok(Self {
                name,
                channels: lite0::CHANNELS,
                normalisation: Normalisation {
                    mean: [127.0; 3],
                    deviation: [128.0; 3],
                },
                sha256,
                trunk: Trunk::Lite0(trunk),
            })
        } else if Resnet::recognise(&file) {
            let (name, trunk) = Resnet::read(&mut file)?;
            Ok(Self {
                name,
                channels: trunk.channels(),
                // ImageNet's statistics, as torchvision states them for pictures in 0 to 1.
                normalisation: Normalisation {
                    mean: [0.485, 0.456, 0.406].map(|mean| mean * 255.0),
                    deviation: [0.229, 0.224, 0.225].map(|deviation| deviation * 255.0),
                },
                sha256,
                trunk: Trunk::Resnet(trunk),
            })
        } else {
            Err(TrunkError::Unknown {
                evidence: format!("its first tensors are {}", file.some_names().join(", ")),
            })
        }
    }

    /// Adds the teacher's nodes, under the scope `teacher`, to a graph.
    ///
    /// `rgb` is a normalised picture, N x 3 x H x W. The taps come back from fine to coarse, with
    /// [`Teacher::channels`] and a 4th, an 8th and a 16th of the picture's rows and columns
    /// (rounded up). Those of EfficientNet-Lite0 have no activation, those of ResNets are at
    /// least 0.
    ///
    /// # Errors
    /// The input is no picture of three channels, or a weight does not fit the graph's format.
    pub(crate) fn emit(&self, graph: &mut Graph, rgb: Tensor) -> Result<[Tensor; 3], TeacherError> {
        let taps = graph.within("teacher", |graph| match &self.trunk {
            Trunk::Lite0(trunk) => trunk.write(graph, rgb),
            Trunk::Resnet(trunk) => trunk.write(graph, rgb),
        });
        taps.map_err(|source| self.graph_error(source))
    }

    /// The teacher alone as an ONNX file: input `rgb` (1 x 3 x size x size, normalised), outputs
    /// `tap0`, `tap1` and `tap2` from fine to coarse, all f32.
    ///
    /// Training should see the teacher in the format that it will be exported in: rounding the
    /// weights to f16 moves single features of EfficientNet-Lite0 by a per cent.
    ///
    /// # Errors
    /// The size is 0 or beyond all bounds, or a weight does not fit the format.
    pub(crate) fn taps_onnx(
        &self,
        size: usize,
        format: WeightFormat,
    ) -> Result<Vec<u8>, TeacherError> {
        let error = |source| self.graph_error(source);
        let mut graph = Graph::new(self.name, format);
        let rgb = graph.input("rgb", &[1, 3, size, size]).map_err(error)?;
        let taps = self.emit(&mut graph, rgb)?;
        for (index, tap) in taps.into_iter().enumerate() {
            graph.output(&format!("tap{index}"), tap).map_err(error)?;
        }
        graph.encode().map_err(error)
    }

    fn graph_error(&self, source: GraphError) -> TeacherError {
        TeacherError::Graph {
            teacher: self.name,
            source: Box::new(source),
        }
    }
}

#[cfg(test)]
mod tests;
