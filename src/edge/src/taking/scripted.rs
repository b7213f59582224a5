//! A camera over an empty belt, for tests of how pictures end.

use twinspect_camera::realsense::RealSenseError;
use twinspect_camera::{Camera, CameraError, CameraFrame};
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, Intrinsics, RgbFrame};

const CAMERA: Intrinsics = Intrinsics {
    width: 80,
    height: 64,
    fx: 160.0,
    fy: 160.0,
    cx: 39.5,
    cy: 31.5,
    distortion: [0.0; 5],
};

/// So many pictures of a belt 400 mm away, and then no more.
pub(crate) struct Ending {
    given: u16,
    pictures: u16,
    breaks_off: bool,
}

impl Ending {
    /// It ends as recordings do.
    pub(crate) fn sound(pictures: usize) -> Self {
        Self {
            given: 0,
            pictures: u16::try_from(pictures).unwrap(),
            breaks_off: false,
        }
    }

    /// Behind them the recording is damaged.
    pub(crate) fn broken_off(pictures: usize) -> Self {
        Self {
            breaks_off: true,
            ..Self::sound(pictures)
        }
    }
}

impl Camera for Ending {
    fn description(&self) -> String {
        "ending".to_owned()
    }

    fn intrinsics(&self) -> Option<&Intrinsics> {
        Some(&CAMERA)
    }

    fn capture(&mut self, _now_us: u64) -> Result<CameraFrame, CameraError> {
        if self.given == self.pictures {
            let broken = RealSenseError::BrokenOff {
                file: "belt.db3".to_owned(),
                at_s: 1.4,
                length_s: 2.7,
            };
            return Err(if self.breaks_off {
                CameraError::from(Box::new(broken))
            } else {
                CameraError::End
            });
        }
        self.given += 1;
        let size = CAMERA.size();
        // No two are the same, as of a sensor.
        let counts = (0..size.pixels()).map(|at| 4_000 - (at as u16 * 7 + self.given * 3) % 5);
        let depth = DepthCounts::new(size, 0.000_1, counts.collect()).unwrap();
        let colours = (0..3 * size.pixels()).map(|at| (at + usize::from(self.given)) as u8);
        let rgb = RgbFrame::new(size, colours.collect()).unwrap();
        let depth = DepthFrame::Counts(depth);
        Ok(CameraFrame {
            pair: FramePair::new(Some(rgb), Some(depth), Some(CAMERA)).unwrap(),
            truth: None,
        })
    }
}
