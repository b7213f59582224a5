//! `twinspect-lab push`, with a double of ssh whose hosts are folders of this machine.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::binaries::{path, succeed};

/// A host is a link to a site; `gone` can't be reached, `loud` greets whoever logs in, and `mute` does nothing else.
struct Hosts {
    folder: TempDir,
}

/// What comes after the host's name is one command of its shell, as with the real one.
const SSH: &str = r#"#!/bin/sh
while [ "$1" != "--" ]; do host="$1"; shift; done
shift
if [ "$host" = gone ]; then
    echo "ssh: connect to host gone port 22: No route to host" >&2
    exit 255
fi
if [ "$host" = loud ] || [ "$host" = mute ]; then printf 'Welcome to hall 2!\n\n{ mind the belt }\n'; fi
if [ "$host" = mute ]; then exit 0; fi
cd "FOLDER/$host" && exec sh -c "$*"
"#;

impl Hosts {
    fn new(sites: &[(&str, &Site)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, site) in sites {
            symlink(site.path(""), folder.path().join(name)).expect("a link");
        }
        let text = SSH.replace("FOLDER", &folder.path().display().to_string());
        let ssh = folder.path().join("ssh");
        std::fs::write(&ssh, text).expect("the double is written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&ssh, mode).expect("it may be run");
        Self { folder }
    }

    fn push(&self, site: &Site, arguments: &str) -> Command {
        let mut command = program("twinspect-lab");
        command
            .current_dir(site.path(""))
            .arg("push")
            .args(arguments.split(' '))
            .arg("--ssh")
            .arg(self.folder.path().join("ssh"))
            .arg("--remote-program")
            .arg(path("twinspect"))
            .args(["--config", "station.toml"]);
        command
    }

    fn answer(&self, site: &Site, arguments: &str) -> (Option<i32>, Value) {
        let output = run(&mut self.push(site, &format!("{arguments} --json")));
        let said = String::from_utf8_lossy(&output.stderr);
        let answer = serde_json::from_slice(&output.stdout);
        let answer = answer.unwrap_or_else(|error| panic!("{arguments}: {error}: {said}"));
        (output.status.code(), answer)
    }
}

#[test]
fn a_bundle_goes_to_every_host_and_each_tells_what_happened_there() {
    let (ours, one, two, strict) = (site(), site(), site(), site());
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    strict.edit(
        "station.toml",
        "[models]\n",
        &format!("[models]\npublic_key = \"{key}\"\n"),
    );
    let hosts = Hosts::new(&[("one", &one), ("two", &two), ("strict", &strict)]);
    ours.write("hosts.txt", "# hall 2\none\nstrict\ngone # since Monday\n");
    let dry = "--inventory hosts.txt two block.twb --dry-run";
    let (code, told) = hosts.answer(&ours, dry);
    assert_eq!(code, Some(255));
    assert_eq!(told["hosts"][0]["outcome"], "would_install");
    assert!(!one.path("models").exists() && !two.path("models").exists());

    let push = "two --inventory hosts.txt block.twb --activate --jobs 2";
    let (code, told) = hosts.answer(&ours, push);
    assert_eq!(code, Some(255), "{told}");
    let rows: Vec<(&str, &str, u64)> = told["hosts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("text");
            let code = row["exit_code"].as_u64().expect("a number");
            (text("host"), text("outcome"), code)
        })
        .collect();
    let expected = [
        ("two", "activated", 0),
        ("one", "activated", 0),
        ("strict", "failed", 4),
        ("gone", "failed", 255),
    ];
    assert_eq!(rows, expected);
    let error = |row: usize| told["hosts"][row]["error"].as_str().expect("text");
    assert!(error(2).contains("is not signed"), "{}", error(2));
    assert!(error(3).contains("No route to host"), "{}", error(3));
    assert_eq!(told["hosts"][0]["takes_effect"], "at_start");
    let id = told["hosts"][0]["id"].as_str();
    assert_eq!(active(&one).as_deref(), id);
    assert_eq!(active(&two).as_deref(), id);
    assert!(!strict.path("models/installed").exists());

    let (code, told) = hosts.answer(&ours, "one block.twb --dry-run");
    assert_eq!(
        (code, &told["hosts"][0]["outcome"]),
        (Some(0), &"known".into())
    );
    let text = succeed(&mut hosts.push(&ours, "one two block.twb"));
    assert!(
        text.contains("installed") && text.contains("0 of 2 hosts failed"),
        "{text}"
    );
}

#[test]
fn what_a_login_prints_hides_no_answer_and_is_none() {
    let (ours, loud) = (site(), site());
    let hosts = Hosts::new(&[("loud", &loud)]);
    let (code, told) = hosts.answer(&ours, "loud mute block.twb --activate");
    assert_eq!(told["hosts"][0]["outcome"], "activated", "{told}");
    assert_eq!(active(&loud).as_deref(), told["hosts"][0]["id"].as_str());
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told["hosts"][1]["outcome"], "failed");
    let error = told["hosts"][1]["error"].as_str().expect("text");
    for says in [
        "gave no answer",
        "is not known",
        "`ssh mute ",
        " model list ",
    ] {
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn nothing_is_sent_that_no_host_would_take() {
    let site = site();
    let hosts = Hosts::new(&[("one", &site)]);
    site.write("bad.twb", b"garbage");
    for (arguments, code, says) in [
        ("one bad.twb", 4, "bad.twb"),
        ("one block", 8, "block"),
        ("block.twb", 2, "no host"),
        ("--inventory absent.txt block.twb", 8, "absent.txt"),
        ("a;b block.twb", 2, "a;b"),
    ] {
        let output = run(&mut hosts.push(&site, arguments));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        assert!(
            said.contains(says) && said.contains("hint: "),
            "{arguments}: {said}"
        );
    }
    assert!(!site.path("models").exists());
}
