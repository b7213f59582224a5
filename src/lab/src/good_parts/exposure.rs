//! Good parts that were recorded under another light than the others: what the device takes for usual pictures
//! of a product reaches from the darkest to the brightest of them, so that one that slipped in hides a lamp that fails.

use twinspect_core::quality::ColourFigures;
use twinspect_dataset::PartRef;

use super::sound::first_named;
use super::usual::{PARTS_MIN, median};

/// Against the median of the parts, how many times as much or as little light is odd: a whole stop, which no
/// lamp wanders by.
const STOP: f32 = 2.0;
/// How much larger a share of the picture may be overexposed, or black, than in the median part.
const SHARE: f32 = 0.25;

/// How much light a part's picture got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exposure {
    brightness: f32,
    saturated: f32,
    dark: f32,
}

impl Exposure {
    pub(super) fn of(figures: &ColourFigures) -> Self {
        Self {
            brightness: figures.brightness,
            saturated: figures.saturated_share,
            dark: figures.dark_share,
        }
    }

    fn is_odd(&self, usual: &Self) -> bool {
        let times = self.brightness / usual.brightness;
        let is_usual = (STOP.recip()..=STOP).contains(&times);
        !is_usual || self.saturated > usual.saturated + SHARE || self.dark > usual.dark + SHARE
    }
}

/// Tells of good parts with another light than half of them.
pub(super) fn warn_of_odd_light(data: &str, parts: &[(&PartRef, Exposure)]) {
    let exposures: Vec<Exposure> = parts.iter().map(|(_, exposure)| *exposure).collect();
    let (usual, odd) = odd_ones(&exposures);
    if odd.is_empty() {
        return;
    }
    let named = odd.iter().map(|&index| {
        let (part, exposure) = parts[index];
        let [overexposed, black] = [exposure.saturated, exposure.dark].map(|share| 100.0 * share);
        format!(
            "{} {:.0}, {overexposed:.0} % and {black:.0} %",
            part.id, exposure.brightness
        )
    });
    log::warn!(
        "{data}: {} of {} good parts have another light than most, whose pictures have a brightness of {:.0} of 255, {:.0} % overexposed and \
         {:.0} % black: {}: leave such parts out, or a station that gets as dark or bright will pass for a usual one",
        odd.len(),
        parts.len(),
        usual.brightness,
        100.0 * usual.saturated,
        100.0 * usual.dark,
        first_named(named)
    );
}

/// The usual exposure, and the places of those that are far from it.
fn odd_ones(exposures: &[Exposure]) -> (Exposure, Vec<usize>) {
    let median = |figure: fn(&Exposure) -> f32| median(exposures.iter().map(figure));
    let usual = Exposure {
        brightness: median(|exposure| exposure.brightness),
        saturated: median(|exposure| exposure.saturated),
        dark: median(|exposure| exposure.dark),
    };
    let is_told = exposures.len() >= PARTS_MIN && usual.brightness > 0.0;
    let odd = (0..exposures.len()).filter(|&index| is_told && exposures[index].is_odd(&usual));
    (usual, odd.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposures(odd: Exposure) -> Vec<Exposure> {
        let mut all: Vec<Exposure> = (0..9)
            .map(|i| Exposure {
                brightness: 90.0 + 5.0 * i as f32,
                saturated: 0.02 * i as f32,
                dark: 0.01 * i as f32,
            })
            .collect();
        all.push(odd);
        all
    }

    #[test]
    fn a_stop_of_light_is_odd_and_a_lamp_s_wandering_is_not() {
        let with = |brightness, saturated, dark| {
            let odd = Exposure {
                brightness,
                saturated,
                dark,
            };
            odd_ones(&exposures(odd)).1
        };
        assert!(with(130.0, 0.2, 0.1).is_empty());
        assert!(with(80.0, 0.0, 0.2).is_empty());
        assert_eq!(with(50.0, 0.0, 0.0), [9]);
        assert_eq!(with(231.0, 0.0, 0.0), [9]);
        assert_eq!(with(120.0, 0.5, 0.0), [9], "half of it is white");
        assert_eq!(with(60.0, 0.0, 0.5), [9], "half of it is black");
    }

    #[test]
    fn few_parts_and_black_ones_have_nothing_usual() {
        let dark = Exposure {
            brightness: 1.0,
            saturated: 0.0,
            dark: 0.0,
        };
        assert!(odd_ones(&exposures(dark)[4..]).1.is_empty());
        assert!(odd_ones(&[]).1.is_empty());
        let black = Exposure {
            brightness: 0.0,
            saturated: 0.0,
            dark: 0.0,
        };
        assert!(odd_ones(&[black; 10]).1.is_empty());
    }
}
