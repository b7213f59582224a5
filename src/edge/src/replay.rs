//! `twinspect replay`: recorded parts through the pipeline, one after the other.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_camera::{Camera, Repeat, ReplayCamera};
use twinspect_core::frame::FramePair;
use twinspect_core::gate::Outcome;
use twinspect_core::modality::Modality;
use twinspect_core::verdict::Verdict;

use crate::cli::{ReplayArgs, SourceArgs};
use crate::clock::Clock;
use crate::config::usual_limits;
use crate::error::EdgeError;
use crate::fit::check_camera;
use crate::part_report::PartReport;
use crate::picture_check::PictureCheck;
use crate::pictures::{self, Snapshot};
use crate::pipeline::Pipeline;
use crate::tally::{Summary, Tally};

/// What `replay` and `bench` start from.
pub(crate) struct Source {
    pub(crate) bundle: Bundle,
    pub(crate) camera: ReplayCamera,
}

/// Opens bundle and recording and sees that they fit.
pub(crate) fn open(args: &SourceArgs) -> Result<Source, EdgeError> {
    let bundle = crate::model::open(&args.files.bundle)?;
    let dataset = twinspect_dataset::open(&args.files.data)?;
    check_camera(&bundle, dataset.as_ref())?;
    let camera = ReplayCamera::new(dataset, args.split.map(Into::into), Repeat::Once)?;
    Ok(Source { bundle, camera })
}

#[derive(Serialize)]
struct Run<'a> {
    bundle: &'a Path,
    engine: &'a str,
    summary: Summary,
}

/// Inspects every part once.
pub(crate) fn replay(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let Source { bundle, mut camera } = open(&args.source)?;
    let mut pipeline = Pipeline::load(&bundle, (&args.degraded).into())?;
    pipeline.check_pictures(PictureCheck::new(&bundle, usual_limits(), None, false));
    if !args.json {
        let (name, version) = (&bundle.manifest().name, &bundle.manifest().version);
        let engine = pipeline.engine();
        writeln!(
            out,
            "{name} {version}, engine {engine}; scores: 1.00 is the line\n"
        )?;
    }
    let mut snapshot = pipeline.new_snapshot();
    let mut tally = Tally::default();
    let clock = Clock::start();
    let known = bundle.manifest().camera.frame;
    let mut is_size_told = false;
    for _ in 0..camera.parts().len() {
        let frame = camera.capture(clock.now_us())?;
        let truth = frame.truth.as_ref();
        let name = truth.map_or("", |truth| truth.id.as_str());
        let size = frame.pair.size();
        if size != known && !is_size_told {
            is_size_told = true;
            log::warn!(
                "the picture of {name} is {size}, and the bundle's camera has {known}: parts of another size are stretched and \
                 judged here, and a station refuses such a camera"
            );
        }
        let pair = reduce(frame.pair, args.without)?;
        let inspection = pipeline
            .inspect(&pair)
            .map_err(|error| error.into_edge(name))?;
        let verdict = &inspection.verdict;
        let label = truth.map(|truth| &truth.label);
        tally.add(label, Outcome::from(verdict));
        tally.took(inspection.timings.whole());
        let mut picture = None;
        if let Some(folder) = args.pictures.as_deref().filter(|_| !verdict.passes()) {
            pipeline.keep(&mut snapshot);
            picture = Some(draw(folder, &snapshot, name, verdict)?);
        }
        let report = PartReport {
            product: None,
            part: name,
            label: label.map(|label| label.as_str()),
            verdict,
            ms: inspection.timings.into(),
            picture: picture.as_deref(),
        };
        if args.json {
            write_json(out, &report)?;
        } else {
            writeln!(out, "{}", report.text())?;
        }
    }
    if args.json {
        write_json(
            out,
            &Run {
                bundle: pipeline.bundle(),
                engine: pipeline.engine(),
                summary: tally.summary(),
            },
        )
    } else {
        writeln!(out, "\n{}", tally.text())?;
        Ok(())
    }
}

/// The frame as a station without one of its senses would see it.
fn reduce(pair: FramePair, without: Option<crate::cli::Sense>) -> Result<FramePair, EdgeError> {
    let reduced = match without.map(Modality::from) {
        None => return Ok(pair),
        Some(Modality::Rgb) => pair.without_rgb(),
        Some(Modality::Geometry) => pair.without_depth(),
    };
    reduced.ok_or(EdgeError::Usage {
        message: "--without would leave nothing of the recorded parts".to_owned(),
        hint: "these parts were recorded with one sense only",
    })
}

/// Writes the picture of a rejected part; its name is the part's.
pub(crate) fn draw(
    folder: &Path,
    snapshot: &Snapshot,
    part: &str,
    verdict: &Verdict,
) -> Result<PathBuf, EdgeError> {
    let path = folder.join(format!("{}.png", part.replace('/', "-")));
    let picture = pictures::heatmap(snapshot, part, &pictures::caption(verdict));
    pictures::save(&picture, &path)?;
    Ok(path)
}

/// One JSON object on a line of its own.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), EdgeError> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}
