//! Chips that are played: they keep a log of what was done to them, and pins that can be jumpered,
//! taken by others, broken, or cut off from the controller.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::chips::Lines;
use super::{
    Chips, Found, GpioError, GpioSpec, InputLines, InputWish, LineName, OutputLine, OutputWish,
    Place, RawEdge, Wired,
};
use crate::{Input, Output, Stopped};

const EBUSY: i32 = 16;

/// What was done to a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Hold { offset: u32, level: bool },
    Set { offset: u32, level: bool },
    Read { wish: InputWish },
}

#[derive(Debug, Default)]
struct State {
    found: Vec<Found>,
    log: Vec<Operation>,
    /// Levels at the pins, by number; the tests need no two outputs with one number.
    pins: BTreeMap<u32, bool>,
    /// From an input to the output that is its other end.
    jumpers: BTreeMap<u32, u32>,
    cut_off: BTreeSet<u32>,
    broken: BTreeMap<u32, i32>,
    edges: BTreeMap<PathBuf, VecDeque<RawEdge>>,
}

impl State {
    fn check(&self, offset: u32) -> io::Result<()> {
        match self.broken.get(&offset) {
            Some(code) => Err(io::Error::from_raw_os_error(*code)),
            None => Ok(()),
        }
    }

    fn hold(&mut self, chip: &Path, offset: u32, consumer: &str) -> io::Result<()> {
        self.check(offset)?;
        let found = self
            .found
            .iter_mut()
            .find(|found| found.place.chip == chip && found.place.offset == offset)
            .ok_or(io::ErrorKind::NotFound)?;
        if found.held_by.is_some() {
            return Err(io::Error::from_raw_os_error(EBUSY));
        }
        found.held_by = Some(consumer.to_owned());
        Ok(())
    }

    fn give_back(&mut self, chip: &Path, offset: u32) {
        for found in &mut self.found {
            if found.place.chip == chip && found.place.offset == offset {
                found.held_by = None;
            }
        }
    }

    fn drive(&mut self, offset: u32, pin: bool) {
        if !self.cut_off.contains(&offset) {
            self.pins.insert(offset, pin);
        }
    }
}

/// The chips.
#[derive(Debug, Clone, Default)]
pub(super) struct Double {
    state: Arc<Mutex<State>>,
}

impl Double {
    pub(super) fn new<const N: usize>(found: [Found; N]) -> Self {
        let double = Self::default();
        double.state().found = found.to_vec();
        double
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn log(&self) -> Vec<Operation> {
        self.state().log.clone()
    }

    /// The level at a pin, once it was driven.
    pub(super) fn level(&self, offset: u32) -> Option<bool> {
        self.state().pins.get(&offset).copied()
    }

    /// Lines that somebody called twinspect holds.
    pub(super) fn held(&self) -> usize {
        let is_ours = |found: &&Found| {
            let by = found.held_by.as_ref();
            by.is_some_and(|by| by.starts_with("twinspect"))
        };
        self.state().found.iter().filter(is_ours).count()
    }

    /// Somebody else holds a line.
    pub(super) fn take(&self, offset: u32, by: &str) {
        for found in &mut self.state().found {
            if found.place.offset == offset {
                found.held_by = Some(by.to_owned());
            }
        }
    }

    /// Everything that is done to a line fails.
    pub(super) fn break_line(&self, offset: u32, code: i32) {
        self.state().broken.insert(offset, code);
    }

    pub(super) fn mend_line(&self, offset: u32) {
        self.state().broken.remove(&offset);
    }

    /// A wire between two pins.
    pub(super) fn jumper(&self, output: u32, input: u32) {
        self.state().jumpers.insert(input, output);
    }

    /// The pin belongs to another function: it does not follow what the controller is told.
    pub(super) fn cut_off(&self, offset: u32) {
        self.state().cut_off.insert(offset);
    }

    /// Somebody outside drives a pin high. Its edge is another matter: [`happens`](Self::happens).
    pub(super) fn pull_up(&self, offset: u32) {
        self.state().drive(offset, true);
    }

    /// A chip sees edges.
    pub(super) fn happens<const N: usize>(&self, chip: &str, edges: [RawEdge; N]) {
        let chip = device(chip);
        self.state().edges.entry(chip).or_default().extend(edges);
    }
}

impl Chips for Double {
    fn lines(&self) -> Result<Lines, GpioError> {
        Ok(Lines {
            found: self.state().found.clone(),
            closed: Vec::new(),
        })
    }

