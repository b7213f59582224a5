//! Colour alone, a file a part, masks in a tree of their own:
//! `{train,test}/{class}/NNN.*` and `ground_truth/{class}/*`, if there are masks.
//!
//! Three published sets lie so and differ in the names of classes and masks: MVTec AD, BTAD, and
//! VisA once its own script has split it.

use std::path::Path;

use super::Layout;
use super::entries::{
    class_folders, folders, masks_by_stem, pictures, pictures_by_stem, read_class_folders, relative,
};
use crate::error::DatasetError;
use crate::folder::{Listing, PartFiles};
use crate::part::{PartId, PartRef, Split};
use crate::plain::lacking;

const MASKS: &str = "ground_truth";

/// Which of the sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// Any classes, masks called `NNN_mask`.
    MvtecAd,
    /// Classes `ok` and `ko`, masks called as their pictures but for the ending.
    Btad,
    /// Classes `good` and `bad`, masks called as their pictures but for the ending.
    Visa,
}

impl Set {
    fn layout(self) -> Layout {
        match self {
            Self::MvtecAd => Layout::MvtecAd,
            Self::Btad => Layout::Btad,
            Self::Visa => Layout::VisaSplit,
        }
    }

    fn mask_stem(self, picture: &str) -> String {
        match self {
            Self::MvtecAd => format!("{picture}_mask"),
            Self::Btad | Self::Visa => picture.to_owned(),
        }
    }
}

pub(super) fn missing_in(root: &Path, set: Set) -> Result<Option<String>, DatasetError> {
    let (holds, missing) = match set {
        Set::MvtecAd => (
            any_class_has_pictures(root, |_| true)?,
            "no {train,test}/{class}/ holds PNG, JPEG or BMP pictures",
        ),
        Set::Btad => (
            any_class_has_pictures(root, is_of_btad)?
                && !has_masks_of_mvtec(root)?
                && (root.join(MASKS).is_dir()
                    || !any_class_has_pictures(root, |name| !is_of_btad(name))?),
            "no {train,test}/{ok,ko}/ holds PNG or BMP pictures",
        ),
        Set::Visa => (
            any_class_has_pictures(root, |name| name == "bad")?
                && has_masks(root, "bad")?
                && !has_masks_of_mvtec(root)?,
            "no test/bad/ with pictures has masks of the same names in ground_truth/bad/",
        ),
    };
    Ok((!holds).then(|| missing.to_owned()))
}

fn is_of_btad(class: &str) -> bool {
    let classes = ["ok", "ko"];
    classes
        .iter()
        .any(|known| class.eq_ignore_ascii_case(known))
}

fn any_class_has_pictures(root: &Path, name: impl Fn(&str) -> bool) -> Result<bool, DatasetError> {
    for class in class_folders(root)? {
        if name(&class.name) && !pictures(&class.path)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_masks(root: &Path, class: &str) -> Result<bool, DatasetError> {
    let masks = masks_by_stem(Layout::VisaSplit, &root.join(MASKS).join(class))?;
    Ok(!masks.is_empty())
}

/// Whether masks are called as those of MVTec AD, whatever classes are called.
fn has_masks_of_mvtec(root: &Path) -> Result<bool, DatasetError> {
    let masks = root.join(MASKS);
    if !masks.is_dir() {
        return Ok(false);
    }
    for (_, folder) in folders(&masks)? {
        if pictures(&folder)?
            .iter()
            .any(|(stem, _)| stem.ends_with("_mask"))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn list(root: &Path, set: Set) -> Result<Listing, DatasetError> {
    let layout = set.layout();
    let mut parts = Vec::new();
    // Without the tree nobody has marked anything, so that no mask can be lacking.
    let masks = root.join(MASKS);
    let is_marked = fs_err::symlink_metadata(&masks).is_ok();
    if is_marked {
        // What lies there and is no folder is told as such.
        folders(&masks)?;
    }
    for class in read_class_folders(root)? {
        // The tree of masks knows no splits: it belongs to the test pictures.
        let tested = class.split == Split::Test;
        let folder = root.join(MASKS).join(&class.name);
        let masks = masks_by_stem(layout, &folder)?;
        for (stem, rgb) in pictures_by_stem(layout, &class.path)? {
            let mask_stem = set.mask_stem(&stem);
            let mask = masks.get(&mask_stem).filter(|_| tested);
            if is_marked && tested && mask.is_none() && !class.label.is_good() {
                return Err(lacking(layout, &rgb, folder.join(mask_stem + ".png")));
            }
            let part = PartRef {
                id: PartId::new(format!("{}/{}/{stem}", class.split, class.name)),
                split: class.split,
                label: class.label.clone(),
            };
            let files = PartFiles {
                rgb: Some(relative(root, &rgb)),
                mask: mask.map(|mask| relative(root, mask)),
                ..PartFiles::default()
            };
            parts.push((part, files));
        }
    }
    Ok(Listing {
        parts,
        ..Listing::default()
    })
}
