//! What lies in a folder of plans.

use std::io;
use std::path::{Path, PathBuf};

use twinspect_bundle::Bundle;

use super::board::Board;
use super::error::PlanError;
use super::plans::{PlanStore, TIMING_CACHE, cache_purpose, is_exposed, stages};
use super::sealed::{self, Unsealed};
use super::source::StageSource;
use crate::engine::{Precision, StageName};

const LEADS_NOWHERE: &str = "a link that leads nowhere";

/// Something in a folder of plans that is named like one.
#[derive(Debug, Clone)]
pub struct PlanEntry {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Others than its owner may write it: it is not run.
    pub is_exposed: bool,
    /// What it was written for, or what is wrong with it.
    purpose: Result<String, Fault>,
}

/// Why nothing is known of a file.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Damaged(&'static str),
    Foreign(&'static str),
    Unreadable(io::ErrorKind),
}

/// What a file is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanUse {
    /// This board runs this network of one of the bundles with it.
    Stage(StageName, Precision),
    /// This board builds faster with it.
    TimingCache,
    /// It is of this board, and of a network that none of the bundles has, or was built in another way.
    OtherNetwork,
    /// It was built with another TensorRT, driver or GPU.
    OtherBoard,
    /// It is not what was written.
    Damaged(&'static str),
    /// It is nothing that is ever written here, and was not opened.
    Foreign(&'static str),
    /// It can't be read.
    Unreadable(io::ErrorKind),
}

impl PlanUse {
    /// Whether it serves this board and one of the bundles.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Stage(..) | Self::TimingCache)
    }

    /// Whether it was written here once, and nobody has a use for it.
    pub fn is_waste(self) -> bool {
        match self {
            Self::OtherNetwork | Self::OtherBoard | Self::Damaged(_) => true,
            Self::Stage(..) | Self::TimingCache | Self::Foreign(_) | Self::Unreadable(_) => false,
        }
    }
}

impl std::fmt::Display for PlanUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stage(stage, Precision::F32) => write!(f, "{stage}"),
            Self::Stage(stage, Precision::F16) => write!(f, "{stage}, 16 bits"),
            Self::TimingCache => f.write_str("timing cache"),
            Self::OtherNetwork => f.write_str("another network"),
            Self::OtherBoard => f.write_str("another board, TensorRT or driver"),
            Self::Damaged(what) => write!(f, "damaged: {what}"),
            Self::Foreign(what) => write!(f, "no plan: {what}"),
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

impl From<Fault> for PlanUse {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(what) => Self::Damaged(what),
            Fault::Foreign(what) => Self::Foreign(what),
            Fault::Unreadable(why) => Self::Unreadable(why),
        }
    }
}

impl PlanEntry {
    /// What it is good for on a board, for some bundles.
    pub fn use_on(&self, board: &Board, bundles: &[Bundle]) -> PlanUse {
        let purpose = match &self.purpose {
            Ok(purpose) => purpose,
            Err(fault) => return (*fault).into(),
        };
        if *purpose == cache_purpose(board) {
            return PlanUse::TimingCache;
        }
        let stage = stage_of(bundles, |source| *purpose == source.purpose(board));
        match stage {
            Some((stage, precision)) => PlanUse::Stage(stage, precision),
            None if purpose.contains(&board.identity()) => PlanUse::OtherNetwork,
            None => PlanUse::OtherBoard,
        }
    }

    /// What it says of itself, where there is no board to ask: its network, if one of the bundles has it, and what it was built with.
    pub fn own_words(&self, bundles: &[Bundle]) -> String {
        let purpose = match &self.purpose {
            Ok(purpose) => purpose,
            Err(fault) => return PlanUse::from(*fault).to_string(),
        };
        let what = if purpose.starts_with(TIMING_CACHE) {
            PlanUse::TimingCache
        } else {
            let stage = stage_of(bundles, |source| {
                let lines = source.network_lines();
                purpose
                    .strip_suffix(&lines)
                    .is_some_and(|before| before.ends_with('\n'))
            });
            stage.map_or(PlanUse::OtherNetwork, |(stage, precision)| {
                PlanUse::Stage(stage, precision)
            })
        };
        let line = |key: &str| {
            let mut lines = purpose.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
        };
        // The library's file and the driver's digest tell boards apart, and nobody else.
        let first = |key: &str| line(key).and_then(|line| line.split(',').next());
        match (first("tensorrt"), line("gpu"), first("driver")) {
            (Some(tensorrt), Some(gpu), Some(driver)) => {
                format!("{what}, built with TensorRT {tensorrt} on {gpu}, driver {driver}")
            }
            _ => what.to_string(),
        }
    }