    fn hold_output(&self, wish: OutputWish<'_>) -> io::Result<Box<dyn OutputLine>> {
        let (chip, offset) = (&wish.place.chip, wish.place.offset);
        let mut state = self.state();
        state.hold(chip, offset, wish.consumer)?;
        state.log.push(Operation::Hold {
            offset,
            level: wish.level,
        });
        state.drive(offset, wish.level ^ wish.active_low);
        Ok(Box::new(HeldOutput {
            double: self.clone(),
            chip: chip.clone(),
            offset,
            active_low: wish.active_low,
        }))
    }

    fn hold_inputs(
        &self,
        chip: &Path,
        consumer: &str,
        wishes: &[InputWish],
    ) -> io::Result<Box<dyn InputLines>> {
        let mut held = HeldInputs {
            double: self.clone(),
            chip: chip.to_owned(),
            wishes: Vec::new(),
        };
        for wish in wishes {
            let mut state = self.state();
            let taken = state.hold(chip, wish.offset, consumer);
            state.log.push(Operation::Read { wish: *wish });
            drop(state);
            taken?;
            held.wishes.push(*wish);
        }
        Ok(Box::new(held))
    }
}

struct HeldOutput {
    double: Double,
    chip: PathBuf,
    offset: u32,
    active_low: bool,
}

impl OutputLine for HeldOutput {
    fn set(&mut self, level: bool) -> io::Result<()> {
        let mut state = self.double.state();
        state.check(self.offset)?;
        let offset = self.offset;
        state.log.push(Operation::Set { offset, level });
        state.drive(offset, level ^ self.active_low);
        Ok(())
    }
}

impl Drop for HeldOutput {
    fn drop(&mut self) {
        self.double.state().give_back(&self.chip, self.offset);
    }
}

struct HeldInputs {
    double: Double,
    chip: PathBuf,
    wishes: Vec<InputWish>,
}

impl InputLines for HeldInputs {
    fn level(&self, offset: u32) -> io::Result<bool> {
        let state = self.double.state();
        state.check(offset)?;
        let pin = state.jumpers.get(&offset).unwrap_or(&offset);
        let pin = state.pins.get(pin).copied().unwrap_or(false);
        let wish = self.wishes.iter().find(|wish| wish.offset == offset);
        Ok(pin ^ wish.is_some_and(|wish| wish.active_low))
    }

    fn wait(&mut self, _timeout: Duration, edges: &mut Vec<RawEdge>) -> io::Result<()> {
        let mut state = self.double.state();
        for wish in &self.wishes {
            state.check(wish.offset)?;
        }
        if let Some(seen) = state.edges.get_mut(&self.chip) {
            edges.extend(seen.drain(..));
        }
        Ok(())
    }
}

impl Drop for HeldInputs {
    fn drop(&mut self) {
        for wish in &self.wishes {
            self.double.state().give_back(&self.chip, wish.offset);
        }
    }
}

fn device(chip: &str) -> PathBuf {
    Path::new("/dev").join(chip)
}

/// A free line.
pub(super) fn found(chip: &str, offset: u32, name: &str) -> Found {
    Found {
        place: Place {
            chip: device(chip),
            label: chip.to_owned(),
            offset,
        },
        name: name.to_owned(),
        held_by: None,
    }
}

fn wired<W>(wire: W, name: &str) -> Wired<W> {
    Wired {
        wire,
        line: LineName {
            name: name.to_owned(),
            chip: None,
        },
        active_low: false,
    }
}

pub(super) fn output(wire: Output, name: &str) -> Wired<Output> {
    wired(wire, name)
}

pub(super) fn input(wire: Input, name: &str) -> Wired<Input> {
    wired(wire, name)
}

pub(super) fn spec(outputs: Vec<Wired<Output>>, inputs: Vec<Wired<Input>>) -> GpioSpec {
    GpioSpec {
        consumer: "twinspect".to_owned(),
        outputs,
        inputs,
        stopped: Stopped::Rejects,
        ack_debounce: Duration::from_millis(2),
    }
}
