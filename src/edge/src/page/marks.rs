//! Which of the parts that the page shows have records, what people have said of them, and what they say now.
//!
//! All of it in a thread of its own: a disk that hangs under the records must neither freeze the page nor keep other
//! browsers waiting. Only records of this run of the station belong to parts that are shown, since parts are numbered
//! from its start.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use twinspect_store::records::{self, Mark, RecordId, RecordsError, Review};

use super::token::Token;
use crate::clock;
use crate::error::WithCauses;

/// From one look at the folder to the next, while somebody looks at the page.
const EVERY: Duration = Duration::from_secs(2);
/// Records that are looked at: more than the page shows, since a part has its record before it has left.
const REJECTED_MAX: usize = 64;
const PASSED_MAX: usize = 16;
/// Wishes that may wait.
const WISHES_MAX: usize = 8;

/// Who may mark parts, and where their records lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MarksSpec {
    pub(super) token: Token,
    /// Folder of records.
    pub(super) records: PathBuf,
    /// This run of the station, as its records call it.
    pub(super) run: String,
}

/// A part's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) number: u64,
    pub(super) id: RecordId,
    pub(super) mark: Option<Mark>,
}

/// What somebody says of a part.
#[derive(Debug)]
struct Wish {
    id: RecordId,
    mark: Mark,
    who: String,
    answer: oneshot::Sender<Marking>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marking {
    Done,
    /// There is no such record, any more.
    Unknown,
    /// It contradicts what was said of the part.
    Unfit,
    /// The log says why.
    Failed,
    /// Others are being written, or the disk hangs.
    Busy,
}

/// What the thread has found.
#[derive(Debug, Default)]
struct Known {
    marked: Mutex<Arc<Vec<Marked>>>,
    /// Somebody has asked since the last look: a folder of many records is not listed for nobody.
    is_wanted: AtomicBool,
}

/// The thread, for those who ask.
#[derive(Debug)]
pub(super) struct Marks {
    known: Arc<Known>,
    wishes: Sender<Wish>,
}

impl Marks {
    /// Starts it. It ends with this process.
    pub(super) fn start(spec: &MarksSpec) -> Self {
        let (wishes, wished) = bounded(WISHES_MAX);
        let known = Arc::<Known>::default();
        let shelf = Shelf {
            folder: spec.records.clone(),
            run: spec.run.clone(),
            known: Arc::clone(&known),
            is_failing: false,
        };
        std::thread::spawn(move || shelf.serve(&wished));
        Self { known, wishes }
    }

    /// The records of the last parts; a copy of a pointer.
    pub(super) fn known(&self) -> Arc<Vec<Marked>> {
        self.known.is_wanted.store(true, Ordering::Relaxed);
        let marked = self.known.marked.lock();
        Arc::clone(&marked.unwrap_or_else(PoisonError::into_inner))
    }

    /// Marks a record. Who waits for the answer hears nothing if the thread has panicked.
    pub(super) fn mark(
        &self,
        id: RecordId,
        mark: Mark,
        who: String,
    ) -> Result<oneshot::Receiver<Marking>, Marking> {
        let (answer, answered) = oneshot::channel();
        let wish = Wish {
            id,
            mark,
            who,
            answer,
        };
        match self.wishes.try_send(wish) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(Marking::Busy),
            Err(TrySendError::Disconnected(_)) => Err(Marking::Failed),
        }
    }
}

/// The thread's own.
struct Shelf {
    folder: PathBuf,
    run: String,
    known: Arc<Known>,
    /// The folder could not be listed the last time.
    is_failing: bool,
}

impl Shelf {
    fn serve(mut self, wished: &Receiver<Wish>) {
        loop {
            if self.known.is_wanted.swap(false, Ordering::Relaxed) {
                self.look();
            }
            match wished.recv_timeout(EVERY) {
                Ok(wish) => {
                    let marking = self.mark(&wish);
                    // Who looks after the answer sees the mark.
                    self.look();
                    if wish.answer.send(marking).is_err() {
                        log::debug!("nobody waits for the answer");
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn mark(&self, wish: &Wish) -> Marking {
        let Wish { id, mark, who, .. } = wish;
        // Who has waited for too long has gone, and may have been told that nothing was done.
        if wish.answer.is_closed() {
            return Marking::Busy;
        }
        let review = Review {
            mark: *mark,
            defect: None,
            who: who.clone(),
            time_unix_ms: clock::now_unix_ms(),
            note: None,
        };
        match records::mark(&self.folder, *id, &review) {
            Ok(()) => {
                log::info!("{id} is marked {mark} by {who}");
                Marking::Done
            }
            Err(RecordsError::Unknown { .. }) => Marking::Unknown,
            Err(RecordsError::Unfit { .. }) => Marking::Unfit,
            Err(error) => {
                log::warn!("marking {id}: {}", WithCauses(&error));
                Marking::Failed
            }
        }
    }

    /// The records of this run's last parts, and their marks.
    fn look(&mut self) {
        let ids = match records::list(&self.folder) {
            Ok(ids) => ids,
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    log::warn!("parts can't be marked: {}", WithCauses(&error));
                }
                return;
            }
        };
        self.is_failing = false;
        let (mut rejected, mut passed) = (0, 0);
        let wanted = ids.into_iter().filter(|id| {
            let (count, most) = match id.kind.rejects() {
                true => (&mut rejected, REJECTED_MAX),
                false => (&mut passed, PASSED_MAX),
            };
            *count += 1;
            *count <= most
        });
        let mut known = Vec::new();
        for id in wanted {
            // One that has made room meanwhile, or that somebody has damaged, is none that could be marked.
            let Ok(entry) = records::read(&self.folder, id) else {
                continue;
            };
            // Those before are of earlier runs too.
            if entry.record.run.as_deref() != Some(&self.run) {
                break;
            }
            known.push(Marked {
                number: entry.record.number,
                id,
                mark: entry.review.map(|review| review.mark),
            });
        }
        let marked = self.known.marked.lock();
        *marked.unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }
}
