//! How far an engine's maps lie from a golden's.

use twinspect_core::modality::Modality;
use twinspect_core::score::{FusionMaps, MapStack};

use crate::engine::StageName;

/// Where an engine's maps lie farthest from a golden's.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The golden.
    pub golden: String,
    /// Maps of which stage.
    pub stage: StageName,
    /// Which map of the stage, from 0; of fusion, 0 is the fused map and 1 the weight.
    pub map: usize,
    /// Which value of the map, from 0, rows from the top.
    pub index: usize,
    /// The golden's value.
    pub expected: f32,
    /// The engine's value.
    pub found: f32,
    /// The difference as a share of the range of the golden's maps of this stage; of the fused map's
    /// range and of the weight's, which is 1.
    pub share: f32,
}

impl std::fmt::Display for Deviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "golden {}, {} map {}, index {}: expected {}, found {}, {:.2e} of the range",
            self.golden, self.stage, self.map, self.index, self.expected, self.found, self.share
        )
    }
}

/// Of the maps of a modality.
pub(super) fn of_maps(
    golden: &str,
    modality: Modality,
    expected: &MapStack,
    found: &MapStack,
) -> Option<Deviation> {
    let range = range(&expected.data);
    let all = farthest(golden, modality.into(), range, &expected.data, &found.data)?;
    let pixels = expected.side * expected.side;
    Some(Deviation {
        map: all.index / pixels,
        index: all.index % pixels,
        ..all
    })
}

/// Of the fused map and of the weight.
pub(super) fn of_fusion(
    golden: &str,
    expected: &FusionMaps,
    found: &FusionMaps,
) -> impl Iterator<Item = Deviation> {
    let of = |map, range, expected: &[f32], found: &[f32]| {
        let all = farthest(golden, StageName::Fusion, range, expected, found)?;
        Some(Deviation { map, ..all })
    };
    let fused = of(0, range(&expected.fused), &expected.fused, &found.fused);
    let weight = of(1, 1.0, &expected.weight, &found.weight);
    fused.into_iter().chain(weight)
}

fn range(values: &[f32]) -> f32 {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low
}

fn farthest(
    golden: &str,
    stage: StageName,
    range: f32,
    expected: &[f32],
    found: &[f32],
) -> Option<Deviation> {
    let pairs = expected.iter().zip(found);
    let (index, difference) = pairs
        .map(|(expected, found)| (expected - found).abs())
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Deviation {
        golden: golden.to_owned(),
        stage,
        map: 0,
        index,
        expected: *expected.get(index)?,
        found: *found.get(index)?,
        // Maps without any range can only be reproduced exactly.
        share: if difference == 0.0 {
            0.0
        } else {
            difference / range
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_without_a_range_are_reproduced_exactly_or_not_at_all() {
        let flat = MapStack::new(1, 2);
        let mut other = flat.clone();
        let of = |found: &MapStack| of_maps("000", Modality::Rgb, &flat, found).unwrap().share;
        assert_eq!(of(&other), 0.0);
        other.data[1] = 1e-9;
        assert_eq!(of(&other), f32::INFINITY);
    }

    #[test]
    fn the_weight_is_measured_by_its_own_range() {
        let expected = FusionMaps {
            fused: vec![0.0, 10.0],
            weight: vec![0.0, 0.0],
        };
        let mut found = expected.clone();
        (found.fused[0], found.weight[1]) = (0.5, 0.25);
        let all: Vec<_> = of_fusion("000", &expected, &found)
            .map(|d| (d.map, d.index, d.share))
            .collect();
        assert_eq!(all, [(0, 0, 0.05), (1, 1, 0.25)]);
    }
}
