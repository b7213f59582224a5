//! What people read at the end of a command.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};

use crate::evaluate::{Evaluation, PartScore};
use crate::metrics::Report;
use crate::robustness::{Left, Robustness};

/// Per cent with one digit, or `n/a`.
fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "n/a".into(), |value| format!("{:.1}", 100.0 * value))
}

/// Figures of an evaluation as tables.
pub(crate) fn evaluation(evaluation: &Evaluation) -> String {
    let mut figures = Table::new();
    figures.load_style(presets::UTF8_HORIZONTAL_ONLY);
    figures.set_header([
        "per cent",
        "I-AUROC",
        "P-AUROC",
        "AU-PRO 30",
        "AU-PRO 5",
        "AU-PRO 1",
        "false rejects",
        "escapes",
    ]);
    let mut row = |name: &str, report: &Report| {
        figures.add_row([
            name.to_owned(),
            percent(report.i_auroc),
            percent(report.p_auroc),
            percent(report.au_pro_30),
            percent(report.au_pro_05),
            percent(report.au_pro_01),
            percent(report.false_reject_rate),
            percent(report.escape_rate),
        ]);
    };
    if evaluation.modalities.len() > 1 {
        for (name, report) in &evaluation.modalities {
            row(name, report);
        }
    }
    row("fused", &evaluation.fused);

    let mut kinds = Table::new();
    kinds.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let mut header = vec![
        "kind".to_owned(),
        "parts".into(),
        "escapes".into(),
        "I-AUROC".into(),
    ];
    header.extend(
        evaluation
            .modalities
            .keys()
            .map(|name| format!("{name} alone")),
    );
    kinds.set_header(header);
    for (kind, report) in &evaluation.fused.per_kind {
        let mut cells = vec![
            kind.clone(),
            report.parts.to_string(),
            report.escapes.to_string(),
            percent(report.i_auroc),
        ];
        let alone =
            |report: &Report| percent(report.per_kind.get(kind).and_then(|kind| kind.i_auroc));
        cells.extend(evaluation.modalities.values().map(alone));
        kinds.add_row(cells);
    }
    let good = &evaluation.fused;
    let heading = format!(
        "{}: {} good and {} defective test parts{}{}",
        good.category,
        good.good_parts,
        good.defective_parts,
        without_result(&evaluation.parts),
        without_mask(good.unmasked_parts)
    );
    format!("{heading}\n{figures}\n{kinds}")
}

/// How many parts have no result, and why; nothing if all have one.
fn without_result(parts: &[PartScore]) -> String {
    let mut reasons = BTreeMap::new();
    for reason in parts.iter().filter_map(|part| part.reason) {
        *reasons.entry(reason).or_insert(0_usize) += 1;
    }
    let count: usize = reasons.values().sum();
    let told: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let told = told.join(", ");
    match count {
        0 => String::new(),
        all if all == parts.len() => format!(
            "\nNO PART HAS A RESULT ({told}): each of them is rejected, and the figures say nothing of the model"
        ),
        some => format!(
            "\n{some} of {} parts have no result ({told}): they are rejected, and in no ranking",
            parts.len()
        ),
    }
}

/// How many defects nobody has marked; nothing if all are.
fn without_mask(parts: usize) -> String {
    match parts {
        0 => String::new(),
        some => format!(
            "\n{some} of the defective have no mask, or one that marks nothing: they are in no pixel figure"
        ),
    }
}

/// What is left under each disturbance, as a table.
pub(crate) fn robustness(all: &[Robustness]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let mut header = vec!["I-AUROC / AU-PRO 30".to_owned(), "fused".into()];
    let modalities = all.iter().flat_map(|row| row.modalities.keys());
    let modalities: std::collections::BTreeSet<_> = modalities.collect();
    header.extend(modalities.iter().map(|name| (**name).to_owned()));
    header.extend(["false rejects", "escapes", "no result"].map(Into::into));
    table.set_header(header);
    for row in all {
        let figures =
            |left: &Left| format!("{} / {}", percent(left.i_auroc), percent(left.au_pro_30));
        let mut cells = vec![row.disturbance.name().to_owned(), figures(&row.fused)];
        let alone = modalities.iter().map(|name| row.modalities.get(*name));
        cells.extend(alone.map(|left| left.map_or_else(String::new, figures)));
        let counts = [
            row.fused.false_rejects,
            row.fused.escapes,
            row.fused.no_results,
        ];
        cells.extend(counts.map(|count| count.to_string()));
        table.add_row(cells);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_a_result_are_told_with_their_reasons() {
        let part = |reason| PartScore {
            part: "test/good/000".to_owned(),
            score: None,
            rgb: None,
            geometry: None,
            reason,
        };
        assert_eq!(without_result(&[part(None)]), "");
        let some = without_result(&[part(None), part(Some("no_part")), part(Some("no_colour"))]);
        assert!(
            some.contains("2 of 3 parts have no result (no_colour 1, no_part 1)"),
            "{some}"
        );
        let all = without_result(&[part(Some("no_depth")), part(Some("no_depth"))]);
        assert!(all.contains("NO PART HAS A RESULT (no_depth 2)"), "{all}");
    }
}
