//! A picture may be judged once, and for the part that lay before the camera when it was taken.

use std::collections::VecDeque;

use crate::frame::{Stamp, StampDomain};
use crate::pairing::Stream;

/// Remembers the last frame numbers and finds pictures that came before.
///
/// A driver that hands out its last buffer again, and a pair of which one half stands still, look
/// like good parts to any network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Freshness {
    rgb: Option<u64>,
    depth: Option<u64>,
}

impl Freshness {
    /// Whether each stamped picture of a pair is newer than all before it.
    ///
    /// Pictures without a stamp can't be told apart and count as new.
    pub fn is_new(&mut self, rgb: Option<Stamp>, depth: Option<Stamp>) -> bool {
        let rgb = advance(&mut self.rgb, rgb);
        let depth = advance(&mut self.depth, depth);
        rgb && depth
    }
}

fn advance(last: &mut Option<u64>, stamp: Option<Stamp>) -> bool {
    let Some(stamp) = stamp else { return true };
    let new = last.is_none_or(|last| last < stamp.frame_number);
    *last = (*last).max(Some(stamp.frame_number));
    new
}

/// Finds a camera that sends one picture again and again under new numbers.
///
/// A live sensor's noise never repeats, so a few equal pictures in a row are one picture.
#[derive(Debug, Clone, Copy)]
pub struct FrozenPicture {
    same_max: u32,
    last: Option<u64>,
    same: u32,
    first_us: u64,
}

impl FrozenPicture {
    /// The print of a picture all of whose pixels are alike: it shows nothing that could be old.
    pub const BLANK: u64 = 0;

    /// Lets so many equal pictures in a row pass; 0 lets all pass.
    pub fn new(same_max: u32) -> Self {
        Self {
            same_max,
            last: None,
            same: 0,
            first_us: 0,
        }
    }

    /// Whether the picture with this print, a hash of some of its pixels, is one too many.
    pub fn is_frozen(&mut self, print: u64) -> bool {
        self.same = if self.last == Some(print) {
            self.same.saturating_add(1)
        } else {
            1
        };
        self.last = Some(print);
        self.same_max > 0 && self.same > self.same_max
    }

    /// Since when the camera has shown the picture that was last asked for, which says of itself that it was exposed at `exposed_us`:
    /// one that comes again shows what lay there when it came first, under whatever stamp.
    pub fn since_us(&mut self, exposed_us: u64) -> u64 {
        let is_again = self.same > 1 && self.last != Some(Self::BLANK);
        if self.same_max == 0 || !is_again {
            self.first_us = exposed_us;
        }
        self.first_us
    }
}

/// Finds a part whose picture is that of the part before.
///
/// [`FrozenPicture`] takes a few equal pictures to say that a stream stands still. A part is not judged by one of
/// them: the picture was taken of the part before, under whatever number it comes. Hashes of all pixels tell, so that
/// no other picture is taken for it. One that shows nothing at all has none: it shows no part before either, no sense
/// passes a part by it, and a dark or covered sensor may well give it twice.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartBefore {
    depth: Option<u64>,
    colour: Option<u64>,
}

impl PartBefore {
    /// The stream whose picture is the last one that it gave for a part.
    pub fn again(&mut self, depth: Option<u64>, colour: Option<u64>) -> Option<Stream> {
        let is_depth = is_again(&mut self.depth, depth);
        let is_colour = is_again(&mut self.colour, colour);
        match (is_depth, is_colour) {
            (true, _) => Some(Stream::Depth),
            (false, true) => Some(Stream::Colour),
            (false, false) => None,
        }
    }
}

fn is_again(last: &mut Option<u64>, print: Option<u64>) -> bool {
    let Some(print) = print else { return false };
    last.replace(print) == Some(print)
}

/// The time in which a part lies before the camera.
///
/// A picture that is older shows the part before, a younger one the part behind: either would be
/// judged under a number that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExposureWindow {
    /// When the part came.
    pub from_us: u64,
    /// When it has gone, at the latest.
    pub to_us: u64,
}

impl ExposureWindow {
    /// Opens with a part and stays open for so long.
    pub fn new(from_us: u64, exposure_max_us: u64) -> Self {
        Self {
            from_us,
            to_us: from_us.saturating_add(exposure_max_us),
        }
    }

    /// Whether a picture that is taken now can show the part.
    pub fn is_open(&self, now_us: u64) -> bool {
        (self.from_us..=self.to_us).contains(&now_us)
    }

    /// Whether each picture of a pair shows the part, as far as its stamp can be compared with
    /// the host's clock.
    pub fn holds(&self, rgb: Option<Stamp>, depth: Option<Stamp>) -> bool {
        [rgb, depth]
            .into_iter()
            .flatten()
            .filter(|stamp| stamp.domain == StampDomain::Host)
            .all(|stamp| self.is_open(stamp.time_us))
    }
}

/// Pictures of a camera that runs freely, until somebody names one of them.
///
/// A name is the very time at which a picture was taken. No other picture is given in its place, and
/// none twice: the one before may show the part before.
#[derive(Debug, Clone)]
pub struct Shelf<T> {
    pictures: VecDeque<(u64, T)>,
    most: usize,
}

impl<T> Shelf<T> {
    /// Keeps the newest pictures, so many at most.
    pub fn new(most: usize) -> Self {
        Self {
            pictures: VecDeque::with_capacity(most),
            most,
        }
    }

    /// Keeps a picture that is newer than all that were kept before.
    pub fn keep(&mut self, at_us: u64, picture: T) {
        if self
            .pictures
            .back()
            .is_some_and(|(last_us, _)| *last_us >= at_us)
        {
            return;
        }
        while self.pictures.len() >= self.most.max(1) {
            self.pictures.pop_front();
        }
        self.pictures.push_back((at_us, picture));
    }

