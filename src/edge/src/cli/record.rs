//! What a user types to record parts and to measure the belt.

use std::path::PathBuf;

use clap::Args;

use super::SplitName;

#[derive(Debug, Args)]
#[command(after_help = "\
A part is recorded each time you press Enter; what is typed before it becomes the part's own name
(part_id). Ctrl-D or Ctrl-C ends it. Black, saturated and repeated pictures are refused.
A station that runs owns its camera: stop it first.
With --recording no parts are recorded but all that a RealSense camera gives, for camera.kind =
\"recording\" to play: .bag files with librealsense before 2.58, .db3 files with later releases. Not
compressed: 46 MB a second at 640 x 480 and 30 Hz.

Examples:
  twinspect record --config /etc/twinspect/station.toml --out cap
  twinspect record --config station.toml --out cap --split validation --parts 20
  twinspect record --config station.toml --out cap --split test --label scratch
  twinspect record --config station.toml --out cap --every-ms 2000 --parts 80
  twinspect record --config station.toml --out cap --presence --json
  twinspect record --config station.toml --recording belt.bag --seconds 30")]
pub(crate) struct RecordArgs {
    /// The station's configuration, of which the camera is used. It need not name a model.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Folder of recorded parts: a new or empty one, or one to add to. Nothing in it is overwritten.
    #[arg(long, value_name = "DIR", required_unless_present = "recording")]
    pub(crate) out: Option<PathBuf>,
    /// A new file for the camera's streams, in the place of parts; Ctrl-C ends it. It has this name when it is whole.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "label", "split", "parts", "every_ms", "presence", "session", "belt_mm"])]
    pub(crate) recording: Option<PathBuf>,
    /// Records the streams for so long.
    #[arg(long, value_name = "S", requires = "recording", conflicts_with = "out", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// `good`, or with --split test what is wrong with the parts.
    #[arg(long, value_name = "LABEL", default_value = "good")]
    pub(crate) label: String,
    /// What the parts are for.
    #[arg(long, value_name = "SPLIT", default_value = "train")]
    pub(crate) split: SplitName,
    /// Ends after this many recorded parts.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) parts: Option<u64>,
    /// Records without being asked, once in this time.
    #[arg(long, value_name = "MS", conflicts_with = "presence", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) every_ms: Option<u64>,
    /// Records each part that is seen on the belt, in the picture in which its middle is nearest to the picture's;
    /// with trigger.source = "presence".
    #[arg(long)]
    pub(crate) presence: bool,
    /// What the recording session is called; the time of its start if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) session: Option<String>,
    /// Distance from the camera to the empty belt in mm, for a new folder's camera.json alone; `calibrate` measures it.
    #[arg(long, value_name = "MM")]
    pub(crate) belt_mm: Option<f64>,
    /// One JSON object a picture, then one for the run; with --recording, one when it is whole. Without it, refusals for
    /// one reason in a row are told ever more seldom.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Clear the belt and stop the station first. With --write the table [calibration] of the
configuration holds what was measured, and everything else in the file stays as it is; without it
nothing is changed. A station goes by its model's belt, and says by the calibration when the camera
has moved.
The thresholds of a model are fitted by `twinspect model calibrate`.

Examples:
  twinspect calibrate --config /etc/twinspect/station.toml
  twinspect calibrate --config /etc/twinspect/station.toml --write
  twinspect calibrate --config station.toml --picture belt.png
  twinspect calibrate --config station.toml --pictures 60 --json")]
pub(crate) struct CalibrateBeltArgs {
    /// The station's configuration, of which the camera is used. It need not name a model.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Pictures of the empty belt to look at.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) pictures: u64,
    /// Draws what was measured: how far each place lies from the belt's plane, and the proposed region. A PNG file, named
    /// .png, in a folder that is there: one of that name is replaced, and nothing else is.
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
    /// Writes what was measured into the configuration, after showing what changes.
    #[arg(long)]
    pub(crate) write: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
