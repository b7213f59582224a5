//! Outputs that are held, and never left at a level that lets something through.

use std::io;

use super::chips::Lines;
use super::find::find;
use super::{Chips, GpioError, GpioSpec, OutputLine, OutputWish, Place, Wired};
use crate::{Edge, Line, LineError, Output, SimulatedLine};

/// One output.
struct Held {
    wire: Output,
    place: Place,
    line: Box<dyn OutputLine>,
    safe: bool,
    /// What the kernel was told last; nothing after it refused.
    level: Option<bool>,
}

impl Held {
    fn set(&mut self, level: bool) -> Result<(), GpioError> {
        if self.level == Some(level) {
            return Ok(());
        }
        let taken = self.line.set(level);
        self.level = taken.is_ok().then_some(level);
        taken.map_err(|source| GpioError::Drive {
            wire: self.wire.name(),
            place: self.place.clone(),
            source,
        })
    }
}

/// The outputs of a station.
///
/// They are at their safe levels before it exists and when it is dropped, in a panic too. What a
/// pin does afterwards is up to the kernel and the wiring.
pub struct GpioLine {
    outputs: Vec<Held>,
    record: SimulatedLine,
}

impl GpioLine {
    /// Holds all outputs of a spec at their safe levels.
    pub(super) fn hold(
        chips: &dyn Chips,
        lines: &Lines,
        spec: &GpioSpec,
    ) -> Result<Self, GpioError> {
        let outputs = spec.outputs.iter().map(|output| {
            let safe = output.wire.safe_level(spec.stopped);
            let (place, line) = hold_output(chips, lines, output, &spec.consumer, safe)?;
            Ok(Held {
                wire: output.wire,
                place,
                line,
                safe,
                level: Some(safe),
            })
        });
        Ok(Self {
            outputs: outputs.collect::<Result<_, _>>()?,
            record: SimulatedLine::new(spec.stopped),
        })
    }

    /// The pulses that were given.
    pub fn record(&self) -> &SimulatedLine {
        &self.record
    }

    /// Sets all outputs to their safe levels, those behind a faulty one too.
    fn settle(&mut self) -> Result<(), GpioError> {
        let mut first_error = Ok(());
        for held in &mut self.outputs {
            let safe = held.safe;
            first_error = first_error.and(held.set(safe));
        }
        first_error
    }
}

impl Line for GpioLine {
    /// Drives the wire if the station has it; not every station has every wire.
    fn drive(&mut self, edge: Edge) -> Result<(), LineError> {
        let held = self
            .outputs
            .iter_mut()
            .find(|held| held.wire == edge.output);
        if let Some(held) = held {
            held.set(edge.level)?;
        }
        self.record.drive(edge)
    }

    fn rest(&mut self, at_us: u64) -> Result<(), LineError> {
        let settled = self.settle();
        let recorded = self.record.rest(at_us);
        settled?;
        recorded
    }
}

impl Drop for GpioLine {
    fn drop(&mut self) {
        // Nobody is left to tell: `rest` is for those who want to know.
        self.settle().ok();
    }
}

/// Holds one output, and says who holds it if somebody else does.
pub(super) fn hold_output(
    chips: &dyn Chips,
    lines: &Lines,
    output: &Wired<Output>,
    consumer: &str,
    level: bool,
) -> Result<(Place, Box<dyn OutputLine>), GpioError> {
    let wire = output.wire.name();
    let place = find(lines, wire, &output.line)?.place.clone();
    let wish = OutputWish {
        place: &place,
        consumer: &format!("{consumer} {wire}"),
        active_low: output.active_low,
        level,
    };
    match chips.hold_output(wish) {
        Ok(line) => Ok((place, line)),
        Err(source) => Err(not_held(chips, wire, place, source)),
    }
}

