//! One row for each kind of defect.

use super::html::{interval, percent, text};
use super::page::{Material, Section};

/// The section.
pub(super) fn section(material: &Material<'_>) -> Section {
    Section {
        id: "kinds",
        heading: "Kinds of defect".to_owned(),
        body: body(material),
    }
}

fn body(material: &Material<'_>) -> String {
    let judges = material.judges();
    let kinds = &material.evaluation.fused.per_kind;
    if kinds.is_empty() {
        return "<p>There are no defective test parts.</p>".to_owned();
    }
    let heads: String = judges
        .iter()
        .map(|judge| {
            format!(
                "<th><i class=\"swatch {}\"></i>{}</th>",
                judge.class, judge.name
            )
        })
        .collect();
    let rows: String = kinds
        .iter()
        .map(|(kind, report)| {
            let figures: String = judges
                .iter()
                .map(|judge| {
                    judge
                        .report
                        .per_kind
                        .get(kind)
                        .and_then(|kind| kind.i_auroc)
                })
                .map(meter)
                .collect();
            let class = if report.escapes > 0 { "some" } else { "none" };
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"escapes {class}\">{}</td>\
                 <td>{} <small>{}</small></td>{figures}</tr>",
                text(kind),
                report.parts,
                report.escapes,
                percent(report.escape_rate),
                interval(report.escape_interval),
            )
        })
        .collect();
    format!(
        "<div class=\"wide\"><table class=\"kinds\"><thead><tr><th rowspan=\"2\">kind</th><th rowspan=\"2\">parts</th>\
         <th rowspan=\"2\">escapes</th><th rowspan=\"2\">escapes, %</th><th colspan=\"{}\" class=\"over\">\
         image AUROC against all good parts, %</th></tr><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>",
        judges.len()
    )
}

/// A figure with a bar behind it, from one half, where chance is, to one.
fn meter(figure: Option<f64>) -> String {
    let filled = figure.map_or(0.0, |figure| (200.0 * figure - 100.0).max(0.0));
    format!(
        "<td class=\"meter\"><span style=\"--filled:{filled:.0}%\">{}</span></td>",
        percent(figure)
    )
}
