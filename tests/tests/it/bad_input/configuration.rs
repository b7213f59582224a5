//! What is written wrongly in the station's file.

use super::*;

/// Replaces a piece of the station's file.
fn edited(from: &'static str, to: &'static str) -> impl FnOnce(&Site) {
    move |site| site.edit("station.toml", from, to)
}

/// A fault in the station's file, found by `check` and by `run`.
fn refused(from: &'static str, to: &'static str, says: &[&str]) {
    let says = [&["station.toml"], says].concat();
    for arguments in [CHECK_STATION, RUN_STATION] {
        check(edited(from, to), arguments, CONFIGURATION, &says);
    }
}

#[test]
fn a_missing_file_is_named() {
    let spoil = |site: &Site| site.remove("station.toml");
    check(
        spoil,
        CHECK_STATION,
        CONFIGURATION,
        &["station.toml", "No such file"],
    );
}

#[test]
fn a_control_socket_without_its_folder_is_found_by_check_and_by_run() {
    let socket = "[control]\nsocket = \"nowhere/c.sock\"\n[trigger]";
    for arguments in [CHECK_STATION, RUN_STATION] {
        let says = ["nowhere/c.sock", "there is no folder"];
        check(edited("[trigger]", socket), arguments, CONFIGURATION, &says);
    }
}

#[test]
fn what_a_station_goes_on_without_is_told_by_check_alone() {
    let site = Site::new();
    let tables = "[metrics]\ntextfile = \"nowhere/x.prom\"\n\
                  [mqtt]\nbroker = \"127.0.0.1\"\nuser = \"u\"\npassword_file = \"nothing\"\n[trigger]";
    site.edit("station.toml", "[trigger]", tables);
    let arguments = [CHECK_STATION, &["--json"]].concat();
    let told = run(program("twinspect")
        .current_dir(site.path(""))
        .args(arguments));
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{told:?}");
    for text in ["metrics.textfile", "mqtt.password_file"] {
        assert!(said.contains(&format!("\"{text}, ")), "{said}");
    }
    assert!(!site.path("nowhere").exists());
}

#[test]
fn a_folder_is_no_file() {
    let arguments = ["check", "--config", "parts"];
    check(|_| {}, &arguments, CONFIGURATION, &["parts"]);
}

#[test]
fn what_is_no_file_or_has_no_end_is_refused() {
    let arguments = ["check", "--config", "/dev/zero"];
    let expected = ["/dev/zero", "no regular file"];
    check(|_| {}, &arguments, CONFIGURATION, &expected);
    let spoil = |site: &Site| site.write("station.toml", vec![b'#'; 1_048_577]);
    let expected = ["station.toml", "1048576"];
    check(spoil, CHECK_STATION, CONFIGURATION, &expected);
}

