//! The process that owns trigger, gate and wires. It waits for nobody: one thread, one loop, times
//! from one monotonic clock.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use twinspect_core::gate::{Action, Admission, Gate, Outcome};
use twinspect_core::supervision::{Order, Supervisor};
use twinspect_core::verdict::Reason;
use twinspect_line::{Edge, Line, Output, SimulatedLine};

use super::inspector::{Heard, Inspector, InspectorEvent};
use super::messages::{InspectorMessage, TicketMessage};
use super::station_report::StationReport;
use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::config::{self, Station, TriggerSource};
use crate::error::EdgeError;

/// Events that may wait for the line process; more make the inspect process wait.
const EVENTS_MAX: usize = 64;
/// How long the end of the inspect process is waited for; it is killed before.
const END_MAX: Duration = Duration::from_secs(5);
/// Exit codes of an inspect process for which a new try is senseless: the station's files are wrong,
/// or its model can't be proven here.
const HOPELESS: [u8; 4] = [2, 3, 4, 5];

/// Runs a station until it is told to stop, its recording ends, or it can't be run at all.
pub(crate) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let station = config::load(&args.config)?.station;
    let (signal_sender, signals) = bounded(1);
    let system = |doing| move |source| EdgeError::System { doing, source };
    let mut caught =
        Signals::new([SIGINT, SIGTERM]).map_err(system("asking for the signals of the system"))?;
    let handle = caught.handle();
    let watcher = std::thread::spawn(move || {
        for signal in &mut caught {
            // A second signal of the same meaning adds nothing.
            if signal_sender.try_send(signal).is_err() {
                log::debug!("signal {signal} while another one waits");
            }
        }
    });
    let report = StationReport::new(out, args.json);
    let result = LineProcess::new(&args.config, station, args.parts, report)?.run(&signals);
    handle.close();
    if watcher.join().is_err() {
        log::warn!("the thread that waits for signals panicked");
    }
    result
}

/// A timer in place of a part sensor.
#[derive(Debug)]
struct Trigger {
    period_us: u64,
    next_us: Option<u64>,
    left: Option<u64>,
}

impl Trigger {
    fn new(source: &TriggerSource, parts: Option<u64>) -> Self {
        let TriggerSource::Timer { period } = source;
        Self {
            period_us: (period.as_micros() as u64).max(1),
            next_us: None,
            left: parts,
        }
    }

    /// The belt begins to move, unless it does already.
    fn start(&mut self, now_us: u64) {
        if self.left != Some(0) {
            self.next_us.get_or_insert(now_us);
        }
    }

    fn stop(&mut self) {
        self.left = Some(0);
        self.next_us = None;
    }

    /// No more than so many parts will come.
    fn limit(&mut self, parts: u64) {
        self.left = Some(self.left.map_or(parts, |left| left.min(parts)));
        if self.left == Some(0) {
            self.stop();
        }
    }

    /// Whether a part crosses the sensor now.
    fn fires(&mut self, now_us: u64) -> bool {
        let Some(due_us) = self.next_us.filter(|due_us| *due_us <= now_us) else {
            return false;
        };
        self.next_us = Some(due_us + self.period_us);
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                self.next_us = None;
            }
        }
        true
    }

    fn has_ended(&self) -> bool {
        self.left == Some(0)
    }
}

struct LineProcess<'a> {
    clock: Clock,
    config: &'a Path,
    trigger: Trigger,
    gate: Gate,
    output: Output,
    line: SimulatedLine,
    supervisor: Supervisor,
    inspector: Option<Inspector>,
    generations: u64,
    event_sender: Sender<InspectorEvent>,
    events: Receiver<InspectorEvent>,
    report: StationReport<'a>,
}

