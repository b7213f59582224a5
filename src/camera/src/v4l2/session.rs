//! A camera that is open: asked for format, rate and settings, and started.

use std::io;
use std::time::Duration;

use twinspect_core::colour::PixelLayout;
use twinspect_core::frame::FrameSize;

use super::decode::Decoder;
use super::device::{Buffer, ControlRange, Granted, Identity, Offer, VideoDevice};
use super::error::V4l2Error;
use super::settings::{self, SettingFact};
use super::spec::{PixelFormat, Settings, StreamSpec, V4l2Spec};

/// Largest relative difference between a rate that is asked for and what a driver calls it: 29.97 is 30.
const RATE_TOLERANCE: f64 = 0.01;

/// What is known of a camera that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraFacts {
    /// Its driver's names for it.
    pub identity: Identity,
    /// Width and height of its pictures.
    pub size: FrameSize,
    /// How their bytes lie.
    pub format: PixelFormat,
    /// Pictures a second, if the driver tells.
    pub rate_hz: Option<f64>,
    /// What was set, and what the camera says of it.
    pub settings: Vec<SettingFact>,
    /// All settings that it has, as far as the driver tells.
    pub ranges: Vec<ControlRange>,
}

pub(super) struct Session {
    device: Box<dyn VideoDevice>,
    camera: String,
    settings: Settings,
    decoder: Decoder,
    is_running: bool,
    pub(super) facts: CameraFacts,
}

impl Session {
    /// Asks for everything, holds what the camera makes of it against that, and starts it.
    pub(super) fn start(
        mut device: Box<dyn VideoDevice>,
        spec: &V4l2Spec,
    ) -> Result<Self, V4l2Error> {
        let identity = device.identity().clone();
        let camera = format!("{} ({})", identity.card, identity.node);
        let granted = ask_for_format(device.as_mut(), &camera, &spec.stream)?;
        let decoder = decoder(&camera, &spec.stream, &granted)?;
        let rate_hz = ask_for_rate(device.as_mut(), &camera, &spec.stream)?;
        let ranges = device.ranges().unwrap_or_default();
        let mut session = Self {
            facts: CameraFacts {
                identity,
                size: spec.stream.size,
                format: spec.stream.format,
                rate_hz,
                settings: Vec::new(),
                ranges,
            },
            device,
            camera,
            settings: spec.settings,
            decoder,
            is_running: false,
        };
        session.run()?;
        Ok(session)
    }

    /// Stops, sets and starts the same device.
    pub(super) fn restart(&mut self) -> Result<(), V4l2Error> {
        self.halt();
        self.run()
    }

    /// Sets first: some settings can't be changed while pictures come. Reads back after: some cameras forget.
    fn run(&mut self) -> Result<(), V4l2Error> {
        let device = self.device.as_mut();
        settings::apply(device, &self.camera, &self.settings)?;
        device
            .start()
            .map_err(V4l2Error::call("starting the camera"))?;
        self.is_running = true;
        self.facts.settings = settings::verify(device, &self.camera, &self.settings)?;
        Ok(())
    }

    /// The next picture, or nothing within this time; nothing at all once it was halted.
    pub(super) fn next(&mut self, wait: Duration) -> io::Result<Option<Buffer<'_>>> {
        self.device.next(wait)
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    pub(super) fn decoder(&self) -> Decoder {
        self.decoder
    }

