//! The thread of the inspect process that reads tickets, and how many have come.

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::Sender;

use super::messages::{self, Errand, TakeOverMessage, TicketMessage};
use crate::chaos::{self, Place};

/// Tickets that have come so far.
#[derive(Debug, Default)]
pub(super) struct TicketsRead {
    parts: AtomicU64,
    trials: AtomicU64,
}

impl TicketsRead {
    pub(super) fn parts(&self) -> u64 {
        self.parts.load(Ordering::Relaxed)
    }

    pub(super) fn trials(&self) -> u64 {
        self.trials.load(Ordering::Relaxed)
    }

    pub(super) fn all(&self) -> u64 {
        self.parts() + self.trials()
    }

    fn count(&self, errand: Errand) {
        let count = match errand {
            Errand::Part(_) => &self.parts,
            Errand::Trial(_) => &self.trials,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until this process is in charge, and says how many parts of a recording were seen before; `None` if it
/// never will be.
pub(super) fn take_over(stream: &mut BufReader<UnixStream>) -> Option<u64> {
    match messages::read::<TakeOverMessage>(stream, &mut Vec::new()) {
        Ok(word) => word.map(|word| word.take_over_after),
        Err(error) => {
            log::error!("waiting to take over: {error}");
            None
        }
    }
}

/// Hands tickets on, until the line process has closed its end or nobody takes them.
pub(super) fn read(
    mut stream: BufReader<UnixStream>,
    tickets: Sender<TicketMessage>,
    read: &TicketsRead,
) {
    let mut line = Vec::new();
    loop {
        match messages::read::<TicketMessage>(&mut stream, &mut line) {
            Ok(Some(ticket)) => {
                chaos::meet(Place::Tickets, ticket.errand.number());
                read.count(ticket.errand);
                if tickets.send(ticket).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                log::error!("reading tickets: {error}");
                return;
            }
        }
    }
}
