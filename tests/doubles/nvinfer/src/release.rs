//! The release that the double is, and its tables.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::settings::settings;

/// The tables of one release.
pub(crate) struct Release {
    pub(crate) name: &'static str,
    /// What `getInferLibVersion` says.
    pub(crate) number: i32,
    /// The slots of each interface: `setMaxThreads(i32) -> bool`.
    pub(crate) interfaces: HashMap<&'static str, Vec<&'static str>>,
}

const FILES: [(&str, &str); 6] = [
    (
        "8.5.2",
        include_str!("../../../../src/tensorrt/slots/8.5.2.txt"),
    ),
    (
        "8.6.1",
        include_str!("../../../../src/tensorrt/slots/8.6.1.txt"),
    ),
    (
        "10.3.0",
        include_str!("../../../../src/tensorrt/slots/10.3.0.txt"),
    ),
    (
        "10.13.3",
        include_str!("../../../../src/tensorrt/slots/10.13.3.txt"),
    ),
    (
        "10.16.1",
        include_str!("../../../../src/tensorrt/slots/10.16.1.txt"),
    ),
    (
        "11.4.0",
        include_str!("../../../../src/tensorrt/slots/11.4.0.txt"),
    ),
];

/// The release that a test wants.
pub(crate) fn release() -> &'static Release {
    static RELEASE: OnceLock<Release> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let name = settings().release.as_str();
        let file = FILES.iter().find(|(known, _)| *known == name);
        Release {
            name,
            number: number(name),
            interfaces: file.map(|(_, text)| interfaces(text)).unwrap_or_default(),
        }
    })
}

fn number(name: &str) -> i32 {
    let parts: Vec<i32> = name
        .split('.')
        .map(|part| part.parse().expect("a release"))
        .collect();
    let [major, minor, patch] = parts[..] else {
        crate::object::wrong("a release has three numbers")
    };
    // 1 is TensorRT-RTX, which writes its numbers as 10 does.
    let factor = if (2..10).contains(&major) {
        1_000
    } else {
        10_000
    };
    major * factor + minor * 100 + patch
}

fn interfaces(text: &'static str) -> HashMap<&'static str, Vec<&'static str>> {
    let mut interfaces = HashMap::<_, Vec<_>>::new();
    let mut section = "";
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let (_, method) = line.split_once(' ').expect("a slot and a method");
            interfaces.entry(section).or_default().push(method.trim());
        }
    }
    interfaces
}
