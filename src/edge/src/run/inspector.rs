//! The inspect process as the line process holds it.

use std::fmt;
use std::io::BufReader;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, never, select};

use super::messages::{self, InspectorMessage, SetupMessage, TakeOverMessage, TicketMessage};
use crate::chaos::{self, Place};

/// Tickets that may wait for a process that does not read.
const TICKETS_MAX: usize = 16;
/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// What the line process hears of an inspect process. Events of an earlier process carry an
/// earlier generation.
#[derive(Debug)]
pub(super) struct InspectorEvent {
    pub(super) generation: u64,
    pub(super) what: Heard,
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "messages are the rule; boxing them would allocate for each part"
)]
pub(super) enum Heard {
    Message(InspectorMessage),
    /// It has closed its end, or said what is no message.
    Closed,
    /// It has ended.
    Ended(Ending),
}

/// How an inspect process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself, with an exit code.
    Code(u8),
    /// By a signal: nobody has asked it.
    Signal(i32),
    /// The system does not say.
    Unknown,
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        match (code, status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Unknown,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "killed by signal {signal}"),
            Self::Unknown => f.write_str("the system does not say how"),
        }
    }
}

/// What is written to an inspect process after its setup.
enum Line {
    TakeOver(TakeOverMessage),
    Ticket(TicketMessage),
}

/// Whether tickets come through. The thread that reads them has no part in the heartbeat, and the one
/// that writes them belongs to this process.
#[derive(Debug, Default)]
struct Delivery {
    sent: u64,
    /// As the last heartbeat came.
    sent_before: u64,
    /// As the last heartbeat has said.
    read: u64,
}

impl Delivery {
    /// A heartbeat tells how many tickets were read; whether all is well: one more was, or none is
    /// left of those that were sent before the last heartbeat.
    fn heartbeat(&mut self, read: u64) -> bool {
        let moves = read > self.read || read >= self.sent_before;
        self.read = read;
        self.sent_before = self.sent;
        moves
    }
}

/// A running inspect process.
#[derive(Debug)]
pub(super) struct Inspector {
    generation: u64,
    delivery: Delivery,
    child: Child,
    stream: UnixStream,
    lines: Sender<Line>,
    events: Sender<InspectorEvent>,
}

impl Inspector {
    /// Starts this program again, with a socket for its standard input. `config` is what `setup` was
    /// read from.
    ///
    /// `skip` parts of a recording have been seen already.
    pub(super) fn start(
        config: &Path,
        setup: SetupMessage,
        skip: u64,
        generation: u64,
        events: Sender<InspectorEvent>,
    ) -> std::io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        chaos::prepare(&mut command, generation);
        let child = command
            .arg("inspect-process")
            .arg("--config")
            .arg(config)
            .args(["--skip", &skip.to_string()])
            // It is no business of its to feed the watchdog.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        log::info!("inspect process {} started", child.id());
        let (lines, waiting) = bounded(TICKETS_MAX);
        let writer = stream.try_clone()?;
        thread::spawn(move || write_lines(writer, &setup, &waiting));
        let reader = BufReader::new(stream.try_clone()?);
        let heard = events.clone();
        thread::spawn(move || read_messages(reader, generation, &heard));
        Ok(Self {
            generation,
            delivery: Delivery::default(),
            child,
            stream,
            lines,
            events,
        })
    }

    /// Which of the station's processes it is.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Its number for the kernel.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Tells one that waits that it is in charge, after so many parts of a recording; whether that was possible.
    pub(super) fn take_over(&mut self, after: u64) -> bool {
        let word = TakeOverMessage {
            take_over_after: after,
        };
        self.write(Line::TakeOver(word))
    }

    /// Hands a ticket over without waiting; whether that was possible.
    pub(super) fn send(&mut self, ticket: TicketMessage) -> bool {
        self.delivery.sent += 1;
        self.write(Line::Ticket(ticket))
    }

    fn write(&mut self, line: Line) -> bool {
        match self.lines.try_send(line) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// A heartbeat of a generation tells how many tickets were read; whether it is a sign of life.
    pub(super) fn heartbeat(&mut self, generation: u64, tickets: u64) -> bool {
        generation == self.generation && self.delivery.heartbeat(tickets)
    }

    /// Kills it at once. [`Heard::Closed`] and [`Heard::Ended`] follow in any order.
    pub(super) fn kill(mut self) {
        if let Err(error) = self.child.kill() {
            log::warn!("killing inspect process {}: {error}", self.child.id());
        }
        self.close();
    }

    /// Sends no more tickets and lets it end by itself; after a while it is killed. What it still
    /// says is heard; [`Heard::Closed`] and [`Heard::Ended`] follow in any order.
    pub(super) fn close(self) {
        let Self {
            generation,
            delivery: _,
            mut child,
            stream,
            lines,
            events,
        } = self;
        drop(lines);
        if let Err(error) = stream.shutdown(Shutdown::Write) {
            log::debug!(
                "closing the socket of inspect process {}: {error}",
                child.id()
            );
        }
        thread::spawn(move || {
            let what = Heard::Ended(wait(&mut child));
            if events.send(InspectorEvent { generation, what }).is_err() {
                log::debug!("inspect process ended after the line process");
            }
        });
    }
}

