//! The training configuration: what the user typed, with every default in one place.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use twinspect_core::modality::Modality;

use crate::student::LossWeights;

/// A training configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("reading the training configuration")]
    Read(#[source] std::io::Error),
    /// The file is not what the program expects.
    #[error("{}:{line}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong, with the nearest known key if one was misspelt.
        message: String,
    },
    /// A value outside its range.
    #[error("{key} = {found}: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What was found.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
}

/// Everything that determines a training run besides the data and the teacher's weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainingConfig {
    /// Method; there is one so far.
    pub(crate) method: Method,
    /// Seed of everything random.
    pub(crate) seed: u64,
    /// Side S of the prepared part in pixels.
    pub(crate) size: usize,
    /// Worker threads; 0 means one for each core. Results do not depend on it.
    pub(crate) threads: usize,
    /// The false-reject rate that thresholds aim at.
    pub(crate) target_false_reject_rate: f64,
    /// How parts lie.
    pub(crate) pose: PoseConfig,
    /// The colour branch; without it the product is inspected by height alone.
    #[serde(deserialize_with = "rgb_branch")]
    pub(crate) rgb: BranchConfig,
    /// The geometry branch; used where the data has depth.
    #[serde(deserialize_with = "geometry_branch")]
    pub(crate) geometry: BranchConfig,
    /// Pseudo-anomalies.
    pub(crate) perturbation: PerturbationConfig,
    /// Refinement between teacher and student.
    pub(crate) refinement: RefinementConfig,
    /// What counts how much.
    pub(crate) losses: LossWeights,
    /// How the modalities' evidence is joined.
    pub(crate) fusion: FusionConfig,
}

/// How the evidence of colour and height becomes one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FusionConfig {
    /// The rule.
    pub(crate) join: Join,
}

/// A rule that joins evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Join {
    /// The larger evidence counts.
    Maximum,
    /// Both count the same.
    Average,
    /// A trained gate says, pixel by pixel, which to believe.
    Gate,
}

/// Pseudo-anomalies that students learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PerturbationConfig {
    /// Whether there are any.
    pub(crate) enabled: bool,
    /// Defects that are made of each view of a part.
    pub(crate) defects: usize,
    /// Folder of texture pictures, such as the Describable Textures Dataset; patterns are drawn
    /// where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) textures: Option<PathBuf>,
}

/// The guided feature refinement network between teacher and student.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RefinementConfig {
    /// Whether there is one.
    pub(crate) enabled: bool,
}

/// How a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// A student reverses a frozen teacher.
    ReverseDistillation,
}

/// The poses that good parts take: each training picture is turned and moved this much at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PoseConfig {
    /// Largest turn either way in degrees; 180 for parts that lie at any angle.
    pub(crate) rotation_deg: f32,
    /// Largest shift either way, along both axes, in pixels of S x S.
    pub(crate) shift_px: f32,
}

impl PoseConfig {
    /// Whether every picture stays as it is.
    pub(crate) fn is_fixed(&self) -> bool {
        self.rotation_deg == 0.0 && self.shift_px == 0.0
    }
}

/// One branch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct BranchConfig {
    /// Whether the branch exists.
    pub(crate) enabled: bool,
    /// How often each good part is seen.
    pub(crate) passes: usize,
    /// Views of each part that are kept: one as it was taken, the others posed at random.
    pub(crate) views: usize,
    /// Parts in a step.
    pub(crate) batch: usize,
    /// Highest learning rate of the one-cycle schedule.
    pub(crate) learning_rate: f32,
    /// Channels of the student's widest layer at stride 16.
    pub(crate) width: usize,
    /// Smoothings of the map in pixels of S/4, finest first.
    pub(crate) smoothing_px: Vec<f32>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            method: Method::ReverseDistillation,
            seed: 1,
            size: 256,
            threads: 0,
            target_false_reject_rate: 0.02,
            pose: PoseConfig::default(),
            rgb: BranchConfig::rgb(),
            geometry: BranchConfig::geometry(),
            perturbation: PerturbationConfig::default(),
            refinement: RefinementConfig::default(),
            losses: LossWeights::default(),
            fusion: FusionConfig::default(),
        }
    }
}

