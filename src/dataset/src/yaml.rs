//! Single values out of the YAML files that a published set keeps beside its pictures.
//!
//! These are plain nested mappings of a few lines, as PyYAML writes them. Only the asked keys are
//! looked for; whatever else a file says is passed over.

/// The scalar under nested keys, in block style or in `{...}` on one line; `None` if it isn't
/// there.
pub(crate) fn scalar<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    let (last, parents) = keys.split_last()?;
    let mut open: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let line = without_comment(line);
        let Some((key, value)) = entry(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        while open.last().is_some_and(|&(outer, _)| outer >= indent) {
            open.pop();
        }
        let above = || open.iter().map(|&(_, key)| key);
        if key == *last && above().eq(parents.iter().copied()) {
            return plain(value);
        }
        if let Some(inside) = value
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            && above().chain([key]).eq(parents.iter().copied())
        {
            let mut entries = inside.split(',').filter_map(entry);
            return entries
                .find(|(key, _)| key == last)
                .and_then(|(_, value)| plain(value));
        }
        open.push((indent, key));
    }
    None
}

/// A number sign starts a comment at the line's begin and after a space.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.split_once(" #").map_or(line, |(content, _)| content)
}

/// Key and value of `key: value`.
fn entry(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    match text.split_once(": ") {
        Some((key, value)) => Some((key.trim(), value.trim())),
        None => text.strip_suffix(':').map(|key| (key.trim(), "")),
    }
}

/// A scalar that is there, and no mapping.
fn plain(value: &str) -> Option<&str> {
    Some(value).filter(|value| !value.is_empty() && !value.starts_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: [&str; 2] = ["normalization", "min"];

    fn check(text: &str, wanted: Option<&str>) {
        assert_eq!(scalar(text, &MIN), wanted, "{text}");
    }

    #[test]
    fn block_style_and_braces_are_the_same() {
        check("normalization:\n  max: 0.5\n  min: 0.25\n", Some("0.25"));
        check("normalization:\r\n    min: 0.25\r\n", Some("0.25"));
        check("normalization: {max: 0.5, min: 0.25}", Some("0.25"));
        check(
            "---\n# metres\nnormalization:\n\n  min: 1e-1 # near\n",
            Some("1e-1"),
        );
    }

    #[test]
    fn a_key_counts_only_in_its_place() {
        check("min: 0.1\nnormalization:\n  max: 0.5\n", None);
        check("normalization:\n  max: 0.5\nrange:\n  min: 0.1\n", None);
        check("normalization:\n  range:\n    min: 0.1\n", None);
        check("normalization: {minimum: 0.1}", None);
        check("range: {min: 0.1}\nnormalization: {min: 0.2}", Some("0.2"));
    }

    #[test]
    fn what_is_no_scalar_is_not_there() {
        check("", None);
        check("normalization:\n  min:\n", None);
        check("normalization:\n  min: {a: 1}\n", None);
        check("normalization: 0.5\n", None);
        check("\u{feff}::: {}}{\n\t- [", None);
    }

    #[test]
    fn the_top_level_has_scalars_too() {
        assert_eq!(scalar("a: 1\nanomalous: 0\n", &["anomalous"]), Some("0"));
        assert_eq!(scalar("a:\n  anomalous: 0\n", &["anomalous"]), None);
    }
}
