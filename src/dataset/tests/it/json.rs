//! `camera.json` and `part.json`: what they must and mustn't say.

use std::path::Path;

use twinspect_dataset::DatasetError;

use crate::damage::{check, remove, with_depth};
use crate::fixtures::{self, put};

fn camera(text: &'static str) -> impl Fn(&Path) {
    move |root| put(&root.join("camera.json"), text.as_bytes())
}

#[test]
fn a_part_that_the_camera_cannot_have_taken_is_refused() {
    let text =
        r#"{"width": 8, "height": 4, "fx": 9, "fy": 9, "cx": 2, "cy": 1, "depth_unit_m": 0.001}"#;
    check(
        with_depth,
        camera(text),
        &["train/good/000/rgb.png", "camera.json", "6 x 4", "8 x 4"],
    );
    check(
        |root| fixtures::recorded(root, false),
        camera(text),
        &["train/good/000/rgb.png", "camera.json", "6 x 4", "8 x 4"],
    );
}

#[test]
fn depth_needs_a_camera_with_a_unit() {
    for make in [with_depth as fn(&Path), fixtures::mvtec_3d_depth] {
        let error = check(make, remove("camera.json"), &["camera.json", "depth"]);
        assert!(
            matches!(error, DatasetError::MissingCamera { .. }),
            "{error:?}"
        );
        assert!(error.hint().is_some());
        let text = r#"{"width": 6, "height": 4, "fx": 9, "fy": 9, "cx": 2, "cy": 1}"#;
        check(
            make,
            camera(text),
            &["camera.json", "depth_unit_m", "absent"],
        );
    }
}

#[test]
fn a_camera_file_that_says_something_else_is_refused() {
    let head = r#"{"width": 6, "height": 4, "fy": 9, "cx": 2, "cy": 1, "depth_unit_m": 0.001, "#;
    for (rest, pieces) in [
        (r#""fx": 9, "focal": 3}"#, ["camera.json", "focal"]),
        (r#""fx": -9}"#, ["camera.json", "fx is -9"]),
        (
            r#""fx": 9, "invalid": 65535}"#,
            ["camera.json", "invalid is 65535"],
        ),
        (
            r#""fx": 9, "pixel_centre": "halves"}"#,
            ["camera.json", "pixel_centre is `halves`"],
        ),
        (
            r#""fx": 9, "distance_to_belt_mm": 0}"#,
            ["camera.json", "distance_to_belt_mm is 0"],
        ),
        (
            r#""fx": 9, "distortion": [9, 9, 9, 9, 9]}"#,
            ["camera.json", "distortion is [9.0, 9.0, 9.0, 9.0, 9.0]"],
        ),
        (
            r#""note": "nothing"}"#,
            ["camera.json", "missing field `fx`"],
        ),
        (r#""fx": "#, ["camera.json", "EOF"]),
    ] {
        let text: &'static str = format!("{head}{rest}").leak();
        check(with_depth, camera(text), &pieces);
    }
}

#[test]
fn an_unknown_key_in_a_part_record_is_refused() {
    let damage = |root: &Path| {
        put(
            &root.join("train/good/001/part.json"),
            br#"{"sesion": "1"}"#,
        )
    };
    check(with_depth, damage, &["train/good/001/part.json", "sesion"]);
}
