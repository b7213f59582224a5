//! The parts between sensor and rejector, in order, in fixed memory.
//!
//! The last place is kept for a run: parts that come when all other places are taken are counted
//! there. A run remembers its first and last moment only, and all of its parts are rejected.
//! So no number of triggers can make the gate forget a part.

use heapless::Deque;

use super::{Outcome, Ticket};
use crate::verdict::Reason;

/// A part that is followed on its own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) ticket: Ticket,
    pub(super) due_us: u64,
    pub(super) decision: Option<Outcome>,
}

/// Neighbours for which there was no place.
#[derive(Debug)]
pub(super) struct Run {
    first: u64,
    last: u64,
    first_due_us: u64,
    last_due_us: u64,
}

/// One place of the queue.
#[derive(Debug)]
pub(super) enum Waiting {
    Part(Part),
    Run(Run),
}

impl Waiting {
    /// When it, or the first of a run, lies before the rejector.
    pub(super) fn due_us(&self) -> u64 {
        match self {
            Self::Part(part) => part.due_us,
            Self::Run(run) => run.first_due_us,
        }
    }
}

/// A part at the moment it leaves.
#[derive(Debug, PartialEq)]
pub(super) struct Leaving {
    pub(super) number: u64,
    pub(super) outcome: Outcome,
    pub(super) due_us: u64,
    /// Of the last part of its run, so that one reject pulse covers them all.
    pub(super) last_due_us: u64,
}

#[derive(Debug)]
pub(super) struct Queue<const N: usize> {
    places: Deque<Waiting, N>,
}

impl<const N: usize> Queue<N> {
    pub(super) fn new() -> Self {
        // Below three places a run could still grow while its parts are leaving.
        const { assert!(N >= 3, "a gate needs at least three places") };
        Self {
            places: Deque::new(),
        }
    }

    /// Whether the part got a place of its own. If not it is part of a run, but never lost.
    pub(super) fn push(&mut self, ticket: Ticket, due_us: u64) -> bool {
        if self.places.len() + 1 < N {
            return self
                .places
                .push_back(Waiting::Part(Part {
                    ticket,
                    due_us,
                    decision: None,
                }))
                .is_ok();
        }
        if let Some(Waiting::Run(run)) = self.places.back_mut() {
            run.last = ticket.number;
            run.last_due_us = due_us;
        } else {
            let run = Waiting::Run(Run {
                first: ticket.number,
                last: ticket.number,
                first_due_us: due_us,
                last_due_us: due_us,
            });
            let kept = self.places.push_back(run).is_ok();
            debug_assert!(kept, "the last place is never taken by a single part");
        }
        false
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.places.front()
    }

    /// The part with this number, unless it has left or is in a run.
    pub(super) fn find(&mut self, number: u64) -> Option<&mut Part> {
        self.parts().find(|part| part.ticket.number == number)
    }

    /// All parts that are followed on their own.
    pub(super) fn parts(&mut self) -> impl Iterator<Item = &mut Part> {
        self.places.iter_mut().filter_map(|waiting| match waiting {
            Waiting::Part(part) => Some(part),
            Waiting::Run(_) => None,
        })
    }

    /// Takes the foremost part out. Who was not decided by now is late.
    pub(super) fn pop(&mut self) -> Option<Leaving> {
        match self.places.front_mut()? {
            Waiting::Run(run) if run.first < run.last => {
                let number = run.first;
                run.first += 1;
                Some(run.leaving(number))
            }
            _ => match self.places.pop_front()? {
                Waiting::Part(part) => Some(Leaving {
                    number: part.ticket.number,
                    outcome: part.decision.unwrap_or(Outcome::NoResult(Reason::Late)),
                    due_us: part.due_us,
                    last_due_us: part.due_us,
                }),
                Waiting::Run(run) => Some(run.leaving(run.last)),
            },
        }
    }
}

impl Run {
    fn leaving(&self, number: u64) -> Leaving {
        Leaving {
            number,
            outcome: Outcome::NoResult(Reason::Overrun),
            due_us: self.first_due_us,
            last_due_us: self.last_due_us,
        }
    }
}
