//! Being asked to end before the time is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

use crate::error::EdgeError;

/// SIGINT and SIGTERM, until this is dropped. The second of them ends the process at once, as without this.
pub(super) struct EarlyEnd {
    asked: Arc<AtomicBool>,
    registered: Vec<SigId>,
}

impl EarlyEnd {
    pub(super) fn catch() -> Result<Self, EdgeError> {
        let mut early = Self {
            asked: Arc::default(),
            registered: Vec::new(),
        };
        for signal in [SIGINT, SIGTERM] {
            let asked = || Arc::clone(&early.asked);
            // In this order, or the first one would end the process, too.
            let second = flag::register_conditional_default(signal, asked());
            let first = flag::register(signal, asked());
            for id in [second, first] {
                early.registered.push(id.map_err(|source| {
                    let doing = "asking for the signals of the system";
                    EdgeError::System { doing, source }
                })?);
            }
        }
        Ok(early)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for EarlyEnd {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            low_level::unregister(id);
        }
    }
}