impl Default for PerturbationConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            defects: 2,
            textures: None,
        }
    }
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            join: Join::Maximum,
        }
    }
}

impl Default for RefinementConfig {
    fn default() -> Self {
        Self { enabled: false }
    }
}

impl BranchConfig {
    fn rgb() -> Self {
        Self {
            enabled: true,
            passes: 60,
            views: 4,
            batch: 4,
            learning_rate: 0.005,
            width: 96,
            smoothing_px: vec![0.7, 1.5, 4.0],
        }
    }

    fn geometry() -> Self {
        Self {
            enabled: true,
            passes: 60,
            views: 8,
            batch: 4,
            learning_rate: 0.004,
            width: 160,
            smoothing_px: vec![0.7, 1.5, 4.0],
        }
    }
}

/// The keys of a branch that a file may hold; what it lacks is the branch's own default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BranchKeys {
    enabled: Option<bool>,
    passes: Option<usize>,
    views: Option<usize>,
    batch: Option<usize>,
    learning_rate: Option<f32>,
    width: Option<usize>,
    smoothing_px: Option<Vec<f32>>,
}

impl BranchKeys {
    fn over(self, default: BranchConfig) -> BranchConfig {
        BranchConfig {
            enabled: self.enabled.unwrap_or(default.enabled),
            passes: self.passes.unwrap_or(default.passes),
            views: self.views.unwrap_or(default.views),
            batch: self.batch.unwrap_or(default.batch),
            learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
            width: self.width.unwrap_or(default.width),
            smoothing_px: self.smoothing_px.unwrap_or(default.smoothing_px),
        }
    }
}

fn rgb_branch<'de, D: Deserializer<'de>>(keys: D) -> Result<BranchConfig, D::Error> {
    Ok(BranchKeys::deserialize(keys)?.over(BranchConfig::rgb()))
}

fn geometry_branch<'de, D: Deserializer<'de>>(keys: D) -> Result<BranchConfig, D::Error> {
    Ok(BranchKeys::deserialize(keys)?.over(BranchConfig::geometry()))
}

impl Default for PoseConfig {
    fn default() -> Self {
        Self {
            rotation_deg: 0.0,
            shift_px: 3.0,
        }
    }
}

impl TrainingConfig {
    /// Reads a file; keys that it lacks have their defaults.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs_err::read_to_string(path).map_err(ConfigError::Read)?;
        let config: Self =
            toml::from_str(&text).map_err(|error| parse_error(path, &text, &error))?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every value.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let value = |key, holds: bool, found: String, expected| {
            if holds {
                Ok(())
            } else {
                Err(ConfigError::Value {
                    key,
                    found,
                    expected,
                })
            }
        };
        let rate = self.target_false_reject_rate;
        value(
            "target_false_reject_rate",
            rate > 0.0 && rate < 1.0,
            rate.to_string(),
            "a share between 0 and 1",
        )?;
        let size = self.size;
        value(
            "size",
            (64..=1024).contains(&size) && size.is_multiple_of(32),
            size.to_string(),
            "a multiple of 32 from 64 to 1024",
        )?;
        let PoseConfig {
            rotation_deg,
            shift_px,
        } = self.pose;
        value(
            "pose.rotation_deg",
            (0.0..=180.0).contains(&rotation_deg),
            rotation_deg.to_string(),
            "0 to 180",
        )?;
        value(
            "pose.shift_px",
            (0.0..=64.0).contains(&shift_px),
            shift_px.to_string(),
            "0 to 64",
        )?;
        value(
            "seed",
            i64::try_from(self.seed).is_ok(),
            self.seed.to_string(),
            "at most 2^63 - 1",
        )?;
        value(
            "rgb.enabled",
            self.rgb.enabled || self.geometry.enabled,
            "false".into(),
            "true for rgb, geometry, or both",
        )?;
        for (branch, keys) in [(&self.rgb, RGB_KEYS), (&self.geometry, GEOMETRY_KEYS)] {
            let finite = |rate: f32| rate.is_finite() && rate > 0.0;
            let sigmas = &branch.smoothing_px;
            let smooth = !sigmas.is_empty() && sigmas.iter().all(|s| (0.0..=16.0).contains(s));
            value(
                keys[0],
                branch.passes > 0,
                branch.passes.to_string(),
                "at least 1",
            )?;
            value(
                keys[1],
                (2..=64).contains(&branch.batch),
                branch.batch.to_string(),
                "2 to 64",
            )?;
            value(
                keys[2],
                finite(branch.learning_rate),
                branch.learning_rate.to_string(),
                "a positive rate",
            )?;
            value(
                keys[3],
                (16..=512).contains(&branch.width) && branch.width.is_multiple_of(16),
                branch.width.to_string(),
                "a multiple of 16 from 16 to 512",
            )?;
            value(
                keys[5],
                (1..=64).contains(&branch.views),
                branch.views.to_string(),
                "1 to 64",
            )?;
            value(
                keys[4],
                smooth,
                format!("{sigmas:?}"),
                "at least one, each from 0 to 16",
            )?;
        }
        Ok(())
    }

    /// The branch of a modality.
    pub(crate) fn branch(&self, modality: Modality) -> &BranchConfig {
        match modality {
            Modality::Rgb => &self.rgb,
            Modality::Geometry => &self.geometry,
        }
    }
}

