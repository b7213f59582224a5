//! From the wires as typed to the lines of a board: what a station needs and what it can't use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinspect_core::belt::EncoderKind;
use twinspect_line::gpio::{GpioSpec, LineName, Wired};
use twinspect_line::{Input, Output, Stopped};

use super::checker::StationError;
use super::typed::{OutputToml, StationToml, TriggerChoice};

/// Who holds the lines.
const CONSUMER: &str = "twinspect";
/// Linux, GPIO_MAX_NAME_SIZE less the end: longer names don't exist.
const NAME_BYTES_MAX: usize = 31;

/// The wires, and the lines that they are connected to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LineToml {
    pub(crate) kind: LineKind,
    pub(crate) sensor: Option<WireToml>,
    pub(crate) encoder_a: Option<WireToml>,
    pub(crate) encoder_b: Option<WireToml>,
    pub(crate) ack: Option<WireToml>,
    pub(crate) recipe_0: Option<WireToml>,
    pub(crate) recipe_1: Option<WireToml>,
    pub(crate) recipe_2: Option<WireToml>,
    pub(crate) recipe_3: Option<WireToml>,
    pub(crate) recipe_strobe: Option<WireToml>,
    pub(crate) pass: Option<WireToml>,
    pub(crate) reject: Option<WireToml>,
    pub(crate) ready: Option<WireToml>,
    pub(crate) busy: Option<WireToml>,
    pub(crate) result_valid: Option<WireToml>,
    pub(crate) ok: Option<WireToml>,
    pub(crate) ng: Option<WireToml>,
    pub(crate) error: Option<WireToml>,
}

impl LineToml {
    /// Takes the wires of recipes out.
    pub(super) fn forget_recipes(&mut self) {
        self.recipe_0 = None;
        self.recipe_1 = None;
        self.recipe_2 = None;
        self.recipe_3 = None;
        self.recipe_strobe = None;
    }
}

/// Lines that this release knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LineKind {
    #[default]
    Simulated,
    Gpio,
}

/// A line of a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireToml {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) chip: Option<String>,
    #[serde(default)]
    pub(crate) active_low: bool,
}

