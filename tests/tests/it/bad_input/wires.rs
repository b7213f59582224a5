//! Wires of a board that is not there. What the kernel says of real ones is tested in the virtual device.

use super::*;

/// A station whose lines no machine has.
fn on_a_board(site: &Site) {
    let wires = "[line]\nkind = \"gpio\"\nsensor = { name = \"no such sensor\" }\n\
                 pass = { name = \"no such valve\" }\n[trigger]";
    site.edit("station.toml", "[trigger]", wires);
}

#[test]
fn a_station_without_its_wires_does_not_start() {
    check(on_a_board, RUN_STATION, LINE, &[]);
}

#[test]
fn a_check_of_the_wires_says_what_a_station_would() {
    let arguments = [CHECK_STATION, &["--line"]].concat();
    check(on_a_board, &arguments, LINE, &[]);
    let arguments = [CHECK_STATION, &["--line", "--json"]].concat();
    check(on_a_board, &arguments, LINE, &[]);
}

/// Wires are laid before there is a model.
#[test]
fn wires_are_looked_at_without_a_model() {
    let bare = |site: &Site| {
        let wires = "[camera]\nkind = \"replay\"\nfolder = \"parts\"\n[line]\nkind = \"gpio\"\n\
                     sensor = { name = \"no such sensor\" }\npass = { name = \"no such valve\" }\n";
        site.write("station.toml", wires);
    };
    let arguments = [CHECK_STATION, &["--line"]].concat();
    check(bare, &arguments, LINE, &[]);
    check(bare, RUN_STATION, CONFIGURATION, &["bundle.file"]);
}

#[test]
fn a_simulated_line_has_no_wires_to_look_at() {
    let arguments = [CHECK_STATION, &["--line"]].concat();
    check(|_| {}, &arguments, CONFIGURATION, &["line.kind = \"gpio\""]);
}

#[test]
fn tests_of_wires_belong_to_their_check() {
    for test in [
        &["--pulse"][..],
        &["--loop-back", "pass=sensor"],
        &["--yes"],
    ] {
        let arguments = [CHECK_STATION, test].concat();
        refuse(on_a_board, &arguments, CONFIGURATION, &["--line"]);
    }
    let arguments = [CHECK_STATION, &["--line", "--loop-back", "pass"]].concat();
    refuse(on_a_board, &arguments, CONFIGURATION, &["pass=sensor"]);
}
