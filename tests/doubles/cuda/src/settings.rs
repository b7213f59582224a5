//! What a test wants of the double.

use std::sync::OnceLock;

pub(crate) struct Settings {
    /// Which call fails, and how.
    pub(crate) fail: Option<(u64, i32)>,
    /// From which kernel on they break off, and how.
    pub(crate) kernel: Option<(u64, i32)>,
    /// What queuing gives in a capture.
    pub(crate) capture: Option<i32>,
    pub(crate) devices: i32,
    pub(crate) is_integrated: bool,
    pub(crate) is_silent: bool,
}

/// Read once, from `TWINSPECT_DOUBLE_CUDA`.
pub(crate) fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let mut settings = Settings {
            fail: None,
            kernel: None,
            capture: None,
            devices: 1,
            is_integrated: true,
            is_silent: false,
        };
        let words = std::env::var("TWINSPECT_DOUBLE_CUDA").unwrap_or_default();
        for word in words.split(',').filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                Some(("fail", value)) => {
                    let (call, code) = value.split_once(':').expect("fail=N:CODE");
                    settings.fail = Some((number(call), number(code)));
                }
                Some(("kernel", value)) => {
                    let (kernel, code) = value.split_once(':').expect("kernel=N:CODE");
                    settings.kernel = Some((number(kernel), number(code)));
                }
                Some(("capture", code)) => settings.capture = Some(number(code)),
                Some(("devices", value)) => settings.devices = number(value),
                // SAFETY: it takes a number, and nothing comes after it.
                Some(("exit", code)) => unsafe { libc::_exit(number(code)) },
                None if word == "crash" => std::process::abort(),
                None if word == "discrete" => settings.is_integrated = false,
                None if word == "silent" => settings.is_silent = true,
                _ => panic!("TWINSPECT_DOUBLE_CUDA: {word}"),
            }
        }
        settings
    })
}

fn number<N: std::str::FromStr>(text: &str) -> N {
    let number = text.parse().ok();
    number.unwrap_or_else(|| panic!("TWINSPECT_DOUBLE_CUDA: {text} is no number"))
}
