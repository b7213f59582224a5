//! The training configuration: what the user typed, with every default in one place.

mod error;
mod validate;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use serde::{Deserialize, Deserializer, Serialize};
use twinspect_bundle::document;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::Roi;

pub(crate) use error::ConfigError;

use crate::student::LossWeights;

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
    /// What of the picture is looked at; all of it if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roi: Option<Roi>,
    /// How parts lie.
    pub(crate) pose: PoseConfig,
    /// Whether colour tells parts from what they lie on.
    #[serde(default = "GroundConfig::before")]
    pub(crate) ground: GroundConfig,
    /// The colour branch; without it the product is inspected by height alone.
    #[serde(deserialize_with = "rgb_branch")]
    pub(crate) rgb: BranchConfig,
    /// What the colour branch remembers of good parts.
    #[serde(default = "MemoryConfig::before")]
    pub(crate) memory: MemoryConfig,
    /// The colours of good places.
    #[serde(
        default = "PaletteConfig::before",
        skip_serializing_if = "PaletteConfig::is_off"
    )]
    pub(crate) palette: PaletteConfig,
    /// The geometry branch; used where the data has depth.
    #[serde(deserialize_with = "geometry_branch")]
    pub(crate) geometry: BranchConfig,
    /// The prototypes beside the geometry student.
    #[serde(
        default = "CodebookConfig::before",
        skip_serializing_if = "CodebookConfig::is_as_before"
    )]
    pub(crate) codebook: CodebookConfig,
    /// Pseudo-anomalies.
    pub(crate) perturbation: PerturbationConfig,
    /// Refinement between teacher and student.
    pub(crate) refinement: RefinementConfig,
    /// What counts how much.
    pub(crate) losses: LossWeights,
    /// How the modalities' evidence is joined.
    pub(crate) fusion: FusionConfig,
}

/// What parts lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GroundConfig {
    /// Whether a product without depth has a region where evidence counts, if its pictures show a ground of one colour.
    pub(crate) enabled: bool,
}

impl GroundConfig {
    /// What runs did whose records don't speak of it.
    fn before() -> Self {
        Self { enabled: false }
    }
}

impl Default for GroundConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Prototypes of good places beside the colour student.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MemoryConfig {
    /// Whether there are any.
    pub(crate) enabled: bool,
    /// Prototypes for each good training part; at most 4096 in all.
    pub(crate) prototypes_per_part: usize,
}

impl MemoryConfig {
    /// What runs did whose records don't speak of it.
    fn before() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            prototypes_per_part: 12,
        }
    }
}

/// Prototypes of the colours of good places, beside the colour student. No student knows of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PaletteConfig {
    /// Whether there are any.
    pub(crate) enabled: bool,
}

impl PaletteConfig {
    /// What runs did whose records don't speak of it.
    fn before() -> Self {
        Self { enabled: false }
    }

    /// Records of runs without one are as they were before there was any.
    fn is_off(&self) -> bool {
        !self.enabled
    }
}

impl Default for PaletteConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// How the map of the prototypes beside the geometry student is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CodebookConfig {
    /// Smoothings of the map in pixels of S/4, finest first.
    pub(crate) smoothing_px: Vec<f32>,
}

impl CodebookConfig {
    /// What runs did whose records don't speak of it.
    fn before() -> Self {
        Self {
            smoothing_px: ALL_SMOOTHINGS_PX.to_vec(),
        }
    }

    /// Records of runs that look as before are as they were.
    fn is_as_before(&self) -> bool {
        *self == Self::before()
    }
}

impl Default for CodebookConfig {
    fn default() -> Self {
        Self::before()
    }
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
    /// What both see adds up in quadrature: as the root of the sum of squares.
    Quadrature,
    /// What both see adds up.
    Sum,
    /// Both count the same.
    Average,
    /// A trained gate says, pixel by pixel, which to believe.
    Gate,
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_possible_value() {
            Some(value) => f.write_str(value.get_name()),
            None => Ok(()),
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
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
    /// Students that learn the same one after the other, from weights of their own; their maps are averaged.
    #[serde(skip_serializing_if = "is_one")]
    pub(crate) students: NonZeroUsize,
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

/// Gaussians from a small defect's to a broad one's.
const ALL_SMOOTHINGS_PX: [f32; 3] = [0.7, 1.5, 4.0];

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            method: Method::ReverseDistillation,
            seed: 1,
            size: 256,
            threads: 0,
            target_false_reject_rate: 0.02,
            roi: None,
            pose: PoseConfig::default(),
            ground: GroundConfig::default(),
            rgb: BranchConfig::rgb(),
            memory: MemoryConfig::default(),
            palette: PaletteConfig::default(),
            geometry: BranchConfig::geometry(),
            codebook: CodebookConfig::default(),
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
            join: Join::Quadrature,
        }
    }
}

