//! The top of the page: what it is about, how good it is, where the line is, and what is missing.

use twinspect_core::score::ThresholdMethod;

use super::html::{count, interval, percent, text};
use super::page::Material;
use crate::metrics::Report;

/// Title, verdict in a sentence, figures, line, and notes.
pub(super) fn headline(material: &Material<'_>) -> String {
    let (manifest, fused) = (material.manifest, &material.evaluation.fused);
    let senses: Vec<&str> = material
        .judges()
        .iter()
        .filter(|judge| judge.name != "fused")
        .map(|judge| judge.name)
        .collect();
    format!(
        "<p class=\"kicker\">twinspect report \u{b7} inspected by {}</p>\
         <h1>{} <small>{}</small></h1><p class=\"lead\">{}</p>{}{}{}{}",
        senses.join(" and "),
        text(&manifest.name),
        manifest.version,
        sentence(fused),
        tiles(fused),
        line(material),
        notes(material),
        table(material),
    )
}

fn sentence(fused: &Report) -> String {
    let passed = fused.good_parts - fused.false_rejects;
    let rejected = fused.defective_parts - fused.escapes;
    let good = format!(
        "<b>{passed} of {}</b> good test parts pass",
        fused.good_parts
    );
    let defective = format!(
        "<b>{rejected} of {}</b> defective ones are rejected",
        fused.defective_parts
    );
    match (fused.good_parts, fused.defective_parts) {
        (_, 0) => format!("{good}."),
        (0, _) => format!(
            "<b>{rejected} of {}</b> defective test parts are rejected.",
            fused.defective_parts
        ),
        _ => format!("{good}, {defective}."),
    }
}

fn tiles(fused: &Report) -> String {
    let tile = |name: &str, value: String, below: String| {
        format!(
            "<div class=\"tile\"><dt>{name}</dt><dd>{value}</dd><dd class=\"below\">{below}</dd></div>"
        )
    };
    let with_sign = |value: Option<f64>| match value {
        Some(_) => format!("{}<small> %</small>", percent(value)),
        None => percent(None),
    };
    let share = |some: usize, all: usize| match all {
        0 => percent(None),
        _ => format!("{some}<small> of {all}</small>"),
    };
    let known = |rate: Option<f64>, bounds: Option<[f64; 2]>| match rate {
        None => "no such test parts".to_owned(),
        Some(_) => format!("{} %, interval {}", percent(rate), interval(bounds)),
    };
    let auroc = match fused.i_auroc {
        None => "needs good and defective parts".to_owned(),
        Some(_) => format!("interval {}", interval(fused.i_auroc_interval)),
    };
    let pro = match fused.au_pro_30 {
        None => "needs masks of defects".to_owned(),
        Some(_) => "regions covered, at up to 30 % false pixels".to_owned(),
    };
    format!(
        "<dl class=\"tiles\">{}{}{}{}</dl>\
         <p class=\"fine\">Intervals are two-sided at 95 %: a bootstrap over test parts for the AUROC, \
         Clopper-Pearson for shares. The test parts chose nothing in this run.</p>",
        tile("Image AUROC", with_sign(fused.i_auroc), auroc),
        tile("AU-PRO at 0.3", with_sign(fused.au_pro_30), pro),
        tile(
            "False rejects",
            share(fused.false_rejects, fused.good_parts),
            known(fused.false_reject_rate, fused.false_reject_interval)
        ),
        tile(
            "Escapes",
            share(fused.escapes, fused.defective_parts),
            known(fused.escape_rate, fused.escape_interval)
        ),
    )
}

fn line(material: &Material<'_>) -> String {
    let threshold = &material.manifest.score.fused;
    let extrapolated = match threshold.method {
        ThresholdMethod::OrderStatistic => String::new(),
        ThresholdMethod::Extrapolated => format!(
            " <b>{} don\u{2019}t support that target by themselves</b>, so the line lies where a fit to \
             their scores puts it; more good parts make it firm.",
            count(threshold.good_parts, "good part", "good parts")
        ),
    };
    format!(
        "<p class=\"line-note\"><b>The line.</b> A score is evidence over threshold: a part above 1.0 is \
         rejected, for every product. Here: {}.{extrapolated}</p>",
        text(&threshold.explain())
    )
}

/// What the page can't say, and why.
fn notes(material: &Material<'_>) -> String {
    let fused = &material.evaluation.fused;
    let mut notes = Vec::new();
    if fused.good_parts == 0 {
        notes.push("There are no good test parts: nothing is known of false rejects, and there is no ROC curve.".to_owned());
    }
    if fused.defective_parts == 0 {
        notes.push("There are no defective test parts: nothing is known of escapes, and there are no curves.".to_owned());
    }
    if fused.unmasked_parts > 0 {
        notes.push(format!(
            "{} no mask, or one that marks nothing: no pixel of theirs is in the pixel figures.",
            count(
                fused.unmasked_parts,
                "defective part has",
                "defective parts have"
            )
        ));
    }
    if fused.no_results > 0 {
        notes.push(format!(
            "{} no result (NO-RESULT): rejected on the line, and in no curve or histogram.",
            count(fused.no_results, "part has", "parts have")
        ));
    }
    if material.data_hash != material.record.data_hash {
        notes.push(
            "The data set has changed since training: its files have another hash than the run\u{2019}s record."
                .to_owned(),
        );
    }
    if notes.is_empty() {
        return String::new();
    }
    let items: String = notes
        .iter()
        .map(|note| format!("<li>{note}</li>"))
        .collect();
    format!("<ul class=\"notes\">{items}</ul>")
}

/// All figures of each map.
fn table(material: &Material<'_>) -> String {
    let rows: String = material
        .judges()
        .iter()
        .map(|judge| {
            let report = judge.report;
            let figures = [
                report.i_auroc,
                report.p_auroc,
                report.p_ap,
                report.au_pro_30,
                report.au_pro_05,
                report.au_pro_01,
                report.false_reject_rate,
                report.escape_rate,
            ];
            let cells: String = figures
                .map(|figure| format!("<td>{}</td>", percent(figure)))
                .concat();
            let mut bounds = interval(report.i_auroc_interval);
            if !bounds.is_empty() {
                bounds = format!(" <small>{bounds}</small>");
            }
            let cells = cells.replacen("</td>", &format!("{bounds}</td>"), 1);
            format!(
                "<tr><th scope=\"row\"><i class=\"swatch {}\"></i>{}</th>{cells}</tr>",
                judge.class, judge.name
            )
        })
        .collect();
    let alone = if material.has_both() {
        " Each sense alone has a line of its own."
    } else {
        ""
    };
    format!(
        "<div class=\"wide\"><table><thead><tr><th>per cent</th><th>I-AUROC</th><th>P-AUROC</th><th>P-AP</th>\
         <th>AU-PRO 30</th><th>AU-PRO 5</th><th>AU-PRO 1</th><th>false rejects</th><th>escapes</th></tr></thead>\
         <tbody>{rows}</tbody></table></div><p class=\"fine\">I: of whole parts, P: of pixels at 256 x 256.{alone}</p>"
    )
}
