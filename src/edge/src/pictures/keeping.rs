//! What a picture must not take the place of.

use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use image::RgbImage;
use twinspect_dataset::file_kind;

use super::save;
use crate::config::{CameraSource, Station, WhichCamera};
use crate::error::EdgeError;

/// How each PNG file begins (PNG Specification, 5.2).
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];

/// What a station needs, though it be a picture itself. Somebody has named the place of another one.
pub(crate) struct Kept<'a> {
    config: &'a Path,
    bundle: PathBuf,
    camera: &'a CameraSource,
}

impl<'a> Kept<'a> {
    pub(crate) fn of(config: &'a Path, station: &'a Station) -> Self {
        Self {
            config,
            bundle: station.bundle.resolve().unwrap_or_default(),
            camera: &station.camera,
        }
    }

    /// Refuses a place where something lies, unless it is a PNG picture that nobody needs.
    ///
    /// # Errors
    /// [`EdgeError::Usage`], and [`EdgeError::Store`] if it can't be looked at.
    pub(crate) fn check(&self, path: &Path) -> Result<(), EdgeError> {
        let Some(name) = path.file_name() else {
            return Err(refused(path, "no name of a file"));
        };
        if let Some((above, found)) = nearest_above(path)
            && !found.is_dir()
        {
            let (above, found) = (above.display(), file_kind(found.file_type()));
            return Err(EdgeError::Usage {
                message: format!("{above} is {found} and no folder: no picture lies in it"),
                hint: "name a folder, or one that is not there yet in one that is",
            });
        }
        if let Ok(found) = path.metadata()
            && let Some(what) = self.needed(path, &found)?
        {
            return Err(refused(path, what));
        }
        match lying(path)? {
            Lying::Nothing => {}
            Lying::Else(what) => return Err(refused(path, what)),
            Lying::File => {
                if !begins_as_png(path).map_err(EdgeError::store(path))? {
                    return Err(refused(path, "no PNG picture"));
                }
            }
        }
        // It has this name while it is written.
        let mut partial = name.to_owned();
        partial.push(".partial");
        let partial = path.with_file_name(partial);
        if let Lying::Else(what) = lying(&partial)? {
            return Err(refused(&partial, what));
        }
        match partial.metadata() {
            Ok(found) if is_same(&found, self.config) => {
                Err(refused(&partial, "the station's configuration"))
            }
            _ => Ok(()),
        }
    }

    /// As [`Kept::check`] of a picture that somebody has named, and not only its folder: a PNG by its name too, in a folder
    /// that is there.
    ///
    /// # Errors
    /// As [`Kept::check`].
    pub(crate) fn check_one(&self, path: &Path) -> Result<(), EdgeError> {
        self.check(path)?;
        let is_png = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        // What begins with its only dot has no ending but a name.
        if !is_png
            && path
                .file_name()
                .is_some_and(|name| name.eq_ignore_ascii_case(".png"))
        {
            return Err(EdgeError::Usage {
                message: format!("{} has no name before the ending .png", path.display()),
                hint: "give the picture a name, as belt.png",
            });
        }
        if !is_png {
            return Err(EdgeError::Usage {
                message: format!("{} has not the ending .png", path.display()),
                hint: "the picture is a PNG file: give it that ending",
            });
        }
        // A name alone lies in the folder that the program runs in.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(EdgeError::Usage {
                message: format!(
                    "the folder {} is not there, for the picture {}",
                    folder.display(),
                    path.display()
                ),
                hint: "make the folder, or name another one; none is made for a picture, which may have been mistyped",
            });
        }
        Ok(())
    }

    /// Writes a PNG, and the folders that it lies in, after another look: much may have come there since.
    ///
    /// # Errors
    /// As [`Kept::check`], and [`EdgeError::Store`].
    pub(crate) fn save(&self, picture: &RgbImage, path: &Path) -> Result<(), EdgeError> {
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder).map_err(EdgeError::store(folder))?;
        }
        self.check(path)?;
        save(picture, path)
    }

    /// What the station needs a file for.
    fn needed(&self, path: &Path, found: &Metadata) -> Result<Option<&'static str>, EdgeError> {
        if is_same(found, self.config) {
            return Ok(Some("the station's configuration"));
        }
        if lies_in(path, &self.bundle) {
            return Ok(Some("of the station's bundle"));
        }
        let is_played = match self.camera {
            CameraSource::Replay(parts) | CameraSource::Belt { parts, .. } => {
                let dataset = twinspect_dataset::open(&parts.folder)?;
                let files = dataset.files();
                files
                    .iter()
                    .any(|file| is_same(found, &parts.folder.join(file)))
            }
            CameraSource::RealSense(source) => match &source.which {
                WhichCamera::Recorded { file } => is_same(found, file),
                WhichCamera::Connected { .. } => false,
            },
            CameraSource::V4l2(_) => false,
        };
        Ok(is_played.then_some("what the camera plays"))
    }
}

/// The nearest of the folders above that is there, or what lies in its place.
fn nearest_above(path: &Path) -> Option<(&Path, Metadata)> {
    path.ancestors()
        .skip(1)
        .find_map(|above| Some((above, above.metadata().ok()?)))
}

fn refused(path: &Path, what: &str) -> EdgeError {
    EdgeError::Usage {
        message: format!("{} is {what}: no picture takes its place", path.display()),
        hint: "name a new file; of those that are there, a PNG picture alone may be replaced",
    }
}

