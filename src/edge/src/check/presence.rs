//! What a camera that watches the belt would see of recorded parts.

use serde::Serialize;
use twinspect_bundle::Bundle;

use crate::cameras::parts_of;
use crate::config::{CameraSource, WatchSpec};
use crate::error::EdgeError;
use crate::fit::lookout;

/// Recorded parts that are looked at.
const PARTS_MAX: usize = 30;

/// What a look says of recorded parts, each of which lies in the middle. Its keys are for scripts and stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Presence {
    /// Parts that were looked at.
    pub(super) parts: usize,
    /// Of these, those that leave the margin free.
    pub(super) whole: usize,
    /// The least and the largest share of the region of interest that one covers.
    pub(super) least_share: f32,
    pub(super) largest_share: f32,
}

/// Looks at the parts of a recording, as far as they can be read and have depth.
pub(super) fn look_at(
    bundle: &Bundle,
    watch: WatchSpec,
    camera: &CameraSource,
) -> Result<Option<Presence>, EdgeError> {
    let mut lookout = lookout(bundle, watch)?;
    let Some(recording) = camera.recording() else {
        return Ok(None);
    };
    let dataset = parts_of(recording)?;
    let mut presence: Option<Presence> = None;
    for part in dataset.inspection_parts().into_iter().take(PARTS_MAX) {
        // A part that can't be read is told when it is its turn.
        let Ok(loaded) = dataset.load(part) else {
            continue;
        };
        let Some(seen) = lookout.look(&loaded.frame) else {
            continue;
        };
        let known = presence.get_or_insert(Presence {
            parts: 0,
            whole: 0,
            least_share: seen.share,
            largest_share: seen.share,
        });
        known.parts += 1;
        known.whole += usize::from(seen.is_whole);
        known.least_share = known.least_share.min(seen.share);
        known.largest_share = known.largest_share.max(seen.share);
    }
    Ok(presence)
}

impl Presence {
    /// What would go wrong with parts like these.
    pub(super) fn warnings(&self, watch: WatchSpec) -> Vec<String> {
        let Self {
            parts,
            whole,
            least_share,
            largest_share,
        } = *self;
        let spec = watch.presence;
        let mut warnings = Vec::new();
        if least_share < spec.on_share {
            warnings.push(format!(
                "a recorded part covers {least_share:.3} of the region of interest, less than \
                 presence.on_share = {}: it would not be seen",
                spec.on_share
            ));
        }
        if largest_share > spec.most_share {
            warnings.push(format!(
                "a recorded part covers {largest_share:.3} of the region of interest, more than \
                 presence.most_share = {}: it would be taken for two",
                spec.most_share
            ));
        }
        if whole < parts {
            warnings.push(format!(
                "{} of {parts} recorded parts do not leave the margin of presence.margin_share = {} free: \
                 they would go by unclear",
                parts - whole,
                watch.lookout.margin_share
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::lookout::LookoutSpec;
    use twinspect_core::trigger::PresenceSpec;

    use super::*;

    #[test]
    fn parts_that_would_not_be_told_are_warned_of() {
        let watch = WatchSpec {
            lookout: LookoutSpec {
                height_mm: 3.0,
                margin_share: 0.04,
            },
            presence: PresenceSpec {
                on_share: 0.1,
                off_share: 0.05,
                most_share: 0.5,
                sight_max_us: 100,
                gap_max_us: 10,
            },
        };
        let sound = Presence {
            parts: 5,
            whole: 5,
            least_share: 0.3,
            largest_share: 0.35,
        };
        assert!(sound.warnings(watch).is_empty());
        let odd = Presence {
            whole: 3,
            least_share: 0.09,
            largest_share: 0.6,
            ..sound
        };
        let warnings = odd.warnings(watch);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[2].starts_with("2 of 5 recorded parts"));
    }
}
