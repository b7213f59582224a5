//! The wires of a board. A thread for each chip waits for edges, so that the line process waits for
//! nobody: the kernel's stamps say when an edge came, however late it is heard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never};
use twinspect_core::belt::{Channel, EncoderEdge};
use twinspect_core::recipe::{RecipeEdge, RecipeLevels, RecipeWire};
use twinspect_core::trigger::SensorEdge;
use twinspect_line::gpio::{
    self, GpioError, GpioInputs, GpioLine, GpioSpec, InputEdge, KernelChips,
};
use twinspect_line::{Input, Line, LineError, SimulatedLine};

use super::MachineEdge;
use crate::clock::Clock;
use crate::error::EdgeError;

/// Edges that may wait for the line process. Beyond them the kernel keeps some, and then loses the
/// oldest, which their numbers show.
const EDGES_MAX: usize = 1024;
/// How often a waiting thread looks up whether it should end.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What a waiting thread says; after an error it has ended.
pub(in super::super) type Heard = Result<InputEdge, GpioError>;

/// Threads that wait for edges. They end with it.
struct Readers {
    heard: Receiver<Heard>,
    should_end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    fn start(inputs: Vec<GpioInputs>) -> Self {
        let (sender, heard) = bounded(EDGES_MAX);
        let should_end = Arc::new(AtomicBool::new(false));
        let threads = inputs.into_iter().map(|inputs| {
            let (sender, should_end) = (sender.clone(), Arc::clone(&should_end));
            std::thread::spawn(move || read(inputs, &sender, &should_end))
        });
        let threads: Vec<JoinHandle<()>> = threads.collect();
        Self {
            // Without inputs there is silence, and not an end of what is heard.
            heard: if threads.is_empty() { never() } else { heard },
            threads,
            should_end,
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.should_end.store(true, Ordering::Relaxed);
        // Makes room for a thread that has more to say.
        while self.threads.iter().any(|thread| !thread.is_finished()) {
            if self.heard.recv_timeout(LOOK_UP).is_err() {
                log::debug!("waiting for the threads that read the inputs");
            }
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::warn!("a thread that reads inputs panicked");
            }
        }
    }
}

fn read(mut inputs: GpioInputs, sender: &Sender<Heard>, should_end: &AtomicBool) {
    while !should_end.load(Ordering::Relaxed) {
        let mut is_heard = true;
        let waited = inputs.wait(LOOK_UP, &mut |edge| {
            is_heard &= sender.send(Ok(edge)).is_ok();
        });
        if let Err(error) = waited {
            if sender.send(Err(error)).is_err() {
                log::debug!("nobody listens to the inputs any more");
            }
            return;
        }
        if !is_heard {
            return;
        }
    }
}

/// The board's lines as a station uses them.
pub(super) struct GpioMachine {
    line: GpioLine,
    readers: Readers,
    encoder: [bool; 2],
    recipe_levels: RecipeLevels,
    unheard: Unheard,
    parts_max: Option<u64>,
}

impl GpioMachine {
    pub(super) fn open(
        spec: &GpioSpec,
        settle_us: u64,
        parts_max: Option<u64>,
        clock: Clock,
    ) -> Result<Self, EdgeError> {
        let (line, inputs) = gpio::open(&KernelChips, spec).map_err(LineError::from)?;
        let level = |input| -> Result<bool, LineError> {
            for inputs in &inputs {
                if let Some(level) = inputs.level(input)? {
                    return Ok(level);
                }
            }
            Ok(false)
        };
        let encoder = [level(Input::EncoderA)?, level(Input::EncoderB)?];
        // Edges since the lines were taken are heard later, and end at the level of then.
        let mut recipe_levels = RecipeLevels::default();
        for (bit, input) in (0..).zip(Input::RECIPE) {
            recipe_levels = recipe_levels.with(RecipeWire::Bit(bit), level(input)?);
        }
        recipe_levels = recipe_levels.with(RecipeWire::Strobe, level(Input::RecipeStrobe)?);
        Ok(Self {
            line,
            readers: Readers::start(inputs),
            encoder,
            recipe_levels,
            unheard: Unheard::new(clock, settle_us),
            parts_max,
        })
    }

    pub(super) fn heard(&self) -> Receiver<Heard> {
        self.readers.heard.clone()
    }

    pub(super) fn encoder(&self) -> [bool; 2] {
        self.encoder
    }

    pub(super) fn recipe_levels(&self) -> RecipeLevels {
        self.recipe_levels
    }

