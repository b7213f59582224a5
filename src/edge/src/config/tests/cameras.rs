//! What is refused of live cameras and recordings before anybody looks for them, and where the bounds are explained.

use super::*;

const RECORDED: &str =
    "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"recording\"\nfile = \"shift.bag\"\n";
const COLOUR: &str = "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"v4l2\"\n";

/// Keys that say how a live camera runs, each with another value than its default.
const OF_A_LIVE_CAMERA: [&str; 20] = [
    "serial = \"012345678901\"",
    "width = 640",
    "height = 360",
    "depth_width = 640",
    "depth_height = 360",
    "rate_hz = 15",
    "warm_up_pairs = 5",
    "first_pair_max_ms = 2000.0",
    "reset_max_ms = 20000.0",
    "preset_file = \"station.json\"",
    "visual_preset = 4",
    "depth_unit_m = 0.0001",
    "depth_exposure_ms = 8.5",
    "depth_gain = 16.0",
    "emitter = false",
    "laser_power_mw = 150.0",
    "colour_exposure_ms = 5.0",
    "colour_gain = 64.0",
    "white_balance_k = 4600.0",
    "mains_hz = 50",
];

/// Keys by which a recording goes as well.
const OF_BOTH: &str = "library = \"lib\"\ntransfer_max_ms = 40.0\nwait_max_ms = 90.0\nage_max_ms = 70.0\n\
                       pair_distance_max_ms = 20.0\nequal_pictures_max = 3\nstall_max_ms = 900.0\n\
                       start_max_ms = 16000.0\nopen_max_ms = 1500.0\n";

#[test]
fn a_recording_refuses_what_says_how_a_live_camera_runs() {
    for line in OF_A_LIVE_CAMERA {
        let told = problems_of(parsed(&format!("{RECORDED}[realsense]\n{line}\n")));
        let expected =
            format!("realsense.{line} must be left out with camera.kind = \"recording\": ");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(&expected), "{told:?}");
    }
}

/// Also keys that somebody adds are either refused or meant.
#[test]
fn a_recording_goes_by_all_other_keys() {
    let loaded = parsed(&format!("{RECORDED}[realsense]\n{OF_BOTH}")).unwrap();
    let text = loaded.text(Path::new("cap.twb")).unwrap();
    let again = parse(Path::new("station.toml"), &text).unwrap();
    let CameraSource::RealSense(source) = again.station.camera else {
        panic!("a recording");
    };
    let spec = &source.spec;
    let times = [
        spec.transfer_max,
        spec.wait_max,
        spec.age_max,
        spec.pair_distance_max.unwrap(),
        spec.open_max,
    ];
    assert_eq!(
        times.map(|time| time.as_millis()),
        [40, 90, 70, 20, 1500],
        "a recording may have another rate"
    );
    assert_eq!(spec.equal_pictures_max, 3);
    assert_eq!(spec.recovery.stall_max_us, 900_000);
    assert_eq!(spec.recovery.start_max_us, 16_000_000);
    assert!(source.library.is_some() && spec.streams.is_none());
    let known: String = OF_A_LIVE_CAMERA.join("\n") + "\n" + OF_BOTH;
    for Setting { key, .. } in &loaded.settings {
        if let Some(name) = key.strip_prefix("realsense.") {
            let is_known = known
                .lines()
                .any(|line| line.starts_with(&format!("{name} = ")));
            assert!(is_known, "{key}");
        }
    }
}

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The comment that stands above a key.
fn comment_above(text: &str, key: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_key = |line: &&str| {
        line.trim_start_matches(['#', ' '])
            .starts_with(&format!("{key} ="))
    };
    let at = lines.iter().position(is_key);
    let at = at.unwrap_or_else(|| panic!("{key} is not documented"));
    let above = lines[..at].iter().rev();
    let mut comment: Vec<&str> = above
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches(['#', ' ']))
        .collect();
    comment.reverse();
    comment.join(" ")
}

/// A value out of bounds is refused with them, and they stand where the key is explained.
fn bounded(camera: &str, table: &str, file: &str, wrong: &[(&str, &str, &str)]) {
    let text = example(file);
    for (key, value, bounds) in wrong {
        let station = format!("{camera}[{table}]\n{key} = {value}\n");
        let told = problems_of(parsed(&station)).remove(0);
        let start = format!("{table}.{key} = ");
        assert!(told.starts_with(&start), "{told}");
        assert!(told.contains(&format!(" must be {bounds}")), "{told}");
        let comment = comment_above(&text, key);
        let bounds = bounds.trim_start_matches("from ");
        assert!(
            comment.contains(bounds),
            "{file}, {key}: `{bounds}` is missing in {comment}"
        );
        let hint = parsed(&station).unwrap_err().hint().unwrap();
        assert!(hint.starts_with(&format!("{file} explains")), "{hint}");
    }
}

