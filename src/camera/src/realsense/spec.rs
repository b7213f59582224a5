//! What a station asks of its camera.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use twinspect_core::frame::FrameSize;
use twinspect_core::recovery::RecoverySpec;

use twinspect_dataset::file_kind;

/// Bytes of a preset; the vendor's have a few thousand.
const PRESET_BYTES_MAX: u64 = 1_000_000;

/// How a camera runs, and when its pictures count.
#[derive(Debug, Clone, PartialEq)]
pub struct RealSenseSpec {
    /// Size and rate of both streams; `None` takes what a recording has.
    pub streams: Option<StreamsSpec>,
    /// What is set on the camera before it starts.
    pub settings: Settings,
    /// Largest distance of the stamps of a pair; `None`: half of the time from picture to picture.
    pub pair_distance_max: Option<Duration>,
    /// From the beginning of an exposure to the picture's arrival, at most, if nothing holds it up. A picture
    /// shows what lay there so long before it came.
    pub transfer_max: Duration,
    /// A picture that came so much later than usual is not judged.
    pub age_max: Duration,
    /// How long a part waits for a picture that shows it.
    pub wait_max: Duration,
    /// Whether each picture is asked for, and not one for each part: then the newest that was not handed out yet
    /// comes at once, whenever it was taken. Its stamp says when.
    pub every_picture: bool,
    /// So many equal pictures in a row are taken before the stream counts as frozen. No part gets the picture of the part
    /// before all the same, unless this is 0: then all are believed.
    pub equal_pictures_max: u32,
    /// How long the first start may take in all, with all that the ladder tries.
    pub open_max: Duration,
    /// When and how it is brought back, and how many pairs are passed over after each start until exposure has
    /// settled.
    pub recovery: RecoverySpec,
    /// How fast a recording plays.
    pub pace: Pace,
    /// Whether a recording begins again after its last picture.
    pub repeat: bool,
    /// Pairs that are passed over first, of a recording that is played once and [as it is read](Pace::AsRead): whoever
    /// played it before has had them.
    pub skip_pairs: u64,
}

/// Size and rate of both streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamsSpec {
    /// Colour, and what depth is laid onto.
    pub colour: FrameSize,
    /// Depth as it is measured.
    pub depth: FrameSize,
    /// Pictures a second of each.
    pub rate_hz: u32,
}

/// How fast a recording plays. A camera knows the first alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As it was recorded; a pair that nobody asks for is gone.
    Sensor,
    /// A pair for each time that somebody asks, and none is left out.
    AsRead,
}

/// What is set on the camera. What is `None` stays as the camera has it, which after power has come is the
/// vendor's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// A file that the vendor's viewer has saved, read before; set first.
    pub preset: Option<PresetFile>,
    /// One of the vendor's presets; set next.
    pub visual_preset: Option<u32>,
    /// Metres a count of depth.
    pub depth_unit_m: Option<f64>,
    /// Exposure of the depth camera; switches its automatic exposure off.
    pub depth_exposure: Option<Duration>,
    /// Gain of the depth camera; switches its automatic exposure off.
    pub depth_gain: Option<f64>,
    /// Whether the pattern projector is on.
    pub emitter: Option<bool>,
    /// Power of the projector in milliwatts.
    pub laser_power_mw: Option<f64>,
    /// Exposure of the colour camera; switches its automatic exposure off.
    pub colour_exposure: Option<Duration>,
    /// Gain of the colour camera; switches its automatic exposure off.
    pub colour_gain: Option<f64>,
    /// White balance in kelvin; switches the automatic one off.
    pub white_balance_k: Option<f64>,
    /// Frequency of the mains that light the scene: 0, 50 or 60.
    pub power_line_hz: Option<u32>,
}

/// A preset that was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetFile {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it.
    pub json: String,
}

impl PresetFile {
    /// The file's name, without its folder.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Reads one. What is no file, or has no end, is not begun.
    ///
    /// # Errors
    /// What the system says, or what is wrong with the file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let refused = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let kind = std::fs::metadata(path)?.file_type();
        if !kind.is_file() {
            let found = file_kind(kind);
            return Err(refused(format!("it is {found} and no file")));
        }
        let mut json = String::new();
        let read = File::open(path)?
            .take(PRESET_BYTES_MAX + 1)
            .read_to_string(&mut json)?;
        if read as u64 > PRESET_BYTES_MAX {
            let most = PRESET_BYTES_MAX / 1_000;
            return Err(refused(format!(
                "it has more than {most} kB, which no preset has"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            json,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_preset_is_a_plain_file_of_bounded_length() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("preset.json");
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(PresetFile::read(&file).unwrap().json, "{}");
        let most = " ".repeat(PRESET_BYTES_MAX as usize);
        std::fs::write(&file, &most).unwrap();
        PresetFile::read(&file).unwrap();
        std::fs::write(&file, most + " ").unwrap();
        let told = PresetFile::read(&file).unwrap_err().to_string();
        assert!(told.contains("more than 1000 kB"), "{told}");
        std::fs::write(&file, b"\xff").unwrap();
        PresetFile::read(&file).unwrap_err();
    }

    #[test]
    fn a_pipe_a_device_and_a_folder_are_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.json");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for (path, what) in [
            (pipe.as_path(), "a pipe"),
            (Path::new("/dev/zero"), "a device"),
            (folder.path(), "a folder"),
        ] {
            let told = PresetFile::read(path).unwrap_err().to_string();
            assert!(told.contains(what), "{told}");
        }
    }
}
