//! What a person should look after, most urgent first, and what to do about it.

use serde::Serialize;
use twinspect_core::picture::{Figure, Level};
use twinspect_core::statistics::binomial_cdf;
use twinspect_core::verdict::Reason;

use super::{Board, Disk, counted};
use crate::control::{RecentPart, Status};
use crate::picture_check::{self, PictureStatus};

/// So close to its end a board is too hot, in degrees.
const HEAT_MARGIN_CELSIUS: f64 = 12.0;
/// The same where a board does not tell its end.
const HOT_CELSIUS: f64 = 90.0;
/// So much of the region of interest without depth is worth a look.
const DEPTH_INVALID_MAX: f32 = 0.4;
/// Chance of so many failed parts by the model's own false rejects alone, below which it is not them.
const CHANCE_MIN: f64 = 1e-4;
/// Fewer failed parts than this are no pattern.
const FAILED_MIN: u64 = 5;
/// Parts without a result that are no accident any more.
const NO_RESULT_MIN: u64 = 5;
const NO_RESULT_SHARE: f64 = 0.02;
/// Passed parts by which drift is judged, and the score that half of them exceed.
const DRIFT_PARTS: usize = 50;
const DRIFT_SCORE: f32 = 0.8;

/// Something to look after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Attention {
    /// What is the matter.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked<'a> {
    pub(crate) status: &'a Status,
    /// The last parts, oldest first.
    pub(crate) recent: &'a [RecentPart],
    pub(crate) board: &'a Board,
    pub(crate) disks: &'a [Disk],
}

/// What to do about what keeps a station from being ready.
pub(crate) fn remedy(obstacle: &str) -> &'static str {
    match obstacle {
        "starting" => {
            "wait; if it takes longer than a minute, or repeats, `journalctl -u twinspect@NAME` tells why"
        }
        "recipe" => {
            "look at what the machine selects (`twinspect recipe list`) and at the model of that recipe; \
             what comes is rejected until it is in charge"
        }
        "switching" => "wait: another model takes over, which takes seconds",
        "silent" => {
            "look at the camera's cable and supply; the station starts its inspection again by itself"
        }
        "camera" => {
            "look at the camera's cable, plug and supply; the station brings the camera back by itself"
        }
        "engine" => "see to the GPU (`twinspect engine list`), or give parts more time",
        "late" => "slow the belt down, or give parts more time (gate.deadline_ms)",
        "fault" => {
            "look at the part sensor and the encoder, and for parts that touch or stand still; \
             READY comes back by itself"
        }
        "closing" => "start the station again when it is wanted",
        _ => "`journalctl -u twinspect@NAME` tells more",
    }
}

/// Whether so much of the region of interest without depth is worth a look.
pub(crate) fn is_depth_poor(invalid_ratio: f32) -> bool {
    invalid_ratio > DEPTH_INVALID_MAX
}

/// All that a person should know.
pub(crate) fn attention(looked: &Looked<'_>) -> Vec<Attention> {
    let mut list = Vec::new();
    let mut add = |what: String, remedy: &str| {
        list.push(Attention {
            what,
            remedy: remedy.to_owned(),
        });
    };
    let status = looked.status;
    if let Some(obstacle) = status.obstacle.as_deref() {
        add(status.doing.clone(), remedy(obstacle));
    }
    if status.inspector.engine_stands_in {
        let why = status.inspector.engine_why.as_deref().unwrap_or("unknown");
        add(
            format!("another engine stands in: {why}"),
            "mend what is said there; a GPU is tried again with `twinspect engine retry`",
        );
    }
    if let Some(reload) = status.last_reload.as_ref().filter(|last| !last.taken_over) {
        add(
            format!("the new configuration was refused: {}", reload.text),
            "correct the file, then `twinspect reload`",
        );
    }
    match status
        .challenge
        .as_ref()
        .and_then(|challenge| challenge.alarm.as_deref())
    {
        Some("missed") => add(
            "the challenge part was not rejected".to_owned(),
            "stop the line, look at model and camera, and show the challenge part again (`twinspect challenge`)",
        ),
        Some(alarm) => add(
            format!("the challenge part is {alarm}"),
            "show it: `twinspect challenge`, then lay it on the belt",
        ),
        None => {}
    }
    if let Some(last) = status
        .models
        .as_ref()
        .and_then(|models| models.last.as_ref())
        && !last.activated
    {
        add(
            format!("model {} is not active: {}", last.model, last.text),
            "mend what is said, then `twinspect model activate`",
        );
    }
    parts(looked, &mut add);
    process(status, &mut add);
    surroundings(looked, &mut add);
    list
}

