//! `twinspect check --line`: wire by wire what would work, and tests that move a wire on request.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use twinspect_line::gpio::{
    self, Chips, GpioError, GpioSpec, KernelChips, LoopBack, WireFinding, WireState, Wired,
};
use twinspect_line::{Input, Output};

use crate::cli::{CheckArgs, Jumper};
use crate::clock::Clock;
use crate::config::{LineSource, Station};
use crate::error::EdgeError;
use crate::replay::write_json;

/// Who holds a line while it is tested.
const CONSUMER: &str = "twinspect check";
/// Columns of the table, longer problems are wrapped.
const WIDTH: u16 = 100;
/// How the names begin by which stations hold their lines.
const OURS: &str = "twinspect";

/// What was found of all wires. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    lines: Vec<Wire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pulse: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loop_back: Option<String>,
}

/// One wire.
#[derive(Serialize)]
struct Wire {
    wire: &'static str,
    direction: &'static str,
    name: String,
    active_low: bool,
    state: State,
    device: Option<String>,
    label: Option<String>,
    offset: Option<u32>,
    held_by: Option<String>,
    problem: Option<String>,
    hint: Option<String>,
}

/// Whether a station could use a wire.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It could take it now.
    Free,
    /// A station has it.
    Running,
    /// Somebody else has it.
    Held,
    /// It was not found.
    Lost,
}

/// Checks the wires of a station, and moves those that it is asked to.
pub(super) fn check_line(
    station: &Station,
    args: &CheckArgs,
    out: &mut dyn Write,
) -> Result<(), EdgeError> {
    let LineSource::Gpio { spec, .. } = &station.line else {
        return Err(EdgeError::Usage {
            message: "the configuration has a simulated line, which has no wires to look at".into(),
            hint: "line.kind = \"gpio\" names the wires; station-gpio.toml explains how, in configs/ of the source and \
                   /usr/share/twinspect of a board",
        });
    };
    let chips = KernelChips;
    let (lines, problems): (Vec<Wire>, Vec<Option<GpioError>>) =
        gpio::survey(&chips, spec)?.into_iter().map(look).unzip();
    let mut findings = Findings {
        lines,
        pulse: None,
        loop_back: None,
    };
    if !args.json {
        print_wires(out, &findings.lines)?;
    }
    let tested = match problems.into_iter().flatten().next() {
        Some(problem) => Err(problem.into()),
        None => test(&chips, station, spec, args, &mut findings),
    };
    if args.json {
        write_json(out, &findings)?;
    } else if tested.is_ok() {
        print_tests(out, &findings)?;
    }
    tested
}

/// A wire's row, and why a station could not use it.
fn look(finding: WireFinding) -> (Wire, Option<GpioError>) {
    let (state, place, held_by, problem) = match finding.state {
        WireState::Free(place) => (State::Free, Some(place), None, None),
        WireState::Held { place, by } if by.starts_with(OURS) => {
            (State::Running, Some(place), Some(by), None)
        }
        WireState::Held { place, by } => {
            let busy = GpioError::Busy {
                wire: finding.wire,
                place: place.clone(),
                by: by.clone(),
            };
            (State::Held, Some(place), Some(by), Some(busy))
        }
        WireState::Lost(error) => (State::Lost, None, None, Some(error)),
    };
    let row = Wire {
        wire: finding.wire,
        direction: if finding.is_output { "output" } else { "input" },
        name: finding.line.name,
        active_low: finding.active_low,
        state,
        device: place.as_ref().map(|place| place.chip.display().to_string()),
        label: place.as_ref().map(|place| place.label.clone()),
        offset: place.as_ref().map(|place| place.offset),
        held_by,
        problem: problem.as_ref().map(ToString::to_string),
        hint: problem.as_ref().and_then(GpioError::hint),
    };
    (row, problem)
}

