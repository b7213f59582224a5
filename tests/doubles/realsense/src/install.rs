//! The library that programs load.

use std::io;
use std::path::Path;
use std::process::Command;

/// Puts `librealsense2.so` into a folder, made of this double and of the library in the folder `real`. Needs `cc`.
///
/// # Errors
/// Where the double was not built beside the running test, or `cc` fails.
pub fn install(folder: &Path, real: &Path) -> io::Result<()> {
    // Cargo builds what a test depends on into the folder where the test is.
    let double = std::env::current_exe()?
        .with_file_name("libtwinspect_double_realsense.so")
        .canonicalize()?;
    let source = folder.join("nothing.c");
    std::fs::write(&source, "")?;
    let output = Command::new("cc")
        .args(["-shared", "-Wl,--no-as-needed", "-o"])
        .arg(folder.join("librealsense2.so"))
        .arg(&source)
        // Neither has a name of its own, so that the linker writes down where they lie.
        .args([&double, &real.join("librealsense2.so").canonicalize()?])
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        let told = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("cc: {told}")))
    }
}
