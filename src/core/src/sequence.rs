//! Numbers that grow by one from event to event, as the kernel gives them to the edges of a line.
//!
//! A number that is skipped is an event that nobody has seen: the kernel's buffer has overflowed.

/// How an event follows the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, or the first of all.
    Next,
    /// One that came before: it says nothing new.
    Repeated,
    /// Some are missing in between.
    Gap {
        /// How many.
        lost: u32,
    },
}

/// The last number of one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sequence {
    last: Option<u32>,
}

impl Sequence {
    /// Takes the next number; numbers wrap around.
    pub fn accept(&mut self, number: u32) -> Arrival {
        let Some(last) = self.last else {
            self.last = Some(number);
            return Arrival::Next;
        };
        let step = number.wrapping_sub(last);
        // More than half the circle ahead is behind.
        if step == 0 || step > u32::MAX / 2 {
            return Arrival::Repeated;
        }
        self.last = Some(number);
        match step {
            1 => Arrival::Next,
            _ => Arrival::Gap { lost: step - 1 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u32], expected: &[Arrival]) {
        let mut sequence = Sequence::default();
        let arrivals: Vec<Arrival> = numbers
            .iter()
            .map(|number| sequence.accept(*number))
            .collect();
        assert_eq!(arrivals, expected, "{numbers:?}");
    }

    #[test]
    fn skipped_numbers_are_lost_events() {
        let gap = Arrival::Gap { lost: 2 };
        check(
            &[7, 8, 11, 12],
            &[Arrival::Next, Arrival::Next, gap, Arrival::Next],
        );
    }

    #[test]
    fn old_numbers_say_nothing_new() {
        check(
            &[7, 7, 6, 8],
            &[
                Arrival::Next,
                Arrival::Repeated,
                Arrival::Repeated,
                Arrival::Next,
            ],
        );
    }

    #[test]
    fn numbers_wrap_around() {
        check(
            &[u32::MAX, 0, 2],
            &[Arrival::Next, Arrival::Next, Arrival::Gap { lost: 1 }],
        );
    }
}
