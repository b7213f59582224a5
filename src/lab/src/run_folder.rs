//! What a training run leaves on disk, and what export needs of it.
//!
//! ```text
//! run.toml             what was trained on, with what, by which version; the product's constants
//! rgb.checkpoint       the colour student, also while it is being trained; rgb-2.checkpoint is the second one's, and so on
//! geometry.checkpoint  the geometry student
//! memory.checkpoint    prototypes of good places beside the colour student
//! palette.checkpoint   prototypes of their colours
//! codebook.checkpoint  the geometry student's prototypes
//! losses.csv           branch, step, loss
//! model.twb            the bundle, where `measure` made one
//! run.lock             locked while a process trains here
//! ```

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twinspect_bundle::CameraFacts;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::PrepareSpec;

use crate::config::TrainingConfig;
use crate::files::replace;
use crate::fusion::GateRecord;
use crate::teacher::TeacherSource;

/// A run's folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The file system.
    #[error("{action} {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// `run.toml` is not what this program writes.
    #[error("{} is no record of a training run", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// `run.toml` cannot be written.
    #[error("writing the record of the run")]
    Render(#[source] toml::ser::Error),
    /// The folder belongs to another run.
    #[error("{} belongs to another run: {}", path.display(), differences.join("; "))]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Everything in which it differs.
        differences: Vec<String>,
    },
    /// Training has not finished.
    #[error("{} holds an unfinished run", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// The data set that it is trained on.
        data: PathBuf,
    },
    /// No run was ever begun here.
    #[error("{} holds no training run", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Another process trains here.
    #[error("another twinspect-lab is training in {}", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

impl RunError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Foreign { .. } => Some(
                "choose another folder with --out, or train with what this run was begun with"
                    .into(),
            ),
            Self::Unfinished { path, data } => Some(format!(
                "run `twinspect-lab train --data {} --out {}` again with the same options: it goes on where it stopped",
                data.display(),
                path.display()
            )),
            Self::Busy { .. } => {
                Some("wait for its end, or choose another folder with --out".into())
            }
            Self::Record { path, .. } => Some(format!(
                "name a folder that `twinspect-lab train` wrote; if this is one, whose record is damaged, delete {} and give the same `twinspect-lab train` command again: what was learnt is \
                 taken",
                path.display()
            )),
            Self::Empty { .. } => Some("name a folder that `twinspect-lab train` wrote".into()),
            _ => None,
        }
    }
}

/// One of a run's students. As text it names its files and its losses: `rgb`, `rgb-2` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StudentId {
    /// What it sees.
    pub(crate) modality: Modality,
    /// Which of its branch it is, from 0.
    pub(crate) index: usize,
}

impl fmt::Display for StudentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            0 => write!(f, "{}", self.modality),
            index => write!(f, "{}-{}", self.modality, index + 1),
        }
    }
}

/// All facts of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRecord {
    /// Short name of the data set.
    pub(crate) name: String,
    /// Folder of the data set.
    pub(crate) data: PathBuf,
    /// SHA-256 over all files of the data set.
    pub(crate) data_hash: String,
    /// The colour teacher, where there is a colour branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) teacher: Option<TeacherSource>,
    /// SHA-256 of its weight file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) teacher_hash: Option<String>,
    /// Version of the trainer.
    pub(crate) tool_version: String,
    /// What interrupted sittings have cost so far; absent where there was none, and once training has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spent: Option<Cost>,
    /// What training cost; absent until it has finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<Cost>,
    /// The configuration, with every default filled in.
    pub(crate) training: TrainingConfig,
    /// The camera of the training parts.
    pub(crate) camera: CameraFacts,
    /// Constants of preparation, learnt from the training parts.
    pub(crate) prepare: PrepareSpec,
    /// How the gate's training went, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gate: Option<GateRecord>,
}

impl RunRecord {
    /// The students of a branch.
    pub(crate) fn students_of(
        &self,
        modality: Modality,
    ) -> impl Iterator<Item = StudentId> + use<> {
        let belongs = match modality {
            Modality::Rgb => self.prepare.rgb.is_some(),
            Modality::Geometry => self.prepare.geometry.is_some(),
        };
        let count = self.training.branch(modality).students.get();
        (0..count)
            .filter(move |_| belongs)
            .map(move |index| StudentId { modality, index })
    }