    /// Lines that say what it was built for, where it is whole.
    pub fn built_for(&self) -> Option<&str> {
        self.purpose.as_deref().ok()
    }
}

/// The first network of some bundles that fits.
fn stage_of(
    bundles: &[Bundle],
    fits: impl Fn(&StageSource<'_>) -> bool,
) -> Option<(StageName, Precision)> {
    bundles.iter().find_map(|bundle| {
        stages(bundle)
            .flat_map(|stage| Precision::ALL.map(|precision| (stage, precision)))
            .find(|&(stage, precision)| {
                StageSource::of(bundle, stage, precision).is_ok_and(|source| fits(&source))
            })
    })
}

fn is_plan(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "plan")
}

/// Whether it has a name as this store gives: a kind, and sixteen digits of a digest.
fn is_named_here(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    let digits = stem.and_then(|stem| Some(stem.rsplit_once('-')?.1));
    digits.is_some_and(|digits| {
        digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

impl PlanStore {
    /// Whether the folder is there.
    ///
    /// # Errors
    /// [`PlanError::NoFolder`], [`PlanError::NoAccess`].
    pub fn is_there(&self) -> Result<bool, PlanError> {
        Ok(self.listed()?.is_some())
    }

    /// Whether nothing was ever built here, as far as can be seen: the folder holds no plan, or is not there.
    ///
    /// # Errors
    /// A folder that is none, or can't be read.
    pub fn is_empty(&self) -> Result<bool, PlanError> {
        let Some(entries) = self.listed()? else {
            return Ok(true);
        };
        for entry in entries {
            if is_plan(&entry.map_err(PlanError::Read)?.path()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All that is named like a plan or a timing cache, by the names of the files; nothing of a folder that is not there. Each plain file
    /// is read whole.
    ///
    /// # Errors
    /// A folder that is none, or can't be read.
    pub fn entries(&self) -> Result<Vec<PlanEntry>, PlanError> {
        let Some(folder) = self.listed()? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for entry in folder {
            let file = entry.map_err(PlanError::Read)?.path();
            if is_plan(&file) {
                entries.extend(entry_of(file));
            }
        }
        entries.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(entries)
    }

    /// What lies in the folder, if that is there.
    fn listed(&self) -> Result<Option<fs_err::ReadDir>, PlanError> {
        let folder = &self.folder;
        let source = match fs_err::read_dir(folder) {
            Ok(entries) => return Ok(Some(entries)),
            Err(source) => source,
        };
        match no_folder(folder, source.kind()) {
            Some(what) => {
                let folder = folder.clone();
                Err(PlanError::NoFolder { folder, what })
            }
            None if source.kind() == io::ErrorKind::NotFound => Ok(None),
            None => Err(PlanError::NoAccess {
                folder: folder.clone(),
                verb: "read",
                source,
            }),
        }
    }
}

/// What is named as a folder that could not be listed, if it is none.
fn no_folder(folder: &Path, why: io::ErrorKind) -> Option<&'static str> {
    let is_link = || fs_err::symlink_metadata(folder).is_ok();
    match why {
        io::ErrorKind::NotFound if is_link() => Some(LEADS_NOWHERE),
        io::ErrorKind::NotADirectory => Some(match fs_err::metadata(folder) {
            Ok(facts) if facts.is_file() => "a file",
            Ok(_) => "a pipe, socket or device",
            Err(_) => "below something that is no folder",
        }),
        _ => None,
    }
}

/// `None` for what is gone meanwhile.
fn entry_of(file: PathBuf) -> Option<PlanEntry> {
    let unknown = |file, fault| PlanEntry {
        file,
        bytes: 0,
        is_exposed: false,
        purpose: Err(fault),
    };
    let facts = match fs_err::metadata(&file) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_link = fs_err::symlink_metadata(&file).is_ok();
            return is_link.then(|| unknown(file, Fault::Foreign(LEADS_NOWHERE)));
        }
        Err(error) => return Some(unknown(file, Fault::Unreadable(error.kind()))),
    };
    let purpose = sealed::purpose(&file).map_err(|unsealed| match unsealed {
        // Others call files so, too.
        Unsealed::Damaged(what) if !is_named_here(&file) => Fault::Foreign(what),
        Unsealed::Damaged(what) => Fault::Damaged(what),
        Unsealed::Foreign(what) => Fault::Foreign(what),
        Unsealed::Io(error) => Fault::Unreadable(error.kind()),
    });
    Some(PlanEntry {
        bytes: facts.len(),
        is_exposed: facts.is_file() && is_exposed(&facts),
        file,
        purpose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(purpose: &str) -> String {
        let entry = PlanEntry {
            file: PathBuf::from("rgb-0.plan"),
            bytes: 1,
            is_exposed: false,
            purpose: Ok(purpose.to_owned()),
        };
        entry.own_words(&[])
    }

    #[test]
    fn a_plan_says_what_it_was_built_with_where_no_board_is_asked() {
        let board = "tensorrt = 10.3.0, 7 bytes of 9\ngpu = Orin, compute capability 8.7, 16 multiprocessors\n\
                     driver = 12060, 0a1b";
        let with = "built with TensorRT 10.3.0 on Orin, compute capability 8.7, 16 multiprocessors, driver 12060";
        assert_eq!(
            words(&format!("revision = 1\n{board}\ntypes = f32\nnetwork = ab")),
            format!("another network, {with}")
        );
        assert_eq!(
            words(&format!("{TIMING_CACHE}{board}")),
            format!("timing cache, {with}")
        );
        assert_eq!(words("something else"), "another network");
    }

    #[test]
    fn what_was_never_written_here_is_told_and_is_no_waste() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("d.plan")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("l.plan")).unwrap();
        std::os::unix::net::UnixListener::bind(at("s.plan")).unwrap();
        std::fs::write(at("t.plan"), "cut off").unwrap();
        std::fs::write(at("rgb-0123456789abcdef.plan"), "cut off").unwrap();
        std::fs::write(at("other"), "").unwrap();
        let entries = PlanStore::new(folder.path()).entries().unwrap();
        let told: Vec<String> = entries.iter().map(|entry| entry.own_words(&[])).collect();
        let expected = [
            "no plan: a folder",
            "no plan: a link that leads nowhere",
            "damaged: it has no head",
            "no plan: a pipe, socket or device",
            "no plan: it has no head",
        ];
        assert_eq!(told, expected);
        let is_waste = |entry: &PlanEntry| match entry.purpose {
            Ok(_) => panic!("{entry:?}"),
            Err(fault) => PlanUse::from(fault).is_waste(),
        };
        let waste: Vec<bool> = entries.iter().map(is_waste).collect();
        assert_eq!(waste, [false, false, true, false, false]);
        let missing = PlanStore::new(at("missing")).entries().unwrap();
        assert!(missing.is_empty());
    }
    #[test]
    fn what_is_no_folder_of_plans_is_told_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (name, expected) in [
            ("file", "a file"),
            ("link", "a link that leads nowhere"),
            ("socket", "a pipe, socket or device"),
            ("file/plans", "below something that is no folder"),
        ] {
            let store = PlanStore::new(at(name));
            let errors = [
                store.entries().map(|_| ()),
                store.is_empty().map(|_| ()),
                store.is_there().map(|_| ()),
            ];
            for error in errors {
                let Err(PlanError::NoFolder { folder, what }) = error else {
                    panic!("{name}: {error:?}");
                };
                assert_eq!((folder, what), (at(name), expected));
            }
        }
        std::fs::create_dir(at("plans")).unwrap();
        std::os::unix::fs::symlink(at("plans"), at("good link")).unwrap();
        for (name, is_there) in [("plans", true), ("good link", true), ("nowhere", false)] {
            let store = PlanStore::new(at(name));
            assert_eq!(store.is_there().unwrap(), is_there, "{name}");
            assert!(store.is_empty().unwrap(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_may_not_be_read_is_no_other_thing() {
        let folder = tempfile::tempdir().unwrap();
        let denied = io::ErrorKind::PermissionDenied;
        assert_eq!(no_folder(folder.path(), denied), None);
    }
}