impl BranchConfig {
    /// Steps of a training on so many good parts; any number, of a record that was edited.
    pub(crate) fn steps(&self, parts: usize) -> u64 {
        self.passes
            .saturating_mul(parts)
            .div_ceil(self.batch.max(1)) as u64
    }

    fn rgb() -> Self {
        Self {
            enabled: true,
            students: NonZeroUsize::MIN,
            passes: 60,
            views: 4,
            batch: 4,
            learning_rate: 0.005,
            width: 96,
            smoothing_px: ALL_SMOOTHINGS_PX.to_vec(),
        }
    }

    fn geometry() -> Self {
        Self {
            enabled: true,
            students: NonZeroUsize::MIN,
            passes: 60,
            views: 8,
            batch: 4,
            learning_rate: 0.004,
            width: 160,
            smoothing_px: ALL_SMOOTHINGS_PX.to_vec(),
        }
    }
}

/// The keys of a branch that a file may hold; what it lacks is the branch's own default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BranchKeys {
    enabled: Option<bool>,
    students: Option<NonZeroUsize>,
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
            students: self.students.unwrap_or(default.students),
            passes: self.passes.unwrap_or(default.passes),
            views: self.views.unwrap_or(default.views),
            batch: self.batch.unwrap_or(default.batch),
            learning_rate: self.learning_rate.unwrap_or(default.learning_rate),
            width: self.width.unwrap_or(default.width),
            smoothing_px: self.smoothing_px.unwrap_or(default.smoothing_px),
        }
    }
}

