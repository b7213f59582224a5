//! Pictures for people: what the station saw, and where it saw something.
//!
//! A [`Snapshot`] keeps what is to be shown of a part, so that drawing can happen elsewhere and
//! later. [`heatmap()`] draws one part, [`Sheet`] a whole run.

mod belt;
mod canvas;
mod colour_map;
mod file;
mod font;
mod heatmap;
mod keeping;
mod panels;
mod sheet;
mod snapshot;

pub(crate) use belt::belt;
pub(crate) use file::{encode, save, save_small};
pub(crate) use heatmap::{heatmap, strip};
pub(crate) use keeping::Kept;
pub(crate) use sheet::Sheet;
pub(crate) use snapshot::Snapshot;

use twinspect_core::verdict::Verdict;

/// A part's verdict in a few words: `FAIL 1.42 seen by geometry`.
pub(crate) fn caption(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass { score, missing } => match missing {
            Some(modality) => format!("PASS {score:.2} without {modality}"),
            None => format!("PASS {score:.2}"),
        },
        Verdict::Fail { finding, missing } => {
            let (score, seen_by) = (finding.score, finding.seen_by);
            match missing {
                Some(modality) => format!("FAIL {score:.2} seen by {seen_by} without {modality}"),
                None => format!("FAIL {score:.2} seen by {seen_by}"),
            }
        }
        Verdict::NoResult { reason } => format!("NO-RESULT {reason}"),
    }
}
