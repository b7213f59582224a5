//! Networks at 16 bits, read and built by NVIDIA's own TensorRT-RTX, which obeys their types and needs no GPU for that.
//!
//! `TWINSPECT_NVIDIA` names the folder that `src/tensorrt/tests/nvidia` has filled; without it this says that it is
//! skipped.

use std::path::PathBuf;

use twinspect_tensorrt::{Builder, TensorRt, Types};

use super::*;
use crate::native::with_causes;
use crate::tensorrt::half::halve;

/// What a refined student has besides: convolutions around attention, which stays at 32 bits.
const REFINEMENT: &[u8] = include_bytes!("../../../../tensorrt/tests/fixtures/refinement.onnx");
/// A real builder wants more than the doubles.
const ROOM: BuildLimits = BuildLimits {
    workspace_bytes: 512 << 20,
};
const LIBRARY: &str = "libtensorrt_rtx.so.1";
const PARSER: &str = "libtensorrt_onnxparser_rtx.so.1";

#[test]
fn nvidia_s_own_parser_and_builder_take_networks_at_16_bits() {
    if std::env::var_os("TWINSPECT_NVIDIA").is_none() {
        println!("skipped: TWINSPECT_NVIDIA names no folder with NVIDIA's libraries");
        return;
    }
    // Without doubles: NVIDIA's library would take that of the driver for one.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tensorrt::tests::play", "--nocapture"]);
    child
        .env("TWINSPECT_SCENARIO", "typed")
        .env("TWINSPECT_FOLDER", "none");
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    for name in ["rgb", "geometry", "refinement"] {
        println!("{name}: {}", said(&text, name));
    }
}

pub(super) fn typed() {
    let library = library();
    let parser = library.with_file_name(PARSER);
    let tensorrt = TensorRt::open_files(&library, Some(&parser)).unwrap();
    let bytes = |name: &str, onnx: &[u8], types| {
        let built = Builder::new(&tensorrt)
            .and_then(|builder| builder.parse(onnx, types))
            .and_then(|network| network.build(&ROOM, None));
        let built = built.unwrap_or_else(|error| panic!("{name}: {}", with_causes(&error)));
        built.plan.as_bytes().len()
    };
    let cap = cap();
    let [rgb, geometry] = Modality::ALL.map(|modality| cap.stage_model(modality).unwrap());
    for (name, onnx) in [
        ("rgb", rgb),
        ("geometry", geometry),
        ("refinement", REFINEMENT),
    ] {
        let halved = halve(onnx).unwrap();
        assert!(!halved.nodes.is_empty(), "{name}");
        let single = bytes(name, onnx, Types::F32);
        let half = bytes(name, &halved.typed, Types::AsTyped);
        println!("@{name} plan {half} bytes, {single} at 32 bits");
        // The types were obeyed: weights are most of these two.
        assert!(name == "refinement" || half * 4 < single * 3, "{name}");
    }
}

fn library() -> PathBuf {
    let mut waiting = vec![PathBuf::from(std::env::var_os("TWINSPECT_NVIDIA").unwrap())];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.ends_with(LIBRARY) {
                return path;
            }
        }
    }
    panic!("no {LIBRARY} below TWINSPECT_NVIDIA")
}