const RGB_KEYS: [&str; 6] = [
    "rgb.passes",
    "rgb.batch",
    "rgb.learning_rate",
    "rgb.width",
    "rgb.smoothing_px",
    "rgb.views",
];
const GEOMETRY_KEYS: [&str; 6] = [
    "geometry.passes",
    "geometry.batch",
    "geometry.learning_rate",
    "geometry.width",
    "geometry.smoothing_px",
    "geometry.views",
];

/// Line, message, and the nearest known key where one is unknown.
fn parse_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..start].matches('\n').count() + 1;
    let mut message = error.message().to_owned();
    if let Some((unknown, known)) = unknown_field(&message) {
        let nearest = known
            .iter()
            .map(|key| (strsim::jaro_winkler(&unknown, key), key))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, key)) = nearest {
            message.push_str(&format!("; did you mean `{key}`?"));
        }
    }
    ConfigError::Parse {
        path: path.to_owned(),
        line,
        message,
    }
}

/// Splits serde's "unknown field `x`, expected one of `a`, `b`".
fn unknown_field(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    let known = rest
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    Some((unknown.to_owned(), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_hold_and_survive_a_round_trip() {
        let config = TrainingConfig::default();
        config.validate().unwrap();
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainingConfig>(&text).unwrap(), config);
    }

    #[test]
    fn a_branch_keeps_its_own_defaults_for_keys_that_a_file_lacks() {
        let config: TrainingConfig =
            toml::from_str("[rgb]\nenabled = false\n[geometry]\npasses = 7\n").unwrap();
        let default = TrainingConfig::default();
        let rgb = BranchConfig {
            enabled: false,
            ..default.rgb
        };
        let geometry = BranchConfig {
            passes: 7,
            ..default.geometry
        };
        assert_eq!((config.rgb, config.geometry), (rgb, geometry));
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_nearest_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        std::fs::write(&path, "seed = 3\n[pose]\nrotation_degs = 5.0\n").unwrap();
        let error = TrainingConfig::read(&path).unwrap_err().to_string();
        assert!(error.contains("train.toml:3"), "{error}");
        assert!(error.contains("did you mean `rotation_deg`?"), "{error}");
    }

    #[test]
    fn values_out_of_range_are_named() {
        let refused = |change: fn(&mut TrainingConfig)| {
            let mut config = TrainingConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(refused(|c| c.size = 250).starts_with("size = 250"));
        assert!(refused(|c| c.pose.rotation_deg = 181.0).starts_with("pose.rotation_deg"));
        assert!(refused(|c| c.rgb.batch = 1).starts_with("rgb.batch"));
        assert!(refused(|c| c.geometry.smoothing_px.clear()).starts_with("geometry.smoothing_px"));
        assert!(
            refused(|c| (c.rgb.enabled, c.geometry.enabled) = (false, false)).contains("or both")
        );
    }
}
