//! What lies between sensor and rejector, in order, in fixed memory.
//!
//! Parts are followed one by one. A [`Stretch`] is a piece of the belt of which only its ends are
//! known: parts that came when all other places were taken are counted there, and so is belt on
//! which something unseen may lie. Nothing on a stretch passes. The last place is kept for one, so
//! no number of triggers can make the gate forget a part.
//!
//! Places are microseconds or counts, whichever the gate keeps.

use heapless::Deque;

use super::{Outcome, Ticket};
use crate::verdict::Reason;

/// A part that is followed on its own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) ticket: Ticket,
    pub(super) due: u64,
    /// Further than `due` if something follows that can't be told from the part.
    pub(super) last_due: u64,
    pub(super) decision: Option<Outcome>,
}

/// A piece of the belt, with the number of parts that are known to lie on it.
#[derive(Debug)]
pub(super) struct Stretch {
    first: u64,
    parts: u64,
    due: u64,
    last_due: u64,
}

/// One place of the queue.
#[derive(Debug)]
pub(super) enum Waiting {
    Part(Part),
    Stretch(Stretch),
}

impl Waiting {
    /// When it, or the front of a stretch, lies before the rejector.
    pub(super) fn due(&self) -> u64 {
        match self {
            Self::Part(part) => part.due,
            Self::Stretch(stretch) => stretch.due,
        }
    }

    fn last_due(&self) -> u64 {
        match self {
            Self::Part(part) => part.last_due,
            Self::Stretch(stretch) => stretch.last_due,
        }
    }

    /// Whether nothing can make it pass any more.
    pub(super) fn is_rejected(&self, now_us: u64) -> bool {
        match self {
            Self::Part(part) => match part.decision {
                Some(outcome) => outcome != Outcome::Pass,
                None => now_us >= part.ticket.decide_by_us,
            },
            Self::Stretch(_) => true,
        }
    }
}

/// What comes before the rejector.
#[derive(Debug, PartialEq)]
pub(super) struct Leaving {
    /// The part; none for belt on which no part is known.
    pub(super) number: Option<u64>,
    pub(super) outcome: Outcome,
    pub(super) due: u64,
    /// Of the last that leaves with it, so that one reject pulse covers them all.
    pub(super) last_due: u64,
}

#[derive(Debug)]
pub(super) struct Queue<const N: usize> {
    places: Deque<Waiting, N>,
}

impl<const N: usize> Queue<N> {
    pub(super) fn new() -> Self {
        // Below three places a stretch could still grow while its parts are leaving.
        const { assert!(N >= 3, "a gate needs at least three places") };
        Self {
            places: Deque::new(),
        }
    }

    /// Whether the part got a place of its own. If not it lies on a stretch, but is never lost.
    pub(super) fn push(&mut self, ticket: Ticket, due: u64) -> bool {
        let due = due.max(self.last_due());
        let has_place = self.places.len() + 1 < N;
        if has_place {
            self.append(Waiting::Part(Part {
                ticket,
                due,
                last_due: due,
                decision: None,
            }));
        } else if let Some(Waiting::Stretch(stretch)) = self.places.back_mut() {
            if stretch.parts == 0 {
                stretch.first = ticket.number;
            }
            stretch.parts += 1;
            stretch.last_due = due;
        } else {
            self.append(Waiting::Stretch(Stretch {
                first: ticket.number,
                parts: 1,
                due,
                last_due: due,
            }));
        }
        has_place
    }

    /// Nothing may pass between these places.
    pub(super) fn block(&mut self, due: u64, last_due: u64) {
        let due = due.max(self.last_due());
        let last_due = last_due.max(due);
        let is_full = self.places.len() + 1 >= N;
        match self.places.back_mut() {
            Some(Waiting::Stretch(stretch)) if is_full => stretch.last_due = last_due,
            _ => self.append(Waiting::Stretch(Stretch {
                first: 0,
                parts: 0,
                due,
                last_due,
            })),
        }
    }

    /// The last thing that came, unless it has left.
    pub(super) fn back(&mut self) -> Option<&mut Waiting> {
        self.places.back_mut()
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.places.front()
    }

