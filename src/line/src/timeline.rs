//! Pulses as text.

use std::collections::VecDeque;

use crate::{Output, Pulse};

/// One row for each wire with a pulse in `from_us..to_us`: `pass   |__###_____|`.
pub(crate) fn draw(pulses: &VecDeque<Pulse>, from_us: u64, to_us: u64, columns: usize) -> String {
    let mut text = String::new();
    if from_us >= to_us || columns == 0 {
        return text;
    }
    for output in Output::ALL {
        let mut row = vec![false; columns];
        for pulse in pulses.iter().filter(|pulse| {
            pulse.output == output && pulse.start_us < to_us && from_us < pulse.end_us()
        }) {
            let column = |at_us: u64| {
                let share = at_us.clamp(from_us, to_us) - from_us;
                (u128::from(share) * columns as u128 / u128::from(to_us - from_us)) as usize
            };
            let (first, last) = (column(pulse.start_us), column(pulse.end_us() - 1));
            for cell in row.iter_mut().take(last + 1).skip(first) {
                *cell = true;
            }
        }
        if row.contains(&true) {
            let cells: String = row
                .iter()
                .map(|high| if *high { '#' } else { '_' })
                .collect();
            text.push_str(&format!("{output:<6} |{cells}|\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pulses: &[(Output, u64, u64)], expected: &str) {
        let pulses = pulses
            .iter()
            .map(|&(output, start_us, width_us)| Pulse {
                output,
                start_us,
                width_us,
                part: 1,
            })
            .collect();
        assert_eq!(draw(&pulses, 100, 200, 10), expected);
    }

    #[test]
    fn each_column_shows_what_lies_in_it() {
        check(&[(Output::Pass, 120, 30)], "pass   |__###_____|\n");
        check(&[(Output::Reject, 120, 1)], "reject |__#_______|\n");
        check(&[(Output::Pass, 90, 20)], "pass   |#_________|\n");
        check(&[(Output::Pass, 195, 50)], "pass   |_________#|\n");
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        check(&[(Output::Pass, 80, 20), (Output::Pass, 200, 20)], "");
    }
}
