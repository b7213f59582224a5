//! When the inspect process is started and when it is given up: decisions without processes.

/// How the inspect process is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisionSpec {
    /// Silence after which it is killed.
    pub silence_max_us: u64,
    /// Time in which it has to be ready.
    pub start_max_us: u64,
    /// Wait before a restart; doubles with each failure in a row ...
    pub restart_wait_us: u64,
    /// ... up to this.
    pub restart_wait_max_us: u64,
}

/// What is to be done with the inspect process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start one.
    Start,
    /// Kill it.
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
pub struct Supervisor {
    spec: SupervisionSpec,
    state: State,
    failures: u32,
    starts: u64,
    was_up: bool,
    retired: bool,
}

impl Supervisor {
    /// Wants a start at once.
    pub fn new(spec: SupervisionSpec) -> Self {
        Self {
            spec,
            state: State::Down { start_at_us: 0 },
            failures: 0,
            starts: 0,
            was_up: false,
            retired: false,
        }
    }

    /// What is to be done now, if anything; the caller does it.
    pub fn poll(&mut self, now_us: u64) -> Option<Order> {
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
    pub fn next_poll_us(&self) -> Option<u64> {
        match self.state {
            State::Down { .. } if self.retired => None,
            State::Down { start_at_us } => Some(start_at_us),
            State::Starting { since_us } => Some(since_us.saturating_add(self.spec.start_max_us)),
            State::Up { heard_us, .. } => Some(heard_us.saturating_add(self.spec.silence_max_us)),
            State::Ending => None,
        }
    }

    /// Nothing is to be started any more; one that runs is watched as ever.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    /// It has said that it is ready.
    pub fn ready(&mut self, now_us: u64) {
        self.was_up = true;
        self.state = State::Up {
            since_us: now_us,
            heard_us: now_us,
        };
    }

    /// It has said something.
    pub fn heard(&mut self, now_us: u64) {
        if let State::Up { heard_us, .. } = &mut self.state {
            *heard_us = now_us;
        }
    }

    /// It has closed its end, said nonsense, or is being killed.
    pub fn lost(&mut self, now_us: u64) {
        if let State::Up { since_us, .. } = self.state
            && now_us.saturating_sub(since_us) > self.spec.restart_wait_max_us
        {
            self.failures = 0;
        }
        self.state = State::Ending;
    }

    /// Its end has been seen, or it could not be started at all.
    pub fn ended(&mut self, now_us: u64) {
        let doubled = 2_u64.saturating_pow(self.failures);
        let wait_us = self.spec.restart_wait_us.saturating_mul(doubled);
        let wait_us = wait_us.min(self.spec.restart_wait_max_us);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Down {
            start_at_us: now_us.saturating_add(wait_us),
        };
    }

    /// The end of a process that was asked to make way has been seen: no failure.
    pub fn made_way(&mut self, now_us: u64) {
        self.state = State::Down {
            start_at_us: now_us,
        };
    }

    /// In the place of one that is not there, another one is in charge that was started elsewhere and is not
    /// ready yet.
    pub fn adopt(&mut self, now_us: u64) {
        self.starts = self.starts.max(1);
        self.state = State::Starting { since_us: now_us };
    }

    /// Whether there is no process.
    pub fn is_vacant(&self) -> bool {
        matches!(self.state, State::Down { .. })
    }

    /// Whether tickets are served.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Whether it was started and not given up.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Up { .. })
    }

    /// Whether it has ever been ready.
    pub fn was_up(&self) -> bool {
        self.was_up
    }

    /// Whether one has ended unasked, or could not be started, since the last one that lived for long.
    pub fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Starts after the first one.
    pub fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(SupervisionSpec {
            silence_max_us: 10,
            start_max_us: 50,
            restart_wait_us: 5,
            restart_wait_max_us: 30,
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
        assert!(!supervisor.is_up() && !supervisor.has_failed());
        assert_eq!(supervisor.poll(500), None, "first its end has to be seen");
        supervisor.ended(501);
        assert!(supervisor.has_failed() && supervisor.restarts() == 0);
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
    fn who_is_retired_starts_nothing_and_still_watches() {
        let mut supervisor = up(100);
        supervisor.retire();
        assert_eq!(supervisor.poll(110), Some(Order::Kill));
        supervisor.ended(111);
        assert_eq!(supervisor.next_poll_us(), None);
        assert_eq!(supervisor.poll(10_000), None);
    }

    #[test]
    fn who_makes_way_for_another_one_has_not_failed() {
        let mut supervisor = up(100);
        supervisor.lost(105);
        supervisor.made_way(110);
        assert!(supervisor.is_vacant());
        supervisor.adopt(110);
        assert_eq!(supervisor.poll(159), None);
        assert_eq!(
            supervisor.poll(160),
            Some(Order::Kill),
            "it is not ready in time"
        );
        assert_eq!(supervisor.restarts(), 0);
        // Nobody has come in its place.
        let mut supervisor = up(100);
        supervisor.lost(105);
        supervisor.made_way(110);
        assert_eq!(supervisor.poll(110), Some(Order::Start), "without a wait");
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
