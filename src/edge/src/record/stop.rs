//! Being told to end.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::error::EdgeError;

/// SIGINT, SIGTERM and SIGQUIT, until this is dropped.
pub(super) struct StopSignals {
    told: Receiver<i32>,
    handle: Handle,
}

impl StopSignals {
    pub(super) fn catch() -> Result<Self, EdgeError> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT]).map_err(|source| {
            let doing = "asking for the signals of the system";
            EdgeError::System { doing, source }
        })?;
        let handle = signals.handle();
        let (teller, told) = bounded(1);
        thread::spawn(move || {
            for signal in &mut signals {
                if teller.try_send(signal).is_err() {
                    log::debug!("signal {signal} while another one waits");
                }
            }
        });
        Ok(Self { told, handle })
    }

    /// Receives once, when it is time to end.
    pub(super) fn told(&self) -> &Receiver<i32> {
        &self.told
    }

    /// Whether it is time to end now.
    pub(super) fn is_told(&self) -> bool {
        self.told.try_recv().is_ok()
    }

    /// Waits, unless it is time to end; whether it is.
    pub(super) fn wait(&self, time: Duration) -> bool {
        self.told.recv_timeout(time).is_ok()
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        self.handle.close();
    }
}
