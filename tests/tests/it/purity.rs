//! What the source must not contain: `unsafe` outside its places, and the world inside `core`.

use std::path::Path;

use crate::source_text::{code, words};
use crate::workspace::{files, packages, root};

/// Where `unsafe` may be written, below the root.
const UNSAFE_PLACES: [&str; 7] = [
    "src/camera/src/librealsense",
    "src/nn/src/kernels",
    "src/tensorrt/src/abi",
    "src/tensorrt/src/cuda",
    "src/tensorrt/src/library.rs",
    "src/tensorrt/src/session.rs",
    "tests/doubles",
];

/// Packages that can't forbid it as a whole, because they have such a place. It is denied there.
const UNSAFE_PACKAGES: [&str; 7] = [
    "twinspect-camera",
    "twinspect-nn",
    "twinspect-tensorrt",
    "twinspect-double-cuda",
    "twinspect-double-nvinfer",
    "twinspect-double-onnx",
    "twinspect-double-realsense",
];

/// Modules of the standard library that `core` must not name.
const OUTSIDE_WORLD: [&str; 7] = ["env", "fs", "io", "net", "os", "process", "thread"];

/// Names of clocks, and of state that outlives a call.
const CLOCKS_AND_GLOBALS: [&str; 7] = [
    "Instant",
    "SystemTime",
    "thread_local",
    "OnceLock",
    "LazyLock",
    "Mutex",
    "RwLock",
];

/// Every source file of the workspace's packages, with its code and its path below the root.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut sources = Vec::new();
    for package in packages() {
        let folder = package
            .manifest_path
            .parent()
            .expect("a manifest lies in a folder")
            .join("src");
        // `twinspect-chaos` has none of its own: it is the device's.
        if !folder.is_dir() {
            continue;
        }
        for file in files(folder.as_std_path(), "rs") {
            let text = std::fs::read_to_string(&file).expect("a source file is text");
            let name = file.strip_prefix(&root).unwrap_or(&file);
            sources.push((name.display().to_string(), code(&text)));
        }
    }
    assert!(
        sources.len() > 50,
        "only {} source files found",
        sources.len()
    );
    sources
}

#[test]
fn unsafe_code_stays_in_its_places() {
    for (file, code) in sources() {
        if UNSAFE_PLACES
            .iter()
            .any(|place| Path::new(&file).starts_with(place))
        {
            continue;
        }
        for (number, line) in code.lines().enumerate() {
            let found = words(line).any(|word| word == "unsafe");
            assert!(
                !found,
                "{file}:{}: unsafe code outside {UNSAFE_PLACES:?}",
                number + 1
            );
        }
    }
}

#[test]
fn every_package_forbids_unsafe_code_or_takes_the_lints_that_deny_it() {
    let lints = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is read");
    let lints: toml::Table = toml::from_str(&lints).expect("the manifest is TOML");
    assert_eq!(
        lints["workspace"]["lints"]["rust"]["unsafe_code"].as_str(),
        Some("deny")
    );
    for package in packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest is read");
        let manifest: toml::Table = toml::from_str(&manifest).expect("a manifest is TOML");
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool)
            .unwrap_or(false);
        assert!(
            inherits,
            "{} does not take the workspace's lints",
            package.name
        );
        for target in package.targets.iter().filter(|target| target.is_lib()) {
            if UNSAFE_PACKAGES.contains(&package.name.as_str()) {
                continue;
            }
            let text = std::fs::read_to_string(&target.src_path).expect("a crate root is read");
            assert!(
                code(&text).contains("#![forbid(unsafe_code)]"),
                "{} does not forbid unsafe code",
                target.src_path
            );
        }
    }
}

/// First pieces of all `std::` paths of a piece of code, from `use std::{a, b::c}` too.
fn standard_modules(code: &str) -> Vec<String> {
    let dense: String = code
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let mut found = Vec::new();
    for (at, start) in dense.match_indices("std::") {
        let rest = &dense[at + start.len()..];
        match rest.strip_prefix('{') {
            None => found.extend(words(rest).next().map(str::to_owned)),
            Some(group) => found.extend(group_members(group)),
        }
    }
    found
}

/// First word of each member of `a::b,c::{d,e},f}`.
fn group_members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut members = vec![String::new()];
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            _ => {}
        }
        if let Some(member) = members.last_mut() {
            member.push(character);
        }
    }
    members
        .iter()
        .filter_map(|member| words(member).next().map(str::to_owned))
        .collect()
}

#[test]
fn core_knows_nothing_of_the_world_outside() {
    for (file, code) in sources() {
        if !file.starts_with("src/core/") {
            continue;
        }
        for module in standard_modules(&code) {
            assert!(
                !OUTSIDE_WORLD.contains(&module.as_str()),
                "{file} uses std::{module}"
            );
        }
        for word in words(&code) {
            assert!(!CLOCKS_AND_GLOBALS.contains(&word), "{file} uses {word}");
        }
    }
}

#[test]
fn groups_of_imports_are_seen_through() {
    let found = standard_modules("use std::{fmt, io::{self, Read}, net};\nstd::fs::read(x)");
    assert_eq!(found, ["fmt", "io", "net", "fs"]);
}
