//! What the camera's thread tells of it in the log.

use twinspect_core::pairing::PairingNews;

use super::Worker;
use crate::live::News;

impl Worker {
    /// Most of these nobody could be given, so that nobody was told of them. In each round they are the same.
    pub(super) fn tell_frozen(&mut self) {
        let frozen = self.shared.lock().counts.frozen;
        if frozen > 0 && !self.has_told_frozen {
            self.has_told_frozen = true;
            log::warn!(
                "{}: {frozen} pairs showed one picture again and again, and were passed over",
                self.finder.describe()
            );
        }
    }

    /// One line for each change, and ever fewer while nothing changes.
    pub(super) fn tell_health(&mut self, now_us: u64) {
        let mut state = self.shared.lock();
        if self.starts == 0 && state.error.is_none() {
            // Nobody has looked for it yet.
            return;
        }
        state.counts.recovery = state.recovery.counts();
        let health = state.health(now_us);
        let trouble = state.trouble(now_us);
        let is_due = state.recovery.report_is_due(now_us);
        let cause = state.error.as_ref().map(ToString::to_string);
        drop(state);
        let news = News {
            health,
            trouble,
            is_due,
            cause,
        };
        self.teller.tell(&self.finder.describe(), news);
    }

    /// One line when many pictures find no partner, and one when few do. A recording may be played at any pace, so that a
    /// minute says nothing of it.
    pub(super) fn tell_pairing(&mut self, now_us: u64) {
        if self.shared.recording.is_some() {
            return;
        }
        let counts = self.shared.lock().counts.pairing;
        match self.pairing_watch.look(counts, now_us) {
            Some(PairingNews::Poor { percent }) => log::warn!(
                "{}: {percent} % of the pictures of the last minute found no partner",
                self.finder.describe()
            ),
            Some(PairingNews::Sound) => log::info!(
                "{}: depth and colour find each other again",
                self.finder.describe()
            ),
            None => {}
        }
    }
}
