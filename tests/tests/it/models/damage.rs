//! What is wrong with an installed model, with a station's file or with what was typed, and what is told of it.

use super::*;
use crate::bad_input::STORAGE;
use crate::binaries::succeed;
use crate::models_switch::install;
use crate::product::edition;

/// Runs `twinspect model` for a store without a station.
fn of_store(site: &Site, arguments: &str, store: &str) -> Output {
    run(program("twinspect")
        .current_dir(site.path(""))
        .arg("model")
        .args(arguments.split(' '))
        .args(["--models", store]))
}

#[test]
fn a_model_whose_files_were_changed_is_not_listed_as_proven() {
    let site = site();
    let installed = done(&site, "install block.twb");
    let network = format!("{}/rgb.onnx", installed["path"].as_str().expect("a path"));
    let whole = site.read(&network);
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    site.write(&network, bytes);
    let listed = done(&site, "list")["models"][0].clone();
    assert_eq!(listed["proven_by"], Value::Null, "{listed}");
    assert_eq!(listed["hash"], Value::Null, "{listed}");
    let damage = listed["damage"].as_str().expect("what is wrong");
    assert!(damage.contains("rgb.onnx"), "{damage}");
    let text = model(&site, "list");
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("damaged: install it again"), "{text}");
    site.write(&network, whole);
    let listed = done(&site, "list")["models"][0].clone();
    assert_eq!(listed["proven_by"], "native", "{listed}");
    assert_eq!(listed.get("damage"), None, "{listed}");
}

/// As after an upgrade, or back: its hashes hold.
#[test]
fn a_model_of_another_release_is_not_called_damaged() {
    let site = site();
    let installed = done(&site, "install block.twb");
    let path = installed["path"].as_str().expect("a path");
    site.edit("block/manifest.toml", "evidence = 5.0", "evidence = 500.0");
    seal(&site);
    std::fs::remove_dir_all(site.path(path)).expect("it goes");
    site.rename("block", path);
    let text = model(&site, "list");
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains("can't be used by this release: "), "{text}");
    assert!(!text.contains("install it again"), "{text}");
    let error = refused(&site, "verify block", 4);
    assert!(error.contains("export it again"), "{error}");
    assert!(!error.contains("model install FILE"), "{error}");
}

#[test]
fn a_damaged_file_of_one_station_hides_neither_the_models_nor_the_others() {
    let site = site();
    std::fs::copy(site.path("station.toml"), site.path("right 2.toml")).expect("a copy");
    let id = done(&site, "install block.twb")["id"].clone();
    done(&site, "activate block");
    site.write("models/active/right 2.toml", "activ = 1\n");
    site.write("models/active/far.toml", "activ = 1\n");
    let output = model(&site, "list --json");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(STORAGE), "{said}");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("a JSON object");
    assert_eq!(listed["models"][0]["id"], id, "{listed}");
    assert_eq!(listed["models"][0]["active_for"][0], "station", "{listed}");
    let damaged = &listed["damaged_stations"];
    assert_eq!(damaged[0]["station"], "far", "{listed}");
    assert_eq!(damaged[1]["station"], "right 2", "{listed}");
    let remedy = |index: usize| damaged[index]["remedy"].as_str().expect("a remedy");
    assert!(remedy(0).contains("--config FILE"), "{listed}");
    assert!(remedy(1).contains("--config 'right 2.toml'"), "{listed}");
    let text = refused(&site, "list", STORAGE);
    assert!(text.contains("active/far.toml"), "{text}");
    assert!(text.contains("configuration of station far"), "{text}");
    let text = model(&site, "list");
    let text = String::from_utf8_lossy(&text.stdout);
    let line = text
        .lines()
        .find(|line| line.starts_with("station right 2"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("active/right 2.toml:1:1"), "{line}");
    assert!(text.contains("active for station"), "{text}");
}

#[test]
fn what_was_typed_of_a_store_is_answered_in_words_of_its_own() {
    let site = site();
    let told = |arguments: &str, store: &str, code: i32| {
        let output = of_store(&site, arguments, store);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        said
    };
    let verify = told("verify", "models", 2);
    assert!(verify.contains("no model is named"), "{verify}");
    assert!(!verify.contains("could change"), "{verify}");
    site.write("file", "");
    for arguments in ["list", "prune", "verify block", "install block.twb"] {
        let said = told(arguments, "file", STORAGE);
        assert!(said.contains("hint: a file lies where a folder"), "{said}");
    }
}

