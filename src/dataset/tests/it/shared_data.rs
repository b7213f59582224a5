//! Real and rendered sets, where they are at hand: `TWINSPECT_SHARED_DATA` names the folder with
//! `rendered`, `mvtec_3d_ad` and `mvtec_ad`. Without it these tests say so and pass.

use std::path::PathBuf;

use twinspect_core::frame::DepthFrame;
use twinspect_dataset::{Dataset, Layout, Split, open};

fn shared(inner: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("TWINSPECT_SHARED_DATA") else {
        println!("skipped: TWINSPECT_SHARED_DATA is not set");
        return None;
    };
    let path = PathBuf::from(root).join(inner);
    if !path.is_dir() {
        println!("skipped: no `{}`", path.display());
        return None;
    }
    Some(path)
}

/// Train, validation, good test and defective test parts.
fn counts(dataset: &dyn Dataset) -> [usize; 4] {
    let test = dataset.parts(Split::Test);
    let good = test.iter().filter(|part| part.label.is_good()).count();
    let trained = dataset.parts(Split::Train).len();
    [
        trained,
        dataset.parts(Split::Validation).len(),
        good,
        test.len() - good,
    ]
}

/// Loads some parts of each split, the first and last among them.
fn load_some(dataset: &dyn Dataset) {
    for split in Split::ALL {
        let parts = dataset.parts(split);
        for part in parts.iter().step_by(20).chain(parts.last()) {
            let loaded = dataset
                .load(part)
                .unwrap_or_else(|error| panic!("{error:?}"));
            let marked = loaded.mask.map_or(0, |mask| mask.defect_pixels());
            assert_eq!(marked > 0, !part.label.is_good(), "{}", part.id);
        }
    }
}

#[test]
fn every_rendered_category() {
    for name in ["biscuit", "bracket", "cap", "connector", "gasket", "gear"] {
        let Some(path) = shared(&format!("rendered/{name}")) else {
            return;
        };
        let dataset = open(path).unwrap();
        assert_eq!(
            (dataset.layout(), dataset.name()),
            (Layout::RecordedParts, name)
        );
        assert_eq!(counts(&*dataset), [80, 20, 30, 55], "{name}");
        load_some(&*dataset);
    }
}

#[test]
fn cable_gland_with_sixteen_bit_depth() {
    let Some(path) = shared("mvtec_3d_ad/cable_gland") else {
        return;
    };
    let dataset = open(path).unwrap();
    assert_eq!(dataset.layout(), Layout::Mvtec3dDepth);
    assert_eq!(counts(&*dataset), [223, 23, 11, 44]);
    load_some(&*dataset);
}

#[test]
fn screw_with_a_tenth_held_out() {
    let Some(path) = shared("mvtec_ad/screw") else {
        return;
    };
    let dataset = open(path).unwrap();
    assert_eq!(dataset.layout(), Layout::MvtecAd);
    assert!(dataset.holds_out_validation());
    assert_eq!(counts(&*dataset), [288, 32, 41, 119]);
    load_some(&*dataset);
}

/// The numbers are those of an independent reader of the same file, in metres.
#[test]
fn a_published_point_file() {
    let Some(path) = shared("mvtec_3d_ad/cable_gland_original_sample") else {
        return;
    };
    let dataset = open(path).unwrap();
    assert_eq!(dataset.layout(), Layout::Mvtec3dPoints);
    assert_eq!(counts(&*dataset), [1, 0, 0, 1]);
    let part = dataset.load(&dataset.parts(Split::Train)[0]).unwrap();
    let Some(DepthFrame::Points(points)) = part.frame.depth() else {
        panic!("no points");
    };
    let z: Vec<f64> = points
        .data()
        .iter()
        .map(|point| f64::from(point[2]))
        .collect();
    let valid: Vec<f64> = z.iter().copied().filter(|&z| z > 0.0).collect();
    let near = |found: f64, wanted: f64| {
        assert!(
            (found - wanted).abs() < 6e-7 * wanted.max(1.0),
            "{found}, not {wanted}"
        );
    };
    near(valid.len() as f64 / z.len() as f64, 0.655_131);
    near(valid.iter().sum::<f64>() / valid.len() as f64, 656.868);
    near(valid.iter().copied().fold(f64::MAX, f64::min), 620.762);
    near(valid.iter().copied().fold(0.0, f64::max), 687.325);
    let defect = dataset.load(&dataset.parts(Split::Test)[0]).unwrap();
    assert!(defect.mask.unwrap().defect_pixels() > 0);
}
