//! Which folder holds what: `folder.json` with the names that anomalib's `Folder` and `Folder3D`
//! give to their arguments, or folders that are called so themselves.
//!
//! ```json
//! {"normal_dir": "good", "abnormal_dir": ["crack", "colour"], "mask_dir": ["mask/crack", "mask/colour"]}
//! ```
//!
//! Without `folder.json` a set has `normal`, and `abnormal`, `normal_test`, `mask` (or
//! `ground_truth`), `normal_depth`, `abnormal_depth`, `normal_test_depth` as far as they exist.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::error::DatasetError;
use crate::layout::entries::{folders, pictures};
use crate::part::Label;
use crate::plain::plain_file;
use crate::text;

/// The description's name, at the top of the set.
pub(super) const FILE: &str = "folder.json";
/// The most bytes of it.
const MAX_BYTES: u64 = 65_536;

const NORMAL: &str = "normal_dir";
const NORMAL_TEST: &str = "normal_test_dir";
const ABNORMAL: &str = "abnormal_dir";
const MASK: &str = "mask_dir";
const NORMAL_DEPTH: &str = "normal_depth_dir";
const NORMAL_TEST_DEPTH: &str = "normal_test_depth_dir";
const ABNORMAL_DEPTH: &str = "abnormal_depth_dir";

/// The keys as they are typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FolderFile {
    normal_dir: PathBuf,
    normal_test_dir: Option<PathBuf>,
    abnormal_dir: Option<OneOrMore>,
    mask_dir: Option<OneOrMore>,
    normal_depth_dir: Option<PathBuf>,
    normal_test_depth_dir: Option<PathBuf>,
    abnormal_depth_dir: Option<OneOrMore>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a folder or a list of folders")]
enum OneOrMore {
    One(PathBuf),
    More(Vec<PathBuf>),
}

fn listed(folders: Option<OneOrMore>) -> Vec<PathBuf> {
    match folders {
        None => Vec::new(),
        Some(OneOrMore::One(folder)) => vec![folder],
        Some(OneOrMore::More(folders)) => folders,
    }
}

/// What the pictures of a folder are.
pub(super) enum Role {
    Normal,
    NormalTest,
    /// With the kind of defect, after the folder's own name.
    Abnormal(String),
}

/// A folder of pictures and what belongs to it, below the root.
pub(super) struct Source {
    pub(super) role: Role,
    pub(super) pictures: PathBuf,
    pub(super) depth: Option<PathBuf>,
    pub(super) masks: Option<PathBuf>,
}

/// A checked description: all folders lie below the root and hold pictures.
pub(super) struct Description {
    /// Training pictures first.
    pub(super) sources: Vec<Source>,
    pub(super) has_depth: bool,
}

impl Description {
    /// What `folder.json` says, if there is one.
    pub(super) fn read(root: &Path) -> Result<Option<Self>, DatasetError> {
        let Some(path) = plain_file(root.join(FILE))? else {
            return Ok(None);
        };
        let text = text::read(&path, MAX_BYTES)?;
        let file = serde_json::from_str(&text).map_err(DatasetError::json(&path))?;
        Checker { root, path }.check(file).map(Some)
    }

    /// What the names of the folders say, if there are pictures in `normal`.
    pub(super) fn by_names(root: &Path) -> Result<Option<Self>, DatasetError> {
        let present =
            |name: &str| Some(PathBuf::from(name)).filter(|name| root.join(name).is_dir());
        let Some(normal_dir) = present("normal") else {
            return Ok(None);
        };
        if pictures(&root.join(&normal_dir))?.is_empty() {
            return Ok(None);
        }
        let file = FolderFile {
            normal_dir,
            normal_test_dir: present("normal_test"),
            abnormal_dir: present("abnormal").map(OneOrMore::One),
            mask_dir: present("mask")
                .or_else(|| present("ground_truth"))
                .map(OneOrMore::One),
            normal_depth_dir: present("normal_depth"),
            normal_test_depth_dir: present("normal_test_depth"),
            abnormal_depth_dir: present("abnormal_depth").map(OneOrMore::One),
        };
        let path = root.to_owned();
        Checker { root, path }.check(file).map(Some)
    }
}

struct Checker<'a> {
    root: &'a Path,
    /// Where the description stands.
    path: PathBuf,
}

