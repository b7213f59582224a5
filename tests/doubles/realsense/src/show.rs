//! The camera, and who shows it pictures.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::Librealsense;
use twinspect_camera::librealsense::software::{Moment, SoftwareCamera, SoftwareSpec, Workshop};
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::pairing::SensorClock;

use crate::gate;

/// Different noise that is shown in turn.
const PICTURES: usize = 8;
/// Shades of a colour.
const SHADES: usize = 8;
/// Places of a picture's number in it.
const DIGITS: usize = 20;
/// Counts of the belt's depth, in millimetres.
const BELT: u16 = 450;
/// The darkest shade.
const DARKEST: u8 = 110;

/// What the environment wants.
#[derive(Debug, Clone)]
struct Wish {
    size: FrameSize,
    rate_hz: u32,
    until: u64,
    usb: String,
    depths: usize,
}

/// Where the real library is.
pub(crate) fn real() -> PathBuf {
    let folder = std::env::var_os("TWINSPECT_LIBREALSENSE");
    PathBuf::from(folder.expect("TWINSPECT_LIBREALSENSE names the real library's folder"))
}

/// The camera that is connected; it is shown pictures from the first call on.
pub(crate) fn camera() -> Arc<SoftwareCamera> {
    static CAMERA: OnceLock<Arc<SoftwareCamera>> = OnceLock::new();
    Arc::clone(CAMERA.get_or_init(|| {
        let wish = Wish::read();
        let camera = Arc::new(wish.camera());
        thread::spawn({
            let camera = Arc::clone(&camera);
            move || wish.show(&camera)
        });
        camera
    }))
}

impl Wish {
    fn read() -> Self {
        let mut wish = Self {
            size: FrameSize {
                width: 640,
                height: 480,
            },
            rate_hz: 30,
            until: u64::MAX,
            usb: "3.2".to_owned(),
            depths: 3,
        };
        let words = std::env::var("TWINSPECT_DOUBLE_REALSENSE").unwrap_or_default();
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').expect("words are name=value");
            let number = |text: &str| text.parse().expect("a number");
            match name {
                "size" => {
                    let (width, height) = value.split_once('x').expect("a size is WxH");
                    wish.size = FrameSize {
                        width: number(width) as usize,
                        height: number(height) as usize,
                    };
                }
                "rate" => wish.rate_hz = number(value) as u32,
                "until" => wish.until = number(value),
                "usb" => value.clone_into(&mut wish.usb),
                "noise" => wish.depths = number(value) as usize,
                _ => unknown(name),
            }
        }
        wish
    }

    fn camera(&self) -> SoftwareCamera {
        let library = Librealsense::load(Some(&real())).expect("the real library");
        let workshop = Workshop::open(library).expect("its internals");
        let eye = Intrinsics {
            width: self.size.width,
            height: self.size.height,
            fx: self.size.width as f64,
            fy: self.size.width as f64,
            cx: self.size.width as f64 / 2.0,
            cy: self.size.height as f64 / 2.0,
            distortion: [0.0; 5],
        };
        let spec = SoftwareSpec {
            serial: "double".to_owned(),
            usb: self.usb.clone(),
            depth: eye,
            colour: eye,
            rate_hz: self.rate_hz as i32,
            translation_m: [0.015, 0.0, 0.0],
            depth_unit_m: 0.001,
            one_sensor: false,
            options: [Vec::new(), Vec::new()],
        };
        workshop.camera(&spec).expect("a software camera")
    }

    /// At the camera's pace, as long as somebody looks for cameras.
    fn show(&self, camera: &SoftwareCamera) {
        let pixels = self.size.pixels();
        let mut depth: Vec<Vec<u16>> = (0..PICTURES)
            .map(|picture| {
                let noise = |at| noise(picture, at);
                (0..pixels)
                    .map(|at| BELT + (noise(at) % self.depths) as u16)
                    .collect()
            })
            .collect();
        let mut colour: Vec<Vec<u8>> = (0..PICTURES)
            .map(|picture| {
                let noise = |at| noise(picture + PICTURES, at);
                (0..3 * pixels)
                    .map(|at| DARKEST + (noise(at) % SHADES) as u8)
                    .collect()
            })
            .collect();
        let began = Instant::now();
        for number in 1..self.until {
            let due = Duration::from_secs_f64(number as f64 / f64::from(self.rate_hz));
            while let Some(early) = due.checked_sub(began.elapsed()) {
                thread::park_timeout(early);
            }
            let moment = Moment {
                number,
                time_us: 1_000_000 + due.as_micros() as u64,
                clock: SensorClock(0),
            };
            let picture = number as usize % PICTURES;
            let (depth, colour) = (&mut depth[picture], &mut colour[picture]);
            for (pixel, digit) in depth.iter_mut().zip(digits(number, self.depths)) {
                *pixel = BELT + digit as u16;
            }
            for (byte, digit) in colour.iter_mut().zip(digits(number, SHADES)) {
                *byte = DARKEST + digit as u8;
            }
            gate::show(|| camera.depth(depth, moment).expect("it is taken"));
            gate::show(|| camera.colour(colour, moment).expect("it is taken"));
        }
    }
}

fn unknown(name: &str) {
    let known = ["size", "rate", "until", "usb", "noise"];
    assert!(known.contains(&name), "{name} is none of {known:?}");
}

/// A number as a picture's first pixels have it, so that none comes twice: a station would refuse it.
fn digits(number: u64, base: usize) -> impl Iterator<Item = usize> {
    let places = std::iter::successors(Some(number as usize), move |rest| Some(rest / base));
    places.take(DIGITS).map(move |rest| rest % base)
}

/// Like a sensor's: no two of these pictures share it.
fn noise(seed: usize, at: usize) -> usize {
    let mixed = (at + 1_000_003 * seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}