    /// The picture that was taken at this time, if it is here. It and all older ones are here no longer:
    /// parts are named in the order in which they came.
    pub fn take(&mut self, at_us: u64) -> Option<T> {
        while let Some((taken_us, picture)) = self.pictures.pop_front() {
            if taken_us == at_us {
                return Some(picture);
            }
            if taken_us > at_us {
                self.pictures.push_front((taken_us, picture));
                break;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_given_by_its_own_time_and_once() {
        let mut shelf = Shelf::new(3);
        for at_us in [10, 20, 30, 40] {
            shelf.keep(at_us, at_us);
        }
        shelf.keep(40, 0);
        shelf.keep(35, 35);
        assert_eq!(shelf.take(10), None, "it had to make way");
        assert_eq!(
            shelf.take(25),
            None,
            "neither the one before nor the one behind"
        );
        assert_eq!(shelf.take(30), Some(30));
        assert_eq!(shelf.take(30), None);
        assert_eq!(shelf.take(20), None, "older than what was taken");
        assert_eq!(shelf.take(40), Some(40), "the first of two of one time");
    }

    fn stamp(frame_number: u64, time_us: u64, domain: StampDomain) -> Stamp {
        Stamp {
            frame_number,
            time_us,
            domain,
        }
    }

    fn check(history: &[(Option<u64>, Option<u64>, bool)]) {
        let mut freshness = Freshness::default();
        for &(rgb, depth, new) in history {
            let [a, b] = [rgb, depth].map(|number| Some(stamp(number?, 0, StampDomain::Sensor)));
            assert_eq!(freshness.is_new(a, b), new, "{rgb:?} {depth:?}");
        }
    }

    #[test]
    fn numbers_must_grow() {
        check(&[
            (Some(1), Some(1), true),
            (Some(2), Some(2), true),
            (Some(2), Some(2), false),
            (Some(1), Some(1), false),
            (Some(5), Some(3), true),
        ]);
    }

    #[test]
    fn half_a_pair_that_stands_still_is_not_new() {
        check(&[
            (Some(1), Some(1), true),
            (Some(2), Some(1), false),
            (Some(2), Some(2), false),
            (Some(3), Some(3), true),
        ]);
    }

    #[test]
    fn pictures_without_stamps_count_as_new() {
        check(&[
            (None, None, true),
            (None, None, true),
            (None, Some(0), true),
        ]);
    }

    #[test]
    fn a_picture_that_comes_again_and_again_is_frozen() {
        let mut frozen = FrozenPicture::new(2);
        let told = [7, 7, 7, 7, 8, 7, 7, 7].map(|print| frozen.is_frozen(print));
        assert_eq!(told, [false, false, true, true, false, false, false, true]);
        let mut never = FrozenPicture::new(0);
        assert!((0..100).all(|_| !never.is_frozen(7)));
    }

    #[test]
    fn a_picture_that_comes_again_is_as_old_as_it_was_the_first_time() {
        let since = |same_max, prints: [u64; 6]| {
            let mut frozen = FrozenPicture::new(same_max);
            let mut exposed_us = 0;
            prints.map(|print| {
                exposed_us += 33;
                frozen.is_frozen(print);
                frozen.since_us(exposed_us)
            })
        };
        assert_eq!(since(10, [7, 8, 8, 8, 9, 8]), [33, 66, 66, 66, 165, 198]);
        let each = [33, 66, 99, 132, 165, 198];
        assert_eq!(since(0, [7, 8, 8, 8, 9, 8]), each);
        assert_eq!(since(10, [FrozenPicture::BLANK; 6]), each);
    }

    #[test]
    fn a_part_with_a_picture_of_the_part_before_is_found_by_its_stream() {
        let mut before = PartBefore::default();
        for (depth, colour, again) in [
            (Some(1), Some(11), None),
            (Some(2), Some(12), None),
            (Some(2), Some(13), Some(Stream::Depth)),
            (Some(2), Some(14), Some(Stream::Depth)),
            (Some(3), Some(14), Some(Stream::Colour)),
            (Some(3), Some(14), Some(Stream::Depth)),
            (Some(4), Some(15), None),
            // Halves are not mixed up, and an older picture is not the last one.
            (Some(15), Some(4), None),
            (Some(4), Some(15), None),
        ] {
            assert_eq!(before.again(depth, colour), again, "{depth:?} {colour:?}");
        }
    }

    #[test]
    fn a_picture_that_shows_nothing_is_no_picture_of_the_part_before() {
        let mut before = PartBefore::default();
        for (depth, colour, again) in [
            (Some(1), None, None),
            (None, None, None),
            (None, None, None),
            // What it hides does not become new.
            (Some(1), Some(11), Some(Stream::Depth)),
            (None, Some(11), Some(Stream::Colour)),
            (Some(2), None, None),
        ] {
            assert_eq!(before.again(depth, colour), again, "{depth:?} {colour:?}");
        }
    }

    #[test]
    fn a_picture_belongs_to_the_part_that_lay_there() {
        let window = ExposureWindow::new(100, 20);
        let host = |time_us| Some(stamp(1, time_us, StampDomain::Host));
        assert!(window.holds(host(100), host(120)));
        assert!(!window.holds(host(99), host(110)), "the part before");
        assert!(!window.holds(host(110), host(121)), "the part behind");
        let sensor = Some(stamp(1, 7, StampDomain::Sensor));
        assert!(
            window.holds(sensor, None),
            "another clock can't be compared"
        );
    }
}
