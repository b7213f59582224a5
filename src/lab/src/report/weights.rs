//! Whom the fusion network believes.

use super::chart::{Axis, Plot, Rows, Scale};
use super::html::{percent, text};
use super::page::{Material, Section};
use super::watch::{Tally, WEIGHT_BINS};
use crate::config::Join;

/// The section, where the product has a fusion network.
pub(super) fn section(material: &Material<'_>) -> Option<Section> {
    material.manifest.stages.fusion.as_ref()?;
    let weights = &material.kept.weights;
    let mut defects = Tally::default();
    weights.kinds.values().for_each(|tally| defects.join(tally));
    let rows: String = std::iter::once(("good parts", &weights.good))
        .chain(weights.kinds.iter().map(|(kind, tally)| (kind.as_str(), tally)))
        .map(|(name, tally)| {
            let mean = tally.mean();
            format!(
                "<tr><th scope=\"row\">{}</th><td class=\"balance\"><span style=\"--at:{:.0}%\">{}</span></td></tr>",
                text(name),
                100.0 * mean.unwrap_or(0.5),
                percent(mean)
            )
        })
        .collect();
    let gate = material.record.gate.filter(|_| material.join == Join::Gate);
    let gate = gate.map_or_else(String::new, |gate| {
        format!(
            "<p class=\"fine\">Training of the gate: {}.</p>",
            text(&gate.to_string())
        )
    });
    let body = format!(
        "<p>{}</p><div class=\"charts\">{}<div class=\"wide\"><table class=\"weights\"><thead><tr>\
         <th>mean weight of height</th><th>%</th></tr></thead><tbody>{rows}</tbody></table>\
         <p class=\"fine\">Kinds: inside the truth only.</p></div></div>{gate}",
        meaning(material.join),
        histogram(&weights.good, &defects)
    );
    Some(Section {
        id: "weights",
        heading: "Fusion weights".to_owned(),
        body,
    })
}

/// What a weight says under a rule.
fn meaning(join: Join) -> &'static str {
    match join {
        Join::Quadrature => {
            "What colour and height see adds up in quadrature, as the root of the sum of squares. Nothing is chosen between them; a weight \
             tells, pixel by pixel, which of the two sees more: 0 % is colour, 100 % height."
        }
        Join::Sum => {
            "What colour and height see adds up. Nothing is chosen between them; a weight tells, pixel by pixel, which of the two sees \
             more: 0 % is colour, 100 % height."
        }
        Join::Average => {
            "Colour and height count half each, and colour alone where depth was not measured."
        }
        Join::Gate | Join::Maximum => {
            "A fusion network decides pixel by pixel how much height counts beside colour: 0 % is colour alone, 100 % height alone."
        }
    }
}

fn histogram(good: &Tally, defects: &Tally) -> String {
    let shares = |tally: &Tally| {
        let count = tally.count().max(1) as f64;
        tally.bins.map(|pixels| pixels as f64 / count)
    };
    let series = [("c-good", shares(good)), ("c-bad", shares(defects))];
    let highest = series
        .iter()
        .flat_map(|(_, shares)| shares)
        .fold(0.05, |a: f64, b| a.max(*b));
    let x = Axis::percent(1.0, "weight of height, %");
    let y = Axis {
        percent: true,
        ..Axis::new(Scale::linear(0.0, 1.05 * highest), "pixels, %")
    };
    let mut plot = Plot::new(x, Rows::Axis(y));
    for (class, shares) in series {
        let edge = |bin: usize| bin as f64 / WEIGHT_BINS as f64;
        let steps = (0..WEIGHT_BINS)
            .flat_map(|bin| [[edge(bin), shares[bin]], [edge(bin + 1), shares[bin]]]);
        let steps: Vec<_> = steps.collect();
        plot.line(class, steps);
    }
    format!(
        "<figure>{}<figcaption><i class=\"swatch c-good\"></i>good parts <i class=\"swatch c-bad\"></i>inside the \
         truth of defects</figcaption></figure>",
        plot.svg("Distribution of the fusion weight")
    )
}
