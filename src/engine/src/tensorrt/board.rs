//! The board that an engine runs on.

use std::path::Path;
use std::time::UNIX_EPOCH;

use twinspect_tensorrt::{Device, DeviceFacts, Error, TensorRt};

use super::sealed;

/// Where the kernel's driver says its release, on PCs and newer boards, and where a board says that of its whole
/// package: CUDA tells its own version alone, which several drivers share.
const DRIVER_FILES: [&str; 2] = ["/proc/driver/nvidia/version", "/etc/nv_tegra_release"];
/// So much of a digest tells them apart.
const DIGEST_DIGITS: usize = 16;

/// A GPU, and the TensorRT that is installed.
pub struct Board {
    device: Device,
    tensorrt: TensorRt,
    /// Which driver it is.
    driver: String,
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
        Ok(Self {
            device,
            tensorrt,
            driver: digest_of(&DRIVER_FILES),
        })
    }

    /// Lines that tell this board from all others for which a plan could be.
    pub fn identity(&self) -> String {
        identity(
            &self.tensorrt.version().to_string(),
            &self.library_file(),
            self.device.facts(),
            &self.driver,
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

/// A plan fits one version of TensorRT and one kind of GPU, and nothing else is promised. The file of the library is
/// part of it, since a package may be replaced under the same version, and so is the driver.
fn identity(tensorrt: &str, library: &str, gpu: &DeviceFacts, driver: &str) -> String {
    let (major, minor) = gpu.compute_capability;
    format!(
        "tensorrt = {tensorrt}, {library}\ngpu = {}, compute capability {major}.{minor}, {} multiprocessors\ndriver = {}, {driver}",
        gpu.name, gpu.multiprocessors, gpu.driver_version
    )
}

/// Of what files say that can be read.
fn digest_of(files: &[impl AsRef<Path>]) -> String {
    let contents = files.iter().filter_map(|file| std::fs::read(file).ok());
    let contents: Vec<Vec<u8>> = contents.collect();
    if contents.is_empty() {
        return "an unknown one".to_owned();
    }
    let mut digest = sealed::digest(&contents.concat());
    digest.truncate(DIGEST_DIGITS);
    digest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn orin() -> DeviceFacts {
        DeviceFacts {
            name: "Orin".to_owned(),
            compute_capability: (8, 7),
            multiprocessors: 8,
            memory_bytes: 8 << 30,
            is_integrated: true,
            driver_version: 12060,
        }
    }

    fn key(gpu: &DeviceFacts) -> String {
        identity("10.3.0", "7 bytes of 9", gpu, "ab")
    }

    #[test]
    fn whatever_a_plan_depends_on_makes_another_key() {
        let gpu = orin();
        let changed = |change: fn(&mut DeviceFacts)| {
            let mut gpu = orin();
            change(&mut gpu);
            key(&gpu)
        };
        let keys = [
            key(&gpu),
            changed(|gpu| gpu.name.push('x')),
            changed(|gpu| gpu.compute_capability = (8, 9)),
            changed(|gpu| gpu.compute_capability = (7, 7)),
            changed(|gpu| gpu.multiprocessors = 16),
            changed(|gpu| gpu.driver_version = 12020),
            identity("10.3.1", "7 bytes of 9", &gpu, "ab"),
            identity("10.3.0", "8 bytes of 9", &gpu, "ab"),
            identity("10.3.0", "7 bytes of 9", &gpu, "ac"),
        ];
        let distinct: BTreeSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
        // How much memory is there says nothing of its kind.
        assert_eq!(changed(|gpu| gpu.memory_bytes = 1), key(&gpu));
    }

    #[test]
    fn another_driver_is_another_one_under_the_same_cuda() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["version", "release"].map(|name| folder.path().join(name));
        assert_eq!(digest_of(&files), "an unknown one");
        let after = |file: usize, text: &str| {
            std::fs::write(&files[file], text).unwrap();
            digest_of(&files)
        };
        let told = [
            after(0, "Kernel Module  540.3.0"),
            after(0, "Kernel Module  540.4.0"),
            after(1, "# R36 (release), REVISION: 4.0"),
            after(1, "# R36 (release), REVISION: 4.4"),
        ];
        assert!(
            told.iter().all(|digest| digest.len() == DIGEST_DIGITS),
            "{told:?}"
        );
        let distinct: BTreeSet<&String> = told.iter().collect();
        assert_eq!(distinct.len(), told.len(), "{told:?}");
    }
}
