//! Pictures one after the other, of a camera that may fail now and then.

#[cfg(test)]
pub(crate) mod scripted;

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
    has_given: bool,
    /// What was wrong first with a camera that has given nothing yet.
    first: Option<CameraError>,
}

impl Patience {
    /// It has given a picture.
    pub(crate) fn restore(&mut self) {
        *self = Self {
            failures: 0,
            has_given: true,
            first: None,
        };
    }

    /// It has given none. Why, if asking again is sensible.
    ///
    /// # Errors
    /// [`EdgeError::Camera`] of a camera that is lost, or has failed too often.
    pub(crate) fn fail(&mut self, error: CameraError) -> Result<String, EdgeError> {
        if self.failures == FAILURES_MAX || error.wants_new_process() {
            return Err(EdgeError::Camera(self.end(error)));
        }
        self.failures += 1;
        let why = WithCauses(&error).to_string();
        if !self.has_given {
            self.first.get_or_insert(error);
        }
        Ok(why)
    }

    /// It gives none any more, which says little of one that has given none at all: what was wrong with the first of
    /// its parts says more.
    pub(crate) fn end(&mut self, error: CameraError) -> CameraError {
        match (self.first.take(), error) {
            (Some(first), CameraError::End) => first,
            (Some(first @ CameraError::Part { .. }), CameraError::Part { .. }) => first,
            (_, error) => error,
        }
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
    /// Why there are no more pictures, once there are none.
    ended: Option<CameraError>,
    /// Pictures of a round, of a source that begins again.
    round: Option<u64>,
    /// Pictures since the last one that was wanted.
    unwanted: u64,
}

impl Taker {
    pub(crate) fn new(camera: Box<dyn Camera>) -> Self {
        Self {
            camera,
            clock: Clock::start(),
            patience: Patience::default(),
            ended: None,
            round: None,
            unwanted: 0,
        }
    }

    /// Of a source that begins again after so many pictures there are no more once a whole round was not wanted.
    pub(crate) fn of_rounds(camera: Box<dyn Camera>, round: Option<u64>) -> Self {
        Self {
            round,
            ..Self::new(camera)
        }
    }

    /// The last picture was wanted.
    pub(crate) fn wanted(&mut self) {
        self.unwanted = 0;
    }

    /// The pictures of a round of which none was wanted, if that is why there are no more.
    pub(crate) fn unwanted_round(&self) -> Option<u64> {
        self.round.filter(|round| self.unwanted >= *round)
    }

    /// What was wrong with a source that has ended, if anything was.
    ///
    /// # Errors
    /// [`EdgeError::Camera`] of one of which no picture could be read, or that has broken off.
    pub(crate) fn require_sound_end(&mut self) -> Result<(), EdgeError> {
        match self.ended.take() {
            None | Some(CameraError::End) => Ok(()),
            Some(error) => Err(EdgeError::Camera(error)),
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
        if self.unwanted_round().is_some() {
            self.ended
                .get_or_insert_with(|| self.patience.end(CameraError::End));
            return Ok(Taken::End);
        }
        self.unwanted += 1;
        match self.camera.capture(self.clock.now_us()) {
            Ok(frame) => {
                self.patience.restore();
                Ok(Taken::Picture(frame.pair))
            }
            Err(error) if error.is_end() => {
                self.ended = Some(self.patience.end(error));
                Ok(Taken::End)
            }
            Err(error) => self.patience.fail(error).map(Taken::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use twinspect_camera::CameraFrame;
    use twinspect_core::frame::{FrameSize, Intrinsics, RgbFrame};
    use twinspect_dataset::{DatasetError, PartId};

    use super::*;

    /// Gives or fails as it is told, again and again if it plays in rounds.
    struct Scripted {
        script: VecDeque<Option<&'static str>>,
        repeats: bool,
    }

    impl Camera for Scripted {
        fn description(&self) -> String {
            "scripted".to_owned()
        }

        fn intrinsics(&self) -> Option<&Intrinsics> {
            None
        }

        fn capture(&mut self, _now_us: u64) -> Result<CameraFrame, CameraError> {
            let next = self.script.pop_front().ok_or(CameraError::End)?;
            if self.repeats {
                self.script.push_back(next);
            }
            if let Some(part) = next {
                let path = part.into();
                return Err(CameraError::Part {
                    id: PartId::new(part),
                    source: Box::new(DatasetError::NotAFolder { path }),
                });
            }
            let size = FrameSize {
                width: 1,
                height: 1,
            };
            let rgb = RgbFrame::new(size, vec![0; 3]).unwrap();
            Ok(CameraFrame {
                pair: FramePair::new(Some(rgb), None, None).unwrap(),
                truth: None,
            })
        }
    }

    fn scripted(script: &[Option<&'static str>], repeats: bool) -> Box<dyn Camera> {
        Box::new(Scripted {
            script: script.iter().copied().collect(),
            repeats,
        })
    }

    /// How it ends: what is wrong, and how many pictures there were.
    fn end(mut taker: Taker) -> (Option<String>, u32) {
        let mut pictures = 0;
        let ended = loop {
            match taker.take() {
                Ok(Taken::Picture(_)) => pictures += 1,
                Ok(Taken::Failed(_)) => {}
                Ok(Taken::End) => break taker.require_sound_end(),
                Err(error) => break Err(error),
            }
        };
        (ended.err().map(|error| error.to_string()), pictures)
    }

    #[test]
    fn a_source_that_gave_nothing_is_told_by_its_first_part() {
        let ended = |script: &[Option<&'static str>]| end(Taker::new(scripted(script, false)));
        assert_eq!(ended(&[None, None]), (None, 2));
        assert_eq!(ended(&[None, Some("b"), None]), (None, 2));
        let first = Some("replaying part a".to_owned());
        assert_eq!(ended(&[Some("a"), Some("b")]), (first.clone(), 0));
        assert_eq!(ended(&[Some("a"), None]), (None, 1));
        let mut many = vec![Some("b"); 20];
        many[0] = Some("a");
        assert_eq!(ended(&many), (first, 0));
        // Then it is no matter of how it began.
        many[0] = None;
        assert_eq!(ended(&many), (Some("replaying part b".to_owned()), 1));
    }

    #[test]
    fn a_round_without_anything_wanted_is_the_last_one() {
        let of_rounds = |script| Taker::of_rounds(scripted(script, true), Some(3));
        assert_eq!(end(of_rounds(&[None, None, None])), (None, 3));
        let unread = [Some("a"), Some("b"), Some("c")];
        let first = Some("replaying part a".to_owned());
        assert_eq!(end(of_rounds(&unread)), (first, 0));

        let mut taker = of_rounds(&[None, None, None]);
        for _ in 0..2 {
            assert!(matches!(taker.take(), Ok(Taken::Picture(_))));
        }
        taker.wanted();
        assert_eq!(taker.unwanted_round(), None);
        assert_eq!(end(taker), (None, 3));
    }
}
