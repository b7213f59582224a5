//! The thread that draws and encodes what was judged, and writes it to disk, as well as the disk can.
//!
//! The frame pair itself is handed over, it is not copied. The memory for maps is made at start: a
//! fixed number of snapshots goes round between the inspect thread and this one. If none is free the
//! record is dropped, never the part.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use twinspect_bundle::Bundle;
use twinspect_camera::CameraFrame;
use twinspect_core::verdict::{Reason, Verdict};
use twinspect_store::records::{
    EngineFacts, FORMAT, ModelFacts, Record, RecordsError, Ring, RingSpec, ScoreMap, StageTimes,
    Taken, Thresholds,
};

use crate::chaos;
use crate::clock;
use crate::config::RecordsSpec;
use crate::error::{EdgeError, WithCauses};
use crate::latency::milliseconds;
use crate::pictures::{self, Snapshot};
use crate::pipeline::{Pipeline, Timings};
use crate::run::priority::let_others_first;

/// A part that was judged, before its frame is let go.
pub(crate) struct Judged {
    pub(crate) number: u64,
    pub(crate) verdict: Verdict,
    /// From picture to verdict, of a part that was inspected.
    pub(crate) took_us: Option<u64>,
    /// Of a part that came through the pipeline: it still holds what a picture shows.
    pub(crate) timings: Option<Timings>,
}

/// What goes to the thread.
struct Job {
    judged: Judged,
    time_unix_ms: u64,
    frame: CameraFrame,
    snapshot: Box<Snapshot>,
    /// Whether the snapshot is of this part.
    is_drawn: bool,
}

/// The inspect thread's end.
pub(crate) struct Records {
    free: Receiver<Box<Snapshot>>,
    full: Sender<Job>,
    counts: Arc<RecordCounts>,
    writer: JoinHandle<()>,
    every_nth_pass: Option<u64>,
    passed: u64,
}

/// What became of records.
#[derive(Debug, Default)]
pub(crate) struct RecordCounts {
    pub(crate) written: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// The thread does not keep up: the next record that finds room says so.
    is_behind: AtomicBool,
}

impl Records {
    /// Makes the folder, the memory and the thread.
    pub(crate) fn start(
        spec: &RecordsSpec,
        station: &str,
        run: Option<String>,
        bundle: &Bundle,
        pipeline: &Pipeline,
    ) -> Result<Self, EdgeError> {
        let folder = &spec.ring.folder;
        fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        let (give_back, free) = bounded(spec.queue_parts);
        let (full, jobs) = bounded::<Job>(spec.queue_parts);
        for _ in 0..spec.queue_parts {
            // There is room for each of them.
            if give_back.send(Box::new(pipeline.new_snapshot())).is_err() {
                break;
            }
        }
        let counts = Arc::new(RecordCounts::default());
        let mut shelf = Shelf {
            facts: Record {
                run,
                ..facts(station, bundle, pipeline)
            },
            spec: spec.ring.clone(),
            ring: None,
            is_failing: false,
        };
        let told = Arc::clone(&counts);
        let writer = std::thread::spawn(move || {
            let_others_first();
            // What a crash has left is swept now, if no other process still writes.
            if let Err(error) = shelf.open() {
                log::debug!("the first record tries again: {}", WithCauses(&error));
            }
            for job in jobs {
                shelf.record(&job, &told);
                if give_back.send(job.snapshot).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            free,
            full,
            counts,
            writer,
            every_nth_pass: spec.every_nth_pass,
            passed: 0,
        })
    }

    /// Keeps the part that was just judged, if it is one to be kept and there is memory for it.
    pub(crate) fn keep(&mut self, pipeline: &Pipeline, judged: Judged, frame: CameraFrame) {
        if !self.is_wanted(&judged.verdict) {
            return;
        }
        let kept = self.free.try_recv().is_ok_and(|mut snapshot| {
            let is_drawn = judged.timings.is_some();
            if is_drawn {
                pipeline.keep(&mut snapshot);
            }
            let job = Job {
                time_unix_ms: clock::now_unix_ms(),
                judged,
                frame,
                snapshot,
                is_drawn,
            };
            self.full.try_send(job).is_ok()
        });
        if kept {
            if self.counts.is_behind.swap(false, Ordering::Relaxed) {
                let dropped = self.counts.dropped.load(Ordering::Relaxed);
                log::warn!(
                    "records are written as fast as parts come again; {dropped} were dropped so far"
                );
            }
        } else {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            if !self.counts.is_behind.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "records are dropped: they are not written as fast as parts come, for want of disk or processor. Parts are \
                     judged all the same"
                );
            }
        }
    }

    /// Rejected parts all; of passed ones each of so many.
    fn is_wanted(&mut self, verdict: &Verdict) -> bool {
        if !verdict.passes() {
            return true;
        }
        self.passed += 1;
        self.every_nth_pass
            .is_some_and(|nth| self.passed.is_multiple_of(nth))
    }

    /// What became of records so far.
    pub(super) fn counts(&self) -> &RecordCounts {
        &self.counts
    }

    /// Waits until everything that was kept is written.
    pub(crate) fn finish(self) -> Arc<RecordCounts> {
        drop(self.full);
        if self.writer.join().is_err() {
            log::error!("the thread that writes records panicked");
        }
        self.counts
    }
}