    /// Stops it. What the system says to that changes nothing: the next start, or the next device, tells.
    pub(super) fn halt(&mut self) {
        if std::mem::take(&mut self.is_running)
            && let Err(error) = self.device.stop()
        {
            log::debug!("{}: stopping it: {error}", self.camera);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.halt();
    }
}

fn ask_for_format(
    device: &mut dyn VideoDevice,
    camera: &str,
    stream: &StreamSpec,
) -> Result<Granted, V4l2Error> {
    let granted = device
        .set_format(stream.format.fourcc(), stream.size)
        .map_err(V4l2Error::call("asking the camera for a format"))?;
    let is_it = granted.fourcc == stream.format.fourcc() && granted.size == stream.size;
    if is_it && granted.is_whole {
        return Ok(granted);
    }
    let fields = if granted.is_whole {
        ""
    } else {
        " in fields, every other line at a time"
    };
    Err(V4l2Error::NoFormat {
        camera: camera.to_owned(),
        wanted: format!("{} of {}", stream.format, stream.size),
        given: format!("{} of {}{fields}", name(granted.fourcc), granted.size),
        offered: offered(&device.offers().unwrap_or_default()),
    })
}

fn decoder(camera: &str, stream: &StreamSpec, granted: &Granted) -> Result<Decoder, V4l2Error> {
    let size = stream.size;
    let layout = match stream.format {
        PixelFormat::Mjpg => return Ok(Decoder::Jpeg { size }),
        PixelFormat::Plain(layout) => layout,
    };
    let is_coded = matches!(layout, PixelLayout::Yuyv | PixelLayout::Uyvy);
    let code = match granted.code {
        Some(code) => code,
        None if is_coded => {
            return Err(V4l2Error::Code {
                camera: camera.to_owned(),
                format: stream.format,
            });
        }
        None => twinspect_core::colour::YuvCode::USUAL,
    };
    Ok(Decoder::Plain {
        layout,
        code,
        size,
        // Some drivers leave it out where rows follow one another.
        stride: match granted.stride {
            0 => size.width * layout.bytes_per_pixel(),
            stride => stride,
        },
    })
}

fn ask_for_rate(
    device: &mut dyn VideoDevice,
    camera: &str,
    stream: &StreamSpec,
) -> Result<Option<f64>, V4l2Error> {
    let reading = V4l2Error::call("asking the camera for its rate");
    let Some(wanted_hz) = stream.rate_hz else {
        return device.rate_hz().map_err(reading);
    };
    // A driver that can't be asked says so by the rate that it tells then.
    if let Err(error) = device.set_rate(wanted_hz) {
        log::debug!("{camera}: asking for {wanted_hz} Hz: {error}");
    }
    let found_hz = device.rate_hz().map_err(reading)?;
    let wanted = f64::from(wanted_hz);
    if found_hz.is_some_and(|found| (found - wanted).abs() <= RATE_TOLERANCE * wanted) {
        return Ok(found_hz);
    }
    let offers = device.offers().unwrap_or_default();
    let fourcc = stream.format.fourcc();
    let mut rates: Vec<f64> = offers
        .iter()
        .filter(|offer| offer.fourcc == fourcc && offer.size == stream.size)
        .flat_map(|offer| offer.rates_hz.iter().copied())
        .collect();
    rates.sort_by(f64::total_cmp);
    Err(V4l2Error::Rate {
        camera: camera.to_owned(),
        size: stream.size,
        wanted_hz,
        found_hz,
        offered: rates.iter().map(|hz| format!("{hz:.2}")).collect(),
    })
}

/// Formats and sizes for people: those that are understood, or if there are none, what there is instead.
fn offered(offers: &[Offer]) -> Vec<String> {
    let is_understood = |offer: &&Offer| {
        let mut known = PixelFormat::ALL.iter();
        known.any(|format| format.fourcc() == offer.fourcc)
    };
    let understood: Vec<String> = offers
        .iter()
        .filter(is_understood)
        .map(|offer| format!("{} of {}", name(offer.fourcc), offer.size))
        .collect();
    if !understood.is_empty() {
        return understood;
    }
    let mut others: Vec<String> = offers.iter().map(|offer| name(offer.fourcc)).collect();
    others.dedup();
    others
}

/// Four characters for people, whatever they are.
fn name(fourcc: [u8; 4]) -> String {
    String::from_utf8_lossy(&fourcc)
        .chars()
        .map(|letter| if letter.is_control() { '?' } else { letter })
        .collect::<String>()
        .trim_end()
        .to_owned()
}
