//! What to do about each error.

use std::borrow::Cow;
use std::io;

use twinspect_bundle::shell;
use twinspect_camera::CameraError;
use twinspect_core::survey::SurveyError;
use twinspect_dataset::WriteError;
use twinspect_store::models::hint_of_installed;
use twinspect_store::records::RecordsError;

use crate::control::ControlError;
use crate::engines::GPU_LIBRARIES;

use super::EdgeError;

/// Remedies where the error itself knows none.
const DATA_HINT: &str = "correct the file that is named, or take it out of the recording";
const STORE_HINT: &str = "check the folder's rights and the free space";
const RECORDS_HINT: &str = "`records.folder` of the station's configuration names it; a station with `records.enabled` \
                            makes it at its start, and its user may read it: `sudo -u twinspect twinspect records ...`";
const OUTPUT_HINT: &str =
    "see that the file or the program that it goes to takes it: free space, and somebody who reads";
/// Where stations that are services answer.
const SERVICES: &str = "/run/twinspect";
const SERVICE_HINT: &str = "is the station running? `systemctl status twinspect@NAME` tells. Where `control.socket` of its \
                            configuration is empty, a station answers here as a service, and nowhere if it was started \
                            by hand";
const BUNDLE_HINT: &str = "name a .twb file that `twinspect-lab export` wrote, or its folder; if it \
                           is one, export it again";

const BELIED_HINT: &str = "it can't be activated, and the models that are active stay. The bundle itself is at fault, and trying \
                           again comes to the same: export it again, with the release that runs here, and install that one";

