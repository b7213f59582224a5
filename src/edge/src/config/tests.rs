mod cameras;

use std::path::PathBuf;

use super::realsense::RealSenseToml;
use super::v4l2::V4l2Toml;
use super::*;

const LEAST: &str = "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n";

fn parsed(text: &str) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.toml");
    std::fs::write(&path, text).unwrap();
    load(&path)
}

#[test]
fn a_file_that_may_not_be_read_is_a_matter_of_rights() {
    let hint = |kind: ErrorKind| {
        let (path, source) = (PathBuf::from("station.toml"), kind.into());
        ConfigError::Read { path, source }.hint().unwrap()
    };
    assert!(hint(ErrorKind::PermissionDenied).contains("rights"));
    assert!(hint(ErrorKind::NotFound).contains("examples"));
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name == "demo.toml" || name.starts_with("station-")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_example_is_a_valid_station() {
    assert!(examples().len() >= 2);
    for path in examples() {
        if let Err(error) = load(&path) {
            panic!("{}: {error}", path.display());
        }
    }
}

#[test]
fn the_documented_example_names_every_key_with_its_default() {
    let texts = [
        "station-replay.toml",
        "station-gpio.toml",
        "station-realsense.toml",
        "station-v4l2.toml",
    ]
    .map(|name| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
        std::fs::read_to_string(folder.join(name)).unwrap()
    });
    let mut defaults: StationToml = toml::from_str(LEAST).unwrap();
    defaults.realsense = Some(RealSenseToml::default());
    defaults.v4l2 = Some(V4l2Toml::default());
    for (table, key, value) in explain::keys(&defaults) {
        let text = &texts[match table.as_str() {
            "handshake" => 1,
            "realsense" => 2,
            "v4l2" => 3,
            _ => 0,
        }];
        let line = text.lines().find(|line| {
            line.trim_start_matches(['#', ' '])
                .starts_with(&format!("{key} ="))
        });
        let Some(line) = line else {
            panic!("{key} is not documented");
        };
        let needed = !matches!(key.as_str(), "file" | "kind" | "folder");
        assert!(
            !needed || text.contains(&format!("Default: {value}.")),
            "the default of {key}, {value}, is not documented beside {line}"
        );
    }
}

const CAMERA: &str = "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"realsense\"\n";

/// What the example shows as comments, as it is, is a camera that can be set so.
#[test]
fn every_setting_of_a_camera_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/station-realsense.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let is_setting = |line: &&str| {
        let mut words = line.trim_start_matches("# ").split(' ');
        line.starts_with("# ")
            && !line.starts_with("#  ")
            && words
                .next()
                .is_some_and(|key| key.contains('_') || key == "emitter")
            && words.next() == Some("=")
    };
    let shown: Vec<&str> = text
        .lines()
        .filter(is_setting)
        .map(|line| line.trim_start_matches("# "))
        .collect();
    let text = format!("{CAMERA}[realsense]\n{}\n", shown.join("\n"));
    let CameraSource::RealSense(source) = parsed(&text).unwrap().station.camera else {
        panic!("a camera");
    };
    let settings = &source.spec.settings;
    assert!(source.preset_file.is_some() && settings.visual_preset.is_some());
    assert_eq!(settings.depth_unit_m, Some(0.0001));
    assert_eq!(settings.depth_exposure.unwrap().as_micros(), 8_500);
    assert_eq!(settings.depth_gain, Some(16.0));
    assert_eq!(
        (settings.emitter, settings.laser_power_mw),
        (Some(true), Some(150.0))
    );
    assert_eq!(settings.colour_exposure.unwrap().as_micros(), 5_000);
    assert_eq!(settings.colour_gain, Some(64.0));
    assert_eq!(settings.white_balance_k, Some(4_600.0));
    assert_eq!(settings.power_line_hz, Some(50));
}

