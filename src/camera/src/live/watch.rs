//! Watching a camera from another thread.

use std::sync::Arc;

use twinspect_core::pairing::PairingCounts;
use twinspect_core::recovery::{Health, RecoveryCounts};

use crate::CameraError;

/// What became of all pictures so far. A camera of colour alone counts its pictures as pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// What was paired, and what was not.
    pub pairing: PairingCounts,
    /// Pictures with bytes missing, or of another kind.
    pub corrupt: u64,
    /// Pairs that were passed over after a start.
    pub warm_up: u64,
    /// Pairs that came too late.
    pub late: u64,
    /// Pairs of which one picture was the one before again.
    pub frozen: u64,
    /// Pairs that a newer one replaced before anybody asked.
    pub replaced: u64,
    /// How old the newest picture was when it came, in microseconds, where its stamp can be compared with the host's
    /// clock.
    pub age_us: Option<u64>,
    /// Steps that were taken to bring the camera back.
    pub recovery: RecoveryCounts,
}

/// A camera that may have to be brought back.
pub(crate) trait Watched: Send + Sync {
    /// What can be said of the camera now.
    fn health(&self) -> Health;

    /// What became of all pictures so far.
    fn counts(&self) -> StreamCounts;

    /// What is said of the camera of this name when only a new process can help.
    fn lost(&self, camera: String) -> CameraError {
        CameraError::Lost { camera }
    }
}

/// Watches a camera from another thread, whatever kind it is.
#[derive(Clone)]
pub struct CameraWatch {
    watched: Arc<dyn Watched>,
}

impl std::fmt::Debug for CameraWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CameraWatch").finish_non_exhaustive()
    }
}

impl CameraWatch {
    pub(crate) fn new(watched: Arc<dyn Watched>) -> Self {
        Self { watched }
    }

    /// What can be said of the camera now.
    pub fn health(&self) -> Health {
        self.watched.health()
    }

    /// Whether only a new process can help.
    pub fn is_lost(&self) -> bool {
        self.health() == Health::Lost
    }

    /// What is said of it then.
    pub fn lost(&self) -> CameraError {
        self.watched.lost("the camera".to_owned())
    }

    /// What became of all pictures so far.
    pub fn counts(&self) -> StreamCounts {
        self.watched.counts()
    }
}
