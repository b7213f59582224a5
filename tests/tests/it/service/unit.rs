//! The unit and its companions in `systemd/`, as far as they can be judged without booting.

use std::process::Command;

use crate::binaries::{program, run, succeed};
use crate::workspace::root;

/// Most exposure that the unit may have, as `systemd-analyze security` counts: 2.0.
const EXPOSURE_MAX: &str = "--threshold=20";

fn file(name: &str) -> String {
    let path = root().join("systemd").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_unit_leaves_little_exposed() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let number = version.split_whitespace().nth(1);
    if number.and_then(|number| number.parse().ok()) < Some(250) {
        eprintln!("skipped: systemd-analyze before 250 judges no files");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unit = folder.path().join("twinspect@station.service");
    std::fs::write(&unit, file("twinspect@.service")).expect("the unit is written");
    let judged = run(Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", EXPOSURE_MAX])
        .arg(&unit));
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}");
    assert!(said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_unit_s_commands_exist() {
    let unit = file("twinspect@.service");
    let commands: Vec<&str> = unit
        .lines()
        .filter(|line| line.starts_with("Exec"))
        .filter_map(|line| line.split_once("=/usr/bin/twinspect "))
        .map(|(_, arguments)| arguments)
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let mut words = command.split_whitespace();
        let help = succeed(
            program("twinspect")
                .arg(words.next().expect("a command"))
                .arg("--help"),
        );
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{command}: {option}");
        }
    }
}

#[test]
fn user_and_groups_of_the_unit_are_made() {
    let (unit, made) = (file("twinspect@.service"), file("sysusers.conf"));
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("the unit has no {key}"))
    };
    let user = value("User=");
    assert!(made.contains(&format!("\nu {user} - ")), "{made}");
    for group in value("SupplementaryGroups=").split_whitespace() {
        assert!(made.contains(&format!("\nm {user} {group}\n")), "{group}");
    }
    assert!(file("udev.rules").contains("GROUP=\"gpio\""));
    assert!(file("tmpfiles.conf").contains(&format!("{user} {user}")));
}

#[test]
fn what_nobody_has_tried_says_so() {
    assert!(file("dropins/gpu.conf").starts_with("# UNTRIED"));
}

#[test]
fn the_page_names_the_memory_of_unit_and_drop_in() {
    let page = std::fs::read_to_string(root().join("docs/service.md")).expect("the page is text");
    let memory = |name: &str| -> String {
        let text = file(name);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("MemoryMax="));
        let gigabytes = line.and_then(|value| value.strip_suffix('G'));
        gigabytes
            .unwrap_or_else(|| panic!("{name}: {line:?}"))
            .to_owned()
    };
    let (unit, gpu) = (memory("twinspect@.service"), memory("dropins/gpu.conf"));
    for words in [
        format!(
            "{unit} GB for all processes together (`MemoryMax=` of the unit), {gpu} GB with `dropins/gpu.conf`"
        ),
        format!("Its {gpu} GB are a guess"),
    ] {
        assert!(page.contains(&words), "{words}");
    }
}
