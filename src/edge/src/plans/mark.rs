//! A file that lies in the plans' folder for as long as a station builds by itself.
//!
//! A build may be the end of a board: too little power, too much heat, a watchdog. Its station would begin it anew at each
//! start, with nobody there to see. What has ended a board lies there at the next start, and is left to people.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_engine::tensorrt::PlanError;

use super::folder::{BuildLock, make_folder};

/// Names that begin with a dot are no plans.
const NAME: &str = ".station-builds";

/// Where it lies.
pub(crate) fn mark_in(plans: &Path) -> PathBuf {
    plans.join(NAME)
}

/// Sets it, so that it outlives a loss of power. False if it is there already.
///
/// # Errors
/// The folder can't be made, or written to; [`PlanError::Busy`] if somebody builds there.
pub(crate) fn set_mark(plans: &Path) -> Result<bool, PlanError> {
    make_folder(plans)?;
    // The build is another process, which takes it for itself.
    drop(BuildLock::take(plans)?);
    match fs_err::File::create_new(mark_in(plans)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        created => {
            let kept = created.and_then(|file| {
                file.sync_all()?;
                fs_err::File::open(plans)?.sync_all()
            });
            kept.map_err(PlanError::Write)?;
            Ok(true)
        }
    }
}

/// Takes it away.
pub(crate) fn take_mark(plans: &Path) {
    match fs_err::remove_file(mark_in(plans)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            log::warn!("the station will not build plans by itself at its next start: {error}");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_set_once_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let plans = folder.path().join("of/a/station");
        assert!(set_mark(&plans).unwrap());
        assert!(!set_mark(&plans).unwrap());
        take_mark(&plans);
        take_mark(&plans);
        assert!(set_mark(&plans).unwrap());
    }

    #[test]
    fn no_mark_is_set_where_somebody_builds() {
        let folder = tempfile::tempdir().unwrap();
        let build = BuildLock::take(folder.path()).unwrap();
        let error = set_mark(folder.path()).unwrap_err();
        assert!(matches!(error, PlanError::Busy { .. }), "{error:?}");
        assert!(!mark_in(folder.path()).exists());
        drop(build);
        assert!(set_mark(folder.path()).unwrap());
    }
}
