//! The scenarios, each in a process of its own.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use twinspect_double_nvinfer::{Counter, Misuse};
use twinspect_tensorrt::{Device, Error, TensorRt};

use crate::tour::{self, Stop};

/// Plays the scenario that `TWINSPECT_SCENARIO` names. Without one, as in an ordinary run of all
/// tests, it does nothing.
#[test]
fn play() {
    let Ok(scenario) = std::env::var("TWINSPECT_SCENARIO") else {
        return;
    };
    let words: Vec<&str> = scenario.split(' ').collect();
    let result = match words[..] {
        ["open"] => open(),
        ["tour", transfer, types] => tour::run(transfer, types),
        ["panicking", transfer, types] => panicking(transfer, types),
        ["misuse", what] => misuse(what),
        ["board", of] => crate::board::prove(of),
        ["board-rtx", library, parser] => {
            crate::board::prove_rtx(Path::new(library), Path::new(parser))
        }
        ["lean", library] => crate::nvidia::lean(Path::new(library)),
        ["rtx", library, parser] => crate::nvidia::rtx(Path::new(library), Path::new(parser)),
        _ => panic!("no scenario {scenario}"),
    };
    match result {
        Ok(()) => println!("@result ok"),
        Err(Stop::Wrong(what)) => println!("@result WRONG {what}"),
        Err(Stop::Noticed(what)) => println!("@result noticed {what}"),
        Err(Stop::Error(error)) => tell(&error),
    }
    for (key, counter) in [
        ("alive-cuda", Counter::CudaAlive),
        ("calls-cuda", Counter::CudaCalls),
        ("graphs-cuda", Counter::CudaGraphs),
        ("alive-nvinfer", Counter::NvinferAlive),
        ("calls-nvinfer", Counter::NvinferCalls),
    ] {
        println!("@{key} {}", counter.read());
    }
}

fn open() -> Result<(), Stop> {
    log::set_logger(&Telling).expect("the first log of this process");
    log::set_max_level(log::LevelFilter::Warn);
    let device = Device::open(0)?;
    println!("@device {:?}", device.facts());
    let tensorrt = TensorRt::open()?;
    println!(
        "@version {} {:?}",
        tensorrt.version(),
        tensorrt.generation()
    );
    println!("@file {:?}", tensorrt.file());
    Ok(())
}

/// Says what is logged as a warning.
struct Telling;

impl log::Log for Telling {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        println!("@warned {}", record.args());
    }

    fn flush(&self) {}
}

/// The tour in a program whose log panics.
fn panicking(transfer: &str, types: &str) -> Result<(), Stop> {
    log::set_logger(&Panicking).expect("the first log of this process");
    log::set_max_level(log::LevelFilter::Trace);
    let result = tour::run(transfer, types);
    println!("@panics {}", PANICS.load(Ordering::Relaxed));
    result
}

/// Panics at what TensorRT tells beside errors and warnings, on whatever thread it does.
struct Panicking;

static PANICS: AtomicU64 = AtomicU64::new(0);

impl log::Log for Panicking {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() > log::Level::Warn {
            PANICS.fetch_add(1, Ordering::Relaxed);
            panic!("a log that panics at {}", record.args());
        }
    }

    fn flush(&self) {}
}

fn misuse(what: &str) -> Result<(), Stop> {
    let mut all = Misuse::ALL.into_iter();
    let misuse = all.find(|misuse| format!("{misuse:?}") == what);
    misuse.expect("a known misuse").make();
    Err(Stop::Wrong("the doubles bear it".to_owned()))
}

fn tell(error: &Error) {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text} | {source}");
        next = source.source();
    }
    println!("@result error {text}");
    println!("@hint {}", error.hint().unwrap_or("none"));
    println!("@sticky {}", error.is_sticky());
    println!("@absent {}", error.is_absent());
}
