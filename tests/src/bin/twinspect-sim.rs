//! Plays stories of a simulated station around the production state machines until enough parts
//! have gone by, or a law is broken.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use serde::Serialize;
use twinspect_tests::simulator::{Campaign, Report, Shipped, Story, shrink};

/// Parts of a story that is replayed, if no number is given: those of a campaign's story.
const STORY_PARTS: u64 = 1_000;

/// Simulates a station with faults and holds it to its laws.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  twinspect-sim --parts 1000000 --seed 1
  twinspect-sim --replay 17305684232114370031

Exit codes: 0 no law was broken, 1 one was, 2 usage")]
struct Arguments {
    /// Parts to simulate, in stories of 1000.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    parts: u64,
    /// From which the stories' seeds are drawn.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Plays one story by its own seed, and prints its shortest form that breaks a law.
    #[arg(long, value_name = "SEED", conflicts_with = "seed")]
    replay: Option<u64>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Its keys are for scripts and stay.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    report: &'a Report,
    seconds: f64,
    parts_per_second: f64,
    trace: &'a [String],
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let start = Instant::now();
    let report = match arguments.replay {
        Some(seed) => {
            let parts = arguments.parts.min(STORY_PARTS) as usize;
            let mut report = Report::default();
            report.add(Story::draw(seed, parts), &Shipped);
            report
        }
        None => {
            let campaign = Campaign {
                seed: arguments.seed,
                parts: arguments.parts,
            };
            campaign.run(&Shipped, 1)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let found = report
        .first
        .as_ref()
        .and_then(|(story, _)| shrink(story, &Shipped));
    let summary = Summary {
        report: &report,
        seconds,
        parts_per_second: report.parts as f64 / seconds,
        trace: found.as_ref().map_or(&[], |found| &found.trace),
    };
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut out, &summary)?;
        writeln!(out)?;
    } else {
        tell(&mut out, &summary)?;
        if let Some(found) = &found {
            writeln!(out, "{}", found.story.describe())?;
        }
    }
    Ok(ExitCode::from(u8::from(!report.violations.is_empty())))
}

fn tell(out: &mut impl Write, summary: &Summary<'_>) -> io::Result<()> {
    let report = summary.report;
    writeln!(
        out,
        "{} parts in {} stories, {:.1} s: {:.0} parts per second\n\
         tickets     {} PASS, {} FAIL, {} NO-RESULT\n\
         let through {} parts",
        report.parts,
        report.stories,
        summary.seconds,
        summary.parts_per_second,
        report.passed,
        report.failed,
        report.no_result.values().sum::<u64>(),
        report.let_through,
    )?;
    for (reason, count) in &report.no_result {
        writeln!(out, "no result   {reason:<18} {count:>9}")?;
    }
    for (kind, count) in &report.faults {
        writeln!(out, "fault       {kind:<18} {count:>9}")?;
    }
    for (seed, violation) in &report.violations {
        writeln!(
            out,
            "\nVIOLATION   {violation}\n            --replay {seed}\n"
        )?;
    }
    for line in summary.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{} violations", report.violations.len())
}
