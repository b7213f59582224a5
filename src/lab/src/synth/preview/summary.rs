//! What was drawn, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Job;
use crate::synth::{Facts, Family, Generator, Kind, Labels};

/// What a preview came to.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// Files that were written.
    sheets: Vec<PathBuf>,
    samples: usize,
    seed: u64,
    family: Family,
    /// Noise of one pixel on the bare belt in mm; absent without depth.
    sensor_noise_mm: Option<f32>,
    /// Share of samples by what was changed.
    kinds: BTreeMap<Kind, f64>,
    /// Of the samples that were changed: share whose change is too small to be labelled.
    invisible: Option<f64>,
    /// Labelled pixels of the others, of the whole picture.
    label_share: Option<Spread>,
    /// Of the samples whose shape was changed.
    amplitude_mm: Option<Spread>,
    cpu_ms_per_sample: f64,
}

/// How values are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Spread {
    least: f64,
    p10: f64,
    median: f64,
    p90: f64,
    most: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |percent: usize| values[(last * percent + 50) / 100];
        Some(Self {
            least: at(0),
            p10: at(10),
            median: at(50),
            p90: at(90),
            most: at(100),
        })
    }
}

/// Samples as they come.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sheets: Vec<PathBuf>,
    pub(super) cpu_seconds: f64,
    kinds: BTreeMap<Kind, usize>,
    invisible: usize,
    label_shares: Vec<f64>,
    amplitudes_mm: Vec<f64>,
}

impl Tally {
    pub(super) fn add(&mut self, facts: &Facts, labels: &Labels) {
        *self.kinds.entry(facts.kind).or_default() += 1;
        if facts.kind == Kind::None {
            return;
        }
        if facts.shape.is_some() {
            self.amplitudes_mm.push(f64::from(facts.amplitude_mm));
        }
        if labels.is_defective() {
            let share = labels.area() as f64 / labels.any.len() as f64;
            self.label_shares.push(share);
        } else {
            self.invisible += 1;
        }
    }

    pub(super) fn summary(self, job: &Job<'_>, generator: &Generator<'_>) -> Summary {
        let share = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);
        let samples = self.kinds.values().sum();
        let changed = self.invisible + self.label_shares.len();
        let kinds = self.kinds.into_iter();
        Summary {
            sheets: self.sheets,
            samples,
            seed: job.seed,
            family: job.family,
            sensor_noise_mm: generator.relief.map(|relief| relief.noise_mm),
            kinds: kinds
                .filter_map(|(kind, count)| Some((kind, share(count, samples)?)))
                .collect(),
            invisible: share(self.invisible, changed),
            label_share: Spread::of(self.label_shares),
            amplitude_mm: Spread::of(self.amplitudes_mm),
            cpu_ms_per_sample: 1000.0 * self.cpu_seconds / samples.max(1) as f64,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: &f64| 100.0 * share;
        write!(f, "{} synthetic samples:", self.samples)?;
        for (kind, share) in &self.kinds {
            write!(f, " {} {:.0} %", kind.name(), percent(share))?;
        }
        if let Some(invisible) = &self.invisible {
            write!(
                f,
                "\nof the changed ones {:.1} % show too little to be labelled",
                percent(invisible)
            )?;
        }
        if let Some(Spread {
            p10, median, p90, ..
        }) = &self.label_share
        {
            write!(
                f,
                "\nlabels cover {:.2} % of the picture in the median, {:.2} to {:.2} % in eight of ten",
                percent(median),
                percent(p10),
                percent(p90)
            )?;
        }
        if let (Some(amplitude), Some(noise)) = (&self.amplitude_mm, self.sensor_noise_mm) {
            write!(
                f,
                "\nshapes move by {:.2} to {:.2} mm, {:.2} in the median; the sensor's noise is {noise:.3} mm",
                amplitude.least, amplitude.most, amplitude.median
            )?;
        }
        write!(f, "\n{:.1} CPU ms a sample; ", self.cpu_ms_per_sample)?;
        match self.sheets.as_slice() {
            [] => write!(f, "no sheet"),
            [only] => write!(f, "one sheet, {}", only.display()),
            [first, ..] => write!(
                f,
                "{} sheets, the first {}",
                self.sheets.len(),
                first.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_its_ends_and_its_middle() {
        let spread = Spread::of((0..=100).map(f64::from).rev().collect()).unwrap();
        let Spread {
            least,
            p10,
            median,
            p90,
            most,
        } = spread;
        assert_eq!(
            [least, p10, median, p90, most],
            [0.0, 10.0, 50.0, 90.0, 100.0]
        );
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