impl<'a> LineProcess<'a> {
    fn new(
        config: &'a Path,
        station: Station,
        parts: Option<u64>,
        report: StationReport<'a>,
    ) -> Result<Self, EdgeError> {
        let (event_sender, events) = bounded(EVENTS_MAX);
        Ok(Self {
            clock: Clock::start(),
            config,
            trigger: Trigger::new(&station.trigger, parts),
            gate: Gate::new(station.gate)?,
            output: Output::from(station.gate.mode),
            line: SimulatedLine::new(),
            supervisor: Supervisor::new(station.inspector.supervision()),
            inspector: None,
            generations: 0,
            event_sender,
            events,
            report,
        })
    }

    /// Until the belt has stopped and the last part has left. The wires are at rest afterwards,
    /// whatever happened.
    fn run(mut self, signals: &Receiver<i32>) -> Result<(), EdgeError> {
        let served = self.serve(signals);
        self.line.rest(self.clock.now_us())?;
        if let Some(inspector) = self.inspector.take() {
            inspector.close();
            self.wait_for_end();
        }
        served?;
        self.report
            .finish(self.gate.counters(), &self.line, self.supervisor.restarts())
    }

    fn serve(&mut self, signals: &Receiver<i32>) -> Result<(), EdgeError> {
        loop {
            let now_us = self.clock.now_us();
            // Wires first: they are what the machine around the station waits for.
            self.act(now_us)?;
            while self.trigger.fires(now_us) {
                self.admit(now_us);
            }
            if let Some(order) = self.supervisor.poll(now_us) {
                self.obey(order, now_us);
            }
            let is_idle = self.gate.parts_under_way() == 0 && self.gate.next_tick_us().is_none();
            if self.trigger.has_ended() && is_idle {
                return Ok(());
            }
            self.wait(signals)?;
        }
    }

    /// Waits for the next event or the next thing that is due, whichever is first.
    fn wait(&mut self, signals: &Receiver<i32>) -> Result<(), EdgeError> {
        let due_us = [
            self.gate.next_tick_us(),
            self.trigger.next_us,
            self.supervisor.next_poll_us(),
        ];
        let due = due_us.into_iter().flatten().min();
        let timeout = due.map_or(Duration::from_secs(1), |at| self.clock.until(at));
        crossbeam_channel::select! {
            recv(self.events) -> event => match event {
                Ok(event) => self.hear(event),
                // The line process holds a sender itself.
                Err(_) => Ok(()),
            },
            recv(signals) -> signal => {
                log::info!("signal {signal:?}: the parts under way leave, then this station stops");
                self.trigger.stop();
                Ok(())
            }
            default(timeout) => Ok(()),
        }
    }

    /// Does what the gate wants done by now.
    fn act(&mut self, now_us: u64) -> Result<(), EdgeError> {
        for action in self.gate.tick(now_us) {
            match action {
                Action::Drive { level, number, .. } => self.line.drive(Edge {
                    output: self.output,
                    level,
                    at_us: self.clock.now_us(),
                    part: number,
                })?,
                Action::Leave {
                    number,
                    outcome,
                    due_us,
                } => self.report.leave(number, outcome, due_us)?,
            }
        }
        Ok(())
    }

    /// A part has crossed the sensor.
    fn admit(&mut self, now_us: u64) {
        let Admission::Inspect(ticket) = self.gate.trigger(now_us) else {
            return;
        };
        let message = TicketMessage {
            number: ticket.number,
            decide_within_us: ticket.decide_by_us.saturating_sub(now_us),
        };
        let is_up = self.supervisor.is_up();
        let inspector = self.inspector.as_ref().filter(|_| is_up);
        if !inspector.is_some_and(|inspector| inspector.send(message)) {
            let nobody = Outcome::NoResult(Reason::Inspector);
            self.gate.verdict(ticket.number, nobody, now_us);
        }
    }

