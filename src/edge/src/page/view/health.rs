//! What the page says of camera, engine, model, board and disks.

use serde::Serialize;

use super::super::poll::Known;
use crate::control::Status;
use crate::health::{counted, is_depth_poor};

/// A thing, how it is, and whether that is well.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Row {
    name: &'static str,
    value: String,
    is_well: bool,
}

pub(super) fn rows(known: &Known, status: &Status) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name, value: String, is_well| {
        rows.push(Row {
            name,
            value,
            is_well,
        });
    };
    let camera = status
        .inspector
        .camera
        .clone()
        .unwrap_or("not known yet".to_owned());
    let sees = status.obstacle.as_deref() != Some("camera") && status.is_up();
    let stream = status.camera.stream.map_or(String::new(), |stream| {
        format!(
            ", {}",
            counted(stream.restarts + stream.removals, "restart")
        )
    });
    let missing = if sees { "" } else { ", no pictures" };
    add("Camera", format!("{camera}{stream}{missing}"), sees);
    if let Some(share) = status.camera.depth_invalid_ratio {
        let measured = 100.0 * (1.0 - share);
        add(
            "Depth",
            format!("{measured:.0} % measured"),
            !is_depth_poor(share),
        );
    }
    let engine = status
        .inspector
        .engine
        .clone()
        .unwrap_or("not known yet".to_owned());
    let stands_in = status.inspector.engine_stands_in;
    let what = if stands_in {
        ", in place of another"
    } else {
        ""
    };
    let took = status.last_part.as_ref().and_then(|part| part.took_ms);
    let took = took.map_or(String::new(), |took| format!(", {took:.0} ms a part"));
    add("Engine", format!("{engine}{what}{took}"), !stands_in);
    if let Some(model) = &status.model {
        let age = age(&model.created).map_or(String::new(), |age| format!(", {age}"));
        add(
            "Model",
            format!("{} {}{age}", model.name, model.version),
            true,
        );
    }
    if let Some(celsius) = known.board.temperature_celsius {
        let slow = !known.board.throttled.is_empty();
        let slowed = if slow { ", slowed down" } else { "" };
        let mode = known.board.power_mode.as_ref();
        let mode = mode.map_or(String::new(), |mode| format!(", power mode {mode}"));
        add("Board", format!("{celsius:.0} °C{slowed}{mode}"), !slow);
    }
    for disk in &known.disks {
        let percent = disk.free_bytes * 100 / disk.all_bytes.max(1);
        let name = if disk.what == "records" {
            "Records"
        } else {
            "Disk"
        };
        let value = format!(
            "{} free ({percent} %)",
            indicatif::HumanBytes(disk.free_bytes)
        );
        add(name, value, !disk.is_short());
    }
    let restarts = status.inspector.restarts;
    add(
        "Inspection",
        format!("{} since the start", counted(restarts, "restart")),
        restarts == 0,
    );
    rows
}

/// How old something is, in words; nothing for what was made in the future.
fn age(created: &str) -> Option<String> {
    let created: jiff::Timestamp = created.parse().ok()?;
    let days = (jiff::Timestamp::now().as_second() - created.as_second()) / 86_400;
    match days {
        ..0 => None,
        0 => Some("made today".to_owned()),
        1 => Some("1 day old".to_owned()),
        days => Some(format!("{days} days old")),
    }
}
