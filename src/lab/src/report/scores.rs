//! How good and defective parts score: a histogram, and every part by its kind.

use std::collections::BTreeMap;

use twinspect_dataset::Label;

use super::chart::{Axis, Plot, Rows, Scale, number};
use super::html::{count, score};
use super::page::{Material, Section};
use crate::evaluate::PartScore;

/// Bars across the whole chart.
const BINS: f64 = 36.0;
/// Scores beyond this are drawn on a scale that is logarithmic above the line.
const LINEAR_MAX: f64 = 4.0;
/// How far apart dots of one row lie, across and down, in units of the chart.
const DOT: [f64; 2] = [6.0, 4.4];
/// Dots on top of each other that a row has room for.
const STACK: usize = 5;

type Scored<'a> = (&'a Label, &'a PartScore, f64);

/// The section.
pub(super) fn section(material: &Material<'_>) -> Section {
    let parts = material.kept.parts.iter();
    let scored: Vec<Scored<'_>> = parts
        .filter_map(|(label, part)| Some((label, part, f64::from(part.score?))))
        .collect();
    let scale = scale(&scored);
    let label = if scale.is_bent() {
        "score, logarithmic above 1"
    } else {
        "score"
    };
    let axis = Axis::new(scale, label);
    let body = format!(
        "<div class=\"charts\"><figure>{}<figcaption><i class=\"swatch c-good block\"></i>good parts, upwards \
         <i class=\"swatch c-bad block\"></i>defective ones, downwards. The line at 1.0 is where a part is \
         rejected.</figcaption></figure><figure>{}<figcaption>Each dot is a part; ringed ones lie on the wrong \
         side of the line.</figcaption></figure></div>",
        histogram(&scored, &axis),
        strip(&scored, axis.clone())
    );
    Section {
        id: "scores",
        heading: "Scores".to_owned(),
        body,
    }
}

fn scale(scored: &[Scored<'_>]) -> Scale {
    let low = scored.iter().map(|part| part.2).fold(0.0, f64::min);
    let high = scored.iter().map(|part| part.2).fold(1.4, f64::max);
    let (low, high) = (low - 0.05, high * 1.04);
    if high > LINEAR_MAX {
        Scale::bent(low, high)
    } else {
        Scale::linear(low, high)
    }
}

/// Number of the bar that a score belongs to, from the line on. A score of 1.0 passes, so that it
/// lies in the last bar below the line.
fn bin(scale: &Scale, score: f64) -> i64 {
    ((scale.share(score) - scale.share(1.0)) * BINS).ceil() as i64 - 1
}

fn histogram(scored: &[Scored<'_>], axis: &Axis) -> String {
    let scale = axis.scale;
    let mut bars: BTreeMap<i64, [usize; 2]> = BTreeMap::new();
    for (label, _, score) in scored {
        bars.entry(bin(&scale, *score)).or_default()[usize::from(!label.is_good())] += 1;
    }
    let most = |which: usize| bars.values().map(|counts| counts[which]).max().unwrap_or(0);
    let [good, defective] = [most(0), most(1)].map(|count| count as f64 * 1.12);
    let rows = Axis {
        counts: true,
        ..Axis::new(Scale::linear(-defective.max(0.5), good.max(0.5)), "parts")
    };
    let mut plot = Plot::new(axis.clone(), Rows::Axis(rows));
    for (bin, counts) in &bars {
        let edge = |bin: i64| scale.value((scale.share(1.0) + bin as f64 / BINS).clamp(0.0, 1.0));
        let ends = [edge(*bin), edge(bin + 1)];
        let tip = |count: usize, name: &str| {
            let [low, high] = ends.map(|end| number((100.0 * end).round() / 100.0));
            format!("{low} to {high}: {count} {name}")
        };
        let [up, down] = *counts;
        if up > 0 {
            plot.bar("c-good", ends, [0.0, up as f64], &tip(up, "good"));
        }
        if down > 0 {
            plot.bar(
                "c-bad",
                ends,
                [-(down as f64), 0.0],
                &tip(down, "defective"),
            );
        }
    }
    plot.line("zero", [[scale.value(0.0), 0.0], [scale.value(1.0), 0.0]]);
    plot.rule(1.0, "the line");
    plot.note([0.99, 0.06], "rejected \u{2192}");
    plot.svg("Histogram of the scores of good and defective test parts")
}

fn strip(scored: &[Scored<'_>], axis: Axis) -> String {
    // Good parts first, then the kinds by name.
    let mut rows: Vec<&str> = scored.iter().map(|part| part.0.as_str()).collect();
    rows.sort_by_key(|kind| (*kind != Label::Good.as_str(), *kind));
    rows.dedup();
    let names = rows.iter().map(|&kind| kind.to_owned()).collect();
    let mut plot = Plot::new(axis, Rows::Names(names));
    let mut sorted: Vec<&Scored<'_>> = scored.iter().collect();
    sorted.sort_by(|a, b| a.2.total_cmp(&b.2));
    for (row, kind) in rows.iter().enumerate() {
        let mut start = f64::NEG_INFINITY;
        let mut stacked = 0;
        for (label, part, value) in sorted.iter().filter(|part| part.0.as_str() == *kind) {
            if plot.between(start, *value) > DOT[0] || start == f64::NEG_INFINITY {
                (start, stacked) = (*value, 0);
            }
            // Alternately above and below: 0, 1, -1, 2, -2.
            let place = stacked % STACK;
            let side = if place % 2 == 1 { 1.0 } else { -1.0 };
            let down = side * place.div_ceil(2) as f64 * DOT[1];
            stacked += 1;
            let wrong = (*value > 1.0) == label.is_good();
            let class = match (label.is_good(), wrong) {
                (true, false) => "c-good",
                (true, true) => "c-good wrong",
                (false, false) => "c-bad",
                (false, true) => "c-bad wrong",
            };
            let tip = format!("{}: {}", part.part, score(part.score));
            plot.dot(class, [*value, row as f64], down, &tip);
        }
    }
    plot.rule(1.0, "the line");
    let title = format!("Scores of {} by kind", count(scored.len(), "part", "parts"));
    plot.svg(&title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_parts_two_bars_and_a_score_of_one_passes() {
        for scale in [Scale::linear(-0.3, 3.0), Scale::bent(-0.3, 60.0)] {
            assert_eq!(bin(&scale, 1.0), -1);
            assert_eq!(bin(&scale, f64::from(1.0_f32 + f32::EPSILON)), 0);
            assert!(bin(&scale, 0.5) < -1);
        }
    }
}
