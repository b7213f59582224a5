//! `twinspect calibrate`: where the empty belt lies before this camera, how noisy its depth is, and where parts could
//! be looked at; and in what that differs from what the station's model was taught.
//!
//! It measures, and with `--write` keeps the figures in the station's configuration. A station goes by its model's belt
//! all the same, which it refines on each picture within bounds; by the written one it sees that its camera has moved.

mod comparison;
mod writing;

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_bundle::Bundle;
use twinspect_core::plane::Plane;
use twinspect_core::prepare::Roi;
use twinspect_core::survey::{BeltSurvey, BeltSurveyor};

use crate::cameras::{self, Alone};
use crate::cli::CalibrateBeltArgs;
use crate::config::{self, Change, Station};
use crate::error::{EdgeError, WithCauses};
use crate::logging;
use crate::pictures::{self, Kept};
use crate::replay::write_json;
use crate::run::StationLock;
use crate::taking::{Taken, Taker};
use comparison::Comparison;
pub(crate) use writing::Implausible;

/// Side S whose scales are measured where no model says another one.
const SIZE: usize = 256;
/// Least share of the picture with a depth that needs no word.
const MEASURED_SHARE_MIN: f64 = 0.9;
/// Largest tilt in degrees that needs no word: heights are seen from the side then.
const TILT_MAX_DEG: f64 = 10.0;
/// Largest unevenness in mm that needs no word.
const UNEVENNESS_MAX_MM: f64 = 0.5;

/// Everything that was found. Its keys are for scripts and stay.
#[derive(Serialize)]
struct Findings {
    camera: String,
    pictures: usize,
    /// As many would have been looked at, if there were so many.
    asked: u64,
    belt: Plane,
    distance_mm: f64,
    tilt_deg: f64,
    measured_share: f64,
    noise_mm: Option<f64>,
    /// Within each whole picture, by the measure that a station takes of each part.
    noise_floor_mm: Option<f32>,
    /// Of the filter bank's channels at this side S.
    size: usize,
    spread_mm: Vec<f32>,
    roi: Option<Region>,
    /// Where it was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PathBuf>,
    /// With the model that the configuration names, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Comparison>,
    /// Keys of the configuration that are, or would be, other ones.
    changes: Vec<Change>,
    /// Whether the configuration holds them now.
    written: bool,
    /// Why nothing would be written with `--write` either, and what to do; for people.
    #[serde(skip)]
    doubt: Option<String>,
    warnings: Vec<String>,
}

/// A proposal.
#[derive(Serialize)]
struct Region {
    #[serde(flatten)]
    roi: Roi,
    share: f64,
    unevenness_mm: f64,
}

