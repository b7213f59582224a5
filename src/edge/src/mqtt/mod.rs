//! Results and state for a broker: MQTT 3.1.1, off unless the configuration has `[mqtt]`.
//!
//! It lives in the page's process, far from the gate. A broker that is slow, gone or hostile costs messages,
//! which are counted, and nothing else: what waits to be sent is bounded, and nothing is subscribed to.
//!
//! [`mod@message`] says what is told, [`link`] holds the connection, [`Outlet`] decides when to tell.

mod link;
mod message;

use crate::clock;
use crate::config::MqttSpec;
use crate::control::MachineState;
use crate::health::Looked;
use link::Link;
use message::{PartMessage, StatusMessage, Topics};

/// Time between two messages of an unchanged state, whose counts go on.
const STATUS_EVERY_US: u64 = 10_000_000;

/// How it goes with the broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MqttFigures {
    pub(crate) connected: bool,
    /// Messages that were not sent: too many waited, or parts left faster than they were asked for.
    pub(crate) lost: u64,
}

/// Tells the broker what is new.
pub(crate) struct Outlet {
    station: String,
    topics: Topics,
    link: Link,
    /// The last part that was told; none before the first look.
    told: Option<u64>,
    state: Option<(MachineState, Option<String>)>,
    status_us: u64,
    lost: u64,
}

impl Outlet {
    /// Begins to look for the broker.
    pub(crate) fn start(station: &str, spec: &MqttSpec) -> Self {
        let topics = Topics::under(&spec.topic);
        Self {
            station: station.to_owned(),
            link: Link::start(spec, topics.online.clone()),
            topics,
            told: None,
            state: None,
            status_us: 0,
            lost: 0,
        }
    }

    /// The station has answered; what is new is told.
    pub(crate) fn tell(&mut self, looked: &Looked<'_>, now_us: u64) {
        let now_unix_ms = clock::now_unix_ms();
        self.tell_parts(looked, now_unix_ms);
        let status = looked.status;
        let state = (status.state, status.obstacle.clone());
        let is_new = self.state.as_ref() != Some(&state);
        if is_new || now_us >= self.status_us.saturating_add(STATUS_EVERY_US) {
            let message = StatusMessage::new(&self.station, looked, now_unix_ms);
            // One that is lost is followed by another one, which says more.
            if self.link.send(&self.topics.status, true, &message) {
                self.state = Some(state);
                self.status_us = now_us;
            }
        }
    }

    /// How it goes.
    pub(crate) fn figures(&self) -> MqttFigures {
        MqttFigures {
            connected: self.link.is_connected(),
            lost: self.lost,
        }
    }

    fn tell_parts(&mut self, looked: &Looked<'_>, now_unix_ms: u64) {
        let newest = looked.recent.last().map_or(0, |part| part.number);
        // What left before this process came may have been told by the one before.
        let mut told = *self.told.get_or_insert(newest);
        for part in looked.recent {
            if part.number <= told {
                continue;
            }
            self.lost += part.number - told - 1;
            told = part.number;
            let message =
                PartMessage::new(&self.station, part, looked.status.uptime_s, now_unix_ms);
            self.lost += u64::from(!self.link.send(&self.topics.part, false, &message));
        }
        self.told = Some(told);
    }
}
