//! Tests that move a wire: a pulse to look at, and a jumper from an output to an input.
//!
//! The kernel can't say whether a pin follows: some drivers read an output back from their own
//! register (Linux, gpio-tegra186.c), and on JetPack 6 a pin is an output only if the pin multiplexer
//! says so (NVIDIA/jetson-gpio, issue 114). Only a wire to another pin shows it.

use std::time::Duration;

use super::find::find;
use super::outputs::{hold_output, not_held};
use super::{Chips, GpioError, InputWish, OutputLine, Place, Wired};
use crate::{Input, Output};

/// Time that a level has to come through opto couplers and back.
const SETTLE: Duration = Duration::from_millis(50);
/// Rounds of both levels.
const ROUNDS: usize = 3;

/// What an input said of the output that it is wired to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoopBack {
    /// It followed every time.
    Follows,
    /// It followed, but with the other level.
    Inverted,
    /// It kept this level, whatever the output was told.
    Stuck {
        /// The level that the input has.
        level: bool,
    },
    /// It followed now and then.
    Unsteady,
}

impl LoopBack {
    /// In words, of a named input.
    pub(super) fn at(self, input: &str) -> String {
        match self {
            Self::Follows => format!("the pin follows: {input} has seen each level"),
            Self::Inverted => format!("the pin follows the other way round: {input} is inverted"),
            Self::Stuck { level: true } => format!("the pin did not follow: {input} stays high"),
            Self::Stuck { level: false } => format!("the pin did not follow: {input} stays low"),
            Self::Unsteady => format!("{input} follows now and then"),
        }
    }

    /// The remedy.
    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::Follows => None,
            Self::Inverted => Some(
                "a driver or an opto coupler inverts: set active_low of one of the two wires, as \
                 the machine's wiring needs it",
            ),
            Self::Stuck { .. } => Some(
                "if the jumper sits right, set the pinmux: on JetPack 6 a pin is an output only if \
                 an overlay or jetson-io makes it a bidirectional GPIO, tristate off (docs/line.md, \
                 section 1)",
            ),
            Self::Unsteady => {
                Some("a loose jumper, something else that drives the pin, or a slow driver")
            }
        }
    }
}

impl std::fmt::Display for LoopBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.at("the input"))
    }
}

/// Gives one pulse on an output, and leaves it low.
///
/// # Errors
/// [`GpioError`] if the line can't be held or driven.
pub fn pulse(
    chips: &dyn Chips,
    consumer: &str,
    output: &Wired<Output>,
    width: Duration,
    wait: &mut dyn FnMut(Duration),
) -> Result<Place, GpioError> {
    let (place, mut line) = hold_output(chips, &chips.lines()?, output, consumer, false)?;
    let driven = set(&mut *line, output, &place, true);
    if driven.is_ok() {
        wait(width);
    }
    set(&mut *line, output, &place, false)?;
    driven?;
    Ok(place)
}

/// Drives an output with both levels and looks at the input that it is wired to. The output is left
/// low.
///
/// # Errors
/// [`GpioError`] if a line can't be held, driven or read.
pub fn loop_back(
    chips: &dyn Chips,
    consumer: &str,
    output: &Wired<Output>,
    input: &Wired<Input>,
    wait: &mut dyn FnMut(Duration),
) -> Result<LoopBack, GpioError> {
    let lines = chips.lines()?;
    let name = input.wire.name();
    let input_place = find(&lines, name, &input.line)?.place.clone();
    let wish = InputWish {
        offset: input_place.offset,
        active_low: input.active_low,
        debounce: Duration::ZERO,
    };
    let reader = chips
        .hold_inputs(&input_place.chip, &format!("{consumer} {name}"), &[wish])
        .map_err(|source| not_held(chips, name, input_place.clone(), source))?;
    let (place, mut line) = hold_output(chips, &lines, output, consumer, false)?;
    let mut seen = Vec::new();
    for level in [true, false].into_iter().cycle().take(2 * ROUNDS) {
        set(&mut *line, output, &place, level)?;
        wait(SETTLE);
        let read = reader
            .level(wish.offset)
            .map_err(|source| GpioError::Read {
                chip: input_place.chip.clone(),
                source,
            })?;
        seen.push((level, read));
    }
    // A jumper joins the pins, whatever their levels mean.
    let is_crossed = output.active_low != input.active_low;
    Ok(judge(&seen, is_crossed))
}

