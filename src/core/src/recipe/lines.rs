//! Wires that tell a number, while they bounce and change one after the other.

/// Most wires that a number is told by.
pub const RECIPE_LINES_MAX: u8 = 4;

/// The wires of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeLinesSpec {
    /// How many wires tell the number, 1 to [`RECIPE_LINES_MAX`].
    pub count: u8,
    /// Whether one more wire says when the number counts.
    pub has_strobe: bool,
    /// For so long nothing may move before the number counts, at least 1.
    pub settle_us: u64,
}

/// Why a number can't be read like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeLinesError {
    /// No wires, or more than there are.
    #[error("a recipe's number is told by 1 to {RECIPE_LINES_MAX} wires, not {count}")]
    Count {
        /// The number of wires.
        count: u8,
    },
    /// What bounces would be a number.
    #[error("the recipe lines must settle for at least one microsecond")]
    NoSettling,
}

impl RecipeLinesSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = RecipeLinesError> + use<> {
        let count = self.count;
        let known = (1..=RECIPE_LINES_MAX).contains(&count);
        let wrong = (!known).then_some(RecipeLinesError::Count { count });
        let none = (self.settle_us == 0).then_some(RecipeLinesError::NoSettling);
        [wrong, none].into_iter().flatten()
    }
}

/// One of the wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipeWire {
    /// It is worth two to the power of this.
    Bit(u8),
    /// The number counts while it is high.
    Strobe,
}

/// A wire has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipeEdge {
    /// Which.
    pub wire: RecipeWire,
    /// Its level after the edge.
    pub level: bool,
    /// When, by the stamp of the edge.
    pub at_us: u64,
}

/// The levels of all wires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecipeLevels {
    /// The number that they tell now.
    pub number: u8,
    /// The strobe.
    pub strobe: bool,
}

impl RecipeLevels {
    /// With one wire at another level.
    #[must_use]
    pub fn with(mut self, wire: RecipeWire, level: bool) -> Self {
        match wire {
            RecipeWire::Bit(bit) => {
                let worth = 1_u8.checked_shl(u32::from(bit)).unwrap_or(0);
                self.number = if level {
                    self.number | worth
                } else {
                    self.number & !worth
                };
            }
            RecipeWire::Strobe => self.strobe = level,
        }
        self
    }
}

/// The state machine: a number counts when nothing has moved for a while, and never before.
///
/// With a strobe the wires are looked at while it is high alone; a pulse that is shorter than the time to settle
/// is none, and the number before it stays.
#[derive(Debug, Clone)]
pub struct RecipeLines {
    spec: RecipeLinesSpec,
    levels: RecipeLevels,
    /// When something has moved last that is to settle.
    moved_us: Option<u64>,
}