/// Waits for the end, and after a while helps.
fn wait(child: &mut Child) -> Ending {
    let pause = Duration::from_millis(5);
    for _ in 0..GRACE.as_micros() / pause.as_micros() {
        match child.try_wait() {
            Ok(Some(status)) => return status.into(),
            Ok(None) => select! { recv(never::<()>()) -> _ => {}, default(pause) => {} },
            Err(error) => {
                log::warn!("waiting for inspect process {}: {error}", child.id());
                return Ending::Unknown;
            }
        }
    }
    log::warn!("inspect process {} does not end: killing it", child.id());
    match child.kill().and_then(|()| child.wait()) {
        Ok(status) => status.into(),
        Err(error) => {
            log::warn!("killing inspect process {}: {error}", child.id());
            Ending::Unknown
        }
    }
}

fn write_lines(mut stream: UnixStream, setup: &SetupMessage, lines: &Receiver<Line>) {
    let mut line = Vec::new();
    if let Err(error) = messages::write(&mut stream, &mut line, setup) {
        log::warn!("handing the configuration to the inspect process: {error}");
        return;
    }
    for told in lines {
        let written = match &told {
            Line::TakeOver(word) => messages::write(&mut stream, &mut line, word),
            Line::Ticket(ticket) => {
                chaos::meet(Place::Sender, ticket.errand.number());
                messages::write(&mut stream, &mut line, ticket)
            }
        };
        if let Err(error) = written {
            log::debug!("writing to the inspect process: {error}");
            return;
        }
    }
}

fn read_messages(
    mut stream: BufReader<UnixStream>,
    generation: u64,
    events: &Sender<InspectorEvent>,
) {
    let mut line = Vec::new();
    loop {
        let what = match messages::read(&mut stream, &mut line) {
            Ok(Some(message)) => {
                if let InspectorMessage::Verdict(told) = &message {
                    chaos::meet(Place::Listener, told.number);
                }
                Heard::Message(message)
            }
            Ok(None) => Heard::Closed,
            Err(error) => {
                log::warn!("reading from the inspect process: {error}");
                Heard::Closed
            }
        };
        let is_last = matches!(what, Heard::Closed);
        if events.send(InspectorEvent { generation, what }).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What heartbeats are worth, by the tickets that were sent before each and those that were read.
    fn heartbeats(sent_and_read: &[(u64, u64)]) -> Vec<bool> {
        let mut delivery = Delivery::default();
        let worth = sent_and_read.iter().map(|&(sent, read)| {
            delivery.sent = sent;
            delivery.heartbeat(read)
        });
        worth.collect()
    }

    #[test]
    fn tickets_that_are_read_or_have_just_been_sent_are_no_trouble() {
        assert_eq!(heartbeats(&[(0, 0), (2, 0), (2, 2), (5, 4)]), [true; 4]);
        // A camera that can't keep up: it takes one of three.
        assert_eq!(heartbeats(&[(3, 0), (6, 1), (9, 2)]), [true; 3]);
    }

    #[test]
    fn tickets_that_nobody_reads_make_heartbeats_worthless() {
        let worth = heartbeats(&[(1, 1), (2, 1), (3, 1), (4, 1), (5, 5)]);
        assert_eq!(worth, [true, true, false, false, true]);
    }
}
