//! The scenarios, each in a process of its own.

use std::path::Path;

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
    for (key, library, function) in [
        ("alive-cuda", "libcuda.so.1", "double_cuda_alive"),
        ("calls-cuda", "libcuda.so.1", "double_cuda_calls"),
        ("alive-nvinfer", "libnvinfer.so", "double_nvinfer_alive"),
        ("calls-nvinfer", "libnvinfer.so", "double_nvinfer_calls"),
    ] {
        println!("@{key} {}", count(library, function));
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

/// A counter of a double, 0 if it is not loaded.
#[expect(unsafe_code, reason = "asks a library that was loaded by name")]
fn count(library: &str, function: &str) -> u64 {
    use libloading::os::unix::{Library, RTLD_LAZY};
    const NOT_NOW: i32 = 4;
    let names = match library {
        "libnvinfer.so" => vec!["libnvinfer.so.8", "libnvinfer.so.10", "libnvinfer.so.11"],
        name => vec![name],
    };
    for name in names {
        // SAFETY: only a library that is loaded already is opened; the counters of doubles have
        // this type.
        let count = unsafe {
            let Ok(library) = Library::open(Some(name), RTLD_LAZY | NOT_NOW) else {
                continue;
            };
            let counter = library.get::<unsafe extern "C" fn() -> u64>(function.as_bytes());
            counter.map(|counter| counter()).unwrap_or(0)
        };
        return count;
    }
    0
}
