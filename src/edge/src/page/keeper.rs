//! The line process's side: starts the page's process, and starts it again when it has ended.
//!
//! One thread, which waits for the process and for nothing else. Whatever happens here, the line goes on.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::album::Album;
use super::setup::PageSetup;
use crate::clock::Clock;
use crate::control::PageStatus;
use crate::error::WithCauses;

/// Wait before the first restart; doubles with each one ...
const WAIT: Duration = Duration::from_millis(500);
/// ... up to this.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// A process that has lived for so long is no failure in a row.
const LIFE_MIN: Duration = Duration::from_secs(60);
/// How long its end is waited for when the station ends.
const END_MAX: Duration = Duration::from_secs(2);
/// Longest line that is believed to be its address.
const URL_BYTES_MAX: u64 = 256;

/// What is known of the page. Nobody holds it for longer than a copy takes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sign {
    told: Arc<Mutex<Option<PageStatus>>>,
}

impl Sign {
    /// None if the station has no page.
    pub(crate) fn read(&self) -> Option<PageStatus> {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write(&self, change: impl FnOnce(&mut PageStatus)) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        change(told.get_or_insert_default());
    }
}

/// Keeps the page's process running; it ends with this.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// Its end is heard by the thread.
    stop: Option<Sender<()>>,
    /// Ends with the thread.
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The process's standard input, whose end is its end.
    lifeline: Mutex<Lifeline>,
}

#[derive(Debug, Default)]
struct Lifeline {
    input: Option<ChildStdin>,
    is_over: bool,
}

impl Keeper {
    /// Starts it now, and again whenever it ends. `no_marks`: why it takes none, though somebody wants it to.
    pub(crate) fn start(setup: PageSetup, sign: Sign, no_marks: Option<String>) -> Self {
        if let Some(why) = &no_marks {
            log::warn!("the page takes no marks: {why}");
        }
        sign.write(|page| page.no_marks = no_marks);
        if let Err(error) = Album::begin(&setup.pictures) {
            log::warn!("the page will have no pictures: {}", WithCauses(&error));
        }
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = bounded(0);
        let (ends, ended) = bounded(0);
        let keeping = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            keeping.keep(&setup, &sign, &stopped);
            drop(ends);
        });
        Self {
            shared,
            stop: Some(stop),
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        let mut lifeline = self
            .shared
            .lifeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lifeline.is_over = true;
        drop(lifeline.input.take());
        drop(lifeline);
        // It ends by itself at once, being killed by its own hand when its input ends.
        if let Some(thread) = self.thread.take() {
            match end(thread, &self.ended, END_MAX) {
                Ok(true) => {}
                // The kernel kills it with its parent, which is this process, as soon as it can.
                Ok(false) => log::warn!("the page's process does not end, and is left alone"),
                Err(_) => log::warn!("the thread that keeps the page has panicked"),
            }
        }
    }
}

/// Waits so long at most for a thread, with whose end `ended` is disconnected; whether it has ended.
fn end(thread: JoinHandle<()>, ended: &Receiver<()>, most: Duration) -> std::thread::Result<bool> {
    // Nothing is ever sent there.
    match ended.recv_timeout(most) {
        Err(RecvTimeoutError::Timeout) => Ok(false),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => thread.join().map(|()| true),
    }
}

impl Shared {
    fn keep(&self, setup: &PageSetup, sign: &Sign, stopped: &Receiver<()>) {
        let mut wait = WAIT;
        loop {
            let clock = Clock::start();
            match self.live(setup, sign) {
                Ok(Ended::Wanted) => return,
                Ok(Ended::Alone(how)) => log::warn!("the page's process has ended: {how}"),
                Err(error) => log::warn!("starting the page's process: {error}"),
            }
            sign.write(|page| {
                page.url = None;
                page.restarts += 1;
            });
            if clock.now_us() > LIFE_MIN.as_micros() as u64 {
                wait = WAIT;
            }
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            wait = (2 * wait).min(WAIT_MAX);
        }
    }

    /// One life of the process.
    fn live(&self, setup: &PageSetup, sign: &Sign) -> std::io::Result<Ended> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("page-process")
            // It is no business of its to feed the watchdog.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let told = self.tell(&mut child, setup);
        if let Some(output) = child.stdout.take()
            && told.is_ok()
        {
            hear(BufReader::new(output), sign);
        } else {
            child.kill()?;
        }
        let how = child.wait()?;
        told?;
        let lifeline = self.lifeline.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match lifeline.is_over {
            true => Ended::Wanted,
            false => Ended::Alone(how.to_string()),
        })
    }

    /// Hands over what it has to know, and keeps its input open.
    fn tell(&self, child: &mut Child, setup: &PageSetup) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(setup)?;
        line.push(b'\n');
        let mut lifeline = self.lifeline.lock().unwrap_or_else(PoisonError::into_inner);
        lifeline.input = child.stdin.take().filter(|_| !lifeline.is_over);
        // A pipe holds more than that: nobody waits here, with the lock, for a process that does not read.
        match lifeline.input.as_mut() {
            Some(input) => input.write_all(&line),
            None => Ok(()),
        }
    }
}

enum Ended {
    Wanted,
    Alone(String),
}

/// Hears where the page is, and waits for the end of its output, which is that of the process.
fn hear(mut output: impl BufRead, sign: &Sign) {
    let mut line = String::new();
    let read = output.by_ref().take(URL_BYTES_MAX).read_line(&mut line);
    if read.is_ok_and(|length| length > 0) && line.ends_with('\n') {
        let url = line.trim().to_owned();
        log::info!("the page is at {url}");
        sign.write(|page| page.url = Some(url));
    }
    let mut nothing = [0; 256];
    while !matches!(output.read(&mut nothing), Ok(0) | Err(_)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(120);

    #[test]
    fn a_thread_that_hangs_is_not_waited_for() {
        let (release, released) = bounded::<()>(0);
        let (ends, ended) = bounded(0);
        let thread = std::thread::spawn(move || {
            released.recv().unwrap_err();
            drop(ends);
        });
        assert!(!end(thread, &ended, Duration::ZERO).unwrap());
        drop(release);
        assert_eq!(
            ended.recv_timeout(PATIENCE),
            Err(RecvTimeoutError::Disconnected)
        );
    }

    #[test]
    fn one_that_ends_is_waited_for_and_its_panic_is_heard() {
        let (ends, ended) = bounded::<()>(0);
        let thread = std::thread::spawn(move || drop(ends));
        assert!(end(thread, &ended, PATIENCE).unwrap());
        let (ends, ended) = bounded::<()>(0);
        let thread = std::thread::spawn(move || {
            let _ends = ends;
            panic!("as a test wants it");
        });
        end(thread, &ended, PATIENCE).unwrap_err();
    }
}