/// The same files come to the same again: only another bundle helps.
#[test]
fn a_bundle_that_belies_itself_is_not_to_be_tried_again() {
    let site = site();
    let bundle = edition("6.6.6", |golden| {
        for value in golden.maps.rgb.iter_mut().flat_map(|maps| &mut maps.data) {
            *value += 1.0;
        }
    });
    bundle
        .write_archive(site.path("6.6.6.twb"))
        .expect("it is written");
    let error = refused(&site, "install 6.6.6.twb", 5);
    assert!(error.contains("The bundle itself is at fault"), "{error}");
    assert!(!error.contains("tries again"), "{error}");
    // Who looks later is not sent to prove it once more.
    let listed = done(&site, "list")["models"][0].clone();
    assert_eq!(listed["at_fault"], true, "{listed}");
    let text = model(&site, "list");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    let activate = refused(&site, "activate block-6.6.6", 4);
    for said in [&text, &activate, &error] {
        assert!(!said.contains("model verify"), "{said}");
        assert!(
            said.contains("rm -r models/installed/block-6.6.6-"),
            "{said}"
        );
    }
    // Nobody can tell what this station goes by.
    std::fs::create_dir(site.path("models/active")).expect("a folder");
    site.write("models/active/far.toml", "activ = 1\n");
    let careful = model(&site, "list");
    let careful = String::from_utf8_lossy(&careful.stdout).into_owned();
    assert!(careful.contains("install another one"), "{careful}");
    assert!(!careful.contains("rm -r"), "{careful}");
    site.remove("models/active/far.toml");
    let command = error.split('`').find(|text| text.starts_with("rm -r "));
    let command = command.expect("a command to paste");
    succeed(
        std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(site.path("")),
    );
    assert_eq!(done(&site, "list")["models"], serde_json::json!([]));
    done(&site, "install block.twb");
}

/// It is not to be removed then.
#[test]
fn a_bundle_that_belies_itself_stays_where_a_station_goes_by_it() {
    let site = site();
    let bundle = edition("6.6.6", |golden| {
        for value in golden.maps.rgb.iter_mut().flat_map(|maps| &mut maps.data) {
            *value += 1.0;
        }
    });
    install(&site, &bundle);
    done(&site, "activate block-6.6.6");
    let error = refused(&site, "verify", 5);
    assert!(error.contains("The bundle itself is at fault"), "{error}");
    assert!(!error.contains("rm -r"), "{error}");
}

#[test]
fn a_store_that_can_t_be_made_is_told_with_the_folder_to_make() {
    let site = site();
    let told = |store: &str| {
        let output = of_store(&site, "install block.twb", store);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(STORAGE), "{said}");
        said
    };
    let said = told("no/where");
    assert!(said.contains("`mkdir -p no` makes it"), "{said}");
    std::fs::create_dir(site.path("bad")).expect("a folder");
    site.write("bad/installed", "");
    let said = told("bad");
    assert!(said.contains("hint: a file lies where a folder"), "{said}");
}

/// A name is part of a line, and begins none.
#[test]
fn a_name_forges_no_line_of_a_report() {
    let site = site();
    let name = "zz\nerror: forged";
    for typed in [
        ["check", "--bundle", name].as_slice(),
        ["model", "list", "--config", name].as_slice(),
        ["model", "list", "--models", name].as_slice(),
    ] {
        let output = run(program("twinspect").current_dir(site.path("")).args(typed));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        let errors = said.lines().filter(|line| line.starts_with("error"));
        assert_eq!(errors.count(), 1, "{said}");
        assert!(said.contains("zz\u{25a1}error: forged"), "{said}");
        assert!(said.contains("\n  hint: "), "{said}");
    }
}

#[test]
fn a_line_far_from_good_parts_is_warned_of() {
    let site = site();
    site.edit("block/manifest.toml", "evidence = 5.0", "evidence = 50.0");
    seal(&site);
    for arguments in ["install block", "verify block"] {
        let output = model(&site, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(
            said.contains("the fused line of block 1.0.0 stands at 50 "),
            "{arguments}: {said}"
        );
        assert!(!said.contains("the rgb line"), "{said}");
    }
}

/// No library's words for what is not there.
#[test]
fn a_bundle_and_a_configuration_that_are_not_there_are_told_in_plain_words() {
    let site = site();
    for typed in [
        ["model", "install", "nowhere.twb", "--models", "models"].as_slice(),
        ["model", "list", "--config", "nowhere.toml"].as_slice(),
    ] {
        let output = run(program("twinspect").current_dir(site.path("")).args(typed));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("nowhere.t"), "{said}");
        assert!(!said.contains("metadata"), "{said}");
    }
}
