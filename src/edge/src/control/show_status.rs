//! What `twinspect status` shows.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    InspectorState, ModelsStatus, PlansState, PlansStatus, RecipesStatus, Status, UnderWay,
};
use crate::health::{Attention, Board, Disk};
use crate::part_report::words;

/// Rejected parts that people are shown.
const REJECTS_SHOWN: usize = 5;

/// What is seen beside the station. Its names are for scripts and stay.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    pub(super) board: Board,
    pub(super) disks: Vec<Disk>,
    /// Most urgent first.
    pub(super) attention: Vec<Attention>,
}

/// In lines, the most important first.
pub(super) fn for_people(status: &Status, seen: &Seen, out: &mut dyn Write) -> io::Result<()> {
    let Status {
        station,
        version,
        process,
        uptime_s,
        doing,
        inspector,
        parts,
        trigger,
        late_results,
        last_part,
        challenge,
        last_reload,
        models,
        recipes,
        state: machine,
        last_hour,
        last_rejects,
        page,
        ..
    } = status;
    let since = indicatif::HumanDuration(Duration::from_secs(*uptime_s as u64));
    writeln!(out, "{doing}")?;
    writeln!(
        out,
        "station        {}, twinspect {version}, process {process}, for {since}",
        station.display()
    )?;
    writeln!(out, "state          {} (OPC 40100-1)", machine.name())?;
    let state = match inspector.state {
        InspectorState::Down => "down",
        InspectorState::Starting => "starting",
        InspectorState::Up => "up",
    };
    let known = [&inspector.model, &inspector.engine, &inspector.camera];
    let known: String = known
        .into_iter()
        .flatten()
        .map(|what| format!(", {what}"))
        .collect();
    writeln!(
        out,
        "inspector      {state}, {} restarts{known}",
        inspector.restarts
    )?;
    if let Some(why) = &inspector.engine_why {
        let what = if inspector.engine_stands_in {
            "stands in"
        } else {
            "as wanted"
        };
        writeln!(out, "engine         {what}: {why}")?;
    }
    if let Some(PlansStatus { state, why }) = &inspector.plans {
        let told = match state {
            PlansState::Building => "are being built for the GPU",
            PlansState::Built if !inspector.engine_stands_in => "are built, and in use",
            PlansState::Built => {
                "are built: the GPU is tried once when no part has come for a minute, and by `twinspect engine retry`"
            }
            PlansState::Failed => "could not be built, or are not trusted",
        };
        let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        writeln!(out, "plans          {told}{why}")?;
    }
    if let Some(models) = models {
        show_models(models, out)?;
    }
    if let Some(recipes) = recipes {
        show_recipes(recipes, out)?;
    }
    writeln!(
        out,
        "parts          {} triggered: {} passed, {} failed, {} without a result ({late_results} \
         late answers), {} under way",
        parts.triggered, parts.passed, parts.failed, parts.no_result, parts.under_way
    )?;
    writeln!(
        out,
        "trigger        {} parts, {} doubles, {} missed, {} times edges or pictures lost, {} unclear, {} \
         stuck",
        trigger.parts,
        trigger.doubles,
        trigger.missed,
        trigger.losses,
        trigger.unclear,
        trigger.stuck
    )?;
    writeln!(
        out,
        "last hour      {} passed, {} failed, {} without a result, in {}",
        last_hour.passed,
        last_hour.failed,
        last_hour.no_result,
        indicatif::HumanDuration(Duration::from_secs(last_hour.span_s))
    )?;
    if let Some(left) = last_part {
        let (word, detail) = words(&left.verdict);
        writeln!(
            out,
            "last part      {}: {word}  {}",
            left.number,
            detail.trim()
        )?;
    }
    if let Some(challenge) = challenge
        && (challenge.due_in_s.is_some() || challenge.last.is_some() || challenge.awaited.is_some())
    {
        let last = challenge.last.as_deref().unwrap_or("none shown yet");
        let alarm = challenge.alarm.as_deref();
        let alarm = alarm.map_or(String::new(), |alarm| format!(", ALARM: {alarm}"));
        let due = challenge.due_in_s.map_or(String::new(), |due_s| {
            format!(", next one within {:.1} h", due_s / 3600.0)
        });
        writeln!(out, "challenge      last: {last}{alarm}{due}")?;
    }
    if let Some(reload) = last_reload {
        let what = if reload.taken_over {
            "taken over"
        } else {
            "refused"
        };
        writeln!(out, "last reload    {what}: {}", reload.text)?;
    }
    for part in last_rejects.iter().take(REJECTS_SHOWN) {
        writeln!(out, "reject         {}: {}", part.number, part.why())?;
    }
    if let Some(url) = page.as_ref().and_then(|page| page.url.as_deref()) {
        writeln!(out, "page           {url}")?;
    }
    surroundings(seen, out)
}

