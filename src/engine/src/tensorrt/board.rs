//! The board that an engine runs on.

use std::time::UNIX_EPOCH;

use twinspect_tensorrt::{Device, Error, TensorRt};

/// A GPU, and the TensorRT that is installed.
pub struct Board {
    device: Device,
    tensorrt: TensorRt,
}

/// A board in words and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardFacts {
    /// Version of the library.
    pub tensorrt: String,
    /// The GPU's name.
    pub gpu: String,
    /// 8.7 is Orin.
    pub compute_capability: String,
    /// Multiprocessors of the GPU.
    pub multiprocessors: i32,
    /// Memory of the GPU, in MiB; on a Jetson the system's.
    pub memory_mb: usize,
    /// Whether host and GPU share it.
    pub shares_memory: bool,
    /// The newest CUDA that the driver can run.
    pub cuda: String,
}

impl std::fmt::Display for BoardFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            tensorrt,
            gpu,
            compute_capability,
            cuda,
            ..
        } = self;
        write!(
            f,
            "TensorRT {tensorrt} on {gpu} (compute capability {compute_capability}, CUDA {cuda})"
        )
    }
}

impl Board {
    /// Opens the first GPU and the newest TensorRT. Loading these libraries is what the process
    /// that owns the wires must never do.
    ///
    /// # Errors
    /// Those of [`Device::open`] and [`TensorRt::open`].
    pub fn open() -> Result<Self, Error> {
        let device = Device::open(0)?;
        let tensorrt = TensorRt::open()?;
        Ok(Self { device, tensorrt })
    }

    /// Lines that tell this board from all others for which a plan could be: it fits one version of
    /// TensorRT and one kind of GPU, and nothing else is promised. The file of the library is part
    /// of it, since a package may be replaced under the same version, and so is the driver.
    pub fn identity(&self) -> String {
        let facts = self.device.facts();
        let (major, minor) = facts.compute_capability;
        format!(
            "tensorrt = {}, {}\ngpu = {}, compute capability {major}.{minor}, {} multiprocessors\ndriver = {}",
            self.tensorrt.version(),
            self.library_file(),
            facts.name,
            facts.multiprocessors,
            facts.driver_version
        )
    }

    /// What people want to know of it.
    pub fn facts(&self) -> BoardFacts {
        let facts = self.device.facts();
        let (major, minor) = facts.compute_capability;
        BoardFacts {
            tensorrt: self.tensorrt.version().to_string(),
            gpu: facts.name.clone(),
            compute_capability: format!("{major}.{minor}"),
            multiprocessors: facts.multiprocessors,
            memory_mb: facts.memory_bytes >> 20,
            shares_memory: facts.is_integrated,
            cuda: format!(
                "{}.{}",
                facts.driver_version / 1000,
                facts.driver_version % 1000 / 10
            ),
        }
    }

    fn library_file(&self) -> String {
        let file = self.tensorrt.file();
        let facts = file.and_then(|file| fs_err::metadata(file).ok());
        let modified = facts.as_ref().and_then(|facts| facts.modified().ok());
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        match (facts, modified) {
            (Some(facts), Some(modified)) => {
                format!("{} bytes of {}", facts.len(), modified.as_nanos())
            }
            _ => "an unknown file".to_owned(),
        }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn tensorrt(&self) -> &TensorRt {
        &self.tensorrt
    }
}
