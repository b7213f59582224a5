//! The process that owns trigger, gate and wires. It waits for nobody: one thread, one loop, times
//! from one monotonic clock.

mod challenge;
mod effects;
mod engine;
mod hearing;
mod models;
mod plans;
mod recipes;
mod requests;
mod reserve;
mod trial;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGTERM};
use twinspect_core::challenge::{Alarm, Challenge};
use twinspect_core::readiness::NotReady;
use twinspect_core::station::{Effect, Station};
use twinspect_line::Output;

use self::engine::EngineWatch;
use self::models::Models;
use self::plans::PlansWatch;
use self::recipes::Recipes;
use self::reserve::Reserve;
use self::trial::Trials;
use super::camera_end::CameraEnd;
use super::challenge_memory::{self, ChallengeMemory};
use super::clerk::{self, Chores, Store};
use super::inspector::{Heard, Inspector, InspectorEvent};
use super::machine::{Machine, MachineEdge};
use super::messages::InspectorMessage;
use super::orders::{self, ORDERS_MAX, Order, SignalWatch};
use super::records_lock::RecordsLock;
use super::reload;
use super::service::Service;
use super::station_lock::StationLock;
use super::station_report::StationReport;
use super::troubles::Troubles;
use super::unseen::Unseen;
use crate::chaos::{self, Place};
use crate::cli::RunArgs;
use crate::clock::Clock;
use crate::config::{self, Loaded};
use crate::control::{self, Server};
use crate::error::EdgeError;
use crate::page::{self, Keeper, Sign};

/// Events that may wait for the line process; more make the inspect process wait.
const EVENTS_MAX: usize = 64;
/// How long the end of the inspect process is waited for; it is killed before.
const END_MAX: Duration = Duration::from_secs(5);

/// Runs a station until it is told to stop, its recording ends, or it can't be run at all.
pub(crate) fn run(args: &RunArgs) -> Result<(), EdgeError> {
    // Until somebody listens to it: a reload that comes too early must end nothing.
    signal_hook::flag::register(SIGHUP, Arc::new(AtomicBool::new(false))).map_err(|source| {
        let doing = "asking for the signals of the system";
        EdgeError::System { doing, source }
    })?;
    let loaded = config::load(&args.config)?;
    let lock = StationLock::take(&args.config)?;
    let records = loaded.station.records.as_ref();
    let _records_lock = records
        .map(|records| RecordsLock::take(&records.ring.folder))
        .transpose()?;
    let (order_sender, orders) = bounded(ORDERS_MAX);
    let wishes = reload::start(args.config.clone(), lock, order_sender.clone());
    let signals = SignalWatch::start(wishes.clone())?;
    let socket = control::for_station(loaded.station.control_socket.as_deref());
    let run = run_name();
    let no_marks = page::token(&loaded.station).err();
    let no_marks = no_marks.map(|why| why.to_string());
    let setup = page::setup(
        &args.config,
        &loaded.station,
        socket.as_deref(),
        run.as_deref(),
    );
    let sign = Sign::default();
    let pictures = setup.as_ref().map(|setup| setup.pictures.clone());
    let store = Store::of(&loaded.station.bundle);
    let (chores, tray) = clerk::chores();
    let others = ForOthers {
        pictures,
        sign: sign.clone(),
        run,
        orders: order_sender.clone(),
    };
    let process = LineProcess::new(args, loaded, store.as_ref(), chores.clone(), others)?;
    clerk::start(store, tray, order_sender.clone());
    let desk = orders::desk(order_sender, wishes, chores);
    let server = socket
        .map(|socket| Server::start(&socket, desk))
        .transpose()?;
    let keeper = setup.map(|setup| Keeper::start(setup, sign, no_marks));
    let result = process.run(&signals.stop, &orders);
    drop(keeper);
    drop(server);
    signals.finish();
    result
}

/// What this run of the station is called in its records, as no other run is; none if the kernel does not say which boot
/// this is.
fn run_name() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{}.{}", boot.trim(), Clock::start().start_ns()))
}

/// What is known beside the loop, and the way into it.
struct ForOthers {
    /// Where pictures for the page go, if there is one.
    pictures: Option<PathBuf>,
    /// What is known of the page.
    sign: Sign,
    /// This run of the station.
    run: Option<String>,
    /// The way back into the loop.
    orders: Sender<Order>,
}

