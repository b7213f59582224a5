//! What a user types of models.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FilesArgs, SplitName};

#[derive(Debug, Args)]
#[command(after_help = "\
Without --config and --models the station of /etc/twinspect is meant, if there is only one.

Examples:
  ssh station twinspect model install - < cap.twb
  twinspect model list
  twinspect model activate cap-1.4.0
  twinspect model rollback
  twinspect model calibrate --bundle cap.twb --data good --out cap-station3.twb")]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    pub(crate) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Checks a bundle, installs it beside the others, builds what this machine's engine wants, and proves
    /// it there. Nothing changes for the station until it is activated.
    Install(InstallArgs),
    /// Lists installed models, and which stations go by them.
    List(StoreArgs),
    /// Makes an installed model the station's.
    Activate(ActivateArgs),
    /// Gives the station the model back that it had before.
    Rollback(StoreArgs),
    /// Compares an installed model with its hashes and its signature, and proves it anew.
    Verify(VerifyArgs),
    /// Removes models that no station goes by or could go back to.
    Prune(PruneModelsArgs),
    /// Fits the score's constants and thresholds to this station's good parts, without training.
    Calibrate(CalibrateArgs),
}

/// Which store of models, and which station.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The station's configuration: its store of models, who may sign, its engine.
    #[arg(long, value_name = "FILE", conflicts_with = "models")]
    pub(crate) config: Option<PathBuf>,
    /// A store of models without a station: nothing need be signed, and the CPU proves.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A bundle is at most 64 MiB. It is refused as a whole, and nothing of it is used or kept, unless
every file in it is one of a bundle and the one whose hash it lists. What is cut off changes
nothing. Where the station wants a GPU, plans are built for it, which takes minutes on a board;
where that fails the model is installed all the same, and proven on the CPU if the station allows
it.

Examples:
  ssh station twinspect model install - < cap.twb
  twinspect model install cap.twb --config /etc/twinspect/station.toml
  twinspect model install cap.twb --models /srv/models --json")]
pub(crate) struct InstallArgs {
    /// A `.twb` file, the folder of an unpacked one, or - for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// Builds no plans for a GPU; `twinspect engine build` does it later.
    #[arg(long)]
    pub(crate) no_plans: bool,
    /// Seconds after which the process that builds plans is ended. Those that it has finished stay.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) build_limit_s: u64,
    #[command(flatten)]
    pub(crate) proof: ProofArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// How a model is proven.
#[derive(Debug, Args)]
pub(crate) struct ProofArgs {
    /// Seconds after which the process that proves the model is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) limit_s: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A model is named in full, by its product, by product and version, or by four or more digits of its
hash, as long as only one can be meant.

Examples:
  twinspect model activate cap-1.4.0
  twinspect model activate cap-1.4.0-0123456789ab --config /etc/twinspect/left.toml --json")]
pub(crate) struct ActivateArgs {
    /// An installed model.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect model verify
  twinspect model verify cap-1.4.0 --json")]
pub(crate) struct VerifyArgs {
    /// An installed model; if absent the station's.
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) proof: ProofArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect model prune --dry-run
  twinspect model prune --keep 1")]
pub(crate) struct PruneModelsArgs {
    /// Models that stay beside those in use, the ones that were installed last, and proven ones before all others;
    /// `models.keep` of the configuration if absent.
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<usize>,
    /// Deletes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// The process that proves a model; started by `model install` and `model verify`.
#[derive(Debug, Args)]
pub(crate) struct ProveProcessArgs {
    /// The installed bundle.
    #[arg(long, value_name = "DIR")]
    pub(crate) bundle: PathBuf,
    /// The station whose engine it is for.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Another process has died when it used the GPU: the engine that stands in for it.
    #[arg(long)]
    pub(crate) without_gpu: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The networks stay as they are; the new bundle names the old one, which stays the way back.
Twenty parts are a start: what so many support is printed.

Examples:
  twinspect model calibrate --bundle cap.twb --data good --out cap-station3.twb
  twinspect model calibrate --bundle cap.twb --data good --out new.twb --split train
  twinspect model calibrate --bundle cap.twb --data good --out new.twb --false-reject-rate 0.01")]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub(crate) files: FilesArgs,
    /// The split whose good parts are taken; if absent those of `calibration`, else those of
    /// `validation`, else all.
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<SplitName>,
    /// The bundle to write; nothing may lie there.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Share of good parts that may be rejected, 0.001 to 0.5; the bundle's own if absent.
    #[arg(long, value_name = "SHARE")]
    pub(crate) false_reject_rate: Option<f64>,
    /// Fits even where the old constants reject more than a fifth of the parts, and more than one.
    #[arg(long)]
    pub(crate) accept_shift: bool,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
