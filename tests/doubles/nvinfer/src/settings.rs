//! What a test wants of the double.

use std::sync::OnceLock;

#[derive(Default)]
pub(crate) struct Settings {
    /// `10.3.0`
    pub(crate) release: String,
    /// Which call fails.
    pub(crate) fail: Option<u64>,
    /// Which build never ends.
    pub(crate) stuck: Option<u64>,
    /// Interface, method, and how far it moves.
    pub(crate) swap: Option<(String, String, isize)>,
    /// What is set and not kept.
    deaf: Option<String>,
    pub(crate) is_noisy: bool,
    /// What outputs are multiplied by.
    pub(crate) gain: Option<f32>,
    /// What outputs of networks with casts to 16 bits are multiplied by.
    pub(crate) half_gain: Option<f32>,
}

impl Settings {
    /// Whether something of this kind is kept when it is set.
    pub(crate) fn hears(&self, what: &str) -> bool {
        self.deaf.as_deref() != Some(what)
    }
}

/// Read once, from `TWINSPECT_DOUBLE_NVINFER`.
pub(crate) fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let mut settings = Settings::default();
        let words = std::env::var("TWINSPECT_DOUBLE_NVINFER").unwrap_or_default();
        for word in words.split(',').filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                Some(("release", release)) => release.clone_into(&mut settings.release),
                Some(("fail", call)) => settings.fail = Some(call.parse().expect("fail=N")),
                Some(("stuck", build)) => {
                    settings.stuck = Some(build.parse().expect("stuck=N"));
                }
                Some(("swap", swap)) => {
                    let parts: Vec<&str> = swap.split(':').collect();
                    let [interface, method, by] = parts[..] else {
                        crate::object::wrong("swap=INTERFACE:METHOD:BY")
                    };
                    let by = by.parse().expect("-1 or +1");
                    settings.swap = Some((interface.to_owned(), method.to_owned(), by));
                }
                Some(("deaf", what)) => settings.deaf = Some(what.to_owned()),
                Some(("gain", gain)) => {
                    settings.gain = Some(gain.parse().expect("gain=FACTOR"));
                }
                Some(("half_gain", gain)) => {
                    settings.half_gain = Some(gain.parse().expect("half_gain=FACTOR"));
                }
                None if word == "noisy" => settings.is_noisy = true,
                _ => crate::object::wrong(&format!("TWINSPECT_DOUBLE_NVINFER: {word}")),
            }
        }
        settings
    })
}
