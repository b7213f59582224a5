//! A bundle from what a trainer has.

use std::path::Path;

use twinspect_core::modality::{Modality, PerModality};

use crate::bundle::Bundle;
use crate::container::Files;
use crate::entry::{
    ENTRIES_MAX, FUSION_MODEL, GOLDENS, MANIFEST, SUMS, TOTAL_BYTES_MAX, model_file,
};
use crate::error::BundleError;
use crate::golden::{self, Golden};
use crate::manifest::Manifest;
use crate::sums::{self, Digest, Sums};

/// Collects manifest, networks and goldens.
#[derive(Debug)]
pub struct BundleBuilder {
    manifest: Manifest,
    models: PerModality<Vec<u8>>,
    fusion: Option<Vec<u8>>,
    goldens: Vec<Golden>,
}

impl BundleBuilder {
    /// Starts with the manifest.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            models: PerModality::default(),
            fusion: None,
            goldens: Vec::new(),
        }
    }

    /// Sets the network of a modality, ONNX bytes.
    #[must_use]
    pub fn model(mut self, modality: Modality, onnx: Vec<u8>) -> Self {
        self.models.set(modality, Some(onnx));
        self
    }

    /// Sets the network that joins both modalities, ONNX bytes.
    #[must_use]
    pub fn fusion_model(mut self, onnx: Vec<u8>) -> Self {
        self.fusion = Some(onnx);
        self
    }

    /// Adds a golden.
    #[must_use]
    pub fn golden(mut self, golden: Golden) -> Self {
        self.goldens.push(golden);
        self
    }

    /// Takes digests and checks everything that [`Bundle::open`] checks, so that what is built
    /// can be opened.
    ///
    /// # Errors
    /// What [`Bundle::open`] would say.
    pub fn build(self) -> Result<Bundle, BundleError> {
        let path = Path::new(&self.manifest.name);
        let mut files = Files::new();
        let manifest = self.manifest.render(path)?;
        files.insert(MANIFEST.to_owned(), manifest.into_bytes());
        for modality in Modality::ALL {
            if let Some(onnx) = self.models.get(modality) {
                files.insert(model_file(modality).to_owned(), onnx.clone());
            }
        }
        if let Some(onnx) = &self.fusion {
            files.insert(FUSION_MODEL.to_owned(), onnx.clone());
        }
        for golden in &self.goldens {
            add_golden(path, golden, &mut files)?;
        }
        let sums: Sums = files
            .iter()
            .map(|(name, bytes)| (name.clone(), Digest::of(bytes)))
            .collect();
        files.insert(SUMS.to_owned(), sums::render(&sums).into_bytes());
        if files.len() > ENTRIES_MAX {
            return Err(BundleError::TooManyEntries {
                path: path.to_path_buf(),
            });
        }
        if files.values().map(|bytes| bytes.len() as u64).sum::<u64>() > TOTAL_BYTES_MAX {
            return Err(BundleError::TooLarge {
                path: path.to_path_buf(),
            });
        }
        Bundle::from_files(path, files)
    }
}

fn add_golden(path: &Path, golden: &Golden, files: &mut Files) -> Result<(), BundleError> {
    let encoded = golden::encode(golden).map_err(|source| BundleError::Golden {
        path: path.to_path_buf(),
        golden: golden.name.clone(),
        source: Box::new(source),
    })?;
    for (file, bytes) in encoded {
        let entry = format!("{GOLDENS}/{}/{file}", golden.name);
        if files.insert(entry.clone(), bytes).is_some() {
            return Err(BundleError::DuplicateEntry {
                path: path.to_path_buf(),
                entry,
            });
        }
    }
    Ok(())
}
