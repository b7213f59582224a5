//! Folders that look like an installation of TensorRT.

use std::io;
use std::path::{Path, PathBuf};

/// Puts the doubles of driver, TensorRT and parser into a folder, under the names that programs
/// open of this release.
///
/// # Errors
/// Where the doubles were not built beside the running test, or the folder can't be written.
pub fn install(folder: &Path, release: &str) -> io::Result<()> {
    let (major, _) = release.split_once('.').unwrap_or((release, ""));
    link("cuda", &folder.join("libcuda.so.1"))?;
    link("nvinfer", &folder.join(format!("libnvinfer.so.{major}")))?;
    link(
        "nvinfer",
        &folder.join(format!("libnvonnxparser.so.{major}")),
    )
}

/// [`install`], with the double `onnx`, so that networks may be ONNX files.
///
/// # Errors
/// As [`install`].
pub fn install_with_onnx(folder: &Path, release: &str) -> io::Result<()> {
    install(folder, release)?;
    link("onnx", &folder.join("libtwinspect_double_onnx.so"))
}

/// Puts the double `cuda`, `nvinfer` or `onnx` somewhere under any name.
///
/// # Errors
/// As [`install`].
pub fn link(double: &str, name: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(built(double)?, name)
}

/// Cargo builds what a test depends on into the folder where the test is.
fn built(double: &str) -> io::Result<PathBuf> {
    let file = format!("libtwinspect_double_{double}.so");
    std::env::current_exe()?.with_file_name(file).canonicalize()
}