/// Records of runs said nothing of students when there was one in each branch, and a run's identity is drawn from its record.
fn is_one(students: &NonZeroUsize) -> bool {
    students.get() == 1
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
    /// Reads a file; keys that it lacks have their defaults, and relative paths start at its folder.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = document::read(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = document::parse(path, &text)?;
        let typed: toml::Table = text.parse().unwrap_or_default();
        if !typed.contains_key("ground") {
            config.ground = GroundConfig::default();
        }
        if !typed.contains_key("memory") {
            config.memory = MemoryConfig::default();
        }
        if !typed.contains_key("palette") {
            config.palette = PaletteConfig::default();
        }
        config
            .validate()
            .map_err(|error| error.at_its_place(path, &text))?;
        if let (Some(textures), Some(folder)) = (&mut config.perturbation.textures, path.parent()) {
            *textures = folder.join(&*textures);
        }
        Ok(config)
    }

    /// The configuration as far as it changes what is learnt: not by the number of threads, and by what is made of the
    /// students' maps ([`TrainingConfig::judge_as`]) for the gate alone, which learns of it.
    pub(crate) fn for_learning(&self) -> Self {
        let mut learning = Self {
            threads: 0,
            ..self.clone()
        };
        if self.fusion.join != Join::Gate {
            learning.judge_as(&Self::untaught());
        }
        learning
    }

    /// Stands in a run's identity for whatever is made of the students' maps. It may never change: finished runs would be
    /// other runs.
    fn untaught() -> Self {
        let seen_as = |branch| BranchConfig {
            smoothing_px: ALL_SMOOTHINGS_PX.to_vec(),
            ..branch
        };
        Self {
            rgb: seen_as(BranchConfig::rgb()),
            geometry: seen_as(BranchConfig::geometry()),
            codebook: CodebookConfig::before(),
            palette: PaletteConfig::before(),
            fusion: FusionConfig {
                join: Join::Maximum,
            },
            ..Self::default()
        }
    }

    /// Makes of the students' maps what `other` makes of them: under which Gaussians they are looked at, what stands beside
    /// them that no student knows of, and how colour and height are joined. A finished run can do so.
    pub(crate) fn judge_as(&mut self, other: &Self) {
        self.palette = other.palette;
        self.fusion = other.fusion;
        self.codebook = other.codebook.clone();
        self.rgb.smoothing_px = other.rgb.smoothing_px.clone();
        self.geometry.smoothing_px = other.geometry.smoothing_px.clone();
    }

    /// Under which Gaussians the maps of students and codebook are looked at, by the keys that say so.
    pub(crate) fn smoothings(&self) -> [(&'static str, &[f32]); 3] {
        [
            ("rgb.smoothing_px", &self.rgb.smoothing_px),
            ("geometry.smoothing_px", &self.geometry.smoothing_px),
            ("codebook.smoothing_px", &self.codebook.smoothing_px),
        ]
    }

    /// The branch of a modality.
    pub(crate) fn branch(&self, modality: Modality) -> &BranchConfig {
        match modality {
            Modality::Rgb => &self.rgb,
            Modality::Geometry => &self.geometry,
        }
    }
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
    fn the_example_shows_every_key_with_its_default() {
        let example = include_str!("../../../../configs/training.toml");
        let default = TrainingConfig::default();
        assert_eq!(toml::from_str::<TrainingConfig>(example).unwrap(), default);
        let every = toml::to_string(&default).unwrap();
        for key in every.lines().filter_map(|line| line.split(" = ").next()) {
            assert!(example.contains(key), "{key}");
        }
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
    fn a_file_that_lacks_what_came_later_has_it_and_a_record_has_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        std::fs::write(&path, "seed = 3\n").unwrap();
        let read = TrainingConfig::read(&path).unwrap();
        assert!(read.memory.enabled && read.ground.enabled && read.palette.enabled);
        let recorded: TrainingConfig = toml::from_str("seed = 3\n").unwrap();
        let known = [recorded.memory.enabled, recorded.palette.enabled];
        assert!(known == [false; 2] && !recorded.ground.enabled);
    }

    #[test]
    fn a_region_is_recorded_and_its_absence_leaves_no_trace() {
        let text = "roi = { x = 64, y = 32, width = 288, height = 200 }\n";
        let config: TrainingConfig = toml::from_str(text).unwrap();
        let recorded = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TrainingConfig>(&recorded).unwrap(), config);
        let without = toml::to_string(&TrainingConfig::default()).unwrap();
        assert!(recorded.contains("roi") && !without.contains("roi"));
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_nearest_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        std::fs::write(&path, "seed = 3\n[pose]\nrotation_degs = 5.0\n").unwrap();
        let error = TrainingConfig::read(&path).unwrap_err();
        assert!(error.to_string().contains("train.toml:3"), "{error}");
        let hint = error.hint();
        assert!(hint.contains("did you mean `rotation_deg`"), "{hint}");
    }

    #[test]
    fn values_are_told_with_the_line_where_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.toml");
        let refused = |text: &str| {
            std::fs::write(&path, text).unwrap();
            TrainingConfig::read(&path).unwrap_err().to_string()
        };
        for text in ["seed = 3\n\n[rgb]\nbatch = 1\n", "\n\n\nrgb.batch = 1\n"] {
            let says = refused(text);
            let end = "rgb.batch = 1: expected 2 to 64";
            assert!(says.contains("train.toml:4:"), "{says}");
            assert!(says.ends_with(end), "{says}");
        }
        let says = refused("geometry.enabled = false\nrgb = { enabled = false }\n");
        assert!(says.contains("train.toml:2:19: rgb.enabled"), "{says}");
        let says = refused("threads = -1\n");
        assert!(
            says.contains("train.toml:1") && says.contains("a whole number"),
            "{says}"
        );
    }

    #[test]
    fn values_out_of_range_are_named() {
        let refused = |change: fn(&mut TrainingConfig)| {
            let mut config = TrainingConfig::default();
            change(&mut config);
            config.validate().unwrap_err().to_string()
        };
        assert!(refused(|c| c.size = 250).starts_with("size = 250"));
        assert!(refused(|c| c.threads = 100_000).starts_with("threads = 100000"));
        assert!(refused(|c| c.perturbation.defects = 0).starts_with("perturbation.defects"));
        assert!(refused(|c| c.losses.pixels = -1.0).starts_with("losses.pixels"));
        assert!(refused(|c| c.pose.rotation_deg = 181.0).starts_with("pose.rotation_deg"));
        assert!(refused(|c| c.rgb.batch = 1).starts_with("rgb.batch"));
        let beyond = refused(|c| {
            c.roi = Some(Roi {
                x: usize::MAX,
                y: 0,
                width: 2,
                height: 2,
            });
        });
        assert!(beyond.starts_with("roi = 2 x 2"), "{beyond}");
        assert!(refused(|c| c.geometry.smoothing_px.clear()).starts_with("geometry.smoothing_px"));
        assert!(
            refused(|c| c.codebook.smoothing_px[0] = 17.0).starts_with("codebook.smoothing_px")
        );
        assert!(refused(|c| c.rgb.smoothing_px = vec![1.0; 9]).starts_with("rgb.smoothing_px"));
        assert!(
            refused(|c| (c.rgb.enabled, c.geometry.enabled) = (false, false)).contains("or both")
        );
    }
}
