//! `twinspect-lab synth`: contact sheets of pseudo-anomalies, to be looked at before anything is
//! trained on them.

mod panels;
mod sheet;
mod summary;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use twinspect_core::prepare::{PreparedPart, Preparer, RgbSpec};
use twinspect_dataset::{DatasetError, Split};
use twinspect_nn::Rng;

use super::pictures::{self, PicturesError};
use super::{Facts, Family, Generator, Labels, Perturbation, Perturbed, Relief, Sources};
use crate::config::TrainingConfig;
use crate::cost::Stopwatch;
use crate::good_parts::{self, PartsError};
use crate::product::{self, Product, ProductError};
use sheet::{ROWS, Row, Sheet};
pub(crate) use summary::Summary;
use summary::Tally;

/// Colour as it is: nothing is learnt from these pictures.
const UNNORMALISED: RgbSpec = RgbSpec {
    mean: [0.0; 3],
    std: [1.0; 3],
};

/// A preview that could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SynthError {
    /// The data set's folder.
    #[error("opening the data set")]
    Open(#[source] DatasetError),
    /// Its parts.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// What the parts have in common.
    #[error(transparent)]
    Product(#[from] ProductError),
    /// The configuration switches off what the data has.
    #[error("the data set has {found}, and the configuration enables none of it")]
    NoBranch {
        /// What the data set has.
        found: String,
    },
    /// The user's textures.
    #[error(transparent)]
    Pictures(#[from] PicturesError),
    /// A sheet's file.
    #[error("writing {}", path.display())]
    Sheet {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl SynthError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint().map(Into::into),
            Self::Parts(error) => error.hint(),
            Self::Product(error) => error.hint(),
            Self::NoBranch { .. } => Some("set rgb.enabled or geometry.enabled to true".into()),
            Self::Pictures(error) => Some(error.hint()),
            Self::Sheet { .. } => Some("--preview wants a folder that can be written to".into()),
        }
    }
}

/// What to draw.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) data: &'a Path,
    pub(crate) config: &'a TrainingConfig,
    /// Folder of the sheets.
    pub(crate) out: &'a Path,
    pub(crate) seed: u64,
    pub(crate) count: usize,
    /// The user's pictures.
    pub(crate) textures: Option<&'a Path>,
    pub(crate) family: Family,
}

/// Draws the sheets and says what is on them.
pub(crate) fn preview(job: &Job<'_>) -> Result<Summary, SynthError> {
    let dataset = twinspect_dataset::open(job.data).map_err(SynthError::Open)?;
    let (has, config) = (dataset.modalities(), job.config);
    let with_rgb = has.rgb && config.rgb.enabled;
    let with_geometry = has.depth && config.geometry.enabled;
    if !with_rgb && !with_geometry {
        return Err(SynthError::NoBranch {
            found: has.to_string(),
        });
    }
    let parts = good_parts::good(dataset.as_ref(), Split::Train, 1)?;
    let textures = job
        .textures
        .map(|folder| pictures::read(folder, config.size));
    let textures = textures.transpose()?.unwrap_or_default();
    let frames = good_parts::frames(dataset.as_ref(), &parts)?;
    let rgb = with_rgb.then_some(UNNORMALISED);
    let product = product::learn(config, rgb, with_geometry, &parts, &frames)?;
    drop(frames);
    let relief = product
        .spec
        .geometry
        .as_ref()
        .map(|geometry| Relief::measure(geometry, &product.canvases));
    let generator = Generator {
        family: job.family,
        relief,
        ground: product.spec.ground,
        sources: Sources {
            parts: if with_rgb { &product.canvases } else { &[] },
            pictures: &textures,
        },
    };
    match relief {
        Some(relief) => log::info!(
            "{}: {} good parts, sensor noise {:.3} mm on the bare belt",
            dataset.name(),
            parts.len(),
            relief.noise_mm
        ),
        None => log::info!("{}: {} good parts, no depth", dataset.name(), parts.len()),
    }
    draw(job, &product, &generator)
}

fn draw(
    job: &Job<'_>,
    product: &Product,
    generator: &Generator<'_>,
) -> Result<Summary, SynthError> {
    let preparer = Preparer::new(&product.spec).map_err(PartsError::Spec)?;
    let seeds = Rng::new(job.seed);
    let canvases = &product.canvases;
    let numbers: Vec<usize> = (0..job.count).collect();
    let mut tally = Tally::default();
    for (number, samples) in (1..).zip(numbers.chunks(ROWS)) {
        let watch = Stopwatch::start();
        let made: Vec<Perturbed> = samples
            .par_iter()
            .map(|&sample| {
                let seed = seeds.derive(sample as u64).next_u64();
                let part = &canvases[sample % canvases.len()];
                Perturbation::draw(seed, generator).apply(part, generator)
            })
            .collect();
        tally.cpu_seconds += watch.cpu_seconds();
        let path = job.out.join(format!("sheet-{number:02}.png"));
        let mut preparer = preparer.clone();
        let mut sheet = Sheet::new(product.spec.size);
        let mut parts = [0; 2].map(|_| PreparedPart::new(&product.spec));
        for (row, (&sample, perturbed)) in (1..).zip(samples.iter().zip(&made)) {
            let good = &canvases[sample % canvases.len()];
            preparer.derive(good, &mut parts[0]);
            preparer.derive(&perturbed.canvas, &mut parts[1]);
            sheet.add(&Row {
                good: (good, &parts[0]),
                made: (&perturbed.canvas, &parts[1]),
                labels: &perturbed.labels,
            });
            let legend = legend(&perturbed.facts, &perturbed.labels);
            log::info!("sheet-{number:02} row {row}: {legend}");
            tally.add(&perturbed.facts, &perturbed.labels);
        }
        sheet.save(&path).map_err(|source| SynthError::Sheet {
            path: path.clone(),
            source,
        })?;
        tally.sheets.push(path);
    }
    Ok(tally.summary(job, generator))
}

/// One row of a sheet in words.
fn legend(facts: &Facts, labels: &Labels) -> String {
    let mut text = facts.kind.name().to_owned();
    if facts.share > 0.0 {
        text += &format!(", {:.2} % of the part", 100.0 * facts.share);
    }
    if let Some(colour) = facts.colour {
        text += &format!(", {colour}");
    }
    if let Some(shape) = facts.shape {
        text += &format!(", {shape} {:.2} mm", facts.amplitude_mm);
    }
    let count = super::label::count;
    text + &format!(
        ", labelled {} px (rgb {}, geometry {})",
        labels.area(),
        count(&labels.rgb),
        count(&labels.geometry)
    )
}
