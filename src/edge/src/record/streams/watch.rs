//! Watching while a recording is written: the disk, the library's silence, and whoever wants to end it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select};
use twinspect_camera::CameraError;

use super::Ended;
use super::writer::{News, Step, Written};
use crate::error::EdgeError;

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A library that says nothing for longer hangs.
pub(super) struct Patience {
    /// While a camera is opened and set.
    pub(super) start: Duration,
    /// While it runs.
    pub(super) silence: Duration,
    /// While the file is closed, which waits for the disk.
    pub(super) close: Duration,
}

impl Patience {
    pub(super) const LIBRARY: Self = Self {
        start: Duration::from_secs(60),
        silence: Duration::from_secs(15),
        close: Duration::from_secs(90),
    };
}

/// Never waits for anybody but the writer: what it passes on is told by somebody else.
pub(super) struct Watch<'a> {
    pub(super) news: &'a Receiver<News>,
    /// Receives when somebody wants to end it.
    pub(super) stop: &'a Receiver<i32>,
    /// For the writer.
    pub(super) shall_end: &'a AtomicBool,
    pub(super) patience: Patience,
    /// Whether the disk lets recording go on.
    pub(super) is_room_left: &'a dyn Fn() -> Result<(), EdgeError>,
}

impl Watch<'_> {
    /// Until the file is closed.
    ///
    /// # Errors
    /// The writer's, or [`CameraError::Lost`] if it hangs or has panicked.
    pub(super) fn until_written(&self, steps: &Sender<Step>) -> Result<Written, EdgeError> {
        let mut end = None;
        let mut camera = "the RealSense camera".to_owned();
        let (mut heard, mut patience) = (Instant::now(), self.patience.start);
        loop {
            match self.next() {
                Heard::News(news) => {
                    heard = Instant::now();
                    match news {
                        News::Step(step) => {
                            if let Step::Started { description } = &step {
                                camera.clone_from(description);
                                patience = self.patience.silence;
                            }
                            pass_on(steps, step);
                        }
                        News::Closing => patience = self.patience.close,
                        News::Written(written) => {
                            let written = (*written)?;
                            return Ok(match end {
                                Some(end) if !matches!(written.ended, Ended::Early(_)) => Written {
                                    ended: end,
                                    ..written
                                },
                                _ => written,
                            });
                        }
                    }
                }
                Heard::Signal => {
                    end.get_or_insert(Ended::Signal);
                    self.shall_end.store(true, Ordering::Release);
                }
                // Nothing waits to be heard either, however long this thread itself was held up.
                Heard::Nothing if heard.elapsed() > patience => {
                    log::error!("librealsense hangs");
                    return Err(EdgeError::Camera(CameraError::Lost { camera }));
                }
                Heard::Nothing => {}
                // It has panicked.
                Heard::Silence => return Err(EdgeError::Camera(CameraError::Lost { camera })),
            }
            if end.is_none()
                && let Err(error) = (self.is_room_left)()
            {
                end = Some(Ended::Early(error));
                self.shall_end.store(true, Ordering::Release);
            }
        }
    }

    fn next(&self) -> Heard {
        select! {
            recv(self.news) -> news => news.map_or(Heard::Silence, Heard::News),
            recv(self.stop) -> told => match told {
                Ok(_) => Heard::Signal,
                Err(_) => Heard::Nothing,
            },
            default(LOOK) => Heard::Nothing,
        }
    }
}

enum Heard {
    News(News),
    Signal,
    Nothing,
    Silence,
}

/// Counts that nobody takes are left out: more will follow.
fn pass_on(steps: &Sender<Step>, step: Step) {
    if matches!(step, Step::Counted { .. }) && !steps.is_empty() {
        return;
    }
    if let Err(error) = steps.send(step) {
        log::debug!("telling how far the recording is: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use crossbeam_channel::unbounded;
    use twinspect_camera::realsense::RecordedCounts;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const NEVER: Patience = Patience {
        start: LONG,
        silence: LONG,
        close: LONG,
    };

    fn started() -> News {
        let description = "a double".to_owned();
        News::Step(Step::Started { description })
    }

    fn written(ended: Ended) -> News {
        News::Written(Box::new(Ok(Written {
            counts: RecordedCounts::default(),
            time: Duration::ZERO,
            ended,
        })))
    }

    /// What becomes of a writer that says this, and more whenever the disk is looked at; and whether it was told to end.
    fn watched(
        said: Vec<News>,
        patience: Patience,
        look: impl Fn(usize, &Sender<News>) -> Result<(), EdgeError>,
    ) -> (Result<Written, EdgeError>, bool) {
        let (teller, news) = unbounded();
        for news in said {
            teller.send(news).unwrap();
        }
        let (_signals, stop) = unbounded();
        let (steps, _told) = unbounded();
        let shall_end = AtomicBool::new(false);
        let looks = Cell::new(0);
        let is_room_left = || {
            looks.set(looks.get() + 1);
            assert!(looks.get() < 100, "it is not given up");
            look(looks.get(), &teller)
        };
        let watch = Watch {
            news: &news,
            stop: &stop,
            shall_end: &shall_end,
            patience,
            is_room_left: &is_room_left,
        };
        let result = watch.until_written(&steps);
        (result, shall_end.load(Ordering::Acquire))
    }

    #[test]
    fn a_library_that_hangs_is_given_up_by_what_it_was_doing() {
        let none = Duration::ZERO;
        let cases = [
            (
                vec![],
                Patience {
                    start: none,
                    ..NEVER
                },
            ),
            (
                vec![started()],
                Patience {
                    silence: none,
                    ..NEVER
                },
            ),
            (
                vec![started(), News::Closing],
                Patience {
                    close: none,
                    ..NEVER
                },
            ),
        ];
        for (said, patience) in cases {
            let (result, _) = watched(said, patience, |_, _| Ok(()));
            assert!(matches!(
                result,
                Err(EdgeError::Camera(CameraError::Lost { .. }))
            ));
        }
    }

    #[test]
    fn closing_may_take_longer_than_a_camera_may_be_silent() {
        let patience = Patience {
            silence: Duration::ZERO,
            ..NEVER
        };
        let (result, _) = watched(vec![started(), News::Closing], patience, |look, teller| {
            // Two for what was said, and two without a word.
            if look == 4 {
                teller.send(written(Ended::Seconds)).unwrap();
            }
            Ok(())
        });
        assert!(matches!(
            result,
            Ok(Written {
                ended: Ended::Seconds,
                ..
            })
        ));
    }

    #[test]
    fn a_disk_without_room_ends_it_and_is_said_to_have_done_so() {
        let (result, told_to_end) = watched(vec![started()], NEVER, |_, teller| {
            teller.send(written(Ended::Signal)).unwrap();
            Err(EdgeError::NoRoom {
                folder: PathBuf::from("."),
                free_mb: 1,
                needed_mb: 2,
                kept_mb: 500,
            })
        });
        assert!(told_to_end);
        assert!(matches!(
            result,
            Ok(Written {
                ended: Ended::Early(EdgeError::NoRoom { .. }),
                ..
            })
        ));
    }

    #[test]
    fn steps_are_never_lost_and_counts_wait_one_at_a_time() {
        let (steps, told) = unbounded();
        let counted = || Step::Counted {
            time: Duration::ZERO,
            counts: RecordedCounts::default(),
        };
        for step in [counted(), counted(), Step::Settled, counted()] {
            pass_on(&steps, step);
        }
        let told: Vec<Step> = told.try_iter().collect();
        assert!(matches!(told[..], [Step::Counted { .. }, Step::Settled]));
    }
}
