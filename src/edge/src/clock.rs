//! The one place that reads clocks.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Microseconds since the process began, never backwards. What decides uses this clock alone.
///
/// It is CLOCK_MONOTONIC with another zero, as the kernel stamps the edges of wires by that one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start_ns: u64,
}

impl Clock {
    /// Starts at zero.
    pub(crate) fn start() -> Self {
        Self {
            start_ns: monotonic_ns(),
        }
    }

    /// The clock of another process of this machine, by what that one says of its start.
    pub(crate) fn started_at(start_ns: u64) -> Self {
        Self { start_ns }
    }

    /// What another process needs to go by this clock.
    pub(crate) fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// Microseconds since the start.
    pub(crate) fn now_us(&self) -> u64 {
        self.at_us(monotonic_ns())
    }

    /// A moment that the kernel has stamped with CLOCK_MONOTONIC; zero if it lies before the start.
    pub(crate) fn at_us(&self, stamp_ns: u64) -> u64 {
        stamp_ns.saturating_sub(self.start_ns) / 1_000
    }

    /// How long to wait from now until `at_us`.
    pub(crate) fn until(&self, at_us: u64) -> Duration {
        Duration::from_micros(at_us.saturating_sub(self.now_us()))
    }

    /// Does nothing for so long: for threads that hold nobody up, never for the line's.
    pub(crate) fn wait(&self, time: Duration) {
        let until_us = self.now_us().saturating_add(time.as_micros() as u64);
        while self.now_us() < until_us {
            std::thread::park_timeout(self.until(until_us));
        }
    }
}

/// Since the machine was booted, about; not while it sleeps.
pub(crate) fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000_000) + nanoseconds
}

/// The wall clock in milliseconds since 1970, in UTC. Nothing is decided by it.
pub(crate) fn now_unix_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// A moment as in RFC 3339, to the second; a dash for one that is none.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    told(unix_ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// The same to the millisecond.
pub(crate) fn rfc3339_ms(unix_ms: u64) -> String {
    told(unix_ms, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

fn told(unix_ms: u64, format: &str) -> String {
    i64::try_from(unix_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(
            || "-".to_owned(),
            |moment| moment.strftime(format).to_string(),
        )
}

/// What somebody has typed for a moment, in milliseconds since 1970: how long it is ago (`90min`, `8h`,
/// `3d`), a day in UTC, or a moment as in RFC 3339.
pub(crate) fn since(typed: &str, now_unix_ms: u64) -> Option<u64> {
    use jiff::{SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};
    let unix_ms = |moment: Timestamp| u64::try_from(moment.as_millisecond()).ok();
    if let Ok(moment) = typed.parse::<Timestamp>() {
        return unix_ms(moment);
    }
    if let Ok(day) = typed.parse::<Date>() {
        return unix_ms(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    let ago = typed.parse::<jiff::Span>().ok()?;
    let ago = ago.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    now_unix_ms.checked_sub(u64::try_from(ago.as_millis()).ok()?)
}

/// The wall clock in seconds since 1970, for people. Nothing is decided by it.
pub(crate) fn unix_s() -> u64 {
    now_unix_ms() / 1000
}

/// The wall clock as in RFC 3339, for people. Nothing is decided by it.
pub(crate) fn now_rfc3339() -> String {
    rfc3339(now_unix_ms())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_typed_in_three_ways() {
        let now = 1_764_160_000_000;
        for (typed, expected) in [
            ("90min", Some(now - 5_400_000)),
            ("8h", Some(now - 28_800_000)),
            ("3d", Some(now - 259_200_000)),
            ("2025-11-26", Some(1_764_115_200_000)),
            ("2025-11-26T08:00:00Z", Some(1_764_144_000_000)),
            ("1970-01-01", Some(0)),
            ("", None),
            ("yesterday", None),
            ("-8h", None),
            ("99999999d", None),
        ] {
            assert_eq!(since(typed, now), expected, "{typed}");
        }
        assert_eq!(rfc3339(now), "2025-11-26T12:26:40Z");
        assert_eq!(rfc3339(u64::MAX), "-");
    }

    #[test]
    fn stamps_of_the_kernel_lie_on_the_same_axis() {
        let clock = Clock::start();
        let before_us = clock.now_us();
        let stamped_us = clock.at_us(monotonic_ns());
        let after_us = clock.now_us();
        assert!(before_us <= stamped_us && stamped_us <= after_us);
        assert_eq!(clock.at_us(0), 0, "before the start");
        let other = Clock::started_at(clock.start_ns());
        assert_eq!(other.at_us(u64::MAX), clock.at_us(u64::MAX));
    }
}
