//! The guided filter (He, Sun, Tang, "Guided image filtering", ECCV 2010) over valid pixels only.
//!
//! In each window the output is a line of the guide, `q = a G + b` with
//! `a = cov(G, p) / (var(G) + eps)` and `b = mean(p) - a mean(G)`; a pixel takes the mean of all
//! windows that hold it. So an edge of the input stays where the guide has it too, and is smoothed
//! where the guide shows nothing but noise.

/// What comes out, for each pixel.
#[derive(Debug, Clone)]
pub(super) struct Guided {
    /// The filtered input.
    pub(super) output: Vec<f32>,
    /// The mean of `a`: how much of the guide, and so of its noise, is in the output.
    pub(super) gain: Vec<f32>,
}

/// Filters rows of `width` pixels with windows of `2 radius + 1` pixels squared. `valid` is 0 or 1;
/// what isn't valid has no part in any mean, and windows without a valid pixel give 0.
pub(super) fn guided(
    input: &[f32],
    guide: &[f32],
    valid: &[f32],
    width: usize,
    radius: usize,
    eps: f32,
) -> Guided {
    let mean = |value: &dyn Fn(usize) -> f64| Sums::of(valid, width, value);
    let (p, g) = (
        |i: usize| f64::from(input[i]),
        |i: usize| f64::from(guide[i]),
    );
    let weight = mean(&|_| 1.0);
    let (of_p, of_g) = (mean(&p), mean(&g));
    let (of_gp, of_gg) = (mean(&|i| g(i) * p(i)), mean(&|i| g(i) * g(i)));
    let lines: Vec<[f64; 2]> = (0..input.len())
        .map(|i| {
            let count = weight.window(i, radius);
            if count < 0.5 {
                return [0.0, 0.0];
            }
            let over = |sums: &Sums| sums.window(i, radius) / count;
            let (mean_p, mean_g) = (over(&of_p), over(&of_g));
            let variance = (over(&of_gg) - mean_g * mean_g).max(0.0);
            let a = (over(&of_gp) - mean_g * mean_p) / (variance + f64::from(eps));
            [a, mean_p - a * mean_g]
        })
        .collect();
    let (of_a, of_b) = (mean(&|i| lines[i][0]), mean(&|i| lines[i][1]));
    let mut filtered = Guided {
        output: vec![0.0; input.len()],
        gain: vec![0.0; input.len()],
    };
    for i in 0..input.len() {
        let count = weight.window(i, radius);
        if count >= 0.5 {
            let a = of_a.window(i, radius) / count;
            filtered.gain[i] = a as f32;
            filtered.output[i] = (a * g(i) + of_b.window(i, radius) / count) as f32;
        }
    }
    filtered
}

/// Sums of a rectangle from the upper left corner, so that any window's sum takes four look-ups.
struct Sums {
    width: usize,
    height: usize,
    sums: Vec<f64>,
}

impl Sums {
    fn of(valid: &[f32], width: usize, value: &dyn Fn(usize) -> f64) -> Self {
        let height = valid.len() / width;
        let line = width + 1;
        let mut sums = vec![0.0; line * (height + 1)];
        for y in 0..height {
            let mut row = 0.0;
            for x in 0..width {
                let i = y * width + x;
                if valid[i] > 0.0 {
                    row += value(i);
                }
                sums[(y + 1) * line + x + 1] = sums[y * line + x + 1] + row;
            }
        }
        Self {
            width,
            height,
            sums,
        }
    }

    fn window(&self, index: usize, radius: usize) -> f64 {
        let (x, y) = (index % self.width, index / self.width);
        let (left, right) = (x.saturating_sub(radius), (x + radius + 1).min(self.width));
        let (top, bottom) = (y.saturating_sub(radius), (y + radius + 1).min(self.height));
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinspect_nn::Rng;

    use super::*;

    const SIDE: usize = 48;
    const NOISE_MM: f32 = 0.1;

    fn picture(value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        (0..SIDE * SIDE)
            .map(|i| value(i % SIDE, i / SIDE))
            .collect()
    }

    fn filter(input: &[f32], guide: &[f32], valid: &[f32]) -> Guided {
        guided(input, guide, valid, SIDE, 4, (2.0 * NOISE_MM).powi(2))
    }

    /// Largest difference of neighbours in the middle row.
    fn steepest(values: &[f32]) -> f32 {
        let row = &values[SIDE / 2 * SIDE..][..SIDE];
        row.windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_step_of_the_guide_stays_and_one_that_it_lacks_goes() {
        let step = picture(|x, _| if x < SIDE / 2 { 0.0 } else { 1.0 });
        let guide = picture(|x, _| if x < SIDE / 2 { 0.0 } else { 10.0 });
        let all = vec![1.0; SIDE * SIDE];
        assert!(steepest(&filter(&step, &guide, &all).output) > 0.99);
        let mut rng = Rng::new(5);
        let noisy: Vec<f32> = step
            .iter()
            .map(|_| NOISE_MM * rng.normal() as f32)
            .collect();
        let kept = steepest(&filter(&step, &noisy, &all).output);
        assert!(
            kept < 0.25,
            "a step that the sensor cannot show is left: {kept}"
        );
    }

    #[test]
    fn what_is_not_valid_says_nothing() {
        let mut rng = Rng::new(6);
        let guide = picture(|x, y| 0.1 * x as f32 + 0.05 * y as f32);
        let valid = picture(|x, y| f32::from(u8::from((x * 7 + y * 3) % 5 > 0)));
        let input: Vec<f32> = guide.iter().map(|_| rng.normal() as f32).collect();
        let spoilt = |values: &[f32]| -> Vec<f32> {
            let places = values.iter().zip(&valid);
            places
                .map(|(&v, &valid)| if valid > 0.0 { v } else { 1e6 })
                .collect()
        };
        let (plain, marred) = (
            filter(&input, &guide, &valid),
            filter(&spoilt(&input), &guide, &valid),
        );
        assert_eq!(plain.output, marred.output);
        let nothing = filter(&input, &guide, &vec![0.0; SIDE * SIDE]);
        assert!(nothing.output.iter().all(|&value| value == 0.0));
    }

    proptest! {
        /// Filtering is linear in its input, and a constant is a line of any guide.
        #[test]
        fn constants_stay_and_sums_of_inputs_are_sums_of_outputs(seed: u64, level in -5.0_f32..5.0) {
            let mut rng = Rng::new(seed);
            let mut random = || picture(|_, _| 0.0).iter().map(|_| rng.normal() as f32).collect::<Vec<_>>();
            let (guide, one, other) = (random(), random(), random());
            let all = vec![1.0; SIDE * SIDE];
            let constant = filter(&vec![level; SIDE * SIDE], &guide, &all);
            prop_assert!(constant.output.iter().all(|value| (value - level).abs() < 1e-4));
            prop_assert!(constant.gain.iter().all(|gain| gain.abs() < 1e-4));
            let sum: Vec<f32> = one.iter().zip(&other).map(|(a, b)| a + level * b).collect();
            let (one, other) = (filter(&one, &guide, &all), filter(&other, &guide, &all));
            for (i, value) in filter(&sum, &guide, &all).output.iter().enumerate() {
                let expected = one.output[i] + level * other.output[i];
                prop_assert!((value - expected).abs() < 1e-3, "{value} {expected}");
            }
        }
    }
}
