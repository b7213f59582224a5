//! Rules between the values of a manifest: one pass that returns all problems.

mod bounds;

use twinspect_core::modality::Modality;
use twinspect_core::picture::PictureExpectation;
use twinspect_core::prepare::{BANK_CHANNELS, MAP_STRIDE, PrepareSpec};
use twinspect_core::score::{ModalityCalibration, Moments, Threshold};

use super::time::is_rfc3339;
use super::{CameraFacts, FormatVersion, FusionStage, Manifest, Provenance, Recalibration, Stage};
use crate::entry::model_file;

/// Most maps that a stage gives.
pub const MAPS_MAX: usize = 16;
/// Longest side of a frame in pixels.
pub(crate) const FRAME_SIDE_MAX: usize = 16_384;

/// Widest smoothing of a view, in pixels of its maps: the trainer's configuration allows 16. The work for a part grows with it.
const SIGMA_PX_MAX: f32 = 64.0;

/// One contradiction in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path of keys: `score.modalities.rgb.views[0].maxima.sd`.
    pub key: String,
    /// What was expected and what was found.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

pub(super) fn problems(manifest: &Manifest) -> Vec<Problem> {
    let mut found = Problems(Vec::new());
    found.identity(manifest);
    found.provenance(&manifest.provenance);
    found.product(&manifest.camera, &manifest.prepare);
    found.modalities(manifest);
    for (modality, stage) in manifest.stages.present() {
        found.stage(modality, stage, manifest);
    }
    if let Some(fusion) = &manifest.stages.fusion {
        found.fusion(fusion, manifest);
    }
    for (modality, calibration) in manifest.score.modalities.present() {
        found.calibration(modality, calibration, manifest.stages.get(modality));
    }
    found.threshold("score.fused", &manifest.score.fused);
    found.tolerance(&manifest.tolerance);
    found.0
}

/// Of a camera and of what is made of its frames alone.
pub(super) fn product_problems(camera: &CameraFacts, prepare: &PrepareSpec) -> Vec<Problem> {
    let mut found = Problems(Vec::new());
    found.product(camera, prepare);
    found.0
}

struct Problems(Vec<Problem>);

