//! Figures of a live camera: how often it was brought back, and what became of its pictures.

use super::text::{Kind, Page};
use crate::control::StreamFigures;

pub(super) fn figures(page: &mut Page, stream: &StreamFigures) {
    let counters = [
        (
            "twinspect_camera_restarts_total",
            "Times that the camera was started again.",
            stream.restarts,
        ),
        (
            "twinspect_camera_removals_total",
            "Times that the camera went away.",
            stream.removals,
        ),
    ];
    for (name, help, value) in counters {
        page.family(name, Kind::Counter, help)
            .value(&[], value as f64);
    }
    let mut family = page.family(
        "twinspect_camera_bad_frames_total",
        Kind::Counter,
        "Pictures of the camera that can't be used.",
    );
    for (kind, value) in [
        ("corrupt", stream.corrupt),
        ("late", stream.late),
        ("frozen", stream.frozen),
    ] {
        family.value(&[("kind", kind)], value as f64);
    }
    let mut family = page.family(
        "twinspect_camera_lost_frames_total",
        Kind::Counter,
        "Pictures of the camera's streams that never came, or came to no pair.",
    );
    for (reason, value) in [
        ("gap", stream.gaps),
        ("repeated", stream.repeated),
        ("unpaired", stream.unpaired),
        ("clocks_apart", stream.clocks_apart),
    ] {
        family.value(&[("reason", reason)], value as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_camera_is_told_by_what_brought_it_back_and_what_became_of_its_pictures() {
        let mut page = Page::new("a");
        let stream = StreamFigures {
            restarts: 1,
            removals: 2,
            corrupt: 3,
            late: 4,
            frozen: 5,
            gaps: 6,
            repeated: 7,
            unpaired: 8,
            clocks_apart: 9,
        };
        figures(&mut page, &stream);
        let text = page.finish();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "twinspect_camera_restarts_total{station=\"a\"} 1",
                "twinspect_camera_removals_total{station=\"a\"} 2",
                "twinspect_camera_bad_frames_total{station=\"a\",kind=\"corrupt\"} 3",
                "twinspect_camera_bad_frames_total{station=\"a\",kind=\"late\"} 4",
                "twinspect_camera_bad_frames_total{station=\"a\",kind=\"frozen\"} 5",
                "twinspect_camera_lost_frames_total{station=\"a\",reason=\"gap\"} 6",
                "twinspect_camera_lost_frames_total{station=\"a\",reason=\"repeated\"} 7",
                "twinspect_camera_lost_frames_total{station=\"a\",reason=\"unpaired\"} 8",
                "twinspect_camera_lost_frames_total{station=\"a\",reason=\"clocks_apart\"} 9",
            ]
        );
    }

    /// A station of an earlier release counts less.
    #[test]
    fn what_a_station_does_not_count_is_read_as_nothing() {
        let told = r#"{"restarts":1,"removals":0,"corrupt":0,"late":0,"frozen":2}"#;
        let stream: StreamFigures = serde_json::from_str(told).unwrap();
        assert_eq!((stream.frozen, stream.gaps, stream.unpaired), (2, 0, 0));
    }
}
