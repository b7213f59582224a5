//! The log of a camera: one line for each change, and ever fewer while nothing changes.

use twinspect_core::recovery::Health;

use crate::trouble::Trouble;

/// A start that takes longer is told of.
const START_IS_SLOW_US: u64 = 5_000_000;

/// Remembers what was told last.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    last: &'static str,
}

/// What there is to tell.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) health: Health,
    pub(crate) trouble: Trouble,
    /// Whether it is time to say again what has not changed.
    pub(crate) is_due: bool,
    /// The last step's own error.
    pub(crate) cause: Option<String>,
}

impl Teller {
    pub(crate) fn tell(&mut self, camera: &str, news: News) {
        let News {
            health,
            trouble,
            is_due,
            cause,
        } = news;
        let name = match health {
            Health::Absent { .. } => "absent",
            Health::Starting { .. } => "starting",
            Health::Settling => "settling",
            Health::Well => "well",
            Health::Still { .. } => "still",
            Health::Lost => "lost",
        };
        let has_changed = name != self.last;
        self.last = name;
        match health {
            Health::Well if has_changed => log::info!("{camera}: pictures come"),
            Health::Well | Health::Settling | Health::Starting { .. } if !is_due => {}
            // A start takes a moment.
            Health::Starting { for_us } if for_us < START_IS_SLOW_US => {}
            Health::Lost if has_changed => {
                log::error!("{camera}: only a new process can help; {trouble}");
            }
            Health::Lost => {}
            _ if has_changed || is_due => match cause {
                Some(cause) => log::warn!("{camera}: {trouble}: {cause}"),
                None => log::warn!("{camera}: {trouble}"),
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::test_log;

    const ABSENT: Health = Health::Absent { for_us: 7_000_000 };

    fn told(healths: &[(Health, bool)]) -> Vec<String> {
        test_log::listen();
        let mut teller = Teller::default();
        for &(health, is_due) in healths {
            let news = News {
                health,
                trouble: Trouble::Slow,
                is_due,
                cause: None,
            };
            teller.tell("camera", news);
        }
        test_log::heard()
    }

    #[test]
    fn what_does_not_change_is_told_when_it_is_due() {
        let lines = told(&[
            (ABSENT, true),
            (ABSENT, false),
            (ABSENT, false),
            (ABSENT, true),
            (Health::Well, false),
            (Health::Well, false),
            (ABSENT, false),
        ]);
        let absent = "WARN camera: no picture in time";
        let well = "INFO camera: pictures come";
        assert_eq!(lines, [absent, absent, well, absent]);
    }

    #[test]
    fn that_it_is_lost_is_told_once() {
        let lines = told(&[(Health::Lost, false), (Health::Lost, true)]);
        assert_eq!(
            lines,
            ["ERROR camera: only a new process can help; no picture in time"]
        );
    }
}
