//! What is odd about pictures, in words, and what to do about it.

use std::collections::BTreeSet;

use twinspect_core::frame::FramePair;

use super::findings::{Depth, Streams};
use crate::figures::Colour;
use crate::prints::Prints;

/// Limits beyond which somebody should look. They warn and refuse nothing: a good picture of a dark part is dark.
const MEASURED_SHARE_MIN: f32 = 0.7;
const SATURATED_SHARE_MAX: f32 = 0.05;
const BRIGHTNESS_MIN: f32 = 30.0;
const NOISE_MAX_MM: f64 = 2.0;
/// Largest difference from the distance to the taught belt that is no other distance.
const DISTANCE_SHARE_MAX: f64 = 0.15;

pub(super) fn of_colour(colour: &Colour, exposure_key: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if colour.saturated_share > SATURATED_SHARE_MAX {
        doubts.push(format!(
            "{:.0} % of the colour picture is as bright as can be: shorten {exposure_key}, lower \
             the gain, or dim the light",
            100.0 * colour.saturated_share
        ));
    }
    if colour.brightness < BRIGHTNESS_MIN {
        doubts.push(format!(
            "the colour picture is dark, {:.0} of 255 on average: is the light on, is the cap off, is the exposure \
             long enough?",
            colour.brightness
        ));
    }
    doubts
}

pub(super) fn of_depth(depth: &Depth) -> Vec<String> {
    let mut doubts = Vec::new();
    if depth.measured_share < MEASURED_SHARE_MIN {
        doubts.push(format!(
            "only {:.0} % of the picture has a depth: too near for this camera and depth size (docs/cameras.md), the \
             emitter off, sunlight or another projector, a dirty window, or parts that shine or have no texture",
            100.0 * depth.measured_share
        ));
    }
    if let Some(noise_mm) = depth.noise_mm.filter(|noise_mm| *noise_mm > NOISE_MAX_MM) {
        doubts.push(format!(
            "depth changes by {noise_mm:.1} mm from picture to picture while nothing moves: too far, too little \
             texture, or the emitter off; if something does move, stop it"
        ));
    }
    if let (Some(median_mm), Some(belt_mm)) = (depth.median_mm, depth.belt_mm)
        && (median_mm - belt_mm).abs() > DISTANCE_SHARE_MAX * belt_mm
    {
        doubts.push(format!(
            "most of the picture lies {median_mm:.0} mm away, the bundle's belt {belt_mm:.0} mm: put the camera where \
             it stood when the model's parts were recorded"
        ));
    }
    doubts
}

/// Of pictures that could not be had, among so many that could.
pub(super) fn of_failures(failures: &[String], pairs: usize) -> Option<String> {
    let first = failures.first()?;
    Some(format!(
        "{} of {} pictures could not be had, the first for this reason: {first}",
        failures.len(),
        failures.len() + pairs
    ))
}

/// Of pictures that a camera, or its recording, has left out, being the same again and again.
pub(super) fn of_streams(streams: &Streams, is_recorded: bool) -> Option<String> {
    let what = if is_recorded {
        "the camera stood still while they were recorded: record them again, or play another recording"
    } else {
        "the camera stands still now and then: start it again; cable, hub, firmware"
    };
    (streams.frozen > 0).then(|| {
        format!(
            "{} pictures came that were those before them, to the last bit, and were left out: a sensor's noise never \
             repeats, so {what}",
            streams.frozen
        )
    })
}