fn parts(looked: &Looked<'_>, add: &mut impl FnMut(String, &str)) {
    let status = looked.status;
    let hour = status.last_hour;
    let judged = hour.passed + hour.failed;
    if let Some(rate) = status.model.as_ref().map(|model| model.target_rate)
        && hour.failed >= FAILED_MIN
        && chance_of(hour.failed, judged, rate) < CHANCE_MIN
    {
        add(
            format!(
                "{} of {judged} judged parts failed within the last hour ({:.1} %); of good parts \
                 about {:.1} % do",
                hour.failed,
                100.0 * hour.failed as f64 / judged as f64,
                100.0 * rate
            ),
            "look at the pictures of the rejects. Parts are bad: see to the process before. Parts are good \
             (pseudo rejects): clean lens and light, check the camera's place, then \
             `twinspect model calibrate` with good parts of today",
        );
    }
    let all = judged + hour.no_result;
    if hour.no_result >= NO_RESULT_MIN && hour.no_result as f64 > NO_RESULT_SHARE * all as f64 {
        let most = status
            .counts
            .no_result
            .iter()
            .max_by_key(|(_, count)| *count);
        let (reason, what) = most.map_or(("", "see the log"), |(reason, _)| {
            (reason.name(), why_no_result(*reason))
        });
        add(
            format!(
                "{} of {all} parts had no result within the last hour, most often since the start: {reason}",
                hour.no_result
            ),
            what,
        );
    }
    if let Some(median) = drift(looked.recent) {
        add(
            format!(
                "half of the last {DRIFT_PARTS} passed parts score {median:.2} or more; 1.00 is the line"
            ),
            "clean lens and light and check the camera's place before good parts are rejected; if nothing \
             has changed, `twinspect model calibrate` with good parts of today",
        );
    }
    let picture = status.camera.picture.as_ref();
    if let Some(picture) = picture {
        pictures(picture, add);
    }
    let is_told =
        picture.is_some_and(|picture| picture.states.of(Figure::DepthHoles) != Level::Fine);
    if let Some(share) = status.camera.depth_invalid_ratio
        && is_depth_poor(share)
        && !is_told
    {
        add(
            format!(
                "no depth in {:.0} % of the region of interest",
                100.0 * share
            ),
            "look for strong light, glossy or dark parts and dirt on the depth camera; \
             `twinspect check --camera` shows it",
        );
    }
}

/// What is the matter with pictures, worst first.
fn pictures(picture: &PictureStatus, add: &mut impl FnMut(String, &str)) {
    for (level, then) in [(Level::Reject, ": parts have no result"), (Level::Warn, "")] {
        for figure in picture.states.at(level) {
            let what = picture_check::what(figure, &picture.figures);
            add(format!("{what}{then}"), picture_check::remedy(figure));
        }
    }
}

