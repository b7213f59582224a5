//! `twinspect demo`: the parts that come with twinspect, past a simulated line.

mod assets;
mod belt;

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_camera::{Camera, Repeat, ReplayCamera};
use twinspect_core::score::DegradedPolicy;

use assets::Product;
use belt::{Belt, Passage};

use crate::cli::DemoArgs;
use crate::config::usual_limits;
use crate::error::EdgeError;
use crate::fit::check_camera;
use crate::health::counted;
use crate::part_report::PartReport;
use crate::picture_check::PictureCheck;
use crate::pictures::{self, Sheet};
use crate::pipeline::Pipeline;
use crate::replay::{draw, write_json};
use crate::tally::{Summary, Tally};

/// Columns of the pulses' drawing for each part.
const COLUMNS_PER_PART: usize = 4;

/// A part's report and the pulse that it got.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    report: PartReport<'a>,
    pulse: Option<Pulse>,
}

#[derive(Serialize)]
struct Pulse {
    start_ms: f64,
    width_ms: f64,
}

#[derive(Serialize)]
struct Run<'a> {
    products: Vec<&'a str>,
    pictures: &'a Path,
    sheet: &'a Path,
    summary: Summary,
}

/// Everything that lasts from product to product.
struct Show<'a> {
    args: &'a DemoArgs,
    out: &'a mut dyn Write,
    belt: Belt,
    sheet: Sheet,
    tally: Tally,
}

/// Inspects every demo product, in the order of their names.
pub(crate) fn demo(args: &DemoArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let products = assets::find(args.assets.as_deref())?;
    let mut show = Show {
        args,
        out,
        belt: Belt::new()?,
        sheet: Sheet::new(
            "twinspect demo: green passed, red failed, yellow without a result".to_owned(),
        ),
        tally: Tally::default(),
    };
    for product in &products {
        show.product(product)?;
    }
    show.finish(&products)
}

impl Show<'_> {
    fn product(&mut self, product: &Product) -> Result<(), EdgeError> {
        let bundle = Bundle::open(&product.bundle)?;
        let dataset = twinspect_dataset::open(&product.parts)?;
        check_camera(&bundle, dataset.as_ref())?;
        let mut camera = ReplayCamera::new(dataset, None, Repeat::Once)?;
        let mut pipeline = Pipeline::load(&bundle, DegradedPolicy::default())?;
        pipeline.check_pictures(PictureCheck::new(&bundle, usual_limits(), None, false));
        self.introduce(product, &bundle, &pipeline, camera.parts().len())?;
        let mut snapshot = pipeline.new_snapshot();
        let from_us = self.belt.now_us();
        for _ in 0..camera.parts().len() {
            let frame = camera.capture(self.belt.now_us())?;
            let truth = frame.truth.as_ref();
            let name = truth.map_or("", |truth| truth.id.as_str());
            let inspection = pipeline
                .inspect(&frame.pair)
                .map_err(|error| error.into_edge(name))?;
            let took = inspection.timings.whole();
            let Passage { outcome, pulse } = self.belt.carry(&inspection.verdict, took)?;
            let verdict = &belt::as_left(inspection.verdict, outcome);
            let label = truth.map(|truth| &truth.label);
            self.tally.add(label, outcome);
            self.tally.took(took);
            pipeline.keep(&mut snapshot);
            let below_split = name.split_once('/').map_or(name, |(_, rest)| rest);
            let place = format!("{} {below_split}", product.name);
            self.sheet.add(&snapshot, &place, verdict);
            let mut picture = None;
            if !verdict.passes() {
                let folder = self.args.out.join(&product.name);
                picture = Some(draw(&folder, &snapshot, name, verdict)?);
            }
            self.tell(Line {
                report: PartReport {
                    product: Some(&product.name),
                    part: name,
                    label: label.map(|label| label.as_str()),
                    verdict,
                    ms: inspection.timings.into(),
                    picture: picture.as_deref(),
                },
                pulse: pulse.map(|pulse| Pulse {
                    start_ms: pulse.start_us as f64 / 1e3,
                    width_ms: pulse.width_us as f64 / 1e3,
                }),
            })?;
        }
        self.draw_line(from_us, camera.parts().len())
    }

    fn introduce(
        &mut self,
        product: &Product,
        bundle: &Bundle,
        pipeline: &Pipeline,
        parts: usize,
    ) -> Result<(), EdgeError> {
        if self.args.json {
            return Ok(());
        }
        let manifest = bundle.manifest();
        let line = &manifest.score.fused;
        let proof = pipeline.proof();
        writeln!(
            self.out,
            "\x1b[1m{} {}\x1b[0m: {parts} parts, engine {}, {} reproduced to {:.0e} of the range\n\
             scores: 1.00 is the line, set to reject {:.1} % of good parts; \
             {} good parts alone show at most {:.1} % with 95 % confidence\n",
            product.name,
            manifest.version,
            pipeline.engine(),
            counted(proof.goldens as u64, "golden"),
            proof.worst.share,
            100.0 * line.target_rate,
            line.good_parts,
            100.0 * line.rate_bound_95,
        )?;
        Ok(())
    }

    fn tell(&mut self, line: Line<'_>) -> Result<(), EdgeError> {
        if self.args.json {
            return write_json(self.out, &line);
        }
        let pulse = match line.pulse {
            Some(pulse) => format!(
                "pass pulse {:.0} ms at {:.2} s",
                pulse.width_ms,
                pulse.start_ms / 1e3
            ),
            None => "no pulse: rejected".to_owned(),
        };
        writeln!(self.out, "{}  {pulse}", line.report.text())?;
        Ok(())
    }

    /// The wire's pulses of one product.
    fn draw_line(&mut self, from_us: u64, parts: usize) -> Result<(), EdgeError> {
        if self.args.json {
            return Ok(());
        }
        let columns = COLUMNS_PER_PART * parts;
        let drawn = self.belt.timeline(from_us, columns);
        writeln!(
            self.out,
            "\nthe line's wire, {COLUMNS_PER_PART} columns a part, # = high:\n{drawn}"
        )?;
        Ok(())
    }

    fn finish(self, products: &[Product]) -> Result<(), EdgeError> {
        let sheet: PathBuf = self.args.out.join("sheet.png");
        pictures::save(&self.sheet.draw(), &sheet)?;
        if self.args.json {
            return write_json(
                self.out,
                &Run {
                    products: products
                        .iter()
                        .map(|product| product.name.as_str())
                        .collect(),
                    pictures: &self.args.out,
                    sheet: &sheet,
                    summary: self.tally.summary(),
                },
            );
        }
        writeln!(self.out, "{}", self.tally.text())?;
        writeln!(
            self.out,
            "pictures       {}: one of each rejected part; all parts on {}",
            self.args.out.display(),
            sheet.display()
        )?;
        Ok(())
    }
}
