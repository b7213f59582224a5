//! Parts on a belt that the camera watches: which picture of each is recorded.
//!
//! It is the very decision by which a station judges, `core::trigger` on what `core::lookout` sees, but for the belt:
//! that is measured from the first pictures, along their sides, as training will measure it. A part is recorded when
//! the belt behind it was seen empty: what follows too closely spoils it.

use std::collections::VecDeque;

use twinspect_core::frame::FramePair;
use twinspect_core::freshness::{Freshness, Shelf};
use twinspect_core::lookout::Lookout;
use twinspect_core::station::StationError;
use twinspect_core::survey::{BELT_FRAMES, SurveyError, Where, bare_spec, teach_belt};
use twinspect_core::trigger::{Sight, Trigger, TriggerEvent};

use super::Ended;
use super::cue::Next;
use super::scrutiny::Refusal;
use super::stop::StopSignals;
use crate::config::{Station, WatchSpec};
use crate::error::EdgeError;
use crate::run::taken_us;
use crate::taking::{Taken, Taker};

/// Pictures of a part that wait to be named.
const PICTURES_MAX: usize = 12;
/// Share of the picture that must have a depth for it to say anything.
const VALID_SHARE_MIN: f32 = 0.3;
/// Side S of the product that is looked for. Nothing is prepared, so that any would do.
const SIZE: usize = 256;

/// Watches the belt.
pub(super) struct BeltWatch {
    spec: WatchSpec,
    trigger: Trigger,
    lookout: Option<Lookout>,
    /// What the belt was measured from, to be looked at too.
    first: VecDeque<FramePair>,
    freshness: Freshness,
    shelf: Shelf<FramePair>,
    /// A part behind which the belt was not yet seen empty.
    part: Option<FramePair>,
    next: VecDeque<Next>,
}

impl BeltWatch {
    pub(super) fn new(station: &Station) -> Result<Self, EdgeError> {
        Ok(Self {
            spec: station.watch.ok_or(EdgeError::Usage {
                message: "--presence needs a station whose camera watches the belt".to_owned(),
                hint: "set trigger.source = \"presence\", or record with Enter or --every-ms",
            })?,
            trigger: Trigger::new(station.decisions.trigger)
                .map_err(|error| EdgeError::Station(StationError::Trigger(error)))?,
            lookout: None,
            first: VecDeque::new(),
            freshness: Freshness::default(),
            shelf: Shelf::new(PICTURES_MAX),
            part: None,
            next: VecDeque::new(),
        })
    }

    /// Waits for a part.
    pub(super) fn next(
        &mut self,
        taker: &mut Taker,
        stop: &StopSignals,
    ) -> Result<Next, EdgeError> {
        loop {
            if let Some(next) = self.next.pop_front() {
                return Ok(next);
            }
            if stop.is_told() {
                return Ok(Next::Ended(Ended::Signal));
            }
            let held = self.lookout.as_ref().and_then(|_| self.first.pop_front());
            let taken = match held {
                Some(pair) => Taken::Picture(pair),
                None => taker.take()?,
            };
            match taken {
                Taken::Picture(pair) if self.lookout.is_none() => {
                    self.first.push_back(pair);
                    if self.first.len() == BELT_FRAMES {
                        self.measure_belt()?;
                    }
                }
                Taken::Picture(pair) => self.look(pair, taker.clock().now_us()),
                Taken::Failed(why) => self.refuse(Refusal::Camera { why }),
                // So few pictures are looked at all the same.
                Taken::End if self.lookout.is_none() && !self.first.is_empty() => {
                    self.measure_belt()?;
                }
                Taken::End => {
                    if self.part.take().is_some() {
                        self.refuse(Refusal::Unclear);
                    }
                    self.next.push_back(Next::Ended(Ended::Camera));
                }
            }
        }
    }

    fn measure_belt(&mut self) -> Result<(), EdgeError> {
        let frames = self.first.make_contiguous();
        if frames.iter().any(|frame| frame.depth().is_none()) {
            return Err(no_depth());
        }
        let belt = teach_belt(frames, Where::Border);
        let belt = belt.ok_or(EdgeError::Survey(SurveyError::NoBelt {
            frames: frames.len(),
        }))?;
        log::info!(
            "the belt lies {:.1} mm away",
            belt.offset_mm / belt.normal[2]
        );
        let mut product = bare_spec(belt, SIZE);
        if let Some(geometry) = &mut product.geometry {
            geometry.valid_share_min = VALID_SHARE_MIN;
        }
        self.lookout =
            Some(Lookout::new(self.spec.lookout, &product).map_err(|_no_geometry| no_depth())?);
        Ok(())
    }

    /// Looks at a picture, and hears what that means.
    fn look(&mut self, pair: FramePair, now_us: u64) {
        if !self.freshness.is_new(pair.rgb_stamp, pair.depth_stamp) {
            return;
        }
        let at_us = taken_us(&pair, now_us);
        let Some(seen) = self
            .lookout
            .as_mut()
            .and_then(|lookout| lookout.look(&pair))
        else {
            return;
        };
        let presence = self.spec.presence;
        let is_part = (presence.off_share..=presence.most_share).contains(&seen.share);
        if seen.is_whole && is_part {
            self.shelf.keep(at_us, pair);
        }
        for event in self.trigger.sight(Sight { at_us, seen }).iter() {
            match event {
                TriggerEvent::Part(moment) => {
                    self.part = self.shelf.take(moment.at_us);
                    if self.part.is_none() {
                        self.refuse(Refusal::Unclear);
                    }
                }
                TriggerEvent::Double(_) => self.spoil(Refusal::Crowded),
                TriggerEvent::Unclear { .. } => self.spoil(Refusal::Unclear),
                TriggerEvent::Stuck => self.spoil(Refusal::Stuck),
                TriggerEvent::Lost { .. } => self.spoil(Refusal::Gap),
                // That a line should feed more parts harms none that is there.
                TriggerEvent::Missed { .. } => {}
            }
        }
        if seen.share < presence.off_share
            && let Some(pair) = self.part.take()
        {
            let part_id = None;
            self.next.push_back(Next::Shown { pair, part_id });
        }
    }

    fn spoil(&mut self, refusal: Refusal) {
        self.part = None;
        self.refuse(refusal);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.next.push_back(Next::Refused(refusal));
    }
}

fn no_depth() -> EdgeError {
    EdgeError::Survey(SurveyError::NoDepth)
}
