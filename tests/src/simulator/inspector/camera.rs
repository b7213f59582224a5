//! The capture thread's double: a picture for each ticket, if the camera gives one.

use twinspect_core::verdict::Reason;

use super::{Capture, Frame, Inspector, READOUT_US};
use crate::simulator::device::{Device, Exposure};
use crate::simulator::fault::FaultKind;

impl Inspector {
    /// The camera takes its picture, and hands it over.
    pub(super) fn photograph(
        &mut self,
        now_us: u64,
        device: &mut impl Device,
        sees: &impl Fn() -> Option<usize>,
    ) {
        let Some(capture) = &mut self.capture else {
            return;
        };
        if let Some(at_us) = capture.expose_us {
            if at_us <= now_us {
                capture.expose_us = None;
                capture.exposure.at_us = now_us;
                capture.shows = sees();
            }
            return;
        }
        let Some(capture) = self.capture.take_if(|capture| capture.done_us <= now_us) else {
            return;
        };
        let number = capture.ticket.number;
        if capture.is_missing || !self.camera.sees() {
            self.refuse(number, Reason::Camera, now_us);
            return;
        }
        self.last = Some((capture.exposure, capture.shows));
        if !device.believes(capture.exposure, capture.ticket.window) {
            self.refuse(number, Reason::StaleFrame, now_us);
            return;
        }
        let frame = Frame {
            number,
            shows: capture.shows,
            is_partial: false,
        };
        if let Some(older) = self.slot.replace(frame) {
            self.refuse(older.number, Reason::Overrun, now_us);
        }
    }

    /// Asks the camera for the next ticket's picture.
    pub(super) fn ask(
        &mut self,
        now_us: u64,
        device: &mut impl Device,
        sees: &impl Fn() -> Option<usize>,
    ) {
        while self.capture.is_none()
            && let Some(ticket) = self.tickets.pop_front()
        {
            if !device.may_expose(ticket.window, now_us) {
                self.refuse(ticket.number, Reason::StaleFrame, now_us);
                continue;
            }
            self.frames += 1;
            let mut capture = Capture {
                ticket,
                asked_us: now_us,
                expose_us: None,
                done_us: now_us + READOUT_US,
                exposure: Exposure {
                    number: self.frames,
                    at_us: now_us,
                },
                shows: None,
                is_missing: false,
            };
            let fault = self.take(&[
                FaultKind::MissingFrame,
                FaultKind::StaleFrame,
                FaultKind::RepeatedFrame,
                FaultKind::LateFrame,
                FaultKind::CameraStall,
            ]);
            match (fault, self.last) {
                (Some((FaultKind::StaleFrame, _)), Some((last, shows))) => {
                    capture.exposure.at_us = last.at_us + 1;
                    capture.shows = shows;
                }
                (Some((FaultKind::RepeatedFrame, size)), Some((last, shows))) => {
                    capture.exposure.number = last.number;
                    capture.shows = shows;
                    // Some drivers stamp what they hand out, not what was taken.
                    if size < 500 {
                        capture.exposure.at_us = last.at_us;
                    }
                }
                (Some((FaultKind::LateFrame, size)), _) => {
                    let at_us = now_us + 10_000 + 150 * size;
                    capture.expose_us = Some(at_us);
                    capture.done_us = at_us + READOUT_US;
                }
                (Some((FaultKind::CameraStall, size)), _) => {
                    capture.shows = sees();
                    capture.done_us = now_us + 30_000 + 1_500 * size;
                }
                (Some(_), _) => capture.is_missing = true,
                (None, _) => capture.shows = sees(),
            }
            self.capture = Some(capture);
        }
    }
}
