//! Prints of pictures, by which those that were seen before are known.

use std::hash::{DefaultHasher, Hash, Hasher};

use twinspect_core::frame::{DepthFrame, FramePair};

/// Hashes of a pair's halves, of all their pixels; 0 for a half that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prints {
    pub(crate) rgb: u64,
    pub(crate) depth: u64,
}

impl Prints {
    pub(crate) fn of(pair: &FramePair) -> Self {
        let rgb = pair
            .rgb()
            .map(|rgb| print(|hasher| rgb.data().hash(hasher)));
        let depth = pair.depth().map(|depth| match depth {
            DepthFrame::Counts(counts) => print(|hasher| counts.data().hash(hasher)),
            DepthFrame::Points(points) => print(|hasher| {
                for value in points.data().as_flattened() {
                    value.to_bits().hash(hasher);
                }
            }),
        });
        Self {
            rgb: rgb.unwrap_or(0),
            depth: depth.unwrap_or(0),
        }
    }
}

fn print(of: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of(&mut hasher);
    hasher.finish()
}
