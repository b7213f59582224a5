//! A model from its archive to its end.

use std::io::Write;
use std::process::Stdio;

use super::*;
use crate::binaries::succeed;
use crate::models_switch::install;
use crate::product::edition;
use crate::service::Service;
use crate::station::endless;

#[test]
fn a_model_is_installed_activated_rolled_back_and_pruned() {
    let site = site();
    let hashes = ["1.0.0", "1.1.0", "1.2.0"].map(|number| version(&site, number));
    let error = refused(&site, "rollback", 4);
    assert!(
        error.contains("no model is active for station station"),
        "{error}"
    );

    let first = done(&site, "install 1.0.0.twb");
    let id = first["id"].as_str().expect("text");
    assert_eq!(id, format!("block-1.0.0-{}", &hashes[0][..12]));
    assert_eq!(
        (&first["engine"], &first["goldens"]),
        (&"native".into(), &2.into())
    );
    assert_eq!(first["is_new"], true);
    assert!(
        first["next"][0]
            .as_str()
            .expect("text")
            .contains("model activate")
    );
    assert_eq!(
        active(&site),
        None,
        "installing changes nothing for the station"
    );
    let again = done(&site, "install 1.0.0.twb");
    assert_eq!(
        (&again["is_new"], &again["id"]),
        (&false.into(), &first["id"])
    );

    let switched = done(&site, "activate block-1.0.0");
    assert_eq!(switched["takes_effect"], "at_start");
    assert_eq!(active(&site).as_deref(), Some(id));
    let second = done(&site, "install 1.1.0.twb");
    done(&site, &format!("activate {}", &hashes[1][..8]));
    let back = done(&site, "rollback");
    assert_eq!(
        (&back["active"], &back["previous"]),
        (&first["id"], &second["id"])
    );

    done(&site, "install 1.2.0.twb");
    let told = done(&site, "prune --keep 0 --dry-run");
    assert_eq!(told["removed"].as_array().expect("a list").len(), 1);
    let before = listing(&site);
    done(&site, "prune --keep 3");
    assert_eq!(listing(&site), before);
    let pruned = done(&site, "prune --keep 0");
    assert_eq!(pruned["removed"], told["removed"]);
    assert_eq!(pruned["kept"].as_array().expect("a list").len(), 2);
    let verified = done(&site, "verify");
    assert_eq!(
        (&verified["id"], &verified["hash"]),
        (&first["id"], &hashes[0].as_str().into())
    );
}

#[test]
fn a_bundle_comes_by_standard_input() {
    let site = site();
    let archive = std::fs::File::open(site.path("block.twb")).expect("the archive");
    let said = succeed(
        program("twinspect")
            .current_dir(site.path(""))
            .args(["model", "install", "-", "--models", "elsewhere", "--json"])
            .stdin(archive),
    );
    let said: Value = serde_json::from_str(&said).expect("a JSON object");
    let path = said["path"].as_str().expect("a path");
    assert!(
        path.starts_with("elsewhere/installed/block-1.0.0-"),
        "{path}"
    );
    let installed = Bundle::open(site.path(path)).expect("it is whole");
    assert_eq!(installed.hash(), said["hash"].as_str().expect("text"));
}

