//! The log as the journal wants it.

use std::os::unix::fs::MetadataExt;

use super::Service;
use crate::station::endless;

#[test]
fn lines_have_priorities_and_parts_the_same_fields() {
    let mut service = Service::start_with(endless(), |command, log| {
        let log = log.metadata().expect("a file");
        command.env("JOURNAL_STREAM", format!("{}:{}", log.dev(), log.ino()));
    });
    service.wait_until(|status| status["last_part"]["number"].as_u64() >= Some(2));
    service
        .site
        .edit("station.toml", "[gate]", "[gate]\nnonsense = 1");
    service.refusal("reload");
    crate::station::signal(service.process.id(), "TERM");
    service.wait_for("STOPPING=1");
    service.process.wait().expect("its end");
    let log = String::from_utf8(service.site.read("log")).expect("text");
    for line in log.lines() {
        let (priority, rest) = line.split_at(3);
        assert!(["<3>", "<4>", "<6>", "<7>"].contains(&priority), "{line}");
        let who = rest.split_once(": ").expect("who speaks").0;
        assert!(["line", "inspect"].contains(&who), "{line}");
    }
    let fields = |line: &str| -> Vec<String> {
        let fields = line.split(' ').filter_map(|field| field.split_once('='));
        fields.map(|(name, _)| name.to_owned()).collect()
    };
    let parts: Vec<Vec<String>> = log
        .lines()
        .filter(|line| line.starts_with("<6>line: part="))
        .map(|line| fields(&line[9..]))
        .collect();
    assert!(parts.len() >= 2, "{log}");
    let known = [
        "part", "verdict", "reason", "score", "seen_by", "took_ms", "name",
    ];
    assert!(parts.iter().all(|fields| *fields == known), "{parts:?}");
    let out = service.site.read("out");
    assert!(out.is_empty(), "everything stands in the log");
    assert!(
        log.contains("\n<3>line: the station goes on with its old configuration: "),
        "{log}"
    );
}

#[test]
fn another_process_s_journal_is_not_ours() {
    let mut service = Service::start_with(endless(), |command, _| {
        command
            .env("JOURNAL_STREAM", "1:1")
            .env("TWINSPECT_LOG", "info");
    });
    service.wait_for("STATUS=ready");
    crate::station::signal(service.process.id(), "TERM");
    service.process.wait().expect("its end");
    let log = String::from_utf8(service.site.read("log")).expect("text");
    assert!(log.lines().all(|line| line.starts_with('[')), "{log}");
}
