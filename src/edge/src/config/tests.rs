use std::path::PathBuf;

use super::*;

const LEAST: &str = "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n";

fn parsed(text: &str) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.toml");
    std::fs::write(&path, text).unwrap();
    load(&path)
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/station-replay.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let defaults: StationToml = toml::from_str(LEAST).unwrap();
    for (_, key, value) in explain::keys(&defaults) {
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
        "trigger.rate_hz = 0 must be above 0",
        "gate.deadline_ms = 350 must be at most gate.delay_ms = 100",
        "inspector.heartbeat_ms must be less than inspector.silence_max_ms",
        "inspector.heartbeat_ms must be less than ready.silence_max_ms",
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
    assert_eq!(station.bundle, folder.path().join("cap.twb"));
}
