//! The control socket: how people and scripts speak to a running station.
//!
//! One connection, one request, one reply, each a line of JSON: `{"request":"status"}`. Whoever may
//! open the socket may ask; its mode is 0660. [`server`] takes requests beside the line process and
//! never makes it wait, [`client`] is `twinspect status`, `trigger` and `reload`, [`place`] knows
//! where the socket lies.

mod client;
mod figures;
mod place;
mod protocol;
mod server;
mod show_status;
mod status;
mod whole_line;

pub(crate) use client::{
    activate, answers, challenge, exchange, reload, request, request_at, retry_engine, rollback,
    status, trigger,
};
pub(crate) use figures::{
    BOUNDS_MS, CameraFigures, Counts, Folders, Histogram, Inspected, LastHour, MachineState,
    ModelStatus, PageStatus, RecentPart, STAGES, Stage, StageTimes, StreamFigures,
};
pub(crate) use place::{for_station, pictures_of, socket_of};
pub(crate) use protocol::{JudgedPart, LeftPart, Reply, Request};
pub(crate) use server::{Server, check};
pub(crate) use status::{
    ActivationStatus, ChallengeStatus, InspectorState, InspectorStatus, ModelsStatus, Parts,
    PlansState, PlansStatus, RecipeStatus, RecipeSwitch, RecipesStatus, ReloadStatus, Status,
    Triggered, UnderWay,
};

use std::io;
use std::path::PathBuf;

/// What a command ends with, unless its station says otherwise.
const USAGE: u8 = 2;

/// Why a control socket can't be served, or asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// Its file can't be made.
    #[error("opening control socket {}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Somebody answers there already.
    #[error("control socket {} is served by another station", path.display())]
    Taken { path: PathBuf },
    /// Nobody answers there.
    #[error("asking the station at {}", path.display())]
    Ask {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// No station runs, as far as can be seen.
    #[error("no station's control socket was found in {}", folder.display())]
    NoStation { folder: PathBuf },
    /// More than one station could be meant.
    #[error("several stations run here: {}", names(sockets))]
    SeveralStations { sockets: Vec<PathBuf> },
    /// The station's answer is none.
    #[error("the station at {} answered {answer:?}", path.display())]
    Answer { path: PathBuf, answer: String },
    /// The station does not do it, and says why.
    #[error("{reason}")]
    Refused {
        reason: String,
        /// What the command ends with.
        exit_code: u8,
        /// Whether all parts are rejected meanwhile, for want of a recipe's model.
        rejects: bool,
    },
}

fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

impl ControlError {
    /// What a command ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { exit_code, .. } => *exit_code,
            _ => USAGE,
        }
    }

    /// The remedy, where there is one.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } => {
                "its folder must exist and be writable; `control.socket` of the configuration \
                 chooses another place"
            }
            Self::Taken { .. } => "give each station a `control.socket` of its own",
            Self::Ask { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "members of the group `twinspect` may ask: `sudo usermod -aG twinspect USER`, \
                     then log in again"
                }
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    "is the station running? `systemctl status twinspect@NAME` tells"
                }
                _ => "`journalctl -u twinspect@NAME` tells what the station is doing",
            },
            Self::NoStation { .. } => {
                "is it running, and has it a control socket? Name it with `--socket` or `--config`"
            }
            Self::SeveralStations { .. } => "choose one of them with `--socket`",
            Self::Answer { .. } => "is it another release? Restart the station after an update",
            Self::Refused { rejects: true, .. } => {
                "the station rejects all parts, as before, until the model of the selected recipe is in charge or \
                 another recipe is selected: `twinspect recipe list` shows them, `twinspect recipe select` selects"
            }
            Self::Refused { .. } => {
                "the station goes on as before; `twinspect status` tells what it is doing"
            }
        }
    }
}
