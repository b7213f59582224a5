//! Text that goes out line by line without anybody waiting for its reader.
//!
//! The process that owns the wires must not stand still because a terminal was stopped, a pager does
//! not read on or the journal's disk is slow. A thread of its own writes; what it can't keep up with
//! is left out and counted.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Lines that may wait for being written.
const LINES_MAX: usize = 1024;

/// What the thread that writes has to do.
enum Job {
    Write(Vec<u8>),
    /// Say how it went so far.
    Tell(Sender<Option<io::Error>>),
}

/// The writing end. Lines are taken when they are complete.
pub(crate) struct Outlet {
    jobs: Sender<Job>,
    /// What stands after the last line's end.
    begun: Vec<u8>,
    left_out: u64,
}

/// Waits for what is written elsewhere.
pub(crate) struct Waiter {
    jobs: Sender<Job>,
}

impl Outlet {
    /// Starts the thread that writes to what `open` opens. An error ends the writing for good: what
    /// comes then goes nowhere, and `gone` is told why.
    pub(crate) fn start<W: Write>(
        open: impl FnOnce() -> W + Send + 'static,
        gone: impl FnOnce(&io::Error) + Send + 'static,
    ) -> Self {
        let (jobs, waiting) = bounded(LINES_MAX);
        thread::spawn(move || serve(&waiting, open(), gone));
        Self {
            jobs,
            begun: Vec::new(),
            left_out: 0,
        }
    }

    /// Lines that could not be kept so far.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Waits for what is written from now on by somebody else who has the outlet.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter {
            jobs: self.jobs.clone(),
        }
    }
}

impl Waiter {
    /// Waits until everything is written, as long as that does not take longer than `most`.
    ///
    /// # Errors
    /// What ended the writing, once, and [`ErrorKind::TimedOut`].
    pub(crate) fn wait(&self, most: Duration) -> io::Result<()> {
        let (answer, told) = bounded(1);
        let late = || Err(ErrorKind::TimedOut.into());
        if self.jobs.send_timeout(Job::Tell(answer), most).is_err() {
            return late();
        }
        match told.recv_timeout(most) {
            Ok(failed) => failed.map_or(Ok(()), Err),
            Err(_) => late(),
        }
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        if self.begun.ends_with(b"\n") {
            let line = std::mem::take(&mut self.begun);
            if self.jobs.try_send(Job::Write(line)).is_err() {
                self.left_out += 1;
            }
        }
        Ok(bytes.len())
    }

    /// Nothing: half a line is not written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn serve(jobs: &Receiver<Job>, mut to: impl Write, gone: impl FnOnce(&io::Error)) {
    let mut gone = Some(gone);
    let mut error = None;
    for job in jobs {
        match job {
            Job::Write(line) => {
                let Some(tell) = gone.take() else { continue };
                match to.write_all(&line).and_then(|()| to.flush()) {
                    Ok(()) => gone = Some(tell),
                    Err(failed) => {
                        tell(&failed);
                        error = Some(failed);
                    }
                }
            }
            // Who asked has room for one answer, and may have given up.
            Job::Tell(answer) => drop(answer.try_send(error.take())),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    /// Takes what is written when it is allowed to, or fails.
    struct Reader {
        allowed: Receiver<()>,
        taken: Sender<Vec<u8>>,
        fails: Option<ErrorKind>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.fails {
                return Err(kind.into());
            }
            // Allowed for ever once the other end is gone.
            let (Ok(()) | Err(_)) = self.allowed.recv();
            self.taken.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reader(fails: Option<ErrorKind>) -> (Reader, Sender<()>, Receiver<Vec<u8>>) {
        let (allow, allowed) = bounded(0);
        let (taken, lines) = unbounded();
        let reader = Reader {
            allowed,
            taken,
            fails,
        };
        (reader, allow, lines)
    }

    #[test]
    fn a_reader_that_stands_still_stops_nobody() {
        let (reader, allow, lines) = reader(None);
        let mut out = Outlet::start(move || reader, |_| {});
        for number in 0..2 * LINES_MAX {
            writeln!(out, "{number}").unwrap();
        }
        // One line may have been taken out of the queue to be written.
        let lost = out.left_out() as usize;
        assert!((LINES_MAX - 1..=LINES_MAX).contains(&lost), "{lost}");
        let late = out.waiter().wait(Duration::from_millis(1)).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
        drop(allow);
        out.waiter().wait(SOON).unwrap();
        let taken: Vec<Vec<u8>> = lines.try_iter().collect();
        assert_eq!(taken.len() + lost, 2 * LINES_MAX);
        assert_eq!(taken[0], b"0\n");
    }

    #[test]
    fn an_error_is_told_at_once_and_at_the_end() {
        let (reader, _allow, _lines) = reader(Some(ErrorKind::StorageFull));
        let (told, heard) = unbounded();
        let mut out = Outlet::start(
            move || reader,
            move |error| told.send(error.kind()).unwrap(),
        );
        for _ in 0..9 {
            writeln!(out, "part").unwrap();
        }
        let error = out.waiter().wait(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(heard.iter().collect::<Vec<_>>(), [ErrorKind::StorageFull]);
    }
}
