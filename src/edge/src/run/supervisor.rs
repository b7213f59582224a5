//! When the inspect process is started and when it is given up: decisions without processes.

use crate::config::InspectorLimits;

/// What is to be done with the inspect process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Start,
    Kill,
}

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not there; to be started at a time.
    Down { start_at_us: u64 },
    /// Started, has not said that it is ready.
    Starting { since_us: u64 },
    /// Serves tickets.
    Up { since_us: u64, heard_us: u64 },
    /// Killed or closed; its end has not been seen yet.
    Ending,
}

/// Watches the inspect process by what it says and when.
///
/// Waits between starts double with each failure in a row. A process that was up for longer than
/// the longest wait is no failure in a row.
#[derive(Debug)]
pub(super) struct Supervisor {
    limits: InspectorLimits,
    state: State,
    failures: u32,
    starts: u64,
    was_up: bool,
}

impl Supervisor {
    /// Wants a start at once.
    pub(super) fn new(limits: InspectorLimits) -> Self {
        Self {
            limits,
            state: State::Down { start_at_us: 0 },
            failures: 0,
            starts: 0,
            was_up: false,
        }
    }

    /// What is to be done now, if anything; the caller does it.
    pub(super) fn poll(&mut self, now_us: u64) -> Option<Order> {
        if self.next_poll_us().is_none_or(|at_us| now_us < at_us) {
            return None;
        }
        if let State::Down { .. } = self.state {
            self.state = State::Starting { since_us: now_us };
            self.starts += 1;
            return Some(Order::Start);
        }
        self.lost(now_us);
        Some(Order::Kill)
    }

    /// When to poll next, if nothing is heard until then.
    pub(super) fn next_poll_us(&self) -> Option<u64> {
        let us = |duration: std::time::Duration| duration.as_micros() as u64;
        match self.state {
            State::Down { start_at_us } => Some(start_at_us),
            State::Starting { since_us } => Some(since_us + us(self.limits.start_max)),
            State::Up { heard_us, .. } => Some(heard_us + us(self.limits.silence_max)),
            State::Ending => None,
        }
    }

    /// It has said that it is ready.
    pub(super) fn ready(&mut self, now_us: u64) {
        self.was_up = true;
        self.state = State::Up {
            since_us: now_us,
            heard_us: now_us,
        };
    }

    /// It has said something.
    pub(super) fn heard(&mut self, now_us: u64) {
        if let State::Up { heard_us, .. } = &mut self.state {
            *heard_us = now_us;
        }
    }

    /// It has closed its end, said nonsense, or is being killed.
    pub(super) fn lost(&mut self, now_us: u64) {
        if let State::Up { since_us, .. } = self.state
            && u128::from(now_us - since_us) > self.limits.restart_wait_max.as_micros()
        {
            self.failures = 0;
        }
        self.state = State::Ending;
    }

    /// Its end has been seen, or it could not be started at all.
    pub(super) fn ended(&mut self, now_us: u64) {
        let doubled = 2_u32.saturating_pow(self.failures);
        let wait = self.limits.restart_wait.saturating_mul(doubled);
        let wait = wait.min(self.limits.restart_wait_max);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Down {
            start_at_us: now_us + wait.as_micros() as u64,
        };
    }

    /// Whether tickets are served.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Whether it has ever been ready.
    pub(super) fn was_up(&self) -> bool {
        self.was_up
    }

    /// Starts after the first one.
    pub(super) fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(InspectorLimits {
            heartbeat: Duration::from_micros(2),
            silence_max: Duration::from_micros(10),
            start_max: Duration::from_micros(50),
            restart_wait: Duration::from_micros(5),
            restart_wait_max: Duration::from_micros(30),
        })
    }

    fn up(now_us: u64) -> Supervisor {
        let mut supervisor = supervisor();
        assert_eq!(supervisor.poll(now_us), Some(Order::Start));
        supervisor.ready(now_us);
        supervisor
    }

    #[test]
    fn silence_kills() {
        let mut supervisor = up(100);
        supervisor.heard(105);
        assert_eq!(supervisor.poll(114), None);
        assert_eq!(supervisor.poll(115), Some(Order::Kill));
        assert!(!supervisor.is_up());
        assert_eq!(supervisor.poll(500), None, "first its end has to be seen");
    }

    #[test]
    fn a_start_that_takes_too_long_is_killed() {
        let mut supervisor = supervisor();
        assert_eq!(supervisor.poll(0), Some(Order::Start));
        supervisor.heard(40);
        assert_eq!(supervisor.poll(49), None);
        assert_eq!(supervisor.poll(50), Some(Order::Kill));
        assert!(!supervisor.was_up());
    }

    #[test]
    fn waits_double_up_to_a_limit() {
        let mut supervisor = supervisor();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..5 {
            assert_eq!(supervisor.poll(now), Some(Order::Start));
            supervisor.lost(now);
            supervisor.ended(now);
            let next = supervisor.next_poll_us().unwrap();
            waits.push(next - now);
            now = next;
        }
        assert_eq!(waits, [5, 10, 20, 30, 30]);
        assert_eq!(supervisor.restarts(), 4);
    }

    #[test]
    fn a_long_life_makes_up_for_failures() {
        let mut supervisor = up(0);
        for now in [3, 6] {
            supervisor.lost(now);
            supervisor.ended(now);
        }
        supervisor.poll(100);
        supervisor.ready(100);
        supervisor.heard(131);
        supervisor.lost(131);
        supervisor.ended(131);
        assert_eq!(supervisor.next_poll_us(), Some(136));
    }
}
