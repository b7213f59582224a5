//! How the losses fell.

use super::chart::{Axis, Plot, Rows, Scale, number};
use super::html::{count, grouped, text};
use super::losses::Course;
use super::page::{Material, Section};

/// The section.
pub(super) fn section(material: &Material<'_>) -> Section {
    let charts: String = material.losses.iter().map(chart).collect();
    let charts = if charts.is_empty() {
        "<p>The run\u{2019}s folder holds no losses.</p>".to_owned()
    } else {
        format!("<div class=\"charts\">{charts}</div>")
    };
    let cost = material.record.cost.map_or_else(String::new, |cost| {
        format!(
            "<p class=\"fine\">{} learned values; training took {:.0} CPU s, {:.0} s, and at most {:.0} MiB. \
             A loss may be negative: the spread is predicted, too.</p>",
            grouped(cost.parameters), cost.cpu_seconds, cost.wall_seconds, cost.peak_memory_mib
        )
    });
    Section {
        id: "training",
        heading: "Training".to_owned(),
        body: charts + &cost,
    }
}

fn chart(course: &Course) -> String {
    let class = match course.branch.as_str() {
        "rgb" => "c-rgb solid",
        "geometry" => "c-geometry solid",
        _ => "c-fused",
    };
    let (spread, smoothed) = (course.spread(), course.smoothed());
    let last = course
        .losses
        .iter()
        .map(|(step, _)| *step)
        .fold(1.0, f64::max);
    let ends = spread.iter().map(|(_, ends)| ends);
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ends| {
        (low.min(ends[0]), high.max(ends[1]))
    });
    if low > high {
        return String::new();
    }
    let margin = 0.04 * (high - low).max(1e-6);
    let x = Axis {
        counts: true,
        ..Axis::new(Scale::linear(0.0, last), "step")
    };
    let y = Axis::new(Scale::linear(low - margin, high + margin), "loss");
    let mut plot = Plot::new(x, Rows::Axis(y));
    plot.band(class, &spread);
    let end = smoothed.last().map_or(0.0, |point| point[1]);
    plot.line(class, smoothed);
    let name = text(course.name()).to_string();
    let svg = plot.svg(&format!("Loss of {} by step", course.name()));
    let mean = count(2 * course.reach() + 1, "step", "steps");
    format!(
        "<figure><h3>{name}</h3>{svg}<figcaption>Line: mean of {mean}, at the end {}. Band: least and \
         largest loss nearby.</figcaption></figure>",
        number(end)
    )
}
