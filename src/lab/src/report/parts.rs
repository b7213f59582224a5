//! The worst parts as rows of pictures.

use super::ReportError;
use super::gallery::{Exhibit, Said};
use super::heat;
use super::html::{data_uri, score, text};
use super::page::{Material, Section};

/// The two walls of the gallery; none if no parts are to be shown.
pub(super) fn sections(material: &Material<'_>) -> Result<Vec<Section>, ReportError> {
    let (gallery, fused) = (&material.kept.gallery, &material.evaluation.fused);
    let mut sections = Vec::new();
    if !gallery.good.is_empty() {
        let lead = match fused.false_rejects {
            0 => "No good part is rejected; these come nearest.".to_owned(),
            some => format!(
                "{some} of {} good parts {} rejected. The highest scores first.",
                fused.good_parts,
                if some == 1 { "is" } else { "are" }
            ),
        };
        sections.push(Section {
            id: "false-rejects",
            heading: "Worst false rejects".to_owned(),
            body: wall("false-rejects", &lead, &gallery.good, material)?,
        });
    }
    if !gallery.defective.is_empty() {
        let lead = match fused.escapes {
            0 => "No defective part escapes; these come nearest.".to_owned(),
            some => format!(
                "{some} of {} defective parts {}. The lowest scores first.",
                fused.defective_parts,
                if some == 1 { "escapes" } else { "escape" }
            ),
        };
        sections.push(Section {
            id: "misses",
            heading: "Worst misses".to_owned(),
            body: wall("misses", &lead, &gallery.defective, material)?,
        });
    }
    Ok(sections)
}

fn wall(
    id: &str,
    lead: &str,
    exhibits: &[Exhibit],
    material: &Material<'_>,
) -> Result<String, ReportError> {
    let fuses = material.manifest.stages.fusion.is_some();
    let each = match (material.has_both(), fuses) {
        (true, true) => {
            " Each sense\u{2019}s map is over its own line; weights are grey where nothing is inspected."
        }
        (true, false) => " Each sense\u{2019}s map is over its own line.",
        _ => "",
    };
    let outline = if exhibits.iter().any(|exhibit| !exhibit.label.is_good()) {
        " The white outline is the truth."
    } else {
        ""
    };
    let mut wall = format!(
        "<p>{lead}</p><div class=\"keys\">{}</div><p class=\"fine\">Maps lie over the picture, cold below the \
         line and hot above.{each}{outline}</p>",
        heat::keys(id, fuses)
    );
    for exhibit in exhibits {
        wall += &row(exhibit)?;
    }
    Ok(wall)
}

fn row(exhibit: &Exhibit) -> Result<String, ReportError> {
    let (good, scores) = (exhibit.label.is_good(), &exhibit.scores);
    let (class, badge) = match (exhibit.said, good) {
        (Said::Pass, true) => ("right", "passes".to_owned()),
        (Said::Pass, false) => ("wrong", "escapes".to_owned()),
        (Said::Fail(seen_by), true) => (
            "wrong",
            format!("false reject, seen by {}", people(seen_by)),
        ),
        (Said::Fail(seen_by), false) => ("right", format!("rejected, seen by {}", people(seen_by))),
        (Said::NoResult(reason), _) => ("wrong", format!("no result: {reason}")),
    };
    let mut said = format!(
        "<span class=\"score\">score <b>{}</b></span>",
        score(scores.score)
    );
    if let (Some(_), Some(_)) = (scores.rgb, scores.geometry) {
        said += &format!(
            "<span><i class=\"swatch c-rgb\"></i>colour {}</span><span><i class=\"swatch c-geometry\"></i>height {}</span>",
            score(scores.rgb),
            score(scores.geometry)
        );
    }
    let mut pictures = String::new();
    for (name, picture) in &exhibit.pictures {
        let uri = data_uri(picture).map_err(|source| ReportError::Page {
            action: "encoding a picture of",
            path: scores.part.as_str().into(),
            source,
        })?;
        pictures += &format!(
            "<figure><img src=\"{uri}\" width=\"{0}\" height=\"{0}\" alt=\"{name} of {1}\"><figcaption>{name}</figcaption></figure>",
            picture.width(),
            text(&scores.part)
        );
    }
    Ok(format!(
        "<article class=\"part\"><h3>{}<span class=\"badge {class}\">{badge}</span></h3><p class=\"said\">{said}</p>\
         <div class=\"pictures\">{pictures}</div></article>",
        text(&scores.part)
    ))
}

/// A sense as people call it.
fn people(seen_by: &str) -> &str {
    match seen_by {
        "rgb" => "colour",
        "geometry" => "height",
        other => other,
    }
}
