//! Records of inspected parts: what the station saw and what it said, in a bounded ring on disk.
//!
//! ```text
//! RECORDS/record-00000042-fail/rgb.png, depth.png, camera.json   the frame pair as it was judged
//!                              score.png                        the map that decided, 16 bit
//!                              sheet.png                        the same for people
//!                              record.json                      verdict, model, engine, times
//!                              review.json                      what a person has said of it since
//! RECORDS/unseen/record-00000007-unseen/record.json             parts that nobody has a picture of
//! ```
//! A [`Ring`] writes and deletes; one process of a station has one. Whoever reads ([`list`], [`read`])
//! or marks ([`mark`]) may do so meanwhile, from any process. [`Exporter`] hands
//! records to a data set.
//!
//! **Whole or not there.** A record is written into a folder with a dotted name, each file is forced to
//! disk, then the folder, and one rename makes it visible. What a power cut leaves is swept when the
//! next ring is opened.
//!
//! **Foreign files stay.** The ring deletes a folder only if its name is that of a record, it is a folder
//! and no link, and nothing but files with the names above lies in it.

mod disk;
mod encode;
mod error;
mod export;
mod name;
mod own;
mod record;
mod review;
mod ring;
mod score_map;
mod shelf;

pub use disk::{Disk, SystemDisk};
pub use error::{Full, RecordsError};
pub use export::{Exported, Exporter, Labelled};
pub use name::{Kind, NoName, RecordId, unseen_folder};
pub use record::{
    DepthKept, EngineFacts, FORMAT, FrameFacts, MapFacts, ModelFacts, Record, Spell, StageTimes,
    Taken, Thresholds,
};
pub use review::{Mark, NoMark, Review, ReviewError, mark};
pub use ring::{Ring, RingSpec};
pub use score_map::{ScoreMap, decode_scores};
pub use shelf::{Entry, list, list_unseen, read};

#[cfg(test)]
mod tests;
