//! The text format: families of samples, each with its kind and its help, labels escaped.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use std::fmt::Write;

/// What a family's values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The whole text.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    station: String,
}

impl Page {
    /// Of one station, whose name each sample carries.
    pub(super) fn new(station: &str) -> Self {
        Self {
            text: String::new(),
            station: escaped(station),
        }
    }

    /// The samples of one name. Nothing is written of a family without any.
    pub(super) fn family(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &'static str,
    ) -> Family<'_> {
        Family {
            page: self,
            name,
            head: Some((kind, help)),
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Samples of one name.
#[derive(Debug)]
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
    head: Option<(Kind, &'static str)>,
}

impl Family<'_> {
    /// One sample.
    pub(super) fn value(&mut self, labels: &[(&str, &str)], value: f64) {
        self.part("", labels, value);
    }

    /// One sample of a histogram, whose name has an ending.
    pub(super) fn part(&mut self, ending: &str, labels: &[(&str, &str)], value: f64) {
        // Writing to a string can't fail.
        let text = &mut self.page.text;
        let name = self.name;
        if let Some((kind, help)) = self.head.take() {
            let kind = kind.name();
            write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").unwrap_or_default();
        }
        write!(text, "{name}{ending}{{station=\"{}\"", self.page.station).unwrap_or_default();
        for (label, value) in labels {
            write!(text, ",{label}=\"{}\"", escaped(value)).unwrap_or_default();
        }
        writeln!(text, "}} {value}").unwrap_or_default();
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\");
    text.replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_head_once_and_none_without_samples() {
        let mut page = Page::new("a\"b\\c\nd");
        let mut family = page.family("x_total", Kind::Counter, "Things.");
        family.value(&[("kind", "one")], 1.0);
        family.value(&[("kind", "two")], 0.5);
        page.family("nothing", Kind::Gauge, "None.");
        assert_eq!(
            page.finish(),
            "# HELP x_total Things.\n# TYPE x_total counter\n\
             x_total{station=\"a\\\"b\\\\c\\nd\",kind=\"one\"} 1\n\
             x_total{station=\"a\\\"b\\\\c\\nd\",kind=\"two\"} 0.5\n"
        );
    }
}
