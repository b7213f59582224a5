//! What can go wrong, and what to do about it.

use twinspect_loader::Unloadable;

use crate::{CudaError, Said, Version};

const DRIVER_HINT: &str = "libcuda.so.1 belongs to NVIDIA's driver, on a Jetson to JetPack itself, and not to TensorRT: install the driver \
                           again, or use the CPU engine; what the loader says of another library is that library's name";
const PARSER_HINT: &str = "install TensorRT's ONNX parser, a package of its own (libnvonnxparsers), of the release that TensorRT has; or use \
                           the CPU engine";

/// TensorRT or CUDA can't be used, or did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// None of the libraries could be loaded, or used.
    #[error("loading {}", tried_text(.tried))]
    NotLoaded {
        /// Each name that was tried, and the loader's own words, or what else is wrong with it.
        tried: Vec<(String, String)>,
    },
    /// A library's file ends before what its own headers speak of, or is none. The loader would crash, or wait for ever.
    #[error(transparent)]
    Unloadable(#[from] Unloadable),
    /// A library of TensorRT's name is another product, whose plans are others.
    #[error("{library} is TensorRT-RTX {version}, another product than TensorRT")]
    OtherProduct {
        /// The name that it was opened by.
        library: String,
        /// Its version, which is counted by itself.
        version: Version,
    },
    /// A library lacks a function that every known version has.
    #[error("{library} has no function {symbol}: {reason}")]
    MissingSymbol {
        /// The library.
        library: String,
        /// The function.
        symbol: &'static str,
        /// The loader's own words.
        reason: String,
    },
    /// Before 8.5 networks are not run by the names of their tensors.
    #[error("TensorRT {version} is older than 8.5")]
    TooOld {
        /// What was found.
        version: Version,
    },
    /// The order of this library's functions is not known.
    #[error("TensorRT {version} is unknown: 8.5 and later, 10 and 11 are known")]
    UnknownMajor {
        /// What was found.
        version: Version,
    },
    /// There is no GPU with this number.
    #[error("the CUDA driver sees {found} devices, device {ordinal} is asked for")]
    NoDevice {
        /// Which one is asked for, from 0.
        ordinal: u32,
        /// How many there are.
        found: i32,
    },
    /// A call of the CUDA driver failed.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// A call of TensorRT failed, and CUDA, asked afterwards, says that it has failed, too.
    #[error("{cuda}, after {call} of TensorRT failed")]
    CudaBehind {
        /// Which call of TensorRT.
        call: &'static str,
        /// What CUDA says.
        cuda: Box<CudaError>,
        /// What TensorRT logged meanwhile.
        #[source]
        said: Said,
    },
    /// A call of TensorRT failed. It says why in its log only.
    #[error("TensorRT gave nothing for {call}")]
    Refused {
        /// Which call.
        call: &'static str,
        /// What it logged meanwhile.
        #[source]
        said: Said,
    },
    /// What was set reads back differently: the library is not laid out as its version says.
    #[error("{what} of TensorRT is {found} after {expected} was set")]
    Canary {
        /// What was set.
        what: &'static str,
        /// To what.
        expected: String,
        /// What was read.
        found: String,
    },
    /// The parser does not take the ONNX network.
    #[error("TensorRT's parser refuses the network: {}", complaints_text(.complaints))]
    Parse {
        /// The parser's reasons.
        complaints: Vec<Complaint>,
        /// What it logged meanwhile.
        #[source]
        said: Said,
    },
    /// A library's answer about a network is out of bounds.
    #[error("{what} is {found}, {expected} expected")]
    Interface {
        /// Of which thing.
        what: String,
        /// What can be used.
        expected: &'static str,
        /// What the library says.
        found: String,
    },
    /// This version can't be asked for numbers of these types.
    #[error("TensorRT {version} can't be asked for {types}")]
    Types {
        /// The version.
        version: Version,
        /// What it can't do.
        types: &'static str,
    },
    /// Layers that are to be computed with 16 bits are not in the network.
    #[error("the network has no layers {}", .names.join(", "))]
    NoLayers {
        /// Their names.
        names: Vec<String>,
    },
    /// A network has no such tensor.
    #[error("the engine has no {direction} {name:?}")]
    NoTensor {
        /// `input` or `output`.
        direction: crate::Direction,
        /// The name.
        name: String,
    },
}

/// A reason of the ONNX parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The parser's own number of the kind of error; 8 is a node that it does not support.
    pub code: i32,
    /// The node's index in the network, where one is to blame.
    pub node: i32,
    /// The node's name; not known before TensorRT 10.
    pub node_name: Option<String>,
    /// The reason in words.
    pub text: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {}", self.node)?;
        if let Some(name) = &self.node_name {
            write!(f, " ({name})")?;
        }
        write!(f, ": {} (code {})", self.text, self.code)
    }
}

impl Error {
    /// Whether CUDA is lost for this process: only a new process can use the GPU again.
    pub fn is_sticky(&self) -> bool {
        self.cuda().is_some_and(CudaError::is_sticky)
    }

    fn cuda(&self) -> Option<&CudaError> {
        match self {
            Self::Cuda(cuda) => Some(cuda),
            Self::CudaBehind { cuda, .. } => Some(cuda),
            _ => None,
        }
    }

    /// This error, with what CUDA says afterwards: that is nearer to the cause, and TensorRT's lines stay with it.
    pub(crate) fn with_cuda(self, cuda: CudaError) -> Self {
        match self {
            Self::Refused { call, said } => {
                let cuda = Box::new(cuda);
                Self::CudaBehind { call, cuda, said }
            }
            _ => cuda.into(),
        }
    }

