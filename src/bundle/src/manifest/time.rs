//! Times as in RFC 3339.

/// `YYYY-MM-DDThh:mm:ss`, a fraction where wanted, then `Z` or `+hh:mm`.
pub(super) fn is_rfc3339(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>, limits: std::ops::RangeInclusive<u32>| {
        text.get(range)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .is_some_and(|value| limits.contains(&value))
    };
    let mark = |at: usize, mark: &str| text.get(at..at + 1) == Some(mark);
    let date = number(0..4, 0..=9999)
        && mark(4, "-")
        && number(5..7, 1..=12)
        && mark(7, "-")
        && number(8..10, 1..=31);
    let time = mark(10, "T")
        && number(11..13, 0..=23)
        && mark(13, ":")
        && number(14..16, 0..=59)
        && mark(16, ":")
        && number(17..19, 0..=60);
    let rest = text.get(19..).unwrap_or_default();
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    let start = text.len() - zone.len();
    let offset = zone.len() == 6
        && (zone.starts_with('+') || zone.starts_with('-'))
        && number(start + 1..start + 3, 0..=23)
        && mark(start + 3, ":")
        && number(start + 4..start + 6, 0..=59);
    date && time && (zone == "Z" || offset)
}

#[cfg(test)]
mod tests {
    use super::is_rfc3339;

    #[test]
    fn times_of_rfc_3339_and_no_others() {
        for good in [
            "2026-11-23T14:05:00Z",
            "2026-11-23T14:05:00.125Z",
            "2026-11-23T14:05:00+01:00",
            "2026-11-23T14:05:00.5-11:30",
        ] {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in [
            "",
            "2026-11-23",
            "2026-11-23 14:05:00Z",
            "2026-13-23T14:05:00Z",
            "2026-11-23T24:05:00Z",
            "2026-11-23T14:05:00",
            "2026-11-23T14:05:00.Z",
            "2026-11-23T14:05:00+0100",
            "2026-11-23T14:05:00Zx",
            "2026-11-23T14:05:0é",
        ] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }
}