impl EdgeError {
    /// The remedy, where there is one.
    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Config(error) => error.hint().map(Cow::from),
            Self::BundleReplaced { .. } => Some(
                "put the old file back, or restart the station with the new one when `twinspect check --config \
                 FILE` is content with it"
                    .into(),
            ),
            Self::StationTaken { .. } => Some(
                "one process runs a station: stop that one first, as a service with `systemctl stop \
                 twinspect@NAME`"
                    .into(),
            ),
            Self::Control(error) => Some(control_hint(error).into()),
            Self::Usage { hint, .. } => Some((*hint).into()),
            Self::Data(error) => error.hint().or(Some(DATA_HINT.into())),
            Self::CameraFolder { source, .. } => source.hint().or(Some(DATA_HINT.into())),
            Self::Recording(WriteError::Writing { .. }) => Some(STORE_HINT.into()),
            Self::Recording(error) => error.hint(),
            Self::RecordingExists { .. } => Some(
                "nothing is overwritten: name another file. One with .partial in its name is that of a recording that is \
                 being written, or left of one that was interrupted, and then it may be deleted"
                    .into(),
            ),
            Self::NoRoom { .. } => {
                Some("make room, name another disk, or record for fewer --seconds".into())
            }
            Self::SlowDisk { .. } => Some(
                "record onto a faster disk, or smaller pictures or fewer of them; what was recorded before is there"
                    .into(),
            ),
            Self::BrokenOff { .. } => Some(
                "copy the recording again, or record anew; the parts before that place were judged as always".into(),
            ),
            Self::NothingRecorded => Some("wait until it says that pictures are recorded".into()),
            Self::NothingNew { .. } => Some(
                "ask for fewer --parts, or let the camera play more of them; with camera.repeat = false it ends with the \
                 last one"
                    .into(),
            ),
            Self::NothingMeasured { .. } => Some(
                "look through the camera with `twinspect check --config FILE --camera`; recorded parts that are few last \
                 longer with camera.repeat = true"
                    .into(),
            ),
            Self::Survey(SurveyError::NoDepth) => Some(
                "the belt is measured by depth: a camera of colour alone has none to measure".into(),
            ),
            Self::Implausible(error) => Some(error.hint().into()),
            Self::Edited { .. } => Some("measure again when nobody edits it".into()),
            Self::Survey(_) => Some(
                "look through the camera with `twinspect check --config FILE --camera`: the belt must be seen along \
                 the picture's sides, and by `calibrate` all over it"
                    .into(),
            ),
            Self::Bundle(error) => {
                let hint = hint_of_installed(error).or_else(|| error.hint());
                Some(hint.map_or(BUNDLE_HINT.into(), Cow::from))
            }
            Self::Preparation { .. } | Self::Score { .. } => {
                Some("the bundle was made wrongly: export it again".into())
            }
            Self::UnfitCamera { .. } => Some(
                "use a bundle that was trained with this camera and this distance, or record \
                 good parts with it and train again"
                    .into(),
            ),
            Self::Unseeable { .. } => Some(
                "use a part sensor, with trigger.source = \"sensor\", or a product that is inspected by \
                 depth too"
                    .into(),
            ),
            Self::Prepare { .. } => {
                Some("the bundle belongs to frames of another size or camera".into())
            }
            Self::Engine(error) => error.hint().map(Cow::from),
            Self::Unusable(error) => error.hint().map(Cow::from),
            Self::Plans(error) => error.hint().map(Cow::from),
            Self::Calibrate(error) => error.hint().map(Cow::from),
            Self::Proof { source, .. } => source.hint().map(Cow::from),
            Self::Camera(error @ CameraError::Part { .. }) => {
                error.hint().or(Some(DATA_HINT.into()))
            }
            Self::Camera(error) => error.hint(),
            Self::Preset { .. } => {
                Some("name a JSON file that the vendor's viewer has saved, or leave the key out".into())
            }
            Self::Page { .. } => Some(
                "each page has an address and a port of its own: `page.listen` of the configuration; `page.enabled = \
                 false` is none"
                    .into(),
            ),
            Self::Store { .. } => Some(STORE_HINT.into()),
            Self::RecordsInUse { .. } => {
                Some("stop that station, or give this one a `records.folder` of its own".into())
            }
            Self::Records(error) => match (error.hint(), error) {
                (Some(hint), _) => Some(hint.into()),
                (None, RecordsError::Read { .. }) => Some(RECORDS_HINT.into()),
                (None, RecordsError::Write { .. }) => Some(STORE_HINT.into()),
                (None, _) => None,
            },
            Self::RecipeFailed { rejects: true, .. } => Some(
                "mend what is said: the station tries again by itself, and rejects all parts until then; or select \
                 the recipe of the product before"
                    .into(),
            ),
            Self::RecipeFailed { .. } => Some("the model before it goes on".into()),
            Self::NotAccepted { .. } => {
                Some("the report lists the parts; `twinspect records` has pictures of those that were rejected".into())
            }
            Self::NotExported { .. } => {
                Some("the others are part of the set now, and stay so when this is tried again".into())
            }
            Self::System { .. } => {
                Some("this should not happen: please report it with the lines above".into())
            }
            Self::Models(error) => error.hint().map(Cow::from),
            Self::NotProven { again: None, .. } | Self::Belied { folder: None, .. } => {
                Some(BELIED_HINT.into())
            }
            Self::Belied {
                folder: Some(folder),
                ..
            } => Some(
                format!("{BELIED_HINT}; `rm -r {}` removes this one", shell::word(folder)).into(),
            ),
            Self::ProofBroken {
                again,
                of_gpu: true,
                ..
            } => Some(
                format!(
                    "it can't be activated, and the models that are active stay. Install the GPU's libraries again ({GPU_LIBRARIES}), \
                     or set engine.kind = \"cpu\"; then `{again}` tries again"
                )
                .into(),
            ),
            Self::NotProven {
                again: Some(again), ..
            }
            | Self::ProofBroken { again, .. } => Some(
                format!(
                    "it can't be activated, and the models that are active stay: `{again}` tries again"
                )
                .into(),
            ),
            Self::NotProvenAnew { again, .. } => {
                Some(format!("it can be activated as before; `{again}` tries again").into())
            }
            Self::Unproven { again, .. } => Some(format!("`{again}` proves it").into()),
            Self::Line(error) => error.hint().map(Cow::from),
            Self::Output(_) => Some(OUTPUT_HINT.into()),
            Self::Station(_) | Self::Gate(_) | Self::InspectProcess { .. } => None,
        }
    }
}

/// Who names no socket asks where services answer, and may not know it.
fn control_hint(error: &ControlError) -> &'static str {
    match error {
        ControlError::Ask { path, source }
            if source.kind() == io::ErrorKind::NotFound && path.starts_with(SERVICES) =>
        {
            SERVICE_HINT
        }
        error => error.hint(),
    }
}
