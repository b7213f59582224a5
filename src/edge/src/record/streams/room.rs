//! Whether there is room for a recording.

use std::time::Duration;

use super::places::Places;
use crate::error::EdgeError;
use crate::health::Disk;

/// So much stays free on the disk.
const FREE_MIN_BYTES: u64 = 500_000_000;

/// What a recording will need, and what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) bytes_a_second: u64,
    /// In all; `None` if nobody has said when it ends.
    pub(super) needed: Option<u64>,
    /// Before it begins; `None` if the system does not say.
    pub(super) free: Option<u64>,
}

impl Room {
    /// # Errors
    /// [`EdgeError::NoRoom`] if there is too little for the whole of it, or for a start.
    pub(super) fn of(
        places: &Places,
        bytes_a_second: u64,
        seconds: Option<Duration>,
    ) -> Result<Self, EdgeError> {
        let room = Self {
            bytes_a_second,
            needed: seconds.map(|time| bytes_a_second.saturating_mul(time.as_secs())),
            free: free(places),
        };
        match room.is_enough() {
            true => Ok(room),
            false => Err(room.none(places, room.free)),
        }
    }

    fn is_enough(&self) -> bool {
        let first = self.needed.unwrap_or(self.bytes_a_second);
        self.free
            .is_none_or(|free| free >= first.saturating_add(FREE_MIN_BYTES))
    }

    /// Whether recording may go on.
    ///
    /// # Errors
    /// [`EdgeError::NoRoom`].
    pub(super) fn is_left(&self, places: &Places) -> Result<(), EdgeError> {
        match free(places) {
            Some(free) if free < FREE_MIN_BYTES => Err(self.none(places, Some(free))),
            _ => Ok(()),
        }
    }

    fn none(&self, places: &Places, free: Option<u64>) -> EdgeError {
        EdgeError::NoRoom {
            folder: places.folder().to_owned(),
            free_mb: free.unwrap_or(0) / 1_000_000,
            needed_mb: self.needed.unwrap_or(self.bytes_a_second) / 1_000_000,
            kept_mb: FREE_MIN_BYTES / 1_000_000,
        }
    }
}

fn free(places: &Places) -> Option<u64> {
    Disk::read("recording", places.folder()).map(|disk| disk.free_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_of_it_and_some_is_left() {
        let room = |needed: Option<u64>, free| Room {
            bytes_a_second: 46_000_000,
            needed,
            free,
        };
        assert!(room(Some(1_000_000_000), Some(1_500_000_000)).is_enough());
        assert!(!room(Some(1_000_000_001), Some(1_500_000_000)).is_enough());
        // Without an end, there must be room for a second.
        assert!(room(None, Some(546_000_000)).is_enough());
        assert!(!room(None, Some(545_999_999)).is_enough());
        assert!(room(Some(u64::MAX), None).is_enough());
        assert!(!room(Some(u64::MAX), Some(u64::MAX - 1)).is_enough());
    }
}
