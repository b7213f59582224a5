//! Who waits for which part's end.
//!
//! A part that was asked for always leaves, and takes its wait with it. Whether another part comes at all is up to the
//! machine: who waits for one has places of its own, and is forgotten when nobody listens any more.

use crossbeam_channel::Sender;

use super::service::reply;
use crate::control::{LeftPart, Reply};

/// Parts that were asked for and whose end somebody may wait for.
const ASKED_MAX: usize = 64;
/// Waits for parts that come by themselves. Together they are fewer than the connections of the control socket.
const COMING_MAX: usize = 12;
/// The control socket waits for such a part for so long, and has gone then.
const COMING_US: u64 = 600_000_000;

#[derive(Debug)]
struct Wait {
    number: u64,
    answer: Sender<Reply>,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    asked: Vec<Wait>,
    /// With the moment from which on nobody listens.
    coming: Vec<(Wait, u64)>,
}

impl Awaited {
    /// Whether one more part may be asked for.
    pub(super) fn may_ask(&self) -> bool {
        self.asked.len() < ASKED_MAX
    }

    /// The part of this number was asked for.
    pub(super) fn asked(&mut self, number: u64, answer: Sender<Reply>) {
        self.asked.push(Wait { number, answer });
    }

    /// Somebody waits for a part that comes by itself; whether there was a place.
    pub(super) fn coming(&mut self, number: u64, answer: Sender<Reply>, now_us: u64) -> bool {
        self.coming.retain(|(_, until_us)| now_us < *until_us);
        let has_place = self.coming.len() < COMING_MAX;
        if has_place {
            let until_us = now_us.saturating_add(COMING_US);
            self.coming.push((Wait { number, answer }, until_us));
        }
        has_place
    }

    /// A part has left. They leave in order, so that nobody waits for an earlier one any more.
    pub(super) fn left(&mut self, left: &LeftPart) {
        let tell = |wait: &Wait| {
            if wait.number == left.number {
                reply(&wait.answer, Reply::Left(Box::new(left.clone())));
            }
            wait.number > left.number
        };
        self.asked.retain(tell);
        self.coming.retain(|(wait, _)| tell(wait));
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, bounded};
    use twinspect_core::verdict::{Reason, Verdict};

    use super::*;

    fn left(number: u64) -> LeftPart {
        LeftPart {
            number,
            part: None,
            verdict: Verdict::NoResult {
                reason: Reason::Late,
            },
            took_ms: None,
        }
    }

    fn told(answered: &Receiver<Reply>) -> Option<u64> {
        match answered.try_recv() {
            Ok(Reply::Left(left)) => Some(left.number),
            _ => None,
        }
    }

    #[test]
    fn who_waits_for_a_part_hears_of_that_one_and_makes_room() {
        let mut awaited = Awaited::default();
        let (answer, one) = bounded(1);
        awaited.asked(1, answer);
        let (answer, two) = bounded(1);
        assert!(awaited.coming(2, answer, 0));
        let (answer, same) = bounded(1);
        assert!(awaited.coming(2, answer, 0));
        awaited.left(&left(1));
        assert_eq!((told(&one), told(&two)), (Some(1), None));
        awaited.left(&left(2));
        assert_eq!((told(&two), told(&same)), (Some(2), Some(2)));
        assert!(awaited.asked.is_empty() && awaited.coming.is_empty());
    }

    #[test]
    fn waits_for_parts_that_never_come_end_and_keep_nobody_from_asking_for_one() {
        let mut awaited = Awaited::default();
        for number in 1..=COMING_MAX as u64 {
            assert!(awaited.coming(number, bounded(1).0, number));
        }
        assert!(!awaited.coming(1, bounded(1).0, COMING_US));
        assert!(awaited.may_ask());
        // The first of them is over, and no other one.
        assert!(awaited.coming(1, bounded(1).0, COMING_US + 1));
        assert!(!awaited.coming(1, bounded(1).0, COMING_US + 1));
    }

    #[test]
    fn so_many_parts_may_be_asked_for_at_a_time() {
        let mut awaited = Awaited::default();
        for number in 1..=ASKED_MAX as u64 {
            assert!(awaited.may_ask());
            awaited.asked(number, bounded(1).0);
        }
        assert!(!awaited.may_ask());
        awaited.left(&left(1));
        assert!(awaited.may_ask());
    }
}