    fn obey(&mut self, order: Order, now_us: u64) {
        match order {
            Order::Start => {
                self.generations += 1;
                let started = Inspector::start(
                    self.config,
                    self.gate.counters().triggered,
                    self.generations,
                    self.event_sender.clone(),
                );
                match started {
                    Ok(inspector) => self.inspector = Some(inspector),
                    Err(error) => {
                        log::error!("starting the inspect process: {error}");
                        self.supervisor.ended(now_us);
                    }
                }
            }
            Order::Kill => {
                log::error!("the inspect process is silent: killing it");
                self.gate.abandon(Reason::Inspector, now_us);
                if let Some(inspector) = self.inspector.take() {
                    inspector.kill();
                }
            }
        }
    }

    fn hear(&mut self, event: InspectorEvent) -> Result<(), EdgeError> {
        let now_us = self.clock.now_us();
        if event.generation != self.generations {
            return Ok(());
        }
        match event.what {
            Heard::Message(message) => {
                self.supervisor.heard(now_us);
                self.hear_message(message, now_us)?;
            }
            Heard::Closed => {
                if let Some(inspector) = self.inspector.take() {
                    self.supervisor.lost(now_us);
                    self.gate.abandon(Reason::Inspector, now_us);
                    inspector.close();
                }
            }
            Heard::Ended(code) => {
                if let Some(code) = code.filter(|code| HOPELESS.contains(code))
                    && !self.supervisor.was_up()
                {
                    return Err(EdgeError::InspectProcess { code });
                }
                log::error!("the inspect process has ended, exit code {code:?}");
                self.supervisor.ended(now_us);
            }
        }
        Ok(())
    }

    fn hear_message(&mut self, message: InspectorMessage, now_us: u64) -> Result<(), EdgeError> {
        match message {
            InspectorMessage::Ready(ready) => {
                self.supervisor.ready(now_us);
                if let Some(parts) = ready.parts_left {
                    self.trigger.limit(parts);
                }
                self.report.ready(&ready)?;
                self.trigger.start(now_us);
            }
            InspectorMessage::Verdict(told) => {
                self.gate
                    .verdict(told.number, Outcome::from(&told.verdict), now_us);
                self.report.told(told);
            }
            InspectorMessage::Heartbeat(metrics) => self.report.metrics(metrics),
        }
        Ok(())
    }

    /// Waits for the inspect process to end; what it still says is its last metrics.
    fn wait_for_end(&mut self) {
        let (mut closed, mut ended) = (false, false);
        while !(closed && ended) {
            let Ok(event) = self.events.recv_timeout(END_MAX) else {
                log::warn!("the inspect process has not ended in {END_MAX:?}");
                return;
            };
            match event.what {
                Heard::Closed => closed = true,
                Heard::Ended(_) => ended = true,
                Heard::Message(InspectorMessage::Heartbeat(metrics)) => {
                    self.report.metrics(metrics);
                }
                Heard::Message(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(parts: Option<u64>) -> Trigger {
        let period = Duration::from_micros(100);
        Trigger::new(&TriggerSource::Timer { period }, parts)
    }

    #[test]
    fn a_belt_that_was_not_started_brings_no_parts() {
        assert!(!trigger(None).fires(1_000));
    }

    #[test]
    fn parts_come_at_the_period_even_if_somebody_looks_late() {
        let mut trigger = trigger(None);
        trigger.start(0);
        assert!(trigger.fires(0));
        assert!(!trigger.fires(99));
        assert!(trigger.fires(250));
        assert!(trigger.fires(250), "the part of time 200");
        assert!(!trigger.fires(250));
    }

    #[test]
    fn the_lesser_of_wish_and_recording_ends_the_belt() {
        let mut trigger = trigger(Some(5));
        trigger.limit(1);
        trigger.start(0);
        assert!(trigger.fires(0));
        assert!(trigger.has_ended() && !trigger.fires(1_000));
        trigger.start(2_000);
        assert!(
            !trigger.fires(3_000),
            "a restarted inspector does not start an ended belt"
        );
    }
}
