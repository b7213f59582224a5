//! What a user types.

mod accept;
mod engine;
mod model;
mod recipe;
mod record;
mod records;

pub(crate) use accept::AcceptArgs;
pub(crate) use engine::{
    BuildArgs, EngineArgs, EngineCommand, EngineName, ListArgs, PlansArgs, PruneArgs,
};

pub(crate) use model::{
    ActivateArgs, CalibrateArgs, InstallArgs, ModelArgs, ModelCommand, ProofArgs, ProveProcessArgs,
    PruneModelsArgs, StoreArgs, VerifyArgs,
};
pub(crate) use recipe::{ListRecipesArgs, RecipeArgs, RecipeCommand, SelectRecipeArgs};
pub(crate) use record::{CalibrateBeltArgs, RecordArgs};
pub(crate) use records::{
    ExportRecordsArgs, ListRecordsArgs, RecordsArgs, RecordsCommand, RecordsFilter, RecordsPlace,
    ReviewArgs, ShowRecordArgs,
};

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use twinspect_core::modality::Modality;
use twinspect_core::score::DegradedPolicy;
use twinspect_dataset::Split;

use crate::config::PrecisionChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0  done                        5  engine
  1  unexpected fault (a bug)    6  camera
  2  usage or configuration      7  line input and output
  3  input data                  8  storage
  4  bundle or model             9  the station is not accepted

Environment:
  NO_COLOR         no colours
  TWINSPECT_LOG    what is logged to standard error: error, warn (default), info (default under
                   systemd), debug, trace";

/// Inspects RGB-D parts on a production line and lets only those pass that look like good ones.
#[derive(Debug, Parser)]
#[command(version = crate::chaos::VERSION, max_term_width = 100, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Inspects the parts that come with twinspect and shows what became of them.
    Demo(DemoArgs),
    /// Inspects recorded parts, as fast as this machine can.
    Replay(ReplayArgs),
    /// Runs a station: triggers, inspects and drives the line until it is told to stop.
    Run(RunArgs),
    /// Says what a running station is doing.
    Status(AskArgs),
    /// Triggers a part of a running station and says what became of it. With `--test` what lies before
    /// the camera is judged alone: no pulse, no number, no record.
    Trigger(TriggerArgs),
    /// Tells a running station that the next part is the challenge part, which it must reject.
    Challenge(AskArgs),
    /// Lets a running station read its configuration again.
    Reload(AskArgs),
    /// Says what a configuration means, and whether a bundle can be trusted on this machine.
    Check(CheckArgs),
    /// Records parts with the station's camera, before there is a model to judge them.
    Record(RecordArgs),
    /// Measures the empty belt with the station's camera: where it lies, how noisy its depth is, and where parts
    /// could be looked at.
    Calibrate(CalibrateBeltArgs),
    /// Measures what inspecting a part costs on this machine.
    Bench(BenchArgs),
    /// Looks after models.
    Model(ModelArgs),
    /// Says which product comes, where a station has several.
    Recipe(RecipeArgs),
    /// Looks after the plans of the GPU engine.
    Engine(EngineArgs),
    /// Shows reference parts of known truth to a running station, and reports whether it is accepted.
    Accept(AcceptArgs),
    /// Lists, shows, reviews and exports what a station has kept of its parts.
    Records(RecordsArgs),
    /// Prints a completion script for a shell.
    Completions(CompletionsArgs),
    /// Writes manual pages, one for each command, into a folder.
    Manual(ManualArgs),
    /// The process that sees and judges; started by `run`, speaks over standard input.
    #[command(hide = true)]
    InspectProcess(InspectProcessArgs),
    /// The process that proves an installed model; started by `model install`, answers on standard output.
    #[command(hide = true)]
    ProveProcess(ProveProcessArgs),
    /// The process that shows the station's page; started by `run`, which it hears on standard input.
    #[command(hide = true)]
    PageProcess,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect demo
  twinspect demo --out /tmp/pictures
  twinspect demo --json | tail -n 1")]