struct LineProcess {
    clock: Clock,
    config: PathBuf,
    /// What the station goes by.
    loaded: Loaded,
    /// Where pictures for the page go, if there is one.
    pictures: Option<PathBuf>,
    /// This run, as its records call it.
    run: Option<String>,
    machine: Machine,
    station: Station,
    output: Output,
    inspector: Option<Inspector>,
    /// Generation of the process in charge.
    in_charge: u64,
    models: Models,
    recipes: Recipes,
    reserve: Reserve,
    /// No more pictures come: a recording has ended.
    camera_end: Option<CameraEnd>,
    /// What spoke against more parts when it was last looked at.
    obstacle: Option<NotReady>,
    /// What the station wants done; memory that is used again.
    effects: Vec<Effect>,
    event_sender: Sender<InspectorEvent>,
    events: Receiver<InspectorEvent>,
    report: StationReport,
    /// Records of parts without a picture, where records are wanted.
    unseen: Option<Unseen>,
    troubles: Troubles,
    trials: Trials,
    engine: EngineWatch,
    plans: PlansWatch,
    service: Service,
    challenge: Challenge,
    /// What was last told of it.
    challenge_alarm: Option<Alarm>,
    /// What a restart knows of it, if anybody is to be reminded.
    challenge_memory: Option<ChallengeMemory>,
}

impl LineProcess {
    fn new(
        args: &RunArgs,
        loaded: Loaded,
        store: Option<&Store>,
        chores: Chores,
        others: ForOthers,
    ) -> Result<Self, EdgeError> {
        let (event_sender, events) = bounded(EVENTS_MAX);
        let station = &loaded.station;
        let (models, standing) = Models::new(&station.bundle, store, chores)?;
        let mut recipes = Recipes::new(station.recipes.as_ref());
        let active = models.id(standing.active);
        let selected = recipes.resume(store, active.as_ref())?;
        let clock = Clock::start();
        let machine = Machine::open(station, args.parts, clock)?;
        let (challenge, challenge_memory) =
            challenge_memory::resume(&station.challenge, clock.now_us());
        let decisions = Station::new(station.decisions, machine.encoder())?
            .with_models(standing)
            .with_recipe_levels(machine.recipe_levels())?;
        let mut process = Self {
            clock,
            config: args.config.clone(),
            station: match selected {
                Some((recipe, true)) => decisions.with_live_recipe(recipe),
                _ => decisions,
            },
            machine,
            output: Output::from(station.decisions.gate.mode),
            inspector: None,
            in_charge: 0,
            models,
            recipes,
            reserve: Reserve::default(),
            camera_end: None,
            obstacle: Some(NotReady::Starting),
            effects: Vec::new(),
            event_sender,
            events,
            report: StationReport::new(args.json),
            unseen: station.records.as_ref().map(|spec| {
                let name = config::station_name(&args.config);
                Unseen::start(spec, &name, others.run.clone())
            }),
            troubles: Troubles::default(),
            trials: Trials::default(),
            engine: EngineWatch::new(&station.engine),
            plans: PlansWatch::new(others.orders),
            service: Service::new(&args.config, station, others.sign),
            pictures: others.pictures,
            run: others.run,
            challenge,
            challenge_alarm: None,
            challenge_memory,
            loaded,
        };
        process.write_challenge(challenge_memory);
        if let Some((recipe, false)) = selected {
            process.station.select(recipe, process.clock.now_us());
        }
        Ok(process)
    }

    /// Until all parts that were wanted have come, or somebody stops it, and the last part has left.
    /// The wires are at rest afterwards, whatever happened.
    fn run(mut self, stop: &Receiver<i32>, orders: &Receiver<Order>) -> Result<(), EdgeError> {
        self.service.up();
        chaos::readiness(self.obstacle);
        let served = self.serve(stop, orders);
        let rested = self.machine.rest(self.clock.now_us());
        self.service.stopping(END_MAX);
        self.models.discard();
        self.reserve.discard();
        if let Some(inspector) = self.inspector.take() {
            inspector.close();
            self.wait_for_end();
        }
        if let Some(unseen) = self.unseen.take() {
            unseen.finish();
        }
        let deadline = Duration::from_micros(self.loaded.station.decisions.gate.deadline_us);
        let ended = served.and(rested).and_then(|()| {
            self.report
                .finish(&self.station, self.machine.record(), deadline)?;
            self.camera_end.take().map_or(Ok(()), CameraEnd::sound)
        });
        self.service
            .finish(ended.as_ref().err().map(|error| error as &dyn Error));
        ended
    }

    fn serve(&mut self, stop: &Receiver<i32>, orders: &Receiver<Order>) -> Result<(), EdgeError> {
        loop {
            self.hear_all()?;
            self.decide()?;
            chaos::meet(Place::Loop, self.station.trigger().counters().parts);
            self.tell_progress();
            self.tell_recipe();
            self.take_plans();
            if let Some(unseen) = &mut self.unseen {
                unseen.write(self.clock.now_us());
            }
            self.service.advanced(&self.station, self.clock.now_us());
            if self.camera_end.is_some()
                || self
                    .machine
                    .has_ended(self.station.trigger().counters().parts)
            {
                self.station.close(self.clock.now_us());
            }
            if self.station.is_drained() {
                return Ok(());
            }
            self.wait(stop, orders)?;
        }
    }

