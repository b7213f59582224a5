//! Which depth picture and which colour picture show the same moment.
//!
//! Both streams of a camera come one picture at a time, each with a number and a time stamp of the
//! camera's. A pair is judged only if both numbers are new, both stamps belong to one clock, and the
//! stamps lie close together. A camera of which one stream has died, repeats its last picture, or
//! runs by another clock gives no pair at all, however many pictures it sends.

mod watch;

use heapless::Deque;

pub use watch::{PairingNews, PairingWatch};

/// Pictures of one stream that wait for a partner. A sensor's driver has a pool of about sixteen, and
/// whoever holds them all has a dead camera.
pub const HELD_MAX: usize = 4;

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Distances.
    Depth,
    /// Colours.
    Colour,
}

impl Stream {
    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Colour => "colour",
        }
    }
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A clock by the number that the camera's driver gives it. Two stamps are compared only if their
/// clocks are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorClock(pub u32);

/// What a stream says of one of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The stream's counter.
    pub number: u64,
    /// Microseconds by `clock`.
    pub time_us: u64,
    /// The clock.
    pub clock: SensorClock,
    /// When the picture came, by the host's monotonic clock.
    pub arrived_us: u64,
}

/// A picture, or whatever stands for one, with its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// What the stream said.
    pub mark: Mark,
    /// The picture.
    pub content: T,
}

/// Depth and colour of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<T> {
    /// Distances.
    pub depth: Marked<T>,
    /// Colours.
    pub colour: Marked<T>,
}

/// What became of pictures that were not judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairingCounts {
    /// Pairs that were found.
    pub pairs: u64,
    /// Pictures whose number was not above the last one of their stream.
    pub repeated: u64,
    /// Pictures for which no partner came.
    pub unpaired: u64,
    /// Numbers that a stream left out.
    pub gaps: u64,
    /// Stamps that were not above the last one of their stream.
    pub turned_back: u64,
    /// Times that a stream's stamps went over to another clock.
    pub clock_changes: u64,
    /// Pictures that could not be compared, as the other stream runs by another clock.
    pub clocks_apart: u64,
}

#[derive(Debug)]
struct Side<T> {
    last: Option<Mark>,
    held: Deque<Marked<T>, HELD_MAX>,
}

impl<T> Side<T> {
    const fn new() -> Self {
        Self {
            last: None,
            held: Deque::new(),
        }
    }
}

/// Pairs the pictures of two streams.
///
/// A partner is unique as long as `distance_max_us` is below half of the time from picture to
/// picture. Of the pictures that go in, at most [`HELD_MAX`] of each stream stay.
#[derive(Debug)]
pub struct Pairing<T> {
    distance_max_us: u64,
    depth: Side<T>,
    colour: Side<T>,
    counts: PairingCounts,
}

impl<T> Pairing<T> {
    /// Pairs pictures whose stamps lie at most so far apart.
    pub const fn new(distance_max_us: u64) -> Self {
        Self {
            distance_max_us,
            depth: Side::new(),
            colour: Side::new(),
            counts: PairingCounts {
                pairs: 0,
                repeated: 0,
                unpaired: 0,
                gaps: 0,
                turned_back: 0,
                clock_changes: 0,
                clocks_apart: 0,
            },
        }
    }

    /// What has come of the pictures so far.
    pub fn counts(&self) -> PairingCounts {
        self.counts
    }

    /// The last mark of a stream that was not a repetition.
    pub fn last(&self, stream: Stream) -> Option<Mark> {
        match stream {
            Stream::Depth => self.depth.last,
            Stream::Colour => self.colour.last,
        }
    }

    /// Forgets both streams, as after a restart, when their numbers begin anew; counts stay.
    pub fn restart(&mut self) {
        self.forget();
        self.depth.last = None;
        self.colour.last = None;
    }

    /// Lets a picture of a stream in; the pair that it completes, if any.
    pub fn push(&mut self, stream: Stream, picture: Marked<T>) -> Option<Pair<T>> {
        if !self.admit(stream, picture.mark) {
            return None;
        }
        let side = match stream {
            Stream::Depth => &mut self.depth,
            Stream::Colour => &mut self.colour,
        };
        if side.held.is_full() {
            self.counts.unpaired += 1;
            side.held.pop_front();
        }
        // There is room: a full queue has lost its oldest just now.
        side.held.push_back(picture).ok()?;
        self.pair()
    }

    /// Whether a picture may be paired, by what its own stream said before.
    fn admit(&mut self, stream: Stream, mark: Mark) -> bool {
        let Some(last) = self.last(stream) else {
            self.remember(stream, mark);
            return true;
        };
        if mark.number <= last.number {
            self.counts.repeated += 1;
            return false;
        }
        self.counts.gaps += mark.number - last.number - 1;
        self.remember(stream, mark);
        if mark.clock != last.clock {
            // What waits was stamped by the old clock, or by the new one of the other stream too early.
            self.counts.clock_changes += 1;
            self.forget_side(stream);
            return true;
        }
        if mark.time_us <= last.time_us {
            // Nobody knows on which side of the step the other stream's pictures were taken.
            self.counts.turned_back += 1;
            self.forget();
            return false;
        }
        true
    }

    fn remember(&mut self, stream: Stream, mark: Mark) {
        match stream {
            Stream::Depth => self.depth.last = Some(mark),
            Stream::Colour => self.colour.last = Some(mark),
        }
    }

    fn forget_side(&mut self, stream: Stream) {
        let side = match stream {
            Stream::Depth => &mut self.depth,
            Stream::Colour => &mut self.colour,
        };
        self.counts.unpaired += side.held.len() as u64;
        side.held.clear();
    }

    fn forget(&mut self) {
        self.forget_side(Stream::Depth);
        self.forget_side(Stream::Colour);
    }

    /// Drops from the front what can't have a partner any more, until two fit.
    fn pair(&mut self) -> Option<Pair<T>> {
        loop {
            let depth = self.depth.held.front()?.mark;
            let colour = self.colour.held.front()?.mark;
            let is_depth_first = if depth.clock == colour.clock {
                if depth.time_us.abs_diff(colour.time_us) <= self.distance_max_us {
                    self.counts.pairs += 1;
                    let depth = self.depth.held.pop_front()?;
                    let colour = self.colour.held.pop_front()?;
                    return Some(Pair { depth, colour });
                }
                self.counts.unpaired += 1;
                depth.time_us < colour.time_us
            } else {
                self.counts.clocks_apart += 1;
                depth.arrived_us < colour.arrived_us
            };
            if is_depth_first {
                self.depth.held.pop_front();
            } else {
                self.colour.held.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests;
