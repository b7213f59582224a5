//! From a story that breaks a law to the shortest one that still does.

use super::story::Story;
use super::trace::Trace;
use super::{Maker, Violation, play};

/// A shrunk story, what it breaks, and how it goes.
#[derive(Debug)]
pub struct Found {
    /// The story.
    pub story: Story,
    /// What it breaks.
    pub violation: Violation,
    /// Time, event and effect, one a line.
    pub trace: Vec<String>,
}

/// Takes away parts and faults as long as the story still breaks a law; nothing if it breaks none.
pub fn shrink(story: &Story, maker: &impl Maker) -> Option<Found> {
    let violates = |story: &Story| play(story, maker, Trace::default()).0.violation;
    let violation = violates(story)?;
    let mut story = story.clone();
    // What has not come to the sensor yet has no part in it.
    try_with(&mut story, &violates, |story| {
        story.parts.truncate(violation.part)
    });
    without_faults(&mut story, &violates);
    let mut cut = story.parts.len() / 2;
    while cut > 0 {
        if !try_with(&mut story, &violates, |story| story.begin_at(cut)) {
            cut /= 2;
        }
        cut = cut.min(story.parts.len().saturating_sub(1));
    }
    while story.parts.len() > 1
        && try_with(&mut story, &violates, |story| {
            story.parts.pop();
        })
    {}
    without_faults(&mut story, &violates);
    let (episode, trace) = play(&story, maker, Trace::kept());
    Some(Found {
        violation: episode.violation?,
        trace: trace.lines(),
        story,
    })
}

fn try_with(
    story: &mut Story,
    violates: &impl Fn(&Story) -> Option<Violation>,
    change: impl FnOnce(&mut Story),
) -> bool {
    let mut changed = story.clone();
    change(&mut changed);
    let holds = violates(&changed).is_some();
    if holds {
        *story = changed;
    }
    holds
}

/// Takes faults away, in halves at first, then one by one.
fn without_faults(story: &mut Story, violates: &impl Fn(&Story) -> Option<Violation>) {
    let mut size = story.faults.len();
    while size > 0 {
        let mut start = 0;
        while start < story.faults.len() {
            let end = (start + size).min(story.faults.len());
            let is_needed = !try_with(story, violates, |story| {
                story.faults.drain(start..end);
            });
            if is_needed {
                start = end;
            }
        }
        size /= 2;
    }
}
