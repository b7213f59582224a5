//! Installed models, whether the station goes by one of them, and how another one takes over.

use std::path::{Path, PathBuf, absolute};

use serde::{Deserialize, Serialize};
use twinspect_core::changeover::{ChangeoverSpec, TrialSpec};
use twinspect_store::models::{Models, ModelsError, PublicKeys, StationName};

use super::checker::Checker;
use super::station_name;
use super::typed::BundleToml;

/// Where models are installed unless the configuration says otherwise; the package makes it.
const FOLDER: &str = "/var/lib/twinspect/models";
/// Most models that are kept beside those that are in use.
const KEEP_MAX: usize = 100;
/// A process of a new model that has ended so often on trial is given up.
const TRIAL_ENDS_MAX: u32 = 3;
/// A record that could not be written is tried again after this time.
const RECORD_AGAIN_US: u64 = 10_000_000;
/// Most parts of a trial.
const TRIAL_PARTS_MAX: u32 = 100_000;

/// The store of models, as typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelsToml {
    /// Empty: there is none.
    pub(crate) folder: PathBuf,
    /// Keys with spaces between them; empty: models need no signature.
    pub(crate) public_key: String,
    pub(crate) keep: usize,
    pub(crate) moment_max_ms: f64,
    pub(crate) switch_max_ms: f64,
    pub(crate) trial_parts: u32,
    pub(crate) trial_misses_max: u32,
}

impl Default for ModelsToml {
    fn default() -> Self {
        Self {
            folder: PathBuf::from(FOLDER),
            public_key: String::new(),
            keep: 3,
            moment_max_ms: 60_000.0,
            switch_max_ms: 20_000.0,
            trial_parts: 20,
            trial_misses_max: 3,
        }
    }
}

/// The store of a station's models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelsSpec {
    pub(crate) folder: PathBuf,
    /// By which name its model is recorded.
    pub(crate) station: StationName,
    /// Who may sign.
    pub(crate) keys: PublicKeys,
    /// Models that `prune` leaves beside those that are in use.
    pub(crate) keep: usize,
}

/// Which bundle a station goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BundleSource {
    /// A file, or an unpacked bundle.
    File(PathBuf),
    /// The installed model that was activated for the station.
    Active {
        folder: PathBuf,
        station: StationName,
    },
}

impl BundleSource {
    /// The bundle as it is now: another one may be activated at any time, so that a station asks once and
    /// holds on to the answer.
    ///
    /// # Errors
    /// [`ModelsError::NoneActive`], and what can be wrong with the store.
    pub(crate) fn resolve(&self) -> Result<PathBuf, ModelsError> {
        match self {
            Self::File(file) => Ok(file.clone()),
            Self::Active { folder, station } => Models::open(folder).active_bundle(station),
        }
    }

    /// Where it lies, whichever bundle it is.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::File(file) => absolute(file).ok()?.parent().map(Path::to_owned),
            Self::Active { folder, .. } => absolute(folder).ok(),
        }
    }

    /// All bundles that lie in the station's store of models: those before this one, and those of its recipes.
    ///
    /// # Errors
    /// What can be wrong with the store.
    pub(crate) fn installed(&self) -> Result<Vec<PathBuf>, ModelsError> {
        let Self::Active { folder, .. } = self else {
            return Ok(Vec::new());
        };
        let models = Models::open(folder);
        let installed = models.list()?.into_iter();
        Ok(installed.map(|model| models.folder_of(&model.id)).collect())
    }
}

impl Checker {
    /// `path` is the configuration's file, whose name is the station's; a relative folder starts at its own.
    pub(super) fn models(&mut self, typed: &ModelsToml, path: &Path) -> Option<ModelsSpec> {
        let keys = PublicKeys::parse(typed.public_key.split_whitespace());
        let reason = keys.as_ref().err().map(ToString::to_string);
        self.require(
            reason.is_none(),
            "models.public_key",
            format!("{:?}", typed.public_key),
            format!(
                "keys as minisign prints them, 56 characters that start with RW, with spaces between them: {}",
                reason.unwrap_or_default()
            ),
        );
        let keep = self.count("models.keep", typed.keep, KEEP_MAX);
        if typed.folder.as_os_str().is_empty() {
            return None;
        }
        Some(ModelsSpec {
            folder: path.parent().unwrap_or(Path::new("")).join(&typed.folder),
            station: station_name(path).parse().ok()?,
            keys: keys.unwrap_or_default(),
            keep,
        })
    }

