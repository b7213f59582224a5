//! How files come and go, so that a power cut at any step leaves the old ones or the new ones: what is new is written
//! under a name that starts with a dot, made durable and renamed; what is old is renamed before it is taken apart.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinspect_bundle::Bundle;

use super::Change;
use crate::models::error::MAKING;
use crate::models::{ACTIVE, FileSystem, INSTALLED, ModelId, ModelsError, PROOFS, SELECTED};

/// Start of the name of what is being written.
pub(super) const INCOMING: &str = ".incoming-";
/// Start of the name of what is being taken apart.
const OUTGOING: &str = ".outgoing-";
/// Folders in a bundle lie so deep at most; what lies deeper was put there by somebody else.
const DEPTH_MAX: usize = 8;

impl<F: FileSystem> Change<'_, F> {
    /// Writes the folder of a bundle and makes all of it durable but its own name.
    pub(super) fn write_bundle(&self, folder: &Path, bundle: &Bundle) -> Result<(), ModelsError> {
        let mut folders = vec![folder.to_path_buf()];
        self.create(folder)?;
        for (name, bytes) in bundle.files() {
            let path = folder.join(name);
            let between: Vec<PathBuf> = path
                .ancestors()
                .skip(1)
                .take_while(|ancestor| *ancestor != folder)
                .map(Path::to_path_buf)
                .collect();
            for missing in between.into_iter().rev() {
                if !folders.contains(&missing) {
                    self.create(&missing)?;
                    folders.push(missing);
                }
            }
            self.write_file(&path, bytes)?;
        }
        folders
            .iter()
            .rev()
            .try_for_each(|folder| self.sync(folder))
    }

    /// Puts a small file in the place of the one that is there, at once.
    pub(super) fn replace(&self, path: &Path, content: &impl Serialize) -> Result<(), ModelsError> {
        let writing = ModelsError::io("writing", path);
        let text = match toml::to_string(content) {
            Ok(text) => text,
            Err(error) => return Err(writing(std::io::Error::other(error))),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let incoming = path.with_file_name(format!("{INCOMING}{name}"));
        self.write_file(&incoming, text.as_bytes())?;
        self.rename(&incoming, path)
    }

    /// Removes a model that could not be put in its place, as far as the disk lets. The next install removes the rest.
    pub(super) fn discard_folder(&self, incoming: &Path) {
        if let Err(error) = self.take_apart(incoming, 0) {
            log::debug!("{} may stay: {error}", incoming.display());
        }
    }

    /// Removes a model. It loses its proof and its name before the first of its files.
    pub(super) fn remove(&self, id: &ModelId) -> Result<(), ModelsError> {
        self.forget_proof(id)?;
        let folder = self.models.folder_of(id);
        let name = format!("{OUTGOING}{id}");
        let outgoing = folder.with_file_name(&name);
        self.rename(&folder, &outgoing)?;
        let all = self.models.names(&self.models.root.join(INSTALLED))?;
        match all.iter().find(|named| named.name == name) {
            // What a link leads to is not the store's.
            Some(named) if !named.is_folder => self.remove_file(&outgoing),
            _ => self.take_apart(&outgoing, 0),
        }
    }

    /// Removes what interrupted changes have left.
    pub(super) fn tidy(&self) -> Result<(), ModelsError> {
        for folder in [INSTALLED, PROOFS, ACTIVE, SELECTED] {
            let folder = self.models.root.join(folder);
            for named in self.models.names(&folder)? {
                let is_ours = [INCOMING, OUTGOING]
                    .iter()
                    .any(|start| named.name.starts_with(start));
                let path = folder.join(&named.name);
                match named.is_folder {
                    _ if !is_ours => {}
                    true => self.take_apart(&path, 0)?,
                    false => self.remove_file(&path)?,
                }
            }
        }
        Ok(())
    }

    fn take_apart(&self, folder: &Path, depth: usize) -> Result<(), ModelsError> {
        if depth < DEPTH_MAX {
            for named in self.models.names(folder)? {
                let path = folder.join(&named.name);
                if named.is_folder {
                    self.take_apart(&path, depth + 1)?;
                } else {
                    self.remove_file(&path)?;
                }
            }
        }
        let removed = self.models.files.remove_folder(folder);
        removed.map_err(ModelsError::io("removing", folder))
    }

    fn remove_file(&self, path: &Path) -> Result<(), ModelsError> {
        let removed = self.models.files.remove_file(path);
        removed.map_err(ModelsError::io("removing", path))
    }

    /// Writes a file and makes its content durable.
    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
        let files = &self.models.files;
        let written = files.write(path, bytes);
        written
            .and_then(|file| files.sync_file(file))
            .map_err(ModelsError::io("writing", path))
    }

    /// One of the store's own folders.
    pub(super) fn make_folder(&self, name: &str) -> Result<(), ModelsError> {
        let path = self.models.root.join(name);
        match self.models.files.list(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => self.create(&path)?,
            Err(error) => return Err(ModelsError::io("looking into", path)(error)),
        }
        // Also where it was there already: whoever has made it may have been cut off before this.
        self.sync(&self.models.root)
    }

    fn create(&self, folder: &Path) -> Result<(), ModelsError> {
        let created = self.models.files.create_folder(folder);
        created.map_err(ModelsError::io(MAKING, folder))
    }

    pub(super) fn sync(&self, folder: &Path) -> Result<(), ModelsError> {
        let synced = self.models.files.sync_folder(folder);
        synced.map_err(ModelsError::io("making durable", folder))
    }

    /// Renames and makes that durable.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), ModelsError> {
        let renamed = self.models.files.rename(from, to);
        renamed.map_err(ModelsError::io("renaming to", to))?;
        to.parent().map_or(Ok(()), |folder| self.sync(folder))
    }
}
