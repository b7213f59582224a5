//! Inputs that are held, and their edges as the station hears them.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::chips::Lines;
use super::find::find;
use super::outputs::not_held;
use super::{Chips, GpioError, GpioSpec, InputLines, InputWish, Place, RawEdge};
use crate::Input;

/// An edge of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputEdge {
    /// The wire.
    pub input: Input,
    /// The level after the edge.
    pub level: bool,
    /// Nanoseconds of CLOCK_MONOTONIC, by the kernel's stamp.
    pub at_ns: u64,
    /// The kernel's number of this edge among those of its wire.
    pub line_seqno: u32,
}

/// Inputs of one chip.
pub struct GpioInputs {
    chip: PathBuf,
    lines: Box<dyn InputLines>,
    /// Number in the chip and wire of each.
    wires: Vec<(u32, Input)>,
    /// Memory that is used again.
    raw: Vec<RawEdge>,
}

impl GpioInputs {
    /// The wire's level now, if it is one of these.
    ///
    /// # Errors
    /// [`GpioError::Read`].
    pub fn level(&self, input: Input) -> Result<Option<bool>, GpioError> {
        let wire = self.wires.iter().find(|(_, wire)| *wire == input);
        let level = wire.map(|(offset, _)| self.lines.level(*offset));
        level.transpose().map_err(|source| self.unread(source))
    }

    /// Waits for edges, at most for so long, and hands over those that have come.
    ///
    /// # Errors
    /// [`GpioError::Read`]: nothing more will come.
    pub fn wait(
        &mut self,
        timeout: Duration,
        sink: &mut impl FnMut(InputEdge),
    ) -> Result<(), GpioError> {
        let waited = self.lines.wait(timeout, &mut self.raw);
        for raw in self.raw.drain(..) {
            let wire = self.wires.iter().find(|(offset, _)| *offset == raw.offset);
            if let Some((_, input)) = wire {
                sink(InputEdge {
                    input: *input,
                    level: raw.level,
                    at_ns: raw.at_ns,
                    line_seqno: raw.line_seqno,
                });
            }
        }
        waited.map_err(|source| self.unread(source))
    }

    fn unread(&self, source: io::Error) -> GpioError {
        GpioError::Read {
            chip: self.chip.clone(),
            source,
        }
    }
}

/// Holds all inputs of a spec, those of one chip together.
pub(super) fn hold(
    chips: &dyn Chips,
    lines: &Lines,
    spec: &GpioSpec,
) -> Result<Vec<GpioInputs>, GpioError> {
    let mut by_chip: BTreeMap<PathBuf, Vec<(Input, Place, InputWish)>> = BTreeMap::new();
    for input in &spec.inputs {
        let place = find(lines, input.wire.name(), &input.line)?.place.clone();
        let wish = InputWish {
            offset: place.offset,
            active_low: input.active_low,
            debounce: match input.wire {
                Input::Ack => spec.ack_debounce,
                // Stamps tell what bounces, and lose nothing to a chip that rounds.
                Input::Sensor
                | Input::EncoderA
                | Input::EncoderB
                | Input::Recipe0
                | Input::Recipe1
                | Input::Recipe2
                | Input::Recipe3
                | Input::RecipeStrobe => Duration::ZERO,
            },
        };
        let chip = by_chip.entry(place.chip.clone()).or_default();
        chip.push((input.wire, place, wish));
    }
    by_chip
        .into_iter()
        .map(|(chip, wires)| {
            let wishes: Vec<InputWish> = wires.iter().map(|(_, _, wish)| *wish).collect();
            let lines = chips
                .hold_inputs(&chip, &spec.consumer, &wishes)
                .map_err(|source| blame(chips, &wires, source))?;
            Ok(GpioInputs {
                chip,
                lines,
                wires: wires
                    .into_iter()
                    .map(|(input, place, _)| (place.offset, input))
                    .collect(),
                raw: Vec::new(),
            })
        })
        .collect()
}

/// The kernel refuses a chip's inputs together: finds the one that somebody holds.
fn blame(chips: &dyn Chips, wires: &[(Input, Place, InputWish)], source: io::Error) -> GpioError {
    let found = chips.lines().map(|lines| lines.found).unwrap_or_default();
    let is_held = |place: &Place| {
        let line = found.iter().find(|found| found.place == *place);
        line.is_some_and(|line| line.held_by.is_some())
    };
    let culprit = wires.iter().find(|(_, place, _)| is_held(place));
    match culprit.or(wires.first()) {
        Some((input, place, _)) => not_held(chips, input.name(), place.clone(), source),
        None => GpioError::NoChips,
    }
}

#[cfg(test)]
mod tests {
    use super::super::double::{Double, Operation, found, input, spec};
    use super::*;

