//! The two senses of a station, and a value for each of them.

use serde::{Deserialize, Serialize};

/// What a measurement was taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// The colour picture.
    Rgb,
    /// The height above the belt.
    Geometry,
}

impl Modality {
    /// Both, colour first.
    pub const ALL: [Self; 2] = [Self::Rgb, Self::Geometry];

    /// The name that users see and type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Geometry => "geometry",
        }
    }
}

impl std::fmt::Display for Modality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each modality that a product has; at least one of the two is there.
///
/// RGB-only products are a case of this type, not a special case of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct PerModality<T> {
    /// Colour.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub rgb: Option<T>,
    /// Height.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub geometry: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> Default for PerModality<T> {
    fn default() -> Self {
        Self {
            rgb: None,
            geometry: None,
        }
    }
}

impl<T> PerModality<T> {
    /// The value of one modality.
    pub fn get(&self, modality: Modality) -> Option<&T> {
        match modality {
            Modality::Rgb => self.rgb.as_ref(),
            Modality::Geometry => self.geometry.as_ref(),
        }
    }

    /// The value of one modality, to be changed.
    pub fn get_mut(&mut self, modality: Modality) -> Option<&mut T> {
        match modality {
            Modality::Rgb => self.rgb.as_mut(),
            Modality::Geometry => self.geometry.as_mut(),
        }
    }

    /// Sets the value of one modality.
    pub fn set(&mut self, modality: Modality, value: Option<T>) {
        match modality {
            Modality::Rgb => self.rgb = value,
            Modality::Geometry => self.geometry = value,
        }
    }

    /// The modalities that are there, colour first.
    pub fn present(&self) -> impl Iterator<Item = (Modality, &T)> {
        let rgb = self.rgb.as_ref().map(|value| (Modality::Rgb, value));
        let geometry = self
            .geometry
            .as_ref()
            .map(|value| (Modality::Geometry, value));
        rgb.into_iter().chain(geometry)
    }
}