/// Looks at the empty belt. A recording that breaks off is told with what its pictures show, and is the error that it
/// ends with.
pub(crate) fn calibrate(args: &CalibrateBeltArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    let loaded = config::load_without_model(&args.config)?;
    let station = &loaded.station;
    let kept = Kept::of(&args.config, station);
    args.picture
        .as_deref()
        .map_or(Ok(()), |path| kept.check_one(path))?;
    let _lock = StationLock::take(&args.config)?;
    let mut warnings = Vec::new();
    let bundle = model(station, &mut warnings);
    let Alone { camera, facts, .. } = cameras::open_alone(&station.camera)?;
    let mut taker = Taker::new(camera);
    let known = bundle.as_ref().map(|bundle| &bundle.manifest().prepare);
    let size = known.map_or(SIZE, |prepare| prepare.size);
    let Surveyed { survey, broken } = survey(&mut taker, size, args.pictures)?;
    let model = bundle
        .as_ref()
        .and_then(|bundle| Comparison::of(bundle, &survey));
    warnings.extend(doubts(&survey));
    warnings.extend(model.iter().flat_map(Comparison::warnings));
    let identity = facts.map_or_else(|| taker.description(), |facts| facts.identity());
    let plan = writing::plan(&args.config, &loaded, &survey, identity)?;
    // What is not to be believed is not written. Without --write it is told all the same.
    let is_recorded = station.camera.is_recorded();
    let doubt = writing::believe(&survey, is_recorded).err();
    match (&broken, &doubt) {
        (Some(broken), _) => warnings.push(format!(
            "only {} of {} pictures came, and this is not written: {}",
            survey.frames,
            args.pictures,
            WithCauses(broken)
        )),
        (None, Some(doubt)) if args.write => return Err(doubt.clone().into()),
        (None, Some(doubt)) => warnings.push(format!("this would not be written: {doubt}")),
        (None, None) if args.write => plan.write()?,
        (None, None) => {}
    }
    if let Some(path) = &args.picture {
        kept.save(&pictures::belt(&survey), path)?;
    }
    let findings = Findings {
        picture: args.picture.clone(),
        camera: taker.description(),
        pictures: survey.frames,
        asked: args.pictures,
        belt: survey.belt,
        distance_mm: survey.distance_mm(),
        tilt_deg: survey.tilt_deg(),
        measured_share: survey.measured_share,
        noise_mm: survey.noise_mm,
        noise_floor_mm: survey.noise_floor_mm,
        size,
        spread_mm: survey.spread_mm.to_vec(),
        roi: survey.roi.map(|proposal| Region {
            roi: proposal.roi,
            share: proposal.share,
            unevenness_mm: proposal.unevenness_mm,
        }),
        model,
        changes: plan.changes,
        written: args.write && broken.is_none(),
        doubt: match (&broken, doubt) {
            (Some(_), _) => Some("play a recording that is whole".to_owned()),
            (None, doubt) => doubt.map(|doubt| doubt.hint().to_owned()),
        },
        warnings,
    };
    if args.json {
        write_json(out, &findings)?;
    } else {
        print(out, &findings)?;
    }
    broken.map_or(Ok(()), Err)
}

/// What pictures say of a belt.
struct Surveyed {
    survey: BeltSurvey,
    /// Why there were no more of them, if that was no sound end.
    broken: Option<EdgeError>,
}

/// Looks at so many pictures, one after the other.
fn survey(taker: &mut Taker, size: usize, pictures: u64) -> Result<Surveyed, EdgeError> {
    let mut surveyor = BeltSurveyor::new(size);
    let (mut taken, mut broken) = (0, None);
    while taken < pictures {
        match taker.take()? {
            Taken::Picture(pair) => {
                surveyor.add(pair).map_err(EdgeError::Survey)?;
                taken += 1;
            }
            Taken::Failed(why) => log::warn!("{why}"),
            Taken::End => {
                broken = taker.require_sound_end().err();
                break;
            }
        }
    }
    match surveyor.finish() {
        Ok(survey) => Ok(Surveyed { survey, broken }),
        // Too few pictures are no fault of the belt where the rest is missing.
        Err(error) => Err(broken.unwrap_or(EdgeError::Survey(error))),
    }
}

/// The station's model, if there is one that can be read.
fn model(station: &Station, warnings: &mut Vec<String>) -> Option<Bundle> {
    let path = station.bundle.resolve().unwrap_or_default();
    if path.as_os_str().is_empty() || !path.exists() {
        return None;
    }
    crate::model::open(&path)
        .inspect_err(|error| {
            warnings.push(format!(
                "there is nothing to compare with: {}",
                WithCauses(error)
            ));
        })
        .ok()
}

/// What is odd about a belt, whatever the model.
fn doubts(survey: &BeltSurvey) -> Vec<String> {
    let mut doubts = Vec::new();
    if survey.measured_share < MEASURED_SHARE_MIN {
        doubts.push(format!(
            "only {:.0} % of the pictures has a depth: `check --camera` says what to do",
            100.0 * survey.measured_share
        ));
    }
    if survey.tilt_deg() > TILT_MAX_DEG {
        doubts.push(format!(
            "the camera looks at the belt from the side, by {:.1} degrees: parts hide what lies behind them",
            survey.tilt_deg()
        ));
    }
    match survey.roi {
        None => doubts.push(
            "nowhere is the belt measured and flat: clear it, and let the camera see it".to_owned(),
        ),
        Some(proposal) if proposal.unevenness_mm > UNEVENNESS_MAX_MM => doubts.push(format!(
            "the belt is uneven by {:.2} mm: is it clear, is it tight?",
            proposal.unevenness_mm
        )),
        Some(_) => {}
    }
    doubts
}

