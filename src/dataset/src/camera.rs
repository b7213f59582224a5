//! The camera of a data set, and its file `camera.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use twinspect_core::camera_fit::KnownCamera;
use twinspect_core::frame::Intrinsics;

use crate::error::DatasetError;
use crate::picture::MAX_PIXELS;
use crate::plain::plain_file;
use crate::text;
use crate::writer::WriteError;

/// The name of the camera's file, at the top of a data set.
pub const CAMERA_FILE: &str = "camera.json";

/// Counts of depth from the camera to the belt: fewer tell no height, more do not fit into 16 bits.
const COUNTS_TO_BELT: std::ops::RangeInclusive<f64> = 100.0..=65_535.0;

/// Share of the picture's longer side by which a lens may shift what is seen at its sides: wide ones come to a fifth.
const LENS_SHIFT_MAX: f64 = 0.25;

/// The camera that took all parts of a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// Projection of the aligned frame, pixel centres at integers.
    pub intrinsics: Intrinsics,
    /// Metres a count of the depth pictures; `None` for a camera that takes colour alone.
    pub depth_unit_m: Option<f64>,
    /// Distance from the camera to the empty belt in millimetres, where somebody measured it.
    pub distance_to_belt_mm: Option<f64>,
}

/// `camera.json`, key by key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraFile {
    width: usize,
    height: usize,
    fx: f64,
    fy: f64,
    cx: f64,
    cy: f64,
    #[serde(default, skip_serializing_if = "is_rectified")]
    distortion: [f64; 5],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth_unit_m: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distance_to_belt_mm: Option<f64>,
    /// The count that means "no measurement".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invalid: Option<i64>,
    /// Where a pixel's centre lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pixel_centre: Option<String>,
    /// Anything that people should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

fn is_rectified(distortion: &[f64; 5]) -> bool {
    *distortion == [0.0; 5]
}

impl Camera {
    /// What a model's camera is compared with.
    pub fn known(&self) -> KnownCamera {
        KnownCamera {
            frame: self.intrinsics.size(),
            intrinsics: Some(self.intrinsics),
            depth_unit_m: self.depth_unit_m,
            distance_mm: self.distance_to_belt_mm,
        }
    }

    /// Reads and checks a camera's file.
    pub(crate) fn read(path: &Path) -> Result<Self, DatasetError> {
        let text = text::read(path, text::BYTES_MAX)?;
        let file: CameraFile = serde_json::from_str(&text).map_err(DatasetError::json(path))?;
        file.check()
            .map_err(|(key, found, expected)| DatasetError::CameraValue {
                path: path.to_owned(),
                key,
                found,
                expected,
            })?;
        Ok(Self {
            intrinsics: file.intrinsics(),
            depth_unit_m: file.depth_unit_m,
            distance_to_belt_mm: file.distance_to_belt_mm,
        })
    }

    /// The camera whose file lies at the top of a data set, if there is one.
    pub(crate) fn at_the_top_of(root: &Path) -> Result<Option<Self>, DatasetError> {
        let path = plain_file(root.join(CAMERA_FILE))?;
        path.map(|path| Self::read(&path)).transpose()
    }

    /// In what two cameras differ, key by key in the words of their files: "there" is the first, "here" the second.
    pub(crate) fn differences(there: Option<&Self>, here: Option<&Self>) -> Vec<String> {
        match (there, here) {
            (Some(there), Some(here)) => there
                .values()
                .into_iter()
                .zip(here.values())
                .filter(|((_, there), (_, here))| there != here)
                .map(|((key, there), (_, here))| format!("{key} is {there} there and {here} here"))
                .collect(),
            (Some(_), None) => vec![format!("{CAMERA_FILE} is there, and no camera here")],
            (None, Some(_)) => vec![format!("{CAMERA_FILE} is absent there, and a camera here")],
            (None, None) => Vec::new(),
        }
    }

    /// The keys of its file, with what they say.
    fn values(&self) -> [(&'static str, String); 9] {
        let Intrinsics {
            width,
            height,
            fx,
            fy,
            cx,
            cy,
            distortion,
        } = self.intrinsics;
        let known = |value: Option<f64>| {
            value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
        };
        [
            ("width", width.to_string()),
            ("height", height.to_string()),
            ("fx", format!("{fx:?}")),
            ("fy", format!("{fy:?}")),
            ("cx", format!("{cx:?}")),
            ("cy", format!("{cy:?}")),
            ("distortion", format!("{distortion:?}")),
            ("depth_unit_m", known(self.depth_unit_m)),
            ("distance_to_belt_mm", known(self.distance_to_belt_mm)),
        ]
    }

    /// The text of the camera's file.
    pub(crate) fn to_json(self) -> Result<String, WriteError> {
        let Intrinsics {
            width,
            height,
            fx,
            fy,
            cx,
            cy,
            distortion,
        } = self.intrinsics;
        let file = CameraFile {
            width,
            height,
            fx,
            fy,
            cx,
            cy,
            distortion,
            depth_unit_m: self.depth_unit_m,
            distance_to_belt_mm: self.distance_to_belt_mm,
            invalid: None,
            pixel_centre: None,
            note: None,
        };
        file.check()
            .map_err(|(key, found, expected)| WriteError::CameraValue {
                key,
                found,
                expected,
            })?;
        serde_json::to_string_pretty(&file)
            .map(|text| text + "\n")
            .map_err(|error| WriteError::CameraValue {
                key: "camera",
                found: error.to_string(),
                expected: "a camera that can be written as JSON",
            })
    }
}

impl CameraFile {
    fn intrinsics(&self) -> Intrinsics {
        Intrinsics {
            width: self.width,
            height: self.height,
            fx: self.fx,
            fy: self.fy,
            cx: self.cx,
            cy: self.cy,
            distortion: self.distortion,
        }
    }

