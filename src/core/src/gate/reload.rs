//! Another way for the parts to come, while others are still under way by the old one.
//!
//! A shorter way brings new parts to the rejector before old ones that still lie behind it by their own: one
//! of the two ways is wrong, and nobody knows which. Where both would have a part at the rejector, or a new one before
//! an old one, neither may pass.

use super::{Gate, GateError, GateSpec, OutputMode};

impl<const N: usize> Gate<N> {
    /// Other delays and deadlines for the parts to come, other pulses from the next one on. Parts
    /// under way keep their places.
    ///
    /// # Errors
    /// The first of [`GateSpec::problems`], and [`GateError::Incompatible`] if the wire or the
    /// axis would change. The gate is unchanged then.
    pub fn reload(&mut self, spec: GateSpec) -> Result<(), GateError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        if (spec.mode, spec.axis()) != (self.spec.mode, self.spec.axis()) {
            return Err(GateError::Incompatible);
        }
        if spec.delay() < self.spec.delay() {
            let window = spec.window().max(self.spec.window());
            let end = self.queue.end().map(|end| end.saturating_add(window));
            self.longer_until = self.longer_until.max(end);
        }
        self.spec = spec;
        Ok(())
    }

    /// Something new lies between these places. If that contradicts what lies there by a longer way: where the
    /// new one may leave without another's pulse being cut. What is met by it does not pass.
    pub(super) fn contradicts(&mut self, due: u64, last_due: u64) -> Option<u64> {
        let until = self.longer_until?;
        if due >= until {
            self.longer_until = None;
            return None;
        }
        let window = self.spec.window();
        match self.spec.mode {
            OutputMode::PassPulse => {
                let end = last_due.saturating_add(window);
                self.queue.spoil_between(due, end, window);
            }
            // A pulse for one of two places would leave the other one to pass.
            OutputMode::RejectPulse => self.lose_places(),
        }
        Some(until)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::gate::{Action, Gate, GateSpec, Heard, Outcome, OutputMode, Way};
    use crate::verdict::Reason;

    const PULSE_US: u64 = 10;

    fn spec(mode: OutputMode, delay_us: u64) -> GateSpec {
        let merge_us = 0;
        GateSpec {
            way: Way::Time { delay_us, merge_us },
            deadline_us: 5,
            pulse_us: PULSE_US,
            mode,
        }
    }

    /// A part of a story: how long after the one before it comes, what it is, and by which way.
    type Story = Vec<(u64, bool, u64)>;

    /// What became of a part.
    struct Told {
        /// Where it lies by the way of its own time.
        due_us: u64,
        is_good: bool,
        left: Option<Outcome>,
    }

    /// Ticks a gate each microsecond; what the parts left as, and the level at each moment.
    fn play(mode: OutputMode, story: &Story) -> (Vec<Told>, Vec<bool>) {
        let mut gate: Gate<16> = Gate::new(spec(mode, story[0].2)).unwrap();
        let (mut parts, mut levels): (Vec<Told>, _) = (Vec::new(), Vec::new());
        let (mut level, mut next_us, mut waiting) = (false, 0, story.iter().peekable());
        for now_us in 0..1_200 {
            if let Some(&&(gap_us, is_good, delay_us)) = waiting.peek()
                && now_us == next_us + gap_us
            {
                waiting.next();
                next_us = now_us;
                gate.reload(spec(mode, delay_us)).unwrap();
                let number = gate.trigger(now_us).number();
                let outcome = if is_good {
                    Outcome::Pass
                } else {
                    Outcome::Fail
                };
                gate.verdict(number, outcome, now_us);
                parts.push(Told {
                    due_us: now_us + delay_us,
                    is_good,
                    left: None,
                });
            }
            for action in gate.tick(now_us) {
                match action {
                    Action::Drive { level: new, .. } => level = new,
                    Action::Leave {
                        number, outcome, ..
                    } => parts[number as usize - 1].left = Some(outcome),
                }
            }
            levels.push(level);
        }
        assert!(gate.is_idle(), "everything has left");
        (parts, levels)
    }

    #[test]
    fn a_shorter_way_lets_nobody_pass_by_another_s_pulse() {
        // The third part comes to the rejector before the second one, says its way.
        let story = vec![
            (0, true, 100),
            (20, true, 100),
            (20, true, 30),
            (60, true, 30),
        ];
        let (parts, levels) = play(OutputMode::PassPulse, &story);
        let left: Vec<_> = parts.iter().filter_map(|part| part.left).collect();
        let spoiled = Outcome::NoResult(Reason::Position);
        assert_eq!(left, [Outcome::Pass, Outcome::Pass, spoiled, Outcome::Pass]);
        let high: Vec<usize> = (0..levels.len()).filter(|&at| levels[at]).collect();
        let expected: Vec<usize> = (100..110).chain(120..140).collect();
        assert_eq!(high, expected);
    }

    #[test]
    fn an_answer_for_a_part_without_a_place_is_no_duplicate() {
        let mut gate: Gate<16> = Gate::new(spec(OutputMode::PassPulse, 100)).unwrap();
        gate.trigger(0);
        gate.spoil_last(3.into());
        assert_eq!(gate.verdict(1, Outcome::Pass, 4), Heard::Settled);
        assert_eq!(gate.counters().duplicate_results, 0);
    }

    fn stories() -> impl Strategy<Value = Story> {
        let part = (PULSE_US + 2..60_u64, any::<bool>(), 20..300_u64);
        proptest::collection::vec(part, 1..12)
    }

    proptest! {
        /// A PASS pulse belongs to good parts that lie before the rejector by their own way, and none is given
        /// while a bad one does; who passed had one.
        #[test]
        fn pass_pulses_keep_to_their_parts(story in stories()) {
            let (parts, levels) = play(OutputMode::PassPulse, &story);
            let lies = |part: &Told, at: usize| (part.due_us..part.due_us + PULSE_US).contains(&(at as u64));
            for (at, _) in levels.iter().enumerate().filter(|(_, level)| **level) {
                let passed = |part: &&Told| part.left == Some(Outcome::Pass) && lies(part, at);
                prop_assert!(parts.iter().any(|part| passed(&part)), "a pulse for nobody at {at}");
                let bad = parts.iter().position(|part| !part.is_good && lies(part, at));
                prop_assert_eq!(bad, None, "a pulse for a bad part at {}", at);
            }
            for part in parts.iter().filter(|part| part.left == Some(Outcome::Pass)) {
                prop_assert!(part.is_good && levels[part.due_us as usize]);
            }
        }

        /// A bad part is thrown out wherever it lies by its own way.
        #[test]
        fn reject_pulses_miss_nobody(story in stories()) {
            let (parts, levels) = play(OutputMode::RejectPulse, &story);
            for part in parts.iter().filter(|part| !part.is_good) {
                for at in part.due_us..part.due_us + PULSE_US {
                    prop_assert!(levels[at as usize], "missed at {at}");
                }
            }
        }
    }
}