/// What lies at a place, without following a link.
enum Lying {
    Nothing,
    File,
    Else(&'static str),
}

fn lying(path: &Path) -> Result<Lying, EdgeError> {
    let kind = match path.symlink_metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lying::Nothing),
        Err(error) => return Err(EdgeError::store(path)(error)),
    };
    Ok(if kind.is_file() {
        Lying::File
    } else if kind.is_symlink() {
        Lying::Else("a link")
    } else if kind.is_dir() {
        Lying::Else("a folder")
    } else {
        Lying::Else("no plain file")
    })
}

fn begins_as_png(path: &Path) -> std::io::Result<bool> {
    let mut first = Vec::with_capacity(SIGNATURE.len());
    let file = fs_err::File::open(path)?;
    file.take(SIGNATURE.len() as u64).read_to_end(&mut first)?;
    Ok(first == SIGNATURE)
}

/// Whether another name leads to the same file.
fn is_same(found: &Metadata, other: &Path) -> bool {
    let same = |other: Metadata| (other.dev(), other.ino()) == (found.dev(), found.ino());
    other.metadata().is_ok_and(same)
}

fn lies_in(path: &Path, folder: &Path) -> bool {
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::config;
    use crate::error::WithCauses;

    /// A station beside the parts that its camera plays.
    fn station(folder: &Path) -> (PathBuf, Station) {
        let part = folder.join("parts/test/good/000");
        std::fs::create_dir_all(&part).unwrap();
        save(&RgbImage::new(4, 4), &part.join("rgb.png")).unwrap();
        std::fs::create_dir_all(folder.join("bundle/goldens")).unwrap();
        save(&RgbImage::new(4, 4), &folder.join("bundle/goldens/rgb.png")).unwrap();
        let config = folder.join("station.toml");
        let text = "[bundle]\nfile = \"bundle\"\n[camera]\nkind = \"replay\"\nfolder = \"parts\"\n";
        std::fs::write(&config, text).unwrap();
        let station = config::load_without_model(&config).unwrap().station;
        (config, station)
    }

    #[test]
    fn a_picture_takes_the_place_of_nothing_and_of_another_picture_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (config, station) = station(folder);
        let kept = Kept::of(&config, &station);
        let picture = RgbImage::new(2, 2);

        let new = folder.join("new/belt.png");
        kept.check(&new).unwrap();
        assert!(!folder.join("new").exists());
        kept.save(&picture, &new).unwrap();
        kept.save(&RgbImage::new(3, 3), &new).unwrap();
        assert_eq!(image::open(&new).unwrap().width(), 3);

        std::fs::write(folder.join("shift.bag"), "#ROSBAG V2.0").unwrap();
        std::fs::write(folder.join("empty"), "").unwrap();
        symlink(&new, folder.join("link.png")).unwrap();
        symlink("nowhere", folder.join("dangling.png")).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        symlink(&config, folder.join("beside.png.partial")).unwrap();
        std::fs::hard_link(&config, folder.join("twin.png")).unwrap();
        for (name, what) in [
            ("station.toml", "the station's configuration"),
            ("twin.png", "the station's configuration"),
            ("parts/test/good/000/rgb.png", "what the camera plays"),
            ("bundle/goldens/rgb.png", "of the station's bundle"),
            ("shift.bag", "no PNG picture"),
            ("empty", "no PNG picture"),
            ("link.png", "a link"),
            ("dangling.png", "a link"),
            ("socket", "no plain file"),
            ("new", "a folder"),
            ("new/..", "no name of a file"),
            ("beside.png", "beside.png.partial is a link"),
        ] {
            let path = folder.join(name);
            let before = path.symlink_metadata().ok().map(|found| found.ino());
            for refused in [kept.check(&path), kept.save(&picture, &path)] {
                let error = refused.unwrap_err();
                assert_eq!(error.code(), 2, "{name}");
                let told = WithCauses(&error).to_string();
                assert!(told.contains(what), "{name}: {told}");
            }
            let after = path.symlink_metadata().ok().map(|found| found.ino());
            assert_eq!(before, after, "{name}");
        }
        for inside in ["belt.png", "seen/today/belt.png"] {
            let error = kept.check(&config.join(inside)).unwrap_err();
            assert_eq!(error.code(), 2, "{error}");
            let told = error.to_string();
            assert!(
                told.contains("station.toml is a file and no folder"),
                "{told}"
            );
        }
    }

    #[test]
    fn one_picture_has_the_ending_of_a_picture_and_a_folder_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (config, station) = station(folder);
        let kept = Kept::of(&config, &station);
        for name in ["belt.png", "BELT.PNG", "parts/belt.png"] {
            kept.check_one(&folder.join(name)).unwrap();
        }
        kept.check_one(Path::new("no such picture.png")).unwrap();
        for (name, what) in [
            ("belt.jpg", "belt.jpg has not the ending .png"),
            ("belt", "belt has not the ending .png"),
            (".PNG", ".PNG has no name before the ending .png"),
            ("parts/test/seen/belt.png", "parts/test/seen is not there"),
            ("station.toml", "the station's configuration"),
        ] {
            let error = kept.check_one(&folder.join(name)).unwrap_err();
            assert_eq!(error.code(), 2, "{name}");
            assert!(error.to_string().contains(what), "{name}: {error}");
        }
        assert!(!folder.join("parts/test/seen").exists());
    }
}
