//! The kernel's video nodes: which there are, and opening one.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use v4l::Device;
use v4l::capability;

use super::device::Identity;
use super::error::V4l2Error;
use super::find::NodeFacts;
use super::kernel::{is, shielded};
use twinspect_dataset::file_kind;

/// Folders of names that stay the same.
const LINKS: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

/// All video nodes of this machine, in the order of their numbers.
pub fn nodes() -> Vec<NodeFacts> {
    let listed = shielded(|| Ok(v4l::context::enum_devices()));
    let mut nodes: Vec<PathBuf> = listed
        .unwrap_or_default()
        .iter()
        .map(|node| node.path().to_owned())
        .collect();
    nodes.sort_by_key(|node| (node.as_os_str().len(), node.clone()));
    let links = links();
    nodes
        .into_iter()
        .map(|node| {
            let links = links
                .iter()
                .filter(|(_, target)| *target == node)
                .map(|(link, _)| link.clone())
                .collect();
            let (identity, captures, is_planar) = match open(&node) {
                Ok((_, identity, flags)) => (Ok(identity), captures(flags), is_planar(flags)),
                Err(error) => (Err(error.to_string()), false, false),
            };
            NodeFacts {
                node,
                links,
                identity,
                captures,
                is_planar,
            }
        })
        .collect()
}

/// Names that stay the same, each with the node that it leads to.
fn links() -> Vec<(PathBuf, PathBuf)> {
    let mut links: Vec<(PathBuf, PathBuf)> = LINKS
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| {
            let link = entry.ok()?.path();
            let target = link.canonicalize().ok()?;
            Some((link, target))
        })
        .collect();
    links.sort();
    links
}

fn open(node: &Path) -> io::Result<(Device, Identity, capability::Flags)> {
    shielded(|| {
        let device = Device::with_path(node)?;
        let caps = device.query_caps()?;
        let identity = Identity {
            node: node.display().to_string(),
            card: caps.card,
            bus: caps.bus,
            driver: caps.driver,
        };
        Ok((device, identity, caps.capabilities))
    })
}

/// Opens what must be a video device.
pub(super) fn open_camera(node: &Path) -> Result<(Device, Identity, capability::Flags), V4l2Error> {
    let no_device = |found| V4l2Error::NoDevice {
        node: node.display().to_string(),
        found,
    };
    if let Ok(found) = std::fs::metadata(node)
        && !found.file_type().is_char_device()
    {
        return Err(no_device(file_kind(found.file_type())));
    }
    open(node).map_err(|source| {
        // The first question is one that every video device answers.
        if is(&source, Errno::NOTTY) {
            return no_device("a device of another kind");
        }
        V4l2Error::Open {
            node: node.display().to_string(),
            source,
        }
    })
}

pub(super) fn captures(flags: capability::Flags) -> bool {
    flags.contains(capability::Flags::VIDEO_CAPTURE | capability::Flags::STREAMING)
}

/// Whether it is a camera whose pictures lie in several planes. What takes pictures as well is a codec.
pub(super) fn is_planar(flags: capability::Flags) -> bool {
    flags.contains(capability::Flags::VIDEO_CAPTURE_MPLANE)
        && !flags.contains(capability::Flags::VIDEO_OUTPUT_MPLANE)
        && !captures(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_crate_is_an_error() {
        // It takes paths apart without asking whether they can be.
        let error = open(Path::new("/dev/video\0")).err().unwrap();
        assert!(error.to_string().contains("does not know"), "{error}");
        assert_eq!(
            open(Path::new("/nonexistent")).err().unwrap().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn cameras_of_several_planes_are_told_from_others_and_from_codecs() {
        use capability::Flags;
        let planes = Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING;
        assert!(is_planar(planes) && !captures(planes));
        assert!(!is_planar(planes | Flags::VIDEO_OUTPUT_MPLANE));
        let both = planes | Flags::VIDEO_CAPTURE;
        assert!(captures(both) && !is_planar(both));
        assert!(!is_planar(Flags::META_CAPTURE | Flags::STREAMING));
    }

    #[test]
    fn a_file_that_is_no_camera_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("video0");
        std::fs::write(&file, "no camera").unwrap();
        for (path, what) in [
            (file.as_path(), "a file"),
            (folder.path(), "a folder"),
            (Path::new("/dev/null"), "a device of another kind"),
        ] {
            let error = open_camera(path).err().unwrap();
            let told = error.to_string();
            assert_eq!(
                told,
                format!("{} is {what} and no video device", path.display())
            );
            assert!(error.hint().unwrap().contains("/dev/v4l/by-id"));
            assert!(!error.may_pass(), "no step brings a camera there");
        }
        let absent = open_camera(Path::new("/nonexistent")).err().unwrap();
        assert!(absent.is_absent(), "{absent}");
    }
}
