//! What became of the parts that have left, for who looks at the station later. Its memory does not grow.

use std::collections::VecDeque;

use twinspect_core::verdict::Verdict;

use crate::control::{Counts, LastHour, RecentPart};

/// Parts that are remembered one by one.
const RECENT_MAX: usize = 300;
/// Rejected parts that are remembered beside them: on a good line they are rare.
const REJECTS_MAX: usize = 20;
const MINUTE_US: u64 = 60_000_000;
const MINUTES: u64 = 60;

/// Parts that have left within a minute.
#[derive(Debug, Clone, Copy)]
struct Minute {
    /// Since the start.
    number: u64,
    passed: u64,
    failed: u64,
    no_result: u64,
}

/// What is remembered of parts.
#[derive(Debug)]
pub(super) struct History {
    counts: Counts,
    /// Oldest first; minutes without parts are not there.
    minutes: VecDeque<Minute>,
    /// Oldest first.
    recent: VecDeque<RecentPart>,
    /// Oldest first.
    rejects: VecDeque<RecentPart>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            minutes: VecDeque::with_capacity(MINUTES as usize + 1),
            recent: VecDeque::with_capacity(RECENT_MAX),
            rejects: VecDeque::with_capacity(REJECTS_MAX),
        }
    }
}

impl History {
    /// A part has left.
    pub(super) fn left(&mut self, number: u64, verdict: &Verdict, now_us: u64) {
        self.counts.add(verdict);
        let minute = self.minute(now_us);
        match verdict {
            Verdict::Pass { .. } => minute.passed += 1,
            Verdict::Fail { .. } => minute.failed += 1,
            Verdict::NoResult { .. } => minute.no_result += 1,
        }
        let part = RecentPart::new(number, verdict, now_us as f64 / 1e6);
        push(&mut self.recent, RECENT_MAX, part);
        if !part.passes {
            push(&mut self.rejects, REJECTS_MAX, part);
        }
    }

    fn minute(&mut self, now_us: u64) -> &mut Minute {
        let number = now_us / MINUTE_US;
        if self.minutes.back().is_none_or(|last| last.number < number) {
            while self.minutes.len() as u64 >= MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute {
                number,
                passed: 0,
                failed: 0,
                no_result: 0,
            });
        }
        let last = self.minutes.len() - 1;
        &mut self.minutes[last]
    }

    /// Of all parts since the start.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Of the minute that runs and the 59 before.
    pub(super) fn last_hour(&self, now_us: u64) -> LastHour {
        let now = now_us / MINUTE_US;
        let first = (now + 1).saturating_sub(MINUTES);
        let start = LastHour {
            span_s: (now_us - first * MINUTE_US) / 1_000_000,
            ..LastHour::default()
        };
        let within = self.minutes.iter().filter(|minute| minute.number >= first);
        within.fold(start, |sum, minute| LastHour {
            passed: sum.passed + minute.passed,
            failed: sum.failed + minute.failed,
            no_result: sum.no_result + minute.no_result,
            ..sum
        })
    }

    /// The last parts, oldest first.
    pub(super) fn recent(&self) -> Vec<RecentPart> {
        self.recent.iter().copied().collect()
    }

    /// The last rejected parts, newest first.
    pub(super) fn rejects(&self) -> Vec<RecentPart> {
        self.rejects.iter().rev().copied().collect()
    }
}

fn push(parts: &mut VecDeque<RecentPart>, most: usize, part: RecentPart) {
    if parts.len() == most {
        parts.pop_front();
    }
    parts.push_back(part);
}

#[cfg(test)]
mod tests {
    use twinspect_core::verdict::{Reason, Score};

    use super::*;

    const PASS: Verdict = Verdict::Pass {
        score: Score(0.5),
        missing: None,
    };
    const LATE: Verdict = Verdict::NoResult {
        reason: Reason::Late,
    };

    #[test]
    fn an_hour_forgets_what_came_before_it_and_counts_all_of_it() {
        let mut history = History::default();
        for minute in 0..90 {
            history.left(minute, &PASS, minute * MINUTE_US);
        }
        history.left(90, &LATE, 89 * MINUTE_US + 30_000_000);
        let hour = history.last_hour(89 * MINUTE_US + 30_000_000);
        assert_eq!((hour.passed, hour.no_result), (60, 1));
        assert_eq!(hour.span_s, 59 * 60 + 30);
        assert_eq!(history.last_hour(300 * MINUTE_US).passed, 0);
        assert_eq!(history.counts().passed, 90);
        let young = History::default().last_hour(5_000_000);
        assert_eq!(young.span_s, 5);
    }

    #[test]
    fn rejected_parts_are_remembered_for_longer() {
        let mut history = History::default();
        history.left(1, &LATE, 0);
        for number in 2..1_000 {
            history.left(number, &PASS, number);
        }
        assert_eq!(history.recent().len(), RECENT_MAX);
        assert_eq!(history.recent().last().map(|part| part.number), Some(999));
        let rejects: Vec<u64> = history.rejects().iter().map(|part| part.number).collect();
        assert_eq!(rejects, [1]);
        for number in 0..50 {
            history.left(number, &LATE, 0);
        }
        assert_eq!(history.rejects().len(), REJECTS_MAX);
        assert_eq!(history.rejects()[0].number, 49);
    }
}