/// Whoever is cut off has changed nothing.
#[test]
fn a_stream_that_ends_early_leaves_nothing() {
    let site = site();
    done(&site, "install block.twb");
    let before = listing(&site);
    version(&site, "1.1.0");
    let whole = site.read("1.1.0.twb");
    for bytes in [0, 1, 511, 512, 5_000, whole.len() / 2, whole.len() - 1024] {
        let mut process = program("twinspect")
            .current_dir(site.path(""))
            .args(["model", "install", "-", "--config", "station.toml"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut input = process.stdin.take().expect("a pipe");
        input.write_all(&whole[..bytes]).expect("it reads");
        drop(input);
        let output = process.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{bytes}: {said}");
        assert_eq!(listing(&site), before, "{bytes}");
    }
}

#[test]
fn a_station_runs_by_the_model_that_is_active() {
    let site = site();
    let run_station = || {
        run(program("twinspect").current_dir(site.path("")).args([
            "run",
            "--config",
            "station.toml",
            "--json",
        ]))
    };
    let none = run_station();
    let said = String::from_utf8_lossy(&none.stderr);
    assert_eq!(none.status.code(), Some(4), "{said}");
    assert!(
        said.contains("no model is active") && said.contains("model activate ID --config FILE"),
        "{said}"
    );

    let id = done(&site, "install block.twb")["id"].clone();
    done(&site, &format!("activate {}", id.as_str().expect("text")));
    let judged = run_station();
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{said}");
    let checked = succeed(program("twinspect").current_dir(site.path("")).args([
        "check",
        "--config",
        "station.toml",
        "--json",
    ]));
    let checked: Value = serde_json::from_str(&checked).expect("a JSON object");
    let bundle = checked["bundle"].as_str().expect("a path");
    assert!(bundle.ends_with(id.as_str().expect("text")), "{bundle}");
}

#[test]
fn a_station_that_goes_by_a_file_is_told_that_nothing_changes_for_it() {
    let site = endless();
    site.edit(
        "station.toml",
        "[camera]",
        "[models]\nfolder = \"models\"\n[camera]",
    );
    done(&site, "install block.twb");
    let switched = done(&site, "activate block");
    assert_eq!(switched["takes_effect"], "not_at_all");
    let text = model(&site, "activate block");
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("bundle.active = true"), "{text}");
}

#[test]
fn a_station_that_runs_takes_its_new_model_over_and_back() {
    let site = endless();
    site.edit("station.toml", "file = \"block.twb\"", "active = true");
    let more = "[models]\nfolder = \"models\"\n[control]\nsocket = \"run/control.sock\"\n[camera]";
    site.edit("station.toml", "[camera]", more);
    done(&site, "install block.twb");
    done(&site, "activate block");
    version(&site, "1.1.0");
    let mut service = Service::start_with(site, |command, _| {
        command.arg("--json");
    });
    service.wait_for("STATUS=ready");
    done(&service.site, "install 1.1.0.twb");
    let switched = done(&service.site, "activate block-1.1.0");
    assert_eq!(switched["takes_effect"], "now");
    assert!(switched["switch_ms"].as_f64() > Some(0.0), "{switched}");
    let status = service.answer("status");
    assert_eq!(status["inspector"]["model"], "block 1.1.0", "{status}");
    let error = refused(&service.site, "activate block-1.1.0", 2);
    assert!(error.contains("active already"), "{error}");
    let switched = done(&service.site, "rollback");
    let id = switched["active"].as_str().expect("a name");
    assert!(id.starts_with("block-1.0.0"), "{switched}");
    let status = service.answer("status");
    assert_eq!(status["inspector"]["model"], "block 1.0.0", "{status}");
    service.stop();
}

/// A sound archive whose networks don't give what its goldens say.
#[test]
fn a_model_that_is_not_proven_can_t_be_activated() {
    let site = site();
    let golden = "block/goldens/001/rgb.maps";
    let mut maps = site.read(golden);
    for value in maps.chunks_exact_mut(4) {
        value.copy_from_slice(&9.0_f32.to_le_bytes());
    }
    site.write(golden, maps);
    version(&site, "6.6.6");
    let error = refused(&site, "install 6.6.6.twb", 5);
    assert!(
        error.contains("does not reproduce") && error.contains("not proven"),
        "{error}"
    );
    let error = refused(&site, "activate block-6.6.6", 4);
    // Its own goldens are at fault, and another proof would come to the same.
    assert!(error.contains("rm -r "), "{error}");
    assert!(!error.contains("model verify"), "{error}");
    assert_eq!(active(&site), None);
    let listed = done(&site, "list");
    assert_eq!(listed["models"][0]["proven_by"], Value::Null);
}

#[test]
fn a_proof_that_takes_too_long_is_ended() {
    let site = site();
    let error = refused(&site, "install block.twb --limit-s 0", 5);
    assert!(error.contains("--limit-s"), "{error}");
    refused(&site, "activate block", 4);
    done(&site, "verify block");
    done(&site, "activate block");
    // What was proven stays so where a later proof only takes too long.
    let error = refused(&site, "verify block --limit-s 0", 5);
    for told in [
        "not proven anew, and stays proven as before",
        "--limit-s may raise",
    ] {
        assert!(error.contains(told), "{told}: {error}");
    }
    assert!(!error.contains("can't be activated"), "{error}");
    done(&site, "activate block");
}

/// What is suggested does as it is pasted, with the station that was meant and whatever its folder is called.
#[test]
fn a_proof_that_failed_names_the_command_that_tries_again() {
    let site = site();
    std::fs::create_dir(site.path("line 3")).expect("a folder");
    let text = String::from_utf8(site.read("station.toml")).expect("a text");
    let text = text.replace("folder = \"", "folder = \"../");
    site.write("line 3/left.toml", text);
    let install = ["install", "block.twb", "--config", "line 3/left.toml"];
    let output = run(program("twinspect")
        .current_dir(site.path(""))
        .arg("model")
        .args(install)
        .args(["--limit-s", "0"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    let command = said
        .split('`')
        .find(|text| text.starts_with("twinspect model verify "));
    let command = command.unwrap_or_else(|| panic!("no command: {said}"));
    assert!(
        command.ends_with(" --config 'line 3/left.toml'"),
        "{command}"
    );
    let activate = run(program("twinspect").current_dir(site.path("")).args([
        "model",
        "activate",
        "block",
        "--config",
        "line 3/left.toml",
    ]));
    let said = String::from_utf8_lossy(&activate.stderr);
    assert_eq!(activate.status.code(), Some(4), "{said}");
    assert!(said.contains(&format!("`{command}` proves it")), "{said}");
    let pasted = command.strip_prefix("twinspect ").expect("our own program");
    succeed(
        std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("\"$PROGRAM\" {pasted}"))
            .env("PROGRAM", program("twinspect").get_program())
            .current_dir(site.path("")),
    );
}

/// Of the bundle's own fault an earlier proof is no proof.
#[test]
fn a_proof_that_the_goldens_belie_is_taken_back() {
    let site = site();
    let bundle = edition("6.6.6", |golden| {
        for value in golden.maps.rgb.iter_mut().flat_map(|maps| &mut maps.data) {
            *value += 1.0;
        }
    });
    install(&site, &bundle);
    let proven_by = |site: &Site| done(site, "list")["models"][0]["proven_by"].clone();
    assert_eq!(proven_by(&site), "tract");
    let error = refused(&site, "verify block-6.6.6", 5);
    assert!(error.contains("is installed, but not proven"), "{error}");
    assert_eq!(proven_by(&site), Value::Null);
}

#[test]
fn a_damaged_model_is_found_and_mended() {
    let site = site();
    let installed = done(&site, "install block.twb");
    done(&site, "activate block");
    let network = format!("{}/rgb.onnx", installed["path"].as_str().expect("a path"));
    let mut bytes = site.read(&network);
    bytes[100] ^= 1;
    site.write(&network, bytes);
    let is_told = |error: &str| {
        assert!(
            error.contains("rgb.onnx") && error.contains("hint: the installed model was damaged"),
            "{error}"
        );
        assert!(error.contains("twinspect model install"), "{error}");
        assert!(!error.contains("in transit"), "{error}");
    };
    for command in ["verify", "activate block"] {
        is_told(&refused(&site, command, 4));
    }
    let station = run(program("twinspect").current_dir(site.path("")).args([
        "run",
        "--config",
        "station.toml",
        "--json",
    ]));
    assert_eq!(station.status.code(), Some(4), "{station:?}");
    is_told(&String::from_utf8_lossy(&station.stderr));
    assert_eq!(done(&site, "install block.twb")["is_new"], true);
    done(&site, "verify");
}

#[test]
fn what_can_t_be_meant_is_told_with_what_could_be() {
    let site = site();
    for number in ["1.0.0", "1.1.0"] {
        version(&site, number);
        done(&site, &format!("install {number}.twb"));
    }
    let error = refused(&site, "activate block", 4);
    assert!(
        error.contains("block-1.0.0-") && error.contains("block-1.1.0-"),
        "{error}"
    );
    let error = refused(&site, "activate lid", 4);
    assert!(error.contains("no model \"lid\""), "{error}");
    let refused = run(program("twinspect")
        .current_dir(site.path(""))
        .args(["model", "rollback", "--models", "models"]));
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_folder_that_was_mistyped_is_told_and_a_fresh_station_s_is_not() {
    let site = site();
    let fresh = done(&site, "list");
    assert_eq!(fresh["models"], serde_json::json!([]));
    for command in ["list", "prune"] {
        let output = run(program("twinspect")
            .current_dir(site.path(""))
            .args(["model", command, "--models", "typo"]));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(
            said.contains("there is no folder typo") && said.contains("hint: "),
            "{command}: {said}"
        );
        assert!(!site.path("typo").exists(), "{command}");
    }
}

#[test]
fn a_store_that_can_t_be_written_is_told() {
    let site = site();
    site.write("models", "a file");
    let error = refused(&site, "install block.twb", 8);
    assert!(error.contains("models"), "{error}");
}
