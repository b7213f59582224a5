//! A verified bundle in memory.

use std::io::Read;
use std::path::{Path, PathBuf};

use twinspect_core::modality::Modality;

use crate::container::{self, Files};
use crate::entry::{FUSION_MODEL, MANIFEST, SIGNATURE, SUMS, golden_of, is_model, model_file};
use crate::error::BundleError;
use crate::golden::{self, Golden};
use crate::manifest::Manifest;
use crate::sums::Digest;

/// A bundle whose every byte was compared with its digest, and whose manifest and goldens fit
/// together. What the networks hold is for an engine to find out.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    path: PathBuf,
    manifest: Manifest,
    files: Files,
    hash: String,
}

impl Bundle {
    /// Reads a bundle from its folder or from a `.twb` archive.
    ///
    /// # Errors
    /// Whatever is wrong with it; nothing of a refused bundle can be used.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BundleError> {
        let path = path.as_ref();
        Self::from_files(path, container::read(path)?)
    }

    /// Reads a `.twb` archive that comes from anywhere, as far as the limits of a bundle go. `path` is
    /// what errors call it.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn read(path: impl AsRef<Path>, reader: impl Read) -> Result<Self, BundleError> {
        let path = path.as_ref();
        Self::from_files(path, container::read_archive(path, reader)?)
    }

    /// Checks files that were read already, by their names in the bundle. `path` is what errors call
    /// it.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn from_entries(
        path: impl AsRef<Path>,
        entries: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, BundleError> {
        let path = path.as_ref();
        Self::from_files(path, container::collect(path, entries)?)
    }

    /// Checks files that are what SHA256SUMS among them says.
    pub(crate) fn from_files(path: &Path, files: Files) -> Result<Self, BundleError> {
        let get = |entry: &str| {
            files.get(entry).ok_or_else(|| BundleError::Missing {
                path: path.to_path_buf(),
                entry: entry.to_owned(),
            })
        };
        let hash = Digest::of(get(SUMS)?).to_string();
        let manifest = Manifest::parse(path, &String::from_utf8_lossy(get(MANIFEST)?))?;
        for (modality, _) in manifest.stages.present() {
            get(model_file(modality))?;
        }
        if manifest.stages.fusion.is_some() {
            get(FUSION_MODEL)?;
        }
        let bundle = Self {
            path: path.to_path_buf(),
            hash,
            manifest,
            files,
        };
        bundle.check_models()?;
        for name in bundle.golden_names() {
            golden::check(&bundle.golden_files(name), &bundle.manifest)
                .map_err(|source| bundle.golden_error(name, source))?;
        }
        Ok(bundle)
    }

    /// Every network belongs to a stage.
    fn check_models(&self) -> Result<(), BundleError> {
        let used = |name: &str| {
            let stages = &self.manifest.stages;
            let mut modalities = stages.present();
            modalities.any(|(modality, _)| model_file(modality) == name)
                || name == FUSION_MODEL && stages.fusion.is_some()
        };
        match self.files.keys().find(|name| is_model(name) && !used(name)) {
            None => Ok(()),
            Some(name) => Err(BundleError::Unlisted {
                path: self.path.clone(),
                entry: name.clone(),
                unlisted_in: MANIFEST,
            }),
        }
    }

    /// Where it was read from; the product's name for a bundle that was just built.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its identity: the SHA-256 of SHA256SUMS, 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// All files by name, sorted; what a folder of the bundle holds.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// SHA256SUMS as it is: what a signature signs.
    pub fn sums(&self) -> &[u8] {
        self.files.get(SUMS).map_or(&[], Vec::as_slice)
    }

    /// SHA256SUMS.minisig, if the bundle has one. Nothing has looked at it yet.
    pub fn signature(&self) -> Option<&[u8]> {
        self.files.get(SIGNATURE).map(Vec::as_slice)
    }

    /// The network of a modality as ONNX bytes, if the product has that modality.
    pub fn stage_model(&self, modality: Modality) -> Option<&[u8]> {
        self.files.get(model_file(modality)).map(Vec::as_slice)
    }

    /// The network that joins both modalities as ONNX bytes, if the product has one.
    pub fn fusion_model(&self) -> Option<&[u8]> {
        self.files.get(FUSION_MODEL).map(Vec::as_slice)
    }

    /// All goldens, read, in the order of their names.
    ///
    /// # Errors
    /// [`BundleError::Golden`] for the first that can't be read.
    pub fn goldens(&self) -> Result<Vec<Golden>, BundleError> {
        self.golden_names()
            .into_iter()
            .map(|name| {
                golden::decode(name, &self.golden_files(name))
                    .map_err(|source| self.golden_error(name, source))
            })
            .collect()
    }

    /// The names of the goldens, sorted.
    pub fn golden_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .keys()
            .filter_map(|name| golden_of(name).map(|(golden, _)| golden))
            .collect();
        names.dedup();
        names
    }

    fn golden_files(&self, golden: &str) -> golden::GoldenFiles<'_> {
        self.files
            .iter()
            .filter_map(|(name, bytes)| Some((golden_of(name)?, bytes.as_slice())))
            .filter(|((owner, _), _)| *owner == golden)
            .map(|((_, file), bytes)| (file, bytes))
            .collect()
    }

    fn golden_error(&self, golden: &str, source: golden::GoldenError) -> BundleError {
        BundleError::Golden {
            path: self.path.clone(),
            golden: golden.to_owned(),
            source: Box::new(source),
        }
    }

    /// Writes a `.twb`: a tar with sorted names and constant times, owners and modes, so that
    /// the same bundle gives the same bytes. Replaces a file of that name at once.
    ///
    /// # Errors
    /// [`BundleError::Write`].
    pub fn write_archive(&self, path: impl AsRef<Path>) -> Result<(), BundleError> {
        container::write_archive(path.as_ref(), &self.files)
    }

    /// Writes the bundle as a new folder, which appears with all its files or not at all.
    ///
    /// # Errors
    /// [`BundleError::Exists`], [`BundleError::Write`].
    pub fn write_directory(&self, path: impl AsRef<Path>) -> Result<(), BundleError> {
        container::write_directory(path.as_ref(), &self.files)
    }
}

