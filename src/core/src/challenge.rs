//! The challenge part: a bad part that is shown now and then, and must be rejected. Whether it is due, and
//! what became of it.
//!
//! A person says that the next part is the challenge part. If it is rejected for what was seen, the station
//! has caught it. If it passes, the station misses what it must not, and stays in alarm until one is caught.
//! A part without a result proves nothing: the challenge stays due.

use serde::{Deserialize, Serialize};

use crate::gate::Outcome;

/// What became of a challenge part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It was rejected for what was seen.
    Caught,
    /// It has passed.
    Missed,
    /// It was rejected for want of a result.
    #[serde(rename = "no_result")]
    NoProof,
}

impl Shown {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Caught, Self::Missed, Self::NoProof];

    /// The name that users see and scripts read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Missed => "missed",
            Self::NoProof => "no_result",
        }
    }
}

/// Why somebody has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The last challenge part that had a result has passed.
    Missed,
    /// No challenge part was caught in time.
    Overdue,
}

impl Alarm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Missed, Self::Overdue];

    /// The name that users see and scripts read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Overdue => "overdue",
        }
    }
}

/// Watches that challenge parts come, and are caught. Times are microseconds of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    every_us: Option<u64>,
    /// The next one is due by then.
    due_us: u64,
    awaited: Option<u64>,
    last: Option<Shown>,
    is_missed: bool,
}

impl Challenge {
    /// A station that starts now; its first challenge is due one period later. Without a period none is
    /// ever overdue.
    pub fn new(every_us: Option<u64>, now_us: u64) -> Self {
        Self {
            every_us,
            due_us: now_us.saturating_add(every_us.unwrap_or(0)),
            awaited: None,
            last: None,
            is_missed: false,
        }
    }

    /// A station that was started again. `since_us` is how long ago the last part was caught, or the first challenge was begun
    /// with; where nobody can say, the next one is due at once. `last` is what became of the last part that was shown, if
    /// anybody knows.
    pub fn resumed(
        every_us: Option<u64>,
        now_us: u64,
        since_us: Option<u64>,
        is_missed: bool,
        last: Option<Shown>,
    ) -> Self {
        let period = every_us.unwrap_or(0);
        let left = since_us.map_or(0, |since| period.saturating_sub(since));
        Self {
            due_us: now_us.saturating_add(left),
            is_missed,
            last,
            ..Self::new(every_us, now_us)
        }
    }

    /// The part of this number, which has not left yet, is the challenge part. Whether none is awaited
    /// already: two could not be told apart by whoever shows them.
    pub fn mark(&mut self, number: u64) -> bool {
        if self.awaited.is_some() {
            return false;
        }
        self.awaited = Some(number);
        true
    }

    /// A part has left; what that says, if it is the challenge part.
    pub fn left(&mut self, number: u64, outcome: Outcome, now_us: u64) -> Option<Shown> {
        self.awaited.take_if(|awaited| *awaited == number)?;
        let shown = match outcome {
            Outcome::Fail => Shown::Caught,
            Outcome::Pass => Shown::Missed,
            Outcome::NoResult(_) => Shown::NoProof,
        };
        match shown {
            Shown::Caught => {
                self.is_missed = false;
                self.due_us = now_us.saturating_add(self.every_us.unwrap_or(0));
            }
            Shown::Missed => self.is_missed = true,
            Shown::NoProof => {}
        }
        self.last = Some(shown);
        Some(shown)
    }

    /// What is wrong now. A missed part outweighs one that was not shown.
    pub fn alarm(&self, now_us: u64) -> Option<Alarm> {
        if self.is_missed {
            return Some(Alarm::Missed);
        }
        self.due_in_us(now_us)
            .is_some_and(|left_us| left_us == 0)
            .then_some(Alarm::Overdue)
    }

    /// Until when the next one has to be caught, 0 once that is over; `None` without a period.
    pub fn due_in_us(&self, now_us: u64) -> Option<u64> {
        self.every_us.map(|_| self.due_us.saturating_sub(now_us))
    }

    /// The moment by which the next one has to be caught, be it over or not; `None` without a period. A station that was
    /// started when that was over already counts from its start.
    pub fn due_us(&self) -> Option<u64> {
        self.every_us.map(|_| self.due_us)
    }

    /// The number of the part that is awaited.
    pub fn awaited(&self) -> Option<u64> {
        self.awaited
    }

    /// What became of the last one.
    pub fn last(&self) -> Option<Shown> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;

    const DAY: u64 = 86_400_000_000;

