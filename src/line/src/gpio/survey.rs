//! What would become of a station's wires, without touching them.

use super::find::find;
use super::{Chips, GpioError, GpioSpec, LineName, Place};

/// What was found of one wire.
#[derive(Debug)]
pub struct WireFinding {
    /// The wire's name.
    pub wire: &'static str,
    /// Whether the station drives it.
    pub is_output: bool,
    /// As it was configured.
    pub line: LineName,
    /// Whether the pin is low where the wire is high.
    pub active_low: bool,
    /// Whether it could be used.
    pub state: WireState,
}

/// Whether a line could be used.
#[derive(Debug)]
pub enum WireState {
    /// It could be held now.
    Free(Place),
    /// Somebody holds it.
    Held {
        /// Where it is.
        place: Place,
        /// Who.
        by: String,
    },
    /// It can't be found.
    Lost(GpioError),
}

/// Looks at all wires of a spec, outputs first.
///
/// Lines are looked at and not held: on some boards giving a line back changes its pin
/// (docs/line.md), and a running station must not notice.
///
/// # Errors
/// [`GpioError::NoChips`].
pub fn survey(chips: &dyn Chips, spec: &GpioSpec) -> Result<Vec<WireFinding>, GpioError> {
    let lines = chips.lines()?;
    let outputs = spec
        .outputs
        .iter()
        .map(|output| (output.wire.name(), true, &output.line, output.active_low));
    let inputs = spec
        .inputs
        .iter()
        .map(|input| (input.wire.name(), false, &input.line, input.active_low));
    let findings = outputs
        .chain(inputs)
        .map(|(wire, is_output, line, active_low)| WireFinding {
            wire,
            is_output,
            line: line.clone(),
            active_low,
            state: match find(&lines, wire, line) {
                Ok(found) => match &found.held_by {
                    None => WireState::Free(found.place.clone()),
                    Some(by) => WireState::Held {
                        place: found.place.clone(),
                        by: by.clone(),
                    },
                },
                Err(error) => WireState::Lost(error),
            },
        });
    Ok(findings.collect())
}

#[cfg(test)]
mod tests {
    use super::super::double::{Double, found, input, output, spec};
    use super::*;
    use crate::{Input, Output};

    #[test]
    fn every_wire_is_told_and_none_is_touched() {
        let chips = Double::new([found("main", 1, "PASS"), found("main", 2, "READY")]);
        chips.take(2, "twinspect ready");
        let spec = spec(
            vec![output(Output::Pass, "PASS"), output(Output::Ready, "READY")],
            vec![input(Input::Sensor, "SENSOR")],
        );
        let findings = survey(&chips, &spec).unwrap();
        assert!(matches!(&findings[0].state, WireState::Free(place) if place.offset == 1));
        assert!(
            matches!(&findings[1].state, WireState::Held { by, .. } if by == "twinspect ready")
        );
        assert!(matches!(
            findings[2].state,
            WireState::Lost(GpioError::Missing { .. })
        ));
        assert_eq!(chips.log(), []);
    }
}
