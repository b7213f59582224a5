//! Pictures before the first that counts, and what they teach.

use twinspect_camera::{Camera, CameraError};
use twinspect_core::frame::{FramePair, FrameSize};
use twinspect_core::prepare::{PrepareSpec, RgbSpec};
use twinspect_core::survey::{BELT_FRAMES, SurveyError, Where, bare_spec, teach_belt};

use super::SIZE;
use crate::clock::Clock;
use crate::error::EdgeError;
use crate::taking::Patience;

/// Any colours will do: normalising costs the same.
const COLOURS: RgbSpec = RgbSpec {
    mean: [128.0; 3],
    std: [64.0; 3],
};

/// Pictures in which caches and clock rates settle, and by which the belt is measured; and the size of the first one.
pub(super) fn first_pictures(
    camera: &mut dyn Camera,
) -> Result<(FrameSize, Vec<FramePair>), EdgeError> {
    let clock = Clock::start();
    let (mut pictures, mut patience) = (Vec::<FramePair>::new(), Patience::default());
    while pictures.len() < BELT_FRAMES {
        match camera.capture(clock.now_us()) {
            Ok(frame) => {
                patience.restore();
                pictures.push(frame.pair);
            }
            Err(error) if error.is_end() => match pictures.first() {
                Some(_) => break,
                None => return Err(EdgeError::Camera(patience.end(error))),
            },
            Err(error) => log::warn!("{}", patience.fail(error)?),
        }
    }
    let size = pictures.first().map(FramePair::size);
    let size = size.ok_or(EdgeError::Camera(CameraError::End))?;
    Ok((size, pictures))
}

/// A product that could be taught with this camera.
pub(super) fn made_up(first: &[FramePair]) -> Result<PrepareSpec, EdgeError> {
    let has = |what: fn(&FramePair) -> bool| first.iter().all(what);
    let rgb = has(|pair| pair.rgb().is_some()).then_some(COLOURS);
    if !has(|pair| pair.depth().is_some()) {
        return Ok(PrepareSpec {
            size: SIZE,
            roi: None,
            rgb,
            geometry: None,
            ground: None,
        });
    }
    let belt = teach_belt(first, Where::Border).ok_or(EdgeError::Survey(SurveyError::NoBelt {
        frames: first.len(),
    }))?;
    Ok(PrepareSpec {
        rgb,
        ..bare_spec(belt, SIZE)
    })
}
