//! How a camera that gives no pictures is brought back: decisions without cameras, threads or clocks.
//!
//! One thread owns the camera, asks [`Recovery::poll`] what to do, does it and says how it went. The
//! ladder has four rungs, and each has a time limit:
//!
//! 1. go on waiting: a single picture may be late;
//! 2. stop and start the streams;
//! 3. reset the device, let go of it, and find it again;
//! 4. ask for a new process: a driver that hangs can be left in no other way.
//!
//! A camera that isn't there is waited for and climbs no rung: neither a reset nor a new process plugs a
//! cable in. What a step cured counts as cured when pictures have come for a while; before that the next
//! trouble goes on where the last one ended.
//!
//! The thread may hang inside a step. So somebody else polls too, and the step's limit holds for both.

/// Limits of each rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoverySpec {
    /// Longest time without a pair before streams are started anew.
    pub stall_max_us: u64,
    /// Time from a start to the first pair.
    pub first_pair_max_us: u64,
    /// Time to open a camera, or to start its streams anew.
    pub start_max_us: u64,
    /// Time for a reset and all that follows.
    pub reset_max_us: u64,
    /// Time between two looks for a camera that isn't there.
    pub look_every_us: u64,
    /// Longest time in which the owning thread says nothing at all.
    pub silence_max_us: u64,
    /// Pairs after a start until one may be judged.
    pub settle_pairs: u32,
    /// Time with pairs after which the ladder begins at its lowest rung again.
    pub cured_us: u64,
    /// Whether the device can be reset; a recording can't.
    pub can_reset: bool,
}

/// What the owning thread is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Look for the camera and start its streams.
    Open,
    /// Stop and start the streams.
    Restart,
    /// Reset the device, let go of it, find it again and start its streams.
    Reset,
    /// Nothing: end the process. Whoever polls may carry this out.
    NewProcess,
}

/// How a step has ended without pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The camera isn't there.
    Absent,
    /// It is there, and refuses.
    Refused,
}

/// What can be said of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It isn't there; for so long.
    Absent {
        /// Microseconds.
        for_us: u64,
    },
    /// It is being opened, started or reset, or has not sent a pair since.
    Starting {
        /// Microseconds.
        for_us: u64,
    },
    /// It sends pairs, too few yet to judge one.
    Settling,
    /// It sends pairs.
    Well,
    /// It has sent pairs and stands still, for so long.
    Still {
        /// Microseconds.
        for_us: u64,
    },
    /// Only a new process can help.
    Lost,
}

/// Steps that were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryCounts {
    /// Streams that were started anew.
    pub restarts: u64,
    /// Resets.
    pub resets: u64,
    /// Times that the camera went away.
    pub removals: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be opened at a time.
    Away { look_at_us: u64 },
    /// The owning thread carries out a step.
    Working { until_us: u64 },
    /// Started; no pair yet.
    Waiting { until_us: u64 },
    /// Pairs come.
    Good {
        since_us: u64,
        last_us: u64,
        pairs: u32,
    },
    /// The end.
    Lost,
}

/// The rung that the next trouble leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Restart,
    Reset,
    NewProcess,
}

/// Brings a camera back.
#[derive(Debug)]
pub struct Recovery {
    spec: RecoverySpec,
    state: State,
    next: Rung,
    /// Since when there have been no pairs.
    troubled_us: u64,
    alive_us: u64,
    reports: Reports,
    counts: RecoveryCounts,
}

/// When somebody is told that the trouble goes on: at once, then ever more seldom.
#[derive(Debug, Clone, Copy, Default)]
struct Reports {
    next_us: u64,
    wait_us: u64,
}

/// First and longest time between two reports of one trouble.
const REPORT_WAIT_US: u64 = 10_000_000;
const REPORT_WAIT_MAX_US: u64 = 3_600_000_000;

impl Recovery {
    /// Wants the camera to be opened at once.
    pub fn new(spec: RecoverySpec, now_us: u64) -> Self {
        Self {
            spec,
            state: State::Away { look_at_us: now_us },
            next: Rung::Restart,
            troubled_us: now_us,
            alive_us: now_us,
            reports: Reports {
                next_us: now_us,
                wait_us: REPORT_WAIT_US,
            },
            counts: RecoveryCounts::default(),
        }
    }

    /// What is to be done now, if anything. All but [`Order::NewProcess`] is for the owning thread, which
    /// answers with [`started`](Self::started) or [`failed`](Self::failed).
    pub fn poll(&mut self, now_us: u64) -> Option<Order> {
        if self.is_overdue(now_us) {
            self.state = State::Lost;
        }
        match self.state {
            State::Lost => Some(Order::NewProcess),
            State::Away { look_at_us } if now_us >= look_at_us => {
                self.work(self.spec.start_max_us, now_us);
                Some(Order::Open)
            }
            State::Waiting { until_us } if now_us >= until_us => self.climb(now_us),
            State::Good { last_us, .. }
                if now_us >= last_us.saturating_add(self.spec.stall_max_us) =>
            {
                self.troubled(last_us);
                self.climb(now_us)
            }
            State::Away { .. }
            | State::Working { .. }
            | State::Waiting { .. }
            | State::Good { .. } => None,
        }
    }

    /// Whether only a new process can help; for whoever watches the owning thread.
    pub fn is_lost(&mut self, now_us: u64) -> bool {
        if self.is_overdue(now_us) {
            self.state = State::Lost;
        }
        self.state == State::Lost
    }

