//! Which records somebody wants to see.

use twinspect_core::verdict::{SeenBy, Verdict};
use twinspect_store::records::{Entry, Kind, ModelFacts, Record, RecordId};

use crate::cli::RecordsFilter;

/// Whether a record may be wanted, as far as its name tells: others need not be read.
pub(super) fn may_want(filter: &RecordsFilter, id: RecordId) -> bool {
    // What was unseen had no result.
    let kind = match id.kind {
        Kind::Unseen => Kind::NoResult,
        kind => kind,
    };
    let mut wanted = filter.verdict.iter().map(|name| Kind::from(*name));
    (filter.verdict.is_empty() || wanted.any(|wanted| wanted == kind))
        && (filter.seen_by.is_none() || id.kind == Kind::Fail)
}

/// Whether a record is wanted.
pub(super) fn wants(filter: &RecordsFilter, entry: &Entry) -> bool {
    let record = &entry.record;
    let seen_by = filter.seen_by.map(SeenBy::from);
    may_want(filter, entry.id)
        && filter
            .since
            .is_none_or(|since| last_unix_ms(record) >= since.0)
        && seen_by.is_none_or(|wanted| match &record.verdict {
            Verdict::Fail { finding, .. } => finding.seen_by == wanted,
            _ => false,
        })
        && filter
            .mark
            .is_none_or(|wanted| wanted.mark() == entry.review.as_ref().map(|review| review.mark))
        && filter.model.as_deref().is_none_or(|wanted| {
            record
                .model
                .as_ref()
                .is_some_and(|model| is_model(model, wanted))
        })
}

/// When the part left, or the last one of several.
fn last_unix_ms(record: &Record) -> u64 {
    let last = record.unseen.map(|spell| spell.last_time_unix_ms);
    last.unwrap_or(record.time_unix_ms)
}

fn is_model(model: &ModelFacts, wanted: &str) -> bool {
    let ModelFacts {
        name,
        version,
        bundle,
    } = model;
    // A digest that is begun with less is no name of one.
    let is_digest = wanted.len() >= 6 && bundle.starts_with(wanted);
    name == wanted || format!("{name} {version}") == wanted || is_digest
}
