//! A device with a GPU, whose libraries are doubles: they compute by tract, and fail on request.
//!
//! The program opens NVIDIA's libraries by their names, and the system's loader finds them; it has no key and no
//! variable of its own for their place. Here the loader is told by LD_LIBRARY_PATH, which the environment of a
//! service does not have.

mod commands;
mod faults;
mod folder;
mod install;
mod lacking;
mod precision;
mod station;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::{program, run};
use crate::product::Site;

/// The release of most tests; `twinspect-engine`'s own hold all of them to the goldens.
const RELEASE: &str = "10.3.0";

/// Folders with NVIDIA's libraries in them.
struct Libraries {
    folder: TempDir,
    release: &'static str,
}

/// What goes wrong in the libraries, in the words of the doubles.
#[derive(Debug, Clone, Copy)]
struct Faults {
    cuda: &'static str,
    nvinfer: &'static str,
}

/// All is well.
const NONE: Faults = Faults {
    cuda: "",
    nvinfer: "",
};

impl Libraries {
    fn of(release: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        twinspect_double_nvinfer::install_with_onnx(folder.path(), release)
            .expect("the doubles are built beside this test");
        Self { folder, release }
    }

    /// Lets a command find them.
    fn serve(&self, command: &mut Command, faults: Faults) {
        let Faults { cuda, nvinfer } = faults;
        let nvinfer = format!("release={},{nvinfer}", self.release);
        command
            .env("LD_LIBRARY_PATH", self.folder.path())
            .env("TWINSPECT_DOUBLE_CUDA", cuda)
            .env("TWINSPECT_DOUBLE_NVINFER", nvinfer);
    }
}

/// A site whose station has a folder of plans.
fn site(engine: &str) -> Site {
    let site = Site::new();
    let table = format!("[engine]\nplans = \"plans\"\n{engine}\n[camera]");
    site.edit("station.toml", "[camera]", &table);
    site
}

/// Runs a command in a site, with a GPU.
fn on(libraries: &Libraries, faults: Faults, site: &Site, arguments: &str) -> Output {
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .args(arguments.split(' '));
    libraries.serve(&mut command, faults);
    run(&mut command)
}

/// A command without a GPU. The machine that runs this test may have one.
fn off(site: &Site, arguments: &str) -> Output {
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .args(arguments.split(' '));
    let nowhere = site.path("no-libraries");
    std::fs::create_dir_all(&nowhere).expect("a folder");
    hide(&nowhere);
    command.env("LD_LIBRARY_PATH", nowhere);
    run(&mut command)
}

/// The loader takes the first file of a name, and this one is no library.
fn hide(folder: &Path) {
    std::fs::write(folder.join("libcuda.so.1"), "").expect("a file");
}

/// What a command says that must succeed.
fn said(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same for scripts.
fn json(output: &Output) -> Value {
    serde_json::from_str(&said(output)).expect("a JSON object")
}

/// The report of a command that must end with this code.
fn report(output: &Output, code: i32) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(!told.contains("panicked at"), "{told}");
    told
}

/// Builds the plans of a site's station.
fn build(libraries: &Libraries, site: &Site) -> Value {
    let built = on(
        libraries,
        NONE,
        site,
        "engine build --config station.toml --json",
    );
    json(&built)
}

/// Files of the folder of plans that begin like this.
fn plans(site: &Site, kind: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(site.path("plans")).expect("a folder of plans");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|file| {
            let name = file.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with(kind)
        })
        .collect();
    files.sort();
    files
}
