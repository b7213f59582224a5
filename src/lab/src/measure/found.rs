//! What lies in the place of a result, and whether it is the one that is wanted.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{MeasureError, Place, Wanted, category, file};
use crate::config::TrainingConfig;
use crate::data_hash::data_hash;
use crate::train::TrainError;

/// What lies in the place of a result.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Something that was cut off, or is no JSON.
    Damaged,
    /// Something else, or a result of a version that knew other keys.
    Unknown,
    Result(Box<FoundResult>),
}

/// What a result was made of.
#[derive(Debug, Deserialize)]
pub(super) struct FoundResult {
    training: TrainingConfig,
    pub(super) data_hash: String,
    #[serde(default)]
    pub(super) robustness: Vec<serde::de::IgnoredAny>,
}

impl FoundResult {
    /// The number of threads changes no result.
    pub(super) fn is_with(&self, config: &TrainingConfig) -> bool {
        let training = TrainingConfig {
            threads: config.threads,
            ..self.training.clone()
        };
        training == *config
    }
}

/// Opens every data set, before the first one is trained on, and asks for names of their own.
pub(crate) fn open(data: &[PathBuf]) -> Result<(), MeasureError> {
    for (index, folder) in data.iter().enumerate() {
        twinspect_dataset::open(folder).map_err(TrainError::Open)?;
        let earlier = data[..index].iter();
        let mut namesakes = earlier.filter(|other| category(other) == category(folder));
        if let Some(first) = namesakes.find(|other| real(other) != real(folder)) {
            return Err(MeasureError::SameName {
                first: first.clone(),
                second: folder.clone(),
            });
        }
    }
    Ok(())
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// SHA-256 of a data set.
pub(super) fn hash_of(data: &Path) -> Result<String, TrainError> {
    let dataset = twinspect_dataset::open(data).map_err(TrainError::Open)?;
    data_hash(dataset.as_ref()).map_err(TrainError::Hash)
}

impl Place<'_> {
    /// Whether a result has to be made, as far as its file tells by itself.
    pub(crate) fn lacks(&self, wanted: &Wanted) -> bool {
        match self.found(wanted) {
            Ok(Found::Nothing) => true,
            Ok(Found::Result(found)) => self.robustness && found.robustness.is_empty(),
            Ok(Found::Damaged | Found::Unknown) | Err(_) => false,
        }
    }

    pub(super) fn found(&self, wanted: &Wanted) -> Result<Found, MeasureError> {
        let path = self.result(wanted);
        let text = match fs_err::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Found::Nothing);
            }
            Err(error) => return Err(file("reading", &path)(error)),
        };
        Ok(match serde_json::from_slice(&text) {
            Ok(found) => Found::Result(Box::new(found)),
            Err(error) if error.is_data() => Found::Unknown,
            Err(_) => Found::Damaged,
        })
    }
}

#[cfg(test)]
mod tests {
    use twinspect_core::frame::{FramePair, FrameSize, RgbFrame};
    use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

    use super::*;
    use crate::config::Join;

    #[test]
    fn what_lies_in_the_place_of_a_result_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let place = |robustness| Place {
            work: folder.path(),
            results: folder.path(),
            robustness,
            created: String::new(),
            version: "1.0.0".parse().unwrap(),
        };
        let wanted = Wanted {
            name: "cap".to_owned(),
            variant: None,
            join: Join::Maximum,
        };
        let found = |text: &str| {
            std::fs::write(folder.path().join("cap.json"), text).unwrap();
            place(false).found(&wanted).unwrap()
        };
        assert!(place(false).lacks(&wanted));
        assert!(matches!(found("{"), Found::Damaged));
        assert!(matches!(found(""), Found::Damaged));
        assert!(matches!(found("{}"), Found::Unknown));
        assert!(!place(true).lacks(&wanted));

        let config = TrainingConfig::default();
        let mut result = serde_json::json!({ "training": config, "data_hash": "a" });
        let Found::Result(whole) = found(&result.to_string()) else {
            panic!("a result");
        };
        assert_eq!(whole.data_hash, "a");
        assert!(whole.is_with(&TrainingConfig {
            threads: 7,
            ..config.clone()
        }));
        assert!(!whole.is_with(&TrainingConfig { seed: 9, ..config }));
        assert!(place(true).lacks(&wanted) && !place(false).lacks(&wanted));
        result["robustness"] = serde_json::json!([{ "disturbance": "blur" }]);
        found(&result.to_string());
        assert!(!place(true).lacks(&wanted));
    }

    #[test]
    fn two_folders_of_one_name_are_refused_and_one_named_twice_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let set = |name: &str| {
            let set = folder.path().join(name).join("cap");
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            let size = FrameSize {
                width: 8,
                height: 8,
            };
            let picture = RgbFrame::new(size, vec![90; 3 * size.pixels()]).unwrap();
            let frame = FramePair::new(Some(picture), None, None).unwrap();
            let mut writer = RecordedPartsWriter::create(&set, None).unwrap();
            let facts = PartRecord::default();
            writer
                .write(Split::Train, &Label::Good, &frame, None, &facts)
                .unwrap();
            set
        };
        let (one, two) = (set("one"), set("two"));
        open(&[one.clone(), one.clone()]).unwrap();
        let refused = open(&[one.clone(), two]).unwrap_err();
        assert!(
            matches!(&refused, MeasureError::SameName { first, .. } if *first == one),
            "{refused:?}"
        );
        let missing = folder.path().join("nosuch");
        let refused = open(&[one, missing]).unwrap_err();
        assert!(matches!(refused, MeasureError::Train(TrainError::Open(_))));
    }
}
