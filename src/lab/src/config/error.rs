//! What can be wrong with a configuration.

use std::path::{Path, PathBuf};

use twinspect_bundle::document::DocumentError;

/// A training configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("reading the training configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Something in the file is not what the program expects.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A value outside its range that stands in no file.
    #[error("{key} = {found}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl ConfigError {
    /// A value that was typed in a file, with the place where it stands.
    pub(super) fn at_its_place(self, path: &Path, text: &str) -> Self {
        let Self::Value { key, .. } = &self else {
            return self;
        };
        DocumentError::of_value(path, text, key, self.to_string()).map_or(self, Self::Document)
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        const KEYS: &str = "configs/training.toml documents every key";
        match self {
            Self::Document(error) => error
                .hint()
                .map_or_else(|| KEYS.into(), |hint| format!("{hint} ({KEYS})")),
            Self::Read { .. } | Self::Value { .. } => KEYS.into(),
        }
    }
}
