//! A file system in memory that does to unsynced data what a power cut may do, and fails on request.
//!
//! Every operation is a step with a number. Names in folders and contents of files have two states: what a
//! program sees, and what is safe. A cut goes back to what is safe, and to any part of what is not: each change
//! of a folder's names since its last sync is kept or lost by itself, and a file that was not synced is empty,
//! torn, zeros or whole. Real file systems are kinder; none promises more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::rc::Rc;

use twinspect_bundle::{Bundle, BundleError};

use super::super::{FileSystem, Named, Taken};

/// What goes wrong, and from which step on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The power is cut before this step.
    Cut(usize),
    /// This step alone fails, half done.
    Broken(usize),
    /// From here on the disk is full.
    Full(usize),
    /// From here on the disk is read-only, as the kernel makes a file system with errors.
    ReadOnly(usize),
}

/// A disk that does not do what it says; for tests of the tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Lie {
    #[default]
    None,
    /// Files are said to be durable and are not.
    FilesNotSynced,
    /// Names are said to be durable and are not.
    FoldersNotSynced,
}

#[derive(Debug, Clone)]
enum Node {
    File {
        now: Vec<u8>,
        /// The content at the last sync, and whether it is the one that is seen.
        safe: Vec<u8>,
        is_safe: bool,
    },
    Folder {
        now: BTreeMap<String, usize>,
        safe: BTreeMap<String, usize>,
        unsynced: Vec<NameChange>,
        changed_s: u64,
    },
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(String, usize),
    Unset(String),
    Renamed(String, String, usize),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Unset(name) => {
                names.remove(name);
            }
            Self::Renamed(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

#[derive(Debug, Clone)]
struct State {
    nodes: Vec<Node>,
    step: usize,
    fault: Option<Fault>,
    lie: Lie,
    /// What was done, for reports.
    trace: Vec<String>,
}

/// What a step is, for faults that hit some alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    /// Changes something and needs no room.
    Change,
    /// Needs room.
    Grow,
}

/// A handle on the disk; clones share it.
#[derive(Debug, Clone)]
pub(super) struct SimulatedDisk {
    state: Rc<RefCell<State>>,
    locked: Rc<Cell<bool>>,
    /// Bundles that were read before, by everything that they were read from.
    known: Rc<RefCell<BTreeMap<u64, Bundle>>>,
}

pub(super) struct SimulatedLock(Rc<Cell<bool>>);

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

fn folder() -> Node {
    Node::Folder {
        now: BTreeMap::new(),
        safe: BTreeMap::new(),
        unsynced: Vec::new(),
        changed_s: 0,
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub(super) fn new(lie: Lie) -> Self {
        Self::of(State {
            nodes: vec![folder()],
            step: 0,
            fault: None,
            lie,
            trace: Vec::new(),
        })
    }

    fn of(state: State) -> Self {
        Self {
            state: Rc::new(RefCell::new(state)),
            locked: Rc::default(),
            known: Rc::default(),
        }
    }

    /// Lets something go wrong, or nothing any more.
    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.state.borrow_mut().fault = fault;
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> usize {
        self.state.borrow().step
    }

    /// Counts from here on.
    pub(super) fn set_steps(&self, steps: usize) {
        self.state.borrow_mut().step = steps;
    }

    /// The last step that was tried.
    pub(super) fn last_step(&self) -> String {
        let state = self.state.borrow();
        state.trace.last().cloned().unwrap_or_default()
    }

    /// The disk after a power cut now. `is_kept` decides about each thing that is not safe; of a file it is
    /// asked twice.
    pub(super) fn after_cut(&self, mut is_kept: impl FnMut() -> bool) -> Self {
        let mut state = self.state.borrow().clone();
        state.fault = None;
        for node in &mut state.nodes {
            match node {
                Node::File { now, safe, is_safe } => {
                    if !*is_safe {
                        *safe = match (is_kept(), is_kept()) {
                            (true, true) => now.clone(),
                            (true, false) => now[..now.len() / 2].to_vec(),
                            (false, true) => vec![0; now.len()],
                            (false, false) => std::mem::take(safe),
                        };
                    }
                    now.clone_from(safe);
                    *is_safe = true;
                }
                Node::Folder {
                    now,
                    safe,
                    unsynced,
                    ..
                } => {
                    for change in std::mem::take(unsynced) {
                        if is_kept() {
                            change.apply(safe);
                        }
                    }
                    now.clone_from(safe);
                }
            }
        }
        Self {
            known: Rc::clone(&self.known),
            ..Self::of(state)
        }
    }

    /// Changes that a cut could undo.
    pub(super) fn unsynced(&self) -> usize {
        let nodes = &self.state.borrow().nodes;
        nodes
            .iter()
            .map(|node| match node {
                Node::File { is_safe, .. } => usize::from(!is_safe),
                Node::Folder { unsynced, .. } => unsynced.len(),
            })
            .sum()
    }

    /// Everything that can be seen, as one number.
    pub(super) fn digest(&self) -> u64 {
        let state = self.state.borrow();
        let mut entries = Vec::new();
        state.entries(0, "", &mut entries);
        // Empty folders, too.
        for node in &state.nodes {
            if let Node::Folder { now, .. } = node {
                entries.extend(now.keys().map(|name| (name.clone(), Vec::new())));
            }
        }
        digest(&entries)
    }
}

fn digest(entries: &[(String, Vec<u8>)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    entries.hash(&mut hasher);
    hasher.finish()
}

impl State {
    fn step(&mut self, kind: Kind, what: &str, path: &Path) -> Result<(), (io::Error, bool)> {
        let step = self.step;
        self.step += 1;
        self.trace.push(format!("{what} {}", path.display()));
        let whole = |kind: ErrorKind| Err((io::Error::from(kind), false));
        match self.fault {
            Some(Fault::Cut(at)) if step >= at => {
                Err((io::Error::other("the power is off"), false))
            }
            Some(Fault::Broken(at)) if step == at => {
                Err((io::Error::other("input/output error"), true))
            }
            Some(Fault::Full(at)) if step >= at && kind == Kind::Grow => {
                Err((ErrorKind::StorageFull.into(), true))
            }
            Some(Fault::ReadOnly(at)) if step >= at && kind != Kind::Read => {
                whole(ErrorKind::ReadOnlyFilesystem)
            }
            _ => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let mut at = 0;
        for component in path.components() {
            let Component::Normal(name) = component else {
                continue;
            };
            let Node::Folder { now, .. } = &self.nodes[at] else {
                return Err(ErrorKind::NotADirectory.into());
            };
            let name = name.to_str().unwrap();
            at = *now.get(name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    fn names(&mut self, folder: usize) -> io::Result<&mut BTreeMap<String, usize>> {
        match &mut self.nodes[folder] {
            Node::Folder { now, .. } => Ok(now),
            Node::File { .. } => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The folder in which a path lies, and the name there.
    fn place(&self, path: &Path) -> io::Result<(usize, String)> {
        let folder = self.find(path.parent().unwrap())?;
        Ok((
            folder,
            path.file_name().unwrap().to_str().unwrap().to_owned(),
        ))
    }

    fn change(&mut self, at: usize, change: NameChange) {
        let now_s = self.step as u64;
        if let Node::Folder {
            now,
            unsynced,
            changed_s,
            ..
        } = &mut self.nodes[at]
        {
            change.apply(now);
            unsynced.push(change);
            *changed_s = now_s;
        }
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let (folder, name) = self.place(path)?;
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        self.change(folder, NameChange::Set(name, node));
        Ok(node)
    }

    fn entries(&self, at: usize, before: &str, found: &mut Vec<(String, Vec<u8>)>) {
        match &self.nodes[at] {
            Node::File { now, .. } => found.push((before.to_owned(), now.clone())),
            Node::Folder { now, .. } => {
                for (name, node) in now {
                    let path = match before {
                        "" => name.clone(),
                        _ => format!("{before}/{name}"),
                    };
                    self.entries(*node, &path, found);
                }
            }
        }
    }
}

/// What failed, whether or not it was half done.
fn failed<T>((error, _): (io::Error, bool)) -> io::Result<T> {
    Err(error)
}

impl FileSystem for SimulatedDisk {
    type Written = usize;
    type Lock = SimulatedLock;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Grow, "make", path).or_else(failed)?;
        if state.find(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.add(path, folder())?;
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        let tried = state.step(Kind::Grow, "write", path);
        if matches!(tried, Err((_, false))) {
            return tried.map(|()| 0).or_else(failed);
        }
        let node = match state.find(path) {
            Ok(node) => node,
            Err(_) => state.add(
                path,
                Node::File {
                    now: Vec::new(),
                    safe: Vec::new(),
                    is_safe: true,
                },
            )?,
        };
        let Node::File { now, is_safe, .. } = &mut state.nodes[node] else {
            return Err(ErrorKind::IsADirectory.into());
        };
        *is_safe = false;
        *now = match tried {
            Ok(()) => bytes.to_vec(),
            Err(_) => bytes[..bytes.len() / 2].to_vec(),
        };
        tried.map(|()| node).or_else(failed)
    }

    fn sync_file(&self, file: usize) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let lies = state.lie == Lie::FilesNotSynced;
        state
            .step(Kind::Change, "sync file", Path::new(""))
            .or_else(failed)?;
        if let Node::File { now, safe, is_safe } = &mut state.nodes[file]
            && !lies
        {
            safe.clone_from(now);
            *is_safe = true;
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let lies = state.lie == Lie::FoldersNotSynced;
        state
            .step(Kind::Change, "sync folder", path)
            .or_else(failed)?;
        let at = state.find(path)?;
        if let Node::Folder {
            now,
            safe,
            unsynced,
            ..
        } = &mut state.nodes[at]
            && !lies
        {
            safe.clone_from(now);
            unsynced.clear();
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Change, "rename to", to).or_else(failed)?;
        let node = state.find(from)?;
        let ((folder, old), (target, new)) = (state.place(from)?, state.place(to)?);
        // Across folders a cut could leave both names or none.
        assert_eq!(folder, target, "{} to {}", from.display(), to.display());
        if let Ok(there) = state.find(to)
            && matches!(state.nodes[there], Node::Folder { .. })
        {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        state.change(folder, NameChange::Renamed(old, new, node));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Change, "remove", path).or_else(failed)?;
        let node = state.find(path)?;
        if matches!(state.nodes[node], Node::Folder { .. }) {
            return Err(ErrorKind::IsADirectory.into());
        }
        let (folder, name) = state.place(path)?;
        state.change(folder, NameChange::Unset(name));
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Change, "remove", path).or_else(failed)?;
        let node = state.find(path)?;
        if !state.names(node)?.is_empty() {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        let (folder, name) = state.place(path)?;
        state.change(folder, NameChange::Unset(name));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Named>> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Read, "list", path).or_else(failed)?;
        let at = state.find(path)?;
        let names = state.names(at)?.clone();
        let named = names.into_iter().map(|(name, node)| Named {
            name,
            is_folder: matches!(state.nodes[node], Node::Folder { .. }),
        });
        Ok(named.collect())
    }

    fn read(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Read, "read", path).or_else(failed)?;
        let at = state.find(path)?;
        match &state.nodes[at] {
            Node::File { now, .. } => Ok(now[..now.len().min(most as usize)].to_vec()),
            Node::Folder { .. } => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn changed_s(&self, path: &Path) -> io::Result<u64> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Read, "look at", path).or_else(failed)?;
        let at = state.find(path)?;
        match &state.nodes[at] {
            Node::Folder { changed_s, .. } => Ok(*changed_s),
            Node::File { .. } => Ok(0),
        }
    }

    fn open_bundle(&self, path: &Path) -> Result<Bundle, BundleError> {
        let mut state = self.state.borrow_mut();
        let read = |source| BundleError::Read {
            path: path.to_owned(),
            source,
        };
        let tried = state.step(Kind::Read, "open", path).or_else(failed);
        let found = tried.and_then(|()| state.find(path)).map_err(read)?;
        let mut entries = Vec::new();
        state.entries(found, "", &mut entries);
        let key = digest(&entries);
        if let Some(bundle) = self.known.borrow().get(&key) {
            return Ok(bundle.clone());
        }
        let bundle = Bundle::from_entries(path, entries)?;
        self.known.borrow_mut().insert(key, bundle.clone());
        Ok(bundle)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Taken<SimulatedLock>> {
        let mut state = self.state.borrow_mut();
        state.step(Kind::Read, "lock", path).or_else(failed)?;
        if self.locked.replace(true) {
            return Ok(Taken::ByAnother(None));
        }
        Ok(Taken::Ours(SimulatedLock(Rc::clone(&self.locked))))
    }

    fn lock(&self, path: &Path) -> io::Result<SimulatedLock> {
        match self.try_lock(path)? {
            Taken::Ours(lock) => Ok(lock),
            Taken::ByAnother(_) => panic!("nobody would ever let go of it"),
        }
    }
}

#[test]
fn what_was_not_synced_is_lost_or_kept_part_by_part() {
    let disk = SimulatedDisk::new(Lie::None);
    let (file, folder) = (Path::new("/d/f"), Path::new("/d"));
    disk.create_folder(folder).unwrap();
    let written = disk.write(file, b"1234").unwrap();
    assert!(disk.after_cut(|| false).list(folder).is_err());
    disk.sync_folder(Path::new("/")).unwrap();
    disk.sync_folder(folder).unwrap();
    let after = |kept: bool| disk.after_cut(|| kept).read(file, 9).unwrap();
    assert_eq!((after(false), after(true)), (vec![], b"1234".to_vec()));
    let mut torn = [true, false].into_iter();
    let torn = disk.after_cut(|| torn.next().unwrap());
    assert_eq!(torn.read(file, 9).unwrap(), b"12");
    disk.sync_file(written).unwrap();
    assert_eq!(disk.after_cut(|| false).read(file, 9).unwrap(), b"1234");
    let to = Path::new("/d/g");
    disk.rename(file, to).unwrap();
    assert!(disk.after_cut(|| false).read(to, 9).is_err());
    assert!(disk.after_cut(|| true).read(file, 9).is_err());
}

#[test]
fn faults_come_at_their_step() {
    let try_two = |fault| {
        let disk = SimulatedDisk::new(Lie::None);
        disk.set_fault(Some(fault));
        let first = disk.write(Path::new("/a"), b"12").is_ok();
        let again = disk.write(Path::new("/b"), b"12").is_ok();
        let third = disk.write(Path::new("/b"), b"12").is_ok();
        let read = disk.list(Path::new("/")).is_ok();
        ([first, again, third, read], disk.steps())
    };
    assert_eq!(try_two(Fault::Cut(1)), ([true, false, false, false], 4));
    assert_eq!(try_two(Fault::Broken(1)), ([true, false, true, true], 4));
    assert_eq!(try_two(Fault::Full(1)), ([true, false, false, true], 4));
    assert_eq!(try_two(Fault::ReadOnly(1)), ([true, false, false, true], 4));
}