#[test]
fn an_empty_file_lacks_the_camera() {
    let spoil = |site: &Site| site.write("station.toml", "");
    check(
        spoil,
        CHECK_STATION,
        CONFIGURATION,
        &["station.toml:1:1", "`camera`"],
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let spoil = |site: &Site| site.write("station.toml", [0xff, 0xfe, 0x00]);
    check(
        spoil,
        CHECK_STATION,
        CONFIGURATION,
        &["station.toml", "UTF-8"],
    );
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_one() {
    refused(
        "rate_hz",
        "rate_hzz",
        &["station.toml:7:1", "`rate_hzz`", "did you mean `rate_hz`"],
    );
}

#[test]
fn an_unknown_table_is_named() {
    refused(
        "[trigger]",
        "[triger]",
        &["station.toml:6", "`triger`", "`trigger`"],
    );
}

#[test]
fn broken_syntax_names_its_line() {
    refused("rate_hz = 20.0", "rate_hz = = 50", &["station.toml:7"]);
}

#[test]
fn a_word_in_the_place_of_a_number_names_its_line() {
    refused("20.0", "\"fast\"", &["station.toml:7", "fast"]);
}

#[test]
fn a_key_twice_is_refused() {
    refused(
        "rate_hz = 20.0",
        "rate_hz = 20.0\nrate_hz = 4.0",
        &["station.toml:8", "duplicate key"],
    );
}

#[test]
fn an_unknown_camera_is_answered_with_the_known_ones() {
    refused(
        "\"replay\"",
        "\"webcam\"",
        &["station.toml:4", "webcam", "replay"],
    );
}

#[test]
fn an_unknown_source_of_triggers_is_answered_with_the_known_ones() {
    refused(
        "rate_hz = 20.0",
        "source = \"laser\"",
        &["station.toml:7", "laser", "sensor", "software"],
    );
}

#[test]
fn an_empty_path_is_refused_whatever_it_is_for() {
    refused("\"block.twb\"", "\"\"", &["bundle.file = \"\" must be"]);
    refused("\"parts\"", "\"\"", &["camera.folder = \"\" must be"]);
    let folder = "rate_hz = 20.0\n[records]\nfolder = \"\"";
    refused("rate_hz = 20.0", folder, &["records.folder = \"\" must be"]);
}

#[test]
fn records_that_nobody_could_write_are_found_before_the_start() {
    let records = "rate_hz = 20.0\n[records]\nenabled = true\nfolder = \"parts/camera.json/x\"";
    for arguments in [CHECK_STATION, RUN_STATION] {
        let spoil = edited("rate_hz = 20.0", records);
        check(spoil, arguments, STORAGE, &["parts/camera.json/x"]);
    }
}

#[test]
fn a_look_at_the_folder_of_records_leaves_nothing_behind() {
    let site = Site::new();
    let records = "rate_hz = 20.0\n[records]\nenabled = true\nfolder = \"new/records\"";
    site.edit("station.toml", "rate_hz = 20.0", records);
    let output = run(program("twinspect")
        .current_dir(site.path(""))
        .args(CHECK_STATION));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("can be written to"), "{told}");
    assert!(!site.path("new").exists());
}

#[test]
fn a_rate_of_zero_is_refused() {
    refused("20.0", "0.0", &["trigger.rate_hz = 0"]);
}

#[test]
fn a_rate_that_brings_no_part_in_a_shift_is_refused() {
    refused(
        "20.0",
        "0.0009",
        &["trigger.rate_hz = 0.0009 must be from 0.001"],
    );
}

#[test]
fn a_rate_that_is_no_number_is_refused() {
    refused("20.0", "nan", &["trigger.rate_hz = NaN"]);
}

#[test]
fn a_negative_duration_is_refused() {
    refused(
        "20.0",
        "20.0\n[gate]\ndeadline_ms = -5",
        &["gate.deadline_ms = -5"],
    );
}

#[test]
fn a_duration_of_days_is_refused() {
    refused(
        "20.0",
        "20.0\n[inspector]\nstart_max_ms = 1e9",
        &["inspector.start_max_ms"],
    );
}

#[test]
fn a_deadline_behind_the_rejector_is_refused() {
    refused(
        "20.0",
        "20.0\n[gate]\ndelay_ms = 100\ndeadline_ms = 200",
        &["gate.deadline_ms = 200 must be at most gate.delay_ms = 100"],
    );
}

#[test]
fn keys_that_contradict_each_other_are_named_as_they_were_typed() {
    for (typed, says) in [
        (
            "\n[gate]\npulse_ms = 45.5",
            "gate.pulse_ms = 45.5 must be less than trigger.spacing_min_ms = 40",
        ),
        (
            "\nspacing_max_ms = 30",
            "trigger.spacing_max_ms = 30 must be 0 or more than trigger.spacing_min_ms = 40",
        ),
        (
            "\nspacing_min_ms = 20\ndebounce_ms = 20\n[gate]\npulse_ms = 10",
            "trigger.debounce_ms = 20 must be less than trigger.spacing_min_ms = 20",
        ),
        (
            "\n[gate]\nmerge_ms = 5",
            "gate.merge_ms must be 0 with gate.output = \"pass_pulse\"",
        ),
        (
            "\n[encoder]\nkind = \"single\"\npulse_counts = 40",
            "encoder.pulse_counts = 40 must be less than encoder.spacing_min_counts = 40",
        ),
        (
            "\n[encoder]\nkind = \"single\"\njitter_counts = 50",
            "encoder.jitter_counts = 50 must be less than encoder.spacing_min_counts = 40",
        ),
        (
            "\n[encoder]\nkind = \"quadrature\"\npulse_min_ms = 0.5",
            "encoder.pulse_min_ms = 0.5 must be 0 with encoder.kind = \"quadrature\"",
        ),
        (
            "\n[encoder]\nkind = \"single\"\ndelay_counts = 0",
            "encoder.delay_counts = 0 must be at least 1",
        ),
        (
            "\n[ready]\nlate_max = 0",
            "ready.late_max = 0 must be at least 1",
        ),
    ] {
        let spoil = |site: &Site| {
            let rate = format!("rate_hz = 20.0{typed}");
            site.edit("station.toml", "rate_hz = 20.0", &rate);
        };
        let report = refuse(spoil, CHECK_STATION, CONFIGURATION, &["station.toml", says]);
        assert_remedy(&report);
        assert!(!report.contains(" us"), "{report}");
    }
}

#[test]
fn a_huge_number_is_told_in_short() {
    refused("20.0", "1e300", &["trigger.rate_hz = 1e300 must be"]);
    let apart = "20.0\nspacing_min_ms = 1e300";
    refused(
        "20.0",
        apart,
        &["spacing_min_ms = 1e300 must be", "parts 1e300 ms apart"],
    );
}

#[test]
fn a_heartbeat_slower_than_the_silence_is_refused() {
    let slow = "20.0\n[inspector]\nheartbeat_ms = 3000";
    refused(
        "20.0",
        slow,
        &["inspector.heartbeat_ms", "inspector.silence_max_ms"],
    );
}

#[test]
fn records_that_keep_nothing_are_refused() {
    refused(
        "20.0",
        "20.0\n[records]\nkeep_parts = 0",
        &["records.keep_parts = 0"],
    );
}

#[test]
fn several_faults_are_all_named_at_once() {
    let faults = "0\n[gate]\npulse_ms = 0\n[records]\nqueue_parts = 0";
    refused(
        "20.0",
        faults,
        &["trigger.rate_hz", "gate.pulse_ms", "records.queue_parts"],
    );
}
