//! From crossings to parts: what follows too closely, and what should have come.

use super::spec::SpacingSpec;
use super::{Counters, Events, TriggerEvent};
use crate::belt::{Axis, Moment};

#[derive(Debug, Clone)]
pub(super) struct Spacing {
    spec: SpacingSpec,
    last: Option<Moment>,
    /// Whether the present gap was reported.
    reported: bool,
}

impl Spacing {
    pub(super) fn new(spec: SpacingSpec) -> Self {
        Self {
            spec,
            last: None,
            reported: false,
        }
    }

    /// Something has crossed the sensor.
    pub(super) fn cross(&mut self, moment: Moment, counters: &mut Counters, events: &mut Events) {
        if moment.belt.behind > self.spec.jitter() {
            counters.recrossed += 1;
            return;
        }
        let here = self.spec.axis().here(moment);
        self.watch(here, moment, counters, events);
        let is_double = self
            .last
            .is_some_and(|last| here.saturating_sub(self.spec.axis().here(last)) < self.spec.min());
        self.last = Some(moment);
        self.reported = false;
        if is_double {
            counters.doubles += 1;
            events.push(TriggerEvent::Double(moment));
        } else {
            counters.parts += 1;
            events.push(TriggerEvent::Part(moment));
        }
    }

    /// Edges are missing: something unseen may lie right before the edge that is known again, and
    /// what follows that too closely is no part of its own.
    pub(super) fn lose(&mut self, to: Moment) {
        self.last = Some(to);
        self.reported = false;
    }

    /// Time goes by, and the belt.
    pub(super) fn tick(&mut self, now: Moment, counters: &mut Counters, events: &mut Events) {
        self.watch(self.spec.axis().furthest(now), now, counters, events);
    }

    /// Whether a part is missing by now.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.before_gap(self.spec.axis().furthest(now)).is_some()
    }

    /// When the largest space is over, if time tells.
    pub(super) fn next_tick_us(&self) -> Option<u64> {
        let last = self.last.filter(|_| !self.reported)?;
        match self.spec {
            SpacingSpec::Time { max_us, .. } => Some(last.at_us.saturating_add(max_us?) + 1),
            SpacingSpec::Belt { .. } => None,
        }
    }

    /// The part before a space that is too large and was not reported yet.
    fn before_gap(&self, here: u64) -> Option<Moment> {
        let last = self.last.filter(|_| !self.reported)?;
        let space = here.saturating_sub(self.spec.axis().here(last));
        (space > self.spec.max()?).then_some(last)
    }

    fn watch(&mut self, here: u64, now: Moment, counters: &mut Counters, events: &mut Events) {
        if let Some(last) = self.before_gap(here) {
            self.reported = true;
            counters.missed += 1;
            let mut from = last;
            match self.spec.axis() {
                Axis::Time => from.at_us = from.at_us.saturating_add(self.spec.min()),
                Axis::Belt => {
                    from.belt.furthest = from.belt.furthest.saturating_add(self.spec.min());
                }
            }
            events.push(TriggerEvent::Missed { from, to: now });
        }
    }
}
