//! What pictures of a V4L2 camera cost from their arrival to RGB pixels, by format and size, without a camera.
//!
//! ```text
//! cargo run --release -p twinspect-camera --features v4l --example v4l2_cost -- [SECONDS]
//! ```
//! A driver of software gives pictures of noise at 30 Hz, stamped as the kernel stamps them, and all that lies
//! behind it is the camera's own: its thread, the copy of each picture, the hand-over, the decoder. What the kernel and
//! USB cost is not in it. Of MJPG, the pictures are a smooth gradient with a little noise, at quality 85: how
//! long a JPEG takes depends on what it shows.
#![expect(
    clippy::print_stdout,
    reason = "a table on standard output is what it is for"
)]

use std::error::Error;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageError};
use twinspect_camera::Camera;
use twinspect_camera::v4l2::{
    Buffer, ControlId, ControlRange, FindDevice, Granted, Identity, Offer, PixelFormat, Settings,
    StreamSpec, V4l2Camera, V4l2Error, V4l2Spec, VideoDevice,
};
use twinspect_core::colour::{PixelLayout, YuvCode};
use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

const RATE_HZ: u32 = 30;
const SIZES: [(usize, usize); 3] = [(640, 480), (848, 480), (1280, 720)];
const FORMATS: [PixelFormat; 3] = [
    PixelFormat::Plain(PixelLayout::Yuyv),
    PixelFormat::Plain(PixelLayout::Rgb24),
    PixelFormat::Mjpg,
];
/// Different pictures that come in turn.
const PICTURES: usize = 4;

/// A driver of software.
struct Driver {
    identity: Identity,
    granted: Granted,
    pictures: Vec<Vec<u8>>,
    began: Instant,
    sequence: u32,
}

/// Finds it.
struct Finder {
    format: PixelFormat,
    size: FrameSize,
    pictures: Vec<Vec<u8>>,
}

impl FindDevice for Finder {
    fn describe(&self) -> String {
        "a driver of software".to_owned()
    }

    fn find(&mut self) -> Result<Box<dyn VideoDevice>, V4l2Error> {
        let pictures = self.pictures.clone();
        let stride = match self.format {
            PixelFormat::Plain(layout) => self.size.width * layout.bytes_per_pixel(),
            PixelFormat::Mjpg => 0,
        };
        Ok(Box::new(Driver {
            identity: Identity {
                node: "/dev/null".to_owned(),
                card: "software".to_owned(),
                bus: "none".to_owned(),
                driver: "example".to_owned(),
            },
            granted: Granted {
                fourcc: self.format.fourcc(),
                size: self.size,
                stride,
                bytes_max: pictures.iter().map(Vec::len).max().unwrap_or(0),
                code: Some(YuvCode::USUAL),
                is_whole: true,
            },
            pictures,
            began: Instant::now(),
            sequence: 0,
        }))
    }
}

impl VideoDevice for Driver {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn offers(&mut self) -> io::Result<Vec<Offer>> {
        Ok(Vec::new())
    }

    fn set_format(&mut self, _fourcc: [u8; 4], _size: FrameSize) -> io::Result<Granted> {
        Ok(self.granted)
    }

    fn rate_hz(&mut self) -> io::Result<Option<f64>> {
        Ok(Some(f64::from(RATE_HZ)))
    }

    fn set_rate(&mut self, _hz: u32) -> io::Result<()> {
        Ok(())
    }

    fn control(&mut self, _id: ControlId) -> io::Result<Option<i64>> {
        Ok(None)
    }

    fn set_control(&mut self, _id: ControlId, _value: i64) -> io::Result<()> {
        Ok(())
    }

    fn ranges(&mut self) -> io::Result<Vec<ControlRange>> {
        Ok(Vec::new())
    }

    fn start(&mut self) -> io::Result<()> {
        self.began = Instant::now();
        self.sequence = 0;
        Ok(())
    }

    fn next(&mut self, wait: Duration) -> io::Result<Option<Buffer<'_>>> {
        let due = Duration::from_secs_f64(f64::from(self.sequence + 1) / f64::from(RATE_HZ));
        let early = due.saturating_sub(self.began.elapsed());
        let until = Instant::now() + early.min(wait);
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            thread::park_timeout(left);
        }
        if early > wait {
            return Ok(None);
        }
        self.sequence += 1;
        let picture = self.sequence as usize % self.pictures.len();
        Ok(self.pictures.get(picture).map(|bytes| Buffer {
            bytes,
            sequence: self.sequence,
            stamp_us: now_us(),
            is_monotonic: true,
            is_damaged: false,
        }))
    }

    fn stop(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The kernel's clock of stamps.
fn now_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_nsec.unsigned_abs() / 1_000
}

