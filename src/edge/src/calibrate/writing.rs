//! The measured belt as a table of the station's configuration. Everything else in the file stays to the byte, comments
//! too, and what stands there is whole at each moment.

use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};
use twinspect_core::survey::BeltSurvey;

use crate::clock::now_rfc3339;
use crate::config::{self, CalibrationToml, Change, DISTANCES_MM, Loaded, TILT_MAX_DEG};
use crate::error::EdgeError;
use crate::whole_file;

const TABLE: &str = "calibration";

/// Fewer pictures say little of noise.
const PICTURES_MIN: usize = 10;
/// Least share of the pictures with a depth.
const MEASURED_SHARE_MIN: f64 = 0.5;
/// Largest unevenness in mm, and the least share of the picture that is even.
const UNEVENNESS_MAX_MM: f64 = 1.5;
const EVEN_SHARE_MIN: f64 = 0.2;
/// Noise over distance that no camera has in its range, at which something moved.
const NOISE_SHARE_MAX: f64 = 0.02;

/// A measurement that a station must not go by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Implausible {
    #[error("only {found} pictures of the belt: at least {PICTURES_MIN} are needed to write it")]
    Few { found: usize },
    #[error("the belt would be {found_mm:.0} mm away: no depth camera sees that")]
    Distance { found_mm: f64 },
    #[error(
        "the belt would be tilted by {found_deg:.0} degrees: at most {TILT_MAX_DEG} are believed"
    )]
    Tilt { found_deg: f64 },
    #[error("only {:.0} % of the pictures has a depth", 100.0 * share)]
    Unmeasured { share: f64 },
    #[error("the belt is nowhere measured and flat, or in {:.0} % of the picture only", 100.0 * share)]
    Covered { share: f64 },
    #[error("depth changes by {noise_mm:.1} mm from picture to picture: something moved")]
    Moving { noise_mm: f64 },
    #[error(
        "depth does not change at all from picture to picture: it is one picture again and again"
    )]
    Frozen { is_recorded: bool },
}

impl Implausible {
    /// What to do.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Few { .. } => {
                "take more, with --pictures 30; of a recording, record more of the empty belt"
            }
            Self::Distance { .. } | Self::Tilt { .. } => {
                "see that the camera looks down at the belt, and not past it; `twinspect check --camera` shows what it sees"
            }
            Self::Unmeasured { .. } => "`twinspect check --camera` says what is wrong with depth",
            Self::Covered { .. } => "clear the belt: no parts, no hands, no tools",
            Self::Moving { .. } => "stop the belt, and let nothing move before the camera",
            Self::Frozen { is_recorded: true } => {
                "the camera stood still while they were recorded: record the empty belt again"
            }
            Self::Frozen { is_recorded: false } => {
                "start the camera again: its pictures don't move on"
            }
        }
    }
}

/// Refuses what can't be an empty belt before a camera that works, or worked when its pictures were recorded.
pub(super) fn believe(survey: &BeltSurvey, is_recorded: bool) -> Result<(), Implausible> {
    let (distance_mm, tilt_deg) = (survey.distance_mm(), survey.tilt_deg());
    let even = survey
        .roi
        .filter(|roi| roi.unevenness_mm <= UNEVENNESS_MAX_MM)
        .map_or(0.0, |roi| roi.share);
    if survey.frames < PICTURES_MIN {
        return Err(Implausible::Few {
            found: survey.frames,
        });
    }
    if !DISTANCES_MM.contains(&distance_mm) {
        return Err(Implausible::Distance {
            found_mm: distance_mm,
        });
    }
    if tilt_deg > TILT_MAX_DEG {
        return Err(Implausible::Tilt {
            found_deg: tilt_deg,
        });
    }
    if survey.measured_share < MEASURED_SHARE_MIN {
        return Err(Implausible::Unmeasured {
            share: survey.measured_share,
        });
    }
    if even < EVEN_SHARE_MIN {
        return Err(Implausible::Covered { share: even });
    }
    match survey.noise_mm {
        Some(noise_mm) if noise_mm > NOISE_SHARE_MAX * distance_mm => {
            Err(Implausible::Moving { noise_mm })
        }
        // A picture that was drawn has no noise and may well be still.
        _ if survey.is_still && survey.noise_floor_mm.is_some_and(|mm| mm > 0.0) => {
            Err(Implausible::Frozen { is_recorded })
        }
        _ => Ok(()),
    }
}

/// A configuration with the measured belt, not written yet.
#[derive(Debug)]
pub(super) struct Plan {
    path: PathBuf,
    before: String,
    after: String,
    pub(super) changes: Vec<Change>,
}

