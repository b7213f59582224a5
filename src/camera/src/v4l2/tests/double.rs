//! A camera of a script. Its clock moves when somebody waits for it, and not otherwise.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::io::Errno;
use twinspect_core::colour::YuvCode;
use twinspect_core::frame::FrameSize;

use crate::v4l2::{
    Buffer, ControlId, ControlRange, FindDevice, Granted, Identity, Offer, V4l2Error, VideoDevice,
};

pub(super) const SIZE: FrameSize = FrameSize {
    width: 8,
    height: 4,
};
pub(super) const INTERVAL_US: u64 = 33_333;
/// From a stamp to the picture's arrival.
pub(super) const WAY_US: u64 = 5_000;

pub(super) const AUTO_GAIN: u32 = 0x0098_0912;
pub(super) const GAIN: u32 = 0x0098_0913;
pub(super) const EXPOSURE_AUTO: u32 = 0x009a_0901;
pub(super) const EXPOSURE: u32 = 0x009a_0902;
pub(super) const MAINS: u32 = 0x0098_0918;

/// What happens in the place of the next picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A picture after all.
    Picture,
    /// Nothing for so long.
    Silence(u64),
    /// The call fails.
    Fails(Errno),
    /// The camera is unplugged.
    Unplugged,
    /// So many numbers are left out.
    Gap(u32),
    /// The number before again.
    SameNumber,
    /// The stamp before again.
    SameStamp,
    /// A stamp by another clock.
    OtherClock,
    /// The driver says that it is damaged.
    Damaged,
    /// Bytes are missing.
    Short,
    /// The pixels before again.
    SamePixels,
    /// Held up for so long.
    HeldUp(u64),
    /// Stamped ahead of the clock by so much.
    Ahead(u64),
}

/// A setting of the camera.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    pub(super) value: i64,
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) step: u64,
}

/// What there is of the camera, and what was done to it.
pub(super) struct World {
    pub(super) events: VecDeque<Event>,
    /// What comes when the script has ended.
    pub(super) then: Event,
    pub(super) is_there: bool,
    pub(super) granted: Granted,
    pub(super) rate_hz: Option<f64>,
    pub(super) can_set_rate: bool,
    /// What the camera has when power comes.
    pub(super) controls: BTreeMap<u32, Control>,
    /// Settings that a start undoes.
    pub(super) forgets: Vec<u32>,
    /// Starts that fail from now on.
    pub(super) bad_starts: u32,
    /// Opened, started, stopped; in this order.
    pub(super) log: Vec<&'static str>,
    pub(super) node: usize,
    now: BTreeMap<u32, Control>,
    pixel: u8,
}

/// The script's side of the camera.
#[derive(Clone)]
pub(super) struct Rig {
    pub(super) clock: Arc<AtomicU64>,
    world: Arc<Mutex<World>>,
}