fn print(out: &mut dyn Write, findings: &Findings) -> Result<(), EdgeError> {
    let noise = findings
        .noise_mm
        .map_or("unknown".to_owned(), |mm| format!("{mm:.2} mm"));
    let asked = if (findings.pictures as u64) < findings.asked {
        format!(" of {} asked for", findings.asked)
    } else {
        String::new()
    };
    writeln!(
        out,
        "camera    {}\npictures  {}{asked}\n\
         belt      {:.1} mm away, tilted by {:.2} degrees\n\
         depth     {:.1} % measured, noise {noise} from picture to picture",
        logging::shown(&findings.camera),
        findings.pictures,
        findings.distance_mm,
        findings.tilt_deg,
        100.0 * findings.measured_share,
    )?;
    let scales: Vec<String> = findings
        .spread_mm
        .chunks(3)
        .map(|channels| {
            let channels: Vec<String> = channels.iter().map(|mm| format!("{mm:.3}")).collect();
            channels.join(" ")
        })
        .collect();
    writeln!(
        out,
        "scales    {} mm (height, slope, curvature; finest scale first)",
        scales.join(" | ")
    )?;
    if let Some(region) = &findings.roi {
        let Roi {
            x,
            y,
            width,
            height,
        } = region.roi;
        writeln!(
            out,
            "region    {width} x {height} from ({x}, {y}), {:.0} % of the picture, even to {:.2} mm",
            100.0 * region.share,
            region.unevenness_mm
        )?;
    }
    if let Some(path) = &findings.picture {
        writeln!(out, "picture   {}", path.display())?;
    }
    match &findings.model {
        Some(model) => model.print(out)?,
        None => writeln!(out, "model     none to compare with")?,
    }
    for warning in &findings.warnings {
        writeln!(out, "\x1b[33mwarning\x1b[0m   {warning}")?;
    }
    for change in &findings.changes {
        writeln!(
            out,
            "\x1b[31m- {key} = {from}\x1b[0m\n\x1b[32m+ {key} = {to}\x1b[0m",
            key = change.key,
            from = change.from,
            to = change.to
        )?;
    }
    let done = match &findings.doubt {
        _ if findings.written => "the configuration holds this now; a station goes by its model's belt, and tells by this one when the camera \
             moves"
            .to_owned(),
        None => "nothing was changed: `--write` puts this into the configuration".to_owned(),
        Some(hint) => format!("nothing was changed, and `--write` would refuse this: {hint}"),
    };
    writeln!(
        out,
        "{done}. To keep the distance with new parts: record --belt-mm {:.1}",
        findings.distance_mm
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taking::scripted::Ending;

    fn surveyed(camera: Ending, pictures: u64) -> Result<Surveyed, EdgeError> {
        survey(&mut Taker::new(Box::new(camera)), SIZE, pictures)
    }

    #[test]
    fn pictures_of_a_recording_that_breaks_off_are_measured_and_its_damage_is_told() {
        let found = surveyed(Ending::broken_off(25), 80).unwrap();
        assert_eq!(found.survey.frames, 25);
        let broken = found.broken.unwrap();
        assert_eq!(broken.code(), 3, "{broken}");
        // Of those that were asked for none is missing.
        let whole = surveyed(Ending::broken_off(25), 25).unwrap();
        assert!(whole.broken.is_none());
        let short = surveyed(Ending::sound(25), 80).unwrap();
        assert_eq!((short.survey.frames, short.broken.is_some()), (25, false));
        let nothing = surveyed(Ending::broken_off(0), 80);
        assert_eq!(nothing.err().map(|error| error.code()), Some(3));
    }
}
