//! What is typed wrongly. The parser of the command line points to `--help` itself.

use super::*;

fn untouched(_: &Site) {}

#[test]
fn nothing_at_all_prints_the_help() {
    refuse(untouched, &[], CONFIGURATION, &["Commands:", "replay"]);
}

#[test]
fn an_unknown_command_is_named_with_the_nearest_one() {
    refuse(
        untouched,
        &["repaly"],
        CONFIGURATION,
        &["repaly", "'replay'", "--help"],
    );
}

#[test]
fn an_unknown_option_is_named_with_the_nearest_one() {
    let arguments = ["replay", "--bundel", "block.twb", "--data", "parts"];
    refuse(
        untouched,
        &arguments,
        CONFIGURATION,
        &["--bundel", "'--bundle'", "--help"],
    );
}

#[test]
fn a_missing_option_is_named() {
    let arguments = ["replay", "--bundle", "block.twb"];
    refuse(
        untouched,
        &arguments,
        CONFIGURATION,
        &["--data <DIR>", "--help"],
    );
}

#[test]
fn check_wants_something_to_check_in_whatever_form() {
    refuse(
        untouched,
        &["check", "--json"],
        CONFIGURATION,
        &["--config", "--bundle", "--help"],
    );
}

#[test]
fn check_wants_something_to_check() {
    refuse(
        untouched,
        &["check"],
        CONFIGURATION,
        &["--config <FILE>|--bundle <FILE>", "--help"],
    );
}

#[test]
fn an_unknown_split_is_answered_with_the_known_ones() {
    let arguments = [REPLAY_ARCHIVE, &["--split", "tset"]].concat();
    refuse(
        untouched,
        &arguments,
        CONFIGURATION,
        &["tset", "calibration", "--help"],
    );
}

#[test]
fn no_parts_are_no_measurement() {
    let arguments = [
        "bench",
        "--bundle",
        "block.twb",
        "--data",
        "parts",
        "--parts",
        "0",
    ];
    refuse(
        untouched,
        &arguments,
        CONFIGURATION,
        &["--parts <N>", "--help"],
    );
}

/// Not measured at 32 bits as if nothing had been said.
#[test]
fn a_precision_that_no_engine_obeys_is_refused() {
    let parts = ["bench", "--bundle", "block.twb", "--data", "parts"];
    let camera = ["bench", "--camera", "--config", "station.toml"];
    for arguments in [
        [&parts[..], &["--precision", "fp16"]].concat(),
        [
            &parts[..],
            &["--engine", "cpu,tract", "--precision", "fp16"],
        ]
        .concat(),
        [&camera[..], &["--precision", "fp16"]].concat(),
    ] {
        let says = ["16 bits are named", "--engine tensorrt"];
        check(untouched, &arguments, CONFIGURATION, &says);
    }
}

#[test]
fn a_number_that_is_none_is_refused() {
    let arguments = [RUN_STATION, &["--parts", "many"]].concat();
    refuse(untouched, &arguments, CONFIGURATION, &["many", "--help"]);
}

#[test]
fn an_unknown_shell_is_answered_with_the_known_ones() {
    refuse(
        untouched,
        &["completions", "dash"],
        CONFIGURATION,
        &["dash", "bash", "--help"],
    );
}

#[test]
fn a_demo_without_its_products_says_where_it_looked() {
    let arguments = ["demo", "--assets", "parts"];
    check(
        untouched,
        &arguments,
        CONFIGURATION,
        &["no demo products", "parts"],
    );
}

#[test]
fn a_station_that_names_no_socket_is_told_where_it_was_asked() {
    let arguments = ["status", "--config", "station.toml"];
    let says = ["/run/twinspect/station/control.sock", "`control.socket`"];
    check(untouched, &arguments, CONFIGURATION, &says);
}

#[test]
fn a_folder_of_records_that_is_not_there_is_named_with_what_makes_it() {
    let arguments = ["records", "list", "--folder", "nowhere"];
    let says = ["nowhere", "`records.folder`"];
    check(untouched, &arguments, STORAGE, &says);
}

#[test]
fn an_output_that_takes_nothing_has_a_remedy() {
    let site = Site::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let refused = program("twinspect")
        .current_dir(site.path(""))
        .args(["records", "list", "--folder", "parts"])
        .stdout(full.expect("the device that is always full"))
        .output()
        .expect("the program runs");
    let report = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(STORAGE), "{report}");
    assert_remedy(&report);
}

#[test]
fn pictures_into_a_file_are_a_fault_of_storage() {
    let arguments = [
        REPLAY_ARCHIVE,
        &["--without", "rgb", "--pictures", "station.toml"],
    ]
    .concat();
    check(untouched, &arguments, STORAGE, &["station.toml"]);
}
