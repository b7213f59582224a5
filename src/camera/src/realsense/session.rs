//! A camera that has been started once: its sensors run, and its pictures come.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use twinspect_core::align::Aligner;
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::pairing::{Mark, Marked, Stream};

use super::choice::{Expected, camera, choose};
use super::error::RealSenseError;
use super::picture::{self, PairMaker};
use super::playing::{BrokenOff, Reading, run};
use super::settings::{self, SettingFact};
use super::spec::{PresetFile, RealSenseSpec, Settings};
use crate::librealsense::{
    CallError, Device, DeviceInfo, Frame, FrameError, FrameQueue, PlaybackStatus, Recorder, Sensor,
    StreamKind, Streaming,
};

/// Places of the queue that the library fills. With those that wait for a partner and those that are being
/// looked at, the library's pool of sixteen is never empty.
const QUEUE_PLACES: u8 = 6;

/// What is known of a camera that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraFacts {
    /// Its name.
    pub name: String,
    /// Its serial number.
    pub serial: String,
    /// Version of its own program.
    pub firmware: Option<String>,
    /// Its kind of USB; `None` for a recording.
    pub usb: Option<String>,
    /// Version and file of the library.
    pub library: String,
    /// Where aligned pictures are seen from.
    pub intrinsics: Intrinsics,
    /// Size of depth as it is measured.
    pub depth_size: FrameSize,
    /// Pictures a second.
    pub rate_hz: u32,
    /// Metres a count of depth, as the pictures say.
    pub depth_unit_m: f64,
    /// The name of the file whose preset was loaded, if one was.
    pub preset: Option<String>,
    /// What was set, and what the camera says of it.
    pub settings: Vec<SettingFact>,
}

impl CameraFacts {
    /// Name and serial number, as far as it tells them.
    pub fn identity(&self) -> String {
        identity(&self.name, &self.serial)
    }
}

/// What tells a camera from others.
pub(super) fn identity(name: &str, serial: &str) -> String {
    let told: Vec<&str> = [name, serial]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    told.join(" ")
}

/// USB 2, where it was another kind before.
pub(super) fn fallen_to_usb_2<'a>(before: Option<&str>, now: Option<&'a str>) -> Option<&'a str> {
    now.filter(|usb| usb.starts_with('2') && before != now)
}

impl fmt::Display for CameraFacts {
    /// Which camera it is, what it gives, by which library, and by which file's preset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, colour {}, depth {} at {} Hz, {}",
            self.identity(),
            self.intrinsics.size(),
            self.depth_size,
            self.rate_hz,
            self.library
        )?;
        match &self.preset {
            Some(preset) => write!(f, ", preset {preset}"),
            None => Ok(()),
        }
    }
}

/// A picture that has come, or why it is none.
pub(super) enum Arrival {
    Picture(Stream, Marked<Picture>),
    /// A picture of a stream that nobody asked for.
    Other,
    Corrupt(FrameError),
    Nothing,
}

/// A picture that has been looked at.
pub(super) struct Picture {
    pub(super) frame: Frame,
    /// Tells it from the one before.
    pub(super) print: u64,
}

pub(super) struct Session {
    streams: Vec<Streaming>,
    queue: FrameQueue,
    /// Pictures that a recording gave while it was being started.
    early: VecDeque<Frame>,
    depth: Expected,
    colour: Expected,
    /// Without the depth unit, which the first pictures say.
    pub(super) facts: CameraFacts,
    pub(super) interval: Duration,
    /// `None` of a camera.
    reading: Option<Reading>,
    // Last, so that sensors are stopped while their device is still held.
    device: Source,
}

/// What gives the pictures.
enum Source {
    /// A camera, or a recording of one.
    Plain(Device),
    /// A camera whose pictures are written into a file as they pass.
    Recorded(Recorder),
}

impl Source {
    fn device(&self) -> &Device {
        match self {
            Self::Plain(device) => device,
            Self::Recorded(recorder) => recorder.device(),
        }
    }
}

impl Session {
    /// Sets and starts a camera.
    pub(super) fn start(
        device: Device,
        spec: &RealSenseSpec,
    ) -> Result<(Self, PairMaker), RealSenseError> {
        Self::start_as(device, spec, None)
    }

    /// Sets and starts a camera whose pictures are written into a file as they pass.
    pub(super) fn start_recorded(
        device: Device,
        spec: &RealSenseSpec,
        file: &Path,
    ) -> Result<Self, RealSenseError> {
        Self::start_as(device, spec, Some(file)).map(|(session, _)| session)
    }

