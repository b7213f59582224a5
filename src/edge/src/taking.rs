//! Pictures one after the other, of a camera that may fail now and then.

use twinspect_camera::{Camera, CameraError};
use twinspect_core::frame::FramePair;

use crate::clock::Clock;
use crate::error::{EdgeError, WithCauses};

/// Captures that may fail in a row before the camera is given up.
const FAILURES_MAX: u32 = 10;

/// With a camera that fails now and then.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failures: u32,
}

impl Patience {
    /// It has given a picture.
    pub(crate) fn restore(&mut self) {
        self.failures = 0;
    }

    /// It has given none. Why, if asking again is sensible.
    ///
    /// # Errors
    /// [`EdgeError::Camera`] of a camera that is lost, or has failed too often.
    pub(crate) fn fail(&mut self, error: CameraError) -> Result<String, EdgeError> {
        if self.failures == FAILURES_MAX || error.wants_new_process() {
            return Err(EdgeError::Camera(error));
        }
        self.failures += 1;
        Ok(WithCauses(&error).to_string())
    }
}

/// What asking a camera has come to.
#[expect(
    clippy::large_enum_variant,
    reason = "one is alive at a time, and is mostly a picture"
)]
#[derive(Debug)]
pub(crate) enum Taken {
    Picture(FramePair),
    /// There is none, for this reason; asking again is sensible.
    Failed(String),
    /// There will be none any more.
    End,
}

/// A camera that is asked by somebody who has time.
pub(crate) struct Taker {
    camera: Box<dyn Camera>,
    clock: Clock,
    patience: Patience,
}

impl Taker {
    pub(crate) fn new(camera: Box<dyn Camera>) -> Self {
        Self {
            camera,
            clock: Clock::start(),
            patience: Patience::default(),
        }
    }

    pub(crate) fn description(&self) -> String {
        self.camera.description()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// The next picture. A simulated belt, whose pictures have times of their own, is not waited for.
    ///
    /// # Errors
    /// [`EdgeError::Camera`] of a camera that is lost, or fails again and again.
    pub(crate) fn take(&mut self) -> Result<Taken, EdgeError> {
        match self.camera.capture(self.clock.now_us()) {
            Ok(frame) => {
                self.patience.restore();
                Ok(Taken::Picture(frame.pair))
            }
            Err(error) if error.is_end() => Ok(Taken::End),
            Err(error) => self.patience.fail(error).map(Taken::Failed),
        }
    }
}
