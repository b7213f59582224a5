//! What the owner of a board runs: everything that could not be shown without one.
//!
//! `TWINSPECT_GPU=1 cargo test -p twinspect-tensorrt --test it board -- --nocapture` builds a product's
//! networks with the TensorRT and on the GPU that are there, and runs them in four ways, which must
//! agree. What it prints is what is worth sending back.

use std::path::Path;
use std::time::Instant;

use twinspect_tensorrt::{
    BuildLimits, Builder, Device, Direction, Plan, Runtime, Session, TensorRt, Transfer, Types,
};

use crate::doubles::{Installation, run_elsewhere};
use crate::nvidia::{libraries, of_the_product};
use crate::tour::{NETWORK, Stop, expect};

/// Runs of each kind that are timed.
const RUNS: usize = 50;
/// What rounding may make of numbers about 1, should a GPU not repeat itself to the bit.
const DIFFERENCE_MAX: f32 = 1e-5;

#[test]
fn a_board_runs_a_product_s_networks() {
    if std::env::var_os("TWINSPECT_GPU").is_none() {
        println!("skipped: TWINSPECT_GPU does not say that there is a GPU with TensorRT here");
        return;
    }
    let outcome = run_elsewhere("board product");
    println!("{}", outcome.text);
    assert!(outcome.crash.is_none(), "{outcome:#?}");
    assert_eq!(outcome.said("result"), Some("ok"), "{outcome:#?}");
}

/// The same with TensorRT-RTX, which is what NVIDIA publishes of TensorRT with a builder: it has the tables of 11. It serves
/// few kinds of GPU, and says so of the others.
#[test]
fn a_gpu_runs_a_product_s_networks_by_tensorrt_rtx() {
    if std::env::var_os("TWINSPECT_GPU").is_none() {
        println!("skipped: TWINSPECT_GPU does not say that there is a GPU here");
        return;
    }
    for library in libraries("libtensorrt_rtx.so.1") {
        let parser = library.with_file_name("libtensorrt_onnxparser_rtx.so.1");
        let outcome = run_elsewhere(&format!(
            "board-rtx {} {}",
            library.display(),
            parser.display()
        ));
        println!("{}", outcome.text);
        assert!(outcome.crash.is_none(), "{outcome:#?}");
        let result = outcome.said("result").unwrap_or_default();
        let is_unserved = result.contains("does not support this compute capability");
        assert!(result == "ok" || is_unserved, "{outcome:#?}");
    }
}

/// The same on doubles, so that it works on the day when there is a board.
#[test]
fn what_a_board_is_asked_works_on_doubles() {
    for release in ["8.5.2", "10.3.0", "11.4.0"] {
        let outcome = Installation::of(release).run("board double", "", "");
        assert!(outcome.is_good(), "{release}: {outcome:#?}");
        assert!(
            outcome.text.contains("@run network mapped, graph: "),
            "{outcome:#?}"
        );
    }
}

/// A network's name, and its ONNX.
type Named = (&'static str, Vec<u8>);

fn networks() -> Vec<Named> {
    let networks = ["rgb.onnx", "geometry.onnx"];
    networks.map(|name| (name, of_the_product(name))).to_vec()
}

pub(crate) fn prove(of: &str) -> Result<(), Stop> {
    let networks = match of {
        "double" => vec![("network", NETWORK.as_bytes().to_vec())],
        _ => networks(),
    };
    prove_with(&Device::open(0)?, &TensorRt::open()?, networks)
}

pub(crate) fn prove_rtx(library: &Path, parser: &Path) -> Result<(), Stop> {
    let device = Device::open(0)?;
    let tensorrt = TensorRt::open_files(library, Some(parser))?;
    prove_with(&device, &tensorrt, networks())
}

fn prove_with(device: &Device, tensorrt: &TensorRt, networks: Vec<Named>) -> Result<(), Stop> {
    println!("@device {:?}", device.facts());
    println!("@version {} of {:?}", tensorrt.version(), tensorrt.file());
    for (name, onnx) in networks {
        let start = Instant::now();
        let network = Builder::new(tensorrt)?.parse(&onnx, Types::F32)?;
        let built = network.build(
            &BuildLimits {
                workspace_bytes: 1 << 30,
            },
            None,
        )?;
        let bytes = built.plan.as_bytes().len();
        println!(
            "@built {name}: {bytes} bytes in {:.1} s",
            start.elapsed().as_secs_f32()
        );
        agree(name, &answers(name, tensorrt, device, &built.plan)?)?;
    }
    Ok(())
}

/// What a plan answers in each way of running it.
fn answers(
    name: &str,
    tensorrt: &TensorRt,
    device: &Device,
    plan: &Plan,
) -> Result<Vec<Vec<f32>>, Stop> {
    let mut answers = Vec::new();
    for (kind, transfer) in [("mapped", Transfer::Mapped), ("copied", Transfer::Copied)] {
        let engine = Runtime::new(tensorrt)?.engine(plan)?;
        let tensors = engine.tensors().to_vec();
        let mut session = Session::new(engine, device, transfer)?;
        for tensor in tensors
            .iter()
            .filter(|tensor| tensor.direction == Direction::Input)
        {
            for (index, number) in session.input(&tensor.name)?.iter_mut().enumerate() {
                *number = (index as f32 * 0.37).sin();
            }
        }
        for way in ["queued", "graph"] {
            if way == "graph" {
                session.record()?;
            }
            println!("@run {name} {kind}, {way}: {}", timed(&mut session)?);
            let mut answer = Vec::new();
            for tensor in tensors
                .iter()
                .filter(|tensor| tensor.direction == Direction::Output)
            {
                answer.extend_from_slice(session.output(&tensor.name)?);
            }
            answers.push(answer);
        }
    }
    Ok(answers)
}

/// Median and slowest of some runs.
fn timed(session: &mut Session) -> Result<String, Stop> {
    session.launch()?.wait()?;
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        session.launch()?.wait()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(format!(
        "{:?}, at most {:?}",
        times[RUNS / 2],
        times[RUNS - 1]
    ))
}

fn agree(name: &str, answers: &[Vec<f32>]) -> Result<(), Stop> {
    let first = &answers[0];
    let (low, high) = first
        .iter()
        .fold((f32::MAX, f32::MIN), |(low, high), &number| {
            (low.min(number), high.max(number))
        });
    println!("@range {name}: {low} to {high}");
    expect(
        low.is_finite() && high.is_finite() && low < high,
        format!("{low} to {high}"),
    )?;
    for other in answers {
        let differences = first.iter().zip(other).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        if other.len() != first.len() || worst > DIFFERENCE_MAX * high.abs().max(1.0) {
            return Err(Stop::Wrong(format!("{name}: ways differ by {worst}")));
        }
    }
    Ok(())
}