impl RecipeLines {
    /// As the wires are at the start, time zero.
    ///
    /// # Errors
    /// The first of [`RecipeLinesSpec::problems`].
    pub fn new(spec: RecipeLinesSpec, levels: RecipeLevels) -> Result<Self, RecipeLinesError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        Ok(Self {
            spec,
            levels,
            moved_us: (!spec.has_strobe || levels.strobe).then_some(0),
        })
    }

    /// A wire has changed; the number that had settled before, if one had.
    ///
    /// Edges may be heard late and several at once: their stamps alone say what was still for how long.
    pub fn edge(&mut self, edge: RecipeEdge) -> Option<u8> {
        let settled = self.tick(edge.at_us);
        self.levels = self.levels.with(edge.wire, edge.level);
        if !self.spec.has_strobe || self.levels.strobe {
            let before_us = self.moved_us.unwrap_or_default();
            self.moved_us = Some(before_us.max(edge.at_us));
        } else {
            self.moved_us = None;
        }
        settled
    }

    /// Time goes by; the number that has settled by now.
    pub fn tick(&mut self, now_us: u64) -> Option<u8> {
        if self.next_tick_us().is_none_or(|at_us| now_us < at_us) {
            return None;
        }
        self.moved_us = None;
        Some(self.levels.number)
    }

    /// When to tick next, if nothing moves until then.
    pub fn next_tick_us(&self) -> Option<u64> {
        let moved_us = self.moved_us?;
        Some(moved_us.saturating_add(self.spec.settle_us))
    }

    /// Whether another number may follow from what has moved.
    pub fn is_moving(&self) -> bool {
        self.moved_us.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTLE_US: u64 = 20;

    fn lines(has_strobe: bool, number: u8) -> RecipeLines {
        let spec = RecipeLinesSpec {
            count: 4,
            has_strobe,
            settle_us: SETTLE_US,
        };
        let levels = RecipeLevels {
            number,
            strobe: false,
        };
        RecipeLines::new(spec, levels).unwrap()
    }

    fn bit(bit: u8, level: bool, at_us: u64) -> RecipeEdge {
        RecipeEdge {
            wire: RecipeWire::Bit(bit),
            level,
            at_us,
        }
    }

    fn strobe(level: bool, at_us: u64) -> RecipeEdge {
        RecipeEdge {
            wire: RecipeWire::Strobe,
            level,
            at_us,
        }
    }

    #[test]
    fn the_number_at_the_start_settles_too() {
        let mut lines = lines(false, 5);
        assert_eq!((lines.is_moving(), lines.next_tick_us()), (true, Some(20)));
        assert_eq!(lines.tick(19), None);
        assert_eq!(lines.tick(20), Some(5));
        assert_eq!((lines.is_moving(), lines.tick(500)), (false, None));
    }

    #[test]
    fn what_lies_between_two_numbers_is_none() {
        let mut lines = lines(false, 0b011);
        assert_eq!(lines.tick(20), Some(3));
        // 3 to 4: three wires, one after the other, and the last one bounces.
        for edge in [
            bit(0, false, 100),
            bit(1, false, 108),
            bit(2, true, 125),
            bit(2, false, 126),
            bit(2, true, 127),
        ] {
            assert_eq!(lines.edge(edge), None);
        }
        assert_eq!(lines.tick(146), None);
        assert_eq!(lines.tick(147), Some(4));
    }

    #[test]
    fn stamps_say_what_was_still_when_edges_are_heard_late() {
        let mut lines = lines(false, 1);
        assert_eq!(lines.edge(bit(1, true, 300)), Some(1));
        assert_eq!(lines.edge(bit(0, false, 319)), None);
        assert_eq!(lines.edge(bit(3, true, 339)), Some(2));
        assert_eq!(lines.tick(1_000), Some(0b1010));
    }

    #[test]
    fn a_strobe_says_when_the_number_counts() {
        let mut lines = lines(true, 7);
        assert!(!lines.is_moving());
        assert_eq!(lines.edge(bit(0, false, 5)), None);
        assert_eq!(lines.tick(500), None);
        assert_eq!(lines.edge(strobe(true, 600)), None);
        assert!(lines.is_moving());
        // The number comes after its strobe: it has to stand still as well.
        assert_eq!(lines.edge(bit(3, true, 610)), None);
        assert_eq!(lines.tick(629), None);
        assert_eq!(lines.tick(630), Some(0b1110));
        assert_eq!(lines.edge(strobe(false, 700)), None);
        assert_eq!(lines.edge(bit(0, true, 710)), None);
        assert_eq!(lines.tick(2_000), None);
    }

    #[test]
    fn a_strobe_that_is_too_short_is_none_and_one_heard_late_counts() {
        let mut lines = lines(true, 7);
        lines.edge(strobe(true, 100));
        assert_eq!(lines.edge(strobe(false, 119)), None);
        assert!(!lines.is_moving());
        lines.edge(strobe(true, 200));
        assert_eq!(lines.edge(strobe(false, 220)), Some(7));
    }

    #[test]
    fn a_spec_names_all_of_its_problems() {
        let spec = RecipeLinesSpec {
            count: 5,
            has_strobe: false,
            settle_us: 0,
        };
        assert_eq!(spec.problems().count(), 2);
        assert!(RecipeLines::new(spec, RecipeLevels::default()).is_err());
    }

    proptest! {
        /// Against the plain definition: a number counts where a stretch without an edge is long enough, once.
        #[test]
        fn only_what_stood_still_is_a_number(
            steps in proptest::collection::vec((0_u8..4, any::<bool>(), 1_u64..40), 0..60),
            ticks in any::<u64>(),
        ) {
            let mut lines = lines(false, 0);
            let mut told = Vec::new();
            let mut expected = Vec::new();
            let (mut now_us, mut levels) = (0, RecipeLevels::default());
            for (place, (wire, level, wait_us)) in steps.iter().enumerate() {
                if *wait_us >= SETTLE_US {
                    expected.push(levels.number);
                }
                let at_us = now_us + wait_us;
                // Sometimes the loop looks in between, at any moment.
                if (ticks >> (place % 64)) & 1 == 1 {
                    told.extend(lines.tick(now_us + ticks % (wait_us + 1)));
                }
                told.extend(lines.edge(bit(*wire, *level, at_us)));
                now_us = at_us;
                levels = levels.with(RecipeWire::Bit(*wire), *level);
            }
            told.extend(lines.tick(now_us + SETTLE_US));
            expected.push(levels.number);
            prop_assert_eq!(told, expected);
        }
    }
}
