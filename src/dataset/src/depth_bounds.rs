//! Between which distances a depth picture was normalised: the `info_depth.yaml` that Eyecandies
//! keeps beside each one.
//!
//! A value `v` of the 16-bit picture means `v / 65535 * (max - min) + min` metres along the optical
//! axis (the set's page "Depth Map De-Normalization").

use std::path::Path;

use crate::error::DatasetError;
use crate::text;
use crate::yaml;

/// The most bytes of such a file; published ones have about fifty.
const MAX_BYTES: u64 = 65_536;

/// Distances of the values 0 and 65535.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DepthBounds {
    min_m: f64,
    max_m: f64,
}

impl DepthBounds {
    /// Reads and checks `normalization.min` and `normalization.max`.
    pub(crate) fn read(path: &Path) -> Result<Self, DatasetError> {
        let text = text::read(path, MAX_BYTES)?;
        let refuse = |key, found: &str, expected: &str| DatasetError::SampleValue {
            path: path.to_owned(),
            key,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let metres = |key, keys: &[&str]| {
            let value = yaml::scalar(&text, keys).unwrap_or("absent");
            value
                .parse::<f64>()
                .ok()
                .filter(|metres| metres.is_finite() && *metres >= 0.0)
                .ok_or_else(|| refuse(key, value, "a distance in metres"))
        };
        let min_m = metres("normalization.min", &["normalization", "min"])?;
        let max_m = metres("normalization.max", &["normalization", "max"])?;
        if max_m > min_m {
            Ok(Self { min_m, max_m })
        } else {
            let found = max_m.to_string();
            let expected = format!("larger than normalization.min, {min_m}");
            Err(refuse("normalization.max", &found, &expected))
        }
    }

    /// Millimetres along the optical axis.
    pub(crate) fn z_mm(self, value: u16) -> f64 {
        let share = f64::from(value) / f64::from(u16::MAX);
        1000.0 * (share * (self.max_m - self.min_m) + self.min_m)
    }
}
