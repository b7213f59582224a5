//! ROC and PRO curves of the map that decides, and of each sense alone.

use super::chart::{Axis, Plot, Rows};
use super::html::{interval, percent};
use super::page::{Judge, Material, Section};

/// The section.
pub(super) fn section(material: &Material<'_>) -> Section {
    let judges = material.judges();
    let body = format!(
        "<div class=\"charts\">{}{}</div>",
        roc(&judges),
        pro(&judges)
    );
    Section {
        id: "curves",
        heading: "Curves".to_owned(),
        body,
    }
}

fn roc(judges: &[Judge<'_>]) -> String {
    let x = Axis::percent(1.0, "good parts rejected, %");
    let y = Axis::percent(1.0, "defective parts rejected, %");
    let mut plot = Plot::new(x, Rows::Axis(y));
    plot.line("chance", [[0.0, 0.0], [1.0, 1.0]]);
    let mut legend = String::new();
    // The deciding map last, so that it lies on top.
    for judge in judges.iter().rev() {
        let report = judge.report;
        let Some(curve) = &report.curves.roc else {
            continue;
        };
        plot.line(judge.class, curve.iter().copied());
        let bounds = interval(report.i_auroc_interval);
        let entry = entry(
            judge,
            &format!("{} <small>({bounds})</small>", percent(report.i_auroc)),
        );
        legend.insert_str(0, &entry);
    }
    if legend.is_empty() {
        return absent("ROC", "it takes good and defective test parts");
    }
    if let Some(judge) = judges.first()
        && let (Some(rejected), Some(escaped)) =
            (judge.report.false_reject_rate, judge.report.escape_rate)
    {
        let tip = format!(
            "at the line: {} % of good parts rejected, {} % of defective ones",
            percent(Some(rejected)),
            percent(Some(1.0 - escaped))
        );
        plot.dot("operating", [rejected, 1.0 - escaped], 0.0, &tip);
    }
    let svg = plot.svg("ROC curves of whole parts");
    format!(
        "<figure><h3>ROC of parts</h3>{svg}<figcaption>{legend}<i class=\"swatch operating\"></i>at the line. \
         Area in per cent, with its interval.</figcaption></figure>"
    )
}

fn pro(judges: &[Judge<'_>]) -> String {
    let x = Axis::percent(0.3, "defect-free pixels above the threshold, %");
    let y = Axis::percent(1.0, "mean covered share of defects, %");
    let mut plot = Plot::new(x, Rows::Axis(y));
    let mut legend = String::new();
    for judge in judges.iter().rev() {
        let report = judge.report;
        let Some(curve) = &report.curves.pro else {
            continue;
        };
        plot.line(judge.class, curve.iter().copied());
        legend.insert_str(0, &entry(judge, &percent(report.au_pro_30)));
    }
    if legend.is_empty() {
        return absent("PRO", "it takes defective test parts with masks");
    }
    let svg = plot.svg("PRO curves of pixels up to 30 per cent false positives");
    format!(
        "<figure><h3>PRO of pixels</h3>{svg}<figcaption>{legend}Area up to 30 % over 0.3, in per cent.\
         </figcaption></figure>"
    )
}

fn entry(judge: &Judge<'_>, figure: &str) -> String {
    let Judge { name, class, .. } = judge;
    format!("<span><i class=\"swatch {class}\"></i>{name} {figure}</span> ")
}

fn absent(name: &str, why: &str) -> String {
    format!(
        "<figure class=\"absent\"><h3>{name}</h3><p>There is no {name} curve: {why}.</p></figure>"
    )
}
