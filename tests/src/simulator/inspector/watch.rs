//! The double of a camera that watches the belt: one picture after the other, and those that tickets
//! name.

use twinspect_core::lookout::Seen;
use twinspect_core::verdict::Reason;

use super::{Eyes, Frame, Inspector, Told};
use crate::simulator::device::{Device, Exposure, Picture};
use crate::simulator::fault::FaultKind;
use crate::simulator::story::FRAME_US;

/// From the exposure of a picture until somebody hears of it: longer than to the next one.
const HEARD_AFTER_US: u64 = 12_000;
const FAULTS: [FaultKind; 6] = [
    FaultKind::MissingFrame,
    FaultKind::StaleFrame,
    FaultKind::RepeatedFrame,
    FaultKind::LateFrame,
    FaultKind::CameraStall,
    FaultKind::HeightDropout,
];

impl Inspector {
    /// The camera takes its next picture when it is due, and what is seen in it is told.
    pub(super) fn watch(&mut self, now_us: u64, device: &mut impl Device, eyes: &impl Eyes) {
        if now_us < self.frame_us {
            return;
        }
        self.frame_us = now_us + FRAME_US;
        if !self.camera.sees() {
            return;
        }
        if self.missing > 0 {
            self.missing -= 1;
            return;
        }
        self.frames += 1;
        let (seen, shows) = eyes.region();
        let mut picture = Picture {
            exposure: Exposure {
                number: self.frames,
                at_us: now_us,
            },
            seen,
            shows,
        };
        let mut told_us = now_us + HEARD_AFTER_US;
        match (self.take(&FAULTS), self.last_picture) {
            (None, _) => {}
            (Some((FaultKind::LateFrame, size)), _) => {
                // It is the next one that is taken late.
                self.frame_us = now_us + 10_000 + 150 * size;
            }
            (Some((FaultKind::CameraStall, size)), _) => {
                told_us = now_us + 30_000 + 1_500 * size;
                self.frame_us = told_us;
                self.stall = Some((now_us, told_us));
            }
            (Some((FaultKind::StaleFrame, _)), Some(last)) => {
                picture = last;
                picture.exposure = Exposure {
                    number: self.frames,
                    at_us: last.exposure.at_us + 1,
                };
            }
            (Some((FaultKind::RepeatedFrame, size)), Some(last)) => {
                picture = last;
                // Some drivers stamp what they hand out, not what was taken.
                if size >= 500 {
                    picture.exposure.at_us = now_us;
                }
            }
            (Some((FaultKind::HeightDropout, _)), _) => {
                picture.seen = Seen {
                    share: 0.0,
                    is_whole: false,
                    offset: 0.0,
                };
            }
            (Some((_, size)), _) => {
                self.missing = size % 6;
                return;
            }
        }
        self.last_picture = Some(picture);
        if let Some(sight) = device.picture(picture) {
            self.tell(told_us, Told::Sight(sight), None);
        }
    }

    /// Hands over the pictures that tickets name.
    pub(super) fn name(&mut self, now_us: u64, device: &mut impl Device) {
        while let Some(ticket) = self.tickets.pop_front() {
            let Some(picture) = device.named(ticket.window.from_us) else {
                self.refuse(ticket.number, Reason::StaleFrame, now_us);
                continue;
            };
            let frame = Frame {
                number: ticket.number,
                shows: picture.shows,
                is_partial: picture.shows.is_none() && picture.seen.share > 0.0,
            };
            if let Some(older) = self.slot.replace(frame) {
                self.refuse(older.number, Reason::Overrun, now_us);
            }
        }
    }
}
