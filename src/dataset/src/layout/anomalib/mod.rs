//! Folders of any names, as anomalib's `Folder` and `Folder3D` read them: a picture a file, depth
//! and masks in folders of their own, paired by the names of the files.

mod description;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use self::description::{Description, Role, Source};
use super::Layout;
use super::entries::{masks_by_stem, pictures, pictures_by_stem, relative, sort};
use super::mvtec_3d::{Depth, camera_of_counts};
use crate::error::DatasetError;
use crate::folder::{Listing, PartFiles};
use crate::part::{Label, PartId, PartRef, Split};
use crate::plain::lacking;

/// Of a set without good test pictures, every how many-th good picture is one: the share that
/// anomalib takes, but not by chance.
const TESTED_EVERY: usize = 5;
/// With fewer good pictures none is taken away from training.
const TESTED_FROM: usize = 10;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Colour alone.
    Folder,
    /// Colour and depth.
    Folder3d,
}

impl Form {
    fn of(description: &Description) -> Self {
        if description.has_depth {
            Self::Folder3d
        } else {
            Self::Folder
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Folder => Layout::AnomalibFolder,
            Self::Folder3d => Layout::AnomalibFolder3d,
        }
    }
}

/// The layout of a folder that has a description and must be nothing else.
pub(super) fn described(root: &Path) -> Result<Option<Layout>, DatasetError> {
    let description = Description::read(root)?;
    Ok(description.map(|description| Form::of(&description).layout()))
}

pub(super) fn missing_in(root: &Path, form: Form) -> Result<Option<String>, DatasetError> {
    let found = match Description::read(root)? {
        Some(description) => Some(description),
        None => Description::by_names(root)?,
    };
    if found.is_some_and(|description| Form::of(&description) == form) {
        return Ok(None);
    }
    Ok(Some(match form {
        Form::Folder => "no folder.json, and no normal/ holds pictures".into(),
        Form::Folder3d => {
            "no folder.json with normal_depth_dir, and no normal/ and normal_depth/".into()
        }
    }))
}

pub(super) fn list(root: &Path, form: Form) -> Result<Listing, DatasetError> {
    let (description, file) = match Description::read(root)? {
        Some(description) => (Some(description), Some(description::FILE.into())),
        None => (Description::by_names(root)?, None),
    };
    let sources = description.map_or_else(Vec::new, |description| description.sources);
    let depth = match form {
        Form::Folder => None,
        Form::Folder3d => Some(depth_form(root, &sources)?),
    };
    let mut parts = Vec::new();
    for source in &sources {
        list_source(root, source, form.layout(), depth, &mut parts)?;
    }
    hold_out_test(&mut parts);
    sort(&mut parts);
    let camera = match depth {
        Some(Depth::Counts) => camera_of_counts(root, &parts)?,
        Some(Depth::Points) | None => None,
    };
    let mut listing = Listing::with_camera_file(camera, parts);
    listing.descriptions.extend(file);
    Ok(listing)
}

/// How depth was stored: as points, unless the first folder has PNG pictures.
fn depth_form(root: &Path, sources: &[Source]) -> Result<Depth, DatasetError> {
    let folder = sources.iter().find_map(|source| source.depth.as_ref());
    let counts = match folder {
        Some(folder) => !pictures(&root.join(folder))?.is_empty(),
        None => false,
    };
    Ok(if counts { Depth::Counts } else { Depth::Points })
}

fn list_source(
    root: &Path,
    source: &Source,
    layout: Layout,
    depth: Option<Depth>,
    parts: &mut Vec<(PartRef, PartFiles)>,
) -> Result<(), DatasetError> {
    let masks = match &source.masks {
        Some(folder) => masks_by_stem(layout, &root.join(folder))?,
        None => BTreeMap::new(),
    };
    let lacks = |present: &Path, missing: PathBuf| lacking(layout, present, missing);
    for (stem, rgb) in pictures_by_stem(layout, &root.join(&source.pictures))? {
        let depth_file = match (depth, &source.depth) {
            (Some(depth), Some(folder)) => {
                let file = depth
                    .file(&root.join(folder), &stem)
                    .map_err(|missing| lacks(&rgb, missing))?;
                Some(depth.of(relative(root, &file)))
            }
            _ => None,
        };
        let mask = masks
            .get(&stem)
            .or_else(|| masks.get(&format!("{stem}_mask")));
        if let (None, Some(folder)) = (mask, &source.masks) {
            return Err(lacks(&rgb, root.join(folder).join(stem + ".png")));
        }
        let (split, label) = match &source.role {
            Role::Normal => (Split::Train, Label::Good),
            Role::NormalTest => (Split::Test, Label::Good),
            Role::Abnormal(kind) => (Split::Test, Label::Defect(kind.clone())),
        };
        let part = PartRef {
            id: PartId::new(format!("{split}/{label}/{stem}")),
            split,
            label,
        };
        let files = PartFiles {
            rgb: Some(relative(root, &rgb)),
            depth: depth_file,
            mask: mask.map(|mask| relative(root, mask)),
            record: None,
        };
        parts.push((part, files));
    }
    Ok(())
}

/// Takes good pictures out of training where there are defects to tell them from, but no good
/// pictures to test with: those at places 4, 9, 14, ...
fn hold_out_test(parts: &mut [(PartRef, PartFiles)]) {
    let tested = |good| {
        move |(part, _): &&(PartRef, PartFiles)| {
            part.split == Split::Test && part.label.is_good() == good
        }
    };
    let any = |good| parts.iter().any(|part| tested(good)(&part));
    let trained = parts
        .iter()
        .filter(|(part, _)| part.split == Split::Train)
        .count();
    if any(true) || !any(false) || trained < TESTED_FROM {
        return;
    }
    let good = parts
        .iter_mut()
        .filter(|(part, _)| part.split == Split::Train);
    for (part, _) in good.skip(TESTED_EVERY - 1).step_by(TESTED_EVERY) {
        part.split = Split::Test;
    }
}
