//! How a trigger is set up.

use super::presence::PresenceSpec;
use crate::belt::Axis;

/// Who says that a part is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SourceSpec {
    /// A part sensor; high while a part is before it.
    Sensor {
        /// A level counts when it has lasted for so long.
        debounce_us: u64,
    },
    /// The height map of a camera that runs freely.
    Presence(PresenceSpec),
    /// Somebody asks for it.
    Software,
}

/// How closely parts may follow each other, on the axis on which the gate keeps their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpacingSpec {
    /// For belts that run evenly.
    Time {
        /// What comes sooner after a part is no part of its own.
        min_us: u64,
        /// After so long without a part one has been missed, if the line feeds without gaps.
        max_us: Option<u64>,
    },
    /// For belts with an encoder.
    Belt {
        /// What comes sooner after a part is no part of its own.
        min_counts: u64,
        /// After so far without a part one has been missed, if the line feeds without gaps.
        max_counts: Option<u64>,
        /// The belt may shake back by so much; what crosses the sensor further back has crossed
        /// it before.
        jitter_counts: u64,
    },
}

impl SpacingSpec {
    /// Whether spaces are told in time or in counts.
    pub fn axis(&self) -> Axis {
        match self {
            Self::Time { .. } => Axis::Time,
            Self::Belt { .. } => Axis::Belt,
        }
    }

    /// The least space.
    pub fn min(&self) -> u64 {
        match *self {
            Self::Time { min_us, .. } => min_us,
            Self::Belt { min_counts, .. } => min_counts,
        }
    }

    /// The largest space, if there is one.
    pub fn max(&self) -> Option<u64> {
        match *self {
            Self::Time { max_us, .. } => max_us,
            Self::Belt { max_counts, .. } => max_counts,
        }
    }

    pub(super) fn jitter(&self) -> u64 {
        match *self {
            Self::Time { .. } => 0,
            Self::Belt { jitter_counts, .. } => jitter_counts,
        }
    }
}

/// How sensors become triggers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TriggerSpec {
    /// Who says that a part is there.
    pub source: SourceSpec,
    /// How closely parts may follow each other.
    pub spacing: SpacingSpec,
}

/// Why a trigger can't be set up like this.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TriggerError {
    /// Every edge would be a part.
    #[error("parts must be at least 1 us or one count apart")]
    NoSpacing,
    /// Every part would be missed.
    #[error("parts at most {max} apart can't be at least {min} apart")]
    SpacingReversed {
        /// The least space.
        min: u64,
        /// The largest one.
        max: u64,
    },
    /// Two parts would flow into one.
    #[error("a level of {debounce_us} us counts as one, longer than the {min_us} us between parts")]
    DebounceBeyondSpacing {
        /// The debounce time.
        debounce_us: u64,
        /// The least space.
        min_us: u64,
    },
    /// Shaking back and forth would be a part.
    #[error("a belt that shakes by {jitter} counts needs parts further apart than {min} counts")]
    JitterBeyondSpacing {
        /// The belt's shaking.
        jitter: u64,
        /// The least space.
        min: u64,
    },
    /// No hysteresis, or shares that are none.
    #[error(
        "shares must lie in 0..1 with off below on and on below most, not on {}, off {} and most {}",
        presence.on_share,
        presence.off_share,
        presence.most_share
    )]
    Shares {
        /// With these shares.
        presence: PresenceSpec,
    },
    /// Every part would be stuck, or every picture missing.
    #[error("a part must be in sight, and a picture be away, for at least 1 us")]
    NoSight,
    /// One picture of a part might be all that there is.
    #[error(
        "pictures up to {gap_max_us} us apart don't show that a part has left that may be in sight for \
         {sight_max_us} us"
    )]
    GapBeyondSight {
        /// The longest time between two pictures.
        gap_max_us: u64,
        /// The longest time that a part is in sight.
        sight_max_us: u64,
    },
    /// A part would be missed while another one is in sight.
    #[error("parts at most {max_us} us apart can't be in sight for {sight_max_us} us")]
    SightBeyondSpacing {
        /// The longest time that a part is in sight.
        sight_max_us: u64,
        /// The largest space.
        max_us: u64,
    },
}

impl TriggerSpec {
    /// Everything that is wrong with these numbers.
    pub fn problems(&self) -> impl Iterator<Item = TriggerError> + use<> {
        let (min, max) = (self.spacing.min(), self.spacing.max());
        let jitter = self.spacing.jitter();
        let no_spacing = (min == 0).then_some(TriggerError::NoSpacing);
        let reversed = max
            .filter(|max| *max <= min)
            .map(|max| TriggerError::SpacingReversed { min, max });
        let shaking =
            (jitter >= min && min > 0).then_some(TriggerError::JitterBeyondSpacing { jitter, min });
        let source = match (self.source, self.spacing) {
            (SourceSpec::Sensor { debounce_us }, SpacingSpec::Time { min_us, .. })
                if debounce_us >= min_us && min_us > 0 =>
            {
                Some(TriggerError::DebounceBeyondSpacing {
                    debounce_us,
                    min_us,
                })
            }
            (SourceSpec::Presence(presence), spacing) => presence.problem(spacing),
            _ => None,
        };
        [no_spacing, reversed, shaking, source]
            .into_iter()
            .flatten()
    }
}

impl PresenceSpec {
    /// The first thing that is wrong with these numbers.
    fn problem(self, spacing: SpacingSpec) -> Option<TriggerError> {
        let Self {
            on_share,
            off_share,
            most_share,
            sight_max_us,
            gap_max_us,
        } = self;
        let longest = match spacing {
            SpacingSpec::Time { max_us, .. } => max_us,
            SpacingSpec::Belt { .. } => None,
        };
        // Written so that no number is a problem too.
        if !(0.0 < off_share && off_share < on_share && on_share < most_share && most_share < 1.0) {
            return Some(TriggerError::Shares { presence: self });
        }
        if sight_max_us == 0 || gap_max_us == 0 {
            return Some(TriggerError::NoSight);
        }
        if gap_max_us >= sight_max_us {
            return Some(TriggerError::GapBeyondSight {
                gap_max_us,
                sight_max_us,
            });
        }
        longest
            .filter(|max_us| *max_us <= sight_max_us)
            .map(|max_us| TriggerError::SightBeyondSpacing {
                sight_max_us,
                max_us,
            })
    }
}
