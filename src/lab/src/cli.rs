//! What a user types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use twinspect_bundle::Version;

use crate::config::Join;
use crate::synth::Family;

const AFTER_HELP: &str = "\
Exit codes:
  0  done                        4  bundle, model or teacher
  1  unexpected fault (a bug)    5  engine
  2  usage or configuration      8  files
  3  input data                130  interrupted; the same command goes on
                               255  push: ssh did not come through

Environment:
  NO_COLOR         no colours
  TWINSPECT_LOG    what is logged to standard error: error, warn, info (default), debug, trace";

/// Trains models on good parts, measures them, and makes bundles for the device.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trains on the good parts of a data set; goes on where it was interrupted.
    Train(TrainArgs),
    /// Makes a bundle of a finished run and proves it on the device's engine.
    Export(ExportArgs),
    /// Measures a bundle on the test parts of a data set.
    Evaluate(EvaluateArgs),
    /// Fits a bundle's thresholds to other good parts, without training.
    Calibrate(CalibrateArgs),
    /// Trains, exports and evaluates categories for a table of results; skips what is done.
    Measure(MeasureArgs),
    /// Takes the network apart: trains and measures it without each of its pieces; skips what is done.
    Ablate(AblateArgs),
    /// Writes a page to look at: what a run's model sees, misses and rejects wrongly.
    Report(ReportArgs),
    /// Draws synthetic defects on good parts, as contact sheets to be looked at.
    Synth(SynthArgs),
    /// Installs a bundle on stations, by the system's ssh.
    Push(PushArgs),
}

