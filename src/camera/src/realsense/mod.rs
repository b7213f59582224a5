//! RealSense cameras and their recordings: aligned colour and depth of one moment.
//!
//! ```text
//! sensors ─► queue ─► core::pairing ─► late? frozen? settled? ─► newest pair ─► align ─► FramePair
//! └──────────────── the camera's thread ─────────────────────┘   └── whoever captures ──┘
//! ```
//! The camera's thread alone calls the library. It holds one pair, the newest, as two references into the
//! library's pool; what is asked for is copied and laid out by whoever asks. A picture is handed out for a part
//! only if it was taken after the part came: it came no sooner than the part plus the longest way of a picture.
//!
//! When nothing comes, [`twinspect_core::recovery`] decides what is done about it. A recording is played once, or again
//! from its end: nothing is done about what it lacks.

mod bag;
mod choice;
mod error;
mod find;
mod picture;
mod playing;
mod recorded_file;
mod recording;
mod session;
mod settings;
mod shared;
mod spec;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use twinspect_core::frame::{Intrinsics, Stamp, StampDomain};
use twinspect_core::freshness::PartBefore;
use twinspect_core::pairing::Stream;
use twinspect_core::recovery::Health;

pub use error::RealSenseError;
pub use find::{ConnectedDevice, FindDevice, RecordedDevice};
pub use recording::{
    Beside, Passed, RecordedCounts, StreamRecorder, bytes_a_second, check_ending, play_time,
};
pub use session::CameraFacts;
pub use settings::SettingFact;
pub use spec::{Pace, PresetFile, RealSenseSpec, Settings, StreamsSpec};

use crate::librealsense::Context;
use crate::live::Watched;
use crate::{Camera, CameraError, CameraFrame, CameraWatch, CaptureCost, StreamCounts, Trouble};
use picture::Made;
use shared::{Ready, Shared, State};
use worker::Worker;

/// How long a camera that is let go of may take to stop. Longer, and its thread is left behind.
const STOP_MAX_US: u64 = 5_000_000;

/// A RealSense camera, or a recording of one.
#[derive(Debug)]
pub struct RealSenseCamera {
    shared: Arc<Shared>,
    spec: RealSenseSpec,
    name: String,
    facts: CameraFacts,
    /// What was handed out last, and from which start of the camera.
    before: PartBefore,
    session: u64,
    cost: Option<CaptureCost>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Watched for Shared {
    fn health(&self) -> Health {
        let now_us = self.clock.now_us();
        let mut state = self.lock();
        // Nobody is alive any more behind a recording that has ended.
        if !state.ended && state.recovery.is_lost(now_us) {
            return Health::Lost;
        }
        state.health(now_us)
    }

    fn counts(&self) -> StreamCounts {
        self.lock().counts
    }

    fn lost(&self, camera: String) -> CameraError {
        match &self.recording {
            None => CameraError::Lost { camera },
            Some(file) => CameraError::RecordingLost {
                recording: format!("recording {}", file.display()),
            },
        }
    }
}

impl RealSenseCamera {
    /// Opens a camera and waits until its pictures may be judged.
    ///
    /// # Errors
    /// [`RealSenseError`]: at once if the configuration can't work with this camera, otherwise when
    /// [`RealSenseSpec::open_max`] is over.
    pub fn open(
        context: Context,
        finder: Box<dyn FindDevice>,
        spec: RealSenseSpec,
    ) -> Result<Self, RealSenseError> {
        let recording = finder.recording().map(Path::to_owned);
        let shared = Arc::new(Shared::new(spec.recovery, recording));
        let name = finder.describe();
        let worker = Worker::new(Arc::clone(&shared), context, finder, spec.clone());
        let thread = std::thread::spawn(move || worker.work());
        // From here on dropping it ends the thread.
        let mut camera = Self {
            facts: CameraFacts::unknown(),
            before: PartBefore::default(),
            session: 0,
            cost: None,
            shared,
            name,
            thread: Some(thread),
            spec,
        };
        camera.facts = camera.wait_for_start()?;
        Ok(camera)
    }

