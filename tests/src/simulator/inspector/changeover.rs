//! The double of a process that proves another model and takes over, and of one that makes way.

use twinspect_core::changeover::Model;
use twinspect_core::gate::Outcome;
use twinspect_core::station::Inspector as Said;

use super::{Inspector, NEVER, Phase};
use crate::simulator::fault::FaultKind;

/// What a model is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Nature {
    Good,
    /// It can't be proven.
    Unproven,
    /// Its proof never ends.
    ProofHangs,
    /// Its process dies when it opens the camera.
    NoCamera,
    /// Its process never gets ready.
    OpenHangs,
    /// Its process dies with each part.
    Dies,
    /// Its engine fails with each part.
    CantJudge,
}

impl Nature {
    /// That of the model which somebody wants.
    pub(in crate::simulator) fn of(kind: FaultKind) -> Option<Self> {
        Some(match kind {
            FaultKind::ModelSwitch => Self::Good,
            FaultKind::ModelUnproven => Self::Unproven,
            FaultKind::ModelProofHang => Self::ProofHangs,
            FaultKind::ModelNoCamera => Self::NoCamera,
            FaultKind::ModelOpenHang => Self::OpenHangs,
            FaultKind::ModelDies => Self::Dies,
            FaultKind::ModelCantJudge => Self::CantJudge,
            _ => return None,
        })
    }
}

/// What keeps a process from ending is killed after this time.
const GRACE_US: u64 = 150_000;

impl Inspector {
    /// A process beside the one in charge.
    pub(in crate::simulator) fn candidate(
        seed: u64,
        watches: bool,
        generation: u64,
        (model, nature): (Model, Nature),
        now_us: u64,
    ) -> Self {
        let mut candidate = Self::new(seed ^ (generation << 32), watches);
        candidate.generation = generation;
        candidate.model = model;
        candidate.nature = nature;
        let proven_us = now_us + candidate.draw(50_000, 300_000);
        match nature {
            Nature::Unproven => candidate.end(proven_us),
            Nature::ProofHangs => candidate.phase = Phase::Proving { proven_us: NEVER },
            _ => candidate.phase = Phase::Proving { proven_us },
        }
        candidate
    }

    /// It is in charge now, and opens the camera of the one before.
    pub(in crate::simulator) fn take_over(&mut self, before: &Self, now_us: u64) {
        self.camera = before.camera;
        let proven_us = now_us + self.draw(10_000, 100_000);
        match self.nature {
            Nature::NoCamera => self.end(proven_us),
            Nature::OpenHangs => self.phase = Phase::Starting { proven_us: NEVER },
            _ => self.phase = Phase::Starting { proven_us },
        }
    }

    /// It is to let go of its camera and to end. Some say something about parts that they never saw.
    pub(in crate::simulator) fn release(&mut self, now_us: u64) {
        let hangs = self.phase == Phase::Hung || self.job.is_some_and(|job| job.done_us == NEVER);
        let lasts_us = if hangs {
            GRACE_US
        } else {
            self.draw(3_000, 40_000)
        };
        if self.draw(0, 3) == 0 {
            for ahead in 1..8 {
                let at_us = now_us + self.draw(5_000, 400_000);
                let what = Said::Verdict {
                    number: self.last_number + ahead,
                    outcome: Outcome::Pass,
                };
                self.say(at_us, what, None);
            }
        }
        // One that is ending already ends once.
        if self.ended_us.is_none() {
            self.end(now_us + lasts_us);
        }
    }

    /// Whether its end was seen, so that nobody has its camera.
    pub(in crate::simulator) fn is_gone(&self, now_us: u64) -> bool {
        self.phase == Phase::Away && self.ended_us.is_none_or(|ended_us| ended_us <= now_us)
    }

    /// Whether it is worth being in charge.
    pub(in crate::simulator) fn is_good(&self) -> bool {
        self.nature == Nature::Good
    }
}
