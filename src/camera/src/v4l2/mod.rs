//! V4L2 cameras: colour alone, by the kernel's own drivers.
//!
//! ```text
//! driver ─► buffer ─► new? whole? by the clock? late? frozen? settled? ─► newest picture ─► decode ─► FramePair
//!           └──────────────────── the camera's thread ───────────────────┘   └── whoever captures ──┘
//! ```
//! The camera's thread alone calls the driver, copies what may be judged, and gives the buffer back. What is
//! asked for is decoded by whoever asks. A picture is handed out for a part only if it was taken after the part came: its
//! stamp is no earlier than the part plus the longest way of a picture.
//!
//! When nothing comes, [`twinspect_core::recovery`] decides what is done about it. A driver stands behind
//! [`VideoDevice`], so that tests can play one that fails.

mod decode;
mod device;
mod error;
mod find;
mod kernel;
mod meaning;
mod nodes;
mod session;
mod settings;
mod shared;
mod spec;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;

use twinspect_core::frame::{FramePair, Intrinsics, Stamp, StampDomain};
use twinspect_core::freshness::PartBefore;
use twinspect_core::pairing::Stream;

pub use decode::PictureError;
pub use device::{
    Buffer, ControlId, ControlRange, FindDevice, Granted, Identity, Offer, VideoDevice,
};
pub use error::V4l2Error;
pub use find::{NodeFacts, WhichDevice};
pub use kernel::KernelDevices;
pub use nodes::nodes;
pub use session::CameraFacts;
pub use settings::SettingFact;
pub use spec::{PixelFormat, Settings, StreamSpec, V4l2Spec};

use crate::{Camera, CameraError, CameraFrame, CameraWatch, CaptureCost, live};
use shared::{HostClock, Ready, Shared, State};
use worker::Worker;

/// How long a camera that is let go of may take to stop. Longer, and its thread is left behind.
const STOP_MAX_US: u64 = 5_000_000;

/// A V4L2 camera.
#[derive(Debug)]
pub struct V4l2Camera {
    shared: Arc<Shared>,
    spec: V4l2Spec,
    name: String,
    facts: CameraFacts,
    /// What was handed out last.
    before: PartBefore,
    cost: Option<CaptureCost>,
    turns: Turns,
    began_us: u64,
}

/// Who makes the camera's thread go on.
enum Turns {
    /// It does so by itself.
    Thread(Option<JoinHandle<()>>),
    /// Whoever waits for a picture: then nothing is left to chance.
    #[cfg(test)]
    Inline(Box<Worker>),
}

