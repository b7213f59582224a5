//! One chart: a frame with two axes, and what is drawn in it.

use std::fmt::Write as _;

use super::scale::Axis;
use crate::report::html::text;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
const TOP: f64 = 22.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Left of a vertical axis of numbers, and of one of names.
const LEFT: [f64; 2] = [50.0, 122.0];
/// Height of a row with a name.
const ROW: f64 = 26.0;
/// Longest name of a row that has room, in characters.
const NAME_MAX: usize = 17;

/// What stands along the vertical side.
#[derive(Debug)]
pub(in crate::report) enum Rows {
    /// Values.
    Axis(Axis),
    /// Names, from the top.
    Names(Vec<String>),
}

/// A chart in the making.
#[derive(Debug)]
pub(in crate::report) struct Plot {
    x: Axis,
    rows: Rows,
    left: f64,
    height: f64,
    body: String,
}

impl Plot {
    /// An empty chart.
    pub(in crate::report) fn new(x: Axis, rows: Rows) -> Self {
        let (left, height) = match &rows {
            Rows::Axis(_) => (LEFT[0], HEIGHT),
            Rows::Names(names) => (LEFT[1], TOP + ROW * names.len() as f64 + BOTTOM),
        };
        Self {
            x,
            rows,
            left,
            height,
            body: String::new(),
        }
    }

    fn across(&self, value: f64) -> f64 {
        self.left + self.x.scale.share(value) * (WIDTH - self.left - RIGHT)
    }

    /// The middle of a row, or the place of a value.
    fn down(&self, value: f64) -> f64 {
        match &self.rows {
            Rows::Axis(axis) => TOP + (1.0 - axis.scale.share(value)) * self.depth(),
            Rows::Names(_) => TOP + ROW * (value + 0.5),
        }
    }

    fn depth(&self) -> f64 {
        self.height - TOP - BOTTOM
    }

    /// A line through points.
    pub(in crate::report) fn line(
        &mut self,
        class: &str,
        points: impl IntoIterator<Item = [f64; 2]>,
    ) {
        let path = self.path(points);
        self.put(format_args!("<path class=\"line {class}\" d=\"{path}\"/>"));
    }

    /// What lies between a lower and an upper line.
    pub(in crate::report) fn band(&mut self, class: &str, band: &[(f64, [f64; 2])]) {
        let upper = band.iter().map(|&(x, [_, high])| [x, high]);
        let lower = band.iter().rev().map(|&(x, [low, _])| [x, low]);
        let path = self.path(upper.chain(lower));
        self.put(format_args!("<path class=\"band {class}\" d=\"{path}Z\"/>"));
    }

    fn path(&self, points: impl IntoIterator<Item = [f64; 2]>) -> String {
        let mut path = String::new();
        for [x, y] in points {
            let start = if path.is_empty() { 'M' } else { 'L' };
            let (x, y) = (self.across(x), self.down(y));
            path.push_str(&format!("{start}{x:.1} {y:.1}"));
        }
        path
    }

    /// A bar from one corner to the other one, with a text for who points at it.
    pub(in crate::report) fn bar(&mut self, class: &str, x: [f64; 2], y: [f64; 2], tip: &str) {
        let (left, right) = (self.across(x[0]), self.across(x[1]));
        let (top, bottom) = (self.down(y[1]), self.down(y[0]));
        // A gap keeps neighbours apart.
        let (width, height) = ((right - left - 0.8).max(0.8), bottom - top);
        let tip = text(tip);
        self.put(format_args!(
            "<rect class=\"bar {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"><title>{tip}</title></rect>"
        ));
    }

    /// A dot, moved down by some units, with a text for who points at it.
    pub(in crate::report) fn dot(&mut self, class: &str, at: [f64; 2], down: f64, tip: &str) {
        let (x, y) = (self.across(at[0]), self.down(at[1]) + down);
        let tip = text(tip);
        self.put(format_args!(
            "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"><title>{tip}</title></circle>"
        ));
    }

    /// A vertical line at a value; what it means stands above it.
    pub(in crate::report) fn rule(&mut self, value: f64, name: &str) {
        let (x, bottom) = (self.across(value), self.height - BOTTOM);
        let name = text(name);
        self.put(format_args!(
            "<path class=\"rule\" d=\"M{x:.1} {TOP}V{bottom}\"/>\
             <text class=\"rule-name\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            TOP - 7.0
        ));
    }

