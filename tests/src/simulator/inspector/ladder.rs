//! The camera itself and the thread that owns it, which climbs the ladder that ships when pictures stay away.
//!
//! While all is well nothing is scheduled: that pictures have come is told whenever anybody looks.

use twinspect_core::recovery::{Failure, Health, Order};
use twinspect_core::station::Inspector as Said;

use super::{Inspector, NEVER, Phase};
use crate::simulator::device::{CameraSays, Device};
use crate::simulator::fault::FaultKind;
use crate::simulator::story::FRAME_US;

/// A process whose camera gives nothing for so long after its start ends.
pub(super) const OPEN_MAX_US: u64 = 600_000;

/// What is wrong with the camera, whichever process owns it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Trouble {
    #[default]
    None,
    /// It is unplugged.
    Away { until_us: u64 },
    /// It is there and sends nothing, until this step or a higher one.
    Silent { cure: Order },
    /// Its driver does not return, in this process.
    Hangs,
}

/// The camera and its thread.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Camera {
    trouble: Trouble,
    /// It was unplugged, and its thread has not noticed.
    removed: bool,
    /// A step under way, and when it is done.
    step: Option<(Order, u64)>,
    /// Streams have been started since it was plugged in.
    streams: bool,
    /// When a picture is told of next; at each occasion where [`NEVER`].
    picture_us: u64,
    /// Health is [`Health::Well`].
    is_well: bool,
    /// When it wants to be looked at.
    pub(super) next_us: u64,
}

impl Camera {
    /// Whether it sends pictures that may be judged.
    pub(super) fn sees(&self) -> bool {
        self.streams && self.trouble == Trouble::None && self.is_well
    }

    /// What the thread that owns it takes for sight.
    pub(super) fn is_well(&self) -> bool {
        self.is_well
    }
}

impl Inspector {
    /// Something happens to the camera; one thing at a time.
    pub(super) fn camera_fault(
        &mut self,
        kind: FaultKind,
        size: u64,
        now_us: u64,
        device: &mut impl Device,
    ) {
        self.tell_of_pictures(now_us, device);
        if self.camera.trouble != Trouble::None {
            return;
        }
        self.camera.trouble = match kind {
            FaultKind::CameraAway => {
                self.camera.removed = true;
                Trouble::Away {
                    until_us: now_us + 50_000 + 1_500 * size,
                }
            }
            FaultKind::CameraSilent => Trouble::Silent {
                cure: [Order::Restart, Order::Reset, Order::NewProcess][(size % 3) as usize],
            },
            _ => Trouble::Hangs,
        };
        self.camera.next_us = now_us;
    }

    /// A process that has proven its model opens the camera. Another process's calls have gone with it.
    pub(super) fn open_camera(&mut self, now_us: u64, device: &mut impl Device) {
        device.restarted(now_us);
        let trouble = match self.camera.trouble {
            Trouble::Hangs | Trouble::Silent { .. } => Trouble::None,
            other => other,
        };
        self.camera = Camera {
            trouble,
            next_us: now_us,
            ..Camera::default()
        };
        self.phase = Phase::Opening {
            until_us: now_us + OPEN_MAX_US,
        };
    }

    /// The camera's thread goes on, and whoever watches it looks. A process ends whose camera is lost.
    pub(super) fn tend(&mut self, now_us: u64, device: &mut impl Device) {
        if let Trouble::Away { until_us } = self.camera.trouble
            && until_us <= now_us
        {
            self.camera.trouble = Trouble::None;
        }
        self.step_done(now_us, device);
        self.tell_of_pictures(now_us, device);
        if std::mem::take(&mut self.camera.removed) {
            self.camera.streams = false;
            device.camera_says(CameraSays::Removed, now_us);
        }
        if self.camera.step.is_none() && self.camera.trouble != Trouble::Hangs {
            device.camera_says(CameraSays::Alive, now_us);
            match device.camera_order(now_us) {
                None | Some(Order::NewProcess) => {}
                Some(order) => self.begin(order, now_us),
            }
        }
        self.camera.is_well = device.camera_health(now_us) == Health::Well;
        if device.camera_is_lost(now_us) {
            self.camera_failed(now_us);
            return;
        }
        self.camera.next_us = self.camera_next_us(now_us, device);
    }

    /// It ends, and says that its model is not to blame.
    pub(super) fn camera_failed(&mut self, now_us: u64) {
        self.say(now_us, Said::CameraFailed, None);
        self.end(now_us);
    }

    fn begin(&mut self, order: Order, now_us: u64) {
        let lasts_us = match order {
            Order::Open => self.draw(2_000, 40_000),
            Order::Restart => self.draw(10_000, 80_000),
            _ => self.draw(100_000, 300_000),
        };
        self.camera.streams = false;
        self.camera.step = Some((order, now_us + lasts_us));
    }

    fn step_done(&mut self, now_us: u64, device: &mut impl Device) {
        if self.camera.trouble == Trouble::Hangs {
            return;
        }
        let Some((order, _)) = self.camera.step.take_if(|step| step.1 <= now_us) else {
            return;
        };
        if let Trouble::Silent { cure } = self.camera.trouble
            && cures(order, cure)
        {
            self.camera.trouble = Trouble::None;
        }
        // Some resets are refused.
        let is_refused = order == Order::Reset && self.draw(0, 4) == 0;
        let says = match self.camera.trouble {
            Trouble::Away { .. } => CameraSays::Failed(Failure::Absent),
            _ if is_refused => CameraSays::Failed(Failure::Refused),
            _ => CameraSays::Started,
        };
        self.camera.streams = says == CameraSays::Started;
        self.camera.picture_us = now_us + FRAME_US;
        device.camera_says(says, now_us);
    }

    /// Pictures that have come by now.
    fn tell_of_pictures(&mut self, now_us: u64, device: &mut impl Device) {
        let Camera {
            trouble,
            streams,
            picture_us,
            ..
        } = self.camera;
        if !streams || trouble != Trouble::None || (picture_us != NEVER && now_us < picture_us) {
            return;
        }
        device.camera_says(CameraSays::Pair, now_us);
        let is_well = device.camera_health(now_us) == Health::Well;
        self.camera.picture_us = if is_well { NEVER } else { now_us + FRAME_US };
    }

    fn camera_next_us(&self, now_us: u64, device: &impl Device) -> u64 {
        let Camera {
            trouble,
            streams,
            picture_us,
            step,
            ..
        } = self.camera;
        if streams && trouble == Trouble::None {
            return picture_us;
        }
        let step_us = step.map_or(NEVER, |step| step.1);
        let step_us = if trouble == Trouble::Hangs {
            NEVER
        } else {
            step_us
        };
        let next_us = device.camera_next_us().min(step_us);
        // What wants to be done at once was done just now.
        next_us.max(now_us + 1)
    }
}

/// Whether a step is this one, or a higher one.
fn cures(step: Order, wanted: Order) -> bool {
    let rung = |order| match order {
        Order::Open => 0,
        Order::Restart => 1,
        Order::Reset => 2,
        Order::NewProcess => 3,
    };
    rung(step) >= rung(wanted)
}
