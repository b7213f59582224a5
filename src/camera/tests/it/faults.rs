//! A camera that fails as cameras do: what it shows then is never handed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use twinspect_camera::librealsense::software::{Moment, SoftwareCamera};
use twinspect_camera::realsense::RealSenseSpec;
use twinspect_camera::{CameraError, CameraFrame, Trouble};
use twinspect_core::pairing::Stream;

use crate::rig::{
    HOST_CLOCK, Rig, SIZE, begin, colour_of, depth_of, moment, number_of, show, show_pair, spec,
};

/// Parts wait for a short time only: their pictures won't come.
pub(crate) fn impatient() -> RealSenseSpec {
    RealSenseSpec {
        wait_max: Duration::from_millis(100),
        ..spec()
    }
}

/// Sound until it is broken, then as `fault` shows it, then sound again when it is mended.
pub(crate) struct Breakable {
    pub(crate) broken: Arc<AtomicBool>,
}

impl Breakable {
    pub(crate) fn new() -> Self {
        Self {
            broken: Arc::new(AtomicBool::new(false)),
        }
    }

    pub(crate) fn script(
        &self,
        mut fault: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
    ) -> impl FnMut(&SoftwareCamera, u64) + Send + 'static {
        let broken = Arc::clone(&self.broken);
        move |camera, number| {
            if broken.load(Ordering::SeqCst) {
                fault(camera, number);
            } else {
                show_pair(camera, number);
            }
        }
    }

    pub(crate) fn set(&self, is_broken: bool) {
        self.broken.store(is_broken, Ordering::SeqCst);
    }
}

fn trouble(outcome: &Result<CameraFrame, CameraError>) -> Option<Trouble> {
    match outcome {
        Err(CameraError::NoPicture { trouble }) => Some(*trouble),
        _ => None,
    }
}

/// A fault, and what is said of it; after it is mended pictures come again. Pictures of the broken time are
/// never handed out.
fn check(
    mut spec: RealSenseSpec,
    fault: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
    is_told: impl Fn(Trouble) -> bool,
) -> Option<Rig> {
    let (_turn, library) = begin()?;
    spec.wait_max = Duration::from_millis(100);
    let breakable = Breakable::new();
    let mut rig = Rig::open(library, spec, breakable.script(fault)).unwrap();
    rig.capture_until(Result::is_ok).unwrap();
    breakable.set(true);
    // The picture before the fault may still be on its way.
    let outcome = rig.capture_until(|outcome| trouble(outcome).is_some_and(&is_told));
    assert!(outcome.is_err());
    for _ in 0..3 {
        let outcome = rig.capture();
        assert!(outcome.is_err(), "a picture of a broken camera");
    }
    breakable.set(false);
    rig.capture_until(Result::is_ok).unwrap();
    Some(rig)
}

#[test]
fn a_colour_stream_that_dies_gives_no_pair() {
    check(
        impatient(),
        |camera, number| show(camera, Stream::Depth, number),
        |trouble| {
            matches!(
                trouble,
                Trouble::StreamStill {
                    stream: Stream::Colour,
                    ..
                }
            )
        },
    );
}

#[test]
fn a_depth_stream_that_dies_gives_no_pair() {
    check(
        impatient(),
        |camera, number| show(camera, Stream::Colour, number),
        |trouble| {
            matches!(
                trouble,
                Trouble::StreamStill {
                    stream: Stream::Depth,
                    ..
                }
            )
        },
    );
}

/// What the library's own pipeline does with a dead stream: the last picture again, at the full rate.
#[test]
fn a_repeated_colour_picture_is_refused() {
    let last = AtomicU64::new(0);
    let rig = check(
        impatient(),
        move |camera, number| {
            let first = last
                .compare_exchange(0, number - 1, Ordering::SeqCst, Ordering::SeqCst)
                .unwrap_or_else(|first| first);
            let first = if first == 0 { number - 1 } else { first };
            show(camera, Stream::Depth, number);
            show(camera, Stream::Colour, first);
        },
        |trouble| {
            matches!(
                trouble,
                Trouble::StreamStill {
                    stream: Stream::Colour,
                    ..
                }
            )
        },
    );
    if let Some(rig) = rig {
        assert!(rig.camera.watch().counts().pairing.repeated > 0);
    }
}

/// Numbers and stamps go on, and the picture is one: a camera's own program has stopped.
#[test]
fn a_frozen_picture_is_refused() {
    let rig = check(
        impatient(),
        |camera, number| {
            camera.depth(&depth_of(number), moment(number)).unwrap();
            camera.colour(&colour_of(1), moment(number)).unwrap();
        },
        |trouble| trouble == Trouble::Frozen,
    );
    if let Some(rig) = rig {
        assert!(rig.camera.watch().counts().frozen > 0);
    }
}