    /// Tells the station all that has come, and does what it wants done.
    fn decide(&mut self) -> Result<(), EdgeError> {
        let now_us = self.clock.now_us();
        self.read_edges(now_us)?;
        let mut effects = std::mem::take(&mut self.effects);
        self.station
            .tick(now_us, &mut |effect| effects.push(effect));
        let done = effects
            .drain(..)
            .try_for_each(|effect| self.obey(effect, now_us));
        self.effects = effects;
        self.tell_readiness();
        self.tell_challenge();
        let (trigger, gate) = (self.station.trigger(), self.station.gate());
        for trouble in self
            .troubles
            .since_last(trigger.counters(), gate.counters())
        {
            log::warn!("{trouble}");
        }
        done
    }

    /// Tells the station of all edges that have come by now; what it wants done waits among the effects.
    fn read_edges(&mut self, now_us: u64) -> Result<(), EdgeError> {
        let effects = &mut self.effects;
        self.machine.gather()?;
        while let Some(edge) = self.machine.next(now_us) {
            match edge {
                MachineEdge::Sensor(edge) => self
                    .station
                    .sensor_edge(edge, &mut |effect| effects.push(effect)),
                MachineEdge::Encoder(edge) => self.station.encoder_edge(edge),
                MachineEdge::Ack(level) => self.station.ack(level),
                MachineEdge::Recipe(edge) => self.station.recipe_edge(edge),
                MachineEdge::OutOfOrder => self.station.edges_out_of_order(now_us),
            }
        }
        Ok(())
    }

    /// One line in the log for each change; READY's wire beats too often for that.
    fn tell_readiness(&mut self) {
        let obstacle = self.station.obstacle();
        if obstacle == self.obstacle {
            return;
        }
        self.obstacle = obstacle;
        chaos::readiness(obstacle);
        match obstacle {
            None => log::info!("ready"),
            Some(NotReady::Closing) => log::info!("not ready: closing"),
            Some(obstacle) => log::warn!("not ready: {}", obstacle.name()),
        }
    }

    /// Waits for the next event or the next thing that is due, whichever is first.
    fn wait(&mut self, stop: &Receiver<i32>, orders: &Receiver<Order>) -> Result<(), EdgeError> {
        let due = [
            self.station.next_tick_us(),
            self.machine.next_us(),
            self.service.next_us(),
            self.challenge_due_us(),
            self.unseen.as_ref().and_then(Unseen::next_us),
        ];
        let due = due.into_iter().flatten().min();
        let timeout = due.map_or(Duration::from_secs(1), |at| self.clock.until(at));
        crossbeam_channel::select! {
            recv(self.events) -> event => match event {
                Ok(event) => self.hear(event),
                // The line process holds a sender itself.
                Err(_) => Ok(()),
            },
            recv(self.machine.heard) -> heard => match heard {
                Ok(heard) => self.machine.hear(heard),
                Err(source) => Err(EdgeError::System {
                    doing: "listening to the threads that read the inputs",
                    source: std::io::Error::other(source),
                }),
            },
            recv(stop) -> signal => {
                // Without anybody who waits for signals, nobody could stop the station later.
                self.stop(signal.unwrap_or(SIGTERM));
                Ok(())
            }
            recv(orders) -> order => match order {
                Ok(order) => self.follow(order),
                // The thread that reads configurations holds a sender.
                Err(_) => Ok(()),
            },
            default(timeout) => Ok(()),
        }
    }

    fn stop(&mut self, signal: i32) {
        log::info!("signal {signal}: the parts under way leave, then this station stops");
        let drain_max = Duration::from_micros(self.loaded.station.decisions.drain_max_us);
        self.service.stopping(drain_max + END_MAX);
        self.station.close(self.clock.now_us());
        self.machine.stop();
    }

    /// Waits for the inspect process to end; what it still says is its last metrics.
    fn wait_for_end(&mut self) {
        let (mut closed, mut ended) = (false, false);
        while !(closed && ended) {
            let Ok(event) = self.events.recv_timeout(END_MAX) else {
                log::warn!("the inspect process has not ended in {END_MAX:?}");
                return;
            };
            if event.generation != self.in_charge {
                continue;
            }
            match event.what {
                Heard::Closed => closed = true,
                Heard::Ended(_) => ended = true,
                Heard::Message(InspectorMessage::Heartbeat {
                    metrics, figures, ..
                }) => {
                    self.report.metrics(metrics, figures);
                }
                Heard::Message(_) => {}
            }
        }
    }
}
