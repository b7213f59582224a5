//! Installed models, as a technician looks after them: `twinspect model`.

mod damage;
mod hostile;
mod kills;
mod life;
mod locks;
mod push;
mod swapped;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use twinspect_bundle::Bundle;

use crate::bad_input::bundles::seal;
use crate::binaries::{program, run};
use crate::product::Site;
use crate::workspace::all_files;

/// The station of a site that goes by its own store.
fn site() -> Site {
    let site = Site::new();
    site.edit("station.toml", "file = \"block.twb\"", "active = true");
    site.edit(
        "station.toml",
        "[camera]",
        "[models]\nfolder = \"models\"\n[camera]",
    );
    site
}

/// Another version of the site's product, as `VERSION.twb`; its hash.
fn version(site: &Site, version: &str) -> String {
    let text = String::from_utf8(site.read("block/manifest.toml")).expect("a manifest");
    let old = text.lines().find(|line| line.starts_with("version"));
    let old = old.expect("a version").to_owned();
    site.edit(
        "block/manifest.toml",
        &old,
        &format!("version = \"{version}\""),
    );
    seal(site);
    let archive = site.path(format!("{version}.twb"));
    let packed = twinspect_bundle::pack(site.path("block"), archive).expect("a sound bundle");
    packed.hash().to_owned()
}

/// Runs `twinspect model` in a site, for its station.
fn model(site: &Site, arguments: &str) -> Output {
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .arg("model")
        .args(arguments.split(' '))
        .args(["--config", "station.toml"])
        .stdin(Stdio::null());
    run(&mut command)
}

/// The JSON answer of a command that must succeed.
fn done(site: &Site, arguments: &str) -> Value {
    let output = model(site, &format!("{arguments} --json"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {said}");
    serde_json::from_slice(&output.stdout).expect("a JSON object")
}

/// The report of a command that must end with this code.
fn refused(site: &Site, arguments: &str, code: i32) -> String {
    let output = model(site, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.contains("hint: "), "no remedy in: {said}");
    said
}

/// Every file of the site's store with its content, but for the lock.
fn listing(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let folder = site.path("models");
    if !folder.exists() {
        return BTreeMap::new();
    }
    let name = |file: &Path| {
        let name = file.strip_prefix(&folder).expect("a file of the folder");
        name.display().to_string()
    };
    let files = all_files(&folder).into_iter();
    files
        .map(|file| (name(&file), std::fs::read(&file).expect("a file")))
        .filter(|(name, _)| name != ".lock")
        .collect()
}

/// The model that the station has, if any; it must open.
fn active(site: &Site) -> Option<String> {
    let listed = done(site, "list");
    let models = listed["models"].as_array().expect("a list");
    let mut active = models.iter().filter(|model| {
        let stations = model["active_for"].as_array().expect("a list");
        stations.iter().any(|station| station == "station")
    });
    let found = active.next()?;
    let path = found["path"].as_str().expect("a path");
    Bundle::open(site.path(path)).expect("the active model is whole");
    Some(found["id"].as_str().expect("text").to_owned())
}