    #[test]
    fn a_restart_forgets_neither_the_time_nor_a_missed_part() {
        let resumed =
            |since_us, is_missed| Challenge::resumed(Some(DAY), 9, since_us, is_missed, None);
        assert_eq!(resumed(Some(DAY - 5), false).due_in_us(9), Some(5));
        assert_eq!(resumed(Some(DAY - 5), false).alarm(9), None);
        assert_eq!(resumed(Some(DAY), false).alarm(9), Some(Alarm::Overdue));
        assert_eq!(resumed(None, false).alarm(9), Some(Alarm::Overdue));
        let mut missed = resumed(Some(0), true);
        assert_eq!(missed.alarm(9), Some(Alarm::Missed));
        assert!(missed.mark(1));
        assert_eq!(missed.left(1, Outcome::Fail, 10), Some(Shown::Caught));
        assert_eq!(missed.alarm(10), None);
        assert_eq!(
            Challenge::resumed(None, 9, None, false, None).alarm(9),
            None
        );
    }

    #[test]
    fn a_restart_knows_what_was_shown_last_until_another_one_is() {
        for shown in Shown::ALL {
            let mut resumed = Challenge::resumed(Some(DAY), 9, Some(0), false, Some(shown));
            assert_eq!(resumed.last(), Some(shown));
            assert_eq!(
                resumed.alarm(9),
                None,
                "what was shown is no alarm by itself"
            );
            resumed.mark(1);
            resumed.left(1, Outcome::Fail, 10);
            assert_eq!(resumed.last(), Some(Shown::Caught));
        }
    }

    #[test]
    fn the_moment_that_it_is_due_stays_when_it_is_over() {
        let challenge = Challenge::new(Some(DAY), 5);
        for now_us in [5, DAY + 5, 3 * DAY] {
            assert_eq!(challenge.due_us(), Some(DAY + 5));
            assert_eq!(
                challenge.due_in_us(now_us),
                Some((DAY + 5).saturating_sub(now_us))
            );
        }
        assert_eq!(
            Challenge::resumed(Some(DAY), 9, Some(2 * DAY), false, None).due_us(),
            Some(9)
        );
        assert_eq!(Challenge::new(None, 5).due_us(), None);
    }

    #[test]
    fn a_part_that_is_caught_puts_the_next_one_off_by_a_period() {
        let mut challenge = Challenge::new(Some(DAY), 5);
        assert_eq!(challenge.alarm(DAY + 4), None);
        assert_eq!(challenge.alarm(DAY + 5), Some(Alarm::Overdue));
        assert!(challenge.mark(7));
        assert_eq!(
            challenge.alarm(DAY + 5),
            Some(Alarm::Overdue),
            "not shown yet"
        );
        assert_eq!(
            challenge.left(6, Outcome::Pass, DAY + 6),
            None,
            "another part"
        );
        assert_eq!(
            challenge.left(7, Outcome::Fail, DAY + 7),
            Some(Shown::Caught)
        );
        assert_eq!(challenge.alarm(2 * DAY + 6), None);
        assert_eq!(challenge.alarm(2 * DAY + 7), Some(Alarm::Overdue));
    }

    #[test]
    fn a_missed_part_is_an_alarm_until_one_is_caught() {
        let mut challenge = Challenge::new(Some(DAY), 0);
        challenge.mark(1);
        assert_eq!(challenge.left(1, Outcome::Pass, 10), Some(Shown::Missed));
        for now_us in [10, DAY, 9 * DAY] {
            assert_eq!(challenge.alarm(now_us), Some(Alarm::Missed));
        }
        challenge.mark(2);
        let none = Outcome::NoResult(Reason::Late);
        assert_eq!(challenge.left(2, none, 20), Some(Shown::NoProof));
        assert_eq!(challenge.alarm(20), Some(Alarm::Missed));
        challenge.mark(3);
        challenge.left(3, Outcome::Fail, 30);
        assert_eq!(challenge.alarm(30), None);
    }

    #[test]
    fn a_part_without_a_result_puts_nothing_off() {
        let mut challenge = Challenge::new(Some(DAY), 0);
        challenge.mark(1);
        challenge.left(1, Outcome::NoResult(Reason::NoDepth), DAY - 1);
        assert_eq!(challenge.alarm(DAY), Some(Alarm::Overdue));
        assert_eq!(challenge.last(), Some(Shown::NoProof));
    }

    #[test]
    fn one_is_awaited_at_a_time_and_counts_once() {
        let mut challenge = Challenge::new(None, 0);
        assert!(challenge.mark(4));
        assert!(!challenge.mark(5));
        assert_eq!(challenge.awaited(), Some(4));
        assert!(challenge.left(4, Outcome::Fail, 1).is_some());
        assert_eq!(challenge.left(4, Outcome::Pass, 2), None);
        assert!(challenge.mark(5));
    }

    #[test]
    fn without_a_period_none_is_overdue() {
        let challenge = Challenge::new(None, 0);
        assert_eq!(challenge.alarm(u64::MAX), None);
        assert_eq!(challenge.due_in_us(u64::MAX), None);
    }
}
