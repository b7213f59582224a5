//! READY: a heartbeat for the machine around the station, never a level.
//!
//! The wire toggles only while the inspect side moves on and nothing speaks against more parts. A
//! frozen wire and a dead process then look alike: not ready.

use crate::gate::Outcome;
use crate::verdict::Reason;

/// When a station is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadinessSpec {
    /// From one edge of the wire to the next.
    pub toggle_us: u64,
    /// The inspect side has to be heard of within this time.
    pub silence_max_us: u64,
    /// So many late results in a row are a fault.
    pub late_max: u32,
    /// How long a fault keeps the station from being ready.
    pub hold_us: u64,
}

/// Why a readiness can't be set up like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadinessError {
    /// A heartbeat without a period.
    #[error("READY must keep each level for at least one microsecond")]
    NoPeriod,
    /// Never ready.
    #[error("at least one late result must be allowed before READY falls, not {late_max}")]
    NoLate {
        /// The number.
        late_max: u32,
    },
}

impl ReadinessSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = ReadinessError> + use<> {
        let no_period = (self.toggle_us == 0).then_some(ReadinessError::NoPeriod);
        let no_late = (self.late_max == 0).then_some(ReadinessError::NoLate {
            late_max: self.late_max,
        });
        [no_period, no_late].into_iter().flatten()
    }
}

/// What speaks against more parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// The inspect side is not there, or is being started.
    Starting,
    /// The inspect side makes way for one with another model.
    Switching,
    /// The model in charge is not the one of the recipe that was selected.
    Recipe,
    /// The inspect side does not move on.
    Silent,
    /// The inspect side moves on, and its camera gives no fresh pictures.
    Camera,
    /// The inspect side moves on, and its engine is too slow for this belt.
    Engine,
    /// Too many results in a row were late.
    Late,
    /// Events of the sensor or encoder were lost, or the handshake with the machine failed.
    Fault,
    /// The station is being stopped.
    Closing,
}

impl NotReady {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Switching => "switching",
            Self::Recipe => "recipe",
            Self::Silent => "silent",
            Self::Camera => "camera",
            Self::Engine => "engine",
            Self::Late => "late",
            Self::Fault => "fault",
            Self::Closing => "closing",
        }
    }
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Readiness {
    spec: ReadinessSpec,
    /// When the inspect side was heard of last; nothing while it is away.
    heard_us: Option<u64>,
    /// What it lacked then, though it moved on.
    lacks: Option<NotReady>,
    late_in_a_row: u32,
    /// A fault and its end.
    held: Option<(NotReady, u64)>,
    switching: bool,
    unchosen: bool,
    closing: bool,
    level: bool,
    toggle_at_us: u64,
}

impl Readiness {
    /// Not ready, the wire low.
    ///
    /// # Errors
    /// The first of [`ReadinessSpec::problems`].
    pub fn new(spec: ReadinessSpec) -> Result<Self, ReadinessError> {
        if let Some(problem) = spec.problems().next() {
            return Err(problem);
        }
        Ok(Self {
            spec,
            heard_us: None,
            lacks: None,
            late_in_a_row: 0,
            held: None,
            switching: false,
            unchosen: false,
            closing: false,
            level: false,
            toggle_at_us: 0,
        })
    }

    /// The inspect side is there, or has moved on, and sees.
    pub fn advanced(&mut self, now_us: u64) {
        self.heard_us = Some(now_us);
        self.lacks = None;
    }

    /// The inspect side has moved on, and its camera gives no fresh pictures.
    pub fn blind(&mut self, now_us: u64) {
        self.heard_us = Some(now_us);
        self.lacks = Some(NotReady::Camera);
    }

    /// The inspect side has moved on, and its engine is too slow for this belt.
    pub fn slow(&mut self, now_us: u64) {
        self.heard_us = Some(now_us);
        self.lacks = Some(NotReady::Engine);
    }

    /// The inspect side has gone.
    pub fn gone(&mut self) {
        self.heard_us = None;
    }

    /// Whether the inspect side makes way for another one now.
    pub fn switch(&mut self, switching: bool) {
        self.switching = switching;
    }

