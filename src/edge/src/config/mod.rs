//! The station's configuration: what was typed, and what it means.
//!
//! [`StationToml`] mirrors the file key by key. [`Station`] is checked, has its units in its types
//! and its paths resolved; only a `Station` travels on.

mod belt;
mod calibration;
mod camera;
mod changes;
mod checker;
mod contradiction;
mod decisions;
mod engine;
mod explain;
mod live;
mod models;
mod mqtt;
mod page;
mod played;
mod presence;
mod quality;
mod realsense;
mod recipes;
mod station;
mod typed;
mod v4l2;
mod wires;

pub(crate) use belt::BeltSpec;
pub(crate) use calibration::{CalibrationToml, DISTANCES_MM, TILT_MAX_DEG};
pub(crate) use camera::{BeltPace, CameraSource, Recording};
pub(crate) use changes::{Change, ReloadError};
pub(crate) use checker::StationError;
pub(crate) use engine::{CpuChoice, EngineKind, EngineSpec, Fallback, PrecisionChoice};
pub(crate) use explain::Setting;
pub(crate) use models::{BundleSource, ModelsSpec};
pub(crate) use mqtt::{Login, MqttSpec};
pub(crate) use presence::WatchSpec;
pub(crate) use quality::usual_limits;
pub(crate) use realsense::{RealSenseSource, WhichCamera};
pub(crate) use recipes::{Recipe, RecipesSpec};
pub(crate) use station::{ChallengeSpec, InspectorLimits, LineSource, RecordsSpec, Station};
pub(crate) use typed::StationToml;
pub(crate) use v4l2::V4l2Source;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use twinspect_bundle::document::{self, DocumentError};

use checker::{REALSENSE, STATION, V4L2, WIRES};
use station::Model;
use typed::BundleToml;

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("reading configuration {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file's last line has no end.
    #[error("the last line of {} has no end: it is being written now, or was cut", path.display())]
    Cut { path: PathBuf },
    /// The file says something that it must not say.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Values that are impossible, or contradict each other; all of them.
    #[error("{}: {}", path.display(), problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Problems {
        path: PathBuf,
        problems: Vec<StationError>,
    },
}

impl ConfigError {
    /// The remedy, where there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => Some(
                "look at its owner and rights, `root:twinspect` and 640 as a rule, and at those of its folder; `sudo` \
                 reads it for you"
                    .to_owned(),
            ),
            Self::Read { .. } => Some(
                "configs/ of the source has commented examples; /usr/share/twinspect in a package"
                    .to_owned(),
            ),
            Self::Cut { .. } => Some(
                "write it beside the old one, with a line's end at its end, and rename it"
                    .to_owned(),
            ),
            Self::Document(error) => Some(error.hint().unwrap_or_else(|| {
                format!(
                    "{REALSENSE} explains the keys of [realsense], {V4L2} those of [v4l2], {WIRES} those of [line] and \
                     [handshake], {STATION} all others: {EXAMPLES}"
                )
            })),
            Self::Problems { problems, .. } => Some(explained_in(problems)),
        }
    }
}

/// Where the commented examples lie.
const EXAMPLES: &str = "in configs/ of the source, in /usr/share/twinspect of a board";

/// The examples that explain the keys of these problems, with their bounds.
fn explained_in(problems: &[StationError]) -> String {
    let files: BTreeSet<&str> = problems.iter().map(StationError::explained_in).collect();
    let files = files.into_iter().collect::<Vec<_>>();
    match files.as_slice() {
        [file] => format!("{file} explains each key and its bounds: {EXAMPLES}"),
        files => format!(
            "{} explain each key and its bounds: {EXAMPLES}",
            files.join(" and ")
        ),
    }
}

/// A configuration, and where each of its values came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) station: Station,
    pub(crate) settings: Vec<Setting>,
    typed: StationToml,
    /// Where relative paths start.
    base: PathBuf,
    digest: String,
}

impl Loaded {
    /// SHA-256 of every key with its value: two configurations that mean the same have the same, however
    /// they are written.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Where records lie, whether or not the station writes any now.
    pub(crate) fn records_folder(&self) -> PathBuf {
        self.base.join(&self.typed.records.folder)
    }

    /// The same configuration as text with every key, for a process that must not read the file
    /// again: it may have been edited since. It names the bundle that was chosen for it, whatever is
    /// active by then, and no recipes.
    pub(crate) fn text(&self, bundle: &Path) -> Result<String, toml::ser::Error> {
        let mut typed = self.typed.clone();
        typed.bundle = BundleToml {
            file: bundle.to_owned(),
            active: false,
        };
        // Which model it is has been chosen; the wires belong to the line process.
        typed.recipes.list.clear();
        typed.line.forget_recipes();
        toml::to_string(&typed)
    }
}

/// Reads and checks a configuration. Relative paths in it start at its own folder.
pub(crate) fn load(path: &Path) -> Result<Loaded, ConfigError> {
    parse(path, &read(path)?)
}

/// What a station is called: as its configuration's file, without the ending.
pub(crate) fn station_name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Where a station keeps what it has made itself: in a folder of its own.
const STATE_FOLDER: &str = "/var/lib/twinspect";

/// A path of the configuration, which starts at its own folder; one that is left open lies in the station's.
fn own_path(typed: &Path, config: &Path, name: &str) -> PathBuf {
    if typed.as_os_str().is_empty() {
        let station = config.file_stem().unwrap_or_default();
        return Path::new(STATE_FOLDER).join(station).join(name);
    }
    config.parent().unwrap_or(Path::new("")).join(typed)
}

/// As [`load`], for whoever looks through the camera alone: no model need be named.
pub(crate) fn load_without_model(path: &Path) -> Result<Loaded, ConfigError> {
    parse_without_model(path, &read(path)?)
}

/// As [`parse`], for the same.
pub(crate) fn parse_without_model(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    parse_for(path, text, Model::Optional)
}

/// As [`load`], of a file that somebody may be writing just now: most of what a cut leaves is a
/// configuration too, with a number that has lost its last digits.
pub(crate) fn load_whole(path: &Path) -> Result<Loaded, ConfigError> {
    let text = read(path)?;
    if !text.ends_with('\n') {
        return Err(ConfigError::Cut {
            path: path.to_owned(),
        });
    }
    parse(path, &text)
}

/// The text of a configuration.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    document::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Checks the text of a configuration that stands, or stood, in a file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    parse_for(path, text, Model::Needed)
}

fn parse_for(path: &Path, text: &str, model: Model) -> Result<Loaded, ConfigError> {
    let typed = document::parse::<StationToml>(path, text)?.complete();
    let settings = explain::settings(path, text, &typed)?;
    let station = Station::new(&typed, path, model).map_err(|problems| ConfigError::Problems {
        path: path.to_owned(),
        problems,
    })?;
    Ok(Loaded {
        station,
        digest: digest(&settings),
        settings,
        typed,
        base: path.parent().unwrap_or(Path::new("")).to_owned(),
    })
}

fn digest(settings: &[Setting]) -> String {
    let mut all = Sha256::new();
    for Setting { key, value, .. } in settings {
        all.update(format!("{key} = {value}\n"));
    }
    all.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
