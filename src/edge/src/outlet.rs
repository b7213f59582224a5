//! Text that goes out line by line without anybody waiting for its reader.
//!
//! The process that owns the wires must not stand still because a terminal was stopped, a pager does
//! not read on or the journal's disk is slow. A thread of its own writes; what it can't keep up with
//! is left out and counted.

use std::io::{self, ErrorKind, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::chaos::{self, Place};

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
        place: Place,
        open: impl FnOnce() -> W + Send + 'static,
        gone: impl FnOnce(&io::Error) + Send + 'static,
    ) -> Self {
        let (jobs, waiting) = bounded(LINES_MAX);
        thread::spawn(move || serve(place, &waiting, open(), gone));
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

/// An outlet that says how many lines it has lost as soon as there is room for a line again.
pub(crate) struct Lossy<W> {
    outlet: W,
    /// What a line of its own begins with.
    start: String,
    /// Of the lines that the outlet has left out: those that were told, and those that were to tell it.
    settled: u64,
}

/// What counts the lines that it could not keep.
pub(crate) trait LeavesOut: Write {
    /// So far.
    fn left_out(&self) -> u64;
}

impl LeavesOut for Outlet {
    fn left_out(&self) -> u64 {
        Self::left_out(self)
    }
}

impl<W: LeavesOut> Lossy<W> {
    /// For an outlet that has lost nothing yet.
    pub(crate) fn new(outlet: W, start: String) -> Self {
        Self {
            outlet,
            start,
            settled: 0,
        }
    }
}

impl<W: LeavesOut> Write for Lossy<W> {
    /// Takes whole records, as the log writes them.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let before = self.outlet.left_out();
        let lost = before - self.settled;
        if lost > 0 {
            let told = format!(
                "{}{lost} lines of this log were lost here: it is read too slowly\n",
                self.start
            );
            self.outlet.write_all(told.as_bytes())?;
            self.settled += if self.outlet.left_out() == before {
                lost
            } else {
                1
            };
        }
        self.outlet.write(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.outlet.flush()
    }
}

fn serve(place: Place, jobs: &Receiver<Job>, mut to: impl Write, gone: impl FnOnce(&io::Error)) {
    let mut gone = Some(gone);
    let mut error = None;
    for job in jobs {
        match job {
            Job::Write(line) => {
                let Some(tell) = gone.take() else { continue };
                chaos::visit(place);
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
        let mut out = Outlet::start(Place::Output, move || reader, |_| {});
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
            Place::Output,
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

    /// Has room for some lines at a time.
    #[derive(Default)]
    struct Narrow {
        room: usize,
        kept: Vec<String>,
        left_out: u64,
    }

    impl Write for Narrow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            match self.room.checked_sub(1) {
                Some(room) => {
                    self.room = room;
                    self.kept.push(String::from_utf8(line.to_vec()).unwrap());
                }
                None => self.left_out += 1,
            }
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl LeavesOut for Narrow {
        fn left_out(&self) -> u64 {
            self.left_out
        }
    }

    #[test]
    fn lines_that_were_lost_are_counted_where_they_are_missing() {
        let mut log = Lossy::new(Narrow::default(), "line: ".to_owned());
        for (room, line) in [(1, "1"), (0, "2"), (0, "3"), (0, "4"), (1, "5"), (2, "6")] {
            log.outlet.room = room;
            log.write_all(line.as_bytes()).unwrap();
        }
        log.outlet.room = 9;
        log.write_all(b"7").unwrap();
        let told = |line: &str| line.split(' ').nth(1).map(str::to_owned);
        let counts: Vec<Option<String>> = log.outlet.kept.iter().map(|line| told(line)).collect();
        // 5 had to make room for the count of 2, 3 and 4.
        let [three, one] = ["3", "1"].map(|count| Some(count.to_owned()));
        assert_eq!(
            counts,
            [None, three, one, None, None],
            "{:?}",
            log.outlet.kept
        );
    }
}
