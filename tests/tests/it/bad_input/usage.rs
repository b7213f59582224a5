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
fn pictures_into_a_file_are_a_fault_of_storage() {
    let arguments = [
        REPLAY_ARCHIVE,
        &["--without", "rgb", "--pictures", "station.toml"],
    ]
    .concat();
    check(untouched, &arguments, STORAGE, &["station.toml"]);
}
