//! What each test stands on: the library, a software camera, and somebody who shows it pictures.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use twinspect_camera::librealsense::software::{
    Moment, SoftwareCamera, SoftwareSpec, Workshop, pixels_alive, stopping_between_pictures,
};
use twinspect_camera::librealsense::{
    CameraOption, Context, Device, DeviceChanges, Librealsense, OptionRange,
};
use twinspect_camera::realsense::{
    FindDevice, Pace, RealSenseCamera, RealSenseError, RealSenseSpec, Settings, StreamsSpec,
};
use twinspect_camera::{Camera, CameraError, CameraFrame};
use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::pairing::{SensorClock, Stream};
use twinspect_core::recovery::RecoverySpec;

pub(crate) const LIBRARY: &str = "TWINSPECT_LIBREALSENSE";

pub(crate) const SIZE: FrameSize = FrameSize {
    width: 64,
    height: 48,
};
pub(crate) const RATE_HZ: u32 = 30;
pub(crate) const INTERVAL_US: u64 = 33_333;
pub(crate) const UNIT_M: f64 = 0.001;
pub(crate) const DEVICE_CLOCK: SensorClock = SensorClock(0);
pub(crate) const HOST_CLOCK: SensorClock = SensorClock(1);

/// Longest wait for anything that will surely come.
pub(crate) const SURELY: Duration = Duration::from_secs(30);

/// The library, if the environment names one. It is loaded once.
pub(crate) fn library() -> Option<Librealsense> {
    static LOADED: OnceLock<Option<Librealsense>> = OnceLock::new();
    *LOADED.get_or_init(|| {
        let folder = std::env::var_os(LIBRARY)?;
        let folder = PathBuf::from(folder);
        // A folder that is named and has no library is a mistake, and no reason to skip.
        let library = Librealsense::load(Some(&folder)).unwrap();
        Some(stopping_between_pictures(library))
    })
}

/// One test at a time: they count threads and pictures of the process.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The library and a turn, or a line that says what is skipped.
pub(crate) fn begin() -> Option<(MutexGuard<'static, ()>, Librealsense)> {
    let Some(library) = library() else {
        println!("skipped: {LIBRARY} names no librealsense");
        return None;
    };
    Some((turn(), library))
}

pub(crate) fn intrinsics(size: FrameSize) -> Intrinsics {
    Intrinsics {
        width: size.width,
        height: size.height,
        fx: size.width as f64,
        fy: size.width as f64,
        cx: size.width as f64 / 2.0,
        cy: size.height as f64 / 2.0,
        distortion: [0.0; 5],
    }
}

pub(crate) fn range(min: f32, max: f32, step: f32, default: f32) -> OptionRange {
    OptionRange {
        min,
        max,
        step,
        default,
    }
}

/// A camera whose two imagers are one, and that can be set like a D435.
pub(crate) fn software_spec(serial: &str) -> SoftwareSpec {
    let on = range(0.0, 1.0, 1.0, 1.0);
    SoftwareSpec {
        serial: serial.to_owned(),
        usb: "3.2".to_owned(),
        depth: intrinsics(SIZE),
        colour: intrinsics(SIZE),
        rate_hz: RATE_HZ as i32,
        translation_m: [0.0; 3],
        depth_unit_m: UNIT_M as f32,
        one_sensor: false,
        options: [
            vec![
                (CameraOption::AutoExposure, on),
                (CameraOption::Exposure, range(1.0, 165_000.0, 1.0, 8_500.0)),
                (CameraOption::Gain, range(16.0, 248.0, 1.0, 16.0)),
                (CameraOption::Emitter, range(0.0, 2.0, 1.0, 1.0)),
                (CameraOption::LaserPower, range(0.0, 360.0, 30.0, 150.0)),
                (CameraOption::VisualPreset, range(0.0, 6.0, 1.0, 0.0)),
            ],
            vec![
                (CameraOption::AutoExposure, on),
                (CameraOption::Exposure, range(1.0, 10_000.0, 1.0, 156.0)),
                (CameraOption::Gain, range(0.0, 128.0, 1.0, 64.0)),
                (CameraOption::AutoWhiteBalance, on),
                (
                    CameraOption::WhiteBalance,
                    range(2_800.0, 6_500.0, 10.0, 4_600.0),
                ),
                (CameraOption::PowerLineFrequency, range(0.0, 3.0, 1.0, 3.0)),
            ],
        ],
    }
}

