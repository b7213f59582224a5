//! Pictures that must not be learnt from, whatever they show.

use std::collections::BTreeSet;
use std::fmt;

use twinspect_core::frame::FramePair;
use twinspect_core::freshness::Freshness;
use twinspect_core::prepare::RgbState;
use twinspect_core::quality::DepthFigures;

use crate::prints::Prints;

/// Least share of a depth picture that is measured. Parts that shine have holes; a picture with less is one of a
/// camera that does not see.
const MEASURED_SHARE_MIN: f32 = 0.1;

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// The colour picture shows nothing.
    Black,
    /// The colour picture is white.
    Saturated,
    /// Hardly a pixel of the depth picture was measured.
    Unmeasured { share: f32 },
    /// One half of the pair is that of the last recorded one: its stream stands still.
    Frozen { half: &'static str },
    /// The picture, or its number, has been there before.
    Repeated,
    /// The camera gave none.
    Camera { why: String },
    /// Something went by of which no picture shows all.
    Unclear,
    /// Something came too close to a part.
    Crowded,
    /// Something does not go out of sight.
    Stuck,
    /// Pictures are missing in which a part may have gone by.
    Gap,
}

impl Refusal {
    /// For scripts.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::Saturated => "saturated",
            Self::Unmeasured { .. } => "unmeasured",
            Self::Frozen { .. } => "frozen",
            Self::Repeated => "repeated",
            Self::Camera { .. } => "camera",
            Self::Unclear => "unclear",
            Self::Crowded => "crowded",
            Self::Stuck => "stuck",
            Self::Gap => "gap",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Black => {
                f.write_str("the colour picture is black: is the light on, is the cap off?")
            }
            Self::Saturated => f.write_str(
                "the colour picture is white: shorten the exposure, lower the gain, or dim the light",
            ),
            Self::Unmeasured { share } => write!(
                f,
                "only {:.1} % of the picture has a depth: too near, the emitter off, sunlight, or a dirty window",
                100.0 * share
            ),
            Self::Frozen { half } => write!(
                f,
                "the {half} picture is that of the part before, to the last bit: its stream stands still"
            ),
            Self::Repeated => f.write_str("this very picture has been recorded already"),
            Self::Camera { why } => f.write_str(why),
            Self::Unclear => f.write_str(
                "something went by of which no picture shows all: put parts on the belt so that they lie wholly in \
                 the picture",
            ),
            Self::Crowded => {
                f.write_str("parts came too close to each other: leave the belt empty between them")
            }
            Self::Stuck => f.write_str(
                "something has not left the picture within presence.sight_max_ms, and nothing is recorded until it has: \
                 the belt stands, parts touch each other, or something lay on the belt when it was measured, at the start",
            ),
            Self::Gap => f.write_str("pictures are missing, a part may have gone by unseen"),
        }
    }
}

/// Looks at each picture before it is recorded, and remembers those that were.
#[derive(Debug, Default)]
pub(super) struct Scrutiny {
    freshness: Freshness,
    last: Option<Prints>,
    recorded: BTreeSet<Prints>,
}

impl Scrutiny {
    /// What speaks against a picture, if anything does.
    pub(super) fn doubt(&mut self, pair: &FramePair) -> Option<Refusal> {
        if !self.freshness.is_new(pair.rgb_stamp, pair.depth_stamp) {
            return Some(Refusal::Repeated);
        }
        match pair.rgb().map(RgbState::of) {
            Some(RgbState::Black) => return Some(Refusal::Black),
            Some(RgbState::Saturated) => return Some(Refusal::Saturated),
            Some(RgbState::Usable | RgbState::Absent) | None => {}
        }
        if let Some(figures) = DepthFigures::of(pair, None)
            && figures.measured_share < MEASURED_SHARE_MIN
        {
            let share = figures.measured_share;
            return Some(Refusal::Unmeasured { share });
        }
        let prints = Prints::of(pair);
        if self.recorded.contains(&prints) {
            return Some(Refusal::Repeated);
        }
        let last = self.last?;
        if pair.rgb().is_some() && prints.rgb == last.rgb {
            return Some(Refusal::Frozen { half: "colour" });
        }
        (pair.depth().is_some() && prints.depth == last.depth)
            .then_some(Refusal::Frozen { half: "depth" })
    }