    fn start_as(
        device: Device,
        spec: &RealSenseSpec,
        file: Option<&Path>,
    ) -> Result<(Self, PairMaker), RealSenseError> {
        let info = |info| device.info(info).unwrap_or_default();
        let name = identity(&info(DeviceInfo::Name), &info(DeviceInfo::SerialNumber));
        let sensors = device
            .sensors()
            .map_err(RealSenseError::call("asking the camera for its sensors"))?;
        let chosen = choose(&device, &name, sensors, spec)?;
        let settings = settings::apply(
            &name,
            &device,
            &chosen.depth.0,
            chosen.colour.0.as_ref(),
            &spec.settings,
        )?;
        let (depth_camera, depth) = camera(&chosen.depth.1, Stream::Depth)?;
        let (intrinsics, colour) = camera(&chosen.colour.1, Stream::Colour)?;
        let place = chosen
            .depth
            .1
            .seen_from(&chosen.colour.1)
            .map_err(RealSenseError::Places)?;
        let maker = PairMaker::new(
            Aligner::new(&depth_camera, &intrinsics, &place)?,
            depth.size,
            intrinsics,
        );
        let rate_hz = u32::try_from(chosen.depth.1.facts().rate_hz).unwrap_or(0);
        let facts = CameraFacts {
            name: info(DeviceInfo::Name),
            serial: info(DeviceInfo::SerialNumber),
            firmware: device.info(DeviceInfo::FirmwareVersion),
            usb: device.info(DeviceInfo::UsbType),
            library: format!(
                "librealsense {}, {}",
                device.library().version(),
                device.library().path().display()
            ),
            intrinsics,
            depth_size: depth.size,
            rate_hz,
            depth_unit_m: 0.0,
            preset: spec.settings.preset.as_ref().map(PresetFile::name),
            settings,
        };
        let queue = FrameQueue::new(device.library(), QUEUE_PLACES)
            .map_err(RealSenseError::call("making a queue for pictures"))?;
        let (device, chosen, own) = match file {
            None => (Source::Plain(device), chosen, None),
            Some(file) => {
                // What a recorder is not asked to pass on, it does not: a preset, for one. So the camera itself was set.
                let own = (chosen.depth.0, chosen.colour.0);
                let recorder = device
                    .recorder(file)
                    .map_err(RealSenseError::call("making the recording's file"))?;
                let sensors = recorder
                    .device()
                    .sensors()
                    .map_err(RealSenseError::call("asking the camera for its sensors"))?;
                let chosen = choose(recorder.device(), &name, sensors, spec)?;
                (Source::Recorded(recorder), chosen, Some(own))
            }
        };
        let interval = Duration::from_secs_f64(1.0 / f64::from(rate_hz.max(1)));
        // Before its reader reads.
        let length = device
            .device()
            .playback()
            .and_then(|playback| playback.duration().ok());
        let (streams, early) = run(device.device(), chosen, &queue, spec.pace)
            .map_err(RealSenseError::call("starting the camera"))?;
        let mut session = Self {
            streams,
            queue,
            early,
            depth,
            colour,
            facts,
            interval,
            reading: length.map(|length| Reading::new(length, spec.pace, interval)),
            device,
        };
        if spec.settings.visual_preset.is_some() {
            session.set_again(&name, own, &spec.settings)?;
        }
        Ok((session, maker))
    }

    /// Sets again what a visual preset has overwritten when the sensors were opened. `own`: those of the camera itself, of
    /// depth and of colour, where its recorder's run.
    fn set_again(
        &mut self,
        name: &str,
        own: Option<(Sensor, Option<Sensor>)>,
        settings: &Settings,
    ) -> Result<(), RealSenseError> {
        let mut running = self.streams.iter().map(Streaming::sensor);
        let (depth, colour) = match &own {
            Some((depth, colour)) => (Some(depth), colour.as_ref()),
            None => (running.next(), running.next()),
        };
        if let Some(depth) = depth {
            self.facts.settings = settings::apply_again(name, depth, colour, settings)?;
        }
        // What was taken meanwhile shows other settings, and so may the next pictures: they are among those that are
        // passed over until exposure has settled, which are counted from here (`RecoverySpec::settle_pairs`).
        self.empty_queue();
        Ok(())
    }

    /// The next picture, if one comes in time.
    pub(super) fn next(
        &mut self,
        time: Duration,
        now_us: impl FnOnce() -> u64,
    ) -> Result<Arrival, CallError> {
        self.note_position();
        let frame = match self.early.pop_front() {
            Some(frame) => frame,
            None => match self.queue.wait(time)? {
                Some(frame) => frame,
                None => return Ok(Arrival::Nothing),
            },
        };
        let arrived_us = now_us();
        self.moved();
        self.note_position();
        Ok(self
            .look(frame, arrived_us)
            .unwrap_or_else(Arrival::Corrupt))
    }