#[test]
fn bounds_of_a_realsense_camera_are_held_and_explained() {
    let wrong = [
        ("width", "0", "from 1 to 4096"),
        ("depth_height", "4097", "from 1 to 4096"),
        ("rate_hz", "301", "from 1 to 300"),
        ("warm_up_pairs", "4000000000", "from 0 to 10000"),
        ("visual_preset", "99", "from 0 to 6"),
        ("depth_unit_m", "0.0", "from 0.000001 to 0.01"),
        ("depth_unit_m", "nan", "from 0.000001 to 0.01"),
        ("depth_exposure_ms", "0", "from 0.001 to 1000"),
        ("depth_gain", "1e9", "from 0 to 65535"),
        ("laser_power_mw", "1001", "from 0 to 1000"),
        ("colour_exposure_ms", "1000.5", "from 0.001 to 1000"),
        ("colour_gain", "-1", "from 0 to 65535"),
        ("white_balance_k", "0", "from 1 to 65535"),
        ("mains_hz", "55", "0, 50 or 60"),
        ("transfer_max_ms", "-1", "from 0 to 3600000"),
        ("age_max_ms", "0.5", "from 1 to 3600000"),
        ("stall_max_ms", "0.001", "from 100 to 3600000"),
        ("first_pair_max_ms", "1", "from 100 to 3600000"),
        ("start_max_ms", "0.0001", "from 100 to 3600000"),
        ("reset_max_ms", "99.9", "from 100 to 3600000"),
        ("open_max_ms", "0.001", "from 1000 to 3600000"),
        ("pair_distance_max_ms", "20", "from 0 to 16.7"),
    ];
    let (of_distance, others) = wrong.split_last().unwrap();
    bounded(CAMERA, "realsense", "station-realsense.toml", others);
    // This one is that of a rate: the example says the rule.
    let (key, value, bounds) = of_distance;
    let told = problems_of(parsed(&format!("{CAMERA}[realsense]\n{key} = {value}\n")));
    let rule = "half of the time from picture to picture at realsense.rate_hz = 30";
    assert_eq!(
        told,
        [format!(
            "realsense.{key} = {value} must be {bounds}, {rule}"
        )]
    );
}

#[test]
fn bounds_of_a_colour_camera_are_held_and_explained() {
    let wrong = [
        ("width", "0", "from 1 to 16384"),
        ("height", "16385", "from 1 to 16384"),
        ("rate_hz", "1001", "from 0 to 1000"),
        ("warm_up_pictures", "4000000000", "from 0 to 10000"),
        ("transfer_max_ms", "-1", "from 0 to 3600000"),
        ("gain", "-1", "from 0 to 2147483647"),
        ("white_balance_k", "0", "from 1 to 2147483647"),
        ("focus", "-1", "from 0 to 2147483647"),
        (
            "brightness",
            "-2147483649",
            "from -2147483648 to 2147483647",
        ),
        ("age_max_ms", "0", "from 1 to 3600000"),
        ("stall_max_ms", "50", "from 100 to 3600000"),
        ("first_picture_max_ms", "1", "from 100 to 3600000"),
        ("start_max_ms", "0.0001", "from 100 to 3600000"),
        ("reopen_max_ms", "nan", "from 100 to 3600000"),
        ("open_max_ms", "1", "from 1000 to 3600000"),
        ("exposure_ms", "0", "from 0.1 to 3600000"),
        ("mains_hz", "55", "0, 50 or 60"),
    ];
    bounded(COLOUR, "v4l2", "station-v4l2.toml", &wrong);
}

#[test]
fn what_a_realsense_camera_can_t_do_is_refused_before_it_is_there() {
    for (lines, says) in [
        (
            "serial = \"0123 456\"",
            "realsense.serial = \"0123 456\" must be letters and digits without a blank",
        ),
        (
            "serial = \"0123\\n\"",
            "realsense.serial = \"0123\\n\" must be letters and digits",
        ),
        (
            "pair_distance_max_ms = -1",
            "realsense.pair_distance_max_ms = -1 must be from 0 to 3600000",
        ),
        (
            "preset_file = \"\"",
            "realsense.preset_file = \"\" must be the name of a file",
        ),
        (
            "preset_file = \"station\\u0000.json\"",
            "realsense.preset_file = \"station\\0.json\" must be a path without a zero byte",
        ),
        (
            "library = \"lib\\u0000.so\"",
            "realsense.library = \"lib\\0.so\" must be a path without a zero byte",
        ),
        (
            "start_max_ms = 15000",
            "realsense.start_max_ms = 15000 must be less than realsense.reset_max_ms = 15000",
        ),
        (
            "open_max_ms = 60000",
            "realsense.open_max_ms = 60000 must be less than inspector.start_max_ms = 60000",
        ),
        (
            "[inspector]\nstart_max_ms = 30000.5",
            "realsense.open_max_ms = 45000 must be less than inspector.start_max_ms = 30000.5",
        ),
        (
            "visual_preset = 1\ndepth_unit_m = 0.0005",
            "realsense.depth_unit_m = 0.0005 must be left out with realsense.visual_preset = 1",
        ),
        (
            "rate_hz = 6",
            "realsense.wait_max_ms = 250 must be more than 383.4: realsense.transfer_max_ms = 50 and the time of two \
             pictures at realsense.rate_hz = 6",
        ),
        (
            "open_max_ms = 6000\nwarm_up_pairs = 181",
            "realsense.warm_up_pairs = 181 must be at most 180: no more come within realsense.open_max_ms = 6000 at \
             realsense.rate_hz = 30",
        ),
    ] {
        let told = problems_of(parsed(&format!("{CAMERA}[realsense]\n{lines}\n")));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(says), "{told:?}");
    }
    for lines in [
        "visual_preset = 1\ndepth_unit_m = 0.0001",
        "visual_preset = 1\ndepth_unit_m = 0.001",
        "visual_preset = 4\ndepth_unit_m = 0.0005",
        "pair_distance_max_ms = 0\ntransfer_max_ms = 0",
        "rate_hz = 6\nwait_max_ms = 384",
        "open_max_ms = 6000\nwarm_up_pairs = 180",
        "open_max_ms = 59999",
        "open_max_ms = 120000\n[inspector]\nstart_max_ms = 120001",
    ] {
        let station = parsed(&format!("{CAMERA}[realsense]\n{lines}\n"));
        assert!(station.is_ok(), "{lines}: {station:?}");
    }
}