/// The identity of the bundle whose SHA256SUMS has this content, as [`Bundle::hash`] tells it.
pub fn identity(sums: &[u8]) -> String {
    Digest::of(sums).to_string()
}

/// Refuses a place where something lies: asked before long work whose bundle goes there.
///
/// # Errors
/// [`BundleError::Exists`].
pub fn require_vacant(path: impl AsRef<Path>) -> Result<(), BundleError> {
    let path = path.as_ref();
    // Of a link too that leads nowhere: a bundle would take its place.
    match path.symlink_metadata() {
        Ok(_) => Err(BundleError::Exists {
            path: path.to_path_buf(),
        }),
        // What keeps it from being asked about keeps it from being written, and is told then.
        Err(_) => Ok(()),
    }
}

/// Turns the folder of a bundle into a `.twb`.
///
/// # Errors
/// As [`Bundle::open`] and [`Bundle::write_archive`].
pub fn pack(directory: impl AsRef<Path>, archive: impl AsRef<Path>) -> Result<Bundle, BundleError> {
    let bundle = Bundle::open(directory)?;
    bundle.write_archive(archive)?;
    Ok(bundle)
}

/// Turns a `.twb` into a new folder of verified files.
///
/// # Errors
/// As [`Bundle::open`] and [`Bundle::write_directory`].
pub fn unpack(
    archive: impl AsRef<Path>,
    directory: impl AsRef<Path>,
) -> Result<Bundle, BundleError> {
    let bundle = Bundle::open(archive)?;
    bundle.write_directory(directory)?;
    Ok(bundle)
}

#[cfg(test)]
mod tests;
