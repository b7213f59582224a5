//! Scores as colours: cold below the line, hot from the line on.

use image::Rgb;

/// Colours at scores, ascending. The step at 1.0 is where a part is rejected.
const STOPS: [(f32, [f32; 3]); 6] = [
    (0.0, [18.0, 22.0, 46.0]),
    (0.5, [36.0, 78.0, 140.0]),
    (0.999, [84.0, 160.0, 176.0]),
    (1.0, [250.0, 214.0, 70.0]),
    (1.5, [240.0, 110.0, 40.0]),
    (2.5, [190.0, 20.0, 60.0]),
];

/// The colour of a score; the same for every picture, so that pictures can be compared.
pub(super) fn colour(score: f32) -> Rgb<u8> {
    let above = STOPS.iter().position(|(stop, _)| score < *stop);
    let mixed = match above {
        Some(0) => STOPS[0].1,
        None => STOPS[STOPS.len() - 1].1,
        Some(next) => {
            let ((from, cold), (to, hot)) = (STOPS[next - 1], STOPS[next]);
            let share = (score - from) / (to - from);
            std::array::from_fn(|channel| cold[channel] + share * (hot[channel] - cold[channel]))
        }
    };
    Rgb(mixed.map(|value| value.round() as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_seen() {
        let Rgb([below, ..]) = colour(0.99);
        let Rgb([above, ..]) = colour(1.0);
        assert!(above > below + 100, "{below} {above}");
    }

    #[test]
    fn scores_beyond_the_ends_keep_the_end_colours() {
        assert_eq!(colour(-3.0), colour(0.0));
        assert_eq!(colour(9.0), colour(2.5));
    }
}
