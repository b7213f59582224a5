//! What happens on the belt and has no line of its own: told in the log when it happens.
//!
//! A part's line comes when the part leaves, because until then its outcome may still change. What
//! kept it from leaving well is known earlier, or belongs to no part.

use twinspect_core::{gate, trigger};

/// Counts that should stay where they are.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    known: [u64; 5],
}

const TOLD: [&str; 5] = [
    "no part came within spacing_max_ms or spacing_max_counts: one was missed, and nothing passes on \
     that stretch of belt",
    "edges of the part sensor, or pictures of a camera that watches the belt, were lost: nothing passes on \
     that stretch of belt",
    "a pulse was missed, because this process woke up too late: with output = \"pass_pulse\" its part \
     is rejected as late, with \"reject_pulse\" it went through",
    "the camera saw something on the belt that is no part as presence.* describes one, or is in no picture \
     whole: nothing passes there",
    "something did not leave the camera's sight within presence.sight_max_ms: parts touch or the belt \
     stands, so that all parts under way are rejected",
];

impl Troubles {
    /// What has happened since the last call.
    pub(super) fn since_last(
        &mut self,
        trigger: &trigger::Counters,
        gate: &gate::Counters,
    ) -> impl Iterator<Item = &'static str> + use<> {
        let now = [
            trigger.missed,
            trigger.losses,
            gate.missed_pulses,
            trigger.unclear,
            trigger.stuck,
        ];
        let before = std::mem::replace(&mut self.known, now);
        (0..TOLD.len())
            .filter(move |&place| now[place] > before[place])
            .map(|place| TOLD[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_told_once_when_it_happens() {
        let mut troubles = Troubles::default();
        let (mut trigger, mut gate) = (trigger::Counters::default(), gate::Counters::default());
        let mut told =
            |trigger: &_, gate: &_| troubles.since_last(trigger, gate).collect::<Vec<_>>();
        trigger.parts = 5;
        assert!(told(&trigger, &gate).is_empty());
        trigger.missed = 1;
        assert_eq!(told(&trigger, &gate), [TOLD[0]]);
        (trigger.losses, gate.missed_pulses) = (1, 2);
        assert_eq!(told(&trigger, &gate), [TOLD[1], TOLD[2]]);
        (trigger.unclear, trigger.stuck) = (1, 1);
        assert_eq!(told(&trigger, &gate), [TOLD[3], TOLD[4]]);
        assert!(told(&trigger, &gate).is_empty());
    }
}