pub(crate) struct DemoArgs {
    /// Folder with bundles `NAME.twb` and their recorded parts `demo/NAME`; searched for beside
    /// the program and in the working directory if absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) assets: Option<PathBuf>,
    /// Folder for pictures.
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    pub(crate) out: PathBuf,
    /// One JSON object a part, then one for the run.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect replay --bundle models/cap.twb --data models/demo/cap
  twinspect replay --bundle cap.twb --data cap --split validation --pictures rejects
  twinspect replay --bundle cap.twb --data cap --without geometry --allow-rgb-alone --json")]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Folder for one picture of each rejected part.
    #[arg(long, value_name = "DIR")]
    pub(crate) pictures: Option<PathBuf>,
    /// Judges parts as if the station had lost this sense.
    #[arg(long, value_name = "MODALITY")]
    pub(crate) without: Option<Sense>,
    #[command(flatten)]
    pub(crate) degraded: DegradedArgs,
    /// One JSON object a part, then one for the run.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect run --config configs/demo.toml
  twinspect run --config /etc/twinspect/station.toml --json
  twinspect run --config configs/station-replay.toml --parts 20")]
pub(crate) struct RunArgs {
    /// The station's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Ends after this many triggers; otherwise with the recording, or at SIGINT, SIGTERM or SIGQUIT.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) parts: Option<u64>,
    /// One JSON object a part, then one for the run.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Without --config and --socket the only station that runs as a service is asked.

Examples:
  twinspect status
  twinspect status --config /etc/twinspect/station.toml --json
  twinspect challenge --config /etc/twinspect/station.toml
  twinspect reload")]
pub(crate) struct AskArgs {
    /// The station's configuration. If it names no control socket, that of the service
    /// `twinspect@NAME` is asked, NAME being the file's name without its ending.
    #[arg(long, value_name = "FILE", conflicts_with = "socket")]
    pub(crate) config: Option<PathBuf>,
    /// The station's control socket.
    #[arg(long, value_name = "SOCKET")]
    pub(crate) socket: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect trigger --test
  twinspect trigger --test --json
  twinspect trigger --socket /run/twinspect/station/control.sock")]
pub(crate) struct TriggerArgs {
    /// Judges what lies before the camera now, and does nothing else: the wires, the counts and the
    /// records stay as they are. Refused while parts are under way.
    #[arg(long)]
    pub(crate) test: bool,
    #[command(flatten)]
    pub(crate) station: AskArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect check --config configs/demo.toml
  twinspect check --bundle models/cap.twb --json
  twinspect check --config /etc/twinspect/station.toml --line
  twinspect check --config /etc/twinspect/station.toml --line --pulse
  twinspect check --config /etc/twinspect/station.toml --line --loop-back pass=sensor
  twinspect check --config /etc/twinspect/station.toml --camera --out /tmp/camera
  twinspect check --config /etc/twinspect/station.toml --engine
  twinspect check --bundle models/cap.twb --engine --plans plans --json")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["config", "bundle"]))]
pub(crate) struct CheckArgs {
    /// A station's configuration; its bundle, camera and folder of records are checked too.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A bundle, in place of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Looks at the configuration's wires instead: which line each one is, and who holds it. A
    /// running station does not notice. No model need be named.
    #[arg(long, requires = "config", conflicts_with = "bundle")]
    pub(crate) line: bool,
    /// Gives one pulse on the rejector's wire.
    #[arg(long, requires = "line")]
    pub(crate) pulse: bool,
    /// Drives an output and looks whether the input follows that a jumper joins it to.
    #[arg(long, requires = "line", value_name = "OUTPUT=INPUT")]
    pub(crate) loop_back: Option<Jumper>,
    /// Moves wires without asking.
    #[arg(long, requires = "line")]
    pub(crate) yes: bool,
    /// Looks through the configuration's camera instead: pictures, figures, and what to do about them. Ends with 4 if
    /// the bundle does not fit, with 3 if a recording breaks off or shows one picture most of the time. A station that runs
    /// must be stopped before: a camera has one owner.
    #[arg(long, requires = "config", conflicts_with_all = ["bundle", "line"])]
    pub(crate) camera: bool,
    /// Compares the faster engines, native and TensorRT where it has plans, with tract on the bundle's goldens instead: maps,
    /// scores, speed.
    #[arg(long, conflicts_with_all = ["line", "camera"])]
    pub(crate) engine: bool,
    /// Folder of the GPU's plans, in place of the configuration's.
    #[arg(long, value_name = "DIR", requires = "engine")]
    pub(crate) plans: Option<PathBuf>,
    /// What the GPU computes with, in place of the configuration's.
    #[arg(long, value_name = "PRECISION", requires = "engine")]
    pub(crate) precision: Option<PrecisionChoice>,
    /// Folder for the camera's pictures, colour.png and depth.png: PNG files of these names are replaced, and nothing
    /// else is.
    #[arg(
        long,
        value_name = "DIR",
        requires = "camera",
        default_value = "camera-check"
    )]
    pub(crate) out: PathBuf,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A piece of wire from an output to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jumper {
    pub(crate) output: String,
    pub(crate) input: String,
}

impl std::str::FromStr for Jumper {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (output, input) = typed
            .split_once('=')
            .ok_or("two wires of the configuration, joined by =: pass=sensor")?;
        Ok(Self {
            output: output.to_owned(),
            input: input.to_owned(),
        })
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect bench --bundle models/cap.twb --data models/demo/cap
  twinspect bench --bundle models/cap.twb --data models/demo/cap --parts 500 --json
  twinspect bench --bundle models/cap.twb --data models/demo/cap --engine cpu,tract
  twinspect bench --bundle cap.twb --data cap --engine tensorrt,cpu --plans plans
  twinspect bench --bundle cap.twb --data cap --minutes 60 --records /tmp/records
  twinspect bench --camera --config /etc/twinspect/station.toml --seconds 60")]
pub(crate) struct BenchArgs {
    /// The model's bundle, a `.twb` file or its folder.
    #[arg(long, value_name = "FILE", required_unless_present = "camera")]
    pub(crate) bundle: Option<PathBuf>,
    /// Recorded parts: a folder, as for `replay`.
    #[arg(long, value_name = "DIR", required_unless_present = "camera")]
    pub(crate) data: Option<PathBuf>,
    /// The split to inspect; if absent the test parts, or all if there are none.
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<SplitName>,
    /// Measures the way of pictures instead, from their arrival from the configuration's camera to the tensors of a
    /// part. A station that runs must be stopped before: a camera has one owner.
    #[arg(long, requires = "config", conflicts_with_all = ["bundle", "data", "split", "engine", "plans", "parts", "minutes", "records"])]
    pub(crate) camera: bool,
    /// The station's configuration, of which the camera is used, and the model if it names one.
    #[arg(long, value_name = "FILE", requires = "camera")]
    pub(crate) config: Option<PathBuf>,
    /// Measures the camera for so long, or until it has no more pictures; 20 if absent.
    #[arg(long, value_name = "S", requires = "camera", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: Option<u64>,
    /// Which engine; several, with commas, each named once, inspect each part in turn.
    #[arg(
        long,
        value_name = "ENGINE",
        default_value = "cpu",
        value_delimiter = ','
    )]
    pub(crate) engine: Vec<EngineName>,
    /// What a GPU computes with.
    #[arg(long, value_name = "PRECISION", default_value = "fp32")]
    pub(crate) precision: PrecisionChoice,
    /// Folder of the GPU's plans.
    #[arg(long, value_name = "DIR", required_if_eq("engine", "tensorrt"))]
    pub(crate) plans: Option<PathBuf>,
    /// Parts to measure, after a warm-up.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) parts: u64,
    /// Measures for so long, in place of a number of parts: whole minutes, 1 to 1440. Ctrl-C ends it early, with the
    /// figures of the parts until then.
    #[arg(long, value_name = "N", conflicts_with = "parts", value_parser = clap::value_parser!(u64).range(1..=1_440))]
    pub(crate) minutes: Option<u64>,
    /// Writes records there meanwhile, as a station does: of rejected parts and of each tenth passed one, up to
    /// 500 MB, of a disk on which 500 MB stay free.
    #[arg(long, value_name = "DIR")]
    pub(crate) records: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect completions bash > /etc/bash_completion.d/twinspect
  twinspect completions fish > ~/.config/fish/completions/twinspect.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect manual /usr/local/share/man/man1")]
pub(crate) struct ManualArgs {
    /// The folder; it is made if it is not there.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InspectProcessArgs {
    /// The station's configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Parts that an earlier process has seen already.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) skip: u64,
}

/// A model, and recorded parts.
#[derive(Debug, Args)]
pub(crate) struct FilesArgs {
    /// The model's bundle, a `.twb` file or its folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// A folder of recorded parts, or one category of another data set: MVTec 3D-AD, MVTec AD,
    /// Eyecandies, VisA, BTAD, or a folder as anomalib reads it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// What is inspected, and with which model.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    /// The split to inspect; if absent the test parts, or all if there are none.
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<SplitName>,
}

/// What the station may do when it has lost one of two senses.
#[derive(Debug, Args)]
pub(crate) struct DegradedArgs {
    /// Judges by colour alone where depth is lost, instead of rejecting.
    #[arg(long)]
    pub(crate) allow_rgb_alone: bool,
    /// Judges by height alone where colour is lost, instead of rejecting.
    #[arg(long)]
    pub(crate) allow_geometry_alone: bool,
}

impl From<&DegradedArgs> for DegradedPolicy {
    fn from(args: &DegradedArgs) -> Self {
        Self {
            rgb_alone: args.allow_rgb_alone,
            geometry_alone: args.allow_geometry_alone,
        }
    }
}

/// A modality by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Sense {
    Rgb,
    Geometry,
}

impl From<Sense> for Modality {
    fn from(sense: Sense) -> Self {
        match sense {
            Sense::Rgb => Self::Rgb,
            Sense::Geometry => Self::Geometry,
        }
    }
}

/// A split by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Validation,
    Calibration,
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Train => Self::Train,
            SplitName::Validation => Self::Validation,
            SplitName::Calibration => Self::Calibration,
            SplitName::Test => Self::Test,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// A command and all below it.
    fn with_subcommands(command: &clap::Command) -> Vec<&clap::Command> {
        let below = command.get_subcommands().flat_map(with_subcommands);
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn what_stands_below_the_options_keeps_its_lines() {
        let cli = Cli::command();
        for command in with_subcommands(&cli) {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                assert!(line.len() <= 100, "{}: {line}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_shows_examples() {
        for command in Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            let help = command.get_after_help().map(ToString::to_string);
            let example = format!("twinspect {}", command.get_name());
            assert!(
                help.is_some_and(|help| help.contains(&example)),
                "{example}"
            );
        }
    }
}
