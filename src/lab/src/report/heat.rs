//! Scores and weights as colours; the same on every page, so that pages compare.

use image::Rgb;

/// Colours at scores, ascending, as the device's own pictures have them: cold below the line, hot
/// from the line on. The step at 1.0 is where a part is rejected.
const SCORES: [(f32, [f32; 3]); 6] = [
    (0.0, [18.0, 22.0, 46.0]),
    (0.5, [36.0, 78.0, 140.0]),
    (0.999, [84.0, 160.0, 176.0]),
    (1.0, [250.0, 214.0, 70.0]),
    (1.5, [240.0, 110.0, 40.0]),
    (2.5, [190.0, 20.0, 60.0]),
];

/// Colours at weights: those of colour and of height in the charts, light between them.
const WEIGHTS: [(f32, [f32; 3]); 3] = [
    (0.0, [170.0, 68.0, 140.0]),
    (0.5, [240.0, 240.0, 236.0]),
    (1.0, [0.0, 120.0, 88.0]),
];

/// The colour of a score.
pub(super) fn of_score(score: f32) -> Rgb<u8> {
    mixed(&SCORES, score)
}

/// The colour of height's share of a decision.
pub(super) fn of_weight(weight: f32) -> Rgb<u8> {
    mixed(&WEIGHTS, weight)
}

fn mixed(stops: &[(f32, [f32; 3])], value: f32) -> Rgb<u8> {
    let above = stops.iter().position(|(stop, _)| value < *stop);
    let colour = match above {
        Some(0) => stops[0].1,
        None => stops[stops.len() - 1].1,
        Some(next) => {
            let ((from, before), (to, after)) = (stops[next - 1], stops[next]);
            let share = (value - from) / (to - from);
            std::array::from_fn(|channel| {
                before[channel] + share * (after[channel] - before[channel])
            })
        }
    };
    Rgb(colour.map(|value| value.round() as u8))
}

/// What the colours of the pictures mean: a strip for scores and one for weights. `place` tells this
/// key from others on the page.
pub(super) fn keys(place: &str, with_weights: bool) -> String {
    let mut keys = strip(
        place,
        "score",
        &SCORES,
        &[
            (0.0, "0"),
            (0.5, "0.5"),
            (1.0, "1: the line"),
            (1.5, "1.5"),
            (2.5, "2.5"),
        ],
    );
    if with_weights {
        keys += &strip(
            place,
            "weight",
            &WEIGHTS,
            &[(0.0, "colour"), (0.5, "both"), (1.0, "height")],
        );
    }
    keys
}

fn strip(place: &str, name: &str, stops: &[(f32, [f32; 3])], labels: &[(f32, &str)]) -> String {
    let end = stops[stops.len() - 1].0;
    let stops: String = stops
        .iter()
        .map(|(value, colour)| {
            let [red, green, blue] = colour.map(|channel| channel.round() as u8);
            let at = 100.0 * value / end;
            format!("<stop offset=\"{at:.2}%\" stop-color=\"#{red:02x}{green:02x}{blue:02x}\"/>")
        })
        .collect();
    let labels: String = labels
        .iter()
        .map(|(value, label)| {
            let share = value / end;
            let anchor = match share {
                share if share <= 0.0 => "start",
                share if share >= 1.0 => "end",
                _ => "middle",
            };
            let x = 4.0 + 272.0 * share;
            format!("<text x=\"{x:.1}\" y=\"30\" text-anchor=\"{anchor}\">{label}</text>")
        })
        .collect();
    format!(
        "<svg class=\"key\" viewBox=\"0 0 280 36\" role=\"img\"><title>Colours of a {name}</title>\
         <defs><linearGradient id=\"{place}-{name}\">{stops}</linearGradient></defs>\
         <rect x=\"4\" y=\"4\" width=\"272\" height=\"12\" fill=\"url(#{place}-{name})\"/>\
         <g class=\"ticks\">{labels}</g></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_seen_and_the_ends_keep_their_colours() {
        assert!(of_score(1.0).0[0] > of_score(0.99).0[0] + 100);
        assert_eq!(of_score(-3.0), of_score(0.0));
        assert_eq!(of_score(9.0), of_score(2.5));
        assert_eq!(of_weight(2.0), of_weight(1.0));
    }
}