impl Problems {
    fn require(&mut self, holds: bool, key: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Problem {
                key: key.to_owned(),
                message: message(),
            });
        }
    }

    fn positive(&mut self, value: f64, key: &str) {
        self.require(value.is_finite() && value > 0.0, key, || {
            format!("expected a positive number, found {value:?}")
        });
    }

    fn finite(&mut self, value: f64, key: &str) {
        self.require(value.is_finite(), key, || {
            format!("expected a number, found {value:?}")
        });
    }

    fn share(&mut self, value: f64, key: &str) {
        self.require((0.0..=1.0).contains(&value), key, || {
            format!("expected a share from 0 to 1, found {value:?}")
        });
    }

    fn identity(&mut self, manifest: &Manifest) {
        let recalibration = manifest.recalibration.as_ref();
        let picture = manifest.picture.as_ref();
        let expected =
            FormatVersion::of(&manifest.prepare, &manifest.stages, recalibration, picture);
        let format = manifest.format;
        self.require(format == expected, "format", || {
            let what = match expected {
                FormatVersion::V1 => "neither a fusion stage nor a recalibration",
                FormatVersion::V2 => "a fusion stage or a recalibration",
                FormatVersion::V3 => "figures of good parts' pictures",
                FormatVersion::V4 => "the colour of what parts lie on",
            };
            let (expected, found) = (u32::from(expected), u32::from(format));
            format!("expected {expected} for a bundle with {what}, found {found}")
        });
        if let Some(recalibration) = recalibration {
            self.recalibration(recalibration);
        }
        if let Some(picture) = picture {
            self.picture(picture);
        }
        let name = &manifest.name;
        self.require(Manifest::is_name(name), "name", || {
            format!("expected {}, found {name:?}", Manifest::NAME_RULE)
        });
        self.require(is_rfc3339(&manifest.created), "created", || {
            format!(
                "expected a time like 2026-11-23T14:05:00Z, found {:?}",
                manifest.created
            )
        });
    }

    fn picture(&mut self, picture: &PictureExpectation) {
        self.require(picture.parts > 0, "picture.parts", || {
            "expected at least 1, found 0".to_owned()
        });
        for (name, span) in picture.present() {
            let key = format!("picture.{name}");
            self.require(span.is_usable(), &key, || {
                format!("expected low, median and high of 0 or more in this order, found {span:?}")
            });
        }
    }

    fn recalibration(&mut self, recalibration: &Recalibration) {
        let created = &recalibration.created;
        self.require(is_rfc3339(created), "recalibration.created", || {
            format!("expected a time like 2026-11-23T14:05:00Z, found {created:?}")
        });
        let from = &recalibration.from;
        let is_digest = from.len() == 64 && from.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.require(is_digest, "recalibration.from", || {
            format!("expected 64 hexadecimal digits, found {from:?}")
        });
        let parts = recalibration.good_parts;
        self.require(parts > 0, "recalibration.good_parts", || {
            "expected at least 1, found 0".to_owned()
        });
    }

    fn provenance(&mut self, provenance: &Provenance) {
        for (key, text) in [
            ("provenance.data_hash", &provenance.data_hash),
            ("provenance.tool_version", &provenance.tool_version),
        ] {
            self.require(!text.is_empty(), key, || "must not be empty".to_owned());
        }
        let seed = provenance.seed;
        self.require(i64::try_from(seed).is_ok(), "provenance.seed", || {
            format!("expected at most {}, found {seed}", i64::MAX)
        });
    }

    /// Every modality is there in all tables that speak of it, or in none.
    fn modalities(&mut self, manifest: &Manifest) {
        let mut any = false;
        for modality in Modality::ALL {
            let prepared = match modality {
                Modality::Rgb => manifest.prepare.rgb.is_some(),
                Modality::Geometry => manifest.prepare.geometry.is_some(),
            };
            let tables = [
                ("prepare", prepared),
                ("stages", manifest.stages.get(modality).is_some()),
                (
                    "score.modalities",
                    manifest.score.modalities.get(modality).is_some(),
                ),
                (
                    "provenance.teacher",
                    manifest.provenance.teacher.get(modality).is_some(),
                ),
            ];
            let present = tables.iter().filter(|(_, there)| *there).count();
            any |= present > 0;
            if present > 0 {
                for (table, there) in tables {
                    self.require(there, &format!("{table}.{modality}"), || {
                        "missing, though other tables speak of this modality".to_owned()
                    });
                }
            }
        }
        self.require(any, "stages", || {
            "expected rgb, geometry or both".to_owned()
        });
    }

    fn stage(&mut self, modality: Modality, stage: &Stage, manifest: &Manifest) {
        let key = |name: &str| format!("stages.{modality}.{name}");
        let file = model_file(modality);
        self.require(stage.file == file, &key("file"), || {
            format!("expected {file:?}, found {:?}", stage.file)
        });
        for (name, tensor) in [("input", &stage.input), ("output", &stage.output)] {
            self.require(!tensor.is_empty(), &key(name), || {
                "expected the name of a tensor".to_owned()
            });
        }
        let (size, side) = (manifest.prepare.size, manifest.prepare.size / MAP_STRIDE);
        let expected = match modality {
            Modality::Rgb => [1, 3, size, size],
            Modality::Geometry => [1, BANK_CHANNELS, side, side],
        };
        self.require(stage.input_shape == expected, &key("input_shape"), || {
            format!("expected {expected:?}, found {:?}", stage.input_shape)
        });
        let [batch, maps, height, width] = stage.output_shape;
        let fits = [batch, height, width] == [1, side, side] && (1..=MAPS_MAX).contains(&maps);
        self.require(fits, &key("output_shape"), || {
            format!(
                "expected [1, 1 to {MAPS_MAX}, {side}, {side}], found {:?}",
                stage.output_shape
            )
        });
    }

    /// The fusion stage joins both modalities and takes the views that the score makes of them.
    fn fusion(&mut self, fusion: &FusionStage, manifest: &Manifest) {
        let views = Modality::ALL.map(|modality| {
            let known = manifest.score.modalities.get(modality);
            self.require(
                manifest.stages.get(modality).is_some() && known.is_some(),
                "stages.fusion",
                || format!("there is no {modality} to fuse"),
            );
            known.map(|known| known.views.len())
        });
        let side = manifest.prepare.size / MAP_STRIDE;
        let [rgb, geometry] = views.map(Option::unwrap_or_default);
        let expected = FusionStage::new(rgb, geometry, side);
        self.require(fusion.file == expected.file, "stages.fusion.file", || {
            format!("expected {:?}, found {:?}", expected.file, fusion.file)
        });
        let tensors = |stage: &FusionStage| {
            let inputs = stage.inputs.named().map(|tensor| ("inputs", tensor));
            let outputs = stage.outputs.named().map(|tensor| ("outputs", tensor));
            inputs.into_iter().chain(outputs)
        };
        let pairs = tensors(fusion).zip(tensors(&expected));
        for ((table, (name, found)), (_, (_, expected))) in pairs {
            // What a missing modality would bring has been told.
            let fits = found == expected || expected[1] == 0;
            self.require(fits, &format!("stages.fusion.{table}.{name}"), || {
                format!("expected {expected:?}, found {found:?}")
            });
        }
    }

    fn calibration(
        &mut self,
        modality: Modality,
        calibration: &ModalityCalibration,
        stage: Option<&Stage>,
    ) {
        let key = |name: &str| format!("score.modalities.{modality}.{name}");
        if let Some(stage) = stage {
            let (expected, found) = (stage.output_shape[1], calibration.maps.len());
            self.require(found == expected, &key("maps"), || {
                format!("expected one entry for each of {expected} maps, found {found}")
            });
        }
        for (index, moments) in calibration.maps.iter().enumerate() {
            self.moments(*moments, &key(&format!("maps[{index}]")));
        }
        self.require(!calibration.views.is_empty(), &key("views"), || {
            "expected at least one".to_owned()
        });
        for (index, view) in calibration.views.iter().enumerate() {
            let (maps, sigma) = (view.maps, view.sigma_px);
            let at = key(&format!("views[{index}]"));
            let count = calibration.maps.len();
            let inside = maps.count > 0 && maps.first.saturating_add(maps.count) <= count;
            self.require(inside, &format!("{at}.maps"), || {
                format!(
                    "expected some of {count} maps, found {} from {} on",
                    maps.count, maps.first
                )
            });
            self.require(
                (0.0..=SIGMA_PX_MAX).contains(&sigma),
                &format!("{at}.sigma_px"),
                || format!("expected 0 to {SIGMA_PX_MAX} pixels of a map, found {sigma:?}"),
            );
            self.moments(view.maxima, &format!("{at}.maxima"));
        }
        self.threshold(&key("threshold"), &calibration.threshold);
    }

    fn moments(&mut self, moments: Moments, key: &str) {
        self.finite(moments.mean.into(), &format!("{key}.mean"));
        self.positive(moments.sd.into(), &format!("{key}.sd"));
    }

    fn threshold(&mut self, key: &str, threshold: &Threshold) {
        let (evidence, evidence_max) = (threshold.evidence, Threshold::EVIDENCE_MAX);
        self.require(
            evidence > 0.0 && evidence < evidence_max,
            &format!("{key}.evidence"),
            || {
                format!(
                    "expected more than 0 and less than {evidence_max} standard deviations of good parts, \
                     found {evidence:?}"
                )
            },
        );
        let (rate, rates) = (threshold.target_rate, Threshold::TARGET_RATES);
        self.require(rates.contains(&rate), &format!("{key}.target_rate"), || {
            let (least, most) = rates.into_inner();
            format!("expected a rate of {least} to {most}, found {rate:?}")
        });
        self.share(threshold.rate_bound_95, &format!("{key}.rate_bound_95"));
        let (parts, above) = (threshold.good_parts, threshold.good_parts_above);
        self.require(parts > 0, &format!("{key}.good_parts"), || {
            "expected at least one".to_owned()
        });
        self.require(above <= parts, &format!("{key}.good_parts_above"), || {
            format!("expected at most {parts}, found {above}")
        });
    }
}