/// The first part of a stream that freezes may have its picture, and no other one, however many equal ones are believed.
#[test]
fn no_part_gets_the_picture_of_the_part_before() {
    for still in [Stream::Depth, Stream::Colour] {
        let Some((_turn, library)) = begin() else {
            return;
        };
        let mut spec = impatient();
        spec.equal_pictures_max = u32::MAX;
        let breakable = Breakable::new();
        let script = breakable.script(move |camera, number| {
            let shown = |stream| if stream == still { 1 } else { number };
            let [depth, colour] = [Stream::Depth, Stream::Colour].map(shown);
            camera.depth(&depth_of(depth), moment(number)).unwrap();
            camera.colour(&colour_of(colour), moment(number)).unwrap();
        });
        let mut rig = Rig::open(library, spec, script).unwrap();
        rig.capture_until(Result::is_ok).unwrap();
        breakable.set(true);
        let again = Trouble::Again { stream: still };
        let outcome = rig.capture_until(|outcome| trouble(outcome) == Some(again));
        assert!(outcome.is_err());
        for _ in 0..5 {
            let outcome = rig.capture();
            assert!(outcome.is_err(), "a picture of a stream that stands still");
        }
        assert!(rig.camera.watch().counts().frozen > 0);
        breakable.set(false);
        rig.capture_until(Result::is_ok).unwrap();
    }
}

#[test]
fn streams_of_two_clocks_give_no_pair() {
    let rig = check(
        impatient(),
        |camera, number| {
            show(camera, Stream::Depth, number);
            let moment = Moment {
                clock: HOST_CLOCK,
                ..moment(number)
            };
            camera.colour(&colour_of(number), moment).unwrap();
        },
        |trouble| trouble == Trouble::ClocksApart,
    );
    if let Some(rig) = rig {
        assert!(rig.camera.watch().counts().pairing.clocks_apart > 0);
    }
}

#[test]
fn streams_that_are_set_apart_give_no_pair() {
    let rig = check(
        impatient(),
        |camera, number| {
            show(camera, Stream::Depth, number);
            let moment = Moment {
                time_us: moment(number).time_us + 5_000_000,
                ..moment(number)
            };
            camera.colour(&colour_of(number), moment).unwrap();
        },
        // Pairs came before, so that it is not known at once why none comes now.
        |trouble| matches!(trouble, Trouble::Slow | Trouble::Unpaired),
    );
    if let Some(rig) = rig {
        let counts = rig.camera.watch().counts().pairing;
        assert!(counts.unpaired > 0 && counts.turned_back > 0, "{counts:?}");
    }
}

#[test]
fn pictures_with_bytes_missing_are_counted_and_passed_over() {
    let rig = check(
        impatient(),
        |camera, number| {
            show(camera, Stream::Depth, number);
            camera
                .corrupt(Stream::Colour, SIZE.width, moment(number))
                .unwrap();
        },
        |trouble| {
            matches!(
                trouble,
                Trouble::StreamStill {
                    stream: Stream::Colour,
                    ..
                }
            )
        },
    );
    if let Some(rig) = rig {
        assert!(rig.camera.watch().counts().corrupt > 0);
    }
}

#[test]
fn a_camera_that_sends_nothing_stands_still() {
    check(
        impatient(),
        |_, _| {},
        |trouble| matches!(trouble, Trouble::Slow | Trouble::Still { .. }),
    );
}

/// Pictures that were held up say so by their stamps, in whatever clock.
#[test]
fn late_pictures_are_refused() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = impatient();
    spec.age_max = Duration::from_secs(2);
    let late = Breakable::new();
    let is_late = Arc::clone(&late.broken);
    // Stamps that stay behind by a minute all at once: the pictures have waited somewhere for so long.
    let began = std::time::Instant::now();
    let mut rig = Rig::open(library, spec, move |camera, number| {
        let minute = 60_000_000;
        let age_us = if is_late.load(Ordering::SeqCst) {
            minute
        } else {
            0
        };
        let time_us = 2 * minute + began.elapsed().as_micros() as u64 - age_us;
        let moment = Moment {
            time_us,
            ..moment(number)
        };
        camera.depth(&depth_of(number), moment).unwrap();
        camera.colour(&colour_of(number), moment).unwrap();
    })
    .unwrap();
    rig.capture_until(Result::is_ok).unwrap();
    late.set(true);
    rig.capture_until(
        |outcome| matches!(trouble(outcome), Some(Trouble::Late { by_ms }) if by_ms > 50_000),
    )
    .unwrap_err();
    assert!(rig.capture().is_err());
    late.set(false);
    rig.capture_until(Result::is_ok).unwrap();
    assert!(rig.camera.watch().counts().late > 0);
}

/// Each stream loses some of its pictures: those that are left are paired rightly.
#[test]
fn single_drops_cost_their_own_pair_alone() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut rig = Rig::open(library, spec(), |camera, number| {
        if !number.is_multiple_of(3) {
            show(camera, Stream::Depth, number);
        }
        if !number.is_multiple_of(5) {
            show(camera, Stream::Colour, number);
        }
    })
    .unwrap();
    for _ in 0..60 {
        let frame = rig.capture().unwrap();
        let number = number_of(&frame);
        let is_lost = number.is_multiple_of(3) || number.is_multiple_of(5);
        assert!(!is_lost, "{number}");
        assert_eq!(frame.pair.rgb().unwrap().data(), colour_of(number));
    }
    let counts = rig.camera.watch().counts().pairing;
    assert!(counts.gaps > 0 && counts.unpaired > 0, "{counts:?}");
}

/// The first pictures of a start are passed over, also after the camera was started anew.
#[test]
fn the_first_pairs_are_passed_over() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.recovery.settle_pairs = 31;
    let mut rig = Rig::open(library, spec, show_pair).unwrap();
    let first = number_of(&rig.capture().unwrap());
    assert!(first >= 31, "{first}");
    assert_eq!(rig.camera.watch().counts().warm_up, 30);
}
