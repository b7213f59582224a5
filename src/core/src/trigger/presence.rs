//! Part presence: pictures of a camera that runs freely in, parts out.
//!
//! A part is what comes into sight, lies wholly in the region of interest where its middle is nearest
//! to the region's, and goes out of sight again in time. The picture in which its middle was nearest is
//! the one to judge, and the moment of that picture is the part's place on the belt. As it is known only
//! from a later picture, the part is told then, and the gate learns of it a picture late.
//!
//! A told part is proven by the empty belt that follows it. What does not go out of sight in time may be
//! two parts that touch, or a belt that stands; nobody can say which, so that places are lost.

use serde::{Deserialize, Serialize};

use crate::lookout::Seen;

#[cfg(test)]
mod tests;

/// How much further from the middle a picture must be for the nearest one to be behind it.
const PAST: f32 = 0.02;

/// A picture that is not whole and shows so much more than a whole one, as a factor, shows something else too.
const MORE: f32 = 1.02;

/// A picture of a camera that runs freely.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sight {
    /// When it was taken.
    pub at_us: u64,
    /// What it shows.
    #[serde(flatten)]
    pub seen: Seen,
}

/// How pictures become parts. Shares are those of the region of interest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresenceSpec {
    /// Something is in sight from this share on ...
    pub on_share: f32,
    /// ... until the share falls below this one.
    pub off_share: f32,
    /// More than this is more than one part.
    pub most_share: f32,
    /// What stays in sight for longer does not move, or is more than one part.
    pub sight_max_us: u64,
    /// Between two pictures that are further apart, parts may have gone by unseen.
    pub gap_max_us: u64,
}

/// What pictures say, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spotted {
    /// A part, by the time of the picture that shows it.
    Part { at_us: u64 },
    /// Something has come too close to the part that was told last.
    Double { at_us: u64 },
    /// More than one part at once, none of which was told.
    Crowd { from_us: u64, to_us: u64 },
    /// Something went by of which no picture shows all.
    Unclear { from_us: u64, to_us: u64 },
    /// Something does not go out of sight.
    Stuck { from_us: u64, to_us: u64 },
    /// Pictures are missing.
    Lost { from_us: u64, to_us: u64 },
}

/// Most that one picture says: the end of a part that was told, and the gap.
pub(super) type Spots = heapless::Vec<Spotted, 2>;

/// How far somebody has come with what is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is on its way to the middle.
    Comes,
    /// It was told as a part.
    Told,
    /// No part will come of it.
    Void,
}

/// The picture in which the middle of a part was nearest to that of the region.
#[derive(Debug, Clone, Copy)]
struct Nearest {
    at_us: u64,
    offset: f32,
    share: f32,
    is_whole: bool,
}

#[derive(Debug, Clone, Copy)]
struct InSight {
    since_us: u64,
    phase: Phase,
    nearest: Option<Nearest>,
    is_stuck: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Presence {
    spec: PresenceSpec,
    /// Until when after something came into sight its end has to be heard of.
    patience_us: u64,
    last_us: Option<u64>,
    in_sight: Option<InSight>,
}

impl InSight {
    fn new(since_us: u64, phase: Phase) -> Self {
        Self {
            since_us,
            phase,
            nearest: None,
            is_stuck: false,
        }
    }

    /// Whether the nearest picture lies behind, and what it was. Before something was seen whole once,
    /// its middle is that of the piece that has come. Where something else comes into sight before that is
    /// known, the middle is that of both: which picture was nearest nobody can say then.
    fn passes(&mut self, sight: Sight) -> Option<Nearest> {
        let Seen {
            is_whole,
            offset,
            share,
        } = sight.seen;
        let here = Nearest {
            at_us: sight.at_us,
            offset,
            share,
            is_whole,
        };
        match self.nearest {
            Some(nearest) if nearest.is_whole && !is_whole && share > MORE * nearest.share => {
                return Some(here);
            }
            None if is_whole => self.nearest = Some(here),
            Some(nearest) if offset < nearest.offset => self.nearest = Some(here),
            Some(nearest) if offset > nearest.offset + PAST => return Some(nearest),
            _ => {}
        }
        None
    }

