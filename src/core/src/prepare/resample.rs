//! Stretching a rectangle to S x S: box coverage where pixels are merged, linear between pixel
//! centres where they are spread. Pixel centres follow the half-pixel rule in both cases.

/// Which source pixels make one destination pixel, for one axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    taps: Vec<Tap>,
    weights: Vec<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    start: usize,
    weights_from: usize,
    count: usize,
}

impl Axis {
    /// Both lengths are at least one.
    pub(super) fn new(source: usize, destination: usize) -> Self {
        let ratio = source as f64 / destination as f64;
        let mut axis = Self {
            taps: Vec::with_capacity(destination),
            weights: Vec::new(),
        };
        for index in 0..destination {
            let weights = if ratio >= 1.0 {
                box_weights(index as f64 * ratio, (index + 1) as f64 * ratio, source)
            } else {
                linear_weights((index as f64 + 0.5) * ratio - 0.5, source)
            };
            let total: f64 = weights.1.iter().sum();
            axis.taps.push(Tap {
                start: weights.0,
                weights_from: axis.weights.len(),
                count: weights.1.len(),
            });
            axis.weights
                .extend(weights.1.iter().map(|weight| (weight / total) as f32));
        }
        axis
    }

    /// First source index and the weights from there on, summing to one.
    fn taps(&self, destination: usize) -> (usize, &[f32]) {
        let tap = self.taps[destination];
        (
            tap.start,
            &self.weights[tap.weights_from..tap.weights_from + tap.count],
        )
    }

    /// Number of destination pixels.
    pub(super) fn len(&self) -> usize {
        self.taps.len()
    }
}

fn box_weights(from: f64, to: f64, source: usize) -> (usize, Vec<f64>) {
    let start = (from.floor() as usize).min(source - 1);
    let end = ((to - 1e-9).ceil() as usize).clamp(start + 1, source);
    let weights = (start..end)
        .map(|i| (to.min((i + 1) as f64) - from.max(i as f64)).max(1e-9))
        .collect();
    (start, weights)
}

fn linear_weights(position: f64, source: usize) -> (usize, Vec<f64>) {
    let position = position.clamp(0.0, (source - 1) as f64);
    let start = position.floor() as usize;
    let share = position - start as f64;
    if start + 1 < source && share > 0.0 {
        (start, vec![1.0 - share, share])
    } else {
        (start, vec![1.0])
    }
}

/// Resamples rows of `channels` interleaved values into planes of `columns.len() * rows.len()`.
///
/// `source_row(y, buffer)` fills one source row; `planes` are `channels` planes one after the other.
/// `mixed` (one source row) and `line` (one source row) are scratch.
pub(super) fn resample(
    columns: &Axis,
    rows: &Axis,
    channels: usize,
    mut source_row: impl FnMut(usize, &mut [f32]),
    scratch: &mut Scratch,
    planes: &mut [f32],
) {
    let (width, plane) = (columns.len(), columns.len() * rows.len());
    let Scratch {
        mixed,
        line,
        line_index,
    } = scratch;
    *line_index = None;
    for destination in 0..rows.len() {
        let (start, weights) = rows.taps(destination);
        mixed.fill(0.0);
        for (offset, &weight) in weights.iter().enumerate() {
            let index = start + offset;
            if *line_index != Some(index) {
                source_row(index, line);
                *line_index = Some(index);
            }
            for (sum, &value) in mixed.iter_mut().zip(line.iter()) {
                *sum += weight * value;
            }
        }
        for column in 0..width {
            let (start, weights) = columns.taps(column);
            for channel in 0..channels {
                let mut sum = 0.0;
                for (offset, &weight) in weights.iter().enumerate() {
                    sum += weight * mixed[(start + offset) * channels + channel];
                }
                planes[channel * plane + destination * width + column] = sum;
            }
        }
    }
}

/// Row buffers of [`resample`]; neighbouring destination rows share the source row between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    mixed: Vec<f32>,
    line: Vec<f32>,
    line_index: Option<usize>,
}

impl Scratch {
    /// Makes room for source rows of `values` numbers.
    pub(super) fn fit(&mut self, values: usize) {
        self.mixed.resize(values, 0.0);
        self.line.resize(values, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(source: &[f32], width: usize, height: usize, to: (usize, usize)) -> Vec<f32> {
        let (columns, rows) = (Axis::new(width, to.0), Axis::new(height, to.1));
        let mut scratch = Scratch::default();
        scratch.fit(width);
        let mut planes = vec![f32::NAN; to.0 * to.1];
        let row =
            |y: usize, line: &mut [f32]| line.copy_from_slice(&source[y * width..(y + 1) * width]);
        resample(&columns, &rows, 1, row, &mut scratch, &mut planes);
        planes
    }

    #[test]
    fn merging_pixels_averages_what_a_cell_covers() {
        let source = [0.0, 2.0, 4.0, 6.0];
        assert_eq!(stretch(&source, 4, 1, (2, 1)), [1.0, 5.0]);
        let thirds = stretch(&[0.0, 3.0, 6.0], 3, 1, (2, 1));
        assert!(
            (thirds[0] - 1.0).abs() < 1e-6 && (thirds[1] - 5.0).abs() < 1e-6,
            "{thirds:?}"
        );
    }

    #[test]
    fn spreading_pixels_is_linear_between_their_centres() {
        assert_eq!(stretch(&[0.0, 4.0], 2, 1, (4, 1)), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(stretch(&[7.0], 1, 1, (3, 2)), [7.0; 6]);
    }

    #[test]
    fn any_size_keeps_a_constant_and_its_mean() {
        for (width, height, to) in [(320, 240, 256), (37, 501, 64), (7, 9, 64), (64, 64, 64)] {
            let out = stretch(&vec![2.5; width * height], width, height, (to, to));
            assert!(
                out.iter().all(|value| (value - 2.5).abs() < 1e-5),
                "{width} x {height}"
            );
            let ramp: Vec<f32> = (0..width * height).map(|i| (i % width) as f32).collect();
            let mean: f32 =
                stretch(&ramp, width, height, (to, to)).iter().sum::<f32>() / (to * to) as f32;
            assert!(
                (mean - (width - 1) as f32 / 2.0).abs() < 0.01 * width as f32,
                "{width} x {height}: {mean}"
            );
        }
    }
}