    fn look(&self, frame: Frame, arrived_us: u64) -> Result<Arrival, FrameError> {
        let facts = frame.facts()?;
        let (stream, expected) = match facts.kind {
            StreamKind::Depth => (Stream::Depth, self.depth),
            StreamKind::Colour => (Stream::Colour, self.colour),
            StreamKind::Other(_) => return Ok(Arrival::Other),
        };
        if facts.format != expected.format {
            return Err(FrameError::Kind { found: facts });
        }
        let (time_us, clock) = frame.time_us()?;
        let mark = Mark {
            number: frame.number()?,
            time_us,
            clock,
            arrived_us,
        };
        let print = picture::print(&frame, expected.size, expected.format)?;
        let content = Picture { frame, print };
        Ok(Arrival::Picture(stream, Marked { mark, content }))
    }

    /// Notes how far the recording has been read, if it is one.
    fn note_position(&mut self) {
        if let Some(reading) = &mut self.reading
            && let Some(playback) = self.device.device().playback()
            && let Ok(position) = playback.position()
        {
            reading.note(position);
        }
    }

    /// A picture has come, or nobody waits for one.
    pub(super) fn moved(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.moved();
        }
    }

    /// Nothing has come, though somebody waits; whether a recording is given up by that.
    pub(super) fn waited(&mut self, now_us: u64) -> bool {
        let reading = self.reading.as_mut();
        reading.is_some_and(|reading| reading.waited(now_us))
    }

    /// Whether the library has neither read a recording on nor ended it.
    pub(super) fn is_given_up(&self) -> bool {
        self.reading.as_ref().is_some_and(Reading::is_given_up)
    }

    /// Where a recording that has ended has broken off, if it has.
    pub(super) fn broken_off(&self) -> Option<BrokenOff> {
        self.reading.as_ref().and_then(Reading::broken_off)
    }

    /// What writes the pictures into a file, where something does.
    pub(super) fn recorder(&self) -> Option<&Recorder> {
        match &self.device {
            Source::Plain(_) => None,
            Source::Recorded(recorder) => Some(recorder),
        }
    }

    /// Stops the sensors; pictures that wait in the queue are let go of.
    pub(super) fn stop(&mut self) {
        self.early.clear();
        self.streams.clear();
        self.empty_queue();
    }

    fn empty_queue(&self) {
        while let Ok(Some(frame)) = self.queue.wait(Duration::ZERO) {
            drop(frame);
        }
    }

    /// Whether a recording has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.device
            .device()
            .playback()
            .is_some_and(|playback| playback.status() == Ok(PlaybackStatus::Stopped))
    }

    /// Stops, and sends a reset; the device that comes back is another one.
    pub(super) fn reset(mut self) -> Result<(), RealSenseError> {
        self.streams.clear();
        self.device
            .device()
            .reset()
            .map_err(RealSenseError::call("resetting the camera"))
    }

    /// Stops the sensors of a recording. Its threads may wait for places in the queue, also while they are told to
    /// stop; so somebody empties the queue meanwhile.
    ///
    /// Its reader's thread has a list of things to do, some of which add another one, and the library takes the
    /// device apart without waiting for it: 2.59.1 was seen to end the process with "pure virtual method called".
    /// `pause` waits until everything that was on the list is done, and twice is enough for what was added.
    fn stop_recording(&mut self) {
        let Some(playback) = self.device.device().playback() else {
            return;
        };
        let is_stopped = AtomicBool::new(false);
        let (queue, streams) = (&self.queue, &mut self.streams);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_stopped.load(Ordering::Acquire) {
                    drop(queue.wait(Duration::from_millis(10)));
                }
            });
            if let Err(error) = playback.set_real_time(true).and_then(|()| playback.pause()) {
                log::debug!("ending a recording: {error}");
            }
            streams.clear();
            is_stopped.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            if let Err(error) = playback.pause() {
                log::debug!("ending a recording: {error}");
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.early.clear();
        self.stop_recording();
        self.streams.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_comes_back_on_usb_2_is_noticed_once() {
        assert_eq!(fallen_to_usb_2(Some("3.2"), Some("2.1")), Some("2.1"));
        assert_eq!(fallen_to_usb_2(Some("2.1"), Some("2.1")), None);
        assert_eq!(fallen_to_usb_2(Some("2.1"), Some("3.2")), None);
        assert_eq!(fallen_to_usb_2(Some("3.2"), None), None);
    }
}
