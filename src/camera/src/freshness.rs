//! A picture may be judged once.

use twinspect_core::frame::{FramePair, Stamp};

/// Remembers the last frame numbers and finds pictures that came before.
///
/// A driver that hands out its last buffer again, and a pair of which one half stands still, look
/// like good parts to any network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Freshness {
    rgb: Option<u64>,
    depth: Option<u64>,
}

impl Freshness {
    /// Whether each stamped picture of the pair is newer than all before it.
    ///
    /// Pictures without a stamp can't be told apart and count as new.
    pub fn is_new(&mut self, pair: &FramePair) -> bool {
        let rgb = advance(&mut self.rgb, pair.rgb_stamp);
        let depth = advance(&mut self.depth, pair.depth_stamp);
        rgb && depth
    }
}

fn advance(last: &mut Option<u64>, stamp: Option<Stamp>) -> bool {
    let Some(stamp) = stamp else { return true };
    let new = last.is_none_or(|last| last < stamp.frame_number);
    *last = (*last).max(Some(stamp.frame_number));
    new
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{
        DepthCounts, DepthFrame, FrameSize, Intrinsics, RgbFrame, StampDomain,
    };

    use super::*;

    fn pair(rgb: Option<u64>, depth: Option<u64>) -> FramePair {
        let size = FrameSize {
            width: 1,
            height: 1,
        };
        let intrinsics = Intrinsics {
            width: 1,
            height: 1,
            fx: 1.0,
            fy: 1.0,
            cx: 0.0,
            cy: 0.0,
            distortion: [0.0; 5],
        };
        let colour = RgbFrame::new(size, vec![0; 3]).unwrap();
        let counts = DepthFrame::Counts(DepthCounts::new(size, 0.001, vec![1]).unwrap());
        let mut pair = FramePair::new(Some(colour), Some(counts), Some(intrinsics)).unwrap();
        let stamp = |frame_number| Stamp {
            frame_number,
            time_us: 0,
            domain: StampDomain::Sensor,
        };
        pair.rgb_stamp = rgb.map(stamp);
        pair.depth_stamp = depth.map(stamp);
        pair
    }

    fn check(history: &[(Option<u64>, Option<u64>, bool)]) {
        let mut freshness = Freshness::default();
        for &(rgb, depth, new) in history {
            assert_eq!(
                freshness.is_new(&pair(rgb, depth)),
                new,
                "{rgb:?} {depth:?}"
            );
        }
    }

    #[test]
    fn numbers_must_grow() {
        check(&[
            (Some(1), Some(1), true),
            (Some(2), Some(2), true),
            (Some(2), Some(2), false),
            (Some(1), Some(1), false),
            (Some(5), Some(3), true),
        ]);
    }

    #[test]
    fn half_a_pair_that_stands_still_is_not_new() {
        check(&[
            (Some(1), Some(1), true),
            (Some(2), Some(1), false),
            (Some(2), Some(2), false),
            (Some(3), Some(3), true),
        ]);
    }

    #[test]
    fn pictures_without_stamps_count_as_new() {
        check(&[
            (None, None, true),
            (None, None, true),
            (None, Some(0), true),
        ]);
    }
}