    /// All students.
    pub(crate) fn students(&self) -> impl Iterator<Item = StudentId> + use<> {
        let of = Modality::ALL.map(|modality| self.students_of(modality));
        of.into_iter().flatten()
    }
}

/// What training took, in all its sittings but those that were killed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    /// CPU seconds.
    pub(crate) cpu_seconds: f64,
    /// Wall seconds.
    pub(crate) wall_seconds: f64,
    /// Largest resident memory in MiB.
    pub(crate) peak_memory_mib: f64,
    /// Learned values of all students.
    pub(crate) parameters: usize,
}

impl Cost {
    /// Of two sittings at one run: time adds up, memory does not.
    pub(crate) fn add(&mut self, other: &Self) {
        self.cpu_seconds += other.cpu_seconds;
        self.wall_seconds += other.wall_seconds;
        self.peak_memory_mib = self.peak_memory_mib.max(other.peak_memory_mib);
    }
}

/// A run's folder.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    /// Held while this process trains here.
    _lock: Option<File>,
}

impl RunFolder {
    /// Opens or makes the folder, for this process alone: the system takes the lock back when the
    /// process ends, however it ends.
    pub(crate) fn create(path: &Path) -> Result<Self, RunError> {
        fs_err::create_dir_all(path).map_err(file("creating", path))?;
        let lock_path = path.join("run.lock");
        let lock = File::create(&lock_path).map_err(file("creating", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: Some(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(RunError::Busy {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(file("locking", &lock_path)(source)),
        }
    }

    /// Opens a folder that must be there.
    pub(crate) fn open(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
        }
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A student's checkpoint.
    pub(crate) fn checkpoint(&self, student: StudentId) -> PathBuf {
        self.path.join(format!("{student}.checkpoint"))
    }

    /// The colour branch's prototypes.
    pub(crate) fn memory(&self) -> PathBuf {
        self.path.join("memory.checkpoint")
    }

    /// The colour branch's prototypes.
    pub(crate) fn palette(&self) -> PathBuf {
        self.path.join("palette.checkpoint")
    }

    /// The geometry student's prototypes.
    pub(crate) fn codebook(&self) -> PathBuf {
        self.path.join("codebook.checkpoint")
    }

    /// The gate.
    pub(crate) fn gate(&self) -> PathBuf {
        self.path.join("gate.checkpoint")
    }

    /// The losses.
    pub(crate) fn losses(&self) -> PathBuf {
        self.path.join("losses.csv")
    }

    /// The bundle, where `measure` left one.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.path.join("model.twb")
    }

    /// Writes the record, in one piece.
    pub(crate) fn write(&self, record: &RunRecord) -> Result<(), RunError> {
        let text = toml::to_string(record).map_err(RunError::Render)?;
        let path = self.path.join("run.toml");
        replace(&path, text.as_bytes()).map_err(file("writing", &path))
    }

    /// Reads the record; `None` in an empty folder.
    pub(crate) fn read(&self) -> Result<Option<RunRecord>, RunError> {
        let path = self.path.join("run.toml");
        match fs_err::read(&path) {
            // What is no text is no TOML either, and is told as such.
            Ok(bytes) => match toml::from_str(&String::from_utf8_lossy(&bytes)) {
                Ok(record) => Ok(Some(record)),
                Err(source) => Err(RunError::Record {
                    path,
                    source: Box::new(source),
                }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RunError::File {
                action: "reading",
                path,
                source,
            }),
        }
    }

    /// Reads the record of a finished run.
    pub(crate) fn finished(&self) -> Result<RunRecord, RunError> {
        let path = self.path.clone();
        let Some(record) = self.read()? else {
            return Err(RunError::Empty { path });
        };
        if record.cost.is_none() {
            let data = record.data;
            return Err(RunError::Unfinished { path, data });
        }
        Ok(record)
    }
}

/// Names the file of an I/O error.
pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::File {
        action,
        path,
        source,
    }
}