#[test]
fn a_camera_s_keys_are_told_with_their_defaults() {
    let loaded = parsed(CAMERA).unwrap();
    let is_told = |key: &str| loaded.settings.iter().any(|setting| setting.key == key);
    assert!(is_told("realsense.rate_hz") && is_told("realsense.serial"));
    assert!(!is_told("camera.folder"));
    let replay = parsed(LEAST).unwrap();
    let mut keys = replay.settings.iter().map(|setting| setting.key.as_str());
    assert!(!keys.any(|key| key.starts_with("realsense.")));
}

#[test]
fn a_recording_goes_the_camera_s_way() {
    let text = "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"recording\"\nfile = \"shift.bag\"\n\
                pace = \"as_read\"\nrepeat = true\n[realsense]\nage_max_ms = 70\n";
    let CameraSource::RealSense(source) = parsed(text).unwrap().station.camera else {
        panic!("a camera");
    };
    assert!(matches!(&source.which, WhichCamera::Recorded { file } if file.ends_with("shift.bag")));
    assert!(source.spec.streams.is_none() && source.spec.repeat);
    assert_eq!(source.spec.age_max.as_micros(), 70_000);
    assert!(!source.spec.recovery.can_reset);
}

#[test]
fn what_belongs_to_another_camera_is_named() {
    let refused = |text: String| match parsed(&text) {
        Err(ConfigError::Problems { problems, .. }) => problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
        other => panic!("{other:?}"),
    };
    for (text, key) in [
        (format!("{CAMERA}folder = \"cap\"\n"), "camera.folder"),
        (format!("{CAMERA}split = \"train\"\n"), "camera.split"),
        (format!("{CAMERA}file = \"a.bag\"\n"), "camera.file"),
        (format!("{CAMERA}pace = \"as_read\"\n"), "camera.pace"),
        (format!("{CAMERA}repeat = true\n"), "camera.repeat"),
        (format!("{LEAST}[realsense]\nrate_hz = 30\n"), "realsense"),
        (
            format!("{CAMERA}[realsense]\nrate_hz = 0\n"),
            "realsense.rate_hz",
        ),
        (
            format!("{CAMERA}[realsense]\npair_distance_max_ms = 20\n"),
            "realsense.pair_distance_max_ms",
        ),
        (
            format!("{CAMERA}[realsense]\ntransfer_max_ms = 300\n"),
            "realsense.wait_max_ms = 250 must be more than 366.7",
        ),
        (
            format!("{CAMERA}[realsense]\nmains_hz = 55\n"),
            "realsense.mains_hz",
        ),
        (
            format!("{CAMERA}[realsense]\nlaser_power_mw = -1\n"),
            "realsense.laser_power_mw",
        ),
    ] {
        let told = refused(text);
        assert!(told.starts_with(key), "{key}: {told}");
    }
    let text = LEAST.replace("folder = \"cap\"\n", "");
    assert!(refused(text).starts_with("camera.folder"));
}

#[test]
fn settings_know_where_they_come_from() {
    let loaded = parsed(&format!("{LEAST}[gate]\npulse_ms = 35\n")).unwrap();
    let find = |key: &str| {
        let setting = loaded.settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| (setting.value.clone(), setting.is_default))
    };
    assert_eq!(find("gate.pulse_ms"), Some(("35.0".into(), false)));
    assert_eq!(find("gate.delay_ms"), Some(("400.0".into(), true)));
    assert_eq!(loaded.station.decisions.gate.pulse_us, 35_000);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let error = parsed(&format!("{LEAST}[gate]\ndelay_mss = 40\n")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("station.toml:7:1: unknown field `delay_mss`"),
        "{error}"
    );
    assert_eq!(
        error.hint().as_deref(),
        Some("did you mean `delay_ms` for `delay_mss`?")
    );
}

