//! VisA as published: `Data/Images/{Normal,Anomaly}/*`, `Data/Masks/Anomaly/*`, and for all objects
//! together the split in `../split_csv/1cls.csv`.
//!
//! The list names each picture of each object with its split, so that it must agree with the files
//! of the opened object in both directions: a list or a folder that was cut short is found here,
//! not in a figure. Paths in it are compared with those that the layout has and never followed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Layout;
use super::entries::{pictures_by_stem, relative, sort};
use crate::error::DatasetError;
use crate::folder::{Listing, PartFiles, name_of};
use crate::part::{Label, PartId, PartRef, Split};
use crate::plain::plain_file;
use crate::text;

const LAYOUT: Layout = Layout::Visa;

/// The most bytes of a split list; the published one has 660,329.
const MAX_BYTES: u64 = 16 << 20;
const COLUMNS: [&str; 5] = ["object", "split", "label", "image", "mask"];
/// VisA's script calls all defects so when it splits the set.
const DEFECT: &str = "bad";
const GOOD_PICTURES: &str = "Data/Images/Normal";
const DEFECTIVE_PICTURES: &str = "Data/Images/Anomaly";
const MASKS: &str = "Data/Masks/Anomaly";

pub(super) fn missing_in(root: &Path) -> Result<Option<String>, DatasetError> {
    let present = [GOOD_PICTURES, DEFECTIVE_PICTURES]
        .iter()
        .any(|folder| root.join(folder).is_dir());
    Ok((!present).then(|| "no Data/Images/{Normal,Anomaly}/".to_owned()))
}

pub(super) fn list(root: &Path) -> Result<Listing, DatasetError> {
    let description = Path::new("..").join("split_csv").join("1cls.csv");
    let path = root.join(&description);
    if plain_file(path.clone())?.is_none() {
        return Err(DatasetError::MissingSplitList {
            layout: LAYOUT,
            pictures: root.join("Data/Images"),
            list: path,
        });
    }
    let list = SplitList {
        object: name_of(root),
        path,
    };
    let mut parts = Vec::new();
    let mut listed = BTreeSet::new();
    for row in list.rows()? {
        let (part, files) = list.part(root, &row)?;
        if let Some(picture) = &files.rgb
            && !listed.insert(picture.clone())
        {
            return Err(list.refuse(&row, IMAGE, "a picture that no earlier line names"));
        }
        parts.push((part, files));
    }
    list.refuse_unlisted(root, &listed)?;
    sort(&mut parts);
    Ok(Listing {
        camera: None,
        descriptions: vec![description],
        parts,
    })
}

/// Places in [`COLUMNS`].
const SPLIT: usize = 1;
const LABEL: usize = 2;
const IMAGE: usize = 3;
const MASK: usize = 4;

/// The list, and the object whose lines count.
struct SplitList {
    path: PathBuf,
    object: String,
}

struct Row {
    line: u64,
    values: csv::StringRecord,
}

impl Row {
    fn get(&self, column: usize) -> &str {
        self.values.get(column).unwrap_or_default()
    }
}

impl SplitList {
    /// The lines of the object.
    fn rows(&self) -> Result<Vec<Row>, DatasetError> {
        let text = text::read(&self.path, MAX_BYTES)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let broken = |source| DatasetError::ParsingCsv {
            path: self.path.clone(),
            source,
        };
        let header = reader.headers().map_err(broken)?;
        if header != COLUMNS[..] {
            return Err(DatasetError::ListedValue {
                path: self.path.clone(),
                line: 1,
                column: "header",
                found: header.iter().collect::<Vec<_>>().join(","),
                expected: format!("`{}`", COLUMNS.join(",")),
            });
        }
        let mut rows = Vec::new();
        let mut objects = BTreeSet::new();
        for values in reader.records() {
            let values = values.map_err(broken)?;
            let object = values.get(0).unwrap_or_default();
            if object == self.object {
                let line = values.position().map_or(0, csv::Position::line);
                rows.push(Row { line, values });
            } else if !objects.contains(object) {
                objects.insert(object.to_owned());
            }
        }
        if rows.is_empty() {
            return Err(DatasetError::ObjectNotListed {
                path: self.path.clone(),
                object: self.object.clone(),
                objects: objects.into_iter().collect(),
            });
        }
        Ok(rows)
    }

    fn part(&self, root: &Path, row: &Row) -> Result<(PartRef, PartFiles), DatasetError> {
        let split = match row.get(SPLIT) {
            "train" => Split::Train,
            "test" => Split::Test,
            _ => return Err(self.refuse(row, SPLIT, "`train` or `test`")),
        };
        let (label, folder) = match row.get(LABEL) {
            "normal" => (Label::Good, GOOD_PICTURES),
            "anomaly" => (Label::Defect(DEFECT.into()), DEFECTIVE_PICTURES),
            _ => return Err(self.refuse(row, LABEL, "`normal` or `anomaly`")),
        };
        let rgb = self.file(root, row, IMAGE, folder)?;
        let mask = if label.is_good() {
            if !row.get(MASK).is_empty() {
                return Err(self.refuse(row, MASK, "empty, as the part is normal"));
            }
            None
        } else {
            Some(self.file(root, row, MASK, MASKS)?)
        };
        let stem = rgb.file_stem().unwrap_or_default().to_string_lossy();
        let part = PartRef {
            id: PartId::new(format!("{split}/{label}/{stem}")),
            split,
            label,
        };
        let files = PartFiles {
            rgb: Some(rgb),
            mask,
            ..PartFiles::default()
        };
        Ok((part, files))
    }

    /// The file that a line names, relative to the root. It lies in `folder` and nowhere else.
    fn file(
        &self,
        root: &Path,
        row: &Row,
        column: usize,
        folder: &str,
    ) -> Result<PathBuf, DatasetError> {
        let inside = format!("{}/{folder}/", self.object);
        let name = row
            .get(column)
            .strip_prefix(&inside)
            .filter(|name| !name.is_empty() && !name.starts_with('.'))
            .filter(|name| !name.contains(['/', '\\']));
        let Some(name) = name else {
            return Err(self.refuse(row, column, &format!("`{inside}` and a file's name")));
        };
        let file = Path::new(folder).join(name);
        if root.join(&file).is_file() {
            Ok(file)
        } else {
            let expected = format!("a file; `{}` is absent", root.join(&file).display());
            Err(self.refuse(row, column, &expected))
        }
    }

    fn refuse_unlisted(&self, root: &Path, listed: &BTreeSet<PathBuf>) -> Result<(), DatasetError> {
        for folder in [GOOD_PICTURES, DEFECTIVE_PICTURES] {
            let folder = root.join(folder);
            let present = if folder.is_dir() {
                pictures_by_stem(LAYOUT, &folder)?
            } else {
                BTreeMap::new()
            };
            for picture in present.into_values() {
                if !listed.contains(&relative(root, &picture)) {
                    let list = self.path.clone();
                    return Err(DatasetError::UnlistedPicture { list, picture });
                }
            }
        }
        Ok(())
    }

    fn refuse(&self, row: &Row, column: usize, expected: &str) -> DatasetError {
        DatasetError::ListedValue {
            path: self.path.clone(),
            line: row.line,
            column: COLUMNS.get(column).copied().unwrap_or_default(),
            found: row.get(column).to_owned(),
            expected: expected.to_owned(),
        }
    }
}