fn picture_of(seed: usize, format: PixelFormat, size: FrameSize) -> Result<Vec<u8>, ImageError> {
    let noise = |at: usize| {
        let mixed = (at + 1_000_003 * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((mixed ^ (mixed >> 29)) >> 7) as u8
    };
    match format {
        PixelFormat::Plain(layout) => {
            let bytes = size.pixels() * layout.bytes_per_pixel();
            Ok((0..bytes).map(noise).collect())
        }
        PixelFormat::Mjpg => {
            let shade = |at: usize| (at / 3 % size.width * 200 / size.width) as u8 + noise(at) % 12;
            let rgb: Vec<u8> = (0..3 * size.pixels()).map(shade).collect();
            let mut jpeg = Vec::new();
            let (width, height) = (size.width as u32, size.height as u32);
            let encoder = &mut JpegEncoder::new_with_quality(&mut jpeg, 85);
            encoder.encode(&rgb, width, height, ExtendedColorType::Rgb8)?;
            Ok(jpeg)
        }
    }
}

fn spec(format: PixelFormat, size: FrameSize) -> V4l2Spec {
    V4l2Spec {
        stream: StreamSpec {
            size,
            rate_hz: Some(RATE_HZ),
            format,
        },
        settings: Settings::default(),
        transfer_max: Duration::ZERO,
        age_max: Duration::from_secs(10),
        wait_max: Duration::from_secs(10),
        every_picture: true,
        // It has few pictures, of which one may be had twice in a row.
        equal_pictures_max: 0,
        open_max: Duration::from_secs(30),
        recovery: RecoverySpec {
            stall_max_us: 10_000_000,
            first_pair_max_us: 10_000_000,
            start_max_us: 10_000_000,
            reset_max_us: 15_000_000,
            look_every_us: 1_000_000,
            silence_max_us: 30_000_000,
            settle_pairs: 1,
            cured_us: 30_000_000,
            can_reset: false,
        },
    }
}

/// Milliseconds of all threads on a CPU so far; `None` where there is no /proc.
fn cpu_ms() -> Option<f64> {
    let mut sum = 0.0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
        sum += nanoseconds / 1e6;
    }
    Some(sum)
}

/// p50, p99 and p99.9 in milliseconds.
fn percentiles(mut us: Vec<u64>) -> String {
    us.sort_unstable();
    let at = |percent: f64| {
        let rank = (percent * us.len() as f64 / 100.0 - 1e-6).ceil() as usize;
        us.get(rank.saturating_sub(1))
            .map_or(0.0, |us| *us as f64 / 1e3)
    };
    format!("{:.2} {:.2} {:.2}", at(50.0), at(99.0), at(99.9))
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(10), |text| text.parse())?;
    println!("format size | handed over, decoded, both: p50 p99 p99.9 ms | CPU % of a core");
    for format in FORMATS {
        for (width, height) in SIZES {
            let size = FrameSize { width, height };
            let pictures = (0..PICTURES)
                .map(|picture| picture_of(picture, format, size))
                .collect::<Result<_, _>>()?;
            let finder = Finder {
                format,
                size,
                pictures,
            };
            let mut camera = V4l2Camera::open(Box::new(finder), spec(format, size))?;
            let (mut handed_over, mut decoded, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            let (began, cpu) = (Instant::now(), cpu_ms());
            while began.elapsed() < Duration::from_secs(seconds) {
                camera.capture(0)?;
                let Some(cost) = camera.last_cost() else {
                    continue;
                };
                handed_over.push(cost.handed_over_us);
                decoded.push(cost.colour_us);
                whole.push(cost.whole_us);
            }
            let took_ms = began.elapsed().as_secs_f64() * 1e3;
            let share = cpu_ms().zip(cpu).map_or(f64::NAN, |(after, before)| {
                100.0 * (after - before) / took_ms
            });
            println!(
                "{format} {size} | {} | {} | {} | {share:.1}",
                percentiles(handed_over),
                percentiles(decoded),
                percentiles(whole)
            );
        }
    }
    Ok(())
}