impl Turns {
    /// Waits until something changes, at most until a time of the clock.
    fn wait(&mut self, shared: &Shared, state: MutexGuard<'_, State>, until_us: u64) {
        match self {
            Self::Thread(_) => drop(shared.wait_until(state, until_us)),
            #[cfg(test)]
            Self::Inline(worker) => {
                drop(state);
                if !worker.go_on() {
                    worker.end();
                }
            }
        }
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl V4l2Camera {
    /// Opens a camera and waits until its pictures may be judged.
    ///
    /// # Errors
    /// [`V4l2Error`]: at once if the configuration can't work with this camera, otherwise when
    /// [`V4l2Spec::open_max`] is over.
    pub fn open(finder: Box<dyn FindDevice>, spec: V4l2Spec) -> Result<Self, V4l2Error> {
        Self::open_with(HostClock::Monotonic, finder, spec, |worker| {
            Turns::Thread(Some(std::thread::spawn(move || worker.work())))
        })
    }

    fn open_with(
        clock: HostClock,
        finder: Box<dyn FindDevice>,
        spec: V4l2Spec,
        turns: impl FnOnce(Worker) -> Turns,
    ) -> Result<Self, V4l2Error> {
        let shared = Arc::new(Shared::new(clock, spec.recovery));
        let name = finder.describe();
        let worker = Worker::new(Arc::clone(&shared), finder, spec.clone());
        // From here on dropping it ends the thread.
        let mut camera = Self {
            facts: CameraFacts {
                identity: Identity::default(),
                size: spec.stream.size,
                format: spec.stream.format,
                rate_hz: None,
                settings: Vec::new(),
                ranges: Vec::new(),
            },
            began_us: shared.clock.now_us(),
            shared,
            spec,
            name,
            before: PartBefore::default(),
            cost: None,
            turns: turns(worker),
        };
        camera.facts = camera.wait_for_start()?;
        Ok(camera)
    }

    fn wait_for_start(&mut self) -> Result<CameraFacts, V4l2Error> {
        let shared = Arc::clone(&self.shared);
        let until_us = self.began_us + self.spec.open_max.as_micros() as u64;
        loop {
            let now_us = shared.clock.now_us();
            let mut state = shared.lock();
            if let Some(facts) = state.facts.as_ref().filter(|_| state.newest.is_some()) {
                return Ok(facts.clone());
            }
            if state.error.as_ref().is_some_and(|error| !error.may_pass())
                && let Some(error) = state.error.take()
            {
                return Err(error);
            }
            if now_us >= until_us || state.recovery.is_lost(now_us) || state.done {
                let trouble = state.trouble(now_us).to_string();
                return Err(match state.error.take() {
                    Some(error @ V4l2Error::Absent { .. }) => error,
                    source => V4l2Error::NoStart {
                        seconds: (now_us - self.began_us).div_ceil(1_000_000),
                        trouble,
                        source: source.map(Box::new),
                    },
                });
            }
            self.turns.wait(&shared, state, until_us);
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

    /// A picture that was taken after `from_us` of the camera's clock.
    fn wait_for_picture(&mut self, from_us: u64) -> Result<Ready, CameraError> {
        let shared = Arc::clone(&self.shared);
        let until_us = from_us.saturating_add(self.spec.wait_max.as_micros() as u64);
        let is_any = self.spec.every_picture;
        let mut is_again = false;
        loop {
            let now_us = shared.clock.now_us();
            let mut state = shared.lock();
            if let Some(ready) = state.newest.take() {
                if is_any || ready.exposed_us >= from_us {
                    return Ok(ready);
                }
                // It may show the part before, and nobody will want it any more.
                is_again = ready.is_again;
                state.spare = ready.bytes;
            }
            if state.recovery.is_lost(now_us) || state.done {
                return Err(CameraError::Lost {
                    camera: self.name.clone(),
                });
            }
            if now_us >= until_us {
                // What came later says more.
                let trouble = match is_again && state.refused.is_none() {
                    true => state.count_again(Stream::Colour),
                    false => state.trouble(now_us),
                };
                return Err(CameraError::NoPicture { trouble });
            }
            self.turns.wait(&shared, state, until_us);
        }
    }
}

impl Camera for V4l2Camera {
    fn description(&self) -> String {
        let facts = &self.facts;
        let rate = facts.rate_hz.map_or(String::new(), |hz| {
            format!(" at {hz:.4} Hz").replace(".0000 Hz", " Hz")
        });
        format!(
            "{}: {}, {} ({}), {} {}{rate}",
            self.name,
            facts.identity.card,
            facts.identity.bus,
            facts.identity.driver,
            facts.format,
            facts.size,
        )
    }

    /// Nobody has measured the lens of a camera of colour alone.
    fn intrinsics(&self) -> Option<&Intrinsics> {
        None
    }

    fn capture(&mut self, now_us: u64) -> Result<CameraFrame, CameraError> {
        let from_us = self.shared.clock.now_us();
        let ready = self.wait_for_picture(from_us)?;
        let had_us = self.shared.clock.now_us();
        let decoded = ready.decoder.decode(&ready.bytes);
        let print = decoded
            .as_ref()
            .ok()
            .and_then(|rgb| live::colour_print(rgb.data()));
        let decoded_us = self.shared.clock.now_us();
        self.cost = Some(CaptureCost {
            handed_over_us: had_us.saturating_sub(ready.arrived_us),
            colour_us: decoded_us.saturating_sub(had_us),
            align_us: None,
            whole_us: decoded_us.saturating_sub(ready.arrived_us),
        });
        let mut state = self.shared.lock();
        state.spare = ready.bytes;
        if decoded.is_err() {
            state.counts.corrupt += 1;
        }
        let again = self.before.again(None, print);
        if let Some(stream) = again.filter(|_| self.spec.equal_pictures_max > 0) {
            let trouble = state.count_again(stream);
            return Err(CameraError::NoPicture { trouble });
        }
        drop(state);
        let unfit =
            |source: Box<dyn std::error::Error + Send + Sync>| CameraError::Picture { source };
        let rgb = decoded.map_err(|error| unfit(Box::new(error)))?;
        let mut pair =
            FramePair::new(Some(rgb), None, None).map_err(|error| unfit(Box::new(error)))?;
        pair.rgb_stamp = Some(Stamp {
            frame_number: ready.number,
            // The caller's clock at the same moment tells how both are set.
            time_us: (now_us + ready.exposed_us).saturating_sub(from_us),
            domain: StampDomain::Host,
        });
        Ok(CameraFrame { pair, truth: None })
    }

    fn last_cost(&self) -> Option<CaptureCost> {
        self.cost
    }
}

impl Drop for V4l2Camera {
    fn drop(&mut self) {
        let clock = &self.shared.clock;
        let until_us = clock.now_us() + STOP_MAX_US;
        let mut state = self.shared.lock();
        state.stop = true;
        self.shared.notify();
        let thread = match &mut self.turns {
            Turns::Thread(thread) => thread.take(),
            #[cfg(test)]
            Turns::Inline(_) => return,
        };
        while !state.done && clock.now_us() < until_us {
            state = self.shared.wait_until(state, until_us);
        }
        let is_done = state.done;
        drop(state);
        match thread {
            Some(thread) if is_done => {
                if thread.join().is_err() {
                    log::error!("{}: its thread panicked", self.name);
                }
            }
            // The driver hangs. Nothing can be done about that in this process.
            _ => log::error!("{}: it does not stop, and is left as it is", self.name),
        }
    }
}
