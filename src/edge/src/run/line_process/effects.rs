//! What the station wants done: wires driven, parts told of, tickets handed over, inspect processes started and ended.
//! What it wants of models, recipes and the reserve is done by the modules of that name.

use std::io;

use twinspect_core::changeover::Model;
use twinspect_core::gate::{Action, Outcome, Ticket};
use twinspect_core::handshake::HandshakeWires;
use twinspect_core::station::{Effect, Inspector as Said};
use twinspect_line::{Edge, Output};
use twinspect_store::records::ModelFacts;

use super::LineProcess;
use crate::clock;
use crate::error::EdgeError;
use crate::run::inspector::Inspector;
use crate::run::messages::{Errand, SetupMessage, TicketMessage};
use crate::run::unseen::Missed;

impl LineProcess {
    pub(super) fn obey(&mut self, effect: Effect, now_us: u64) -> Result<(), EdgeError> {
        match effect {
            Effect::Gate(Action::Drive { level, number, .. }) => {
                self.drive(self.output, level, number)?;
            }
            Effect::Gate(Action::Leave {
                number,
                outcome,
                due_us,
            }) => {
                self.challenged(number, outcome, now_us);
                self.miss(number, outcome, now_us);
                if let Some(left) = self.report.leave(number, outcome, due_us)? {
                    self.service.left(left, now_us);
                }
            }
            Effect::Inspect(ticket) => self.hand_over(ticket),
            Effect::Start { generation, model } => self.start(generation, model, now_us),
            Effect::Kill => {
                log::error!("the inspect process is silent: killing it");
                if let Some(inspector) = self.inspector.take() {
                    inspector.kill();
                }
            }
            Effect::Replace => {
                if let Some(inspector) = self.inspector.take() {
                    inspector.kill();
                }
            }
            Effect::Prove { generation, model } => self.prove(generation, model),
            Effect::Engage { generation, model } => self.engage(generation, model),
            Effect::Reserve { generation, model } => self.weigh(generation, model),
            Effect::Spare { generation } => self.spare(generation),
            Effect::Seek(recipe) => self.seek(recipe),
            Effect::Chosen(chosen) => self.chosen(chosen),
            Effect::Discard => self.models.discard(),
            Effect::Release => self.release(),
            Effect::TakeOver => self.put_in_charge(),
            Effect::Record(standing) => self.record(standing),
            Effect::Settled(settlement) => self.settled(settlement),
            Effect::RolledBack { from, to, why } => self.rolled_back(from, to, why),
            Effect::Ready(level) => self.drive(Output::Ready, level, 0)?,
            Effect::Busy(level) => self.drive(Output::Busy, level, 0)?,
            Effect::Handshake(wires) => self.tell_result(wires)?,
        }
        Ok(())
    }

    /// A part that leaves without a result and without a picture has a record too; and one that was to pass, since of those
    /// the inspect process need not keep any.
    fn miss(&mut self, number: u64, outcome: Outcome, now_us: u64) {
        let (Outcome::NoResult(reason), Some(unseen)) = (outcome, &mut self.unseen) else {
            return;
        };
        if self.report.has_kept(number) {
            return;
        }
        let missed = Missed {
            number,
            reason,
            at_us: now_us,
            time_unix_ms: clock::now_unix_ms(),
        };
        let model = self.service.model();
        unseen.left(missed, || {
            model.map(|model| ModelFacts {
                name: model.name.clone(),
                version: model.version.clone(),
                bundle: model.bundle.clone(),
            })
        });
    }

    /// RESULT VALID comes before the others when it falls, and after them when it rises.
    fn tell_result(&mut self, wires: HandshakeWires) -> Result<(), EdgeError> {
        let HandshakeWires {
            result_valid,
            ok,
            ng,
            error,
        } = wires;
        if !result_valid {
            self.drive(Output::ResultValid, false, 0)?;
        }
        self.drive(Output::Ok, ok, 0)?;
        self.drive(Output::Ng, ng, 0)?;
        self.drive(Output::Error, error, 0)?;
        self.drive(Output::ResultValid, result_valid, 0)?;
        self.station.handshake_driven(self.clock.now_us());
        Ok(())
    }

    fn drive(&mut self, output: Output, level: bool, part: u64) -> Result<(), EdgeError> {
        self.machine.drive(Edge {
            output,
            level,
            at_us: self.clock.now_us(),
            part,
        })
    }

    fn hand_over(&mut self, ticket: Ticket) {
        let message = TicketMessage {
            errand: Errand::Part(ticket.number),
            triggered_us: ticket.triggered_us,
            decide_by_us: ticket.decide_by_us,
        };
        self.report.asked(ticket.number, ticket.triggered_us);
        let inspector = self.inspector.as_mut();
        if !inspector.is_some_and(|inspector| inspector.send(message)) {
            self.station.refused(ticket.number);
        }
    }

    fn start(&mut self, generation: u64, model: Model, now_us: u64) {
        self.trials.lost();
        self.engine.start();
        self.in_charge = generation;
        match self.spawn(generation, model, self.parts_seen(), false) {
            Ok(inspector) => self.inspector = Some(inspector),
            Err(error) => {
                log::error!("starting the inspect process: {error}");
                self.station.inspector(generation, Said::Ended, now_us);
            }
        }
    }

    /// Starts an inspect process, which opens its camera after so many parts, or waits.
    pub(super) fn spawn(
        &self,
        generation: u64,
        model: Model,
        seen: u64,
        waits: bool,
    ) -> io::Result<Inspector> {
        let (bundle, digest) = self.models.bundle(model);
        let setup = SetupMessage {
            config: self.loaded.text(&bundle).map_err(io::Error::other)?,
            clock_start_ns: self.clock.start_ns(),
            gpu: self.engine.permission(),
            digest,
            pictures: self.pictures.clone(),
            run: self.run.clone(),
            waits,
        };
        let events = self.event_sender.clone();
        Inspector::start(&self.config, setup, seen, generation, events)
    }

    /// Parts of a recording that were looked at.
    pub(super) fn parts_seen(&self) -> u64 {
        self.station.gate().counters().triggered + self.trials.asked()
    }
}
