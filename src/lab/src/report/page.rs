//! The page as a whole: its head, its sections in their order, and what they are made from.

use twinspect_bundle::Manifest;
use twinspect_core::modality::Modality;

use super::html::text;
use super::losses::Course;
use super::place::TITLE;
use super::watch::Kept;
use super::{ReportError, curves, headline, kinds, parts, provenance, scores, training, weights};
use crate::config::Join;
use crate::evaluate::Evaluation;
use crate::metrics::Report;
use crate::run_folder::RunRecord;

const STYLE: &str = include_str!("style.css");

/// Everything that is on the page.
pub(super) struct Material<'a> {
    /// What was trained, on what, with what.
    pub(super) record: &'a RunRecord,
    /// What ships.
    pub(super) manifest: &'a Manifest,
    /// How the bundle joins both modalities, whatever the run was configured with.
    pub(super) join: Join,
    /// SHA-256 of the bundle.
    pub(super) bundle_hash: &'a str,
    /// What the test parts say of it.
    pub(super) evaluation: &'a Evaluation,
    /// What was seen on the way.
    pub(super) kept: Kept,
    /// How training went.
    pub(super) losses: Vec<Course>,
    /// SHA-256 of the data set as it is now.
    pub(super) data_hash: String,
    /// When the page was made.
    pub(super) created: &'a str,
}

/// One of the maps that are measured.
pub(super) struct Judge<'a> {
    /// What people call it.
    pub(super) name: &'static str,
    /// The class of its colour.
    pub(super) class: &'static str,
    /// Its figures.
    pub(super) report: &'a Report,
}

impl Material<'_> {
    /// Whether the product has both modalities.
    pub(super) fn has_both(&self) -> bool {
        self.manifest.score.modalities.present().count() > 1
    }

    /// The map that decides, and, where a product has two modalities, each of them alone.
    pub(super) fn judges(&self) -> Vec<Judge<'_>> {
        let fused = &self.evaluation.fused;
        let present = self.manifest.score.modalities.present();
        let alone = present.map(|(modality, _)| (name(modality), class(modality), modality));
        let mut alone: Vec<_> = alone.collect();
        if let [(name, class, _)] = alone[..] {
            return vec![Judge {
                name,
                class,
                report: fused,
            }];
        }
        let alone = alone.drain(..).filter_map(|(name, class, modality)| {
            let report = self.evaluation.modalities.get(modality.name())?;
            Some(Judge {
                name,
                class,
                report,
            })
        });
        let fused = Judge {
            name: "fused",
            class: "c-fused",
            report: fused,
        };
        std::iter::once(fused).chain(alone).collect()
    }
}

/// What people call a modality.
pub(super) fn name(modality: Modality) -> &'static str {
    match modality {
        Modality::Rgb => "colour",
        Modality::Geometry => "height",
    }
}

fn class(modality: Modality) -> &'static str {
    match modality {
        Modality::Rgb => "c-rgb",
        Modality::Geometry => "c-geometry",
    }
}

/// One section of the page.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading; none for the first one.
    pub(super) heading: String,
    /// What it holds, as HTML.
    pub(super) body: String,
}

/// The whole page.
pub(super) fn page(material: &Material<'_>) -> Result<String, ReportError> {
    let mut sections = vec![scores::section(material), curves::section(material)];
    sections.push(kinds::section(material));
    sections.extend(parts::sections(material)?);
    sections.extend(weights::section(material));
    sections.push(training::section(material));
    sections.push(provenance::section(material)?);
    let links: String = sections
        .iter()
        .map(|section| format!("<a href=\"#{}\">{}</a>", section.id, text(&section.heading)))
        .collect();
    let bodies: String = sections
        .iter()
        .map(|section| {
            let Section { id, heading, body } = section;
            let heading = text(heading);
            format!("<section id=\"{id}\"><h2>{heading}</h2>{body}</section>\n")
        })
        .collect();
    let title = format!("{} {}", material.manifest.name, material.manifest.version);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{} \u{b7} {TITLE}\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header id=\"headline\">{}</header>\n<nav>{links}</nav>\n<main>\n{bodies}</main>\n\
         <footer>twinspect is quality inspection and no safety function.</footer>\n</body>\n</html>\n",
        text(&title),
        headline::headline(material),
    ))
}