    pub(super) fn limit(&mut self, parts_max: u64) {
        self.parts_max = Some(self.parts_max.map_or(parts_max, |max| max.min(parts_max)));
    }

    pub(super) fn take_recorded(&mut self) {
        self.parts_max = self.parts_max.map(|max| max.saturating_sub(1));
    }

    pub(super) fn has_ended(&self, triggered: u64) -> bool {
        self.parts_max.is_some_and(|max| triggered >= max)
    }

    pub(super) fn hear(&mut self, heard: Heard) -> Result<(), EdgeError> {
        let edge = heard.map_err(LineError::from)?;
        self.unheard.push(edge);
        Ok(())
    }

    pub(super) fn gather(&mut self) -> Result<(), EdgeError> {
        for _ in 0..EDGES_MAX {
            match self.readers.heard.try_recv() {
                Ok(heard) => self.hear(heard)?,
                Err(_) => break,
            }
        }
        self.unheard.sort();
        Ok(())
    }

    pub(super) fn next(&mut self, now_us: u64) -> Option<MachineEdge> {
        self.unheard.pop(now_us)
    }

    pub(super) fn next_us(&self) -> Option<u64> {
        self.unheard.next_us()
    }

    pub(super) fn line(&mut self) -> &mut dyn Line {
        &mut self.line
    }

    pub(super) fn record(&self) -> &SimulatedLine {
        self.line.record()
    }
}

/// Edges that the station has not heard yet, by the clock that decides.
///
/// The kernel stamps an edge at once, and tells of it by a thread of that wire's own
/// (`edge_irq_thread` of `drivers/gpio/gpiolib-cdev.c`): edges of two wires, of one chip too, may be told in the
/// other order. A count that is heard after the front that lay behind it puts the part at a wrong place,
/// and two channels of an encoder in the wrong order turn the belt back. So edges wait until what came
/// before them must have been told.
struct Unheard {
    clock: Clock,
    settle_us: u64,
    edges: VecDeque<(u64, MachineEdge)>,
    /// Stamp of the last edge that was heard.
    heard_us: u64,
}

impl Unheard {
    fn new(clock: Clock, settle_us: u64) -> Self {
        Self {
            clock,
            settle_us,
            edges: VecDeque::with_capacity(EDGES_MAX),
            heard_us: 0,
        }
    }

    fn push(&mut self, edge: InputEdge) {
        let at_us = self.clock.at_us(edge.at_ns);
        self.edges.push_back((at_us, told(edge, at_us)));
    }

    /// The station wants edges in the order of their stamps. Those of one wire are in order already, and
    /// stay so.
    fn sort(&mut self) {
        self.edges
            .make_contiguous()
            .sort_by_key(|(at_us, _)| *at_us);
    }

    fn next_us(&self) -> Option<u64> {
        let (at_us, _) = self.edges.front()?;
        Some(at_us.saturating_add(self.settle_us))
    }

    fn pop(&mut self, now_us: u64) -> Option<MachineEdge> {
        self.next_us().filter(|due_us| *due_us <= now_us)?;
        let (at_us, _) = self.edges.front()?;
        if *at_us < self.heard_us {
            self.heard_us = *at_us;
            return Some(MachineEdge::OutOfOrder);
        }
        self.heard_us = *at_us;
        self.edges.pop_front().map(|(_, edge)| edge)
    }
}

