//! Filling holes of the height map: averages of valid pixels are pulled up a pyramid and pushed
//! back down into the holes, so that a hole of any size gets its surroundings' height.

/// The pyramid, allocated once.
#[derive(Debug, Clone)]
pub(super) struct HoleFiller {
    levels: Vec<Level>,
}

#[derive(Debug, Clone)]
struct Level {
    side: usize,
    height: Vec<f32>,
    weight: Vec<f32>,
}

impl HoleFiller {
    /// For square maps of `side` pixels.
    pub(super) fn new(side: usize) -> Self {
        let sides = std::iter::successors(Some(side), |side| (side % 2 == 0).then_some(side / 2));
        let level = |side: usize| Level {
            side,
            height: vec![0.0; side * side],
            weight: vec![0.0; side * side],
        };
        Self {
            levels: sides.skip(1).map(level).collect(),
        }
    }

    /// Replaces heights where `valid` is 0. With nothing valid at all, everything becomes the belt, 0 mm.
    pub(super) fn fill(&mut self, side: usize, height: &mut [f32], valid: &[f32]) {
        for index in 0..self.levels.len() {
            let (finer, coarser) = self.levels.split_at_mut(index);
            match finer.last() {
                Some(finer) => coarser[0].pull(finer.side, &finer.height, &finer.weight),
                None => coarser[0].pull(side, height, valid),
            }
        }
        for index in (1..self.levels.len()).rev() {
            let (finer, coarser) = self.levels.split_at_mut(index);
            let Level {
                side,
                height,
                weight,
            } = &mut finer[index - 1];
            coarser[0].push(*side, height, weight);
        }
        if let Some(first) = self.levels.first() {
            first.push(side, height, valid);
        }
    }
}

impl Level {
    /// Averages the valid ones of each 2 x 2 pixels.
    fn pull(&mut self, side: usize, height: &[f32], weight: &[f32]) {
        for y in 0..self.side {
            for x in 0..self.side {
                let at = 2 * y * side + 2 * x;
                let (mut sum, mut total) = (0.0, 0.0);
                for index in [at, at + 1, at + side, at + side + 1] {
                    sum += weight[index] * height[index];
                    total += weight[index];
                }
                self.height[y * self.side + x] = if total > 0.0 { sum / total } else { 0.0 };
                self.weight[y * self.side + x] = (total * 0.25).min(1.0);
            }
        }
    }

    /// Gives each pixel of weight 0 the height of its cell in this level.
    fn push(&self, side: usize, height: &mut [f32], weight: &[f32]) {
        for (index, (height, &weight)) in height.iter_mut().zip(weight).enumerate() {
            if weight <= 0.0 {
                let (y, x) = (index / side, index % side);
                *height = self.height[y / 2 * self.side + x / 2];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_takes_its_surroundings_height() {
        let side = 64;
        let mut height = vec![5.0; side * side];
        let mut valid = vec![1.0; side * side];
        for y in 20..44 {
            for x in 10..40 {
                height[y * side + x] = -1000.0;
                valid[y * side + x] = 0.0;
            }
        }
        HoleFiller::new(side).fill(side, &mut height, &valid);
        assert!(height.iter().all(|value| (value - 5.0).abs() < 1e-4));
    }

    #[test]
    fn nothing_valid_is_the_belt() {
        let mut height = vec![7.0; 96 * 96];
        HoleFiller::new(96).fill(96, &mut height, &vec![0.0; 96 * 96]);
        assert!(height.iter().all(|&value| value == 0.0));
    }
}
