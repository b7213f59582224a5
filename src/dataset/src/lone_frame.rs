//! One frame pair by itself: the files of a recorded part, and its camera, in one folder.
//!
//! For whoever keeps parts elsewhere than in a data set, and hands some of them to one later: the
//! pictures are those that [`RecordedPartsWriter`](crate::RecordedPartsWriter) writes, byte for byte.

use std::path::Path;

use twinspect_core::frame::{DepthFrame, FramePair};

use crate::camera::{CAMERA_FILE, Camera};
use crate::error::DatasetError;
use crate::picture;
use crate::writer::{WriteError, encode_pictures};

/// The names and bytes of a pair's files: `rgb.png`, `depth.png` and `camera.json`, as far as it has
/// what belongs into them. Its stamps are left out.
///
/// # Errors
/// [`WriteError::PointsGiven`] for organised points, [`WriteError::CameraValue`] for a camera that
/// can't be.
pub fn encode_frame(frame: &FramePair) -> Result<Vec<(&'static str, Vec<u8>)>, WriteError> {
    let depth_unit_m = match frame.depth() {
        None => None,
        Some(DepthFrame::Counts(counts)) => Some(counts.unit_m()),
        Some(DepthFrame::Points(_)) => return Err(WriteError::PointsGiven),
    };
    let mut files = encode_pictures(frame)?;
    if let Some(intrinsics) = frame.intrinsics() {
        let camera = Camera {
            intrinsics: *intrinsics,
            depth_unit_m,
            distance_to_belt_mm: None,
        };
        files.push((CAMERA_FILE, camera.to_json()?.into_bytes()));
    }
    Ok(files)
}

/// Reads what [`encode_frame`] has given back, bit by bit, with its camera; files that are not
/// there were not given.
///
/// # Errors
/// [`DatasetError`] for a file that can't be read, that is no such picture, or that does not fit the
/// others; [`DatasetError::MissingCamera`] for depth without one.
pub fn read_frame(folder: &Path) -> Result<(FramePair, Option<Camera>), DatasetError> {
    let existing = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let camera = Camera::at_the_top_of(folder)?;
    let rgb = existing("rgb.png")
        .map(|path| picture::read_rgb(&path))
        .transpose()?;
    let depth = match existing("depth.png") {
        None => None,
        Some(path) => {
            let unit_m = camera.and_then(|camera| camera.depth_unit_m);
            let unit_m = unit_m.ok_or_else(|| DatasetError::MissingCamera {
                depth: path.clone(),
                camera: folder.join(CAMERA_FILE),
            })?;
            Some(DepthFrame::Counts(picture::read_depth(&path, unit_m)?))
        }
    };
    let intrinsics = camera.map(|camera| camera.intrinsics);
    let frame =
        FramePair::new(rgb, depth, intrinsics).map_err(|source| DatasetError::JoiningFrame {
            id: crate::PartId::new(folder.to_string_lossy()),
            source,
        })?;
    Ok((frame, camera))
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{DepthCounts, FrameSize, Intrinsics, OrganisedPoints, RgbFrame};

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 5,
        height: 3,
    };

    fn intrinsics() -> Intrinsics {
        Intrinsics {
            width: SIZE.width,
            height: SIZE.height,
            fx: 601.234_567_890_123,
            fy: 600.1,
            cx: 2.1,
            cy: 1.0 / 3.0,
            distortion: [0.1, -0.2, 1e-5, 0.0, 0.3],
        }
    }

    fn rgb() -> RgbFrame {
        RgbFrame::new(SIZE, (0..45).map(|value| value * 5).collect()).unwrap()
    }

    fn back(frame: &FramePair) -> FramePair {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in encode_frame(frame).unwrap() {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        read_frame(folder.path()).unwrap().0
    }

    #[test]
    fn a_pair_comes_back_to_the_last_bit_whatever_it_has() {
        let counts = (0..15).map(|value| value * 4_369).collect();
        let depth = DepthFrame::Counts(DepthCounts::new(SIZE, 0.000_1, counts).unwrap());
        for (rgb, depth, camera) in [
            (Some(rgb()), Some(depth.clone()), Some(intrinsics())),
            (None, Some(depth), Some(intrinsics())),
            (Some(rgb()), None, Some(intrinsics())),
            (Some(rgb()), None, None),
        ] {
            let frame = FramePair::new(rgb, depth, camera).unwrap();
            assert_eq!(back(&frame), frame);
        }
    }

    #[test]
    fn points_have_no_file() {
        let points = OrganisedPoints::new(SIZE, vec![[1.0; 3]; 15]).unwrap();
        let depth = Some(DepthFrame::Points(points));
        let frame = FramePair::new(None, depth, Some(intrinsics())).unwrap();
        let refused = encode_frame(&frame).unwrap_err();
        assert!(matches!(refused, WriteError::PointsGiven), "{refused:?}");
    }

    #[test]
    fn depth_without_a_camera_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let counts = DepthCounts::new(SIZE, 0.001, vec![400; 15]).unwrap();
        let depth = Some(DepthFrame::Counts(counts));
        let frame = FramePair::new(None, depth, Some(intrinsics())).unwrap();
        let (name, bytes) = encode_frame(&frame).unwrap().remove(0);
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let refused = read_frame(folder.path()).unwrap_err();
        assert!(
            matches!(refused, DatasetError::MissingCamera { .. }),
            "{refused:?}"
        );
    }
}