    fn wait_for_start(&self) -> Result<CameraFacts, RealSenseError> {
        let clock = self.shared.clock;
        let until_us = clock.now_us() + self.spec.open_max.as_micros() as u64;
        let mut state = self.shared.lock();
        loop {
            let now_us = clock.now_us();
            // Of a recording somebody may have had everything before.
            let is_played = state.ended && state.skipped > 0;
            let can_be_asked = is_played || state.newest.is_some();
            if let Some(facts) = state.facts.as_ref().filter(|_| can_be_asked) {
                return Ok(facts.clone());
            }
            // What a recording is refused for stays.
            let is_final =
                |error: &RealSenseError| self.shared.recording.is_some() || !error.may_pass();
            if state.error.as_ref().is_some_and(is_final)
                && let Some(error) = state.error.take()
            {
                return Err(error);
            }
            if now_us >= until_us || state.recovery.is_lost(now_us) || state.ended || state.done {
                if self.shared.recording.is_some() {
                    return Err(self.gives_nothing(&mut state, now_us));
                }
                let trouble = state.trouble(now_us).to_string();
                return Err(match state.error.take() {
                    Some(error @ RealSenseError::Absent { .. }) => error,
                    source => RealSenseError::NoStart {
                        seconds: now_us.div_ceil(1_000_000),
                        trouble,
                        source: source.map(Box::new),
                    },
                });
            }
            state = self.shared.wait_until(state, until_us);
        }
    }

    /// Why a recording has given nothing.
    fn gives_nothing(&self, state: &mut State, now_us: u64) -> RealSenseError {
        if let Some(broken) = state.broken {
            return self.shared.broken_off(broken);
        }
        if state.facts.is_none() {
            let waited_us = now_us.min(self.spec.open_max.as_micros() as u64);
            return RealSenseError::Unopened {
                file: self.shared.file(),
                seconds: waited_us.div_ceil(1_000_000),
            };
        }
        if let Some(stream) = state.heard.missing() {
            return self.shared.one_stream(stream, "it shows none".to_owned());
        }
        let trouble = match state.of_streams(now_us) {
            Some(trouble) => trouble.to_string(),
            None if state.ended => "it has none that belong together".to_owned(),
            None => state.trouble(now_us).to_string(),
        };
        RealSenseError::NoPair {
            recording: self.name.clone(),
            trouble,
            source: state.error.take().map(Box::new),
        }
    }

    /// What is known of the camera.
    pub fn facts(&self) -> &CameraFacts {
        &self.facts
    }

    /// Lets another thread watch it.
    pub fn watch(&self) -> CameraWatch {
        let shared: Arc<Shared> = Arc::clone(&self.shared);
        CameraWatch::new(shared)
    }

    /// A pair that was taken after `from_us` of the camera's clock.
    fn wait_for_pair(&self, from_us: u64) -> Result<Ready, CameraError> {
        let clock = self.shared.clock;
        let until_us = from_us.saturating_add(self.spec.wait_max.as_micros() as u64);
        let mut state = self.shared.lock();
        loop {
            let now_us = clock.now_us();
            let is_any = self.spec.pace == Pace::AsRead || self.spec.every_picture;
            let is_fresh = |ready: &mut Ready| is_any || ready.exposed_us >= from_us;
            if let Some(ready) = state.newest.take_if(is_fresh) {
                self.shared.notify();
                return Ok(ready);
            }
            if state.ended {
                return Err(match state.broken {
                    Some(broken) => Box::new(self.shared.broken_off(broken)).into(),
                    None => CameraError::End,
                });
            }
            if state.recovery.is_lost(now_us) || state.done {
                return Err(self.shared.lost(self.name.clone()));
            }
            if now_us >= until_us {
                let again = state.newest.as_ref().and_then(|ready| ready.again);
                // What came later says more.
                let again = again.filter(|_| state.refused.is_none());
                return Err(self.no_picture(match again {
                    Some(stream) => state.count_again(stream),
                    None => state.trouble(now_us),
                }));
            }
            state = self.shared.wait_until(state, until_us);
        }
    }

    /// The stream whose picture was handed out before, if equal pictures are not believed.
    fn again(&mut self, session: u64, made: &Made) -> Option<Stream> {
        let is_new_round = std::mem::replace(&mut self.session, session) != session;
        // A recording that begins again may show what it has shown; a camera that is started anew may not.
        if is_new_round && self.shared.recording.is_some() {
            self.before = PartBefore::default();
        }
        let stream = self.before.again(made.depth_print, made.colour_print);
        stream.filter(|_| self.spec.equal_pictures_max > 0)
    }

    fn no_picture(&self, trouble: Trouble) -> CameraError {
        match self.shared.recording {
            None => CameraError::NoPicture { trouble },
            Some(_) => CameraError::Recorded { trouble },
        }
    }