    /// A picture was recorded.
    pub(super) fn remember(&mut self, pair: &FramePair) {
        let prints = Prints::of(pair);
        self.last = Some(prints);
        self.recorded.insert(prints);
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{
        DepthCounts, DepthFrame, FrameSize, Intrinsics, RgbFrame, Stamp, StampDomain,
    };

    use super::*;

    const SIZE: FrameSize = FrameSize {
        width: 40,
        height: 30,
    };

    fn pair(colours: impl Fn(usize) -> u8, counts: impl Fn(usize) -> u16) -> FramePair {
        let intrinsics = Intrinsics {
            width: SIZE.width,
            height: SIZE.height,
            fx: 50.0,
            fy: 50.0,
            cx: 19.5,
            cy: 14.5,
            distortion: [0.0; 5],
        };
        let rgb = RgbFrame::new(SIZE, (0..3 * SIZE.pixels()).map(colours).collect()).unwrap();
        let counts = (0..SIZE.pixels()).map(counts).collect();
        let depth = DepthCounts::new(SIZE, 0.001, counts).unwrap();
        FramePair::new(Some(rgb), Some(DepthFrame::Counts(depth)), Some(intrinsics)).unwrap()
    }

    fn grey(shift: usize) -> impl Fn(usize) -> u8 {
        move |at| 100 + ((at + shift) % 7) as u8
    }

    fn flat(shift: usize) -> impl Fn(usize) -> u16 {
        move |at| 400 + ((at + shift) % 5) as u16
    }

    fn doubt(scrutiny: &mut Scrutiny, pair: &FramePair) -> Option<&'static str> {
        let refusal = scrutiny.doubt(pair);
        if refusal.is_none() {
            scrutiny.remember(pair);
        }
        refusal.map(|refusal| refusal.word())
    }

    #[test]
    fn pictures_that_show_nothing_are_refused_and_dark_ones_are_not() {
        let mut scrutiny = Scrutiny::default();
        let mut word = |pair: FramePair| doubt(&mut scrutiny, &pair);
        assert_eq!(word(pair(|_| 3, flat(0))), Some("black"));
        assert_eq!(word(pair(|_| 255, flat(0))), Some("saturated"));
        assert_eq!(word(pair(|_| 12, flat(0))), None);
        assert_eq!(word(pair(grey(0), |_| 0)), Some("unmeasured"));
        // One pixel in nine is too few, one in eight is enough.
        assert_eq!(
            word(pair(grey(1), |at| u16::from(at % 11 == 0) * 400)),
            Some("unmeasured")
        );
        assert_eq!(word(pair(grey(2), |at| u16::from(at % 8 == 0) * 400)), None);
    }

    #[test]
    fn what_was_recorded_before_or_stands_still_is_refused() {
        let mut scrutiny = Scrutiny::default();
        let mut word = |pair: &FramePair| doubt(&mut scrutiny, pair);
        let (first, second) = (pair(grey(0), flat(0)), pair(grey(1), flat(1)));
        assert_eq!(word(&first), None);
        assert_eq!(word(&first), Some("repeated"));
        assert_eq!(word(&pair(grey(0), flat(1))), Some("frozen"));
        assert_eq!(word(&pair(grey(1), flat(0))), Some("frozen"));
        assert_eq!(word(&second), None);
        assert_eq!(word(&first), Some("repeated"), "not the last one");
        assert_eq!(word(&pair(grey(2), flat(2))), None);
    }

    #[test]
    fn a_number_that_does_not_advance_is_refused_whatever_the_picture() {
        let stamp = |frame_number| Stamp {
            frame_number,
            time_us: 0,
            domain: StampDomain::Host,
        };
        let mut scrutiny = Scrutiny::default();
        let mut numbered = |shift, rgb, depth| {
            let mut pair = pair(grey(shift), flat(shift));
            (pair.rgb_stamp, pair.depth_stamp) = (Some(stamp(rgb)), Some(stamp(depth)));
            doubt(&mut scrutiny, &pair)
        };
        assert_eq!(numbered(0, 7, 3), None);
        assert_eq!(numbered(1, 7, 4), Some("repeated"));
        assert_eq!(numbered(2, 8, 4), Some("repeated"));
        assert_eq!(numbered(3, 9, 5), None);
    }
}
