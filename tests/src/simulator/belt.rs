//! The belt: where it is, when it will be somewhere, and what it brings to sensor, encoder and
//! rejector on its way.

use std::collections::VecDeque;

use super::chance::Chance;
use super::story::{COUNT, MARGIN, Part, REGION, REJECTOR};
use twinspect_core::lookout::Seen;

/// Speeds are told in so many parts of the nominal one.
const NOMINAL: i64 = 1024;
/// Longer than any station waits for a belt that stands.
const STAND_US: u64 = 60_000_000;

/// What the belt has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The sensor's beam is broken or free.
    Sensor {
        part: usize,
        is_front: bool,
        covered: bool,
    },
    /// The encoder's shaft, in counts.
    Encoder { count: i64, forward: bool },
    /// A part lies before the rejector for the first time.
    Rejector { part: usize },
    /// Another speed.
    Speed,
}

/// A stretch of time at one speed.
#[derive(Debug, Clone, Copy)]
struct Pace {
    since_us: u64,
    from: i64,
    speed: i64,
    until_us: u64,
}

#[derive(Debug)]
pub(crate) struct Belt<'a> {
    parts: &'a [Part],
    has_encoder: bool,
    chance: Chance,
    paces: u64,
    pace: Pace,
    /// Speeds that a fault asks for, and for how long.
    wanted: VecDeque<(i64, u64)>,
    /// Edges of parts that the sensor's beam has behind it.
    edges: usize,
    count: i64,
    rejected: usize,
}

impl<'a> Belt<'a> {
    pub(crate) fn new(parts: &'a [Part], has_encoder: bool, seed: u64) -> Self {
        Self {
            parts,
            has_encoder,
            chance: Chance::new(seed, 6),
            paces: 0,
            pace: Pace {
                since_us: 0,
                from: 0,
                speed: NOMINAL,
                until_us: 500_000,
            },
            wanted: VecDeque::new(),
            edges: 0,
            count: 0,
            rejected: 0,
        }
    }

    /// Where the belt is.
    pub(crate) fn place(&self, now_us: u64) -> i64 {
        let gone = (now_us - self.pace.since_us) as i64 * self.pace.speed.abs() / NOMINAL;
        self.pace.from + gone * self.pace.speed.signum()
    }

    /// The part that lies before the camera, if one does.
    pub(crate) fn before_camera(&self, now_us: u64) -> Option<usize> {
        let place = self.place(now_us);
        // The part whose edge the sensor has seen last, or one of its neighbours after a stop.
        let near = (self.edges / 2).saturating_sub(2)..(self.edges / 2 + 2).min(self.parts.len());
        near.rev().find(|part| {
            let part = &self.parts[*part];
            (part.front..part.front + part.length).contains(&place)
        })
    }

    /// What a look at the region around the sensor's place says, and the part that lies there wholly and
    /// alone. `is_flat` are parts that the height map does not show.
    pub(crate) fn in_region(
        &self,
        now_us: u64,
        is_flat: impl Fn(usize) -> bool,
    ) -> (Seen, Option<usize>) {
        let place = self.place(now_us);
        let half = REGION / 2;
        // As before the camera; crowded parts are shorter than the region.
        let near = (self.edges / 2).saturating_sub(4)..(self.edges / 2 + 5).min(self.parts.len());
        let (mut covered, mut moment, mut is_whole) = (0, 0, true);
        let (mut parts, mut last) = (0, None);
        for part in near.filter(|part| !is_flat(*part)) {
            let Part { front, length, .. } = self.parts[part];
            let (tail, lead) = (place - front - length, place - front);
            let (from, to) = (tail.max(-half), lead.min(half));
            if from < to {
                covered += to - from;
                moment += (to - from) * (from + to) / 2;
                is_whole &= tail > MARGIN - half && lead < half - MARGIN;
                parts += 1;
                last = Some(part);
            }
        }
        let seen = Seen {
            share: covered as f32 / REGION as f32,
            is_whole: is_whole && parts > 0,
            offset: (moment as f32 / covered.max(1) as f32).abs() / half as f32,
        };
        (seen, last.filter(|_| parts == 1 && is_whole))
    }

