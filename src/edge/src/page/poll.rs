//! What the page knows of the station: asked once in a while over the control socket, kept for who looks.
//!
//! Browsers never cause a question: however many there are, the station is asked as often.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::album::Album;
use super::setup::PageSetup;
use crate::clock::Clock;
use crate::control::{RecentPart, Reply, Request, Status, exchange};
use crate::health::{Board, Disk, Looked};
use crate::metrics;
use crate::mqtt::{MqttFigures, Outlet};
use crate::whole_file;

/// From one question to the next.
const EVERY: Duration = Duration::from_millis(500);
/// Board, disks and the file for the collector change more slowly: once in so many questions.
const SELDOM: u64 = 10;

/// What the station has said longer ago than this is not true any more; `page.js` has the same.
const AGE_MAX_US: u64 = 4_000_000;

/// What was learnt last.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// None until the station has answered.
    pub(super) answer: Option<Answer>,
    pub(super) board: Board,
    pub(super) disks: Vec<Disk>,
    /// Why the last question had no answer.
    pub(super) trouble: Option<String>,
    /// None without a broker.
    pub(super) mqtt: Option<MqttFigures>,
}

/// What the station has said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) at_us: u64,
    pub(super) status: Status,
    pub(super) recent: Vec<RecentPart>,
}

impl Known {
    pub(super) fn looked(&self) -> Option<Looked<'_>> {
        self.answer.as_ref().map(|answer| Looked {
            status: &answer.status,
            recent: &answer.recent,
            board: &self.board,
            disks: &self.disks,
        })
    }

    /// The same, as long as it is true.
    pub(super) fn said_by(&self, now_us: u64) -> Option<Looked<'_>> {
        let at_us = self.answer.as_ref()?.at_us;
        let is_true = now_us.saturating_sub(at_us) <= AGE_MAX_US;
        self.looked().filter(|_| is_true)
    }
}

/// Asks, and remembers.
#[derive(Debug)]
pub(super) struct Watch {
    name: String,
    run: Option<String>,
    socket: std::path::PathBuf,
    pub(super) album: Album,
    pub(super) clock: Clock,
    known: Mutex<Arc<Known>>,
}

impl Watch {
    pub(super) fn new(setup: &PageSetup) -> Self {
        Self {
            name: setup.name.clone(),
            run: setup.run.clone(),
            socket: setup.socket.clone(),
            album: Album::open(setup.pictures.clone()),
            clock: Clock::start(),
            known: Mutex::default(),
        }
    }

    /// The station's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// This run of the station, as its records call it. It ends with the station.
    pub(super) fn run_name(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// What was learnt last; a copy of a pointer.
    pub(super) fn known(&self) -> Arc<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known)
    }

    /// Asks for ever, and lets others know.
    pub(super) fn run(&self, textfile: Option<&Path>, mut outlet: Option<Outlet>) {
        let (mut board, mut disks) = (Board::default(), Vec::new());
        for round in 0_u64.. {
            let asked = self.ask();
            let seldom = round % SELDOM == 0;
            if seldom {
                board = Board::read(Path::new("/"));
                if let Ok((status, _)) = &asked {
                    disks = Disk::of(&status.folders);
                }
            }
            let before = self.known();
            let (answer, trouble) = match asked {
                Ok((status, recent)) => {
                    let at_us = self.clock.now_us();
                    let answer = Answer {
                        at_us,
                        status,
                        recent,
                    };
                    (Some(answer), None)
                }
                Err(trouble) => {
                    if before.trouble.is_none() {
                        log::warn!("the station does not answer: {trouble}");
                    }
                    (None, Some(trouble))
                }
            };
            let mut known = Known {
                answer,
                board: board.clone(),
                disks: disks.clone(),
                trouble,
                mqtt: None,
            };
            if let (Some(outlet), Some(looked)) = (&mut outlet, known.looked()) {
                outlet.tell(&looked, self.clock.now_us());
            }
            known.mqtt = outlet.as_ref().map(Outlet::figures);
            // A question to a station that hangs takes longer than a round: nobody waits ten of them for its silence.
            let has_turned = known.answer.is_some() != before.answer.is_some();
            if let Some(textfile) = textfile.filter(|_| seldom || has_turned)
                && let Err(error) = whole_file::write(textfile, self.figures(&known).as_bytes())
            {
                log::warn!("figures for the textfile collector: {error}");
            }
            let known = Arc::new(known);
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
            self.clock.wait(EVERY);
        }
    }

    /// The figures for a monitoring system. While a station is asked and hangs, nothing but that it does not answer.
    pub(super) fn figures(&self, known: &Known) -> String {
        let said = known.said_by(self.clock.now_us());
        metrics::text(&self.name, said.as_ref(), known.mqtt)
    }

    fn ask(&self) -> Result<(Status, Vec<RecentPart>), String> {
        let status = match self.question(Request::Status)? {
            Reply::Status(status) => *status,
            other => return Err(unexpected(&other)),
        };
        match self.question(Request::Recent)? {
            Reply::Recent { parts } => Ok((status, parts)),
            other => Err(unexpected(&other)),
        }
    }

    fn question(&self, request: Request) -> Result<Reply, String> {
        let line = exchange(&self.socket, request).map_err(|error| error.to_string())?;
        serde_json::from_slice(&line).map_err(|error| error.to_string())
    }
}

fn unexpected(reply: &Reply) -> String {
    match reply {
        Reply::Refused { reason, .. } => reason.clone(),
        _ => "it gave the answer to another question".to_owned(),
    }
}
