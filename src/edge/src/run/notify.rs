//! What the service manager is told: up, stopping, what the station is doing, and that it goes on.
//!
//! Messages leave from a thread of their own, for the loop that owns the wires waits for nobody, the
//! service manager included. The watchdog's pings begin in that loop alone, so that they end with it.

use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use sd_notify::NotifyState;

/// Messages that may wait; with more the service manager does not read, and they are left out.
const WORDS_MAX: usize = 16;
/// How long the last messages are waited for.
const END_MAX: Duration = Duration::from_secs(1);
/// Pings in a period of the watchdog: one that is lost or late kills nobody.
const PINGS: u32 = 3;

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// The lines are held and the control socket answers. The wire's READY says more.
    Up,
    Status(String),
    Ping,
    Reloading,
    /// It takes at most so long.
    Stopping(Duration),
}

/// Tells the service manager, if there is one.
#[derive(Debug)]
pub(super) struct Notifier {
    words: Option<Sender<Word>>,
    /// Closes when the last message was sent.
    end: Receiver<()>,
    watchdog: Option<Watchdog>,
    status: String,
}

impl Notifier {
    /// As the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub(super) fn start() -> Self {
        let (ended, end) = bounded::<()>(0);
        let is_wanted = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self {
            words: is_wanted.then(|| {
                let (words, waiting) = bounded(WORDS_MAX);
                thread::spawn(move || {
                    tell(&waiting);
                    drop(ended);
                });
                words
            }),
            end,
            watchdog: sd_notify::watchdog_enabled()
                .filter(|_| is_wanted)
                .map(Watchdog::new),
            status: String::new(),
        }
    }

    /// The station is up.
    pub(super) fn up(&self) {
        self.say(Word::Up);
    }

    /// The configuration is being taken over; [`Self::up`] ends it.
    pub(super) fn reloading(&self) {
        self.say(Word::Reloading);
    }

    /// The station is about to end, and may take so long.
    pub(super) fn stopping(&self, most: Duration) {
        self.say(Word::Stopping(most));
    }

    /// What the station is doing, if that is news.
    pub(super) fn status(&mut self, doing: &str) {
        if self.status != doing {
            doing.clone_into(&mut self.status);
            self.say(Word::Status(doing.to_owned()));
        }
    }

    /// The loop has gone round once more.
    pub(super) fn advanced(&mut self, now_us: u64) {
        if let Some(watchdog) = &mut self.watchdog
            && watchdog.feed(now_us)
        {
            self.say(Word::Ping);
        }
    }

    /// When the loop has to have gone round again.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.watchdog.as_ref().map(|watchdog| watchdog.next_us)
    }

    /// Sends what waits.
    pub(super) fn finish(self) {
        let Self { words, end, .. } = self;
        if words.is_some() {
            drop(words);
            if end.recv_timeout(END_MAX) == Err(RecvTimeoutError::Timeout) {
                log::debug!("the service manager does not listen");
            }
        }
    }

    fn say(&self, word: Word) {
        if let Some(words) = &self.words
            && let Err(error) = words.try_send(word)
        {
            log::warn!("the service manager does not listen: {error}");
        }
    }
}

/// When the service manager's watchdog is fed.
#[derive(Debug)]
struct Watchdog {
    period_us: u64,
    next_us: u64,
}

impl Watchdog {
    fn new(limit: Duration) -> Self {
        Self {
            period_us: (limit / PINGS).as_micros() as u64,
            next_us: 0,
        }
    }

    /// Whether it is to be fed now. A loop that comes late feeds it once.
    fn feed(&mut self, now_us: u64) -> bool {
        let is_due = now_us >= self.next_us;
        if is_due {
            self.next_us = now_us + self.period_us;
        }
        is_due
    }
}

fn tell(words: &Receiver<Word>) {
    for word in words {
        if let Err(error) = send(&word) {
            log::warn!("telling the service manager: {error}");
        }
    }
}

fn send(word: &Word) -> std::io::Result<()> {
    match word {
        Word::Up => sd_notify::notify(&[NotifyState::Ready]),
        Word::Status(doing) => sd_notify::notify(&[NotifyState::Status(doing)]),
        Word::Ping => sd_notify::notify(&[NotifyState::Watchdog]),
        // Newer service managers want the time with it, to tell one reload from the next.
        Word::Reloading => {
            sd_notify::notify(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
        }
        Word::Stopping(most) => {
            let most_us = u32::try_from(most.as_micros()).unwrap_or(u32::MAX);
            sd_notify::notify(&[
                NotifyState::Stopping,
                NotifyState::ExtendTimeoutUsec(most_us),
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a notifier says, without anybody who passes it on.
    fn notifier(watchdog: Option<Watchdog>) -> (Notifier, Receiver<Word>) {
        let (words, said) = bounded(WORDS_MAX);
        let notifier = Notifier {
            words: Some(words),
            end: bounded(0).1,
            watchdog,
            status: String::new(),
        };
        (notifier, said)
    }

    #[test]
    fn the_watchdog_is_fed_three_times_a_period_while_the_loop_goes_round() {
        let (mut notifier, said) = notifier(Some(Watchdog::new(Duration::from_micros(300))));
        for now_us in 0..=300 {
            notifier.advanced(now_us);
        }
        assert_eq!(
            said.try_iter().collect::<Vec<_>>(),
            [const { Word::Ping }; 4]
        );
        assert_eq!(notifier.next_us(), Some(400));
    }

    #[test]
    fn a_loop_that_stands_still_feeds_nobody_and_one_that_comes_late_feeds_once() {
        let (mut notifier, said) = notifier(Some(Watchdog::new(Duration::from_micros(300))));
        notifier.advanced(0);
        assert_eq!(said.try_iter().count(), 1);
        // Other news is no progress.
        notifier.status("starting");
        notifier.up();
        assert!(said.try_iter().all(|word| word != Word::Ping));
        notifier.advanced(5_000);
        assert_eq!(said.try_iter().count(), 1);
    }

    #[test]
    fn the_status_is_told_when_it_changes() {
        let (mut notifier, said) = notifier(None);
        for doing in ["starting", "starting", "ready"] {
            notifier.status(doing);
        }
        let told: Vec<Word> = said.try_iter().collect();
        assert_eq!(
            told,
            ["starting", "ready"].map(|doing| Word::Status(doing.into()))
        );
    }

    #[test]
    fn a_service_manager_that_does_not_listen_is_not_waited_for() {
        let (notifier, said) = notifier(None);
        for _ in 0..2 * WORDS_MAX {
            notifier.up();
        }
        assert_eq!(said.len(), WORDS_MAX);
    }
}
