//! A disk that fails at each request, in each way: after a restart every visible record is whole, and
//! none but the newest two may be missing.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use super::*;

/// What happens at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The power goes: nothing is done any more, what was not forced to disk is lost.
    PowerCut { renames_survive: bool },
    /// One request fails.
    Io,
    /// From here on nothing can be written, until something was deleted.
    Full,
    /// From here on nothing can be changed.
    ReadOnly,
}

pub(super) const FAULTS: [Fault; 5] = [
    Fault::PowerCut {
        renames_survive: true,
    },
    Fault::PowerCut {
        renames_survive: false,
    },
    Fault::Io,
    Fault::Full,
    Fault::ReadOnly,
];

/// A real folder behind a disk that fails at one request.
pub(super) struct Faulty {
    fault: Option<(u64, Fault)>,
    pub(super) requests: u64,
    is_full: bool,
    /// Written, and not forced to disk.
    unsynced: BTreeSet<PathBuf>,
    /// Renamed, and the folder not forced to disk since.
    renamed: Vec<Renamed>,
}

struct Renamed {
    from: PathBuf,
    to: PathBuf,
    /// The file that had lain there.
    before: Option<Vec<u8>>,
}

impl Faulty {
    pub(super) fn new(fault: Option<(u64, Fault)>) -> Self {
        Self {
            fault,
            requests: 0,
            is_full: false,
            unsynced: BTreeSet::new(),
            renamed: Vec::new(),
        }
    }

    /// Whether a request is refused.
    fn request(&mut self, writes: bool, frees: bool) -> io::Result<()> {
        self.requests += 1;
        let Some((at, fault)) = self.fault else {
            return Ok(());
        };
        match fault {
            Fault::PowerCut { .. } if self.requests >= at => Err(ErrorKind::Other.into()),
            Fault::Io if self.requests == at => Err(ErrorKind::Other.into()),
            Fault::ReadOnly if self.requests >= at => Err(ErrorKind::ReadOnlyFilesystem.into()),
            Fault::Full => {
                self.is_full |= self.requests == at;
                self.is_full &= !(frees && self.requests > at);
                if self.is_full && writes {
                    Err(ErrorKind::StorageFull.into())
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// What is on the disk when the power comes back.
    pub(super) fn reboot(self) {
        let Some((_, Fault::PowerCut { renames_survive })) = self.fault else {
            return;
        };
        if !renames_survive {
            for Renamed { from, to, before } in self.renamed.iter().rev() {
                if to.exists() && !from.exists() {
                    std::fs::rename(to, from).unwrap();
                    if let Some(before) = before {
                        std::fs::write(to, before).unwrap();
                    }
                }
            }
        }
        for path in self.unsynced {
            if let Ok(bytes) = std::fs::read(&path) {
                std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
        }
    }
}

impl Disk for Faulty {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        self.request(true, false)?;
        SystemDisk.create_folder(path)
    }

    fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.request(true, false) {
            // As much as there was room for.
            if error.kind() == ErrorKind::StorageFull {
                SystemDisk.write_file(path, &bytes[..bytes.len() / 2])?;
            }
            return Err(error);
        }
        self.unsynced.insert(path.to_owned());
        SystemDisk.write_file(path, bytes)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        self.request(true, false)?;
        self.unsynced.remove(path);
        self.renamed
            .retain(|one| one.from.parent() != Some(path) && one.to.parent() != Some(path));
        // No power goes here in earnest, and a real disk takes its time.
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.request(false, false)?;
        self.renamed.push(Renamed {
            from: from.to_owned(),
            to: to.to_owned(),
            before: std::fs::read(to).ok(),
        });
        SystemDisk.rename(from, to)
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.request(false, true)?;
        SystemDisk.remove_file(path)
    }

    fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        self.request(false, true)?;
        SystemDisk.remove_folder(path)
    }

    fn free_bytes(&mut self, path: &Path) -> io::Result<u64> {
        self.request(false, false)?;
        SystemDisk.free_bytes(path)
    }
}

/// Two records are there; two more come, each of which makes one go. Which ones were said to be on disk,
/// and how many requests it took.
fn play(folder: &Path, fault: Option<(u64, Fault)>) -> (Vec<u64>, u64) {
    let spec = RingSpec {
        keep_parts: 2,
        ..roomy(folder)
    };
    let mut ring = Ring::open_on(Faulty::new(None), spec.clone()).unwrap();
    add(&mut ring, 1, fail()).unwrap();
    add(&mut ring, 2, pass()).unwrap();
    drop(ring);
    let mut disk = Faulty::new(fault);
    let mut promised = Vec::new();
    {
        let mut ring = Ring::open_on(&mut disk, spec).unwrap();
        for number in [3, 4] {
            if add(&mut ring, number, no_result()).is_ok() {
                promised.push(number);
            }
        }
    }
    let requests = disk.requests;
    disk.reboot();
    (promised, requests)
}

impl<D: Disk> Disk for &mut D {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        (**self).create_folder(path)
    }

    fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        (**self).write_file(path, bytes)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        (**self).sync(path)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        (**self).rename(from, to)
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        (**self).remove_file(path)
    }

    fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        (**self).remove_folder(path)
    }

    fn free_bytes(&mut self, path: &Path) -> io::Result<u64> {
        (**self).free_bytes(path)
    }
}

