//! Whether many of a camera's pictures find no partner.

use super::PairingCounts;

/// So long is looked at, one such time after the other.
const WINDOW_US: u64 = 60_000_000;
/// More pictures without a partner, in a hundred, are many.
const POOR_PERCENT: u64 = 5;
/// As few are few again.
const SOUND_PERCENT: u64 = 2;
/// Fewer pictures say nothing: the camera has just come, or gone.
const PICTURES_MIN: u64 = 100;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingNews {
    /// Many pictures find no partner.
    Poor {
        /// Of a hundred pictures, rounded down.
        percent: u64,
    },
    /// Few do, after many did.
    Sound,
}

/// Watches how many pictures find no partner.
#[derive(Debug)]
pub struct PairingWatch {
    since_us: u64,
    before: PairingCounts,
    is_poor: bool,
}

impl PairingWatch {
    /// Begins with a camera of which nothing was counted.
    pub fn new(now_us: u64) -> Self {
        Self {
            since_us: now_us,
            before: PairingCounts::default(),
            is_poor: false,
        }
    }

    /// Looks at what was counted so far; what has changed, if anything has.
    pub fn look(&mut self, counts: PairingCounts, now_us: u64) -> Option<PairingNews> {
        if now_us.saturating_sub(self.since_us) < WINDOW_US {
            return None;
        }
        let before = std::mem::replace(&mut self.before, counts);
        self.since_us = now_us;
        let alone = |counts: PairingCounts| counts.unpaired + counts.clocks_apart;
        let lost = alone(counts).saturating_sub(alone(before));
        let all = lost + 2 * counts.pairs.saturating_sub(before.pairs);
        if all < PICTURES_MIN {
            return None;
        }
        let was_poor = self.is_poor;
        if 100 * lost > POOR_PERCENT * all {
            self.is_poor = true;
        } else if 100 * lost <= SOUND_PERCENT * all {
            self.is_poor = false;
        }
        match (was_poor, self.is_poor) {
            (false, true) => Some(PairingNews::Poor {
                percent: 100 * lost / all,
            }),
            (true, false) => Some(PairingNews::Sound),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of minutes with so many pairs and pictures without a partner.
    fn told(minutes: &[(u64, u64)]) -> Vec<Option<PairingNews>> {
        let mut watch = PairingWatch::new(7);
        let (mut counts, mut now_us) = (PairingCounts::default(), 7);
        let look = |&(pairs, alone): &(u64, u64)| {
            counts.pairs += pairs;
            // Either way a picture stays alone.
            counts.unpaired += alone / 2;
            counts.clocks_apart += alone - alone / 2;
            assert_eq!(watch.look(counts, now_us + WINDOW_US - 1), None);
            now_us += WINDOW_US;
            watch.look(counts, now_us)
        };
        minutes.iter().map(look).collect()
    }

    #[test]
    fn a_change_is_told_once() {
        let poor = |percent| Some(PairingNews::Poor { percent });
        let minutes = [
            (1_800, 0),
            // A twentieth of all pictures is not more than that.
            (950, 100),
            (950, 101),
            (0, 3_600),
            // Between the two limits it stays as it is.
            (970, 60),
            (980, 40),
            (970, 60),
            (0, 3_600),
        ];
        let expected = [
            None,
            None,
            poor(5),
            None,
            None,
            Some(PairingNews::Sound),
            None,
            poor(100),
        ];
        assert_eq!(told(&minutes), expected);
    }

    #[test]
    fn a_few_pictures_say_nothing() {
        assert_eq!(told(&[(0, 99), (0, 99)]), [None, None]);
        assert_eq!(
            told(&[(0, 100)]),
            [Some(PairingNews::Poor { percent: 100 })]
        );
    }
}