impl Checker<'_> {
    fn check(&self, file: FolderFile) -> Result<Description, DatasetError> {
        let has_depth = file.normal_depth_dir.is_some();
        let abnormal = listed(file.abnormal_dir);
        let masks = self.beside_abnormal(MASK, listed(file.mask_dir), abnormal.len())?;
        let abnormal_depth = self.beside_abnormal(
            ABNORMAL_DEPTH,
            listed(file.abnormal_depth_dir),
            abnormal.len(),
        )?;
        let mut sources = vec![Source {
            role: Role::Normal,
            pictures: self.with_pictures(NORMAL, file.normal_dir)?,
            depth: self.depth(NORMAL_DEPTH, file.normal_depth_dir, has_depth)?,
            masks: None,
        }];
        let mut kinds = BTreeSet::new();
        for (place, folder) in abnormal.into_iter().enumerate() {
            let kind = self.kind(&folder)?;
            if !kinds.insert(kind.clone()) {
                let expected = "folders whose last names, the kinds of defect, differ".into();
                return Err(self.refuse(ABNORMAL, &folder, expected));
            }
            let depth = abnormal_depth.get(place).cloned();
            let masks = masks.get(place).cloned();
            sources.push(Source {
                role: Role::Abnormal(kind),
                pictures: self.with_pictures(ABNORMAL, folder)?,
                depth: self.depth(ABNORMAL_DEPTH, depth, has_depth)?,
                masks: masks.map(|folder| self.folder(MASK, folder)).transpose()?,
            });
        }
        match (file.normal_test_dir, file.normal_test_depth_dir) {
            (None, None) => {}
            (None, Some(depth)) => {
                let expected = format!("absent, as there is no {NORMAL_TEST}");
                return Err(self.refuse(NORMAL_TEST_DEPTH, &depth, expected));
            }
            (Some(folder), depth) => sources.push(Source {
                role: Role::NormalTest,
                pictures: self.with_pictures(NORMAL_TEST, folder)?,
                depth: self.depth(NORMAL_TEST_DEPTH, depth, has_depth)?,
                masks: None,
            }),
        }
        self.refuse_repeated(&sources)?;
        Ok(Description { sources, has_depth })
    }

    /// A picture that is trained with must not be tested with.
    fn refuse_repeated(&self, sources: &[Source]) -> Result<(), DatasetError> {
        let mut named = BTreeSet::new();
        match sources
            .iter()
            .find(|source| !named.insert(&source.pictures))
        {
            None => Ok(()),
            Some(again) => {
                let key = match again.role {
                    Role::Normal => NORMAL,
                    Role::NormalTest => NORMAL_TEST,
                    Role::Abnormal(_) => ABNORMAL,
                };
                let expected = "a folder of pictures that no other key names".into();
                Err(self.refuse(key, &again.pictures, expected))
            }
        }
    }

    /// Folders that belong to those of `abnormal_dir`, one to one, if there are any.
    fn beside_abnormal(
        &self,
        key: &'static str,
        folders: Vec<PathBuf>,
        abnormal: usize,
    ) -> Result<Vec<PathBuf>, DatasetError> {
        if folders.is_empty() || folders.len() == abnormal {
            return Ok(folders);
        }
        let expected = match abnormal {
            0 => format!("absent, as there is no {ABNORMAL}"),
            _ => format!("as many folders, in the same order, as {ABNORMAL} has: {abnormal}"),
        };
        let found: Vec<_> = folders
            .iter()
            .map(|folder| format!("`{}`", folder.display()))
            .collect();
        Err(self.refuse_text(key, found.join(", "), expected))
    }

    /// The kind of defect that a folder's name stands for.
    fn kind(&self, folder: &Path) -> Result<String, DatasetError> {
        let name = folder.file_name().and_then(|name| name.to_str());
        match name.map(Label::from_folder) {
            Some(Label::Defect(kind)) => Ok(kind),
            Some(Label::Good) | None => {
                let expected = "a folder called after its kind of defect, not good or ok".into();
                Err(self.refuse(ABNORMAL, folder, expected))
            }
        }
    }

    fn depth(
        &self,
        key: &'static str,
        folder: Option<PathBuf>,
        has_depth: bool,
    ) -> Result<Option<PathBuf>, DatasetError> {
        match folder {
            Some(folder) if has_depth => self.folder(key, folder).map(Some),
            Some(folder) => {
                let expected = format!("absent, as there is no {NORMAL_DEPTH}");
                Err(self.refuse(key, &folder, expected))
            }
            None if has_depth => {
                let expected = format!("a folder, as there is {NORMAL_DEPTH}");
                Err(self.refuse_text(key, "absent".into(), expected))
            }
            None => Ok(None),
        }
    }

    /// A folder that holds pictures, and no folders that would be passed over.
    fn with_pictures(&self, key: &'static str, folder: PathBuf) -> Result<PathBuf, DatasetError> {
        let folder = self.folder(key, folder)?;
        let path = self.root.join(&folder);
        if pictures(&path)?.is_empty() || !folders(&path)?.is_empty() {
            let expected = "a folder with pictures and no further folders".into();
            return Err(self.refuse(key, &folder, expected));
        }
        Ok(folder)
    }

    /// A folder that exists below the root, without its `.` pieces.
    fn folder(&self, key: &'static str, folder: PathBuf) -> Result<PathBuf, DatasetError> {
        let mut inside = PathBuf::new();
        for piece in folder.components() {
            match piece {
                Component::Normal(name) => inside.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    let expected = "a path below the set's folder, without `..`".into();
                    return Err(self.refuse(key, &folder, expected));
                }
            }
        }
        if inside.as_os_str().is_empty() || !self.root.join(&inside).is_dir() {
            return Err(self.refuse(key, &folder, "a folder that exists".into()));
        }
        Ok(inside)
    }

    fn refuse(&self, key: &'static str, found: &Path, expected: String) -> DatasetError {
        self.refuse_text(key, format!("`{}`", found.display()), expected)
    }

    fn refuse_text(&self, key: &'static str, found: String, expected: String) -> DatasetError {
        DatasetError::FolderValue {
            path: self.path.clone(),
            key,
            found,
            expected,
        }
    }
}
