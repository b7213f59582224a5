//! The folder of pictures that the page shows: the last part and the last rejected ones.
//!
//! The inspect process writes it, the page's process reads it, and nothing else passes between them. A
//! picture's name says which part it shows. Whoever wants to show pictures from elsewhere changes
//! [`Album::pictures`] alone.

use std::path::{Path, PathBuf};

use twinspect_core::gate::PARTS_MAX;

use crate::error::EdgeError;

/// Rejected parts that the page shows.
pub(crate) const REJECTS_SHOWN: usize = 12;
/// Pictures of rejected parts that are kept. A part is drawn when it was judged and shown when it has left: all that
/// may be under way meanwhile are kept too, about two megabytes at the most.
const REJECTS_KEPT: usize = REJECTS_SHOWN + PARTS_MAX;
/// Pictures of passed parts that are kept. They are drawn about once a second, and one of the last that have left is
/// shown.
const PASSES_KEPT: usize = 8;
/// Longest picture that is served.
const BYTES_MAX: u64 = 2 << 20;
const PREFIX: &str = "part-";
const PASS: &str = "-pass.jpg";
const REJECT: &str = "-reject.jpg";

/// A part of which there is a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) number: u64,
    pub(crate) passes: bool,
}

impl Shown {
    fn name(self) -> String {
        let kind = if self.passes { PASS } else { REJECT };
        format!("{PREFIX}{:08}{kind}", self.number)
    }

    /// Of which part a file is a picture.
    fn of(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (number, passes) = match rest.strip_suffix(PASS) {
            Some(number) => (number, true),
            None => (rest.strip_suffix(REJECT)?, false),
        };
        let number = number.parse().ok()?;
        let shown = Self { number, passes };
        (shown.name() == name).then_some(shown)
    }
}

/// The folder.
#[derive(Debug)]
pub(crate) struct Album {
    folder: PathBuf,
}

impl Album {
    /// Of pictures that lie there already and of those that come.
    pub(crate) fn open(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Makes the folder, without the pictures of an earlier run: parts have numbers since the start.
    pub(crate) fn begin(folder: &Path) -> Result<Self, EdgeError> {
        fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        let album = Self::open(folder.to_owned());
        for shown in album.pictures() {
            album.remove(shown);
        }
        Ok(album)
    }

    /// Adds a picture, then removes what is too old.
    pub(crate) fn add(
        &mut self,
        shown: Shown,
        write: impl FnOnce(&Path) -> Result<(), EdgeError>,
    ) -> Result<(), EdgeError> {
        write(&self.folder.join(shown.name()))?;
        let (passed, rejected): (Vec<Shown>, Vec<Shown>) =
            self.pictures().into_iter().partition(|shown| shown.passes);
        let old = passed.into_iter().skip(PASSES_KEPT);
        for old in old.chain(rejected.into_iter().skip(REJECTS_KEPT)) {
            self.remove(old);
        }
        Ok(())
    }

    fn remove(&self, shown: Shown) {
        if let Err(error) = fs_err::remove_file(self.folder.join(shown.name())) {
            log::debug!("removing an old picture: {error}");
        }
    }

    /// The parts of which there are pictures, newest first.
    pub(crate) fn pictures(&self) -> Vec<Shown> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut found: Vec<Shown> = entries
            .flatten()
            .filter_map(|entry| Shown::of(entry.file_name().to_str()?))
            .collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found
    }

    /// The JPEG of a part, if there is one.
    pub(crate) fn picture(&self, number: u64) -> Option<Vec<u8>> {
        [true, false].into_iter().find_map(|passes| {
            let path = self.folder.join(Shown { number, passes }.name());
            let size = std::fs::symlink_metadata(&path)
                .ok()
                .filter(|found| found.is_file())?
                .len();
            (size <= BYTES_MAX)
                .then(|| std::fs::read(&path).ok())
                .flatten()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(album: &mut Album, number: u64, passes: bool) {
        let shown = Shown { number, passes };
        let written = album.add(shown, |path| {
            std::fs::write(path, number.to_string()).map_err(EdgeError::store(path))
        });
        written.unwrap();
    }

    #[test]
    fn the_last_of_each_kind_are_kept_and_an_earlier_run_s_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.pictures");
        let mut album = Album::begin(&path).unwrap();
        std::fs::write(path.join("notes.txt"), b"").unwrap();
        for number in 1..=90 {
            add(&mut album, number, false);
        }
        for number in 91..=110 {
            add(&mut album, number, true);
        }
        let pictures = album.pictures();
        assert_eq!(pictures.len(), REJECTS_KEPT + PASSES_KEPT);
        assert_eq!(pictures[0].number, 110);
        assert_eq!(pictures[PASSES_KEPT].number, 90);
        assert_eq!(album.picture(90).unwrap(), b"90");
        assert_eq!(album.picture(1), None);
        assert_eq!(Album::begin(&path).unwrap().pictures(), []);
        assert!(path.join("notes.txt").exists());
    }

    #[test]
    fn nothing_but_its_own_names_is_a_picture() {
        let shown = Shown {
            number: 12,
            passes: false,
        };
        assert_eq!(Shown::of("part-00000012-reject.jpg"), Some(shown));
        for foreign in [
            "part-12-reject.jpg",
            "part-+0000012-reject.jpg",
            "part-00000012-reject.jpg.partial",
            "part--pass.jpg",
            "../part-00000012-pass.jpg",
        ] {
            assert_eq!(Shown::of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn what_is_no_plain_file_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let album = Album::begin(folder.path()).unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, b"secret").unwrap();
        std::os::unix::fs::symlink(&secret, folder.path().join("part-00000001-pass.jpg")).unwrap();
        assert_eq!(album.picture(1), None);
    }
}