    /// Whether the model in charge is another one than that of the recipe that was selected.
    pub fn unchosen(&mut self, unchosen: bool) {
        self.unchosen = unchosen;
    }

    /// A part has left.
    pub fn left(&mut self, outcome: Outcome, now_us: u64) {
        match outcome {
            Outcome::Pass | Outcome::Fail => self.late_in_a_row = 0,
            Outcome::NoResult(Reason::Late) => self.late_in_a_row += 1,
            // Says nothing of the time that an answer takes.
            Outcome::NoResult(_) => {}
        }
        if self.late_in_a_row >= self.spec.late_max {
            self.late_in_a_row = 0;
            self.hold(NotReady::Late, now_us);
        }
    }

    /// Something is wrong with sensor, encoder or handshake.
    pub fn fault(&mut self, now_us: u64) {
        self.hold(NotReady::Fault, now_us);
    }

    /// No more parts are wanted, for good.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// What speaks against more parts now, if anything.
    pub fn obstacle(&self, now_us: u64) -> Option<NotReady> {
        if self.closing {
            return Some(NotReady::Closing);
        }
        if self.switching {
            return Some(NotReady::Switching);
        }
        if self.unchosen {
            return Some(NotReady::Recipe);
        }
        let Some(heard_us) = self.heard_us else {
            return Some(NotReady::Starting);
        };
        match self.held {
            // What is too slow is late: the cause is told, not what follows of it.
            Some((NotReady::Late, until_us))
                if now_us < until_us && self.lacks == Some(NotReady::Engine) =>
            {
                self.lacks
            }
            Some((why, until_us)) if now_us < until_us => Some(why),
            _ if now_us.saturating_sub(heard_us) > self.spec.silence_max_us => {
                Some(NotReady::Silent)
            }
            _ => self.lacks,
        }
    }

    /// The wire's new level, if it changes now.
    pub fn tick(&mut self, now_us: u64) -> Option<bool> {
        if self.obstacle(now_us).is_some() {
            self.toggle_at_us = now_us;
            return std::mem::take(&mut self.level).then_some(false);
        }
        if now_us < self.toggle_at_us {
            return None;
        }
        self.toggle_at_us = now_us.saturating_add(self.spec.toggle_us);
        self.level = !self.level;
        Some(self.level)
    }

    /// When to tick next, if nothing else happens.
    pub fn next_tick_us(&self, now_us: u64) -> Option<u64> {
        match self.obstacle(now_us) {
            None => Some(self.toggle_at_us),
            Some(NotReady::Late | NotReady::Fault) => self.held.map(|(_, until_us)| until_us),
            Some(
                NotReady::Starting
                | NotReady::Switching
                | NotReady::Recipe
                | NotReady::Silent
                | NotReady::Camera
                | NotReady::Engine
                | NotReady::Closing,
            ) => self.level.then_some(now_us),
        }
    }