/// What the configuration would become; `camera` is what the camera says of itself.
pub(super) fn plan(
    path: &Path,
    loaded: &Loaded,
    survey: &BeltSurvey,
    camera: String,
) -> Result<Plan, EdgeError> {
    let measured = CalibrationToml {
        date: now_rfc3339(),
        camera,
        pictures: survey.frames as u64,
        distance_mm: rounded(survey.distance_mm(), 3),
        belt_normal: survey.belt.normal.map(|value| rounded(value, 7)),
        measured_share: rounded(survey.measured_share, 4),
        noise_mm: survey.noise_mm.map(|mm| rounded(mm, 4)),
        noise_floor_mm: survey.noise_floor_mm.map(|mm| rounded(mm.into(), 4)),
        roi: survey.roi.map(|proposal| proposal.roi),
    };
    let before = config::read(path)?;
    let after = with_table(path, &before, &measured)?;
    // Whoever reads it next must find what was meant; what can't be is told by `believe` with a better reason.
    let changes = match config::parse_without_model(path, &after) {
        Ok(new) => loaded.differences(&new),
        Err(_) if believe(survey, false).is_err() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Plan {
        path: path.to_owned(),
        before,
        after,
        changes,
    })
}

impl Plan {
    /// Puts it in the place of the old one.
    pub(super) fn write(&self) -> Result<(), EdgeError> {
        if config::read(&self.path)? != self.before {
            return Err(EdgeError::Edited {
                path: self.path.clone(),
            });
        }
        whole_file::replace(&self.path, self.after.as_bytes()).map_err(EdgeError::store(&self.path))
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    // There is no negative zero in what people read.
    (value * scale).round() / scale + 0.0
}

/// The same text with another table. A key that is there already keeps its place and the comments around it.
fn with_table(path: &Path, text: &str, measured: &CalibrationToml) -> Result<String, EdgeError> {
    let mut document: DocumentMut =
        text.parse()
            .map_err(|error: toml_edit::TomlError| EdgeError::Usage {
                message: format!("{} can't be edited: {error}", path.display()),
                hint: "correct the file by hand, or leave --write out",
            })?;
    let item = document.entry(TABLE).or_insert_with(|| {
        let mut table = Table::new();
        table
            .decor_mut()
            .set_prefix("\n# The empty belt, as `twinspect calibrate --write` has measured it.\n");
        Item::Table(table)
    });
    let Some(table) = item.as_table_like_mut() else {
        return Err(EdgeError::Usage {
            message: format!("{}: {TABLE} is no table", path.display()),
            hint: "take it out of the file: `twinspect calibrate --write` makes one",
        });
    };
    let normal: Array = measured.belt_normal.into_iter().collect();
    let roi = measured.roi.map(|roi| {
        let sides = [
            ("x", roi.x),
            ("y", roi.y),
            ("width", roi.width),
            ("height", roi.height),
        ];
        let table: InlineTable = sides
            .into_iter()
            .map(|(key, pixels)| (key, Value::from(pixels as i64)))
            .collect();
        Value::from(table)
    });
    let keys: [(&str, Option<Value>); 9] = [
        ("date", Some(measured.date.as_str().into())),
        ("camera", Some(measured.camera.as_str().into())),
        ("pictures", Some((measured.pictures as i64).into())),
        ("distance_mm", Some(measured.distance_mm.into())),
        ("belt_normal", Some(normal.into())),
        ("measured_share", Some(measured.measured_share.into())),
        ("noise_mm", measured.noise_mm.map(Value::from)),
        ("noise_floor_mm", measured.noise_floor_mm.map(Value::from)),
        ("roi", roi),
    ];
    for (key, value) in keys {
        let Some(mut value) = value else {
            table.remove(key);
            continue;
        };
        if let Some(old) = table.get(key).and_then(Item::as_value) {
            *value.decor_mut() = old.decor().clone();
        }
        match table.get_mut(key) {
            Some(item) => *item = Item::Value(value),
            None => {
                table.insert(key, Item::Value(value));
            }
        }
    }
    let mut text = document.to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twinspect_core::frame::FrameSize;
    use twinspect_core::plane::Plane;
    use twinspect_core::prepare::{BANK_CHANNELS, Roi};
    use twinspect_core::survey::{BeltSurface, RoiProposal};

    use super::*;

    const FILE: &str = "# A station.\n[bundle]\nfile = 'cap.twb' # ours\n\n[camera]\nkind = \"replay\"\n\
                        folder = \"cap\"\n\n# The gate, by hand.\n[gate]\ndelay_ms = 410 # measured\n";

    fn survey() -> BeltSurvey {
        BeltSurvey {
            frames: 30,
            belt: Plane {
                normal: [0.0, 0.0, -1.0],
                offset_mm: -412.345_67,
            },
            measured_share: 0.98,
            noise_mm: Some(0.4),
            is_still: false,
            noise_floor_mm: Some(0.35),
            spread_mm: [0.1; BANK_CHANNELS],
            roi: Some(RoiProposal {
                roi: Roi {
                    x: 8,
                    y: 0,
                    width: 600,
                    height: 480,
                },
                share: 0.9,
                unevenness_mm: 0.2,
            }),
            surface: BeltSurface {
                size: FrameSize {
                    width: 0,
                    height: 0,
                },
                heights_mm: Vec::new(),
            },
        }
    }

    fn planned(text: &str, survey: &BeltSurvey) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.toml");
        std::fs::write(&path, text).unwrap();
        let loaded = config::load_without_model(&path).unwrap();
        let plan = plan(&path, &loaded, survey, "D435 0815".to_owned()).unwrap();
        plan.write().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), plan.after);
        plan
    }

    #[test]
    fn everything_else_in_the_file_stays_and_the_belt_is_read_back() {
        let plan = planned(FILE, &survey());
        assert!(plan.after.starts_with(FILE), "{}", plan.after);
        let again = config::parse(Path::new("left.toml"), &plan.after).unwrap();
        let known = again.station.calibration.unwrap();
        assert!((known.belt.offset_mm + 412.346).abs() < 1e-9, "{known:?}");
        assert_eq!(known.camera, "D435 0815");
        let changed: Vec<&str> = plan
            .changes
            .iter()
            .map(|change| change.key.as_str())
            .collect();
        assert!(changed.contains(&"calibration.distance_mm"), "{changed:?}");
        assert!(
            changed.iter().all(|key| key.starts_with("calibration.")),
            "{changed:?}"
        );
    }

    #[test]
    fn a_second_time_only_figures_change_and_comments_stay() {
        let first = planned(FILE, &survey()).after;
        let noted = first.replace(
            "distance_mm = 412.346",
            "distance_mm = 412.346 # by the ruler: 412",
        );
        let mut moved = survey();
        moved.belt.offset_mm = -409.0;
        moved.roi = None;
        let second = planned(&noted, &moved);
        assert!(
            second
                .after
                .contains("distance_mm = 409.0 # by the ruler: 412\n"),
            "{}",
            second.after
        );
        assert!(!second.after.contains("roi ="), "{}", second.after);
        assert!(second.after.starts_with(FILE));
        let change = second
            .changes
            .iter()
            .find(|change| change.key == "calibration.distance_mm")
            .unwrap();
        assert_eq!(
            (change.from.as_str(), change.to.as_str()),
            ("412.346", "409.0")
        );
    }

    #[test]
    fn a_file_that_was_edited_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("left.toml");
        std::fs::write(&path, FILE).unwrap();
        let loaded = config::load_without_model(&path).unwrap();
        let plan = plan(&path, &loaded, &survey(), String::new()).unwrap();
        let edited = FILE.replace("410", "420");
        std::fs::write(&path, &edited).unwrap();
        assert!(matches!(plan.write(), Err(EdgeError::Edited { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
    }

    #[test]
    fn a_belt_that_can_t_be_is_not_believed() {
        assert_eq!(believe(&survey(), false), Ok(()));
        let with = |change: fn(&mut BeltSurvey)| {
            let mut survey = survey();
            change(&mut survey);
            let refused = believe(&survey, false).unwrap_err();
            assert!(!refused.hint().is_empty());
            refused
        };
        assert_eq!(with(|s| s.frames = 9), Implausible::Few { found: 9 });
        assert!(matches!(
            with(|s| s.belt.offset_mm = -20.0),
            Implausible::Distance { .. }
        ));
        let tilted = |s: &mut BeltSurvey| s.belt.normal = [0.6, 0.0, -0.8];
        assert!(matches!(with(tilted), Implausible::Tilt { .. }));
        assert!(matches!(
            with(|s| s.measured_share = 0.4),
            Implausible::Unmeasured { .. }
        ));
        assert_eq!(with(|s| s.roi = None), Implausible::Covered { share: 0.0 });
        let uneven = |s: &mut BeltSurvey| s.roi.as_mut().unwrap().unevenness_mm = 2.0;
        assert!(matches!(with(uneven), Implausible::Covered { .. }));
        assert!(matches!(
            with(|s| s.noise_mm = Some(12.0)),
            Implausible::Moving { .. }
        ));
        let frozen = with(|s| s.is_still = true);
        assert!(frozen.hint().contains("start the camera again"), "{frozen}");
        let mut still = survey();
        still.is_still = true;
        let recorded = believe(&still, true).unwrap_err();
        assert_eq!(recorded.to_string(), frozen.to_string());
        assert!(recorded.hint().contains("record the empty belt again"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_believed_can_be_read_again(
            distance_mm in 51.0_f64..4999.0,
            tilt_deg in 0.0_f64..29.9,
            around in 0.0_f64..std::f64::consts::TAU,
            noise in 0.001_f64..0.019,
        ) {
            let (sin, cos) = tilt_deg.to_radians().sin_cos();
            let mut survey = survey();
            survey.belt = Plane {
                normal: [sin * around.cos(), sin * around.sin(), -cos],
                offset_mm: -distance_mm * cos,
            };
            survey.noise_mm = Some(noise * distance_mm);
            prop_assert_eq!(believe(&survey, false), Ok(()));
            let plan = planned(FILE, &survey);
            let again = config::parse(Path::new("left.toml"), &plan.after).unwrap();
            let known = again.station.calibration.unwrap().belt;
            prop_assert!(known.is_usable());
            prop_assert!(known.angle_deg(&survey.belt) < 0.01);
            prop_assert!((known.offset_mm - survey.belt.offset_mm).abs() < 0.01);
        }
    }
}
