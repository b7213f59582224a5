//! The end of a station: until when parts are waited for.

use crate::gate::Gate;
use crate::handshake::Handshake;

/// A station that is being stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// The last part that came before.
    last: u64,
    /// Parts are waited for until then.
    until_us: u64,
    is_over: bool,
}

impl Closing {
    pub(super) fn new(gate: &Gate, now_us: u64, drain_max_us: u64) -> Self {
        Self {
            last: gate.counters().triggered,
            until_us: now_us.saturating_add(drain_max_us),
            is_over: false,
        }
    }

    /// Whether the end has come just now.
    pub(super) fn ends(&mut self, gate: &Gate, handshake: Option<&Handshake>, now_us: u64) -> bool {
        let next_us = self.next_tick_us(gate, handshake);
        self.is_over |= next_us.is_some_and(|next_us| next_us <= now_us);
        next_us.is_some() && self.is_over
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// When the end comes if nothing else happens: at once where the parts that are waited for have
    /// left, no pulse is being given and the machine knows all results.
    pub(super) fn next_tick_us(&self, gate: &Gate, handshake: Option<&Handshake>) -> Option<u64> {
        let left = gate.counters().triggered - gate.parts_under_way();
        let has_left = left >= self.last && !gate.is_pulsing();
        let has_told = handshake.is_none_or(Handshake::is_settled);
        match (self.is_over, has_left && has_told) {
            (true, _) => None,
            (false, true) => Some(0),
            (false, false) => Some(self.until_us),
        }
    }
}