/// Patient limits: nothing is tried to bring the camera back unless a test says so.
pub(crate) fn spec() -> RealSenseSpec {
    RealSenseSpec {
        streams: Some(StreamsSpec {
            colour: SIZE,
            depth: SIZE,
            rate_hz: RATE_HZ,
        }),
        settings: Settings::default(),
        pair_distance_max: None,
        transfer_max: Duration::ZERO,
        age_max: Duration::from_secs(3600),
        wait_max: SURELY,
        every_picture: false,
        equal_pictures_max: 10,
        open_max: SURELY,
        recovery: RecoverySpec {
            stall_max_us: 3_600_000_000,
            first_pair_max_us: 3_600_000_000,
            start_max_us: 3_600_000_000,
            reset_max_us: 3_600_000_000,
            look_every_us: 10_000,
            silence_max_us: 3_600_000_000,
            settle_pairs: 1,
            cured_us: 3_600_000_000,
            can_reset: false,
        },
        pace: Pace::Sensor,
        repeat: false,
        skip_pairs: 0,
    }
}

/// Depth counts of picture `number`: every pixel says which it is, and no other one is equal to it.
pub(crate) fn depth_of(number: u64) -> Vec<u16> {
    let number = number as usize;
    (0..SIZE.pixels())
        .map(|at| 300 + ((number * 7 + at * (1 + number / 500)) % 500) as u16)
        .collect()
}

/// Colours of picture `number`.
pub(crate) fn colour_of(number: u64) -> Vec<u8> {
    let number = number as usize;
    (0..SIZE.pixels() * 3)
        .map(|at| (number * 13 + at * (1 + number / 256)) as u8)
        .collect()
}

pub(crate) fn moment(number: u64) -> Moment {
    Moment {
        number,
        time_us: 1_000_000 + number * INTERVAL_US,
        clock: DEVICE_CLOCK,
    }
}

/// Shows one stream's picture of a number as it should be.
pub(crate) fn show(camera: &SoftwareCamera, stream: Stream, number: u64) {
    match stream {
        Stream::Depth => camera.depth(&depth_of(number), moment(number)).unwrap(),
        Stream::Colour => {
            // A little later, as of another sensor.
            let moment = Moment {
                time_us: moment(number).time_us + 1_500,
                ..moment(number)
            };
            camera.colour(&colour_of(number), moment).unwrap();
        }
    }
}

/// Shows a pair as it should be.
pub(crate) fn show_pair(camera: &SoftwareCamera, number: u64) {
    show(camera, Stream::Depth, number);
    show(camera, Stream::Colour, number);
}

/// Finds the software camera, as long as it is plugged in.
#[derive(Clone, Default)]
pub(crate) struct Socket {
    plugged: Arc<Mutex<Option<Arc<SoftwareCamera>>>>,
    found: Arc<AtomicU64>,
}

impl Socket {
    pub(crate) fn plug(&self, camera: Option<Arc<SoftwareCamera>>) {
        *self.plugged.lock().unwrap() = camera;
    }

    /// How often a camera was looked for and found.
    pub(crate) fn found(&self) -> u64 {
        self.found.load(Ordering::SeqCst)
    }
}

impl FindDevice for Socket {
    fn describe(&self) -> String {
        "software camera".to_owned()
    }

    fn find(&mut self, _context: &Context) -> Result<Device, RealSenseError> {
        match &*self.plugged.lock().unwrap() {
            Some(camera) => {
                self.found.fetch_add(1, Ordering::SeqCst);
                Ok(camera.device().unwrap())
            }
            None => Err(RealSenseError::Absent {
                serial: None,
                found: Vec::new(),
            }),
        }
    }
}

