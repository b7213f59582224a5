//! A camera that has been started once: its sensors run, and its pictures come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use twinspect_core::align::Aligner;
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::pairing::{Mark, Marked, Stream};

use super::error::RealSenseError;
use super::picture::{self, PairMaker};
use super::settings::{self, SettingFact};
use super::spec::{Pace, RealSenseSpec};
use crate::librealsense::{
    CallError, Device, DeviceInfo, Distortion, Frame, FrameError, FrameQueue, Playback,
    PlaybackStatus, Profile, ProfileFacts, Sensor, StreamFormat, StreamKind, Streaming,
};

/// Places of the queue that the library fills. With those that wait for a partner and those that are being
/// looked at, the library's pool of sixteen is never empty.
const QUEUE_PLACES: u8 = 6;

/// Pictures that are kept while a recording is started; less than the library's pool.
const EARLY_MAX: usize = 10;

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
    /// What was set, and what the camera says of it.
    pub settings: Vec<SettingFact>,
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

/// A stream as it was started.
#[derive(Debug, Clone, Copy)]
struct Expected {
    size: FrameSize,
    format: StreamFormat,
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
    // Last, so that sensors are stopped while their device is still held.
    device: Device,
}

impl Session {
    /// Sets and starts a camera.
    pub(super) fn start(
        device: Device,
        spec: &RealSenseSpec,
    ) -> Result<(Self, PairMaker), RealSenseError> {
        let info = |info| device.info(info).unwrap_or_default();
        let name = format!(
            "{} {}",
            info(DeviceInfo::Name),
            info(DeviceInfo::SerialNumber)
        );
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
            .map_err(RealSenseError::call("asking how the cameras stand"))?;
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
            settings,
        };
        let queue = FrameQueue::new(device.library(), QUEUE_PLACES)
            .map_err(RealSenseError::call("making a queue for pictures"))?;
        let (streams, early) = run(&device, chosen, &queue, spec.pace)
            .map_err(RealSenseError::call("starting the camera"))?;
        let interval = Duration::from_secs_f64(1.0 / f64::from(rate_hz.max(1)));
        let session = Self {
            streams,
            queue,
            early,
            depth,
            colour,
            facts,
            interval,
            device,
        };
        Ok((session, maker))
    }

    /// The next picture, if one comes in time.
    pub(super) fn next(
        &mut self,
        time: Duration,
        now_us: impl FnOnce() -> u64,
    ) -> Result<Arrival, CallError> {
        let frame = match self.early.pop_front() {
            Some(frame) => frame,
            None => match self.queue.wait(time)? {
                Some(frame) => frame,
                None => return Ok(Arrival::Nothing),
            },
        };
        let arrived_us = now_us();
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

    /// Whether a recording has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.device
            .playback()
            .is_some_and(|playback| playback.status() == Ok(PlaybackStatus::Stopped))
    }

    /// Stops, and sends a reset; the device that comes back is another one.
    pub(super) fn reset(mut self) -> Result<(), RealSenseError> {
        self.streams.clear();
        self.device
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
        let Some(playback) = self.device.playback() else {
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

/// Sensors and their profiles. Colour has no sensor of its own where depth's gives it.
struct Chosen {
    depth: (Sensor, Profile),
    colour: (Option<Sensor>, Profile),
}

fn choose(
    device: &Device,
    name: &str,
    sensors: Vec<Sensor>,
    spec: &RealSenseSpec,
) -> Result<Chosen, RealSenseError> {
    let wants = |stream: Stream, facts: ProfileFacts| {
        let (kind, format) = match stream {
            Stream::Depth => (StreamKind::Depth, StreamFormat::Z16),
            Stream::Colour => (StreamKind::Colour, StreamFormat::Rgb8),
        };
        facts.kind == kind
            && facts.format == format
            && facts.size.is_some()
            && spec.streams.is_none_or(|streams| {
                let size = match stream {
                    Stream::Depth => streams.depth,
                    Stream::Colour => streams.colour,
                };
                facts.size == Some(size) && i64::from(facts.rate_hz) == i64::from(streams.rate_hz)
            })
    };
    let mut all = Vec::new();
    for sensor in sensors {
        let profiles = sensor
            .profiles()
            .map_err(RealSenseError::call("asking how a sensor can run"))?;
        all.push((sensor, profiles));
    }
    let offered: Vec<ProfileFacts> = all
        .iter()
        .flat_map(|(_, profiles)| profiles.iter().map(Profile::facts))
        .collect();
    let missing = |stream: Stream| no_profile(device, name, stream, &offered, spec);
    let find = |stream: Stream| {
        let found = all.iter().enumerate().find_map(|(place, (_, profiles))| {
            let mut profiles = profiles.iter();
            let profile = profiles.find(|profile| wants(stream, profile.facts()))?;
            Some((place, profile.clone()))
        });
        found.ok_or_else(|| missing(stream))
    };
    let (depth_place, depth_profile) = find(Stream::Depth)?;
    let (colour_place, colour_profile) = find(Stream::Colour)?;
    let (mut depth, mut colour) = (None, None);
    for (place, (sensor, _)) in all.into_iter().enumerate() {
        if place == depth_place {
            depth = Some(sensor);
        } else if place == colour_place {
            colour = Some(sensor);
        }
    }
    let depth = depth.ok_or_else(|| missing(Stream::Depth))?;
    Ok(Chosen {
        depth: (depth, depth_profile),
        colour: (colour, colour_profile),
    })
}

fn no_profile(
    device: &Device,
    name: &str,
    stream: Stream,
    offered: &[ProfileFacts],
    spec: &RealSenseSpec,
) -> RealSenseError {
    let (kind, size) = match stream {
        Stream::Depth => (StreamKind::Depth, spec.streams.map(|streams| streams.depth)),
        Stream::Colour => (
            StreamKind::Colour,
            spec.streams.map(|streams| streams.colour),
        ),
    };
    let mut offered: Vec<String> = offered
        .iter()
        .filter(|facts| facts.kind == kind)
        .map(|facts| match facts.format {
            StreamFormat::Other(format) => format!("{facts} (format {format})"),
            StreamFormat::Z16 | StreamFormat::Rgb8 => facts.to_string(),
        })
        .collect();
    offered.sort();
    offered.dedup();
    let rate_hz = spec.streams.map_or(0, |streams| streams.rate_hz);
    RealSenseError::NoProfile {
        device: name.to_owned(),
        stream,
        wanted: size.map_or("any size".to_owned(), |size| {
            format!("{size} at {rate_hz} Hz")
        }),
        offered,
        usb: device.info(DeviceInfo::UsbType),
    }
}

/// The camera behind a stream.
fn camera(profile: &Profile, stream: Stream) -> Result<(Intrinsics, Expected), RealSenseError> {
    let (intrinsics, distortion) = profile
        .intrinsics()
        .map_err(RealSenseError::call("asking for the camera's intrinsics"))?;
    if let Distortion::Other(model) = distortion {
        return Err(RealSenseError::Lens { stream, model });
    }
    let expected = Expected {
        size: intrinsics.size(),
        format: profile.facts().format,
    };
    Ok((intrinsics, expected))
}

/// Starts the sensors. A recording is held until both run, so that it begins with its first pair.
fn run(
    device: &Device,
    chosen: Chosen,
    queue: &FrameQueue,
    pace: Pace,
) -> Result<(Vec<Streaming>, VecDeque<Frame>), CallError> {
    let playback = device.playback();
    if let Some(playback) = playback {
        playback.set_real_time(pace == Pace::Sensor)?;
        playback.pause()?;
    }
    let (depth, depth_profile) = chosen.depth;
    let (colour, colour_profile) = chosen.colour;
    let streams = match colour {
        Some(colour) => vec![
            depth.start(&[&depth_profile], queue)?,
            colour.start(&[&colour_profile], queue)?,
        ],
        None => vec![depth.start(&[&depth_profile, &colour_profile], queue)?],
    };
    let early = playback.map_or(Ok(VecDeque::new()), |playback| resume(playback, queue))?;
    Ok((streams, early))
}

/// Lets a recording go on. The library waits for its reader then, and the reader, at the end of a short recording,
/// for a place in the queue; so what comes is taken out meanwhile, and kept.
fn resume(playback: Playback<'_>, queue: &FrameQueue) -> Result<VecDeque<Frame>, CallError> {
    let mut early = VecDeque::new();
    std::thread::scope(|scope| {
        let resumed = scope.spawn(|| playback.resume());
        while !resumed.is_finished() {
            if early.len() == EARLY_MAX {
                // The rest waits in the queue, and the library gives up waiting after a while.
                std::thread::park_timeout(Duration::from_millis(10));
            } else {
                early.extend(queue.wait(Duration::from_millis(10))?);
            }
        }
        resumed.join().unwrap_or(Ok(()))
    })?;
    Ok(early)
}
