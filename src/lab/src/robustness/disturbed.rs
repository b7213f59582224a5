//! A data set as another day would have seen it.

use std::path::{Path, PathBuf};

use twinspect_core::frame::{FrameError, FramePair};
use twinspect_dataset::{
    Camera, Dataset, DatasetError, Layout, Modalities, Part, PartId, PartRef, Split,
};
use twinspect_nn::Rng;

use super::{Disturbance, colour, depth};

/// The same parts under a disturbance. Masks stay where they are: they say where the part is.
#[derive(Debug)]
pub(super) struct Disturbed<'a> {
    set: &'a dyn Dataset,
    disturbance: Disturbance,
}

impl<'a> Disturbed<'a> {
    pub(super) fn new(set: &'a dyn Dataset, disturbance: Disturbance) -> Self {
        Self { set, disturbance }
    }
}

impl Dataset for Disturbed<'_> {
    fn name(&self) -> &str {
        self.set.name()
    }

    fn root(&self) -> &Path {
        self.set.root()
    }

    fn layout(&self) -> Layout {
        self.set.layout()
    }

    fn modalities(&self) -> Modalities {
        self.set.modalities()
    }

    fn camera(&self) -> Option<&Camera> {
        self.set.camera()
    }

    fn parts(&self, split: Split) -> &[PartRef] {
        self.set.parts(split)
    }

    fn holds_out_validation(&self) -> bool {
        self.set.holds_out_validation()
    }

    fn load(&self, part: &PartRef) -> Result<Part, DatasetError> {
        let part = self.set.load(part)?;
        let mut rng = of_part(&part.id);
        // Every picture keeps its size, so they still fit each other.
        let frame = disturb(&part.frame, self.disturbance, &mut rng)
            .unwrap_or_else(|error| unreachable!("a disturbance keeps the frame's size: {error}"));
        Ok(Part { frame, ..part })
    }

    fn files(&self) -> Vec<PathBuf> {
        self.set.files()
    }
}

/// FNV-1a over the part's name: a part is disturbed alike, whatever is evaluated beside it.
fn of_part(id: &PartId) -> Rng {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    Rng::new(id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, hash))
}

/// The frame under a disturbance.
pub(super) fn disturb(
    frame: &FramePair,
    disturbance: Disturbance,
    rng: &mut Rng,
) -> Result<FramePair, FrameError> {
    let rgb = frame.rgb().map(|rgb| match disturbance {
        Disturbance::Brighter => colour::gain(rgb, [1.2; 3]),
        Disturbance::Darker => colour::gain(rgb, [0.8; 3]),
        Disturbance::WarmerWhite => colour::gain(rgb, [1.1, 1.0, 0.9]),
        Disturbance::SoftShadow => colour::shadow(rgb, rng),
        Disturbance::Blur => colour::blur(rgb, 1.0),
        Disturbance::Misaligned => colour::shift(rgb, 3),
        Disturbance::DepthNoise | Disturbance::Holes | Disturbance::FurtherAway => Ok(rgb.clone()),
    });
    let depth = frame.depth().map(|depth| match disturbance {
        Disturbance::DepthNoise => depth::noise(depth, rng),
        Disturbance::Holes => depth::holes(depth, 0.05, rng),
        Disturbance::FurtherAway => depth::further(depth, 10.0),
        _ => Ok(depth.clone()),
    });
    let intrinsics = frame.intrinsics().copied();
    let mut disturbed = FramePair::new(rgb.transpose()?, depth.transpose()?, intrinsics)?;
    disturbed.rgb_stamp = frame.rgb_stamp;
    disturbed.depth_stamp = frame.depth_stamp;
    Ok(disturbed)
}
