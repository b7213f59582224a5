//! What a user types of engines.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::AskArgs;
use crate::config::PrecisionChoice;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect engine build --config /etc/twinspect/station.toml
  twinspect engine build --bundle models/cap.twb --plans plans --json
  twinspect engine list --config /etc/twinspect/station.toml
  twinspect engine prune --config /etc/twinspect/station.toml --dry-run
  twinspect engine retry")]
pub(crate) struct EngineArgs {
    #[command(subcommand)]
    pub(crate) command: EngineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EngineCommand {
    /// Builds a model's plans for this board's GPU, and compares what they compute with the CPU.
    Build(BuildArgs),
    /// Lists plans and what they are for.
    List(ListArgs),
    /// Deletes plans that neither this board nor a named model has a use for.
    Prune(PruneArgs),
    /// Lets a running station try its GPU again, after it has failed too often or plans were built.
    ///
    /// It does not wait: while parts are between camera and rejector it is refused with exit code 2. Stop the infeed, wait until the
    /// last part has left, and ask then. READY is low until the next inspect process is ready.
    #[command(after_help = "\
Without --config and --socket the only station that runs as a service is asked.

Examples:
  twinspect engine retry
  twinspect engine retry --config /etc/twinspect/station.toml --json")]
    Retry(AskArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Takes seconds on a PC and minutes on a board; a station may run meanwhile. Ctrl-C ends it at once:
what was built stays, and the next build goes on from there.

Examples:
  twinspect engine build --config /etc/twinspect/station.toml
  twinspect engine build --bundle models/cap.twb --plans plans --json")]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) plans: PlansArgs,
    /// The model, in place of the configuration's.
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    pub(crate) bundle: Option<PathBuf>,
    /// What the GPU computes with, in place of the configuration's. Where 16 bits are not trusted plans of 32 are built, too.
    #[arg(long, value_name = "PRECISION")]
    pub(crate) precision: Option<PrecisionChoice>,
    /// Builds good ones again, too. Each stays until another one takes its place.
    #[arg(long)]
    pub(crate) again: bool,
    /// Memory that TensorRT may try things out with.
    #[arg(long, value_name = "MB", default_value_t = 1024, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(16..=65_536))]
    pub(crate) workspace_mb: usize,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// For whoever waits for it: `model install`, and a station that lacks plans.
    #[arg(long, hide = true)]
    pub(crate) end_with_parent: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect engine list --config /etc/twinspect/station.toml
  twinspect engine list --plans plans --bundle models/cap.twb --json")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) plans: PlansArgs,
    /// Models whose plans are called current, beside the configuration's.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Vec<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect engine prune --config /etc/twinspect/station.toml --dry-run
  twinspect engine prune --config /etc/twinspect/station.toml --bundle /srv/previous.twb")]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) plans: PlansArgs,
    /// Models whose plans stay, beside the configuration's.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Vec<PathBuf>,
    /// Deletes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A folder of plans.
#[derive(Debug, Args)]
pub(crate) struct PlansArgs {
    /// A station's configuration: its model, and its folder of plans.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of plans, in place of the configuration's. Nobody else may write there.
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub(crate) plans: Option<PathBuf>,
}

/// An engine by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The CPU, by the fastest engine that tract vouches for.
    Cpu,
    /// The CPU, by the engine that the others are held to.
    Tract,
    /// The GPU.
    #[value(name = "tensorrt")]
    TensorRt,
}
