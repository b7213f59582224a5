//! Chance that can be looked up: the same seed, stream and index always give the same number, so
//! that taking one fault out of a story changes nothing else in it.

/// A source of numbers for one purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance {
    seed: u64,
}

/// SplitMix64's mixer (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Chance {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self {
            seed: mix(seed ^ mix(stream.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        }
    }

    pub(crate) fn at(self, index: u64) -> u64 {
        mix(self
            .seed
            .wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// From `from` to `to`, which is not reached.
    pub(crate) fn range(self, index: u64, from: u64, to: u64) -> u64 {
        from + self.at(index) % (to - from)
    }

    /// True `of` times in 1000.
    pub(crate) fn per_mille(self, index: u64, of: u64) -> bool {
        self.at(index) % 1000 < of
    }
}
