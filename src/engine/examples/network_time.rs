//! Networks that an engine of the CPU runs, for whoever times it from outside: when it says `ready`, the first line on standard
//! input has them loaded, and each further one has them run as often as it says; `done` tells when. Several run side by side, in a pool
//! of so many threads. `docs/results/native_time.py` starts it beside onnxruntime.
//!
//! ```text
//! network_time native|tract THREADS FOLDER...
//! ```
//!
//! A folder holds `network.onnx`, a file `shapes` with a line of sizes for each input, and the inputs' values, `input0.f32`,
//! `input1.f32` and so on. At the end of standard input the last run's results are written there, `output0.f32` and so on.
#![expect(clippy::print_stdout, reason = "a program for scripts")]

use std::error::Error;
use std::io::BufRead as _;
use std::num::{NonZero, ParseIntError};
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};

use twinspect_engine::tract::{Model, ModelError};
use twinspect_engine::{NativeNetwork, Network};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let engine = arguments.next().unwrap_or_default();
    let usage = "usage: network_time native|tract THREADS FOLDER...";
    let threads = arguments.next().ok_or(usage)?.parse()?;
    let folders: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    match engine.as_str() {
        "native" => serve::<NativeNetwork>(threads, &folders),
        "tract" => serve::<Model>(threads, &folders),
        _ => Err(usage.into()),
    }
}

fn serve<N: Network>(threads: NonZero<usize>, folders: &[PathBuf]) -> Result<(), Failure> {
    let given = folders.iter().map(|folder| Given::read(folder));
    let given = given.collect::<Result<Vec<_>, _>>()?;
    println!("ready");
    let mut lines = std::io::stdin().lock().lines();
    lines.next().transpose()?;
    let tasks = given
        .into_iter()
        .map(|given| Task::<N>::load(given, threads));
    let mut tasks = tasks.collect::<Result<Vec<_>, _>>()?;
    let not_ours: Vec<&str> = tasks.iter().filter_map(Task::by_tract).collect();
    println!("done {}", not_ours.join("; "));

    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
    // One thread runs them where it stands, as an engine does.
    let pool = (threads.get() > 1).then(|| pool.build()).transpose()?;
    for line in lines {
        for _ in 0..line?.trim().parse::<usize>()? {
            match &pool {
                Some(pool) => pool.install(|| tasks.par_iter_mut().try_for_each(Task::run))?,
                None => tasks.iter_mut().try_for_each(Task::run)?,
            }
        }
        println!("done");
    }
    tasks.iter().zip(folders).try_for_each(Task::write)
}

/// What a folder holds.
struct Given {
    onnx: Vec<u8>,
    shapes: Vec<Vec<usize>>,
    inputs: Vec<Vec<f32>>,
}

impl Given {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let shapes = fs_err::read_to_string(folder.join("shapes"))?;
        let sizes = |line: &str| line.split_whitespace().map(str::parse).collect();
        let shapes: Vec<Vec<usize>> = shapes
            .lines()
            .map(sizes)
            .collect::<Result<_, ParseIntError>>()?;
        let inputs = (0..shapes.len()).map(|index| {
            let raw = fs_err::read(folder.join(format!("input{index}.f32")))?;
            let (values, _) = raw.as_chunks::<4>();
            Ok(values.iter().copied().map(f32::from_le_bytes).collect())
        });
        Ok(Self {
            onnx: fs_err::read(folder.join("network.onnx"))?,
            inputs: inputs.collect::<Result<_, Failure>>()?,
            shapes,
        })
    }
}

/// A network with what goes in and what came out.
struct Task<N> {
    network: N,
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

impl<N: Network> Task<N> {
    fn load(given: Given, threads: NonZero<usize>) -> Result<Self, ModelError> {
        let shapes: Vec<&[usize]> = given.shapes.iter().map(Vec::as_slice).collect();
        let network = N::load(&given.onnx, &shapes, threads)?;
        let outputs = network.outputs().iter();
        Ok(Self {
            inputs: given.inputs,
            outputs: outputs.map(|output| vec![0.0; output.len()]).collect(),
            network,
        })
    }

    fn by_tract(&self) -> Option<&str> {
        self.network.by_tract()
    }

    fn run(&mut self) -> Result<(), ModelError> {
        let inputs: Vec<&[f32]> = self.inputs.iter().map(Vec::as_slice).collect();
        let outputs = self.outputs.iter_mut().map(Vec::as_mut_slice);
        self.network
            .run(&inputs, &mut outputs.collect::<Vec<&mut [f32]>>())
    }

    fn write((task, folder): (&Self, &PathBuf)) -> Result<(), Failure> {
        for (index, values) in task.outputs.iter().enumerate() {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            fs_err::write(folder.join(format!("output{index}.f32")), bytes)?;
        }
        Ok(())
    }
}