impl Rig {
    pub(super) fn new() -> Self {
        let control = |value, min, max, step| Control {
            value,
            min,
            max,
            step,
        };
        let controls = BTreeMap::from([
            (AUTO_GAIN, control(1, 0, 1, 1)),
            (GAIN, control(40, 0, 255, 1)),
            (EXPOSURE_AUTO, control(3, 0, 3, 1)),
            (EXPOSURE, control(156, 1, 5000, 1)),
            (MAINS, control(2, 0, 2, 1)),
        ]);
        Self {
            clock: Arc::new(AtomicU64::new(1_000_000)),
            world: Arc::new(Mutex::new(World {
                events: VecDeque::new(),
                then: Event::Picture,
                is_there: true,
                granted: Granted {
                    fourcc: *b"YUYV",
                    size: SIZE,
                    stride: SIZE.width * 2,
                    bytes_max: SIZE.pixels() * 2,
                    code: Some(YuvCode::USUAL),
                    is_whole: true,
                },
                rate_hz: Some(30.0),
                can_set_rate: true,
                now: controls.clone(),
                controls,
                forgets: Vec::new(),
                bad_starts: 0,
                log: Vec::new(),
                node: 0,
                pixel: 0,
            })),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(super) fn then(&self, events: impl IntoIterator<Item = Event>) {
        self.world().events.extend(events);
    }

    pub(super) fn now_us(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub(super) fn value(&self, control: u32) -> i64 {
        self.world().now[&control].value
    }

    /// Power goes and comes: the camera has what its maker gave it.
    pub(super) fn power_cycle(&self) {
        let mut world = self.world();
        world.now = world.controls.clone();
    }

    fn wait(&self, time_us: u64) {
        self.clock.fetch_add(time_us, Ordering::Relaxed);
    }
}

impl FindDevice for Rig {
    fn describe(&self) -> String {
        "scripted camera".to_owned()
    }

    fn find(&mut self) -> Result<Box<dyn VideoDevice>, V4l2Error> {
        let mut world = self.world();
        if !world.is_there {
            return Err(V4l2Error::Absent {
                wanted: self.describe(),
                found: Vec::new(),
            });
        }
        world.log.push("open");
        Ok(Box::new(ScriptedDevice {
            identity: Identity {
                node: format!("/dev/video{}", world.node),
                card: "Script".to_owned(),
                bus: "usb-1".to_owned(),
                driver: "double".to_owned(),
            },
            rig: self.clone(),
            bytes: Vec::new(),
            sequence: 0,
            due_us: 0,
            stamp_us: 0,
            is_running: false,
        }))
    }
}

struct ScriptedDevice {
    rig: Rig,
    identity: Identity,
    bytes: Vec<u8>,
    sequence: u32,
    due_us: u64,
    stamp_us: u64,
    is_running: bool,
}

impl VideoDevice for ScriptedDevice {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn offers(&mut self) -> io::Result<Vec<Offer>> {
        Ok(vec![Offer {
            fourcc: *b"MJPG",
            size: SIZE,
            rates_hz: vec![15.0, 30.0],
        }])
    }

    fn set_format(&mut self, _fourcc: [u8; 4], _size: FrameSize) -> io::Result<Granted> {
        Ok(self.rig.world().granted)
    }

    fn rate_hz(&mut self) -> io::Result<Option<f64>> {
        Ok(self.rig.world().rate_hz)
    }

    fn set_rate(&mut self, hz: u32) -> io::Result<()> {
        let mut world = self.rig.world();
        if !world.can_set_rate {
            return Err(Errno::NOTTY.into());
        }
        world.rate_hz = Some(f64::from(hz));
        Ok(())
    }

    fn control(&mut self, id: ControlId) -> io::Result<Option<i64>> {
        Ok(self.rig.world().now.get(&id.0).map(|control| control.value))
    }

    fn set_control(&mut self, id: ControlId, value: i64) -> io::Result<()> {
        let mut world = self.rig.world();
        // As a camera does: what is automatic lets nothing be set beside it.
        let is_automatic = match id.0 {
            GAIN => world.now[&AUTO_GAIN].value != 0,
            EXPOSURE => world.now[&EXPOSURE_AUTO].value != 1,
            _ => false,
        };
        let control = world.now.get_mut(&id.0).ok_or(Errno::INVAL)?;
        if is_automatic {
            return Err(Errno::ACCESS.into());
        }
        if value > control.max {
            return Err(Errno::RANGE.into());
        }
        // As the kernel does: to the nearest step.
        let step = control.step as i64;
        control.value = control.min + (value - control.min) / step * step;
        Ok(())
    }

    fn ranges(&mut self) -> io::Result<Vec<ControlRange>> {
        let world = self.rig.world();
        let range = |(id, control): (&u32, &Control)| ControlRange {
            id: ControlId(*id),
            name: format!("control {id:x}"),
            min: control.min,
            max: control.max,
            step: control.step,
            default: control.value,
        };
        Ok(world.now.iter().map(range).collect())
    }

    fn start(&mut self) -> io::Result<()> {
        let mut world = self.rig.world();
        world.log.push("start");
        if world.bad_starts > 0 {
            world.bad_starts -= 1;
            return Err(Errno::IO.into());
        }
        for id in world.forgets.clone() {
            let default = world.controls[&id];
            world.now.insert(id, default);
        }
        drop(world);
        // Sequences begin anew with each start.
        self.sequence = 0;
        self.due_us = self.rig.now_us() + INTERVAL_US;
        self.is_running = true;
        Ok(())
    }

    fn next(&mut self, wait: Duration) -> io::Result<Option<Buffer<'_>>> {
        assert!(self.is_running, "it must be started first");
        let event = {
            let world = self.rig.world();
            world.events.front().copied().unwrap_or(world.then)
        };
        let wait_us = wait.as_micros() as u64;
        let silence_us = match event {
            Event::Silence(left_us) => left_us,
            _ => self.due_us.saturating_sub(self.rig.now_us()),
        };
        if silence_us > wait_us {
            self.rig.wait(wait_us);
            if let (Event::Silence(left_us), Some(first)) =
                (event, self.rig.world().events.front_mut())
            {
                *first = Event::Silence(left_us - wait_us);
            }
            return Ok(None);
        }
        self.rig.wait(silence_us);
        self.rig.world().events.pop_front();
        self.due_us = self.rig.now_us() + INTERVAL_US;
        let mut is_monotonic = true;
        let mut is_damaged = false;
        let now_us = self.rig.now_us();
        let mut stamp_us = now_us - WAY_US;
        let mut used = SIZE.pixels() * 2;
        let mut step = 1;
        let mut pixel = 1;
        match event {
            Event::Silence(_) => return Ok(None),
            Event::Fails(error) => return Err(error.into()),
            Event::Unplugged => {
                self.rig.world().is_there = false;
                self.rig.power_cycle();
                return Err(Errno::NODEV.into());
            }
            Event::Picture => {}
            Event::Gap(lost) => step += lost,
            Event::SameNumber => step = 0,
            Event::SameStamp => stamp_us = self.stamp_us,
            Event::OtherClock => is_monotonic = false,
            Event::Damaged => is_damaged = true,
            Event::Short => used -= 1,
            Event::SamePixels => pixel = 0,
            Event::HeldUp(by_us) => {
                self.rig.wait(by_us);
                // Its clock went on meanwhile.
            }
            Event::Ahead(by_us) => stamp_us = now_us + by_us,
        }
        self.sequence += step;
        self.stamp_us = stamp_us;
        let luma = {
            let mut world = self.rig.world();
            world.pixel = world.pixel.wrapping_add(pixel);
            16 + world.pixel % 200
        };
        self.bytes.clear();
        self.bytes
            .extend([luma, 128].into_iter().cycle().take(SIZE.pixels() * 2));
        Ok(Some(Buffer {
            bytes: &self.bytes[..used],
            sequence: self.sequence,
            stamp_us,
            is_monotonic,
            is_damaged,
        }))
    }

    fn stop(&mut self) -> io::Result<()> {
        self.rig.world().log.push("stop");
        self.is_running = false;
        Ok(())
    }
}
