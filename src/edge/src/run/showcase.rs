//! The thread that draws the last parts for the station's page.
//!
//! Nobody waits for it: a fixed number of snapshots goes round, and a part that finds none free is not
//! shown. It is a thread of its own beside that of the records, as a disk that hangs under the records must
//! not freeze what the operator sees: these pictures lie in memory (`/run`).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::WithCauses;
use crate::page::{Album, Shown};
use crate::pictures::{self, Snapshot};
use crate::pipeline::Pipeline;
use crate::run::priority::let_others_first;

/// Snapshots that go round: one is drawn, one waits.
const SNAPSHOTS: usize = 2;
/// From one picture of a passed part to the next: a page is looked at once a second.
const PASS_EVERY_US: u64 = 900_000;
/// From one picture of a rejected part to the next. Rejected parts are what people want to see.
const REJECT_EVERY_US: u64 = 200_000;

struct Drawing {
    shown: Shown,
    snapshot: Box<Snapshot>,
}

/// The inspect thread's end.
pub(super) struct Showcase {
    free: Receiver<Box<Snapshot>>,
    full: Sender<Drawing>,
    /// When a passed, and when a rejected part may be shown again.
    next_us: [u64; 2],
    works: Arc<AtomicBool>,
}

impl Showcase {
    /// Makes memory and thread. What can't be shown is no reason not to inspect.
    pub(super) fn start(folder: PathBuf, pipeline: &Pipeline) -> Self {
        let (give_back, free) = bounded(SNAPSHOTS);
        let (full, drawings) = bounded::<Drawing>(SNAPSHOTS);
        for _ in 0..SNAPSHOTS {
            // There is room for each of them.
            if give_back.send(Box::new(pipeline.new_snapshot())).is_err() {
                break;
            }
        }
        let works = Arc::new(AtomicBool::new(true));
        let does = Arc::clone(&works);
        std::thread::spawn(move || {
            let_others_first();
            let mut album = Album::open(folder);
            for Drawing { shown, snapshot } in drawings {
                let drawn = album.add(shown, |path| {
                    pictures::save_small(&pictures::strip(&snapshot), path)
                });
                does.store(drawn.is_ok(), Ordering::Relaxed);
                if let Err(error) = drawn {
                    log::warn!("a picture for the page: {}", WithCauses(&error));
                }
                if give_back.send(snapshot).is_err() {
                    return;
                }
            }
        });
        Self {
            free,
            full,
            next_us: [0; 2],
            works,
        }
    }

    /// Shows the part that the pipeline has just judged, if the last one was long ago and there is memory.
    pub(super) fn show(&mut self, pipeline: &Pipeline, number: u64, passes: bool, now_us: u64) {
        let [next_pass_us, next_reject_us] = &mut self.next_us;
        let (next_us, every_us) = match passes {
            true => (next_pass_us, PASS_EVERY_US),
            false => (next_reject_us, REJECT_EVERY_US),
        };
        // A folder that can't be written is tried again as seldom as it is looked at.
        let may_hurry = self.works.load(Ordering::Relaxed);
        if now_us < *next_us {
            return;
        }
        let Ok(mut snapshot) = self.free.try_recv() else {
            return;
        };
        *next_us = now_us + if may_hurry { every_us } else { PASS_EVERY_US };
        pipeline.keep(&mut snapshot);
        let shown = Shown { number, passes };
        if self.full.try_send(Drawing { shown, snapshot }).is_err() {
            log::debug!("the thread that draws for the page has ended");
        }
    }
}