fn judge(seen: &[(bool, bool)], is_crossed: bool) -> LoopBack {
    let follows = |inverted| {
        seen.iter()
            .all(|(driven, read)| (driven ^ is_crossed ^ inverted) == *read)
    };
    let stuck = seen
        .first()
        .map(|(_, read)| *read)
        .filter(|level| seen.iter().all(|(_, read)| read == level));
    match stuck {
        _ if follows(false) => LoopBack::Follows,
        _ if follows(true) => LoopBack::Inverted,
        Some(level) => LoopBack::Stuck { level },
        None => LoopBack::Unsteady,
    }
}

fn set(
    line: &mut dyn OutputLine,
    output: &Wired<Output>,
    place: &Place,
    level: bool,
) -> Result<(), GpioError> {
    line.set(level).map_err(|source| GpioError::Drive {
        wire: output.wire.name(),
        place: place.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::super::double::{Double, Operation, found, input, output};
    use super::*;

    fn chips() -> Double {
        Double::new([found("main", 1, "PASS"), found("main", 2, "SENSOR")])
    }

    fn test(chips: &Double, output_low: bool, input_low: bool) -> LoopBack {
        let mut output = output(Output::Pass, "PASS");
        output.active_low = output_low;
        let mut input = input(Input::Sensor, "SENSOR");
        input.active_low = input_low;
        let verdict = loop_back(chips, "twinspect check", &output, &input, &mut |_| {});
        assert_eq!(chips.held(), 0, "both lines were given back");
        verdict.unwrap()
    }

    #[test]
    fn a_jumper_shows_whether_the_pin_follows() {
        let chips = chips();
        assert_eq!(test(&chips, false, false), LoopBack::Stuck { level: false });
        chips.jumper(1, 2);
        assert_eq!(test(&chips, false, false), LoopBack::Follows);
        chips.cut_off(1);
        assert_eq!(test(&chips, false, false), LoopBack::Stuck { level: false });
        assert_eq!(test(&chips, false, true), LoopBack::Stuck { level: true });
    }

    #[test]
    fn inverted_wires_are_no_fault_of_the_pin() {
        for (output_low, input_low) in [(true, true), (true, false), (false, true)] {
            let chips = chips();
            chips.jumper(1, 2);
            assert_eq!(test(&chips, output_low, input_low), LoopBack::Follows);
        }
    }

    #[test]
    fn readings_are_judged_as_a_whole() {
        use LoopBack::{Follows, Inverted, Stuck, Unsteady};
        let judged = |seen: &[(bool, bool)]| judge(seen, false);
        assert_eq!(judged(&[(true, true), (false, false)]), Follows);
        assert_eq!(judged(&[(true, false), (false, true)]), Inverted);
        let level = true;
        assert_eq!(judged(&[(true, true), (false, true)]), Stuck { level });
        let now_and_then = [(true, true), (false, false), (true, false), (false, false)];
        assert_eq!(judged(&now_and_then), Unsteady);
    }

    #[test]
    fn a_pulse_lasts_as_long_as_it_should_and_ends_low() {
        let chips = chips();
        let width = Duration::from_millis(30);
        let mut waited = Duration::ZERO;
        let seen = chips.clone();
        pulse(
            &chips,
            "twinspect check",
            &output(Output::Pass, "PASS"),
            width,
            &mut |time| {
                assert_eq!(seen.level(1), Some(true));
                waited += time;
            },
        )
        .unwrap();
        assert_eq!(waited, width);
        assert_eq!(chips.level(1), Some(false));
        let held = Operation::Hold {
            offset: 1,
            level: false,
        };
        assert_eq!(chips.log()[0], held);
    }
}
