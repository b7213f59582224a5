//! What a browser shows, made of what is known: words and numbers, ready to be put on the page.
//!
//! Names are for `page.js` and for scripts that read `/api/state`, and stay.

mod card;
mod health;

use serde::Serialize;

use self::card::Card;
use self::health::Row;
use super::album::REJECTS_SHOWN;
use super::poll::{Answer, Known};
use crate::control::{LastHour, MachineState, Parts, Status};
use crate::health::{Attention, attention, remedy};

pub(super) use self::card::Pictured;

/// What the station is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Running,
    Starting,
    NotReady,
    Stopping,
    NoAnswer,
}

impl Word {
    fn of(status: &Status) -> Self {
        match (status.ready, status.state) {
            (true, _) => Self::Running,
            (false, MachineState::Halted) => Self::Stopping,
            (false, MachineState::Preoperational) => Self::Starting,
            (false, _) => Self::NotReady,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Starting => "Starting",
            Self::NotReady => "Not ready",
            Self::Stopping => "Stopping",
            Self::NoAnswer => "No answer",
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct View {
    station: String,
    /// Since the station has said this.
    age_ms: Option<u64>,
    state: State,
    #[serde(flatten)]
    rest: Option<Rest>,
}

#[derive(Debug, Serialize)]
struct State {
    kind: Word,
    word: &'static str,
    /// In the words of OPC 40100-1.
    machine: Option<&'static str>,
    why: String,
    remedy: String,
}

#[derive(Debug, Serialize)]
struct Rest {
    /// Tells one run of the station from the next: parts have numbers since the start. As records call it; the process's
    /// number where nobody knows a name.
    run: String,
    uptime_s: f64,
    parts: Parts,
    last_hour: LastHour,
    /// Newest part of which there is a picture.
    last: Option<Card>,
    /// Newest first.
    rejects: Vec<Card>,
    /// Number, `p`, `f` or `n`, and score of the last parts, oldest first.
    scores: Vec<(u64, char, Option<f32>)>,
    attention: Vec<Attention>,
    health: Vec<Row>,
}

impl View {
    pub(super) fn new(station: &str, known: &Known, shown: Pictured<'_>, now_us: u64) -> Self {
        let answer = known.answer.as_ref();
        Self {
            station: station.to_owned(),
            age_ms: answer.map(|answer| now_us.saturating_sub(answer.at_us) / 1_000),
            state: state(known),
            rest: answer.map(|answer| rest(known, answer, shown)),
        }
    }
}

fn state(known: &Known) -> State {
    let Some(answer) = &known.answer else {
        return State {
            kind: Word::NoAnswer,
            word: Word::NoAnswer.text(),
            machine: None,
            why: match &known.trouble {
                Some(trouble) => format!("The station does not answer: {trouble}"),
                None => "The station has not been asked yet".to_owned(),
            },
            remedy: "Wait a moment; if it stays so, `systemctl status twinspect@NAME` tells more"
                .to_owned(),
        };
    };
    let status = &answer.status;
    let kind = Word::of(status);
    State {
        kind,
        word: kind.text(),
        machine: Some(status.state.name()),
        why: sentence(&status.doing, &names(status)),
        remedy: status
            .obstacle
            .as_deref()
            .map_or(String::new(), |obstacle| sentence(remedy(obstacle), &[])),
    }
}

/// Names with which what a station says of itself may begin.
fn names(status: &Status) -> Vec<&str> {
    let model = status.model.as_ref().map(|model| model.name.as_str());
    let told = [&status.inspector.model, &status.inspector.engine];
    let told = told.into_iter().flatten().map(String::as_str);
    model.into_iter().chain(told).collect()
}

/// Without the word that stands above it, and with a capital letter. A name stays as it is.
fn sentence(text: &str, names: &[&str]) -> String {
    let text = text.strip_prefix("ready: ").unwrap_or(text);
    let text = match text.strip_prefix("not ready: ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, why)| why),
        None => text,
    };
    let begins_with = |name: &&str| {
        let rest = text.strip_prefix(*name);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    if names.iter().any(begins_with) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn rest(known: &Known, answer: &Answer, shown: Pictured<'_>) -> Rest {
    let Answer { status, recent, .. } = answer;
    Rest {
        run: shown
            .run
            .map_or_else(|| status.process.to_string(), str::to_owned),
        uptime_s: status.uptime_s,
        parts: status.parts,
        last_hour: status.last_hour,
        last: shown.last(recent, status),
        rejects: status
            .last_rejects
            .iter()
            .take(REJECTS_SHOWN)
            .map(|part| shown.part(part, status.uptime_s))
            .collect(),
        scores: recent
            .iter()
            .map(|part| (part.number, card::kind(part), part.score))
            .collect(),
        attention: known.looked().map_or_else(Vec::new, |looked| {
            let mut list = attention(&looked);
            // That one is what the page says first, in the largest letters.
            list.retain(|one| one.what != status.doing);
            list
        }),
        health: health::rows(known, status),
    }
}

#[cfg(test)]
mod tests;
