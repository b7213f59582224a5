//! The folder of plans: there, to be written, and of one build at a time.

use std::fs::{DirBuilder, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, access};
use twinspect_engine::tensorrt::{PlanError, PlanStore};
use twinspect_store::models::lock_holder;

/// Makes a folder of plans that nobody else may write into, whatever the mask is.
///
/// # Errors
/// [`PlanError::NoFolder`], [`PlanError::NoAccess`].
pub(super) fn make_folder(folder: &Path) -> Result<(), PlanError> {
    if !PlanStore::new(folder).is_there()? {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.map_err(|error| no_access(folder, "made", error))?;
    }
    // Asks for a read-only file system, too.
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| no_access(folder, "written", error.into()))
}

/// Sees whether [`make_folder`] may go well and plans may lie there, and makes nothing.
///
/// # Errors
/// [`PlanError::NoFolder`], [`PlanError::NoAccess`], [`PlanError::Exposed`].
pub(super) fn check_folder(folder: &Path) -> Result<(), PlanError> {
    let store = PlanStore::new(folder);
    let (asked, verb) = match store.is_there()? {
        true => {
            store.hold_private()?;
            (Some(folder), "written")
        }
        false => {
            let mut above = folder.ancestors().skip(1).map(or_here);
            (above.find(|above| above.is_dir()), "made")
        }
    };
    asked.map_or(Ok(()), |asked| {
        access(asked, Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| no_access(folder, verb, error.into()))
    })
}

/// Of a relative path nothing is left above its first folder.
fn or_here(folder: &Path) -> &Path {
    if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    }
}

fn no_access(folder: &Path, verb: &'static str, source: io::Error) -> PlanError {
    let folder = folder.to_owned();
    PlanError::NoAccess {
        folder,
        verb,
        source,
    }
}

/// A build's hold on its folder, for as long as this lives: two would do the same work twice, and each would take the
/// other's memory. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct BuildLock {
    /// None where the file system knows no locks.
    folder: Option<fs_err::File>,
}

impl BuildLock {
    /// Takes it.
    ///
    /// # Errors
    /// [`PlanError::Busy`] if another process has it; [`PlanError::Read`].
    pub(super) fn take(folder: &Path) -> Result<Self, PlanError> {
        let opened = fs_err::File::open(folder).map_err(PlanError::Read)?;
        match opened.try_lock() {
            Ok(()) => Ok(Self {
                folder: Some(opened),
            }),
            Err(TryLockError::WouldBlock) => {
                let inode = opened.metadata().map(|folder| folder.ino());
                Err(PlanError::Busy {
                    folder: folder.to_owned(),
                    holder: inode.ok().and_then(lock_holder),
                })
            }
            Err(TryLockError::Error(error)) => {
                log::warn!(
                    "{} can't be locked, so a second build there would not be noticed: {error}",
                    folder.display()
                );
                Ok(Self { folder: None })
            }
        }
    }
}

impl Drop for BuildLock {
    /// Closing it is not enough: a process that another thread starts at that moment has it too, until it begins its program.
    fn drop(&mut self) {
        if let Some(folder) = &self.folder
            && let Err(error) = folder.unlock()
        {
            log::debug!("a lock goes with its folder: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_build_at_a_time() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("of/a/station");
        make_folder(&folder).unwrap();
        make_folder(&folder).unwrap();
        let first = BuildLock::take(&folder).unwrap();
        let error = BuildLock::take(&folder).unwrap_err();
        let PlanError::Busy {
            folder: named,
            holder,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*named, folder);
        // The kernel's table may be hidden where this test runs.
        assert!(
            holder.is_none_or(|holder| holder == std::process::id()),
            "{error}"
        );
        drop(first);
        BuildLock::take(&folder).unwrap();
    }

    #[test]
    fn what_lies_in_its_place_is_told() {
        let temporary = tempfile::tempdir().unwrap();
        let file = temporary.path().join("file");
        std::fs::write(&file, "").unwrap();
        let link = temporary.path().join("link");
        std::os::unix::fs::symlink(temporary.path().join("nowhere"), &link).unwrap();
        for path in [file, link] {
            for error in [check_folder(&path), make_folder(&path)] {
                let error = error.unwrap_err();
                assert!(matches!(error, PlanError::NoFolder { .. }), "{error:?}");
            }
        }
    }

    #[test]
    fn where_others_may_write_nothing_is_to_be_built() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        check_folder(folder.path()).unwrap();
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), everybody).unwrap();
        let error = check_folder(folder.path()).unwrap_err();
        assert!(matches!(error, PlanError::Exposed { .. }), "{error:?}");
    }

    #[test]
    fn looking_whether_it_can_be_made_makes_nothing() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("of/a/station");
        check_folder(&folder).unwrap();
        check_folder(Path::new("plans-that-nobody-makes")).unwrap();
        assert!(!temporary.path().join("of").exists());
        make_folder(&folder).unwrap();
        check_folder(&folder).unwrap();
    }

    /// Nobody makes a folder in the kernel's own, root neither.
    #[test]
    fn a_folder_that_can_t_be_made_is_named() {
        let folder = Path::new("/sys/kernel/plans");
        let error = make_folder(folder).unwrap_err();
        assert!(
            matches!(&error, PlanError::NoAccess { folder: named, verb: "made", .. } if named == folder),
            "{error:?}"
        );
        assert!(error.hint().unwrap().contains("engine.plans"));
    }
}