#[test]
fn all_problems_are_named_at_once() {
    let text = format!(
        "{LEAST}[trigger]\nrate_hz = 0\n[gate]\ndelay_ms = 100\n[inspector]\nheartbeat_ms = 3000\n\
         [records]\nqueue_parts = 0\n"
    );
    let Err(ConfigError::Problems { problems, .. }) = parsed(&text) else {
        panic!("must be refused");
    };
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    for (text, part) in texts.iter().zip([
        "trigger.rate_hz = 0 must be from 0.001 to 1000",
        "gate.deadline_ms = 350 must be at most gate.delay_ms = 100",
        "inspector.heartbeat_ms = 3000 must be less than inspector.silence_max_ms = 2000",
        "inspector.heartbeat_ms = 3000 must be less than ready.silence_max_ms = 600",
        "records.queue_parts = 0 must be from 1 to 64",
    ]) {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let error = parsed(&format!("{LEAST}[trigger]\nrate_hz = nan\n")).unwrap_err();
    assert!(error.to_string().contains("trigger.rate_hz"), "{error}");
}

#[test]
fn paths_start_at_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.toml");
    std::fs::write(&path, LEAST).unwrap();
    let station = load(&path).unwrap().station;
    let bundle = folder.path().join("cap.twb");
    assert_eq!(station.bundle, BundleSource::File(bundle));
}

const GPIO: &str =
    "[line]\nkind = \"gpio\"\nsensor = { name = \"IN\" }\npass = { name = \"OUT\" }\n";

