//! Reference parts of a station whose camera is the trigger: nobody asks for a part, it is laid on the belt, and the next
//! one that leaves is the one that is meant.

use std::collections::BTreeMap;
use std::io::Write;

use super::reference::Reference;
use super::report::Judged;
use super::{Run, foreign};
use crate::control::{self, ControlError, LeftPart, Reply, Request, Status};
use crate::error::EdgeError;

/// So many parts are looked at for each part of a recording, and so many beside: then one that was not among them is never
/// seen.
const LOOKS: usize = 10;
const LOOKS_MORE: usize = 100;

/// Parts of a list, which somebody lays on the belt one after the other. Any other part that comes between makes all
/// truth wrong, so that there is no report then.
pub(super) fn in_order(
    run: &mut Run<'_>,
    references: &[Reference],
    before: &Status,
) -> Result<(), EdgeError> {
    let mut triggered = before.parts.triggered;
    for (place, reference) in references.iter().enumerate() {
        run.compare()?;
        if run.prompts {
            let note = reference.note.as_deref();
            let note = note.map_or(String::new(), |note| format!(" ({note})"));
            writeln!(
                anstream::stderr(),
                "{} of {}: lay {}{note} on the belt now, and nothing else",
                place + 1,
                references.len(),
                reference.identity
            )?;
        }
        let left = next(run, Some(triggered), None)?;
        run.is_the_one(reference, left.part.as_deref())?;
        triggered = left.number;
        run.add(reference, judged(reference, left))?;
    }
    Ok(())
}

/// Parts of a recording that the station plays again and again: each counts once, when it comes first.
pub(super) fn by_name(run: &mut Run<'_>, references: &[Reference]) -> Result<(), EdgeError> {
    let all: BTreeMap<&str, &Reference> = references
        .iter()
        .map(|reference| (reference.identity.as_str(), reference))
        .collect();
    let mut open = all.clone();
    let mut last = None;
    for _ in 0..LOOKS * references.len() + LOOKS_MORE {
        if open.is_empty() {
            return Ok(());
        }
        let follower = last.map(|last| next(run, None, Some(last + 1)));
        let left = match follower {
            // It has left already, while something else was done.
            None | Some(Err(EdgeError::Control(ControlError::Refused { .. }))) => {
                next(run, None, None)?
            }
            Some(told) => told?,
        };
        last = Some(left.number);
        let Some(name) = left.part.clone() else {
            return Err(EdgeError::Usage {
                message: format!(
                    "part {} has left without a picture: nobody knows which one it was",
                    left.number
                ),
                hint: "look at the station's log, then begin anew",
            });
        };
        if !all.contains_key(name.as_str()) {
            return Err(EdgeError::Usage {
                message: format!(
                    "the station has played {name}, which is not among the reference parts"
                ),
                hint: "name the recording that it plays with --data",
            });
        }
        if let Some(reference) = open.remove(name.as_str()) {
            run.compare()?;
            run.add(reference, judged(reference, left))?;
        }
    }
    let missing: Vec<&str> = open.into_keys().collect();
    Err(EdgeError::Usage {
        message: format!("the station has never seen {}", missing.join(", ")),
        hint: "name the recording that it plays with --data; `twinspect check` says what its camera sees of it",
    })
}

/// What becomes of the next part that comes, or of the one of a number.
fn next(run: &Run<'_>, after: Option<u64>, number: Option<u64>) -> Result<LeftPart, EdgeError> {
    match control::request(&run.args.station, Request::NextPart { after, number })? {
        Reply::Left(left) => Ok(*left),
        _ => Err(foreign()),
    }
}

fn judged(reference: &Reference, left: LeftPart) -> Judged {
    Judged::new(reference, Some(left.number), left.verdict, left.took_ms)
}