    /// Copies a pair and lays its depth onto its colour.
    fn lay_out(&self, ready: Ready) -> Result<Made, CameraError> {
        let mut state = self.shared.lock();
        // What came before the camera was started anew was to be laid out by another maker.
        let is_current = state.session == ready.session;
        let Some(mut maker) = is_current.then(|| state.maker.take()).flatten() else {
            let trouble = state.trouble(self.shared.clock.now_us());
            return Err(self.no_picture(trouble));
        };
        drop(state);
        let made = maker.make(
            &ready.pair.depth.content.frame,
            &ready.pair.colour.content.frame,
            ready.unit_m,
        );
        let mut state = self.shared.lock();
        if state.session == ready.session {
            state.maker = Some(maker);
        }
        drop(state);
        made.map_err(|source| CameraError::Picture {
            source: Box::new(source),
        })
    }
}

impl Camera for RealSenseCamera {
    fn description(&self) -> String {
        format!("{}: {}", self.name, self.facts)
    }

    fn intrinsics(&self) -> Option<&Intrinsics> {
        Some(&self.facts.intrinsics)
    }

    fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError> {
        let from_us = self.shared.clock.now_us();
        let ready = self.wait_for_pair(from_us)?;
        // The caller's clock at the same moment tells how both are set.
        let time_us = match self.spec.pace {
            Pace::Sensor => (now_us + ready.exposed_us).saturating_sub(from_us),
            Pace::AsRead => now_us,
        };
        let stamp = |frame_number| Stamp {
            frame_number: frame_number + (ready.session << 40),
            time_us,
            domain: StampDomain::Host,
        };
        let rgb_stamp = stamp(ready.pair.colour.mark.number);
        let depth_stamp = stamp(ready.pair.depth.mark.number);
        if ready.unit_m != self.facts.depth_unit_m {
            return Err(CameraError::DepthUnit {
                expected_m: self.facts.depth_unit_m,
                found_m: ready.unit_m,
            });
        }
        let had_us = self.shared.clock.now_us();
        let (arrived_us, session) = (ready.arrived_us, ready.session);
        let made = self.lay_out(ready)?;
        if let Some(stream) = self.again(session, &made) {
            let trouble = self.shared.lock().count_again(stream);
            return Err(self.no_picture(trouble));
        }
        let Made {
            mut pair,
            colour,
            align,
            ..
        } = made;
        self.cost = Some(CaptureCost {
            handed_over_us: had_us.saturating_sub(arrived_us),
            colour_us: colour.as_micros() as u64,
            align_us: Some(align.as_micros() as u64),
            whole_us: self.shared.clock.now_us().saturating_sub(arrived_us),
        });
        pair.rgb_stamp = Some(rgb_stamp);
        pair.depth_stamp = Some(depth_stamp);
        Ok(CameraFrame { pair, truth: None })
    }

    fn has_ended(&self) -> bool {
        let state = self.shared.lock();
        // What a part would not get, because it came before, is no picture that is left.
        let is_any = self.spec.pace == Pace::AsRead || self.spec.every_picture;
        state.ended && !(is_any && state.newest.is_some())
    }

    fn last_cost(&self) -> Option<CaptureCost> {
        self.cost
    }
}

impl Drop for RealSenseCamera {
    fn drop(&mut self) {
        let clock = self.shared.clock;
        let until_us = clock.now_us() + STOP_MAX_US;
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.notify();
        while !state.done && clock.now_us() < until_us {
            state = self.shared.wait_until(state, until_us);
        }
        let is_done = state.done;
        drop(state);
        match self.thread.take() {
            Some(thread) if is_done => {
                if thread.join().is_err() {
                    log::error!("{}: its thread panicked", self.name);
                }
            }
            // The library hangs. Nothing can be done about that in this process.
            _ => log::error!("{}: it does not stop, and is left as it is", self.name),
        }
    }
}

impl CameraFacts {
    /// Of a camera that has not been started.
    fn unknown() -> Self {
        Self {
            name: String::new(),
            serial: String::new(),
            firmware: None,
            usb: None,
            library: String::new(),
            intrinsics: Intrinsics {
                width: 0,
                height: 0,
                fx: 0.0,
                fy: 0.0,
                cx: 0.0,
                cy: 0.0,
                distortion: [0.0; 5],
            },
            depth_size: twinspect_core::frame::FrameSize {
                width: 0,
                height: 0,
            },
            rate_hz: 0,
            depth_unit_m: 0.0,
            preset: None,
            settings: Vec::new(),
        }
    }
}
