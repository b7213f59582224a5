//! The names that a bundle may hold, and how much of everything.

use twinspect_core::modality::Modality;

/// Most bytes that all files of a bundle hold together: 64 MiB.
pub const TOTAL_BYTES_MAX: u64 = 64 << 20;
/// Most files in a bundle.
pub const ENTRIES_MAX: usize = 256;

pub(crate) const MANIFEST: &str = "manifest.toml";
pub(crate) const SUMS: &str = "SHA256SUMS";
pub(crate) const SIGNATURE: &str = "SHA256SUMS.minisig";
pub(crate) const GOLDENS: &str = "goldens";

/// Files that may lie in the folder of one golden.
const GOLDEN_FILES: [&str; 7] = [
    "golden.toml",
    "rgb.png",
    "depth.png",
    "points.f32",
    "rgb.maps",
    "geometry.maps",
    "fusion.maps",
];

/// The network that joins both modalities.
pub(crate) const FUSION_MODEL: &str = "fusion.onnx";

/// The network of a modality.
pub(crate) fn model_file(modality: Modality) -> &'static str {
    match modality {
        Modality::Rgb => "rgb.onnx",
        Modality::Geometry => "geometry.onnx",
    }
}

/// Whether a bundle may hold a file of this name. Everything else is refused, so no name can
/// lead out of the folder that a bundle is unpacked to.
pub(crate) fn is_allowed(name: &str) -> bool {
    match name {
        MANIFEST | SUMS | SIGNATURE => true,
        _ if is_model(name) => true,
        _ => golden_of(name).is_some(),
    }
}

/// Whether the file is a network.
pub(crate) fn is_model(name: &str) -> bool {
    name == FUSION_MODEL || Modality::ALL.iter().any(|m| model_file(*m) == name)
}

/// `("012", "rgb.png")` of `goldens/012/rgb.png`.
pub(crate) fn golden_of(name: &str) -> Option<(&str, &str)> {
    let (golden, file) = name
        .strip_prefix(GOLDENS)?
        .strip_prefix('/')?
        .split_once('/')?;
    (is_golden_name(golden) && GOLDEN_FILES.contains(&file)).then_some((golden, file))
}

/// Three digits.
pub(crate) fn is_golden_name(name: &str) -> bool {
    name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_allowed() {
        for name in [
            "manifest.toml",
            "rgb.onnx",
            "geometry.onnx",
            "fusion.onnx",
            "SHA256SUMS",
            "SHA256SUMS.minisig",
            "goldens/000/golden.toml",
            "goldens/999/points.f32",
            "goldens/999/fusion.maps",
        ] {
            assert!(is_allowed(name), "{name}");
        }
        for name in [
            "",
            "merger.onnx",
            "./manifest.toml",
            "/manifest.toml",
            "../manifest.toml",
            "goldens/../manifest.toml",
            "goldens/000/../../x",
            "goldens/000",
            "goldens/000/",
            "goldens/000/notes.txt",
            "goldens/00/rgb.png",
            "goldens/0000/rgb.png",
            "goldens/00a/rgb.png",
            "goldens/000/sub/rgb.png",
            "goldens000/rgb.png",
            "Manifest.toml",
            "manifest.toml\0",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }
}
