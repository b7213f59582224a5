//! One modality's way from stage maps to evidence. Each view standardises its maps, averages them,
//! masks by the part, smooths, and is standardised by the maxima of good parts; the largest counts.

use super::calibration::{MapRange, Moments, View};
use super::fusion::FUSION_EVIDENCE;
use super::maps::MapStack;
use crate::blur::Gaussian;

/// A map's standardised value is clipped to this range: one pixel of a broken engine's output
/// must not drown a neighbourhood, one dark pixel must not hide it.
const STANDARDISED: [f32; 2] = [-4.0, 100.0];

/// Buffers of one modality.
#[derive(Debug, Clone)]
pub(super) struct EvidenceMap {
    side: usize,
    combined: Vec<f32>,
    smoothed: Vec<f32>,
    /// side x side, standard deviations of good parts.
    coarse: Vec<f32>,
    upsampler: Upsampler,
    views: Vec<(MapRange, Gaussian)>,
}

impl EvidenceMap {
    pub(super) fn new(side: usize, size: usize, views: &[(MapRange, f32)]) -> Self {
        let view = |&(maps, sigma): &(MapRange, f32)| (maps, Gaussian::new(sigma, side, side));
        Self {
            side,
            combined: vec![0.0; side * side],
            smoothed: vec![0.0; side * side],
            coarse: vec![0.0; side * side],
            upsampler: Upsampler::new(side, size),
            views: views.iter().map(view).collect(),
        }
    }

    /// Largest value at S x S of the view of this index, not yet standardised.
    pub(super) fn view_maximum(
        &mut self,
        index: usize,
        stack: &MapStack,
        moments: &[Moments],
        region: &[f32],
        fine: &mut [f32],
    ) -> f32 {
        let (maps, gaussian) = &mut self.views[index];
        combine(stack, moments, *maps, region, &mut self.combined);
        gaussian.apply(&self.combined, &mut self.smoothed);
        self.upsampler.apply(&self.smoothed, fine);
        maximum(fine)
    }

    /// Takes in a part. `views` are those given to [`EvidenceMap::new`], with their maxima. Each
    /// standardised view goes to `room` as well, clipped for a fusion network, if there is any.
    pub(super) fn look(
        &mut self,
        stack: &MapStack,
        moments: &[Moments],
        views: &[View],
        region: &[f32],
        room: Option<&mut [f32]>,
    ) {
        self.coarse.fill(f32::NEG_INFINITY);
        let mut combined = None;
        let mut rooms = room.unwrap_or_default().chunks_exact_mut(self.coarse.len());
        for ((maps, gaussian), view) in self.views.iter_mut().zip(views) {
            if combined != Some(*maps) {
                combine(stack, moments, *maps, region, &mut self.combined);
                combined = Some(*maps);
            }
            gaussian.apply(&self.combined, &mut self.smoothed);
            let gain = 1.0 / view.maxima.sd;
            for (evidence, &value) in self.coarse.iter_mut().zip(&self.smoothed) {
                *evidence = evidence.max((value - view.maxima.mean) * gain);
            }
            for (room, &value) in rooms.next().into_iter().flatten().zip(&self.smoothed) {
                let evidence = (value - view.maxima.mean) * gain;
                *room = evidence.clamp(FUSION_EVIDENCE[0], FUSION_EVIDENCE[1]);
            }
        }
    }

    /// Writes the evidence of the last part at S x S and returns its maximum.
    pub(super) fn enlarge(&mut self, fine: &mut [f32]) -> f32 {
        self.upsampler.apply(&self.coarse, fine);
        maximum(fine)
    }

    pub(super) fn side(&self) -> usize {
        self.side
    }
}

/// Averages standardised maps of a stack. One deviation below the mean is the floor, zero: a place
/// outside the region, where nothing counts, must not lift its neighbours under the Gaussian.
fn combine(
    stack: &MapStack,
    moments: &[Moments],
    maps: MapRange,
    region: &[f32],
    combined: &mut [f32],
) {
    combined.fill(0.0);
    for (map, moments) in stack.maps().zip(moments).skip(maps.first).take(maps.count) {
        let gain = 1.0 / moments.sd;
        for (sum, &value) in combined.iter_mut().zip(map) {
            *sum += ((value - moments.mean) * gain).clamp(STANDARDISED[0], STANDARDISED[1]);
        }
    }
    let share = 1.0 / maps.count as f32;
    for (sum, &inside) in combined.iter_mut().zip(region) {
        *sum = (1.0 + share * *sum).max(0.0) * inside;
    }
}

pub(super) fn maximum(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Bilinear enlargement of square maps by the half-pixel rule.
#[derive(Debug, Clone)]
pub(super) struct Upsampler {
    side: usize,
    /// For each fine index: coarse index before, after, and the share of the latter.
    taps: Vec<(usize, usize, f32)>,
    row: Vec<f32>,
}

impl Upsampler {
    pub(super) fn new(side: usize, size: usize) -> Self {
        let ratio = side as f32 / size as f32;
        let tap = |index: usize| {
            let position = ((index as f32 + 0.5) * ratio - 0.5).clamp(0.0, (side - 1) as f32);
            let before = position as usize;
            (before, (before + 1).min(side - 1), position - before as f32)
        };
        Self {
            side,
            taps: (0..size).map(tap).collect(),
            row: vec![0.0; side],
        }
    }

    pub(super) fn apply(&mut self, coarse: &[f32], fine: &mut [f32]) {
        let size = self.taps.len();
        for (line, &(above, below, share)) in fine.chunks_exact_mut(size).zip(&self.taps) {
            let above = &coarse[above * self.side..][..self.side];
            let below = &coarse[below * self.side..][..self.side];
            for ((value, &a), &b) in self.row.iter_mut().zip(above).zip(below) {
                *value = a + share * (b - a);
            }
            for (value, &(left, right, share)) in line.iter_mut().zip(&self.taps) {
                *value = self.row[left] + share * (self.row[right] - self.row[left]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upsampling_follows_the_half_pixel_rule() {
        let mut fine = vec![0.0; 16];
        Upsampler::new(2, 4).apply(&[0.0, 4.0, 0.0, 4.0], &mut fine);
        assert_eq!(&fine[..4], [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(&fine[12..], [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn maps_are_standardised_averaged_and_masked() {
        let stack = MapStack {
            count: 2,
            side: 2,
            data: vec![3.0, 1.0, 1.0, 1.0, 7.0, 5.0, 5.0, 1e9],
        };
        let moments = [
            Moments { mean: 1.0, sd: 1.0 },
            Moments { mean: 5.0, sd: 0.5 },
        ];
        let region = [1.0, 1.0, 1.0, 0.5];
        let mut combined = vec![f32::NAN; 4];
        combine(
            &stack,
            &moments,
            MapRange { first: 0, count: 2 },
            &region,
            &mut combined,
        );
        assert_eq!(combined, [4.0, 1.0, 1.0, 25.5]);
        combine(
            &stack,
            &moments,
            MapRange { first: 1, count: 1 },
            &region,
            &mut combined,
        );
        assert_eq!(combined, [5.0, 1.0, 1.0, 50.5]);
        combine(
            &stack,
            &moments,
            MapRange { first: 0, count: 1 },
            &[1.0; 4],
            &mut combined,
        );
        assert_eq!(combined[1], 1.0);
        combine(
            &stack,
            &[Moments { mean: 9.0, sd: 1.0 }; 2],
            MapRange { first: 0, count: 1 },
            &[1.0; 4],
            &mut combined,
        );
        assert_eq!(combined, [0.0; 4], "below the floor");
    }
}