fn process(status: &Status, add: &mut impl FnMut(String, &str)) {
    let restarts = status.inspector.restarts;
    if restarts > 0 {
        add(
            format!(
                "the inspect process was started again, {} since the start",
                counted(restarts, "time")
            ),
            "`journalctl -u twinspect@NAME -p warning` says what ended it",
        );
    }
    let dropped = status.inspected.records_dropped;
    if dropped > 0 {
        add(
            format!("lost: {} of parts", counted(dropped, "record")),
            "their disk is full or slow, or their folder is not the station's to write: `journalctl -u twinspect@NAME -p \
             warning` says which; parts are judged all the same",
        );
    }
    if let Some(why) = status.page.as_ref().and_then(|page| page.no_marks.as_ref()) {
        add(
            format!("the page takes no marks: {why}"),
            "mend the file, then restart the station; parts are judged all the same",
        );
    }
    if let Some(stream) = status.camera.stream
        && stream.restarts + stream.removals > 0
    {
        add(
            format!(
                "the camera was started again {}, and went away {}",
                counted(stream.restarts, "time"),
                counted(stream.removals, "time")
            ),
            "look at its cable, plug and supply",
        );
    }
}

fn surroundings(looked: &Looked<'_>, add: &mut impl FnMut(String, &str)) {
    let board = looked.board;
    if let Some(celsius) = board.temperature_celsius {
        let hot = board
            .critical_celsius
            .map_or(HOT_CELSIUS, |end| end - HEAT_MARGIN_CELSIUS);
        if celsius >= hot {
            add(
                format!("the board has {celsius:.0} degrees Celsius"),
                "look at its fan, its cooling and the air around it",
            );
        }
    }
    if !board.throttled.is_empty() {
        add(
            format!("the board is slowed down: {}", board.throttled.join(", ")),
            "cool it, or choose a power mode that its supply and cooling can bear",
        );
    }
    for disk in looked.disks {
        if disk.is_short() {
            add(
                format!(
                    "{} MB free for {} ({})",
                    disk.free_bytes >> 20,
                    disk.what,
                    disk.folder.display()
                ),
                "delete what is not needed there, or let fewer records be kept",
            );
        }
    }
}

fn why_no_result(reason: Reason) -> &'static str {
    match reason {
        Reason::Camera | Reason::StaleFrame => {
            "the camera gives no picture, or not the part's: look at cable and supply, and at trigger.exposure_max_ms"
        }
        Reason::NoPart => "the camera sees no part when the sensor does: check both places",
        Reason::NoColour => "the picture is dark or saturated: look at light, lens and cable",
        Reason::NoDepth => {
            "the depth picture is mostly empty: look at the depth camera and at strong light"
        }
        Reason::Engine => "the log says what the engine has failed at",
        Reason::Inspector => "the inspect process was away: the log says why",
        Reason::Late | Reason::Overrun => {
            "the station is too slow for this belt: `twinspect bench` measures it"
        }
        Reason::PictureRepeated
        | Reason::PictureBeltHeight
        | Reason::PictureBeltTilt
        | Reason::PictureDepthNoise
        | Reason::PictureDepthHoles
        | Reason::PictureDark
        | Reason::PictureBright
        | Reason::PictureSaturated
        | Reason::PictureBlurred => {
            "pictures are worse than the model knows them: `twinspect check --camera` shows it"
        }
        Reason::Position => "parts come too close together, or edges of sensor or encoder are lost",
        Reason::Recipe => {
            "parts came while the model of the selected recipe was not in charge: `twinspect recipe list`"
        }
        _ => "the log says more",
    }
}

/// Chance that `failed` of the judged parts fail, 1 at least, or more, where all are good and the model rejects its own share.
fn chance_of(failed: u64, judged: u64, rate: f64) -> f64 {
    let fewer = failed.saturating_sub(1) as usize;
    1.0 - binomial_cdf(fewer, judged as usize, rate)
}

/// The median score of the last passed parts, if it is close to the line.
fn drift(recent: &[RecentPart]) -> Option<f32> {
    let passed = recent.iter().rev().filter(|part| part.passes);
    let mut scores: Vec<f32> = passed
        .filter_map(|part| part.score)
        .take(DRIFT_PARTS)
        .collect();
    if scores.len() < DRIFT_PARTS {
        return None;
    }
    scores.sort_unstable_by(f32::total_cmp);
    let median = *scores.get(DRIFT_PARTS / 2)?;
    (median >= DRIFT_SCORE).then_some(median)
}

#[cfg(test)]
mod tests;
