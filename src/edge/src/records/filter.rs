//! Which records somebody wants to see.

use twinspect_core::verdict::{SeenBy, Verdict};
use twinspect_store::records::{Entry, Kind, ModelFacts, RecordId};

use crate::cli::RecordsFilter;

/// Whether a record may be wanted, as far as its name tells: others need not be read.
pub(super) fn may_want(filter: &RecordsFilter, id: RecordId) -> bool {
    let mut wanted = filter.verdict.iter().map(|name| Kind::from(*name));
    (filter.verdict.is_empty() || wanted.any(|kind| kind == id.kind))
        && (filter.seen_by.is_none() || id.kind == Kind::Fail)
}

/// Whether a record is wanted.
pub(super) fn wants(filter: &RecordsFilter, entry: &Entry) -> bool {
    let record = &entry.record;
    let seen_by = filter.seen_by.map(SeenBy::from);
    may_want(filter, entry.id)
        && filter
            .since
            .is_none_or(|since| record.time_unix_ms >= since.0)
        && seen_by.is_none_or(|wanted| match &record.verdict {
            Verdict::Fail { finding, .. } => finding.seen_by == wanted,
            _ => false,
        })
        && filter
            .mark
            .is_none_or(|wanted| wanted.mark() == entry.review.as_ref().map(|review| review.mark))
        && filter
            .model
            .as_deref()
            .is_none_or(|wanted| is_model(&record.model, wanted))
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