    /// How another model takes over; it has to be proven within `proof_max_us`.
    pub(super) fn changeover(&mut self, typed: &ModelsToml, proof_max_us: u64) -> ChangeoverSpec {
        self.require(
            typed.trial_parts <= TRIAL_PARTS_MAX,
            "models.trial_parts",
            typed.trial_parts,
            format!("from 0 to {TRIAL_PARTS_MAX}"),
        );
        self.require(
            typed.trial_misses_max > 0,
            "models.trial_misses_max",
            typed.trial_misses_max,
            "at least 1",
        );
        ChangeoverSpec {
            proof_max_us,
            moment_max_us: self.us("models.moment_max_ms", typed.moment_max_ms),
            switch_max_us: self.us("models.switch_max_ms", typed.switch_max_ms),
            record_again_us: RECORD_AGAIN_US,
            trial: TrialSpec {
                parts: typed.trial_parts,
                misses_max: typed.trial_misses_max,
                ends_max: TRIAL_ENDS_MAX,
            },
        }
    }

    /// Either a file or the store, never both.
    pub(super) fn bundle(
        &mut self,
        typed: &BundleToml,
        models: Option<&ModelsSpec>,
        path: &Path,
    ) -> BundleSource {
        let is_named = !typed.file.as_os_str().is_empty();
        let found = format!("{:?}", typed.file);
        if !typed.active {
            let expected = "the path of a bundle, or bundle.active = true";
            self.require(is_named, "bundle.file", found, expected);
            return BundleSource::File(path.parent().unwrap_or(Path::new("")).join(&typed.file));
        }
        let expected = "left out with bundle.active = true: one of them says which bundle it is";
        self.require(!is_named, "bundle.file", found, expected);
        match models {
            Some(models) => BundleSource::Active {
                folder: models.folder.clone(),
                station: models.station.clone(),
            },
            None => {
                self.require(
                    false,
                    "bundle.active",
                    "true",
                    "false without a models.folder, and where the configuration's file has no name that a \
                     station may have",
                );
                BundleSource::File(PathBuf::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigError, Station, parse};
    use super::*;

    const CAMERA: &str = "[camera]\nkind = \"replay\"\nfolder = \"cap\"\n";
    /// From minisign's manual.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn station(text: &str) -> Result<Station, ConfigError> {
        let path = Path::new("/etc/twinspect/left.toml");
        Ok(parse(path, &format!("{text}\n{CAMERA}"))?.station)
    }

    fn refused(text: &str) -> String {
        station(text).unwrap_err().to_string()
    }

    #[test]
    fn a_station_goes_by_a_file_or_by_the_store() {
        let by_file = station("[bundle]\nfile = \"cap.twb\"").unwrap();
        let file = PathBuf::from("/etc/twinspect/cap.twb");
        assert_eq!(by_file.bundle, BundleSource::File(file.clone()));
        assert_eq!(by_file.bundle.resolve().unwrap(), file);
        let models = by_file.models.unwrap();
        assert_eq!(models.folder, Path::new("/var/lib/twinspect/models"));
        assert_eq!(models.station.as_str(), "left");
        assert!(models.keys.is_empty() && models.keep == 3);

        let store = "[bundle]\nactive = true\n[models]\nfolder = \"../models\"\nkeep = 5";
        let by_store = station(store).unwrap();
        let folder = PathBuf::from("/etc/twinspect/../models");
        let station = "left".parse().unwrap();
        assert_eq!(by_store.bundle, BundleSource::Active { folder, station });
        let error = by_store.bundle.resolve().unwrap_err();
        assert!(matches!(error, ModelsError::NoneActive { .. }), "{error}");
    }

    #[test]
    fn both_or_none_is_refused_with_the_keys() {
        let both = refused("[bundle]\nfile = \"cap.twb\"\nactive = true");
        assert!(
            both.contains("bundle.file") && both.contains("bundle.active"),
            "{both}"
        );
        let none = refused("[bundle]");
        assert!(
            none.contains("bundle.file") && none.contains("bundle.active"),
            "{none}"
        );
        let without = refused("[bundle]\nactive = true\n[models]\nfolder = \"\"");
        assert!(without.contains("models.folder"), "{without}");
    }

    #[test]
    fn keys_are_read_before_they_are_needed() {
        let two = format!("[bundle]\nactive = true\n[models]\npublic_key = \"{KEY} {KEY}\"");
        assert!(!station(&two).unwrap().models.unwrap().keys.is_empty());
        let bad = refused("[bundle]\nactive = true\n[models]\npublic_key = \"RWabc\"");
        assert!(
            bad.contains("models.public_key") && bad.contains("RWabc"),
            "{bad}"
        );
        let none = refused("[bundle]\nactive = true\n[models]\nkeep = 0");
        assert!(none.contains("models.keep"), "{none}");
    }
}