/// What an edge is to the station.
fn told(edge: InputEdge, at_us: u64) -> MachineEdge {
    let InputEdge {
        input,
        level,
        line_seqno,
        ..
    } = edge;
    let encoder = |channel| {
        MachineEdge::Encoder(EncoderEdge {
            channel,
            level,
            at_us,
            line_seqno,
        })
    };
    let recipe = |wire| MachineEdge::Recipe(RecipeEdge { wire, level, at_us });
    match input {
        Input::Sensor => MachineEdge::Sensor(SensorEdge {
            level,
            at_us,
            line_seqno,
        }),
        Input::EncoderA => encoder(Channel::A),
        Input::EncoderB => encoder(Channel::B),
        Input::Ack => MachineEdge::Ack(level),
        Input::Recipe0 => recipe(RecipeWire::Bit(0)),
        Input::Recipe1 => recipe(RecipeWire::Bit(1)),
        Input::Recipe2 => recipe(RecipeWire::Bit(2)),
        Input::Recipe3 => recipe(RecipeWire::Bit(3)),
        Input::RecipeStrobe => recipe(RecipeWire::Strobe),
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::TryRecvError;

    use super::*;

    fn edge(input: Input, at_ns: u64, line_seqno: u32) -> InputEdge {
        InputEdge {
            input,
            level: true,
            at_ns,
            line_seqno,
        }
    }

    #[test]
    fn edges_of_several_chips_are_heard_in_the_order_of_their_stamps() {
        let mut unheard = Unheard::new(Clock::start(), 0);
        let later_ns = u64::MAX / 2;
        for edge in [
            edge(Input::Sensor, later_ns + 9_000, 2),
            edge(Input::EncoderA, later_ns, 7),
            edge(Input::EncoderB, later_ns + 4_000, 7),
            edge(Input::Sensor, 5, 1),
        ] {
            unheard.push(edge);
        }
        unheard.sort();
        let heard = all(&mut unheard, u64::MAX);
        assert_eq!(heard, [("sensor", 1), ("a", 7), ("b", 7), ("sensor", 2)]);
    }

    /// What is heard by a moment.
    fn all(unheard: &mut Unheard, now_us: u64) -> Vec<(&'static str, u32)> {
        std::iter::from_fn(|| unheard.pop(now_us))
            .map(|edge| match edge {
                MachineEdge::Sensor(edge) => ("sensor", edge.line_seqno),
                MachineEdge::Encoder(edge) if edge.channel == Channel::A => ("a", edge.line_seqno),
                MachineEdge::Encoder(edge) => ("b", edge.line_seqno),
                MachineEdge::Ack(_) => ("ack", 0),
                MachineEdge::Recipe(_) => ("recipe", 0),
                MachineEdge::OutOfOrder => ("out of order", 0),
            })
            .collect()
    }

    #[test]
    fn a_front_waits_for_the_count_before_it_that_is_told_later() {
        let clock = Clock::start();
        let mut unheard = Unheard::new(clock, 2_000);
        let zero_ns = u64::MAX / 2;
        let zero_us = clock.at_us(zero_ns);
        unheard.push(edge(Input::Sensor, zero_ns + 1_000_000, 1));
        unheard.sort();
        assert_eq!(unheard.next_us(), Some(zero_us + 3_000));
        assert_eq!(all(&mut unheard, zero_us + 2_999), []);
        unheard.push(edge(Input::EncoderA, zero_ns + 900_000, 1));
        unheard.sort();
        assert_eq!(
            all(&mut unheard, zero_us + 3_000),
            [("a", 1), ("sensor", 1)]
        );
        assert_eq!(unheard.next_us(), None);
    }

    #[test]
    fn what_is_told_too_late_is_called_out_of_order_once_and_then_heard() {
        let clock = Clock::start();
        let mut unheard = Unheard::new(clock, 2_000);
        let zero_ns = u64::MAX / 2;
        unheard.push(edge(Input::EncoderB, zero_ns + 100_000, 1));
        assert_eq!(all(&mut unheard, u64::MAX), [("b", 1)]);
        unheard.push(edge(Input::EncoderA, zero_ns, 1));
        unheard.push(edge(Input::Sensor, zero_ns + 200_000, 1));
        unheard.sort();
        let heard = all(&mut unheard, u64::MAX);
        assert_eq!(heard, [("out of order", 0), ("a", 1), ("sensor", 1)]);
    }

    #[test]
    fn a_station_without_inputs_hears_nothing_and_goes_on() {
        let readers = Readers::start(Vec::new());
        assert_eq!(readers.heard.try_recv().unwrap_err(), TryRecvError::Empty);
    }

    #[test]
    fn edges_of_recipe_lines_carry_their_worth_and_the_kernel_s_stamp() {
        let told = |input| told(edge(input, 5, 1), 7);
        let wires = Input::RECIPE.into_iter().chain([Input::RecipeStrobe]);
        let edges: Vec<MachineEdge> = wires.map(told).collect();
        let expected = (0..4).map(RecipeWire::Bit).chain([RecipeWire::Strobe]);
        let expected: Vec<MachineEdge> = expected
            .map(|wire| RecipeEdge {
                wire,
                level: true,
                at_us: 7,
            })
            .map(MachineEdge::Recipe)
            .collect();
        assert_eq!(edges, expected);
    }

    #[test]
    fn ack_is_a_level_without_a_time() {
        assert_eq!(told(edge(Input::Ack, 5, 1), 5), MachineEdge::Ack(true));
    }
}
