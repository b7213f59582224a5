//! Identity of a data set: what a model was made from.

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use twinspect_dataset::Dataset;

/// SHA-256 in lower-case hexadecimal digits over every file's relative path and own SHA-256, in
/// the order of the paths.
pub(crate) fn data_hash(dataset: &dyn Dataset) -> std::io::Result<String> {
    let files = dataset.files();
    let digests: Vec<_> = files
        .par_iter()
        .map(|file| fs_err::read(dataset.root().join(file)).map(Sha256::digest))
        .collect::<std::io::Result<_>>()?;
    let mut all = Sha256::new();
    for (file, digest) in files.iter().zip(digests) {
        all.update(file.to_string_lossy().as_bytes());
        all.update([0]);
        all.update(digest);
    }
    Ok(hex(&all.finalize()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
