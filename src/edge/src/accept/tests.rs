use std::path::Path;

use clap::Parser;
use serde_json::Value;
use twinspect_core::verdict::{Reason, Score, Verdict};

use super::reference::Expected::{self, Bad, Good};
use super::*;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    args: AcceptArgs,
}

/// What somebody has typed who accepts a recorded station that has ended.
fn typed(out: &Path, more: &[&str]) -> AcceptArgs {
    let known = ["accept", "--data", "parts", "--socket", "nowhere", "--out"];
    let words = known.into_iter().chain([out.to_str().unwrap()]);
    let words = words.chain(more.iter().copied());
    Typed::try_parse_from(words).unwrap().args
}

fn station() -> Stationed {
    Stationed {
        station: "station.toml".to_owned(),
        configuration_sha256: None,
        model: None,
        bundle: None,
        engine: None,
        camera: None,
        twinspect: "0.1.0".to_owned(),
        inspector_restarts: 0,
    }
}

/// A part that has passed, or had no result.
fn judged(expected: Expected, note: Option<&str>, passes: bool) -> Judged {
    let reference = Reference {
        identity: "ref".to_owned(),
        expected,
        note: note.map(str::to_owned),
    };
    let verdict = if passes {
        Verdict::Pass {
            score: Score(0.5),
            missing: None,
        }
    } else {
        Verdict::NoResult {
            reason: Reason::Late,
        }
    };
    Judged::new(&reference, None, verdict, None)
}

fn report(args: &AcceptArgs, parts: Vec<Judged>) -> Report {
    let (operator, time) = ("mia".to_owned(), "2026-12-01T08:00:00Z".to_owned());
    Report::new(args, operator, time, "test", station(), &station(), parts)
}

fn run<'a>(args: &'a AcceptArgs, folder: Folder<'a>, out: &'a mut Vec<u8>) -> Run<'a> {
    Run {
        args,
        out,
        prompts: false,
        first: station(),
        last: station(),
        judged: vec![judged(Good, None, true), judged(Bad, None, false)],
        another: "",
        folder,
    }
}

#[test]
fn figures_are_said_also_where_the_report_can_t_be_written() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("acceptance");
    for more in [vec![], vec!["--json"]] {
        let args = typed(&out, &more);
        let folder = Folder::open(&args.out, 2).unwrap();
        // Meanwhile something else has come there.
        std::fs::remove_dir(&out).unwrap();
        std::fs::write(&out, "a file").unwrap();
        let mut said = Vec::new();
        let ended = run(&args, folder, &mut said).finish(Way::Test);
        assert!(matches!(ended, Err(EdgeError::Store { .. })), "{ended:?}");
        let said = String::from_utf8(said).unwrap();
        if args.station.json {
            let report: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(report["accepted"], false);
            assert_eq!(report["slip"]["of"], 1);
        } else {
            for text in [
                "pseudo rejects   0 of 1",
                "slip             0 of 1",
                "not accepted\n",
            ] {
                assert!(said.contains(text), "{text}: {said}");
            }
            assert!(!said.contains("report:"), "{said}");
        }
        std::fs::remove_file(&out).unwrap();
    }
}

#[test]
fn a_report_that_is_written_is_named() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("acceptance");
    let args = typed(
        &out,
        &["--pseudo-rejects-max", "0.96", "--slip-max", "0.96"],
    );
    let folder = Folder::open(&args.out, 2).unwrap();
    let mut said = Vec::new();
    run(&args, folder, &mut said).finish(Way::Test).unwrap();
    let said = String::from_utf8(said).unwrap();
    let page = out.join("acceptance.html");
    assert!(
        said.ends_with(&format!("report: {}\n", page.display())),
        "{said}"
    );
    assert!(page.exists() && out.join("acceptance.json").exists());
}

#[test]
fn slip_is_told_for_each_kind_of_defect() {
    let args = typed(Path::new("out"), &[]);
    let report = report(
        &args,
        vec![
            judged(Good, Some("dent"), true),
            judged(Bad, Some("dent"), true),
            judged(Bad, Some("dent"), false),
            judged(Bad, None, false),
            judged(Bad, Some("<stain>"), false),
            judged(Bad, Some("<stain>"), false),
        ],
    );
    let json = serde_json::to_value(&report).unwrap();
    let slip = &json["slip"];
    // 1 of 5, one-sided: the share at which P(at most 1 of 5) is 0.05.
    let bound = slip["bound_95"].as_f64().unwrap();
    assert!((bound - 0.657_408).abs() < 1e-6, "{bound}");
    assert_eq!(slip["count"], 1);
    assert_eq!(slip["of"], 5);
    assert_eq!(slip["limit"], 0.05);
    let kinds = slip["by_kind"].as_array().unwrap();
    // 0 of n: 1 - 0.05^(1/n). 1 of 2: the root of 0.95.
    let known: [(&str, u64, u64, f64); 3] = [
        ("<stain>", 0, 2, 0.776_393),
        ("bad", 0, 1, 0.95),
        ("dent", 1, 2, 0.974_679),
    ];
    assert_eq!(kinds.len(), known.len());
    for (kind, (name, count, of, bound)) in kinds.iter().zip(known) {
        assert_eq!(kind["kind"], name);
        assert_eq!(kind["count"], count, "{name}");
        assert_eq!(kind["of"], of, "{name}");
        let found = kind["bound_95"].as_f64().unwrap();
        assert!((found - bound).abs() < 1e-6, "{name}: {found}");
    }
    let page = page::page(&report);
    for text in [
        "Slip by kind of defect",
        "<td>&lt;stain&gt;</td><td>0 of 2</td>",
        "<td>dent</td><td>1 of 2</td>",
        "<td>97.47 %</td>",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let text = report.text();
    assert!(text.contains("\n  dent           1 of 2, "), "{text}");
    assert!(text.contains("bound 77.64 %\n"), "{text}");
}

#[test]
fn without_bad_parts_there_are_no_kinds_and_one_kind_is_said_once() {
    let args = typed(Path::new("out"), &[]);
    let good = report(&args, vec![judged(Good, Some("limit sample"), false)]);
    assert!(good.slip.by_kind.is_empty());
    assert!(!page::page(&good).contains("Slip by kind"));
    let dents = report(&args, vec![judged(Bad, Some("dent"), false)]);
    assert_eq!(dents.slip.by_kind.len(), 1);
    assert!(!dents.text().contains("dent"), "{}", dents.text());
}

#[test]
fn another_part_than_the_one_that_is_meant_is_refused_with_what_helps() {
    for (source, helps) in [
        (Some("sensor"), "trigger.source = \"software\""),
        (Some("presence"), "in the order in which they come"),
        (Some("software"), "restart the station"),
        (None, "restart the station"),
    ] {
        assert!(for_another_part(source).contains(helps), "{source:?}");
    }
    let root = tempfile::tempdir().unwrap();
    let args = typed(root.path(), &[]);
    let mut said = Vec::new();
    let run = run(&args, Folder::open(&args.out, 2).unwrap(), &mut said);
    let reference = Reference {
        identity: "test/good/000".to_owned(),
        expected: Good,
        note: None,
    };
    // A live camera knows no names.
    for known in [None, Some("test/good/000")] {
        run.is_the_one(&reference, known).unwrap();
    }
    let refused = run
        .is_the_one(&reference, Some("test/dent/000"))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the station has played test/dent/000 where test/good/000 is listed"
    );
}