    /// Parts that have not come to the rejector.
    pub(crate) fn is_empty(&self) -> bool {
        self.rejected == self.parts.len()
    }

    pub(crate) fn speeds(&mut self, now_us: u64, wanted: &[(i64, u64)]) {
        self.wanted.extend(wanted);
        self.turn(now_us);
    }

    /// Stops for good.
    pub(crate) fn stand(&mut self, now_us: u64) {
        self.wanted.clear();
        self.speeds(now_us, &[(0, STAND_US)]);
    }

    fn edge(&self, edge: usize) -> Option<i64> {
        let part = self.parts.get(edge / 2)?;
        Some(
            part.front
                + if edge.is_multiple_of(2) {
                    0
                } else {
                    part.length
                },
        )
    }

    /// When something is reached next, and what.
    pub(crate) fn next(&self) -> (u64, Reached) {
        let mut next = (self.pace.until_us, Reached::Speed);
        let mut consider = |at_us: u64, reached| {
            if at_us < next.0 {
                next = (at_us, reached);
            }
        };
        let forward = self.pace.speed > 0;
        if forward {
            if let Some(edge) = self.edge(self.edges) {
                let covered = self.edges.is_multiple_of(2);
                consider(
                    self.when(edge),
                    Reached::Sensor {
                        part: self.edges / 2,
                        is_front: covered,
                        covered,
                    },
                );
            }
            if let Some(part) = self.parts.get(self.rejected) {
                let part_at = self.when(part.front + REJECTOR);
                consider(
                    part_at,
                    Reached::Rejector {
                        part: self.rejected,
                    },
                );
            }
        } else if self.pace.speed < 0
            && self.edges > 0
            && let Some(edge) = self.edge(self.edges - 1)
        {
            let is_front = self.edges % 2 == 1;
            consider(
                self.when(edge - 1),
                Reached::Sensor {
                    part: (self.edges - 1) / 2,
                    is_front,
                    covered: !is_front,
                },
            );
        }
        if self.has_encoder && self.pace.speed != 0 {
            let (count, place) = if forward {
                (self.count + 1, (self.count + 1) * COUNT)
            } else {
                (self.count - 1, self.count * COUNT - 1)
            };
            consider(self.when(place), Reached::Encoder { count, forward });
        }
        next
    }

    /// Takes over what [`Belt::next`] has said.
    pub(crate) fn reach(&mut self, now_us: u64, reached: Reached) {
        match reached {
            Reached::Sensor {
                is_front, covered, ..
            } => {
                if is_front == covered {
                    self.edges += 1;
                } else {
                    self.edges -= 1;
                }
            }
            Reached::Encoder { count, .. } => self.count = count,
            Reached::Rejector { .. } => self.rejected += 1,
            Reached::Speed => self.turn(now_us),
        }
    }

    fn when(&self, place: i64) -> u64 {
        let way = (place - self.pace.from).abs() * NOMINAL;
        let speed = self.pace.speed.abs();
        // Not before now: places that were reached in this moment wait for their turn.
        self.pace.since_us + ((way + speed - 1) / speed) as u64
    }

    /// The next speed: what a fault asks for, else one that is near the nominal one.
    fn turn(&mut self, now_us: u64) {
        let place = self.place(now_us);
        self.paces += 1;
        let (speed, lasts_us) = self.wanted.pop_front().unwrap_or_else(|| {
            // An even belt keeps its speed to half a per cent; an encoder follows a moody one.
            let spread: u64 = if self.has_encoder { 200 } else { 5 };
            let speed = self.chance.range(2 * self.paces, 0, 2 * spread + 1) as i64 - spread as i64;
            let lasts = self.chance.range(2 * self.paces + 1, 400_000, 900_000);
            (NOMINAL + speed, lasts)
        });
        self.pace = Pace {
            since_us: now_us,
            from: place,
            speed,
            until_us: now_us + lasts_us,
        };
    }
}