/// A recording is opened by the same process.
#[test]
fn a_recording_must_be_open_before_its_process_is_given_up() {
    let told = problems_of(parsed(&format!(
        "{RECORDED}[inspector]\nstart_max_ms = 20000\n"
    )));
    let says = "realsense.open_max_ms = 45000 must be less than inspector.start_max_ms = 20000";
    assert_eq!(told, [says]);
    let told = problems_of(parsed(&RECORDED.replace("shift", "shift\\u0000")));
    let says = "camera.file = \"shift\\0.bag\" must be a path without a zero byte (\\0)";
    assert_eq!(told, [says]);
    // Nothing is opened there.
    assert!(parsed(&format!("{LEAST}[inspector]\nstart_max_ms = 20000\n")).is_ok());
}

/// What is wrong by itself is told as it was typed, and once.
#[test]
fn a_number_that_was_refused_is_not_compared() {
    let told = problems_of(parsed(&format!("{CAMERA}[realsense]\nreset_max_ms = -1\n")));
    let says = "realsense.reset_max_ms = -1 must be from 100 to 3600000";
    assert_eq!(told, [says]);
}

#[test]
fn a_pace_is_that_of_a_recording_alone() {
    for (camera, kind) in [(CAMERA, "realsense"), (COLOUR, "v4l2")] {
        let told = problems_of(parsed(&format!("{camera}pace = \"as_read\"\n")));
        let says = format!(
            "camera.pace = ... must be left out with camera.kind = \"{kind}\": it is how fast a recording plays"
        );
        assert_eq!(told, [says]);
    }
}

#[test]
fn a_hint_names_the_example_that_explains_the_key() {
    let records = "[records]\nqueue_parts = 0\n";
    for (text, files) in [
        (format!("{LEAST}{records}"), "station-replay.toml explains"),
        (
            format!("{LEAST}[line]\nkind = \"gpio\"\n"),
            "station-gpio.toml explains",
        ),
        (
            format!("{CAMERA}[realsense]\nwidth = 0\n{records}"),
            "station-realsense.toml and station-replay.toml explain",
        ),
        (
            RECORDED.replace("file = \"shift.bag\"\n", ""),
            "station-realsense.toml explains",
        ),
    ] {
        let hint = parsed(&text).unwrap_err().hint().unwrap();
        assert!(hint.starts_with(files), "{hint}");
    }
    let error = parsed(&format!("{CAMERA}[realsense]\nwidth = -1\n")).unwrap_err();
    let told = error.to_string();
    assert!(
        told.ends_with("expected a whole number, 0 or more"),
        "{told}"
    );
    let hint = error.hint().unwrap();
    for says in [
        "station-realsense.toml explains the keys of [realsense]",
        "station-v4l2.toml those of [v4l2]",
    ] {
        assert!(hint.contains(says), "{hint}");
    }
    for file in [
        checker::REALSENSE,
        checker::V4L2,
        checker::WIRES,
        checker::STATION,
    ] {
        assert!(example(file).contains('='), "{file}");
    }
}

#[test]
fn a_word_that_a_key_does_not_know_is_told_with_those_that_it_does() {
    let error = parsed(&LEAST.replace("replay", "webcam")).unwrap_err();
    let told = error.to_string();
    for says in [
        "unknown variant `webcam`",
        "`replay`",
        "`belt`",
        "`recording`",
        "`realsense`",
        "`v4l2`",
    ] {
        assert!(told.contains(says), "{told}");
    }
}
