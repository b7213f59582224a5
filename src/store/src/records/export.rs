//! Records become parts of a data set, in the layout that `twinspect-lab` trains and measures with.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use twinspect_dataset::{
    Camera, Label, PartId, PartRecord, RecordedPartsWriter, Split, WriteError,
};

use super::error::RecordsError;
use super::name::Kind;
use super::review::Mark;
use super::shelf::{self, Entry};

/// The label of a defective part whose reviewer has not said what is wrong with it.
const DEFECT: &str = "reject";
/// Longest `part.json` that is looked into.
const PART_BYTES_MAX: u64 = 1 << 20;

/// How a part's label is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labelled {
    /// By the mark of its reviewer: a false reject is good, a true reject and an escape are defective.
    /// Other records are not labelled.
    ByReview,
    /// All get the same, whatever their marks say.
    As(Label),
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exported {
    /// It is a part of the set now.
    Written(PartId),
    /// It was one before, with this name.
    Before(PartId),
}

/// Writes records into one data set, new or begun.
#[derive(Debug)]
pub struct Exporter {
    root: PathBuf,
    split: Split,
    labelled: Labelled,
    /// Records that the set has, by their names in `part.json`.
    known: BTreeMap<String, PartId>,
    /// From the first part on.
    open: Option<Open>,
}

/// A set that is written.
#[derive(Debug)]
struct Open {
    /// It belongs to one camera.
    writer: RecordedPartsWriter,
    /// The system takes it back when the process ends, however it ends.
    _lock: fs_err::File,
}

impl Exporter {
    /// Looks into the set's folder, which need not exist; nothing is written yet.
    ///
    /// # Errors
    /// [`RecordsError::OutAmongRecords`].
    pub fn new(
        records: &Path,
        out: &Path,
        split: Split,
        labelled: Labelled,
    ) -> Result<Self, RecordsError> {
        if lies_in(out, records) {
            return Err(RecordsError::OutAmongRecords {
                out: out.to_owned(),
            });
        }
        Ok(Self {
            root: out.to_owned(),
            split,
            labelled,
            known: known_parts(out),
            open: None,
        })
    }

    /// Adds a record's frame pair, bit by bit as it was judged. `part.json` names the record, when it
    /// was taken, and the station and day as its session.
    ///
    /// # Errors
    /// If the record is not labelled, has no whole frame pair, or does not fit the set, which stays
    /// as it was then; [`RecordsError::SetInUse`] while another export adds to it.
    pub fn add(&mut self, entry: &Entry, part: PartRecord) -> Result<Exported, RecordsError> {
        let name = name_of(entry);
        if let Some(known) = self.known.get(&name) {
            return Ok(Exported::Before(known.clone()));
        }
        if entry.id.kind == Kind::Unseen {
            let (id, why) = (entry.id, "nobody has a picture of it");
            return Err(RecordsError::NoFrame { id, why });
        }
        let label = self.label(entry)?;
        if !label.is_good() && self.split != Split::Test {
            let (id, split) = (entry.id, self.split);
            return Err(RecordsError::DefectInTraining { id, split });
        }
        let (frame, camera) = entry.frame()?;
        let what = entry.id.to_string();
        let refused = |source| RecordsError::Export {
            what: what.clone(),
            source: Box::new(source),
        };
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let lock = lock(&self.root)?;
                let writer = open(&self.root, camera).map_err(refused)?;
                // Another export may have come before the lock.
                self.known = known_parts(&self.root);
                none.insert(Open {
                    writer,
                    _lock: lock,
                })
            }
        };
        if let Some(known) = self.known.get(&name) {
            return Ok(Exported::Before(known.clone()));
        }
        let part = PartRecord {
            part_id: Some(name.clone()),
            ..part
        };
        let id = open
            .writer
            .write(self.split, &label, &frame, None, &part)
            .map_err(refused)?;
        self.known.insert(name, id.clone());
        Ok(Exported::Written(id))
    }

    fn label(&self, entry: &Entry) -> Result<Label, RecordsError> {
        let unlabelled = |why| RecordsError::Unlabelled { id: entry.id, why };
        match &self.labelled {
            Labelled::As(label) => Ok(label.clone()),
            Labelled::ByReview => {
                let review = entry.review.as_ref();
                let review = review.ok_or_else(|| unlabelled("nobody has reviewed it"))?;
                match review.mark {
                    Mark::FalseReject => Ok(Label::Good),
                    Mark::TrueReject | Mark::Escape => {
                        let kind = review.defect.as_deref().unwrap_or(DEFECT);
                        Ok(Label::Defect(kind.to_owned()))
                    }
                    Mark::Unsure => Err(unlabelled("its reviewer is unsure")),
                }
            }
        }
    }
}

/// A name that no other record of any station has.
fn name_of(entry: &Entry) -> String {
    let (record, id) = (&entry.record, entry.id);
    format!("{}/{id}/{}", record.station, record.time_unix_ms)
}

/// Makes the set's folder, and claims it.
fn lock(root: &Path) -> Result<fs_err::File, RecordsError> {
    fs_err::create_dir_all(root).map_err(RecordsError::write(root))?;
    let folder = fs_err::File::open(root).map_err(RecordsError::read(root))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(RecordsError::SetInUse {
            out: root.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(RecordsError::write(root)(source)),
    }
}

/// Goes on with a set by its own camera if that one sees alike: it may know of the belt what a frame
/// does not.
fn open(root: &Path, seen: Option<Camera>) -> Result<RecordedPartsWriter, WriteError> {
    let own = twinspect_dataset::open(root)
        .ok()
        .and_then(|set| set.camera().copied());
    let same = |own: &Camera, seen: &Camera| {
        own.intrinsics == seen.intrinsics && own.depth_unit_m == seen.depth_unit_m
    };
    let camera = match (own, seen) {
        (Some(own), Some(seen)) if same(&own, &seen) => Some(own),
        _ => seen,
    };
    RecordedPartsWriter::create(root, camera)
}

/// Whether a path, which need not exist, lies in a folder or is it.
fn lies_in(path: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    std::path::absolute(path).is_ok_and(|path| {
        path.ancestors()
            .find_map(|ancestor| ancestor.canonicalize().ok())
            .is_some_and(|existing| existing.starts_with(&folder))
    })
}

/// The one key of `part.json` that is looked for.
#[derive(Deserialize)]
struct PartName {
    part_id: Option<String>,
}

/// Records that a set has already. What can't be read is not known; the writer says what is wrong with it.
fn known_parts(root: &Path) -> BTreeMap<String, PartId> {
    let mut known = BTreeMap::new();
    for split in Split::ALL {
        for class in folders(&root.join(split.folder())) {
            for part in folders(&class) {
                let name = part.strip_prefix(root).unwrap_or(&part);
                let id = PartId::new(name.to_string_lossy());
                if let Some(part_id) = part_id(&part.join("part.json")) {
                    known.insert(part_id, id);
                }
            }
        }
    }
    known
}

/// But for those with a dotted name, which an export that was ended may have left: they are no parts.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(path).map(|entries| entries.flatten());
    entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path())
        .collect()
}

fn part_id(path: &Path) -> Option<String> {
    if !shelf::is_plain(path) {
        return None;
    }
    let mut text = Vec::new();
    let file = fs_err::File::open(path).ok()?;
    file.take(PART_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice::<PartName>(&text).ok()?.part_id
}