    /// What is told of something by its nearest picture.
    fn told(&self, nearest: Option<Nearest>, to_us: u64) -> Spotted {
        match nearest.filter(|nearest| nearest.is_whole) {
            Some(Nearest { at_us, .. }) => Spotted::Part { at_us },
            None => Spotted::Unclear {
                from_us: self.since_us,
                to_us,
            },
        }
    }
}

impl Presence {
    pub(super) fn new(spec: PresenceSpec) -> Self {
        Self {
            spec,
            // The picture that shows the end may be one gap late.
            patience_us: spec.sight_max_us.saturating_add(spec.gap_max_us),
            last_us: None,
            in_sight: None,
        }
    }

    /// Pictures may be heard of so long after something came into sight, if that is longer than it takes.
    pub(super) fn wait(&mut self, patience_us: u64) {
        let Self { spec, .. } = *self;
        let least_us = spec.sight_max_us.saturating_add(spec.gap_max_us);
        self.patience_us = patience_us.max(least_us);
    }

    /// The next picture. One that is no newer than those before it says nothing.
    pub(super) fn look(&mut self, sight: Sight) -> Spots {
        let mut spots = Spots::new();
        let mut say = |spot| {
            let said = spots.push(spot);
            debug_assert!(said.is_ok(), "a picture says at most two things");
        };
        let Sight { at_us, seen } = sight;
        if self.last_us.is_some_and(|last_us| at_us <= last_us) {
            return spots;
        }
        let last_us = self.last_us.replace(at_us);
        // A share that is no number is neither there nor gone: it is there, and nothing comes of it.
        let is_gone = seen.share < self.spec.off_share;
        let gap = last_us.filter(|last_us| at_us - last_us > self.spec.gap_max_us);
        if last_us.is_none() || gap.is_some() {
            // Nobody has seen how what is there came.
            let before = self.in_sight.take();
            self.in_sight = (!is_gone).then(|| InSight::new(at_us, Phase::Void));
            if before.is_some_and(|before| before.phase == Phase::Told) {
                say(Spotted::Double { at_us });
            }
            if let Some(from_us) = gap {
                let to_us = at_us;
                say(Spotted::Lost { from_us, to_us });
            }
            return spots;
        }
        if is_gone {
            if let Some(gone) = self.in_sight.take()
                && gone.phase == Phase::Comes
            {
                say(gone.told(gone.nearest, at_us));
            }
            return spots;
        }
        if self.in_sight.is_none() && seen.share >= self.spec.on_share {
            self.in_sight = Some(InSight::new(at_us, Phase::Comes));
        }
        let Some(there) = &mut self.in_sight else {
            return spots;
        };
        if at_us - there.since_us > self.spec.sight_max_us {
            if let Some(spot) = there.stuck(at_us) {
                say(spot);
            }
            return spots;
        }
        if seen.share > self.spec.most_share {
            let (from_us, to_us) = (there.since_us, at_us);
            match std::mem::replace(&mut there.phase, Phase::Void) {
                Phase::Comes => say(Spotted::Crowd { from_us, to_us }),
                Phase::Told => say(Spotted::Double { at_us }),
                Phase::Void => {}
            }
        }
        if there.phase == Phase::Comes
            && let Some(nearest) = there.passes(sight)
        {
            let told = there.told(Some(nearest), at_us);
            there.phase = match told {
                Spotted::Part { .. } => Phase::Told,
                _ => Phase::Void,
            };
            say(told);
        }
        spots
    }

    /// Time goes by: something whose end no picture has shown by now is stuck.
    pub(super) fn tick(&mut self, now_us: u64) -> Option<Spotted> {
        let is_due = self.next_tick_us().is_some_and(|at_us| at_us <= now_us);
        self.in_sight
            .as_mut()
            .filter(|_| is_due)
            .and_then(|there| there.stuck(now_us))
    }

    pub(super) fn next_tick_us(&self) -> Option<u64> {
        let there = self.in_sight.filter(|there| !there.is_stuck)?;
        Some(there.since_us.saturating_add(self.patience_us))
    }

    /// Whether nothing is in sight.
    pub(super) fn is_clear(&self) -> bool {
        self.in_sight.is_none()
    }
}

impl InSight {
    /// It does not go out of sight; told once.
    fn stuck(&mut self, to_us: u64) -> Option<Spotted> {
        self.phase = Phase::Void;
        let is_known = std::mem::replace(&mut self.is_stuck, true);
        (!is_known).then_some(Spotted::Stuck {
            from_us: self.since_us,
            to_us,
        })
    }
}
