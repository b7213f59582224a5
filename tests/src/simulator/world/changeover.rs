//! Models, the processes that prove them, and the disk that remembers which one is in charge.

use std::collections::VecDeque;

use twinspect_core::changeover::{Model, Standing};
use twinspect_core::station::{Effect, Inspector as Said, StationSpec};

use super::{Later, World};
use crate::simulator::device::Device;
use crate::simulator::fault::FaultKind;
use crate::simulator::inspector::{Eyes, Inspector, Message, NEVER, Nature};
use crate::simulator::story::{Answer, RECIPES, RECOVERY_US, is_watched};

/// Gaps that are remembered; far longer ago than any part is under way.
const GAPS_KEPT: usize = 16;

/// The misses that a trial allows, those that lay in a camera, and the parts that lie between sensor and rejector.
const IN_VAIN_MAX: u32 = 60;

/// The models of a story.
#[derive(Debug)]
pub(super) struct Models {
    natures: Vec<Nature>,
    /// Those that have been ready.
    were_ready: Vec<Model>,
    candidate: Option<Inspector>,
    /// One that made way, and what it may still say.
    departed: Option<Inspector>,
    /// What the disk remembers.
    disk: Standing,
    failing: u64,
    /// Parts that a model was asked about which can't judge.
    asked_in_vain: u32,
    /// When nobody could judge since a process made way, and for how long that may be felt.
    gaps: VecDeque<(u64, u64)>,
}

impl Models {
    /// One model, or one of each recipe.
    pub(super) fn new(station: &StationSpec) -> Self {
        let models = station.recipes.map_or(1, |_| RECIPES as usize);
        Self {
            natures: vec![Nature::Good; models],
            were_ready: vec![Model(0)],
            candidate: None,
            departed: None,
            disk: Standing::default(),
            failing: 0,
            asked_in_vain: 0,
            gaps: VecDeque::with_capacity(GAPS_KEPT),
        }
    }

    pub(super) fn nature(&self, model: Model) -> Nature {
        self.natures[model.0 as usize]
    }

    fn others(&mut self) -> impl Iterator<Item = &mut Inspector> {
        [self.candidate.as_mut(), self.departed.as_mut()]
            .into_iter()
            .flatten()
    }

    pub(super) fn next_us(&self) -> u64 {
        let others = [self.candidate.as_ref(), self.departed.as_ref()];
        let next = others.into_iter().flatten().map(Inspector::next_us);
        next.min().unwrap_or(NEVER)
    }

    pub(super) fn step(&mut self, now_us: u64, device: &mut impl Device, eyes: &impl Eyes) {
        // None of them has a camera or an engine that anybody asks.
        for other in self.others() {
            other.step(now_us, device, eyes, |_| Answer::Fail);
        }
    }

    pub(super) fn says(&mut self, now_us: u64) -> Option<Message> {
        self.others().find_map(|other| other.says(now_us))
    }

    pub(super) fn fail_records(&mut self, count: u64) {
        self.failing = count;
    }

    /// Whether a part came while processes were being exchanged.
    pub(super) fn were_exchanged(&self, came_us: u64) -> bool {
        let mut gaps = self.gaps.iter();
        gaps.any(|(from_us, to_us)| (*from_us..=*to_us).contains(&came_us))
    }

    fn gap(&mut self, from_us: u64, to_us: u64) {
        if self.gaps.len() == GAPS_KEPT {
            self.gaps.pop_front();
        }
        self.gaps.push_back((from_us, to_us));
    }
}

