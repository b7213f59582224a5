//! What a fault does to the world.

use twinspect_core::gate::Way;
use twinspect_core::station::StationSpec;

use super::{Later, PARTS_RECOVERY_US, World};
use crate::simulator::device::Device;
use crate::simulator::fault::{Fault, FaultKind, Harm};
use crate::simulator::inspector::Nature;
use crate::simulator::story::{RECOVERY_US, SIGHT_MAX_US};

/// What a clock that stepped back may cost at the end.
const STOP_SLACK_US: u64 = 60_000;

impl<D: Device> World<'_, D> {
    /// A fault meets the belt's next parts.
    pub(super) fn meet(&mut self, fault: Fault) {
        if fault.kind.is_of_sensor() {
            // Its part never came to the sensor a first time.
            return;
        }
        self.after(fault.offset_us, Later::Fault(fault.kind, fault.size));
    }

    pub(super) fn happens(&mut self, later: Later) {
        match later {
            Later::Sensor(level) => self.wire(level),
            Later::Ack(level) => {
                self.device.ack(level);
                self.serve();
            }
            Later::Fault(kind, size) => self.fault(kind, size),
            Later::RecipeLines(number) => self.recipe_lines(number),
            Later::Found(recipe) => self.found(recipe),
            Later::Recorded(standing, is_done) => self.recorded(standing, is_done),
        }
    }

    fn fault(&mut self, kind: FaultKind, size: u64) {
        let size_ms = 1_000 * size;
        let lasts_us = match kind {
            FaultKind::SensorOverflow => {
                self.kernel.sensor_drops += 1 + size % 4;
                300_000
            }
            FaultKind::EncoderOverflow => {
                self.kernel.encoder_drops += 1 + size % 4;
                100_000
            }
            FaultKind::EncoderGlitch => {
                self.kernel.glitches += 3;
                0
            }
            FaultKind::BeltStop if self.is_watched => {
                // Nothing tells of a stop that no camera sees.
                let (seen, _) = self.belt.in_region(self.now_us, |part| self.flat[part]);
                let lasts_us = SIGHT_MAX_US + 30_000 + size_ms / 4;
                if seen.share > 0.2 {
                    self.belt.speeds(self.now_us, &[(0, lasts_us)]);
                }
                lasts_us
            }
            FaultKind::BeltStop => {
                self.belt.speeds(self.now_us, &[(0, 20_000 + size_ms)]);
                20_000 + size_ms
            }
            FaultKind::BeltReverse => {
                let back_us = 5_000 + 300 * size;
                let speeds = [(0, 5_000), (-600, back_us), (0, 5_000)];
                self.belt.speeds(self.now_us, &speeds);
                3 * back_us + 10_000
            }
            FaultKind::BeltShake => {
                let shakes = [(-512, 1_500), (900, 1_500), (-512, 1_500), (900, 1_500)];
                self.belt.speeds(self.now_us, &shakes);
                0
            }
            FaultKind::LineStall => {
                let lasts_us = 2_000 + 400 * size;
                self.stalled_until_us = self.now_us + lasts_us;
                self.checker.stalled(self.stalled_until_us);
                self.tick_us = self.tick_us.min(self.stalled_until_us);
                lasts_us
            }
            FaultKind::ClockStep => {
                self.clock_back_us = 100 + 3 * size;
                self.clock_until_us = self.now_us + 50_000;
                0
            }
            FaultKind::Reload | FaultKind::BadReload => {
                self.reload(kind, size);
                0
            }
            FaultKind::AckLost => {
                self.acks_lost += 1;
                0
            }
            FaultKind::RecordFails => {
                self.models.fail_records(1 + size % 3);
                0
            }
            FaultKind::RecipeSwitch | FaultKind::RecipeUnknown | FaultKind::RecipeBounce => {
                self.recipe_fault(kind, size)
            }
            kind if Nature::of(kind).is_some() => {
                self.want(kind);
                0
            }
            _ => {
                self.inspector
                    .fault(kind, size, self.now_us, &mut self.device);
                self.checker.inspector(self.inspector.is_up(), self.now_us);
                1_500 * size + 600_000
            }
        };
        self.disturb(kind, lasts_us);
    }

    /// Somebody stops the station when a part comes.
    pub(super) fn stop_at(&mut self, part: usize) {
        let Some(stop) = self.story.stop.filter(|stop| stop.part == part) else {
            return;
        };
        self.trace
            .event(self.now_us, || "the station is stopped".to_owned());
        if stop.belt_stands {
            self.belt.stand(self.now_us);
        }
        self.stopped_us = Some(self.now_us);
        let clock_us = self.clock_us();
        self.device.close(clock_us);
    }

    /// A station that was stopped comes to its end, whatever the belt does.
    pub(super) fn check_end(&mut self) {
        let Some(stopped_us) = self.stopped_us else {
            return;
        };
        let until_us = stopped_us + self.story.station.drain_max_us;
        let until_us = until_us.max(self.stalled_until_us) + STOP_SLACK_US;
        if self.now_us > until_us {
            self.checker.violated("a stopped station ends", || {
                format!("stopped at {stopped_us} us")
            });
        }
    }

    /// Notes that a fault has met the station, and for how long it may be felt.
    pub(super) fn disturb(&mut self, kind: FaultKind, lasts_us: u64) {
        self.met.push(kind);
        self.trace.fault(self.now_us, kind);
        let recovery_us = match kind.harm() {
            Harm::None => return,
            Harm::Parts => PARTS_RECOVERY_US,
            Harm::Process => RECOVERY_US,
        };
        self.disturbances += 1;
        let until_us = self.now_us + lasts_us + recovery_us;
        self.disturbed_until_us = self.disturbed_until_us.max(until_us);
    }

    /// Another delay by less than a pulse's slack, or a wire that can't be changed now.
    fn reload(&mut self, kind: FaultKind, size: u64) {
        let mut spec: StationSpec = self.story.station;
        if kind == FaultKind::BadReload {
            spec.gate.deadline_us = 0;
        } else if let Way::Time { delay_us, .. } = &mut spec.gate.way {
            *delay_us += size % 3_000;
        } else {
            spec.gate.deadline_us += 10 * size;
        }
        let taken = self.device.reload(spec).is_ok();
        if taken == (kind == FaultKind::BadReload) {
            self.checker
                .violated("a bad configuration changes nothing", || format!("{taken}"));
        }
    }
}