/// The problems of the least station with these lines more.
fn problems(text: &str) -> Vec<String> {
    match parsed(&format!("{LEAST}{text}")) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Problems { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_wire_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/station-gpio.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let names = twinspect_line::Output::ALL.map(|output| output.name());
    let inputs = twinspect_line::Input::ALL.map(|input| input.name());
    for name in names.into_iter().chain(inputs) {
        let is_shown = |line: &str| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{name} = {{ name ="))
        };
        assert!(text.lines().any(is_shown), "{name} is not documented");
    }
}

#[test]
fn wires_become_lines_of_a_board() {
    let text =
        format!("{LEAST}{GPIO}ready = {{ name = \"R\", chip = \"aon\", active_low = true }}\n");
    let station = parsed(&text).unwrap().station;
    let LineSource::Gpio { spec, .. } = station.line else {
        panic!("a board's lines");
    };
    let outputs: Vec<_> = spec
        .outputs
        .iter()
        .map(|wired| (wired.wire.name(), wired.line.to_string(), wired.active_low))
        .collect();
    assert_eq!(
        outputs,
        [
            ("pass", "\"OUT\"".to_owned(), false),
            ("ready", "\"R\" of chip \"aon\"".to_owned(), true),
        ]
    );
    assert_eq!(spec.inputs.len(), 1);
}

#[test]
fn a_station_that_is_asked_for_parts_needs_no_sensor() {
    let asked = "[trigger]\nsource = \"software\"\n";
    let text = format!("{LEAST}[line]\nkind = \"gpio\"\npass = {{ name = \"OUT\" }}\n{asked}");
    let LineSource::Gpio { spec, .. } = parsed(&text).unwrap().station.line else {
        panic!("a board's lines");
    };
    assert!(spec.inputs.is_empty());
}

#[test]
fn a_wire_that_is_missing_or_useless_is_named() {
    let reject = "[gate]\noutput = \"reject_pulse\"\n";
    for (text, expected) in [
        (
            "[line]\nkind = \"gpio\"\n".to_owned(),
            "line.sensor is needed",
        ),
        (
            "[line]\nkind = \"gpio\"\n".to_owned(),
            "line.pass is needed",
        ),
        (
            format!("{GPIO}[trigger]\nsource = \"software\"\n"),
            "line.sensor is not used with trigger.source = \"software\"",
        ),
        (
            format!("{GPIO}{reject}"),
            "line.pass is not used with gate.output = \"reject_pulse\"",
        ),
        (format!("{GPIO}{reject}"), "line.reject is needed"),
        (format!("{GPIO}{reject}"), "line.ready is needed"),
        (
            format!("{GPIO}ack = {{ name = \"A\" }}\n"),
            "line.ack is not used",
        ),
        (
            format!("{GPIO}[handshake]\nenabled = true\n"),
            "line.result_valid is needed",
        ),
        (
            format!("{GPIO}[encoder]\nkind = \"single\"\n"),
            "line.encoder_a is needed",
        ),
        (
            format!("{GPIO}encoder_a = {{ name = \"E\" }}\n"),
            "line.encoder_a is not used",
        ),
        (
            format!("{GPIO}busy = {{ name = \"OUT\" }}\n"),
            "has the line \"OUT\" of wire pass",
        ),
        (
            format!("{GPIO}busy = {{ name = \"\" }}\n"),
            "line.busy has the name \"\"",
        ),
        (
            "[line]\npass = { name = \"OUT\" }\n".to_owned(),
            "not used with line.kind = \"simulated\"",
        ),
        (
            "[handshake]\nenabled = true\n".to_owned(),
            "handshake.enabled needs line.kind",
        ),
        (
            "[gate]\nstopped = \"pass\"\n".to_owned(),
            "gate.stopped = \"pass\" must be",
        ),
    ] {
        let found = problems(&text);
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn a_stopped_station_waits_for_its_last_part_and_with_an_encoder_for_a_stated_time() {
    let drain = |text: &str| {
        let station = parsed(&format!("{LEAST}{text}")).unwrap().station;
        station.decisions.drain_max_us
    };
    assert!(drain("[gate]\ndelay_ms = 7000\n") >= 7_030_000);
    let encoder = "[encoder]\nkind = \"quadrature\"\ndrain_max_ms = 4000\n";
    assert_eq!(drain(encoder), 4_000_000);
}

#[test]
fn edges_of_several_wires_are_waited_for_where_places_are_counts() {
    let settle = |encoder: &str| {
        let wires = "[line]\nkind = \"gpio\"\nsensor = { name = \"S\" }\npass = { name = \"P\" }\n";
        let wires = match encoder {
            "" => wires.to_owned(),
            _ => format!("{wires}encoder_a = {{ name = \"A\" }}\n"),
        };
        match parsed(&format!("{LEAST}{wires}{encoder}"))
            .unwrap()
            .station
            .line
        {
            LineSource::Gpio { settle_us, .. } => settle_us,
            LineSource::Simulated(_) => panic!("the line is not simulated"),
        }
    };
    assert_eq!(settle(""), 0);
    assert_eq!(settle("[encoder]\nkind = \"single\"\n"), 2_000);
    assert_eq!(settle("[encoder]\nkind = \"single\"\nsettle_ms = 0\n"), 0);
    assert!(
        problems("[line]\nkind = \"gpio\"\n[encoder]\nsettle_ms = 100.5\n")
            .iter()
            .any(|problem| problem.contains("encoder.settle_ms"))
    );
}

/// A station whose camera is the trigger, with more of its tables.
fn watching(rest: &str) -> Result<Loaded, ConfigError> {
    let least = LEAST.replace("replay", "belt");
    parsed(&format!("{least}{rest}"))
}

fn problems_of(loaded: Result<Loaded, ConfigError>) -> Vec<String> {
    match loaded {
        Err(ConfigError::Problems { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("{other:?}"),
    }
}

const WATCHES: &str = "[trigger]\nsource = \"presence\"\n";

#[test]
fn a_camera_that_runs_freely_is_a_trigger() {
    let loaded = watching(&format!(
        "{WATCHES}[presence]\nheight_mm = 2.5\non_share = 0.1\n"
    ))
    .unwrap();
    let watch = loaded.station.watch.unwrap();
    assert_eq!(watch.lookout.height_mm, 2.5);
    assert_eq!(watch.presence.on_share, 0.1);
    assert_eq!(
        (watch.presence.sight_max_us, watch.presence.gap_max_us),
        (300_000, 80_000)
    );
    let source = loaded.station.decisions.trigger.source;
    assert_eq!(
        source,
        twinspect_core::trigger::SourceSpec::Presence(watch.presence)
    );
    let shown = loaded
        .settings
        .iter()
        .find(|setting| setting.key == "presence.on_share");
    assert_eq!(shown.unwrap().value, "0.1");
}

#[test]
fn keys_of_another_kind_of_camera_are_refused_and_not_passed_over() {
    for (key, kind, line) in [
        ("camera.frame_hz", "replay", "frame_hz = 30\n"),
        ("camera.frames_a_part", "replay", "frames_a_part = 30\n"),
        ("camera.frame_hz", "realsense", "frame_hz = 30\n"),
        ("camera.pace", "replay", "pace = \"as_read\"\n"),
        ("camera.folder", "realsense", "folder = \"cap\"\n"),
        ("camera.repeat", "v4l2", "repeat = true\n"),
        ("camera.file", "v4l2", "file = \"shift.bag\"\n"),
        ("v4l2", "realsense", "[v4l2]\ngain = 3\n"),
        ("realsense", "v4l2", "[realsense]\nrate_hz = 30\n"),
    ] {
        let folder = if kind == "replay" {
            "folder = \"cap\"\n"
        } else {
            ""
        };
        let text =
            format!("[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"{kind}\"\n{folder}{line}");
        let problems = problems_of(parsed(&text));
        let expected = format!("left out with camera.kind = \"{kind}\"");
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains(key) && problem.contains(&expected)),
            "{key} with {kind}: {problems:?}"
        );
    }
}

#[test]
fn what_does_not_go_together_with_presence_is_refused_with_its_remedy() {
    let refused = |rest: &str, part: &str| {
        let problems = problems_of(watching(&format!("{WATCHES}{rest}")));
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "{part}: {problems:?}"
        );
    };
    refused("[encoder]\nkind = \"single\"\n", "encoder.kind = \"none\"");
    refused(
        "[gate]\noutput = \"reject_pulse\"\n",
        "gate.output = \"pass_pulse\"",
    );
    refused(
        "camera_delay_ms = 5\n",
        "there is no sensor before the camera",
    );
    refused(
        "[presence]\nsight_max_ms = 350\n",
        "less than gate.delay_ms = 400 together",
    );
    refused(
        "spacing_max_ms = 300\n",
        "more than presence.sight_max_ms = 300",
    );
    refused(
        "[presence]\ngap_max_ms = 20\n",
        "camera.frame_hz = 20 must be at least 50",
    );
    refused(
        "[presence]\non_share = 0.01\n",
        "must rise, above 0 and below 1",
    );
    refused(
        "[presence]\nheight_mm = 0\n",
        "presence.height_mm = 0 must be from 0.1",
    );
    refused("[presence]\nmargin_share = 0.5\n", "presence.margin_share");
    refused(
        "[presence]\ngap_max_ms = 250\nsight_max_ms = 100\n",
        "presence.gap_max_ms = 250 must be less than presence.sight_max_ms = 100",
    );
    let by_request = problems_of(parsed(&format!("{LEAST}{WATCHES}")));
    assert!(
        by_request[0].contains("camera.kind = \"replay\" must be \"belt\""),
        "{by_request:?}"
    );
    let live = LEAST
        .replace("folder = \"cap\"\n", "")
        .replace("replay", "realsense");
    let live = problems_of(parsed(&format!("{live}{WATCHES}")));
    assert!(
        live.iter()
            .any(|problem| problem.contains("camera.kind = \"realsense\" must be \"belt\"")),
        "{live:?}"
    );
    let unseen = problems_of(watching(""));
    assert!(
        unseen[0].contains("trigger.source = \"sensor\" must be \"presence\""),
        "{unseen:?}"
    );
}

#[test]
fn a_page_has_an_address_and_names_of_machines() {
    let page = |rest: &str| {
        parse(
            Path::new("/etc/twinspect/left.toml"),
            &format!("{LEAST}{rest}"),
        )
    };
    let station = page("").unwrap().station;
    assert!(
        station.page.unwrap().listen.ip().is_loopback(),
        "by default"
    );
    assert_eq!(station.textfile, None);
    let off = "[page]\nenabled = false\n[metrics]\ntextfile = \"figures/left.prom\"\n";
    let station = page(off).unwrap().station;
    assert_eq!(station.page, None);
    let textfile = station.textfile.unwrap();
    assert_eq!(textfile, Path::new("/etc/twinspect/figures/left.prom"));
    for (wrong, key) in [
        ("[page]\nlisten = \"8080\"\n", "page.listen"),
        ("[page]\nlisten = \"localhost:8080\"\n", "page.listen"),
        ("[page]\nhosts = [\"press 3\"]\n", "page.hosts"),
        ("[page]\nhosts = [\"press:80\"]\n", "page.hosts"),
        ("[metrics]\ntextfile = \"left.txt\"\n", "metrics.textfile"),
        ("[page]\ntoken = \"x\"\n", "token"),
    ] {
        let error = page(wrong).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn a_broker_is_told_of_under_the_station_s_name() {
    let mqtt = |rest: &str| {
        let text = format!("{LEAST}[mqtt]\n{rest}");
        parse(Path::new("/etc/twinspect/left.toml"), &text)
    };
    assert_eq!(mqtt("").unwrap().station.mqtt, None);
    let told = mqtt("broker = \"10.0.0.2\"\n")
        .unwrap()
        .station
        .mqtt
        .unwrap();
    assert_eq!((told.host.as_str(), told.port), ("10.0.0.2", 1883));
    assert_eq!(
        (told.topic.as_str(), told.client_id.as_str()),
        ("twinspect/left", "twinspect-left")
    );
    assert_eq!(told.login, None);
    let login = "broker = \"b:1\"\nuser = \"line\"\npassword_file = \"secret\"\n";
    let login = mqtt(login).unwrap().station.mqtt.unwrap().login.unwrap();
    assert_eq!(
        login.password_file.unwrap(),
        Path::new("/etc/twinspect/secret")
    );
    for (wrong, key) in [
        ("broker = \"mqtts://b:8883\"\n", "mqtt.broker"),
        ("broker = \"b\"\ntopic = \"hall/+\"\n", "mqtt.topic"),
        ("broker = \"b\"\ntopic = \"/hall\"\n", "mqtt.topic"),
        ("broker = \"b\"\nclient_id = \"a b\"\n", "mqtt.client_id"),
        (
            "broker = \"b\"\npassword_file = \"secret\"\n",
            "mqtt.password_file",
        ),
        ("broker = \"b\"\npassword = \"secret\"\n", "password"),
    ] {
        let error = mqtt(wrong).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn a_token_of_the_page_needs_records_to_be_marked() {
    let token = "[page]\ntoken_file = \"page.token\"\n";
    let Err(ConfigError::Problems { problems, .. }) = parsed(&format!("{LEAST}{token}")) else {
        panic!("there is nothing to mark");
    };
    let told = problems[0].to_string();
    assert!(
        told.starts_with("page.token_file = \"page.token\""),
        "{told}"
    );
    let records = "[records]\nenabled = true\n";
    let station = parsed(&format!("{LEAST}{token}{records}")).unwrap().station;
    let file = station.page.unwrap().token_file.unwrap();
    assert!(file.ends_with("page.token"), "{}", file.display());
    let without = parsed(&format!("{LEAST}{records}")).unwrap().station;
    assert_eq!(without.page.unwrap().token_file, None);
}