impl<D: Device> World<'_, D> {
    /// Somebody wants another model.
    pub(super) fn want(&mut self, kind: FaultKind) {
        let Some(nature) = Nature::of(kind) else {
            return;
        };
        let model = Model(self.models.natures.len() as u64);
        if self.device.activate(model) {
            self.models.natures.push(nature);
            self.serve();
        }
    }

    /// The process in charge was asked about a part, which a model that can't judge may be a few times.
    pub(super) fn asked(&mut self) {
        if self.inspector.is_good() {
            self.models.asked_in_vain = 0;
            return;
        }
        self.models.asked_in_vain += 1;
        // Parts that are under way when the last one leaves that is too many.
        if self.models.asked_in_vain > IN_VAIN_MAX {
            let model = self.inspector.model;
            self.checker
                .violated("a model that can't judge goes", || format!("{model:?}"));
        }
    }

    /// The process in charge has said something.
    pub(super) fn exchanged(&mut self, what: Said) {
        if what == Said::Ready {
            self.checker.switches(false);
            self.models.were_ready.push(self.inspector.model);
        }
        if what == Said::Ended {
            self.checker.switches(false);
        }
    }

    pub(super) fn exchange(&mut self, effect: Effect) {
        let now_us = self.now_us;
        let switch_us = self.story.station.changeover.switch_max_us;
        match effect {
            Effect::Prove { generation, model } => {
                if self.models.candidate.is_some() {
                    self.checker
                        .violated("one process proves a model at a time", String::new);
                }
                let what = (model, self.models.nature(model));
                let watches = is_watched(&self.story.station);
                let seed = self.story.seed;
                self.models.candidate = Some(Inspector::candidate(
                    seed, watches, generation, what, now_us,
                ));
            }
            Effect::Discard => self.models.candidate = None,
            Effect::Release => {
                self.checker.switches(true);
                self.models.gap(now_us, now_us + switch_us + RECOVERY_US);
                if is_watched(&self.story.station) {
                    // The belt was not watched for a while.
                    self.felt(switch_us);
                }
                self.inspector.release(now_us);
                self.checker.inspector(self.inspector.is_up(), now_us);
            }
            Effect::TakeOver => {
                if !self.inspector.is_gone(now_us) {
                    self.checker
                        .violated("a camera has one owner", || "two".to_owned());
                }
                // Where nobody was in charge nobody made way.
                self.models.gap(now_us, now_us + switch_us + RECOVERY_US);
                self.checker.switches(true);
                if let Some(mut candidate) = self.models.candidate.take() {
                    candidate.take_over(&self.inspector, now_us);
                    let before = std::mem::replace(&mut self.inspector, candidate);
                    self.models.departed = Some(before);
                }
            }
            Effect::Replace => {
                self.checker.switches(false);
                self.checker.expects_answers(false);
                self.felt(0);
                self.inspector.kill(now_us);
                self.checker.inspector(self.inspector.is_up(), now_us);
            }
            Effect::RolledBack { .. } => self.felt(0),
            Effect::Record(standing) => self.record(standing),
            _ => {}
        }
    }

    /// Parts under way suffer, and those that come until a process is up again.
    pub(super) fn felt(&mut self, lasts_us: u64) {
        self.disturbances += 1;
        let until_us = self.now_us + lasts_us + 600_000 + RECOVERY_US;
        self.disturbed_until_us = self.disturbed_until_us.max(until_us);
    }

    fn record(&mut self, standing: Standing) {
        if !self.models.were_ready.contains(&standing.active) {
            self.checker
                .violated("only what has been ready is recorded", || {
                    format!("{standing:?}")
                });
        }
        let fails = self.models.failing > 0;
        self.models.failing = self.models.failing.saturating_sub(1);
        let lasts_us = 1_000 + self.now_us % 30_000;
        self.after(lasts_us, Later::Recorded(standing, !fails));
    }

    /// The disk has answered. What failed may have been written nevertheless.
    pub(super) fn recorded(&mut self, standing: Standing, is_done: bool) {
        if is_done || self.now_us.is_multiple_of(2) {
            self.models.disk = standing;
        }
        let clock_us = self.clock_us();
        self.device.recorded(is_done, clock_us);
        self.serve();
    }

    /// At the end a model that can judge is in charge, and a restart would begin with it.
    pub(super) fn check_models(&mut self) {
        let (model, disk) = (self.inspector.model, self.models.disk);
        if disk.active != model {
            self.checker
                .violated("the record is of the model in charge", || {
                    format!("{model:?} judges, the disk says {disk:?}")
                });
        }
        if self.models.candidate.is_some() {
            self.checker
                .violated("nobody proves a model without an end", String::new);
        }
    }
}