    /// Whether there is no GPU or no TensorRT here at all, rather than one that can't be used.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::NotLoaded { tried } => tried.iter().all(is_missing),
            Self::NoDevice { found, .. } => *found == 0,
            // CUDA_ERROR_NO_DEVICE
            Self::Cuda(error) => error.code == 100,
            _ => false,
        }
    }

    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotLoaded { tried } if all_begin(tried, "libcuda.so") => Some(DRIVER_HINT),
            Self::NotLoaded { tried } if all_begin(tried, "libnvonnxparser.so") => {
                Some(PARSER_HINT)
            }
            Self::MissingSymbol { library, .. } if library.starts_with("libcuda.so") => {
                Some(DRIVER_HINT)
            }
            Self::NotLoaded { .. } => Some(
                "install TensorRT of this board's JetPack (5.1 or newer), or use the CPU engine; what the loader says of \
                 another library is that library's name",
            ),
            Self::Unloadable(_) => Some(
                "install its package again (`dpkg -S` and the file's name tell which), or use the CPU engine",
            ),
            Self::OtherProduct { .. } => Some(
                "see where that name leads (`ldconfig -p`, LD_LIBRARY_PATH), and install TensorRT of this board's JetPack; \
                 or use the CPU engine",
            ),
            Self::MissingSymbol { .. } => {
                Some("install TensorRT and its ONNX parser of this board's JetPack again")
            }
            Self::TooOld { .. } => {
                Some("JetPack 5.1 or newer has TensorRT 8.5; this board can use the CPU engine")
            }
            Self::UnknownMajor { .. } => {
                Some("use the CPU engine until twinspect knows this TensorRT")
            }
            Self::NoDevice { .. } => Some(
                "see that the driver is loaded and that the service's user may open the GPU (on a Jetson: groups video and render)",
            ),
            Self::Cuda(cuda) => cuda.hint(),
            Self::CudaBehind { cuda, .. } => cuda.hint(),
            Self::Canary { .. } => {
                Some("use the CPU engine, and report the versions of TensorRT and JetPack")
            }
            Self::Refused { .. } => {
                Some("build the plan again on this board; if that fails too, use the CPU engine")
            }
            Self::Parse { .. } | Self::NoLayers { .. } => {
                Some("export the bundle again; until then use the CPU engine")
            }
            Self::Interface { .. } => Some("build the plan again on this board"),
            Self::Types { .. } | Self::NoTensor { .. } => None,
        }
    }
}

fn tried_text(tried: &[(String, String)]) -> String {
    let each = tried
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"));
    each.collect::<Vec<_>>().join("; ")
}

/// Whether these are names of one library.
fn all_begin(tried: &[(String, String)], begin: &str) -> bool {
    !tried.is_empty() && tried.iter().all(|(name, _)| name.starts_with(begin))
}

/// Whether a library that was tried is not there. The loader says the same of one whose own libraries are missing,
/// under another name.
fn is_missing((name, reason): &(String, String)) -> bool {
    reason
        .strip_prefix(name.as_str())
        .is_some_and(|rest| rest.contains("No such file"))
}

fn complaints_text(complaints: &[Complaint]) -> String {
    if complaints.is_empty() {
        return "it gives no reason".to_owned();
    }
    let each = complaints.iter().map(ToString::to_string);
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_loaded(tried: &[(&str, &str)]) -> Error {
        let own = |(name, reason): &(&str, &str)| ((*name).to_owned(), (*reason).to_owned());
        Error::NotLoaded {
            tried: tried.iter().map(own).collect(),
        }
    }

    #[test]
    fn a_library_that_is_there_and_does_not_load_is_not_absent() {
        let missing = "cannot open shared object file: No such file or directory";
        let (ten, eight) = ("libnvinfer.so.10", "libnvinfer.so.8");
        let own = [format!("{ten}: {missing}"), format!("{eight}: {missing}")];
        assert!(not_loaded(&[(ten, &own[0]), (eight, &own[1])]).is_absent());
        let other = format!("libnvdla_compiler.so: {missing}");
        assert!(!not_loaded(&[(ten, &other), (eight, &own[1])]).is_absent());
        let broken = format!("{ten}: file too short");
        assert!(!not_loaded(&[(ten, &broken)]).is_absent());
    }

    #[test]
    fn each_library_is_mended_by_its_own_package() {
        let other = |library: &str| Error::MissingSymbol {
            library: library.to_owned(),
            symbol: "cuInit",
            reason: String::new(),
        };
        let broken = |name| not_loaded(&[(name, "file too short")]);
        for (error, package) in [
            (broken("libcuda.so.1"), "install the driver"),
            (other("libcuda.so.1"), "install the driver"),
            (broken("libnvonnxparser.so.10"), "libnvonnxparsers"),
            (broken("libnvinfer.so.10"), "install TensorRT of"),
            (
                other("libnvinfer.so.10"),
                "install TensorRT and its ONNX parser",
            ),
        ] {
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains(package), "{error}: {hint}");
        }
    }

    #[test]
    fn a_machine_without_a_gpu_is_told_from_one_that_has_lost_it() {
        let cuda = |code| {
            Error::Cuda(CudaError {
                call: "cuInit",
                code,
                name: String::new(),
            })
        };
        assert!(cuda(100).is_absent() && !cuda(999).is_absent());
        for code in [801, 999] {
            let hint = cuda(code).hint().unwrap_or_default();
            assert!(hint.contains("gpu.conf"), "{code}: {hint}");
        }
        let cut_off = Error::Unloadable(Unloadable::CutOff {
            file: "libcuda.so.1".into(),
            bytes: 1,
            expected: 2,
        });
        assert!(!cut_off.is_absent());
        let no_device = |found| Error::NoDevice { ordinal: 0, found };
        assert!(no_device(0).is_absent());
    }
}
