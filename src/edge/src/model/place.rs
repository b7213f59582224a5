//! Which store of models is meant, and for which station.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use twinspect_bundle::shell;
use twinspect_store::models::{Activation, ModelId, Models, PublicKeys, StationName};

use crate::cli::StoreArgs;
use crate::config::{self, BundleSource, ConfigError, EngineSpec, ModelsSpec};
use crate::control;
use crate::error::EdgeError;

/// Where stations that are services have their configurations.
pub(super) const CONFIGURATIONS: &str = "/etc/twinspect";
/// Models that stay beside those in use, where no configuration says so.
const KEEP: usize = 3;

/// A store, and what its station says of it.
pub(crate) struct StorePlace {
    pub(crate) models: Models,
    /// Who may sign.
    pub(crate) keys: PublicKeys,
    pub(crate) keep: usize,
    /// None for a store that was named by its folder.
    pub(crate) station: Option<StationPlace>,
}

/// The station whose store it is.
pub(crate) struct StationPlace {
    pub(crate) config: PathBuf,
    pub(crate) name: StationName,
    /// Where it answers while it runs.
    pub(crate) socket: PathBuf,
    pub(crate) bundle: BundleSource,
    pub(crate) engine: EngineSpec,
}

impl StorePlace {
    /// What was typed, or the only station of this machine.
    pub(crate) fn of(args: &StoreArgs) -> Result<Self, EdgeError> {
        if let Some(folder) = &args.models {
            return Ok(Self {
                models: Models::open(folder),
                keys: PublicKeys::default(),
                keep: KEEP,
                station: None,
            });
        }
        let config = match &args.config {
            Some(config) => config.clone(),
            None => only_one_in(Path::new(CONFIGURATIONS))?,
        };
        let station = config::load(&config)?.station;
        let Some(ModelsSpec {
            folder,
            station: name,
            keys,
            keep,
        }) = station.models
        else {
            return Err(EdgeError::Usage {
                message: format!("{} has no store of models", config.display()),
                hint: "name one with `models.folder`; the file's name must be one that a station may have",
            });
        };
        Ok(Self {
            models: Models::open(folder),
            keys,
            keep,
            station: Some(StationPlace {
                socket: control::socket_of(&config, station.control_socket),
                name,
                bundle: station.bundle,
                engine: station.engine,
                config,
            }),
        })
    }

    /// The station, for what only a station can do.
    pub(crate) fn station(&self) -> Result<&StationPlace, EdgeError> {
        self.station.as_ref().ok_or(EdgeError::Usage {
            message: "a store alone has no station whose model could change".to_owned(),
            hint: "name the station's configuration with --config",
        })
    }

    /// Refuses what can only be a slip: a folder that was typed and is not there, or one of a configuration that no
    /// install could make. The store of a fresh station need not be there yet.
    pub(crate) fn refuse_slip(&self) -> Result<(), EdgeError> {
        let root = self.models.root();
        let (wanted, hint) = match &self.station {
            None => (
                root,
                "correct --models; `twinspect model install FILE --models DIR` makes a new store",
            ),
            Some(_) => (
                root.parent()
                    .filter(|folder| *folder != Path::new(""))
                    .unwrap_or(Path::new(".")),
                "correct `models.folder` of the configuration, or make that folder",
            ),
        };
        match wanted.try_exists() {
            Ok(false) => Err(EdgeError::Usage {
                message: format!("there is no folder {}", wanted.display()),
                hint,
            }),
            // What else is wrong with it is told by whoever reads it.
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// What to type for the same place.
    pub(crate) fn options(&self) -> String {
        match &self.station {
            Some(station) => format!("--config {}", shell::word(&station.config)),
            None => format!("--models {}", shell::word(self.models.root())),
        }
    }

    /// What to type to have a model of this place proven.
    pub(super) fn verify(&self, model: &ModelId) -> String {
        format!("twinspect model verify {model} {}", self.options())
    }

    /// Adds to the report of a bundle that belies itself what becomes of it here.
    pub(super) fn of_a_belied(&self, model: &ModelId, error: EdgeError) -> EdgeError {
        let EdgeError::NotProven {
            code, again: None, ..
        } = error
        else {
            return error;
        };
        let is_meant =
            |one: &Activation| one.active == *model || one.previous.as_ref() == Some(model);
        let is_needed = match self.models.activations() {
            Ok(all) => all.values().any(is_meant),
            // Where nobody can tell, it stays.
            Err(_) => true,
        };
        EdgeError::Belied {
            model: model.to_string(),
            code,
            folder: (!is_needed).then(|| self.models.folder_of(model)),
        }
    }
}

fn only_one_in(folder: &Path) -> Result<PathBuf, EdgeError> {
    let read = |source| ConfigError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => Some(entries),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(read(error).into()),
    };
    for entry in entries.into_iter().flatten() {
        let path = entry.map_err(read)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            found.push(path);
        }
    }
    found.sort();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(EdgeError::Usage {
            message: format!("no station has its configuration in {}", folder.display()),
            hint: "name it with --config, or a store without a station with --models",
        }),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Err(EdgeError::Usage {
                message: format!("several stations could be meant: {}", names.join(", ")),
                hint: "choose one of them with --config",
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_mistyped_is_told_and_a_fresh_station_s_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let station = || StationPlace {
            config: folder.path().join("station.toml"),
            name: "station".parse().unwrap(),
            socket: folder.path().join("control.sock"),
            bundle: BundleSource::File(folder.path().join("cap.twb")),
            engine: EngineSpec::cpu(),
        };
        let told = |path: &str, station: Option<StationPlace>| {
            let place = StorePlace {
                models: Models::open(folder.path().join(path)),
                keys: PublicKeys::default(),
                keep: KEEP,
                station,
            };
            place.refuse_slip().err().map(|error| error.to_string())
        };
        assert!(told("typo", None).unwrap().ends_with("/typo"));
        assert_eq!(told("typo", Some(station())), None);
        assert!(told("no/typo", Some(station())).unwrap().ends_with("/no"));
        std::fs::create_dir(folder.path().join("models")).unwrap();
        assert_eq!(told("models", None), None);
    }

    #[test]
    fn only_one_station_can_be_meant_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let told = || only_one_in(path).unwrap_err().to_string();
        assert!(told().contains("no station"), "{}", told());
        let left = path.join("left.toml");
        std::fs::write(&left, b"").unwrap();
        std::fs::write(path.join("left.toml.old"), b"").unwrap();
        assert_eq!(only_one_in(path).unwrap(), left);
        std::fs::write(path.join("right.toml"), b"").unwrap();
        assert!(told().contains("left.toml") && told().contains("right.toml"));
        let absent = only_one_in(&path.join("absent")).unwrap_err().to_string();
        assert!(absent.contains("no station"), "{absent}");
    }
}
