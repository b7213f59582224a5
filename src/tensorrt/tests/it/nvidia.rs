//! NVIDIA's own libraries, as far as they go without a GPU: the lean runtimes of TensorRT, and
//! TensorRT-RTX, which has a builder and an ONNX parser, too.
//!
//! `TWINSPECT_NVIDIA` names the folder that `tests/nvidia` has filled; without it these tests say
//! that they are skipped. With a driver they go further, which is expected as well as its absence.

use std::path::{Path, PathBuf};

use twinspect_tensorrt::{BuildLimits, Builder, Direction, Error, Plan, Runtime, TensorRt, Types};

use crate::doubles::{Outcome, run_elsewhere};
use crate::tour::{Stop, expect};

/// The libraries of this name, below the folder.
pub(crate) fn libraries(name: &str) -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("TWINSPECT_NVIDIA") else {
        println!("skipped: TWINSPECT_NVIDIA names no folder with NVIDIA's libraries");
        return Vec::new();
    };
    let mut waiting = vec![PathBuf::from(folder)];
    let mut found = Vec::new();
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder is listed") {
            let path = entry.expect("a folder is listed").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.file_name().is_some_and(|file| file == name) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no {name} below TWINSPECT_NVIDIA");
    found
}

fn check(outcome: &Outcome, version: &str) {
    assert_eq!(outcome.said("version"), Some(version), "{outcome:#?}");
    assert!(outcome.crash.is_none(), "{outcome:#?}");
    assert_eq!(outcome.said("result"), Some("ok"), "{outcome:#?}");
}

#[test]
fn the_lean_runtimes_are_understood() {
    for (name, version) in [
        ("libnvinfer_lean.so.10", "10.16.1 V10"),
        ("libnvinfer_lean.so.11", "11.4.0 V11"),
        ("libnvinfer_dispatch.so.10", "10.16.1 V10"),
    ] {
        for library in libraries(name) {
            check(
                &run_elsewhere(&format!("lean {}", library.display())),
                version,
            );
        }
    }
}

#[test]
fn tensorrt_rtx_reads_and_builds_our_networks() {
    for library in libraries("libtensorrt_rtx.so.1") {
        let parser = library.with_file_name("libtensorrt_onnxparser_rtx.so.1");
        let scenario = format!("rtx {} {}", library.display(), parser.display());
        check(&run_elsewhere(&scenario), "1.7.1 V11");
    }
}

/// Version, and either a runtime that refuses what is no plan, or the reason why there is none.
pub(crate) fn lean(library: &Path) -> Result<(), Stop> {
    let tensorrt = open(library, None)?;
    match Runtime::new(&tensorrt) {
        Ok(_) => garbage_is_refused(&tensorrt)?,
        Err(Error::Refused { call, said }) => {
            println!("@said {said}");
            let told = said
                .lines()
                .iter()
                .any(|line| line.contains("CUDA initialization failure"));
            expect(
                call == "createInferRuntime" && told,
                format!("{call}: {said}"),
            )?;
        }
        Err(error) => return Err(error.into()),
    }
    match Builder::new(&tensorrt) {
        Err(Error::NotLoaded { .. }) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Stop::Noticed("a builder of a runtime".to_owned())),
    }
}

