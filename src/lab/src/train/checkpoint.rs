//! Everything that a branch needs to go on, bit for bit: weights, running statistics, Adam's
//! moments, and the step. One safetensors file, replaced in one piece.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::data_hash::hex;
use crate::files::replace;

/// A checkpoint that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// The file system.
    #[error("{action} checkpoint {}", path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Not one of our checkpoints.
    #[error("checkpoint {} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl CheckpointError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Damaged { path, .. } => Some(format!(
                "delete {} and give the same `twinspect-lab train` command again: what it held is learnt anew",
                path.display()
            )),
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Some(
                "give the same `twinspect-lab train` command again: what is missing is learnt anew"
                    .into(),
            ),
            Self::File { .. } => None,
        }
    }
}

/// State of a branch after some steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    /// Steps done.
    pub(crate) step: u64,
    /// Identity of the run's configuration and data; another run's checkpoint is not taken.
    pub(crate) run: String,
    /// What `twinspect_nn::snapshot` gave.
    pub(crate) state: BTreeMap<String, Vec<f32>>,
}

impl Checkpoint {
    /// Writes beside the target and renames, so that an interruption leaves the old file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes: BTreeMap<&str, Vec<u8>> = self
            .state
            .iter()
            .map(|(name, values)| (name.as_str(), to_bytes(values)))
            .collect();
        let mut views = Vec::with_capacity(bytes.len());
        for (name, bytes) in &bytes {
            let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes)
                .map_err(|error| damaged(path, error.to_string()))?;
            views.push((*name, view));
        }
        let facts = HashMap::from([
            ("step".to_owned(), self.step.to_string()),
            ("run".to_owned(), self.run.clone()),
            (DIGEST.to_owned(), digest(&self.state)),
            (NAME.to_owned(), file_name(path)),
        ]);
        let file = safetensors::serialize(views, Some(facts))
            .map_err(|error| damaged(path, error.to_string()))?;
        let failed = |source| CheckpointError::File {
            action: "writing",
            path: path.to_owned(),
            source,
        };
        replace(path, &file).map_err(failed)
    }

    /// Reads a checkpoint; `None` if there is no file.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let file = match fs_err::read(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(CheckpointError::File {
                    action: "reading",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let (_, facts) =
            SafeTensors::read_metadata(&file).map_err(|error| damaged(path, error.to_string()))?;
        let facts = facts.metadata().clone().unwrap_or_default();
        let fact = |key: &str| {
            facts
                .get(key)
                .ok_or_else(|| damaged(path, format!("no `{key}`")))
        };
        let step = fact("step")?
            .parse()
            .map_err(|error| damaged(path, format!("`step`: {error}")))?;
        let run = fact("run")?.clone();
        let tensors =
            SafeTensors::deserialize(&file).map_err(|error| damaged(path, error.to_string()))?;
        let mut state = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(damaged(path, format!("`{name}` is not f32")));
            }
            state.insert(name, from_bytes(view.data()));
        }
        // Checkpoints of earlier releases have none.
        if facts
            .get(DIGEST)
            .is_some_and(|told| *told != digest(&state))
        {
            return Err(damaged(
                path,
                "its values are not those that were written".into(),
            ));
        }
        if let Some(told) = facts.get(NAME).filter(|told| **told != file_name(path)) {
            return Err(damaged(path, format!("it was written as {told}")));
        }
        Ok(Some(Self { step, run, state }))
    }
}

/// The fact that holds the SHA-256 of all values.
const DIGEST: &str = "values_sha256";

/// The fact that holds the file's name: what a branch has learnt is of no use to another one.
const NAME: &str = "file_name";

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// SHA-256 over every tensor's name, number of values and values, in the order of the names.
fn digest(state: &BTreeMap<String, Vec<f32>>) -> String {
    let mut all = Sha256::new();
    for (name, values) in state {
        all.update(name);
        all.update((values.len() as u64).to_le_bytes());
        all.update(to_bytes(values));
    }
    hex(&all.finalize())
}

fn damaged(path: &Path, what: String) -> CheckpointError {
    CheckpointError::Damaged {
        path: path.to_owned(),
        what,
    }
}

fn to_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&bytes| f32::from_le_bytes(bytes))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let state = BTreeMap::from([
            ("a".to_owned(), vec![1.0, f32::MIN_POSITIVE]),
            ("b".to_owned(), vec![-0.0]),
        ]);
        Checkpoint {
            step: 7,
            run: "abc".into(),
            state,
        }
    }

    #[test]
    fn a_checkpoint_survives_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rgb.checkpoint");
        assert_eq!(Checkpoint::read(&path).unwrap(), None);
        sample().write(&path).unwrap();
        let read = Checkpoint::read(&path).unwrap().unwrap();
        assert_eq!(read, sample());
        assert!(read.state["b"][0].is_sign_negative());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_checkpoint_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rgb.checkpoint");
        sample().write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let error = Checkpoint::read(&path).unwrap_err();
        assert!(error.to_string().contains("rgb.checkpoint"), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_checkpoint_under_the_name_of_another_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rgb.checkpoint");
        let other = folder.path().join("geometry.checkpoint");
        sample().write(&path).unwrap();
        std::fs::rename(&path, &other).unwrap();
        let error = Checkpoint::read(&other).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("it was written as rgb.checkpoint"),
            "{error}"
        );
    }

    #[test]
    fn a_value_that_has_changed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.checkpoint");
        sample().write(&path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = Checkpoint::read(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    }
}
