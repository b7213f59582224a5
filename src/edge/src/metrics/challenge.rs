//! Figures of the challenge part: when it is due, and what became of the last one.

use twinspect_core::challenge::{Alarm, Shown};

use super::text::{Kind, Page};
use crate::control::ChallengeStatus;

pub(super) fn figures(page: &mut Page, challenge: &ChallengeStatus) {
    if let Some(due_unix_s) = challenge.due_unix_s {
        page.family(
            "twinspect_challenge_due_timestamp_seconds",
            Kind::Gauge,
            "When the next challenge part has to be caught by; it stays when that is over.",
        )
        .value(&[], due_unix_s as f64);
    }
    let mut family = page.family(
        "twinspect_challenge_alarm",
        Kind::Gauge,
        "1 while the last challenge part has passed, or none was caught in time.",
    );
    for alarm in Alarm::ALL.map(Alarm::name) {
        let is_on = challenge.alarm.as_deref() == Some(alarm);
        family.value(&[("alarm", alarm)], f64::from(u8::from(is_on)));
    }
    let mut family = page.family(
        "twinspect_challenge_last",
        Kind::Gauge,
        "1 for what became of the last challenge part; 0 for all if none is known.",
    );
    for outcome in Shown::ALL.map(Shown::name) {
        let is_this = challenge.last.as_deref() == Some(outcome);
        family.value(&[("outcome", outcome)], f64::from(u8::from(is_this)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(challenge: &ChallengeStatus) -> Vec<String> {
        let mut page = Page::new("a");
        figures(&mut page, challenge);
        let text = page.finish();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(str::to_owned).collect()
    }

    #[test]
    fn a_challenge_is_told_by_when_it_is_due_its_alarm_and_its_last_outcome() {
        let mut challenge = ChallengeStatus {
            part: String::new(),
            alarm: Some("missed".to_owned()),
            last: Some("no_result".to_owned()),
            awaited: None,
            due_in_s: Some(0.0),
            due_unix_s: Some(1_764_160_000),
        };
        assert_eq!(
            told(&challenge),
            [
                "twinspect_challenge_due_timestamp_seconds{station=\"a\"} 1764160000",
                "twinspect_challenge_alarm{station=\"a\",alarm=\"missed\"} 1",
                "twinspect_challenge_alarm{station=\"a\",alarm=\"overdue\"} 0",
                "twinspect_challenge_last{station=\"a\",outcome=\"caught\"} 0",
                "twinspect_challenge_last{station=\"a\",outcome=\"missed\"} 0",
                "twinspect_challenge_last{station=\"a\",outcome=\"no_result\"} 1",
            ]
        );
        challenge.alarm = Some("overdue".to_owned());
        challenge.last = Some("caught".to_owned());
        let said = told(&challenge);
        assert!(said[2].ends_with("\"overdue\"} 1") && said[3].ends_with("\"caught\"} 1"));
        // Of a station that reminds nobody and was shown none.
        (challenge.alarm, challenge.last, challenge.due_unix_s) = (None, None, None);
        let said = told(&challenge);
        assert_eq!(said.len(), 5);
        assert!(said.iter().all(|line| line.ends_with("} 0")), "{said:?}");
    }
}
