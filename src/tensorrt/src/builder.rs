//! From ONNX to a network.

use crate::abi::{self, IParser, Listener, Owned, VBuilder};
use crate::error::Complaint;
use crate::tensorrt::refused;
use crate::{Error, Generation, Network, TensorRt, Version};

/// Reads an ONNX network.
pub struct Builder {
    pub(crate) builder: Owned<VBuilder>,
    parser_library: crate::library::SharedLibrary,
    version: Version,
}

/// The types of numbers that a network is computed in. Inputs and outputs are always 32 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Types {
    /// 32 bits, of an ONNX network of 32 bits.
    F32,
    /// 16 bits for the layers named, and 32 for all others; names are those of the ONNX nodes. TensorRT 8
    /// alone can be asked for it.
    F16Only(Vec<String>),
    /// What the ONNX network says, with casts where types meet. From TensorRT 10 on; 8 takes casts
    /// for hints.
    AsTyped,
}

/// Reasons of the parser that are read.
const COMPLAINTS_MAX: i32 = 16;

impl Builder {
    /// Starts the building half of TensorRT.
    ///
    /// # Errors
    /// [`Error::NotLoaded`] and [`Error::MissingSymbol`] for an installation that can run plans
    /// only; [`Error::Refused`].
    pub fn new(tensorrt: &TensorRt) -> Result<Self, Error> {
        let parser_library = tensorrt.open_parser()?;
        let listener = Listener::new();
        let builder = abi::new_builder(tensorrt.library(), tensorrt.version())?;
        Ok(Self {
            builder: builder.ok_or_else(|| refused("createInferBuilder", listener))?,
            parser_library,
            version: tensorrt.version(),
        })
    }

    /// Reads a network. Weights must be in the ONNX file itself.
    ///
    /// # Errors
    /// [`Error::Types`] if the version can't compute in these types; [`Error::Parse`] with the
    /// parser's reasons; [`Error::Refused`]; what [`Network`] checks.
    pub fn parse(self, onnx: &[u8], types: Types) -> Result<Network, Error> {
        let flags = network_flags(self.version, &types)?;
        let listener = Listener::new();
        let Some(network) = self.builder.network(flags) else {
            return Err(refused("createNetworkV2", listener));
        };
        let Some(parser) = abi::new_parser(&self.parser_library, &network)? else {
            return Err(refused("createNvOnnxParser", listener));
        };
        if !parser.parse(onnx) {
            return Err(Error::Parse {
                complaints: complaints(&parser),
                said: listener.said(),
            });
        }
        Network::new(parser, network, self, types)
    }
}

/// How a network is created that can have these types.
fn network_flags(version: Version, types: &Types) -> Result<u32, Error> {
    let generation = version.generation()?;
    let value = match (generation, types) {
        (Generation::V8, Types::F32 | Types::F16Only(_)) => abi::EXPLICIT_BATCH,
        (Generation::V10 | Generation::V11, Types::F32 | Types::AsTyped) => abi::STRONGLY_TYPED,
        (Generation::V8, Types::AsTyped) => {
            let types = "the types of a network, before 10";
            return Err(Error::Types { version, types });
        }
        (Generation::V10 | Generation::V11, Types::F16Only(_)) => {
            let types = "types of single layers, after 8";
            return Err(Error::Types { version, types });
        }
    };
    Ok(value.of(generation).map_or(0, |bit| 1 << bit))
}

fn complaints(parser: &Owned<IParser>) -> Vec<Complaint> {
    let readable =
        |text: Option<std::ffi::CString>| text.map(|text| text.to_string_lossy().into_owned());
    let count = parser.error_count().min(COMPLAINTS_MAX);
    let errors = (0..count).filter_map(|index| parser.error(index));
    let complaints = errors.map(|error| Complaint {
        code: error.error_code(),
        node: error.node_index(),
        node_name: readable(error.node_name()).filter(|name| !name.is_empty()),
        text: readable(error.text()).unwrap_or_default(),
    });
    complaints.collect()
}