    /// Words that end at a place, given in shares of the frame from the upper left.
    pub(in crate::report) fn note(&mut self, at: [f64; 2], words: &str) {
        let x = self.left + at[0] * (WIDTH - self.left - RIGHT);
        let y = TOP + at[1] * self.depth();
        let words = text(words);
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{words}</text>"
        ));
    }

    /// How many units lie between two values.
    pub(in crate::report) fn between(&self, low: f64, high: f64) -> f64 {
        self.across(high) - self.across(low)
    }

    /// The chart; `title` says what it shows to who can't see it.
    pub(in crate::report) fn svg(self, title: &str) -> String {
        let (height, bottom, right) = (self.height, self.height - BOTTOM, WIDTH - RIGHT);
        let left = self.left;
        let title = text(title);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"><title>{title}</title><g class=\"grid\">"
        );
        let mut words = String::new();
        for (value, label) in self.x.ticks(7) {
            let x = self.across(value);
            svg.push_str(&format!("<path d=\"M{x:.1} {TOP}V{bottom}\"/>"));
            words.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                bottom + 16.0
            ));
        }
        match &self.rows {
            Rows::Axis(axis) => {
                for (value, label) in axis.ticks(5) {
                    let y = self.down(value);
                    svg.push_str(&format!("<path d=\"M{left} {y:.1}H{right}\"/>"));
                    words.push_str(&format!(
                        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                        left - 6.0,
                        y + 4.0
                    ));
                }
                let middle = TOP + self.depth() / 2.0;
                words.push_str(&format!(
                    "<text class=\"axis\" transform=\"translate(13 {middle:.1}) rotate(-90)\" \
                     text-anchor=\"middle\">{}</text>",
                    text(&axis.label)
                ));
            }
            Rows::Names(names) => {
                for (row, name) in names.iter().enumerate() {
                    let y = self.down(row as f64);
                    svg.push_str(&format!("<path d=\"M{left} {y:.1}H{right}\"/>"));
                    words.push_str(&format!(
                        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\"><title>{}</title>{}</text>",
                        left - 8.0,
                        y + 4.0,
                        text(name),
                        text(&shortened(name))
                    ));
                }
            }
        }
        words.push_str(&format!(
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            (left + right) / 2.0,
            height - 8.0,
            text(&self.x.label)
        ));
        svg.push_str("</g>");
        svg.push_str(&self.body);
        svg.push_str(&format!(
            "<path class=\"frame\" d=\"M{left} {TOP}V{bottom}H{right}\"/><g class=\"ticks\">{words}</g></svg>"
        ));
        svg
    }

    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let written = self.body.write_fmt(piece);
        debug_assert!(written.is_ok());
    }
}

/// A name that has room beside its row.
fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_MAX {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_MAX - 1).collect();
    kept + "\u{2026}"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::Scale;

    fn axis(low: f64, high: f64) -> Axis {
        Axis::new(Scale::linear(low, high), "x")
    }

    #[test]
    fn corners_lie_in_the_corners_of_the_frame() {
        let mut plot = Plot::new(axis(0.0, 2.0), Rows::Axis(axis(-1.0, 1.0)));
        plot.line("c-good", [[0.0, -1.0], [2.0, 1.0]]);
        assert!(
            plot.body.contains("d=\"M50.0 256.0L446.0 22.0\""),
            "{}",
            plot.body
        );
        assert_eq!(plot.between(0.0, 1.0), 198.0);
    }

    #[test]
    fn text_from_outside_is_escaped_everywhere() {
        let names = vec!["<b>\"&".to_owned()];
        let mut plot = Plot::new(axis(0.0, 1.0), Rows::Names(names));
        plot.dot("c-bad", [0.5, 0.0], 0.0, "<script>");
        plot.bar("c-bad", [0.0, 0.1], [0.0, 0.0], "a<b");
        let svg = plot.svg("1 < 2");
        assert!(!svg.contains("<b>") && !svg.contains("<script>"), "{svg}");
        assert!(svg.contains("&lt;b&gt;&quot;&amp;"), "{svg}");
        assert!(svg.contains("<title>1 &lt; 2</title>"), "{svg}");
    }

    #[test]
    fn long_names_are_shortened_and_kept_for_who_points_at_them() {
        assert_eq!(
            shortened("a_kind_with_an_endless_name"),
            "a_kind_with_an_e\u{2026}"
        );
        assert_eq!(shortened("short_shot"), "short_shot");
    }
}
