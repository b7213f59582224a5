//! MVTec AD: `{train,test}/{class}/NNN.*` and `ground_truth/{class}/NNN_mask.png`.

use std::path::{Path, PathBuf};

use super::Layout;
use super::entries::{class_folders, pictures, relative};
use crate::error::DatasetError;
use crate::folder::{Listing, PartFiles};
use crate::part::{PartId, PartRef, Split};

const LAYOUT: Layout = Layout::MvtecAd;

pub(super) fn missing_in(root: &Path) -> Result<Option<String>, DatasetError> {
    for class in class_folders(root)? {
        if !pictures(&class.path)?.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(
        "no {train,test}/{class}/ holds PNG or JPEG pictures".into(),
    ))
}

pub(super) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let mut parts = Vec::new();
    for class in class_folders(root)? {
        let mut previous: Option<(String, PathBuf)> = None;
        for (stem, rgb) in pictures(&class.path)? {
            if let Some((_, first)) = previous.filter(|(last, _)| *last == stem) {
                return Err(DatasetError::AmbiguousPicture {
                    layout: LAYOUT,
                    first,
                    second: rgb,
                });
            }
            // The tree of masks knows no splits: it belongs to the test pictures.
            let missing = root
                .join("ground_truth")
                .join(&class.name)
                .join(format!("{stem}_mask.png"));
            let tested = class.split == Split::Test;
            let mask = (tested && missing.is_file()).then(|| relative(root, &missing));
            if tested && mask.is_none() && !class.label.is_good() {
                return Err(DatasetError::MissingCompanion {
                    layout: LAYOUT,
                    present: rgb,
                    missing,
                });
            }
            let part = PartRef {
                id: PartId::new(format!("{}/{}/{stem}", class.split, class.name)),
                split: class.split,
                label: class.label.clone(),
            };
            let files = PartFiles {
                rgb: Some(relative(root, &rgb)),
                mask,
                ..PartFiles::default()
            };
            parts.push((part, files));
            previous = Some((stem, rgb));
        }
    }
    Ok(Listing {
        camera: None,
        parts,
    })
}