    fn chips() -> Double {
        Double::new([
            found("main", 1, "SENSOR"),
            found("main", 2, "ACK"),
            found("aon", 1, "COUNT"),
        ])
    }

    fn station() -> GpioSpec {
        spec(
            Vec::new(),
            vec![
                input(Input::Sensor, "SENSOR"),
                input(Input::Ack, "ACK"),
                input(Input::EncoderA, "COUNT"),
            ],
        )
    }

    fn raw(offset: u32, level: bool, line_seqno: u32) -> RawEdge {
        RawEdge {
            offset,
            level,
            at_ns: 1_000 * u64::from(line_seqno),
            line_seqno,
        }
    }

    fn hold_all(chips: &Double) -> Result<Vec<GpioInputs>, GpioError> {
        hold(chips, &chips.lines()?, &station())
    }

    #[test]
    fn inputs_of_a_chip_are_held_together_and_ack_alone_is_debounced_by_the_kernel() {
        let chips = chips();
        assert_eq!(hold_all(&chips).unwrap().len(), 2);
        let debounced: Vec<(u32, bool)> = chips
            .log()
            .iter()
            .filter_map(|operation| match operation {
                Operation::Read { wish } => Some((wish.offset, !wish.debounce.is_zero())),
                _ => None,
            })
            .collect();
        assert_eq!(debounced, [(1, false), (1, false), (2, true)]);
    }

    #[test]
    fn edges_carry_the_wire_the_kernel_s_stamp_and_its_number() {
        let chips = chips();
        let mut inputs = hold_all(&chips).unwrap();
        let main = inputs
            .iter_mut()
            .find(|inputs| inputs.chip.ends_with("main"))
            .unwrap();
        chips.happens("main", [raw(1, true, 7), raw(2, true, 1), raw(1, false, 9)]);
        let mut told = Vec::new();
        main.wait(Duration::ZERO, &mut |edge| told.push(edge))
            .unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|edge| (edge.input, edge.level, edge.at_ns, edge.line_seqno))
            .collect();
        assert_eq!(
            told,
            [
                (Input::Sensor, true, 7_000, 7),
                (Input::Ack, true, 1_000, 1),
                (Input::Sensor, false, 9_000, 9),
            ]
        );
        assert_eq!(main.level(Input::Sensor).unwrap(), Some(false));
        assert_eq!(main.level(Input::EncoderA).unwrap(), None);
    }

    #[test]
    fn recipe_lines_have_their_levels_and_undelayed_edges() {
        let [first, second, third, fourth] = Input::RECIPE;
        let wires = [first, second, third, fourth, Input::RecipeStrobe];
        let mut offset = 0;
        let chips = Double::new(wires.map(|wire| {
            offset += 1;
            found("main", offset, wire.name())
        }));
        let all = wires.map(|wire| input(wire, wire.name())).to_vec();
        let spec = spec(Vec::new(), all);
        let mut inputs = hold(&chips, &chips.lines().unwrap(), &spec).unwrap();
        assert_eq!(inputs.len(), 1, "one request for a chip");
        for offset in [1, 3, 5] {
            chips.pull_up(offset);
        }
        chips.happens("main", [raw(1, true, 1), raw(3, true, 1), raw(5, true, 1)]);
        let mut told = Vec::new();
        inputs[0]
            .wait(Duration::ZERO, &mut |edge| {
                told.push((edge.input, edge.level));
            })
            .unwrap();
        let rose = [Input::Recipe0, Input::Recipe2, Input::RecipeStrobe];
        assert_eq!(told, rose.map(|wire| (wire, true)));
        for wire in Input::RECIPE {
            let is_high = rose.contains(&wire);
            assert_eq!(inputs[0].level(wire).unwrap(), Some(is_high), "{wire}");
        }
        let is_delayed = |operation: &Operation| matches!(operation, Operation::Read { wish } if !wish.debounce.is_zero());
        assert!(!chips.log().iter().any(is_delayed));
    }

    #[test]
    fn the_wire_that_somebody_holds_is_named_although_the_kernel_does_not_say() {
        let chips = chips();
        chips.take(2, "plc-bridge");
        let error = hold_all(&chips).err().unwrap();
        assert!(
            matches!(&error, GpioError::Busy { wire: "ack", by, .. } if by == "plc-bridge"),
            "{error}"
        );
        assert_eq!(chips.held(), 0);
    }

    #[test]
    fn a_chip_that_is_taken_away_is_an_error_and_no_silence() {
        let chips = chips();
        let mut inputs = hold_all(&chips).unwrap();
        chips.break_line(1, 19);
        let error = inputs[0].wait(Duration::ZERO, &mut |_| {}).unwrap_err();
        assert!(matches!(error, GpioError::Read { .. }), "{error}");
    }
}