/// Shows pictures on a thread of its own, each a little after the one before, until it is dropped.
pub(crate) struct Showing {
    stop: Arc<AtomicBool>,
    shown: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Showing {
    /// Shows the pairs 1, 2, 3 ... by `script`.
    pub(crate) fn start(mut script: impl FnMut(u64) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let shown = Arc::new(AtomicU64::new(0));
        let thread = std::thread::spawn({
            let (stop, shown) = (Arc::clone(&stop), Arc::clone(&shown));
            move || {
                for number in 1.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    script(number);
                    shown.store(number, Ordering::SeqCst);
                    // A camera is no faster than this.
                    std::thread::park_timeout(Duration::from_millis(3));
                }
            }
        });
        Self {
            stop,
            shown,
            thread: Some(thread),
        }
    }

    /// The number that was shown last.
    pub(crate) fn shown(&self) -> u64 {
        self.shown.load(Ordering::SeqCst)
    }

    /// Waits until nothing is shown any more by what the script knew before.
    pub(crate) fn settle(&self) {
        let (began, shown) = (Instant::now(), self.shown());
        // That which is being shown, and one more.
        while self.shown() < shown + 2 {
            assert!(began.elapsed() < SURELY);
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// A software camera in its socket, and a camera of the product's on it.
pub(crate) struct Rig {
    // First, so that nothing is shown to a sensor that is being stopped: 2.55.1 was seen to keep such a picture.
    pub(crate) showing: Showing,
    pub(crate) camera: RealSenseCamera,
    pub(crate) socket: Socket,
    pub(crate) software: Arc<SoftwareCamera>,
    /// What the library tells the camera of devices that come and go.
    pub(crate) changes: Arc<DeviceChanges>,
}

impl Rig {
    /// Opens the camera while `script` shows pictures.
    pub(crate) fn open(
        library: Librealsense,
        spec: RealSenseSpec,
        script: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
    ) -> Result<Self, RealSenseError> {
        Self::open_as(library, &software_spec("rig"), spec, script)
    }

    pub(crate) fn open_as(
        library: Librealsense,
        software: &SoftwareSpec,
        spec: RealSenseSpec,
        script: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
    ) -> Result<Self, RealSenseError> {
        Self::open_in(Socket::default(), library, software, spec, script)
    }

    /// The same in a socket at which the script may look too.
    pub(crate) fn open_in(
        socket: Socket,
        library: Librealsense,
        software: &SoftwareSpec,
        spec: RealSenseSpec,
        mut script: impl FnMut(&SoftwareCamera, u64) + Send + 'static,
    ) -> Result<Self, RealSenseError> {
        let workshop = Workshop::open(library)?;
        let software = Arc::new(workshop.camera(software).unwrap());
        socket.plug(Some(Arc::clone(&software)));
        let showing = Showing::start({
            let software = Arc::clone(&software);
            move |number| script(&software, number)
        });
        let context = Context::open(library).unwrap();
        let changes = context.changes();
        let camera = RealSenseCamera::open(context, Box::new(socket.clone()), spec)?;
        Ok(Self {
            camera,
            showing,
            socket,
            software,
            changes,
        })
    }

    pub(crate) fn capture(&mut self) -> Result<CameraFrame, CameraError> {
        self.camera.capture(7_000_000)
    }

    /// Captures until the outcome is what is waited for.
    pub(crate) fn capture_until(
        &mut self,
        mut is_it: impl FnMut(&Result<CameraFrame, CameraError>) -> bool,
    ) -> Result<CameraFrame, CameraError> {
        let began = Instant::now();
        loop {
            let outcome = self.capture();
            if is_it(&outcome) {
                return outcome;
            }
            assert!(began.elapsed() < SURELY, "still {outcome:?}");
        }
    }
}

/// Waits until every picture that was shown has been given back; threads of the library may be about to.
pub(crate) fn wait_for_all_pictures() {
    let began = Instant::now();
    while pixels_alive() > 0 {
        assert!(began.elapsed() < SURELY, "{} are kept", pixels_alive());
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// The stream's own number of a captured picture; starts of the camera count above it.
pub(crate) fn number_of(frame: &CameraFrame) -> u64 {
    frame.pair.depth_stamp.unwrap().frame_number & ((1 << 40) - 1)
}

/// Which start of the camera a captured picture came from.
pub(crate) fn session_of(frame: &CameraFrame) -> u64 {
    frame.pair.depth_stamp.unwrap().frame_number >> 40
}
