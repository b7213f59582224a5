//! The scenarios, each in a process of its own.

use std::path::Path;

use twinspect_double_nvinfer::Counter;
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
        ["board", of] => crate::board::prove(of),
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
        ("alive-nvinfer", Counter::NvinferAlive),
        ("calls-nvinfer", Counter::NvinferCalls),
    ] {
        println!("@{key} {}", counter.read());
    }
}

fn open() -> Result<(), Stop> {
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
}