fn show_models(models: &ModelsStatus, out: &mut dyn Write) -> io::Result<()> {
    let ModelsStatus {
        active,
        active_for_s,
        previous,
        under_way,
        trial_parts_left,
        last,
    } = models;
    let since = indicatif::HumanDuration(Duration::from_secs(*active_for_s as u64));
    let before = previous
        .as_ref()
        .map_or(String::new(), |previous| format!("; before it {previous}"));
    let trial = trial_parts_left.map_or(String::new(), |left| {
        format!("; on trial for {left} more parts")
    });
    writeln!(out, "model          {active}, for {since}{before}{trial}")?;
    if let Some(UnderWay { model, step }) = under_way {
        writeln!(out, "under way      {model}: {step}")?;
    }
    if let Some(last) = last {
        let what = if last.activated {
            "activated"
        } else {
            "not active"
        };
        writeln!(out, "last model     {}, {what}: {}", last.model, last.text)?;
    }
    Ok(())
}

fn show_recipes(recipes: &RecipesStatus, out: &mut dyn Write) -> io::Result<()> {
    let RecipesStatus {
        by_lines,
        number,
        name,
        why,
        last,
        preloaded,
        not_preloaded,
        ..
    } = recipes;
    let selected = match (number, name) {
        (Some(number), Some(name)) => format!("{number} ({name})"),
        (Some(number), None) => number.to_string(),
        (None, _) => "none selected".to_owned(),
    };
    let by = if *by_lines {
        ", by the machine's lines"
    } else {
        ""
    };
    let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    writeln!(out, "recipe         {selected}{by}{why}")?;
    if let Some(last) = last {
        writeln!(
            out,
            "last recipe    {} ({}): {last}",
            last.number, last.name
        )?;
    }
    if !preloaded.is_empty() {
        writeln!(out, "preloaded      {}", preloaded.join(", "))?;
    }
    if let Some(why) = not_preloaded {
        writeln!(out, "not preloaded  {why}")?;
    }
    Ok(())
}

fn surroundings(seen: &Seen, out: &mut dyn Write) -> io::Result<()> {
    let board = &seen.board;
    let mut told = Vec::new();
    if let (Some(celsius), hottest) = (board.temperature_celsius, board.hottest.as_deref()) {
        let hottest = hottest.map_or(String::new(), |zone| format!(" ({zone})"));
        told.push(format!("{celsius:.0} degrees Celsius{hottest}"));
    }
    if !board.throttled.is_empty() {
        told.push(format!("slowed down: {}", board.throttled.join(", ")));
    }
    told.extend(
        board
            .power_mode
            .iter()
            .map(|mode| format!("power mode {mode}")),
    );
    if !told.is_empty() {
        writeln!(out, "board          {}", told.join(", "))?;
    }
    for disk in &seen.disks {
        writeln!(
            out,
            "disk           {}: {} free of {} ({})",
            disk.what,
            indicatif::HumanBytes(disk.free_bytes),
            indicatif::HumanBytes(disk.all_bytes),
            disk.folder.display()
        )?;
    }
    if seen.attention.is_empty() {
        return writeln!(out, "attention      nothing needs anybody");
    }
    writeln!(out, "needs attention:")?;
    seen.attention
        .iter()
        .try_for_each(|one| writeln!(out, "  {}\n    {}", one.what, one.remedy))
}

/// As the station has told it, with what was seen beside it: a newer station may say more than this program
/// knows.
pub(super) fn for_scripts(line: &[u8], seen: &Seen, out: &mut dyn Write) -> io::Result<()> {
    let mut told: Map<String, Value> = serde_json::from_slice(line)?;
    if let Value::Object(seen) = serde_json::to_value(seen)? {
        told.extend(seen);
    }
    serde_json::to_writer(&mut *out, &told)?;
    writeln!(out)
}
