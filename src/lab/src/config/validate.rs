//! Ranges of every value of a training configuration.

use twinspect_core::prepare::Roi;
use twinspect_core::score::Threshold;

use super::{ConfigError, PoseConfig, TrainingConfig};

/// More threads than any machine has cores only take memory.
const THREADS_MAX: usize = 1024;
/// No picture is wider or higher. Whether a region lies inside the pictures at hand, these say.
const FRAME_SIDE_MAX: usize = 65_535;

impl TrainingConfig {
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
            Threshold::TARGET_RATES.contains(&rate),
            format!("{rate:?}"),
            "a share from 0.001 to 0.5",
        )?;
        value(
            "threads",
            self.threads <= THREADS_MAX,
            self.threads.to_string(),
            "0 for one a core, or at most 1024",
        )?;
        let size = self.size;
        value(
            "size",
            (64..=1024).contains(&size) && size.is_multiple_of(32),
            size.to_string(),
            "a multiple of 32 from 64 to 1024",
        )?;
        if let Some(Roi {
            x,
            y,
            width,
            height,
        }) = self.roi
        {
            let (right, bottom) = (x.saturating_add(width), y.saturating_add(height));
            value(
                "roi",
                width > 0 && height > 0 && right.max(bottom) <= FRAME_SIDE_MAX,
                format!("{width} x {height} at ({x}, {y})"),
                "at least one pixel, inside the pictures",
            )?;
        }
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
        let per_part = self.memory.prototypes_per_part;
        value(
            "memory.prototypes_per_part",
            (1..=4096).contains(&per_part),
            per_part.to_string(),
            "1 to 4096",
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
                keys[4],
                (1..=64).contains(&branch.views),
                branch.views.to_string(),
                "1 to 64",
            )?;
            value(
                keys[5],
                branch.students.get() <= 8,
                branch.students.to_string(),
                "1 to 8",
            )?;
        }
        for (key, sigmas) in self.smoothings() {
            value(
                key,
                (1..=SMOOTHINGS_MAX).contains(&sigmas.len())
                    && sigmas.iter().all(|s| (0.0..=16.0).contains(s)),
                format!("{sigmas:?}"),
                "one to eight, each from 0 to 16",
            )?;
        }
        value(
            "perturbation.defects",
            (1..=16).contains(&self.perturbation.defects),
            self.perturbation.defects.to_string(),
            "1 to 16",
        )?;
        for (key, weight) in self.losses.named() {
            value(
                key,
                weight.is_finite() && weight >= 0.0,
                weight.to_string(),
                "a weight that is not negative",
            )?;
        }
        Ok(())
    }
}

/// Each costs the device time with each part, and good parts stand out in each.
const SMOOTHINGS_MAX: usize = 8;

const RGB_KEYS: [&str; 6] = [
    "rgb.passes",
    "rgb.batch",
    "rgb.learning_rate",
    "rgb.width",
    "rgb.views",
    "rgb.students",
];
const GEOMETRY_KEYS: [&str; 6] = [
    "geometry.passes",
    "geometry.batch",
    "geometry.learning_rate",
    "geometry.width",
    "geometry.views",
    "geometry.students",
];