/// The tests that were asked for.
fn test(
    chips: &dyn Chips,
    station: &Station,
    spec: &GpioSpec,
    args: &CheckArgs,
    findings: &mut Findings,
) -> Result<(), EdgeError> {
    let rejector = Output::from(station.decisions.gate.mode);
    let pulsed = if args.pulse {
        Some(wired(&spec.outputs, rejector.name(), Output::name)?)
    } else {
        None
    };
    let joined = match &args.loop_back {
        Some(Jumper { output, input }) => Some((
            wired(&spec.outputs, output, Output::name)?,
            wired(&spec.inputs, input, Input::name)?,
        )),
        None => None,
    };
    let moved: Vec<&str> = pulsed
        .into_iter()
        .chain(joined.map(|(output, _)| output))
        .map(|output| output.wire.name())
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    agree(args.yes, &moved)?;
    let clock = Clock::start();
    let mut wait = |time| clock.wait(time);
    if let Some(output) = pulsed {
        let width = Duration::from_micros(station.decisions.gate.pulse_us);
        gpio::pulse(chips, CONSUMER, output, width, &mut wait)?;
        findings.pulse = Some(output.wire.name());
    }
    if let Some((output, input)) = joined {
        let seen = gpio::loop_back(chips, CONSUMER, output, input, &mut wait)?;
        findings.loop_back = Some(seen.to_string());
        if seen != LoopBack::Follows {
            return Err(GpioError::Unfaithful {
                wire: output.wire.name(),
                input: input.wire.name(),
                seen,
            }
            .into());
        }
    }
    Ok(())
}

/// A wire of the configuration by its name.
fn wired<'a, W: Copy>(
    wires: &'a [Wired<W>],
    wanted: &str,
    name: impl Fn(W) -> &'static str,
) -> Result<&'a Wired<W>, EdgeError> {
    let found = wires.iter().find(|wired| name(wired.wire) == wanted);
    found.ok_or_else(|| {
        let known: Vec<&str> = wires.iter().map(|wired| name(wired.wire)).collect();
        EdgeError::Usage {
            message: format!(
                "the configuration has no such wire as {wanted:?} there, only {}",
                known.join(", ")
            ),
            hint: "--loop-back takes an output, then an input: pass=sensor",
        }
    })
}

/// Wires move things: somebody has to want that.
fn agree(is_agreed: bool, wires: &[&str]) -> Result<(), EdgeError> {
    if is_agreed {
        return Ok(());
    }
    let wires = wires.join(" and ");
    let refused = || EdgeError::Usage {
        message: format!("wire {wires} would move, and with it the machine"),
        hint: "keep clear of the machine, then say --yes",
    };
    if !std::io::stdin().is_terminal() {
        return Err(refused());
    }
    anstream::eprint!("wire {wires} will move, and with it the machine. Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(refused()),
    }
}

fn print_wires(out: &mut dyn Write, wires: &[Wire]) -> Result<(), EdgeError> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    table.set_header(["wire", "", "line", "found at", "state"]);
    for wire in wires {
        let place = match (&wire.device, &wire.label, wire.offset) {
            (Some(device), Some(label), Some(offset)) => {
                format!("{device} ({label}) line {offset}")
            }
            _ => "-".to_owned(),
        };
        let polarity = if wire.active_low { ", active low" } else { "" };
        let held_by = wire.held_by.as_deref().unwrap_or_default();
        let state = match wire.state {
            State::Free => "free".to_owned(),
            State::Running => format!("in use by a station ({held_by})"),
            State::Held => format!("HELD by {held_by}"),
            State::Lost => wire.problem.clone().unwrap_or_default(),
        };
        let (direction, line) = (wire.direction, format!("{}{polarity}", wire.name));
        table.add_row([wire.wire, direction, &line, &place, &state]);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn print_tests(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    if let Some(wire) = findings.pulse {
        writeln!(out, "\npulse      given on {wire}: has the rejector moved?")?;
    }
    if let Some(seen) = &findings.loop_back {
        writeln!(out, "\nloop-back  {seen}")?;
    }
    if findings.pulse.is_none() && findings.loop_back.is_none() {
        writeln!(
            out,
            "\nNo wire was touched: whether the pins follow shows --loop-back, whether the rejector \
             moves, --pulse."
        )?;
    }
    Ok(())
}