    fn hold(&mut self, why: NotReady, now_us: u64) {
        self.held = Some((why, now_us.saturating_add(self.spec.hold_us)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: ReadinessSpec = ReadinessSpec {
        toggle_us: 10,
        silence_max_us: 100,
        late_max: 3,
        hold_us: 50,
    };

    fn up() -> Readiness {
        let mut readiness = Readiness::new(SPEC).unwrap();
        readiness.advanced(0);
        readiness
    }

    #[test]
    fn late_results_of_an_engine_that_is_too_slow_are_its_own() {
        let mut readiness = up();
        for _ in 0..3 {
            readiness.left(Outcome::NoResult(Reason::Late), 5);
        }
        assert_eq!(readiness.obstacle(6), Some(NotReady::Late));
        readiness.slow(6);
        assert_eq!(readiness.obstacle(6), Some(NotReady::Engine));
        readiness.fault(7);
        assert_eq!(readiness.obstacle(8), Some(NotReady::Fault));
    }

    /// Edges of the wire when it is looked at each microsecond.
    fn edges(readiness: &mut Readiness, from_us: u64, to_us: u64) -> Vec<(u64, bool)> {
        (from_us..to_us)
            .filter_map(|now_us| Some((now_us, readiness.tick(now_us)?)))
            .collect()
    }

    #[test]
    fn the_wire_beats_while_the_inspect_side_moves_on() {
        let mut readiness = up();
        assert_eq!(
            edges(&mut readiness, 0, 25),
            [(0, true), (10, false), (20, true)]
        );
        assert_eq!(readiness.next_tick_us(25), Some(30));
    }

    #[test]
    fn a_switch_ends_the_beat_at_once_and_says_why() {
        let mut readiness = up();
        assert_eq!(readiness.tick(0), Some(true));
        readiness.switch(true);
        readiness.gone();
        assert_eq!(readiness.next_tick_us(5), Some(5));
        assert_eq!(readiness.tick(5), Some(false));
        assert_eq!(readiness.obstacle(5), Some(NotReady::Switching));
        readiness.switch(false);
        assert_eq!(readiness.obstacle(5), Some(NotReady::Starting));
        readiness.advanced(6);
        assert_eq!(readiness.tick(6), Some(true));
    }

    #[test]
    fn a_recipe_without_its_model_ends_the_beat_at_once() {
        let mut readiness = up();
        assert_eq!(readiness.tick(0), Some(true));
        readiness.unchosen(true);
        assert_eq!(readiness.next_tick_us(5), Some(5));
        assert_eq!(readiness.tick(5), Some(false));
        assert_eq!(readiness.obstacle(5), Some(NotReady::Recipe));
        readiness.switch(true);
        assert_eq!(readiness.obstacle(5), Some(NotReady::Switching));
        readiness.switch(false);
        readiness.unchosen(false);
        assert_eq!(edges(&mut readiness, 6, 10), [(6, true)]);
    }

    #[test]
    fn a_camera_without_pictures_ends_the_beat_at_once() {
        let mut readiness = up();
        assert_eq!(readiness.tick(0), Some(true));
        readiness.blind(5);
        assert_eq!(readiness.next_tick_us(5), Some(5));
        assert_eq!(readiness.tick(5), Some(false));
        assert_eq!(readiness.obstacle(5), Some(NotReady::Camera));
        assert_eq!(readiness.obstacle(106), Some(NotReady::Silent));
        readiness.advanced(200);
        assert_eq!(edges(&mut readiness, 200, 205), [(200, true)]);
    }

    #[test]
    fn silence_ends_the_beat_on_low() {
        let mut readiness = up();
        let edges = edges(&mut readiness, 0, 500);
        assert_eq!(edges.last(), Some(&(101, false)));
        assert_eq!(readiness.obstacle(500), Some(NotReady::Silent));
        readiness.advanced(501);
        assert_eq!(readiness.tick(501), Some(true));
        readiness.gone();
        assert_eq!(readiness.obstacle(502), Some(NotReady::Starting));
        assert_eq!(readiness.tick(502), Some(false));
    }

    #[test]
    fn a_closed_station_never_beats_again() {
        let mut readiness = up();
        assert_eq!(readiness.tick(0), Some(true));
        readiness.close();
        assert_eq!(readiness.next_tick_us(1), Some(1));
        assert_eq!(readiness.tick(1), Some(false));
        readiness.advanced(2);
        assert_eq!(readiness.obstacle(2), Some(NotReady::Closing));
        assert_eq!(edges(&mut readiness, 2, 100), []);
    }

    #[test]
    fn late_results_in_a_row_are_a_fault_for_a_while() {
        let mut readiness = up();
        let late = Outcome::NoResult(Reason::Late);
        for outcome in [late, late, Outcome::Pass, late, late] {
            readiness.left(outcome, 5);
        }
        assert_eq!(readiness.obstacle(5), None);
        readiness.left(Outcome::NoResult(Reason::Camera), 6);
        readiness.left(late, 7);
        assert_eq!(readiness.obstacle(8), Some(NotReady::Late));
        assert_eq!(readiness.next_tick_us(8), Some(57));
        assert_eq!(readiness.obstacle(57), None);
    }

    #[test]
    fn a_spec_names_all_of_its_problems() {
        let spec = ReadinessSpec {
            toggle_us: 0,
            late_max: 0,
            ..SPEC
        };
        assert_eq!(spec.problems().count(), 2);
        assert!(Readiness::new(spec).is_err());
    }
}
