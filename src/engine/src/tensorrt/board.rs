//! The board that an engine runs on.

use std::time::UNIX_EPOCH;

use twinspect_tensorrt::{Device, Error, TensorRt};

/// A GPU, and the TensorRT that is installed.
pub struct Board {
    device: Device,
    tensorrt: TensorRt,
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
