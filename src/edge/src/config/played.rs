//! What a recording of a RealSense camera goes by in the table `[realsense]`, which says how a live one runs, too.

use toml::Value;

use super::checker::Checker;
use super::realsense::RealSenseToml;

/// Keys that say how a live camera runs. A recording has run.
const OF_A_LIVE_CAMERA: [&str; 20] = [
    "realsense.serial",
    "realsense.width",
    "realsense.height",
    "realsense.depth_width",
    "realsense.depth_height",
    "realsense.rate_hz",
    "realsense.warm_up_pairs",
    "realsense.first_pair_max_ms",
    "realsense.reset_max_ms",
    "realsense.preset_file",
    "realsense.visual_preset",
    "realsense.depth_unit_m",
    "realsense.depth_exposure_ms",
    "realsense.depth_gain",
    "realsense.emitter",
    "realsense.laser_power_mw",
    "realsense.colour_exposure_ms",
    "realsense.colour_gain",
    "realsense.white_balance_k",
    "realsense.mains_hz",
];

impl Checker {
    /// What a recording goes by; what says how a live camera runs is a mistake.
    pub(super) fn of_a_recording(&mut self, typed: &RealSenseToml) -> RealSenseToml {
        let live = RealSenseToml::default();
        if let (Ok(Value::Table(found)), Ok(Value::Table(defaults))) =
            (Value::try_from(typed), Value::try_from(&live))
        {
            for key in OF_A_LIVE_CAMERA {
                let name = key.trim_start_matches("realsense.");
                if let Some(value) = found.get(name) {
                    self.require(
                        defaults.get(name) == Some(value),
                        key,
                        value,
                        "left out with camera.kind = \"recording\": it says how a live camera runs, and a recording plays \
                         as it was recorded",
                    );
                }
            }
        }
        RealSenseToml {
            library: typed.library.clone(),
            transfer_max_ms: typed.transfer_max_ms,
            wait_max_ms: typed.wait_max_ms,
            age_max_ms: typed.age_max_ms,
            pair_distance_max_ms: typed.pair_distance_max_ms,
            equal_pictures_max: typed.equal_pictures_max,
            stall_max_ms: typed.stall_max_ms,
            start_max_ms: typed.start_max_ms,
            open_max_ms: typed.open_max_ms,
            ..live
        }
    }
}
