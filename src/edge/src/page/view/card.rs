//! A part as the page shows it.

use serde::Serialize;
use twinspect_store::records::{Kind, Mark, RecordId};

use super::super::album::Shown;
use super::super::marks::Marked;
use crate::control::{RecentPart, Status};

/// A part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Card {
    number: u64,
    picture: bool,
    /// `p`, `f`, `n`, or `w` while it is on its way to the rejector.
    kind: char,
    /// The verdict in one word.
    verdict: &'static str,
    /// Score and who saw it, or why there is none.
    detail: String,
    age_s: Option<u64>,
    /// Its record, where somebody may mark it.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<RecordId>,
    /// What somebody has said that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<Mark>,
}

/// What there is of parts beside what the station says of them.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Pictured<'a> {
    /// Newest first.
    pub(in super::super) pictures: &'a [Shown],
    /// None where nobody may mark parts.
    pub(in super::super) records: &'a [Marked],
    /// This run of the station, as its records call it.
    pub(in super::super) run: Option<&'a str>,
}

impl Pictured<'_> {
    /// A part that has left.
    pub(super) fn part(self, part: &RecentPart, uptime_s: f64) -> Card {
        let age_s = Some((uptime_s - part.at_s).max(0.0) as u64);
        self.completed(Card {
            age_s,
            ..card(part)
        })
    }

    /// The newest part that has left and of which there is a picture; on a long way to the rejector that may be none,
    /// and the newest picture is shown for itself.
    pub(super) fn last(self, recent: &[RecentPart], status: &Status) -> Option<Card> {
        let left = self.pictures.iter().find_map(|shown| {
            let same = |part: &&RecentPart| part.number == shown.number;
            let part = recent.iter().find(same);
            part.or_else(|| status.last_rejects.iter().find(same))
        });
        match left {
            Some(part) => Some(self.part(part, status.uptime_s)),
            None => self.pictures.first().map(|shown| Card {
                number: shown.number,
                picture: true,
                kind: 'w',
                verdict: "ON ITS WAY",
                detail: "to the rejector".to_owned(),
                age_s: None,
                record: None,
                mark: None,
            }),
        }
    }

    /// With picture, record and mark of its part.
    fn completed(self, card: Card) -> Card {
        let mut records = self.records.iter();
        // One that left without a result although it was to pass may have a passed record: what could be said of that one
        // is not true of the part.
        let rejects = card.kind != 'p';
        let record = records
            .find(|record| record.number == card.number && record.id.kind.rejects() == rejects);
        Card {
            picture: self
                .pictures
                .iter()
                .any(|shown| shown.number == card.number),
            record: record.map(|record| record.id),
            mark: record.and_then(|record| record.mark),
            ..card
        }
    }
}

/// `p`, `f` or `n`.
pub(super) fn kind(part: &RecentPart) -> char {
    match part.kind() {
        Kind::Pass => 'p',
        Kind::Fail => 'f',
        Kind::NoResult | Kind::Unseen => 'n',
    }
}

fn card(part: &RecentPart) -> Card {
    let (verdict, detail) = match (part.passes, part.reason) {
        (_, Some(reason)) => ("NO RESULT", reason.name().replace('_', " ")),
        (true, None) => ("PASS", score(part)),
        (false, None) => {
            let seen_by = part.seen_by.map_or("", |seen_by| match seen_by.name() {
                "rgb" => ", seen in colour",
                "geometry" => ", seen in height",
                _ => ", seen in colour and height",
            });
            ("FAIL", format!("{}{seen_by}", score(part)))
        }
    };
    Card {
        number: part.number,
        picture: false,
        kind: kind(part),
        verdict,
        detail,
        age_s: None,
        record: None,
        mark: None,
    }
}

fn score(part: &RecentPart) -> String {
    part.score
        // To add zero takes the sign from a rounded -0.00.
        .map_or(String::new(), |score| {
            format!("score {:.2}", (100.0 * score).round() / 100.0 + 0.0)
        })
}