    fn check(&self) -> Result<(), (&'static str, String, &'static str)> {
        let require = |holds: bool, key, found: String, expected| {
            if holds {
                Ok(())
            } else {
                Err((key, found, expected))
            }
        };
        let positive = |key, value: f64| {
            let holds = value.is_finite() && value > 0.0;
            require(holds, key, format!("{value:?}"), "positive and finite")
        };
        let within = |value: usize| value > 0 && value as u64 <= MAX_PIXELS;
        require(
            within(self.width),
            "width",
            self.width.to_string(),
            "a width in pixels",
        )?;
        require(
            within(self.height),
            "height",
            self.height.to_string(),
            "a height in pixels",
        )?;
        positive("fx", self.fx)?;
        positive("fy", self.fy)?;
        require(self.cx.is_finite(), "cx", self.cx.to_string(), "finite")?;
        require(self.cy.is_finite(), "cy", self.cy.to_string(), "finite")?;
        require(
            self.distortion.iter().all(|value| value.is_finite()),
            "distortion",
            format!("{:?}", self.distortion),
            "five finite coefficients",
        )?;
        let shift_px = self.intrinsics().lens_shift_px(&[0.0; 5]);
        require(
            shift_px <= LENS_SHIFT_MAX * self.width.max(self.height) as f64,
            "distortion",
            format!("{:?}", self.distortion),
            "[k1, k2, p1, p2, k3] of a lens that shifts no pixel by more than a quarter of the \
             picture's longer side",
        )?;
        self.depth_unit_m
            .map_or(Ok(()), |value| positive("depth_unit_m", value))?;
        self.distance_to_belt_mm
            .map_or(Ok(()), |value| positive("distance_to_belt_mm", value))?;
        if let (Some(unit_m), Some(distance_mm)) = (self.depth_unit_m, self.distance_to_belt_mm) {
            let counts = distance_mm / (1e3 * unit_m);
            require(
                COUNTS_TO_BELT.contains(&counts),
                "depth_unit_m",
                format!(
                    "{unit_m:?}, by which distance_to_belt_mm = {distance_mm:?} is not 100 to 65535 \
                     counts"
                ),
                "metres a count: 0.001 for depth in millimetres",
            )?;
        }
        require(
            matches!(self.invalid, None | Some(0)),
            "invalid",
            self.invalid.unwrap_or(0).to_string(),
            "0: no other count is read as missing",
        )?;
        let centre = self
            .pixel_centre
            .as_deref()
            .unwrap_or("integer coordinates");
        require(
            centre == "integer coordinates",
            "pixel_centre",
            format!("`{centre}`"),
            "`integer coordinates`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented() {
        let file = CameraFile {
            width: 8,
            height: 4,
            fx: 9.0,
            fy: 9.0,
            cx: 4.0,
            cy: 2.0,
            distortion: [0.1; 5],
            depth_unit_m: Some(0.001),
            distance_to_belt_mm: Some(400.0),
            invalid: Some(0),
            pixel_centre: Some("integer coordinates".to_owned()),
            note: Some("a note".to_owned()),
        };
        let keys = serde_json::to_value(&file).unwrap();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/data.md");
        let text = fs_err::read_to_string(page).unwrap();
        for key in keys.as_object().unwrap().keys() {
            assert!(text.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_lens_that_shifts_too_much_can_t_be() {
        let check = |fx: f64, distortion: [f64; 5]| {
            let text = format!(
                r#"{{"width": 640, "height": 480, "fx": {fx}, "fy": {fx}, "cx": 319.5, "cy": 239.5,
                     "distortion": {distortion:?}}}"#
            );
            let file: CameraFile = serde_json::from_str(&text).unwrap();
            file.check().map_err(|(key, ..)| key)
        };
        assert_eq!(
            check(615.0, [-0.055, 0.065, 0.0003, -0.0005, -0.02]),
            Ok(())
        );
        assert_eq!(check(320.0, [-0.3, 0.1, 0.0, 0.0, -0.02]), Ok(()));
        // Of a lens that sees little, the coefficients of high powers are large and mean nothing.
        assert_eq!(check(4000.0, [-0.2, 6.0, 0.0, 0.0, -40.0]), Ok(()));
        assert_eq!(check(615.0, [9.0; 5]), Err("distortion"));
        assert_eq!(check(615.0, [0.0, 0.0, 2.0, 0.0, 0.0]), Err("distortion"));
        assert_eq!(check(615.0, [1e300; 5]), Err("distortion"));
    }

    #[test]
    fn the_unit_must_fit_the_distance() {
        let check = |unit_m, distance_mm| {
            let text = format!(
                r#"{{"width": 8, "height": 4, "fx": 9, "fy": 9, "cx": 4, "cy": 2,
                     "depth_unit_m": {unit_m}, "distance_to_belt_mm": {distance_mm}}}"#
            );
            let file: CameraFile = serde_json::from_str(&text).unwrap();
            file.check().map_err(|(key, ..)| key)
        };
        for (unit_m, distance_mm) in [(0.001, 450.0), (0.0001, 450.0), (0.00025, 300.0)] {
            assert_eq!(
                check(unit_m, distance_mm),
                Ok(()),
                "{unit_m}, {distance_mm}"
            );
        }
        for (unit_m, distance_mm) in [(1.0, 450.0), (0.001, 0.45), (1e-6, 450.0)] {
            let refused = Err("depth_unit_m");
            assert_eq!(
                check(unit_m, distance_mm),
                refused,
                "{unit_m}, {distance_mm}"
            );
        }
    }
}
