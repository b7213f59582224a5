//! Where the demo's bundles and parts lie.

use std::path::{Path, PathBuf};

use crate::error::EdgeError;

/// Where a package installs them.
const INSTALLED: &str = "/usr/share/twinspect";

/// One product of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) name: String,
    /// `NAME.twb`
    pub(super) bundle: PathBuf,
    /// `demo/NAME`
    pub(super) parts: PathBuf,
}

/// All products of the given folder, or of the first usual place that has some.
pub(super) fn find(given: Option<&Path>) -> Result<Vec<Product>, EdgeError> {
    let places = match given {
        Some(folder) => vec![folder.to_owned()],
        None => usual_places(),
    };
    let found = places.iter().map(|place| products(place));
    let Some(products) = found.into_iter().find(|products| !products.is_empty()) else {
        let places: Vec<_> = places
            .iter()
            .map(|place| place.display().to_string())
            .collect();
        return Err(EdgeError::Usage {
            message: format!(
                "no demo products (NAME.twb beside demo/NAME) in {}",
                places.join(", ")
            ),
            hint: "run it in the source folder, or name the folder: --assets DIR",
        });
    };
    Ok(products)
}

/// The working directory, the folders above the program, the package's folder.
fn usual_places() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let above = program
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("models"));
    std::iter::once(PathBuf::from("models"))
        .chain(above)
        .chain([PathBuf::from(INSTALLED)])
        .collect()
}

/// Bundles that have recorded parts beside them, by name.
fn products(folder: &Path) -> Vec<Product> {
    let Ok(entries) = fs_err::read_dir(folder) else {
        return Vec::new();
    };
    let mut products: Vec<Product> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "twb"))
        .filter_map(|bundle| {
            let name = bundle.file_stem()?.to_str()?.to_owned();
            let parts = folder.join("demo").join(&name);
            parts.is_dir().then_some(Product {
                name,
                bundle,
                parts,
            })
        })
        .collect();
    products.sort_by(|a, b| a.name.cmp(&b.name));
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_bundles_with_parts_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["gear", "cap", "alone"] {
            std::fs::write(folder.path().join(format!("{name}.twb")), b"").unwrap();
        }
        for name in ["gear", "cap", "without_bundle"] {
            std::fs::create_dir_all(folder.path().join("demo").join(name)).unwrap();
        }
        let found = find(Some(folder.path())).unwrap();
        let names: Vec<&str> = found.iter().map(|product| product.name.as_str()).collect();
        assert_eq!(names, ["cap", "gear"]);
    }

    #[test]
    fn a_folder_without_products_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(Some(folder.path())).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&folder.path().display().to_string())
        );
    }
}
