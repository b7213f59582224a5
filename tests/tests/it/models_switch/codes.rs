//! A refusal ends its command with the same exit code, whether the station runs or not.

use std::process::Output;

use twinspect_store::models::ModelId;

use super::{by_request, recorded, sound, start, start_under, with_two};
use crate::bad_input::STORAGE;
use crate::binaries::{program, run};
use crate::product::Site;

/// A station that `twinspect model` finds while it runs.
fn answering() -> Site {
    let site = by_request(1_000);
    let control = "[control]\nsocket = \"run/control.sock\"\n[page]";
    site.edit("station.toml", "[page]", control);
    site
}

fn model(site: &Site, arguments: &str) -> Output {
    let mut command = program("twinspect");
    command
        .current_dir(site.path(""))
        .arg("model")
        .args(arguments.split(' '))
        .args(["--config", "station.toml"]);
    run(&mut command)
}

fn damage(site: &Site, id: &ModelId) {
    let network = format!("models/installed/{id}/rgb.onnx");
    let mut bytes = site.read(&network);
    bytes[100] ^= 1;
    site.write(&network, bytes);
}

#[test]
fn a_model_at_fault_is_told_alike_by_a_station_that_runs_and_one_that_does_not() {
    let site = answering();
    let [_, new] = with_two(&site, sound);
    damage(&site, &new);
    let codes = |site: &Site| {
        ["rollback", "activate block-1.1.0", "activate lid"]
            .map(|arguments| model(site, arguments).status.code())
    };
    assert_eq!(codes(&site), [Some(4); 3]);
    let service = start(site);
    assert_eq!(codes(&service.site), [Some(4); 3]);
    // What nobody is to blame for is a wish that can't be fulfilled.
    let again = model(&service.site, "activate block-1.0.0");
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    service.stop();
}

#[test]
fn a_disk_at_fault_is_told_as_such_by_a_station_that_runs() {
    let site = answering();
    let [old, new] = with_two(&site, sound);
    let service = start_under(site, "model:fail@1");
    let refused = model(&service.site, &format!("activate {new}"));
    assert_eq!(refused.status.code(), Some(STORAGE), "{refused:?}");
    service.wait_until(|status| status["ready"] == true);
    assert_eq!(recorded(&service.site), (old, None));
    service.stop();
}