/// What a station wants of a wire, and for which setting.
#[derive(Debug, Clone, Copy)]
enum Use {
    Needed(&'static str),
    Welcome,
    Useless(&'static str),
}

impl Use {
    fn only_if(holds: bool, with: &'static str, without: &'static str) -> Self {
        if holds {
            Self::Needed(with)
        } else {
            Self::Useless(without)
        }
    }
}

fn use_of_input(typed: &StationToml, input: Input) -> Use {
    const NO_ENCODER: &str = "encoder.kind = \"none\"";
    let line = &typed.line;
    let encoder = typed.encoder.kind.kind();
    match input {
        Input::Sensor => {
            let source = typed.trigger.source;
            let is_needed = source == TriggerChoice::Sensor;
            Use::only_if(is_needed, source.setting(), source.setting())
        }
        Input::EncoderA => Use::only_if(encoder.is_some(), "an encoder", NO_ENCODER),
        Input::EncoderB => Use::only_if(
            encoder == Some(EncoderKind::Quadrature),
            "encoder.kind = \"quadrature\"",
            "an encoder of one channel, or none",
        ),
        Input::Ack => use_in_handshake(typed),
        Input::Recipe0 => use_of_recipes(typed, true),
        Input::Recipe1 => use_of_recipes(typed, line.recipe_0.is_some()),
        Input::Recipe2 => use_of_recipes(typed, line.recipe_1.is_some()),
        Input::Recipe3 => use_of_recipes(typed, line.recipe_2.is_some()),
        Input::RecipeStrobe => use_of_recipes(typed, line.recipe_0.is_some()),
    }
}

fn use_of_output(typed: &StationToml, output: Output) -> Use {
    const PASS: &str = "gate.output = \"pass_pulse\"";
    const REJECT: &str = "gate.output = \"reject_pulse\"";
    let passes = typed.gate.output == OutputToml::PassPulse;
    match output {
        Output::Pass => Use::only_if(passes, PASS, REJECT),
        Output::Reject => Use::only_if(!passes, REJECT, PASS),
        // A dead station lets everything through: the machine has to see that it is dead.
        Output::Ready if !passes => Use::Needed(REJECT),
        Output::Ready | Output::Busy => Use::Welcome,
        Output::ResultValid | Output::Ok | Output::Ng | Output::Error => use_in_handshake(typed),
    }
}

/// Wires of a number follow each other, the one that is worth 1 first.
fn use_of_recipes(typed: &StationToml, is_next: bool) -> Use {
    if typed.recipes.list.is_empty() {
        Use::Useless("recipes.list = []")
    } else if is_next {
        Use::Welcome
    } else {
        Use::Useless("a wire of the recipe's number missing before it")
    }
}

fn use_in_handshake(typed: &StationToml) -> Use {
    Use::only_if(
        typed.handshake.enabled,
        "handshake.enabled",
        "handshake.enabled = false",
    )
}

/// The wires of a station, with everything that is wrong with them.
pub(super) fn gpio(typed: &StationToml, ack_debounce: Duration) -> (GpioSpec, Vec<StationError>) {
    let mut problems = Vec::new();
    let line = &typed.line;
    let outputs: Vec<Wired<Output>> = Output::ALL
        .into_iter()
        .filter_map(|output| {
            let (wire, usage) = (wire_of_output(line, output), use_of_output(typed, output));
            connected(output, output.name(), wire, usage, &mut problems)
        })
        .collect();
    let inputs: Vec<Wired<Input>> = Input::ALL
        .into_iter()
        .filter_map(|input| {
            let (wire, usage) = (wire_of_input(line, input), use_of_input(typed, input));
            connected(input, input.name(), wire, usage, &mut problems)
        })
        .collect();
    let outputs_of = outputs.iter().map(|wired| (wired.wire.name(), &wired.line));
    let inputs_of = inputs.iter().map(|wired| (wired.wire.name(), &wired.line));
    let lines: Vec<(&str, &LineName)> = outputs_of.chain(inputs_of).collect();
    problems.extend(
        lines
            .iter()
            .enumerate()
            .filter_map(|(place, (wire, line))| {
                let (other, _) = lines[..place].iter().find(|(_, before)| before == line)?;
                Some(StationError::Wire {
                    wire,
                    problem: format!("has the line {line} of wire {other}"),
                })
            }),
    );
    let spec = GpioSpec {
        consumer: CONSUMER.to_owned(),
        outputs,
        inputs,
        stopped: Stopped::from(typed.gate.stopped),
        ack_debounce,
    };
    (spec, problems)
}

/// Wires that a simulated line has no use for.
pub(super) fn unused(typed: &StationToml) -> Vec<StationError> {
    let line = &typed.line;
    debug_assert_eq!(line.kind, LineKind::Simulated);
    let outputs = Output::ALL.map(|output| (output.name(), wire_of_output(line, output)));
    let inputs = Input::ALL.map(|input| (input.name(), wire_of_input(line, input)));
    let wires = outputs.into_iter().chain(inputs);
    let useless = wires.filter(|(_, wire)| wire.is_some());
    let useless = useless.map(|(wire, _)| StationError::Wire {
        wire,
        problem: "is not used with line.kind = \"simulated\": take it out".to_owned(),
    });
    let handshake = typed.handshake.enabled.then(|| StationError::Wire {
        wire: "ack",
        problem: "can't be played: handshake.enabled needs line.kind = \"gpio\"".to_owned(),
    });
    useless.chain(handshake).collect()
}

fn connected<W>(
    wire: W,
    name: &'static str,
    typed: Option<&WireToml>,
    usage: Use,
    problems: &mut Vec<StationError>,
) -> Option<Wired<W>> {
    let problem = match (usage, typed) {
        (Use::Needed(by), None) => Some(format!("is needed with {by}: name = \"...\"")),
        (Use::Useless(with), Some(_)) => Some(format!("is not used with {with}: take it out")),
        (_, Some(typed)) if !(1..=NAME_BYTES_MAX).contains(&typed.name.len()) => Some(format!(
            "has the name {:?}: names have 1 to {NAME_BYTES_MAX} letters",
            typed.name
        )),
        _ => None,
    };
    if let Some(problem) = problem {
        problems.push(StationError::Wire {
            wire: name,
            problem,
        });
    }
    typed.map(|typed| Wired {
        wire,
        line: LineName {
            name: typed.name.clone(),
            chip: typed.chip.clone(),
        },
        active_low: typed.active_low,
    })
}

pub(super) fn wire_of_input(line: &LineToml, input: Input) -> Option<&WireToml> {
    match input {
        Input::Sensor => line.sensor.as_ref(),
        Input::EncoderA => line.encoder_a.as_ref(),
        Input::EncoderB => line.encoder_b.as_ref(),
        Input::Ack => line.ack.as_ref(),
        Input::Recipe0 => line.recipe_0.as_ref(),
        Input::Recipe1 => line.recipe_1.as_ref(),
        Input::Recipe2 => line.recipe_2.as_ref(),
        Input::Recipe3 => line.recipe_3.as_ref(),
        Input::RecipeStrobe => line.recipe_strobe.as_ref(),
    }
}

fn wire_of_output(line: &LineToml, output: Output) -> Option<&WireToml> {
    match output {
        Output::Pass => line.pass.as_ref(),
        Output::Reject => line.reject.as_ref(),
        Output::Ready => line.ready.as_ref(),
        Output::Busy => line.busy.as_ref(),
        Output::ResultValid => line.result_valid.as_ref(),
        Output::Ok => line.ok.as_ref(),
        Output::Ng => line.ng.as_ref(),
        Output::Error => line.error.as_ref(),
    }
}