/// What all records of this process have in common.
fn facts(station: &str, bundle: &Bundle, pipeline: &Pipeline) -> Record {
    let manifest = bundle.manifest();
    let score = &manifest.score;
    Record {
        format: FORMAT,
        station: station.to_owned(),
        run: None,
        number: 0,
        part: None,
        time_unix_ms: 0,
        verdict: Verdict::NoResult {
            reason: Reason::Stopped,
        },
        took_ms: None,
        stages_ms: None,
        model: Some(ModelFacts {
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            bundle: bundle.hash().to_owned(),
        }),
        engine: Some(EngineFacts {
            name: pipeline.engine().to_owned(),
            stands_in: pipeline.role().stands_in_for().is_some(),
        }),
        thresholds: Some(Thresholds {
            fused: score.fused.evidence,
            rgb: score
                .modalities
                .rgb
                .as_ref()
                .map(|known| known.threshold.evidence),
            geometry: score
                .modalities
                .geometry
                .as_ref()
                .map(|known| known.threshold.evidence),
        }),
        twinspect: chaos::VERSION.to_owned(),
        frame: None,
        map: None,
        unseen: None,
    }
}

/// The thread's end of the ring.
struct Shelf {
    facts: Record,
    spec: RingSpec,
    /// Not open yet while another process writes, as for a moment when a model is switched.
    ring: Option<Ring>,
    /// The last record could not be written.
    is_failing: bool,
}

impl Shelf {
    fn open(&mut self) -> Result<&mut Ring, RecordsError> {
        match &mut self.ring {
            Some(ring) => Ok(ring),
            none => Ok(none.insert(Ring::open(self.spec.clone())?)),
        }
    }

    /// Writes a record, and says when that stops or begins again to be possible.
    fn record(&mut self, job: &Job, counts: &RecordCounts) {
        let number = job.judged.number;
        // A picture that can't be drawn must not end all pictures to come. The ring is sound whatever
        // happens: what is half written goes with the next start.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(job)));
        let was_failing = self.is_failing;
        match written {
            Ok(Ok(())) => {
                counts.written.fetch_add(1, Ordering::Relaxed);
                self.is_failing = false;
                if was_failing {
                    let dropped = counts.dropped.load(Ordering::Relaxed);
                    log::warn!("records are written again; {dropped} were dropped so far");
                }
                return;
            }
            Ok(Err(error)) => {
                self.is_failing = true;
                let told = WithCauses(&error);
                if was_failing {
                    log::debug!("recording part {number}: {told}");
                } else {
                    log::warn!(
                        "recording part {number}: {told}; further records that fail are counted, and parts are \
                         judged all the same"
                    );
                }
            }
            Err(_) => log::error!("recording part {number} has panicked"),
        }
        counts.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&mut self, job: &Job) -> Result<(), EdgeError> {
        let Job {
            judged,
            time_unix_ms,
            frame,
            snapshot,
            is_drawn,
        } = job;
        chaos::disk(judged.number).map_err(EdgeError::store(&self.spec.folder))?;
        let part = frame.truth.as_ref().map(|truth| truth.id.as_str());
        let record = Record {
            number: judged.number,
            part: part.map(str::to_owned),
            time_unix_ms: *time_unix_ms,
            verdict: judged.verdict.clone(),
            took_ms: judged.took_us.map(|took_us| took_us as f64 / 1e3),
            stages_ms: judged.timings.map(stage_times),
            ..self.facts.clone()
        };
        let sheet = if *is_drawn {
            let part = part.unwrap_or("part");
            let title = format!("{part} (number {})", judged.number);
            let caption = pictures::caption(&judged.verdict);
            let picture = pictures::heatmap(snapshot, &title, &caption);
            Some(pictures::encode(&picture).map_err(EdgeError::store(&self.spec.folder))?)
        } else {
            None
        };
        // Without a score there is no map: nothing was compared.
        let scored = *is_drawn && judged.verdict.score().is_some();
        let scores = scored.then(|| ScoreMap {
            side: snapshot.size(),
            scores: snapshot.scores(),
        });
        self.open()?.add(Taken {
            record,
            frame: Some(&frame.pair),
            scores,
            sheet,
        })?;
        Ok(())
    }
}

fn stage_times(timings: Timings) -> StageTimes {
    StageTimes {
        prepare: milliseconds(timings.prepare),
        infer: milliseconds(timings.infer),
        fusion: timings.fusion.map(milliseconds),
        score: milliseconds(timings.score),
    }
}
