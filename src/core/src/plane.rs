//! The belt as a plane in the camera's frame.

use serde::{Deserialize, Serialize};

/// All points `p` (mm) with `normal . p = offset_mm`; the unit normal points to the camera.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plane {
    /// Unit vector towards the camera, so its z is negative.
    pub normal: [f64; 3],
    /// Millimetres; negative, as the camera looks along +z.
    pub offset_mm: f64,
}