/// Of recorded pictures that were there before.
pub(super) fn of_copies(pairs: &[FramePair]) -> Vec<String> {
    let mut seen = [BTreeSet::new(), BTreeSet::new()];
    let mut copies = [0_usize; 2];
    for pair in pairs {
        let Prints { rgb, depth } = Prints::of(pair);
        let halves = [
            pair.rgb().is_some().then_some(rgb),
            pair.depth().is_some().then_some(depth),
        ];
        for ((seen, copies), print) in seen.iter_mut().zip(&mut copies).zip(halves) {
            *copies += usize::from(print.is_some_and(|print| !seen.insert(print)));
        }
    }
    let told = |copies: usize, half: &str| {
        format!(
            "{copies} of {} pictures have the {half} of another one before them, to the last bit: a sensor's noise never \
             repeats. The camera stood still while they were recorded, or they are copies: record them again",
            pairs.len()
        )
    };
    match copies {
        [0, 0] => Vec::new(),
        [rgb, depth] if rgb == depth => vec![told(rgb, "colour and depth")],
        [rgb, depth] => [(rgb, "colour"), (depth, "depth")]
            .into_iter()
            .filter(|(copies, _)| *copies > 0)
            .map(|(copies, half)| told(copies, half))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{DepthCounts, DepthFrame, FrameSize, Intrinsics, RgbFrame};

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_what_to_do() {
        let colour = |brightness, saturated_share| Colour {
            brightness,
            dark_share: 0.0,
            saturated_share,
            sharpness: 100.0,
        };
        assert!(of_colour(&colour(120.0, 0.01), "x").is_empty());
        assert!(of_colour(&colour(120.0, 0.2), "v4l2.exposure_ms")[0].contains("v4l2.exposure_ms"));
        assert!(of_colour(&colour(3.0, 0.0), "x")[0].contains("light"));
        let depth = |measured_share, median_mm, noise_mm| Depth {
            measured_share,
            median_mm: Some(median_mm),
            noise_mm: Some(noise_mm),
            belt_mm: Some(450.0),
        };
        assert!(of_depth(&depth(0.95, 440.0, 0.6)).is_empty());
        let missing = of_depth(&depth(0.4, 440.0, 0.6)).remove(0);
        for may_be in [
            "too near",
            "the emitter off",
            "sunlight",
            "dirty window",
            "shine",
        ] {
            assert!(missing.contains(may_be), "{may_be}: {missing}");
        }
        assert!(of_depth(&depth(0.95, 300.0, 0.6))[0].contains("300 mm away"));
        let noisy = of_depth(&depth(0.95, 440.0, 4.0)).remove(0);
        for word in ["4.0 mm", "too far", "too little texture"] {
            assert!(noisy.contains(word), "{word}: {noisy}");
        }
    }

    #[test]
    fn pictures_that_could_not_be_had_are_counted() {
        assert_eq!(of_failures(&[], 30), None);
        let told = of_failures(&["a lost file".to_owned(), "another".to_owned()], 28);
        let told = told.unwrap();
        assert!(told.starts_with("2 of 30 pictures"), "{told}");
        assert!(told.ends_with("a lost file"), "{told}");
    }

    fn pair(colour: u8, count: Option<u16>) -> FramePair {
        let size = FrameSize {
            width: 2,
            height: 1,
        };
        let intrinsics = Intrinsics {
            width: 2,
            height: 1,
            fx: 2.0,
            fy: 2.0,
            cx: 0.5,
            cy: 0.0,
            distortion: [0.0; 5],
        };
        let rgb = RgbFrame::new(size, vec![colour; 6]).unwrap();
        let depth = count.map(|count| {
            DepthFrame::Counts(DepthCounts::new(size, 0.001, vec![count; 2]).unwrap())
        });
        FramePair::new(Some(rgb), depth, Some(intrinsics)).unwrap()
    }

    #[test]
    fn a_cable_is_no_cure_for_what_was_recorded() {
        let streams = |frozen| Streams {
            pairs: 30,
            repeated: 0,
            unpaired: 0,
            gaps: 0,
            clocks_apart: 0,
            corrupt: 0,
            late: 0,
            frozen,
        };
        assert_eq!(of_streams(&streams(0), false), None);
        let live = of_streams(&streams(3), false).unwrap();
        assert!(
            live.contains("3 pictures") && live.contains("cable"),
            "{live}"
        );
        let recorded = of_streams(&streams(3), true).unwrap();
        assert!(recorded.contains("record them again"), "{recorded}");
        assert!(!recorded.contains("cable"), "{recorded}");
    }

    #[test]
    fn copies_are_told_by_half_and_number() {
        let told = |pairs: &[(u8, Option<u16>)]| {
            let pairs: Vec<FramePair> = pairs.iter().map(|half| pair(half.0, half.1)).collect();
            of_copies(&pairs)
        };
        assert!(told(&[(1, Some(1)), (2, Some(2)), (3, Some(3))]).is_empty());
        // Not the last one, either.
        let whole = told(&[(1, Some(1)), (2, Some(2)), (1, Some(1)), (2, Some(2))]);
        assert_eq!(whole.len(), 1, "{whole:?}");
        assert!(
            whole[0].starts_with("2 of 4 pictures have the colour and depth"),
            "{whole:?}"
        );
        let depth = told(&[(1, Some(1)), (2, Some(1)), (3, Some(1))]);
        assert_eq!(depth.len(), 1, "{depth:?}");
        assert!(
            depth[0].starts_with("2 of 3 pictures have the depth"),
            "{depth:?}"
        );
        // What is not there is no copy.
        assert!(told(&[(1, None), (2, None)]).is_empty());
        let colour = told(&[(1, None), (1, None)]);
        assert!(
            colour[0].starts_with("1 of 2 pictures have the colour of"),
            "{colour:?}"
        );
    }
}