    /// The part with this number, unless it has left or lies on a stretch.
    pub(super) fn find(&mut self, number: u64) -> Option<&mut Part> {
        self.parts().find(|part| part.ticket.number == number)
    }

    /// All parts that are followed on their own.
    pub(super) fn parts(&mut self) -> impl Iterator<Item = &mut Part> {
        self.places.iter_mut().filter_map(|waiting| match waiting {
            Waiting::Part(part) => Some(part),
            Waiting::Stretch(_) => None,
        })
    }

    /// Whether somebody may still say what one of the parts is.
    pub(super) fn awaits_answer(&self, now_us: u64) -> bool {
        // The latest parts are the likeliest.
        self.places.iter().rev().any(|waiting| match waiting {
            Waiting::Part(part) => part.decision.is_none() && now_us < part.ticket.decide_by_us,
            Waiting::Stretch(_) => false,
        })
    }

    /// Where the last thing that came ends.
    pub(super) fn end(&self) -> Option<u64> {
        self.places.back().map(Waiting::last_due)
    }

    /// Nothing can be said of the parts whose windows meet this piece of belt.
    pub(super) fn spoil_between(&mut self, due: u64, end: u64, window: u64) {
        for part in self.parts() {
            if part.due < end && due < part.last_due.saturating_add(window) {
                part.spoil(0);
            }
        }
    }

    /// The foremost leaves here, and speaks for everything behind it.
    pub(super) fn widen_front(&mut self, here: u64) {
        let end = self.last_due();
        let (due, last_due) = match self.places.front_mut() {
            Some(Waiting::Part(part)) => (&mut part.due, &mut part.last_due),
            Some(Waiting::Stretch(stretch)) => (&mut stretch.due, &mut stretch.last_due),
            None => return,
        };
        *due = here.min(*due);
        *last_due = end;
    }

    /// Everything leaves here, and nothing of it passes.
    pub(super) fn give_up(&mut self, reason: Reason, here: u64) {
        for waiting in &mut self.places {
            let (due, last_due) = match waiting {
                Waiting::Part(part) => {
                    part.decision = Some(Outcome::NoResult(reason));
                    (&mut part.due, &mut part.last_due)
                }
                Waiting::Stretch(stretch) => (&mut stretch.due, &mut stretch.last_due),
            };
            *due = here.min(*due);
            *last_due = *due;
        }
    }

    /// Takes the foremost out. Who was not decided by now is late.
    pub(super) fn pop(&mut self) -> Option<Leaving> {
        if let Waiting::Stretch(stretch) = self.places.front_mut()?
            && stretch.parts > 1
        {
            let leaving = stretch.leaving();
            stretch.first += 1;
            stretch.parts -= 1;
            return Some(leaving);
        }
        Some(match self.places.pop_front()? {
            Waiting::Part(part) => Leaving {
                number: Some(part.ticket.number),
                outcome: part.decision.unwrap_or(Outcome::NoResult(Reason::Late)),
                due: part.due,
                last_due: part.last_due,
            },
            Waiting::Stretch(stretch) => stretch.leaving(),
        })
    }

    fn last_due(&self) -> u64 {
        self.end().unwrap_or(0)
    }

    fn append(&mut self, waiting: Waiting) {
        let kept = self.places.push_back(waiting).is_ok();
        debug_assert!(kept, "the last place is never taken by a single part");
    }
}

impl Part {
    /// Whether nobody knows where it lies.
    pub(super) fn is_spoiled(&self) -> bool {
        self.decision == Some(Outcome::NoResult(Reason::Position))
    }

    /// Nothing can be said of it any more, nor of what follows it up to `last_due`.
    pub(super) fn spoil(&mut self, last_due: u64) {
        self.decision = Some(Outcome::NoResult(Reason::Position));
        self.last_due = self.last_due.max(last_due);
    }
}

impl Stretch {
    pub(super) fn extend(&mut self, last_due: u64) {
        self.last_due = self.last_due.max(last_due);
    }

    fn leaving(&self) -> Leaving {
        Leaving {
            number: (self.parts > 0).then_some(self.first),
            outcome: Outcome::NoResult(Reason::Overrun),
            due: self.due,
            last_due: self.last_due,
        }
    }
}