#[test]
fn every_visible_record_is_whole_whatever_request_fails_and_however() {
    let (_temporary, folder) = temporary();
    let (promised, requests) = play(&folder, None);
    assert_eq!(promised, [3, 4]);
    assert_eq!(all_whole(&folder), [3, 4]);
    assert!(requests > 30, "{requests}");

    for fault in FAULTS {
        for at in 1..=requests {
            let (_temporary, folder) = temporary();
            let (promised, _) = play(&folder, Some((at, fault)));
            let told = format!("{fault:?} at request {at}");

            // The disk is well again, and the station starts.
            let spec = RingSpec {
                keep_parts: 2,
                ..roomy(&folder)
            };
            let mut ring = Ring::open_on(Faulty::new(None), spec).unwrap();
            let left = all_whole(&folder);
            let dotted: Vec<String> = names(&folder)
                .into_iter()
                .filter(|name| name.starts_with('.'))
                .collect();
            assert!(dotted.is_empty(), "{told}: {dotted:?}");
            for number in &promised {
                assert!(left.contains(number), "{told}: {left:?} lacks {promised:?}");
            }
            // A record goes only for one that has come.
            assert!((2..=3).contains(&left.len()), "{told}: {left:?}");
            assert!(left.is_sorted(), "{told}: {left:?}");

            add(&mut ring, 5, fail()).unwrap();
            let after = all_whole(&folder);
            assert_eq!(after.len(), 2, "{told}: {after:?}");
            assert_eq!(after.last(), Some(&5), "{told}");
        }
    }
}

/// A disk of which others leave less and less.
struct Small {
    free: u64,
}

impl Disk for Small {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        SystemDisk.create_folder(path)
    }

    fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        self.free = self
            .free
            .checked_sub(length)
            .ok_or(ErrorKind::StorageFull)?;
        SystemDisk.write_file(path, bytes)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        SystemDisk.sync(path)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        SystemDisk.rename(from, to)
    }

    fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.free += std::fs::metadata(path)?.len();
        SystemDisk.remove_file(path)
    }

    fn remove_folder(&mut self, path: &Path) -> io::Result<()> {
        SystemDisk.remove_folder(path)
    }

    fn free_bytes(&mut self, _: &Path) -> io::Result<u64> {
        Ok(self.free)
    }
}

#[test]
fn a_floor_of_free_space_is_kept_by_older_records_or_by_the_new_one() {
    let (_temporary, folder) = temporary();
    let one = {
        let mut ring = Ring::open(roomy(&folder)).unwrap();
        add(&mut ring, 1, fail()).unwrap();
        add(&mut ring, 2, fail()).unwrap();
        ring.bytes() / 2
    };
    let floor = 10 * one;
    let spec = RingSpec {
        free_min_bytes: floor,
        ..roomy(&folder)
    };
    // Room for half a record above the floor: one of the old ones has to go.
    let mut small = Small {
        free: floor + one / 2,
    };
    let mut ring = Ring::open_on(&mut small, spec.clone()).unwrap();
    add(&mut ring, 3, fail()).unwrap();
    assert_eq!(all_whole(&folder), [2, 3]);
    drop(ring);
    assert!(small.free >= floor);

    // Others have filled the disk: what is kept would not be enough, so it stays.
    let mut small = Small {
        free: floor - 5 * one,
    };
    let mut ring = Ring::open_on(&mut small, spec).unwrap();
    let refused = add(&mut ring, 4, fail()).unwrap_err();
    assert!(
        matches!(
            refused,
            RecordsError::Full {
                full: Full::Disk { .. },
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(all_whole(&folder), [2, 3]);
}

#[test]
fn a_folder_that_may_not_be_changed_is_told_and_bounds_hold() {
    let (_temporary, folder) = temporary();
    let spec = RingSpec {
        keep_parts: 1,
        ..roomy(&folder)
    };
    let mut disk = Faulty::new(Some((u64::MAX, Fault::ReadOnly)));
    let mut ring = Ring::open_on(&mut disk, spec).unwrap();
    add(&mut ring, 1, fail()).unwrap();
    drop(ring);
    // Deletions fail for ever: nothing is written beyond what is there.
    struct NoDeletion;
    impl Disk for NoDeletion {
        fn create_folder(&mut self, path: &Path) -> io::Result<()> {
            SystemDisk.create_folder(path)
        }
        fn write_file(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
            SystemDisk.write_file(path, bytes)
        }
        fn sync(&mut self, path: &Path) -> io::Result<()> {
            SystemDisk.sync(path)
        }
        fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
            let name = to.file_name().unwrap().to_str().unwrap();
            if name.starts_with(".trash-") {
                return Err(ErrorKind::PermissionDenied.into());
            }
            SystemDisk.rename(from, to)
        }
        fn remove_file(&mut self, _: &Path) -> io::Result<()> {
            Err(ErrorKind::PermissionDenied.into())
        }
        fn remove_folder(&mut self, _: &Path) -> io::Result<()> {
            Err(ErrorKind::PermissionDenied.into())
        }
        fn free_bytes(&mut self, _: &Path) -> io::Result<u64> {
            Ok(u64::MAX)
        }
    }
    let spec = RingSpec {
        keep_parts: 1,
        ..roomy(&folder)
    };
    let mut ring = Ring::open_on(NoDeletion, spec).unwrap();
    add(&mut ring, 2, fail()).unwrap();
    for number in 3..9 {
        add(&mut ring, number, fail()).unwrap_err();
    }
    assert_eq!(all_whole(&folder), [1, 2]);
}