    /// The owning thread is alive. It says so between steps, at least as often as the limit asks.
    pub fn alive(&mut self, now_us: u64) {
        self.alive_us = self.alive_us.max(now_us);
    }

    /// The step is done: streams run.
    pub fn started(&mut self, now_us: u64) {
        self.alive(now_us);
        if let State::Working { .. } = self.state {
            self.state = State::Waiting {
                until_us: now_us.saturating_add(self.spec.first_pair_max_us),
            };
        }
    }

    /// The step was in vain.
    pub fn failed(&mut self, failure: Failure, now_us: u64) {
        self.alive(now_us);
        if let State::Working { .. } = self.state {
            self.state = match failure {
                Failure::Absent => State::Away {
                    look_at_us: now_us.saturating_add(self.spec.look_every_us),
                },
                // It is tried again by the next rung, not before the others may have had a look.
                Failure::Refused => State::Waiting {
                    until_us: now_us.saturating_add(self.spec.look_every_us),
                },
            };
        }
    }

    /// A pair has come that would be judged.
    pub fn pair(&mut self, now_us: u64) {
        self.alive(now_us);
        match &mut self.state {
            State::Waiting { .. } => {
                self.state = State::Good {
                    since_us: now_us,
                    last_us: now_us,
                    pairs: 1,
                };
            }
            State::Good {
                since_us,
                last_us,
                pairs,
            } => {
                *last_us = now_us;
                *pairs = pairs.saturating_add(1);
                if now_us.saturating_sub(*since_us) >= self.spec.cured_us {
                    self.next = Rung::Restart;
                }
            }
            State::Away { .. } | State::Working { .. } | State::Lost => {}
        }
    }

    /// The camera was taken away. Its streams are dead, whatever they may still say.
    pub fn removed(&mut self, now_us: u64) {
        self.alive(now_us);
        if let State::Waiting { .. } | State::Good { .. } = self.state {
            self.counts.removals += 1;
            self.troubled(now_us);
            self.state = State::Away {
                look_at_us: now_us.saturating_add(self.spec.look_every_us),
            };
        }
    }

    /// What can be said of the camera now.
    pub fn health(&self, now_us: u64) -> Health {
        let for_us = now_us.saturating_sub(self.troubled_us);
        match self.state {
            State::Away { .. } => Health::Absent { for_us },
            State::Working { .. } | State::Waiting { .. } => Health::Starting { for_us },
            State::Good { last_us, .. }
                if now_us >= last_us.saturating_add(self.spec.stall_max_us) =>
            {
                Health::Still {
                    for_us: now_us.saturating_sub(last_us),
                }
            }
            State::Good { pairs, .. } if pairs < self.spec.settle_pairs => Health::Settling,
            State::Good { .. } => Health::Well,
            State::Lost => Health::Lost,
        }
    }

    /// Whether it is time to tell somebody that there is still no picture.
    pub fn report_is_due(&mut self, now_us: u64) -> bool {
        let is_due = !matches!(self.state, State::Good { .. }) && now_us >= self.reports.next_us;
        if is_due {
            self.reports = Reports {
                next_us: now_us.saturating_add(self.reports.wait_us),
                wait_us: (self.reports.wait_us.saturating_mul(2)).min(REPORT_WAIT_MAX_US),
            };
        }
        is_due
    }

    /// Steps that were taken.
    pub fn counts(&self) -> RecoveryCounts {
        self.counts
    }

    /// When to poll next, if nothing happens until then.
    pub fn next_poll_us(&self) -> u64 {
        let silence_us = self.alive_us.saturating_add(self.spec.silence_max_us);
        match self.state {
            State::Away { look_at_us } => look_at_us.min(silence_us),
            State::Working { until_us } => until_us,
            State::Waiting { until_us } => until_us.min(silence_us),
            State::Good { last_us, .. } => last_us
                .saturating_add(self.spec.stall_max_us)
                .min(silence_us),
            State::Lost => 0,
        }
    }

    /// Whether the owning thread hangs, in a step or outside of one.
    fn is_overdue(&self, now_us: u64) -> bool {
        match self.state {
            State::Working { until_us } => now_us >= until_us,
            State::Lost => true,
            State::Away { .. } | State::Waiting { .. } | State::Good { .. } => {
                now_us >= self.alive_us.saturating_add(self.spec.silence_max_us)
            }
        }
    }

    fn climb(&mut self, now_us: u64) -> Option<Order> {
        let next = match self.next {
            Rung::Reset if !self.spec.can_reset => Rung::NewProcess,
            next => next,
        };
        match next {
            Rung::Restart => {
                self.next = Rung::Reset;
                self.counts.restarts += 1;
                self.work(self.spec.start_max_us, now_us);
                Some(Order::Restart)
            }
            Rung::Reset => {
                self.next = Rung::NewProcess;
                self.counts.resets += 1;
                self.work(self.spec.reset_max_us, now_us);
                Some(Order::Reset)
            }
            Rung::NewProcess => {
                self.state = State::Lost;
                Some(Order::NewProcess)
            }
        }
    }

    fn work(&mut self, max_us: u64, now_us: u64) {
        self.alive(now_us);
        self.state = State::Working {
            until_us: now_us.saturating_add(max_us),
        };
    }

    /// A new trouble: there have been no pairs since then, and somebody is told at once.
    fn troubled(&mut self, since_us: u64) {
        self.troubled_us = since_us;
        self.reports = Reports {
            next_us: 0,
            wait_us: REPORT_WAIT_US,
        };
    }
}

#[cfg(test)]
mod tests;