/// The runtime's canaries, plans that are none, and our networks, parsed and built.
pub(crate) fn rtx(library: &Path, parser: &Path) -> Result<(), Stop> {
    let tensorrt = open(library, Some(parser))?;
    garbage_is_refused(&tensorrt)?;
    match Builder::new(&tensorrt)?.parse(b"no ONNX", Types::F32) {
        Err(Error::Parse { complaints, said }) => {
            println!("@complaints {complaints:?} {said}");
            let told = complaints
                .iter()
                .any(|complaint| complaint.text.contains("parse"));
            expect(told, format!("{complaints:?}"))?;
        }
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(Stop::Noticed("no ONNX was read".to_owned())),
    }
    for (name, onnx, expected) in networks() {
        let network = Builder::new(&tensorrt)?.parse(&onnx, Types::F32)?;
        let tensors = network.tensors().iter();
        let found: Vec<_> = tensors
            .map(|tensor| {
                (
                    tensor.direction,
                    tensor.name.as_str(),
                    tensor.shape.as_slice(),
                )
            })
            .collect();
        expect(found == expected, format!("{found:?}"))?;
        let built = network.build(
            &BuildLimits {
                workspace_bytes: 512 << 20,
            },
            None,
        )?;
        let (plan, cache) = (built.plan.as_bytes().len(), built.timing_cache.len());
        println!("@built {name}: plan {plan} bytes, timing cache {cache} bytes");
        expect(plan > 100_000, format!("a plan of {plan} bytes"))?;
        match Runtime::new(&tensorrt)?.engine(&built.plan) {
            Ok(engine) => expect(
                engine.tensors().len() == expected.len(),
                format!("{:?}", engine.tensors()),
            )?,
            Err(Error::Refused { said, .. }) => {
                println!("@said {said}");
                let told = said.lines().iter().any(|line| line.contains("Cuda"));
                expect(
                    told,
                    format!("a plan is refused for another reason: {said}"),
                )?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A name, a network, and its tensors.
type Sample = (
    &'static str,
    Vec<u8>,
    Vec<(Direction, &'static str, &'static [usize])>,
);

/// One of each kind that the trainer makes: both senses of a product, the gate that joins them, and what a refined
/// student has besides, which is attention.
fn networks() -> [Sample; 4] {
    use Direction::{Input, Output};
    let gate = include_bytes!("../fixtures/gate.onnx").to_vec();
    let refinement = include_bytes!("../fixtures/refinement.onnx").to_vec();
    [
        (
            "rgb",
            of_the_product("rgb.onnx"),
            vec![
                (Input, "rgb", &[1, 3, 256, 256]),
                (Output, "maps", &[1, 5, 64, 64]),
            ],
        ),
        (
            "geometry",
            of_the_product("geometry.onnx"),
            vec![
                (Input, "geometry", &[1, 12, 64, 64]),
                (Output, "maps", &[1, 5, 64, 64]),
            ],
        ),
        (
            "gate",
            gate,
            vec![
                (Input, "evidence_rgb", &[1, 3, 64, 64]),
                (Input, "evidence_geometry", &[1, 6, 64, 64]),
                (Input, "valid", &[1, 1, 64, 64]),
                (Output, "fused", &[1, 1, 64, 64]),
                (Output, "weight", &[1, 1, 64, 64]),
            ],
        ),
        (
            "refinement",
            refinement,
            vec![
                (Input, "student.refine2.narrow.conv2.relu", &[1, 64, 16, 16]),
                (Output, "student.refine2.widen", &[1, 112, 16, 16]),
            ],
        ),
    ]
}

fn open(library: &Path, parser: Option<&Path>) -> Result<TensorRt, Stop> {
    let tensorrt = TensorRt::open_files(library, parser)?;
    println!(
        "@version {} {:?}",
        tensorrt.version(),
        tensorrt.generation()
    );
    Ok(tensorrt)
}

fn garbage_is_refused(tensorrt: &TensorRt) -> Result<(), Stop> {
    for garbage in [
        vec![],
        vec![0; 16],
        vec![0xA5; 4096],
        b"not a plan at all".repeat(10),
    ] {
        let plan = Plan::from_trusted_bytes(garbage);
        match Runtime::new(tensorrt)?.engine(&plan) {
            Err(Error::Refused { said, .. }) => {
                println!("@said {said}");
                expect(
                    !said.lines().is_empty(),
                    "a plan is refused without a reason",
                )?;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(Stop::Noticed("garbage was taken for a plan".to_owned())),
        }
    }
    Ok(())
}

/// A network of a bundle that ships with the source.
pub(crate) fn of_the_product(name: &str) -> Vec<u8> {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/cap.twb");
    let mut archive = tar::Archive::new(std::fs::File::open(bundle).expect("a bundle"));
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("a file of a tar");
        if entry.path().expect("a name").as_ref() == Path::new(name) {
            let mut bytes = Vec::new();
            std::io::copy(&mut entry, &mut bytes).expect("a file is read");
            return bytes;
        }
    }
    panic!("no {name} in {bundle}")
}
