//! The report for people: one file, without anything from elsewhere, fit to be printed and signed.

use super::figures::{Counted, Rate, Share};
use super::report::{Report, SlipOfKind};
use crate::logging;
use crate::pictures::caption;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;\
color:#16181c;background:#fff}table{border-collapse:collapse;width:100%;margin:1em 0}td,th{text-align:left;\
padding:.3em .6em;border-bottom:1px solid #ccd;vertical-align:top}th{font-weight:600}.ok{color:#0a6b32}\
.no{color:#a8141f}.mono{font-family:ui-monospace,monospace;font-size:13px;word-break:break-all}\
.sign td{height:3.2em;border-bottom:1px solid #16181c}@media print{body{margin:0}}";

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let verdict = if report.accepted {
        ("ok", "Accepted")
    } else {
        ("no", "Not accepted")
    };
    let station = &report.station;
    let known = |value: &Option<String>| value.as_deref().unwrap_or("-").to_owned();
    let facts: Vec<(&str, String)> = vec![
        ("Station", station.station.clone()),
        ("Time", report.time.clone()),
        ("Operator", report.operator.clone()),
        (
            "Parts came",
            match report.mode {
                "test" => "one by one before the camera, without a pulse".to_owned(),
                "seen" => "as parts of the line, which the camera saw coming".to_owned(),
                _ => "as parts of the line, by the trigger".to_owned(),
            },
        ),
        ("Model", known(&station.model)),
        ("Model, digest of its bundle", known(&station.bundle)),
        (
            "Configuration, SHA-256",
            known(&station.configuration_sha256),
        ),
        ("Engine", known(&station.engine)),
        ("Camera", known(&station.camera)),
        ("twinspect", station.twinspect.clone()),
    ];
    let facts: String = facts
        .into_iter()
        .map(|(name, value)| {
            format!(
                "<tr><th>{name}</th><td class=mono>{}</td></tr>",
                text(&value)
            )
        })
        .collect();
    let objections: String = report
        .objections
        .iter()
        .map(|why| format!("<li>{}</li>", text(why)))
        .collect();
    let latency = report.latency_ms.map_or("-".to_owned(), |latency| {
        format!(
            "p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms of {} parts",
            latency.p50, latency.p99, latency.max, latency.parts
        )
    });
    let rows: String = report
        .parts
        .iter()
        .map(|part| {
            let class = match part.counted {
                Counted::Pass | Counted::Reject => "ok",
                Counted::PseudoReject | Counted::Slip => "no",
            };
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class={class}>{}</td></tr>",
                text(&part.identity),
                part.expected.name(),
                text(part.note.as_deref().unwrap_or("")),
                text(&caption(&part.verdict)),
                part.counted.name()
            )
        })
        .collect();
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
<title>Acceptance: {title}</title><style>{STYLE}</style>\
<h1>Acceptance of an inspection station</h1><p class={}><strong>{}</strong></p><ul>{objections}</ul>\
<table>{facts}</table><h2>Result</h2><table><tr><th></th><th>seen</th><th>95 % interval</th><th>95 % bound</th>\
<th>limit of the bound</th></tr>{}{}</table>\
<p>A pseudo reject is a good part that was rejected, a slip a bad part that has passed. Bounds are those of Clopper \
and Pearson. Without a result were {} good and {} bad parts: they are rejected, and counted so.</p>\
{kinds}<p>From picture to verdict: {latency}.</p>\
<p>Quality inspection is no safety function, and this report claims none.</p>\
<h2>Parts</h2><table><tr><th>identity</th><th>known as</th><th>note</th><th>judged</th><th>counted as</th></tr>{rows}</table>\
<table class=sign><tr><td>Place, date</td><td>Supplier</td><td>Customer</td></tr></table></html>\n",
        verdict.0,
        verdict.1,
        rate("Pseudo rejects", &report.pseudo_rejects),
        rate("Slip", &report.slip.all),
        report.no_results.good,
        report.no_results.bad,
        kinds = kinds(&report.slip.by_kind),
        title = text(&station.station),
    )
}

/// Slip by kind of defect; nothing if no bad part was shown.
fn kinds(kinds: &[SlipOfKind]) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    let row = |of: &SlipOfKind| {
        let (seen, interval, bound) = cells(&of.share);
        format!(
            "<tr><td>{}</td><td>{seen}</td><td>{interval}</td><td>{bound}</td></tr>",
            text(&of.kind)
        )
    };
    let rows: String = kinds.iter().map(row).collect();
    format!(
        "<h2>Slip by kind of defect</h2><table><tr><th>kind: the parts' note</th><th>seen</th><th>95 % interval</th>\
<th>95 % bound</th></tr>{rows}</table><p>The limit is held against the slip of all kinds together. A kind that few \
parts show has a wide bound, whatever the others say.</p>"
    )
}

fn rate(name: &str, rate: &Rate) -> String {
    let class = if rate.holds() { "ok" } else { "no" };
    let (seen, interval, bound) = cells(&rate.share);
    let limit = 100.0 * rate.limit;
    format!(
        "<tr><th>{name}</th><td>{seen}</td><td>{interval}</td><td class={class}>{bound}</td><td>{limit:.2} %</td></tr>"
    )
}

/// What was seen, its interval and its bound.
fn cells(share: &Share) -> (String, String, String) {
    let (low, high) = share.interval_95;
    (
        format!("{} of {}", share.count, share.of),
        format!("{:.2} to {:.2} %", 100.0 * low, 100.0 * high),
        format!("{:.2} %", 100.0 * share.bound_95),
    )
}

/// A text that is no markup, whoever wrote it.
fn text(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            c if logging::is_obeyed(c) => text.push('\u{25a1}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        assert_eq!(
            text("<b a=\"1\">&\n\u{202e}"),
            "&lt;b a=&quot;1&quot;&gt;&amp;\u{25a1}\u{25a1}"
        );
    }
}