/// Where the colour teacher and the configuration come from.
#[derive(Debug, Args)]
pub(crate) struct TrainingArgs {
    /// Training configuration; every key has a default.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Weights of another colour teacher: EfficientNet-Lite0, or a torchvision ResNet as .safetensors or
    /// .pth. EfficientNet-Lite0 is built in.
    #[arg(long, value_name = "FILE")]
    pub(crate) teacher: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect-lab train --data data/cap --rotation-deg 180 --out runs/cap
  twinspect-lab train --data data/bracket --config configs/training.toml --out runs/bracket")]
pub(crate) struct TrainArgs {
    /// Data set: recorded parts, or one category of MVTec 3D-AD, MVTec AD, Eyecandies, VisA, BTAD,
    /// or a folder as anomalib reads it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder of the run.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// Seed of everything random; overrides the configuration.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How far parts may be turned, 180 for any angle; overrides the configuration.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    pub(crate) rotation_deg: Option<f32>,
    /// Prints one JSON object at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  twinspect-lab export --run runs/cap --out cap.twb --version 1.0.0")]
#[command(disable_version_flag = true)]
pub(crate) struct ExportArgs {
    /// Folder of a finished run.
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// The bundle to write; nothing may lie there.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Name of the product; the data set's if absent.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Semantic version of the model.
    #[arg(long, default_value = "1.0.0")]
    pub(crate) version: Version,
    /// The run's data set, if it has moved since training.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How the evidence of colour and height is joined; as the run was configured if absent. A gate
    /// must have been trained.
    #[arg(long, value_enum)]
    pub(crate) join: Option<Join>,
    /// Prints one JSON object at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect-lab evaluate --bundle cap.twb --data data/cap
  twinspect-lab evaluate --bundle cap.twb --data data/cap --json --maps maps/cap")]
pub(crate) struct EvaluateArgs {
    /// The bundle.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// The data set; its test parts are inspected.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder for each test part's map as KIND_NNN.npy, float32, 256 x 256.
    #[arg(long, value_name = "DIR")]
    pub(crate) maps: Option<PathBuf>,
    /// Inspects the parts again under worse light, depth and alignment, and tells what is left.
    #[arg(long)]
    pub(crate) robustness: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Takes the good parts of `calibration`, else of `validation`, else all. The networks stay as they
are; the new bundle names the old one.

Example:
  twinspect-lab calibrate --bundle cap.twb --data station3 --out cap-station3.twb")]
pub(crate) struct CalibrateArgs {
    /// The bundle to start from.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Data set with good parts of the new station.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The bundle to write; nothing may lie there.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Share of good parts that may be rejected, 0.001 to 0.5; the bundle's own if absent.
    #[arg(long, value_name = "SHARE")]
    pub(crate) false_reject_rate: Option<f64>,
    /// Fits even where the old constants reject more than a fifth of the parts, and more than one.
    #[arg(long)]
    pub(crate) accept_shift: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  twinspect-lab measure --data data/cap --rotation-deg 180 --seeds 1,2,3 --results docs/results")]
#[command(disable_version_flag = true)]
pub(crate) struct MeasureArgs {
    /// Data sets, one result for each of them and each seed.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Folder of the results, one JSON file a run.
    #[arg(long, value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// Folder for runs, bundles and maps.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) work: PathBuf,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    /// Semantic version of the models.
    #[arg(long, default_value = "1.0.0")]
    pub(crate) version: Version,
    /// Seeds.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub(crate) seeds: Vec<u64>,
    /// How far parts may be turned, 180 for any angle; overrides the configuration.
    #[arg(long, value_name = "DEGREES", allow_negative_numbers = true)]
    pub(crate) rotation_deg: Option<f32>,
    /// Measures too what is left under worse light, depth and alignment; nine times as many inspections.
    #[arg(long)]
    pub(crate) robustness: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Variants: average; perturbation; refinement; both-average; both-maximum; full. All of them see as
many pictures in as many steps.

Examples:
  twinspect-lab ablate --data data/cap data/gear --rotation-deg 180 --seeds 1,2,3 --results ablation
  twinspect-lab ablate --data data/cap --rotation-deg 180 --results ablation --list")]
#[command(disable_version_flag = true)]
pub(crate) struct AblateArgs {
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    /// Trains nothing; prints a command for each data set and seed that lacks a result, so that a batch
    /// system can spread them.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
One HTML file without scripts that loads nothing: figures with intervals, scores, curves, kinds of
defect, the worst parts with their maps, training, provenance. The test parts are inspected by the
device's own engine.

Examples:
  twinspect-lab report --run runs/cap --out cap.html
  twinspect-lab report --run runs/cap --bundle cap.twb --data data/cap --worst 12 --out cap.html")]
#[command(disable_version_flag = true)]
pub(crate) struct ReportArgs {
    /// Folder of a finished run.
    #[arg(long, value_name = "DIR")]
    pub(crate) run: PathBuf,
    /// The page to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The run's data set, if it has moved since training.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Makes a page though the data set is not, file by file, the one that the run was trained on; the page
    /// says so.
    #[arg(long)]
    pub(crate) changed_data: bool,
    /// The run's bundle; without it `model.twb` in the run's folder, and without that one is made.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Parts of either kind to show: good ones with the highest scores, defective ones with the lowest.
    #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) worst: u32,
    /// Semantic version of the model, if a bundle has to be made.
    #[arg(long, default_value = "1.0.0")]
    pub(crate) version: Version,
    /// Prints one JSON object at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Each host gets the bundle as `ssh HOST twinspect model install -` and answers whether its own engine
has proven it. ssh asks no questions: keys and names of hosts are those of ~/.ssh/config. The exit
code is the largest of all hosts.

Examples:
  twinspect-lab push tech@line3 cap.twb
  twinspect-lab push tech@line3 tech@line4 cap.twb --activate
  twinspect-lab push --inventory hosts.txt cap.twb --dry-run --json")]
pub(crate) struct PushArgs {
    /// Hosts as ssh knows them, then the bundle, a .twb file.
    #[arg(required = true, value_name = "HOST... BUNDLE")]
    pub(crate) words: Vec<String>,
    /// More hosts: a text file with one a line, # before remarks.
    #[arg(long, value_name = "FILE")]
    pub(crate) inventory: Option<PathBuf>,
    /// Makes it the station's model, too.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) activate: bool,
    /// Asks each host whether it has the model, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Hosts that are spoken to at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: u8,
    /// The station's configuration on the hosts, where they have several.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The device's program on the hosts.
    #[arg(long, value_name = "PROGRAM", default_value = "twinspect")]
    pub(crate) remote_program: String,
    /// The ssh of this machine.
    #[arg(long, value_name = "PROGRAM", default_value = "ssh")]
    pub(crate) ssh: PathBuf,
    /// Prints one JSON object at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A row of a sheet: good colour, perturbed colour, good height, perturbed height, and outlines of what
is visible in colour (magenta), in height (cyan) and in both (yellow). The log tells each row's
kind.

Examples:
  twinspect-lab synth --data data/cap --preview sheets/cap
  twinspect-lab synth --data data/cap --preview sheets/cap --textures data/dtd/images --count 60
  twinspect-lab synth --data data/cap --preview sheets/held-out --family held-out --json")]
pub(crate) struct SynthArgs {
    /// Data set; defects are made on its good training parts.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Folder of the contact sheets, PNG.
    #[arg(long, value_name = "DIR")]
    pub(crate) preview: PathBuf,
    /// Training configuration; its size and branches are used.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Samples to draw.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) count: u32,
    /// Folder of pictures that stains are made of, the Describable Textures Dataset for instance;
    /// without it patterns are drawn.
    #[arg(long, value_name = "DIR")]
    pub(crate) textures: Option<PathBuf>,
    /// Generator: the one that training sees, or the one that is kept for validation.
    #[arg(long, value_enum, default_value_t = Family::Perlin)]
    pub(crate) family: Family,
    /// Prints one JSON object at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_stands_below_the_options_keeps_its_lines() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                assert!(line.len() <= 100, "{}: {line}", command.get_name());
            }
        }
    }
}