/// Why a line was not given.
pub(super) fn not_held(
    chips: &dyn Chips,
    wire: &'static str,
    place: Place,
    source: io::Error,
) -> GpioError {
    if source.kind() != io::ErrorKind::ResourceBusy {
        return GpioError::Hold {
            wire,
            place,
            source,
        };
    }
    // It may have been taken since the lines were looked at.
    let holder = chips.lines().ok().and_then(|lines| {
        let found = lines.found.into_iter().find(|found| found.place == place);
        found.and_then(|found| found.held_by)
    });
    GpioError::Busy {
        wire,
        place,
        by: holder.unwrap_or_else(|| "a kernel driver".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::double::{Double, Operation, found, output, spec};
    use super::*;
    use crate::Stopped;

    fn edge(output: Output, level: bool, at_us: u64) -> Edge {
        Edge {
            output,
            level,
            at_us,
            part: 1,
        }
    }

    fn chips() -> Double {
        Double::new([
            found("main", 1, "PASS"),
            found("main", 2, "READY"),
            found("main", 3, "REJECT"),
        ])
    }

    fn station() -> GpioSpec {
        spec(
            vec![output(Output::Pass, "PASS"), output(Output::Ready, "READY")],
            Vec::new(),
        )
    }

    fn hold(chips: &Double, spec: &GpioSpec) -> Result<GpioLine, GpioError> {
        GpioLine::hold(chips, &chips.lines()?, spec)
    }

    #[test]
    fn outputs_are_held_at_their_safe_levels_and_driven() {
        let chips = chips();
        let mut line = hold(&chips, &station()).unwrap();
        line.drive(edge(Output::Pass, true, 10)).unwrap();
        line.drive(edge(Output::Pass, true, 11)).unwrap();
        line.drive(edge(Output::Pass, false, 40)).unwrap();
        line.drive(edge(Output::Busy, true, 41)).unwrap();
        let held = |offset| Operation::Hold {
            offset,
            level: false,
        };
        let set = |level| Operation::Set { offset: 1, level };
        assert_eq!(chips.log(), [held(1), held(2), set(true), set(false)]);
        assert_eq!(line.record().pulse_count(), 1);
    }

    #[test]
    fn a_reject_wire_is_held_high_until_somebody_decides() {
        let chips = chips();
        let mut spec = spec(vec![output(Output::Reject, "REJECT")], Vec::new());
        drop(hold(&chips, &spec).unwrap());
        spec.stopped = Stopped::Passes;
        drop(hold(&chips, &spec).unwrap());
        let levels: Vec<bool> = chips
            .log()
            .iter()
            .filter_map(|operation| match operation {
                Operation::Hold { level, .. } => Some(*level),
                _ => None,
            })
            .collect();
        assert_eq!(levels, [true, false]);
    }

    #[test]
    fn a_panic_leaves_all_wires_safe() {
        let chips = chips();
        let mut line = hold(&chips, &station()).unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            line.drive(edge(Output::Pass, true, 10)).unwrap();
            line.drive(edge(Output::Ready, true, 10)).unwrap();
            panic!("a bug");
        }));
        assert!(panicked.is_err());
        assert_eq!(chips.level(1), Some(false));
        assert_eq!(chips.level(2), Some(false));
        assert_eq!(chips.held(), 0);
    }

    #[test]
    fn one_faulty_wire_keeps_no_other_from_its_safe_level() {
        let chips = chips();
        let mut line = hold(&chips, &station()).unwrap();
        line.drive(edge(Output::Pass, true, 10)).unwrap();
        line.drive(edge(Output::Ready, true, 10)).unwrap();
        chips.break_line(1, 19);
        let error = line.rest(20).unwrap_err();
        assert!(error.to_string().contains("wire pass: driving line 1"));
        assert!(error.hint().unwrap().contains("the chip is gone"));
        assert_eq!(chips.level(2), Some(false));
        // The next try does not take the refused level for one that was reached.
        chips.mend_line(1);
        line.rest(30).unwrap();
        assert_eq!(chips.level(1), Some(false));
    }

    #[test]
    fn who_holds_a_busy_line_is_named() {
        let chips = chips();
        chips.take(2, "gpio-leds");
        let error = hold(&chips, &station()).err().unwrap();
        assert_eq!(
            error.to_string(),
            "wire ready: line 2 of /dev/main (main) is held by \"gpio-leds\""
        );
        assert!(error.hint().unwrap().contains("gpioinfo"));
        assert_eq!(chips.held(), 0, "the wire before it was given back");
    }

    #[test]
    fn a_pin_that_can_t_be_an_output_is_told_from_missing_rights() {
        for (code, expected) in [(22, "reserved"), (13, "group gpio"), (1, "DeviceAllow")] {
            let chips = chips();
            chips.break_line(1, code);
            let error = hold(&chips, &station()).err().unwrap();
            assert!(matches!(error, GpioError::Hold { wire: "pass", .. }));
            assert!(error.hint().unwrap().contains(expected), "{error:?}");
        }
    }
}
