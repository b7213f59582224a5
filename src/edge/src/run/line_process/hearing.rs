//! What the line process hears of the inspect process.

use twinspect_core::gate::Outcome;
use twinspect_core::station::Inspector as Said;
use twinspect_core::trigger::Sight;

use super::{EVENTS_MAX, LineProcess};
use crate::chaos;
use crate::engines::Fault;
use crate::error::EdgeError;
use crate::run::camera_end::CameraEnd;
use crate::run::inspector::{Ending, Heard, InspectorEvent};
use crate::run::messages::InspectorMessage;

/// Exit codes of an inspect process for which a new try is senseless: the station's files are wrong,
/// or its model can't be proven here.
const HOPELESS: [u8; 4] = [2, 3, 4, 5];
/// Those of them that another model may not have.
const OF_THE_MODEL: [u8; 2] = [4, 5];

impl LineProcess {
    /// What the inspect process has said by now is heard before anything is decided: a picture may show
    /// what time alone would take for missing.
    pub(super) fn hear_all(&mut self) -> Result<(), EdgeError> {
        for _ in 0..EVENTS_MAX {
            match self.events.try_recv() {
                Ok(event) => self.hear(event)?,
                Err(_) => break,
            }
        }
        Ok(())
    }

    pub(super) fn hear(&mut self, event: InspectorEvent) -> Result<(), EdgeError> {
        let now_us = self.clock.now_us();
        let InspectorEvent { generation, what } = event;
        if self.models.is_candidate(generation) {
            self.hear_candidate(generation, what);
            return Ok(());
        }
        if self.reserve.is_spare(generation) {
            self.hear_spare(generation, what);
            return Ok(());
        }
        let makes_way = self.station.changeover().is_releasing();
        // Another model may do better. Once the end is heard, it may be in charge already.
        let has_way_back =
            self.station.changeover().has_way_back() || self.station.unchosen().is_some();
        let said = match &what {
            Heard::Message(InspectorMessage::Ready(_)) => Said::Ready,
            Heard::Message(InspectorMessage::Proven(_)) => {
                if generation == self.in_charge {
                    self.engine.proven();
                }
                Said::Proven
            }
            Heard::Message(InspectorMessage::Failed {
                why,
                exit_code,
                fault,
            }) => {
                if generation == self.in_charge {
                    self.models.failed(why.clone(), Some(*exit_code));
                    self.engine.failed(*fault);
                    self.excuse(generation, *fault, now_us);
                }
                return Ok(());
            }
            Heard::Message(InspectorMessage::Sight(sight)) => {
                return self.see(generation, *sight, now_us);
            }
            // No sign of life, like a part's answer: the thread that owns the camera gives it too.
            Heard::Message(InspectorMessage::Trial(told)) => {
                self.tried(told.clone());
                return Ok(());
            }
            // The last word of one that makes way.
            Heard::Message(InspectorMessage::Heartbeat {
                metrics, figures, ..
            }) if makes_way && generation == self.in_charge => {
                self.report.metrics(*metrics, *figures);
                return Ok(());
            }
            Heard::Message(InspectorMessage::Heartbeat { metrics, sees, .. }) => {
                let inspector = self.inspector.as_mut();
                let tickets = metrics.tickets + metrics.trials;
                if !inspector.is_some_and(|heard| heard.heartbeat(generation, tickets)) {
                    return Ok(());
                }
                if *sees {
                    self.engine.life()
                } else {
                    Said::Blind
                }
            }
            Heard::Message(InspectorMessage::CameraEnded { .. }) => self.engine.life(),
            Heard::Message(InspectorMessage::Verdict(told)) => Said::Verdict {
                number: told.number,
                outcome: Outcome::from(&told.verdict),
            },
            Heard::Closed => Said::Closed,
            Heard::Ended(_) => Said::Ended,
        };
        if !self.station.inspector(generation, said, now_us) {
            return Ok(());
        }
        match what {
            Heard::Message(InspectorMessage::Ready(ready)) => {
                if let Some(parts) = ready.parts_left {
                    let triggered = self.station.trigger().counters().parts;
                    self.machine.limit(parts, triggered);
                }
                self.engine.ready(&ready.engine);
                self.look_after_plans(&ready.engine);
                // Before anything is shown.
                if self.engine.life() == Said::Slow {
                    self.station.inspector(generation, Said::Slow, now_us);
                }
                self.report.ready(&ready)?;
                let active = self.station.changeover().standing().active;
                self.models.ready(active, &ready.model.bundle);
                self.restock();
                self.service.inspector(ready);
                self.machine.start(now_us);
            }
            Heard::Message(InspectorMessage::Verdict(told)) => {
                chaos::answer(told.number, &told.verdict);
                self.report.told(told, now_us);
            }
            Heard::Message(InspectorMessage::Heartbeat {
                metrics, figures, ..
            }) => {
                self.report.metrics(metrics, figures);
            }
            Heard::Message(InspectorMessage::CameraEnded { damage }) => {
                log::info!(
                    "no more pictures come: the parts under way leave, then this station ends"
                );
                self.camera_end = Some(CameraEnd { damage });
                self.machine.stop();
            }
            Heard::Message(
                InspectorMessage::Sight(_)
                | InspectorMessage::Trial(_)
                | InspectorMessage::Proven(_)
                | InspectorMessage::Failed { .. },
            ) => {}
            Heard::Closed => {
                if let Some(inspector) = self.inspector.take() {
                    inspector.close();
                }
            }
            Heard::Ended(ending) if makes_way => {
                log::info!("the inspect process has made way: {ending}");
            }
            Heard::Ended(ending) => {
                if let Ending::Code(code) = ending
                    && (HOPELESS.contains(&code) || self.engine.lacks_its_plans(code))
                    && !self.station.supervisor().was_up()
                    && !(OF_THE_MODEL.contains(&code)
                        && has_way_back
                        && !self.engine.has_failed_by(Fault::Machine))
                {
                    return Err(EdgeError::InspectProcess { code });
                }
                if self.engine.was_dismissed(ending) {
                    log::info!("the inspect process has ended, as it was asked to");
                } else {
                    log::error!("the inspect process has ended: {ending}");
                }
                let before = self.engine.permission();
                self.engine.ended(ending, now_us);
                if self.engine.permission() != before {
                    self.station.renew_reserve();
                }
            }
        }
        Ok(())
    }

    /// The process in charge is about to end by a fault, which may be none of its model's.
    fn excuse(&mut self, generation: u64, fault: Fault, now_us: u64) {
        let said = match fault {
            Fault::Bundle | Fault::Model => return,
            Fault::Machine => Said::MachineFailed,
            Fault::Camera => Said::CameraFailed,
        };
        self.station.inspector(generation, said, now_us);
    }

    /// The camera has told what a picture shows.
    fn see(&mut self, generation: u64, sight: Sight, now_us: u64) -> Result<(), EdgeError> {
        // A picture may be younger than edges that nobody has read: of recipe lines, for instance.
        self.read_edges(now_us)?;
        let parts = self.station.trigger().counters().parts;
        let mut effects = std::mem::take(&mut self.effects);
        self.station
            .sight(generation, sight, now_us, &mut |effect| {
                effects.push(effect)
            });
        let done = effects
            .drain(..)
            .try_for_each(|effect| self.obey(effect, now_us));
        self.effects = effects;
        for _ in parts..self.station.trigger().counters().parts {
            self.machine.take_part();
        }
        done
    }
}
