//! Another bundle, a link or a pipe in the place of what the store has put there: nobody goes by it, waits for it or follows it.

use std::os::unix::fs::symlink;

use super::*;
use crate::bad_input::STORAGE;
use crate::binaries::succeed;
use crate::service::Service;
use crate::station::endless;

/// Installs this version, and returns its name and where it lies.
fn installed(site: &Site, number: &str) -> (String, String) {
    version(site, number);
    let answer = done(site, &format!("install {number}.twb"));
    let text = |key: &str| answer[key].as_str().expect("text").to_owned();
    (text("id"), text("path"))
}

/// What `twinspect` reports that must end with this code.
fn told(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = run(program("twinspect")
        .current_dir(site.path(""))
        .args(arguments));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

/// Removes a file and makes a pipe, which nobody writes into or reads.
fn pipe(site: &Site, name: &str) {
    std::fs::remove_file(site.path(name)).expect("it was there");
    succeed(std::process::Command::new("mkfifo").arg(site.path(name)));
}

const RUN: &[&str] = &["run", "--config", "station.toml", "--json"];

#[test]
fn nobody_goes_by_another_bundle_under_a_model_s_name() {
    let site = site();
    let (_, one) = installed(&site, "1.0.0");
    let (_, other) = installed(&site, "1.1.0");
    done(&site, "activate block-1.0.0");
    std::fs::remove_dir_all(site.path(&one)).expect("it goes");
    site.rename(&other, &one);
    for arguments in [
        RUN,
        &["check", "--config", "station.toml"],
        &["check", "--config", "station.toml", "--engine"],
        &["check", "--bundle", one.as_str()],
        &["model", "verify", "--config", "station.toml"],
    ] {
        let said = told(&site, arguments, 4);
        for words in [
            "holds the files of another bundle, with hash",
            "hint: the installed model was damaged",
            "`twinspect model install FILE`",
        ] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
    assert_eq!(done(&site, "install 1.0.0.twb")["is_new"], true);
    assert_eq!(
        done(&site, "activate block-1.0.0")["active"],
        done(&site, "verify")["id"]
    );
    told(&site, RUN, 0);
}

#[test]
fn a_station_with_another_bundle_under_its_model_s_name_begins_with_the_one_before() {
    let site = endless();
    site.edit("station.toml", "file = \"block.twb\"", "active = true");
    let more = "[models]\nfolder = \"models\"\n[control]\nsocket = \"run/control.sock\"\n[camera]";
    site.edit("station.toml", "[camera]", more);
    installed(&site, "1.0.0");
    done(&site, "activate block-1.0.0");
    let (_, active) = installed(&site, "1.1.0");
    done(&site, "activate block-1.1.0");
    let (_, other) = installed(&site, "1.2.0");
    std::fs::remove_dir_all(site.path(&active)).expect("it goes");
    site.rename(&other, &active);
    let mut service = Service::start_with(site, |command, _| {
        command.arg("--json");
    });
    service.wait_for("STATUS=ready");
    let status = service.answer("status");
    assert_eq!(status["inspector"]["model"], "block 1.0.0", "{status}");
    let log = String::from_utf8_lossy(&service.site.read("log")).into_owned();
    assert!(log.contains("holds the files of another bundle"), "{log}");
    service.stop();
}

#[test]
fn a_link_in_the_place_of_the_active_model_is_listed_as_damaged_and_not_gone_by() {
    let site = site();
    let (_, path) = installed(&site, "1.0.0");
    done(&site, "activate block");
    site.rename(&path, "elsewhere");
    symlink(site.path("elsewhere"), site.path(&path)).expect("a link");
    let listed = done(&site, "list")["models"][0].clone();
    assert_eq!(listed["active_for"][0], "station", "{listed}");
    assert_eq!(listed["hash"], Value::Null, "{listed}");
    let damage = listed["damage"].as_str().expect("what is wrong");
    assert!(
        damage.contains("is a link or a file, and no folder"),
        "{damage}"
    );
    for arguments in [RUN, &["check", "--config", "station.toml"]] {
        let said = told(&site, arguments, 4);
        assert!(said.contains("no folder of a model"), "{said}");
        assert!(said.contains("twinspect model install FILE"), "{said}");
    }
    assert_eq!(done(&site, "install 1.0.0.twb")["is_new"], true);
    told(&site, RUN, 0);
    Bundle::open(site.path("elsewhere")).expect("what the link led to stays");
}

#[test]
fn a_model_that_no_key_would_let_in_is_warned_of_and_goes_on() {
    let site = site();
    installed(&site, "1.0.0");
    done(&site, "activate block");
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    site.edit(
        "station.toml",
        "[models]\n",
        &format!("[models]\npublic_key = \"{key}\"\n"),
    );
    let words = "the station's model would not be let in by `model install`";
    let said = told(&site, RUN, 0);
    assert!(
        said.contains(words) && said.contains("is not signed"),
        "{said}"
    );
    let check = ["check", "--config", "station.toml", "--json"];
    let checked = succeed(program("twinspect").current_dir(site.path("")).args(check));
    let checked: Value = serde_json::from_str(&checked).expect("a JSON object");
    let warnings = checked["warnings"].as_array().expect("a list");
    let is_told = |warning: &Value| warning.as_str().is_some_and(|text| text.contains(words));
    assert!(warnings.iter().any(is_told), "{checked}");
}

#[test]
fn a_pipe_in_the_place_of_a_station_s_file_is_replaced_and_a_folder_named() {
    let site = site();
    let (id, _) = installed(&site, "1.0.0");
    done(&site, "activate block");
    let file = "models/active/station.toml";
    pipe(&site, file);
    let error = refused(&site, "list", STORAGE);
    assert!(error.contains("is a pipe, where the store"), "{error}");
    let text = model(&site, "list");
    let text = String::from_utf8_lossy(&text.stdout);
    let remedy = "`twinspect model activate ID --config station.toml` writes it anew";
    assert!(text.contains(remedy), "{text}");
    let said = told(&site, RUN, STORAGE);
    assert!(
        said.contains("models/active/station.toml` removes it"),
        "{said}"
    );
    done(&site, "activate block");
    assert_eq!(active(&site), Some(id));
    std::fs::remove_file(site.path(file)).expect("it was there");
    std::fs::create_dir(site.path(file)).expect("a folder");
    for command in ["list", "activate block", "prune"] {
        let error = refused(&site, command, STORAGE);
        assert!(
            error.contains("`rm -r models/active/station.toml`"),
            "{error}"
        );
    }
}

#[test]
fn a_lock_that_is_no_file_keeps_nobody_waiting() {
    let site = site();
    installed(&site, "1.0.0");
    done(&site, "activate block");
    let all = [
        "install 1.0.0.twb",
        "activate block",
        "rollback",
        "prune --dry-run",
    ];
    let lock = "models/.lock";
    pipe(&site, lock);
    for command in all {
        let error = refused(&site, command, STORAGE);
        assert!(error.contains("models/.lock is a pipe"), "{error}");
        assert!(error.contains("`rm models/.lock`"), "{error}");
    }
    std::fs::remove_file(site.path(lock)).expect("it was there");
    symlink("elsewhere", site.path(lock)).expect("a link");
    for command in all {
        let error = refused(&site, command, STORAGE);
        assert!(error.contains("models/.lock is a link"), "{error}");
    }
    assert!(!site.path("models/elsewhere").exists());
    std::fs::remove_file(site.path(lock)).expect("it was there");
    done(&site, "activate block");
}
