//! `twinspect accept`: reference parts through a running station.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::AskArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
A list is CSV, with commas or semicolons, and has the columns identity, expected (`good` or
`bad`) and, if you like, note, which says of a bad part what is wrong with it:

  identity,expected,note
  ref-0001,good,limit sample: scratch of 0.2 mm
  ref-0002,bad,dent

Examples:
  twinspect accept --list parts.csv --out acceptance
  twinspect accept --list parts.csv --out acceptance --test --slip-max 0.05
  twinspect accept --list parts.csv --out acceptance --operator mia --pseudo-rejects-max 0.1 --yes
  twinspect accept --data recorded --socket station.sock --out acceptance --json")]
#[command(group = ArgGroup::new("reference").required(true).args(["list", "data"]))]
pub(crate) struct AcceptArgs {
    /// The reference parts in the order in which they are laid before the station.
    #[arg(long, value_name = "FILE")]
    pub(crate) list: Option<PathBuf>,
    /// The recorded parts that the station plays, in its order: its labels are the truth.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Folder for `acceptance.json` and `acceptance.html`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Judges what lies before the camera, without a pulse. If absent each part is triggered like one of
    /// the line, and goes its way to the rejector.
    #[arg(long)]
    pub(crate) test: bool,
    /// Largest share of good parts that may be rejected: the 95 % bound must not be above it.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub(crate) pseudo_rejects_max: f64,
    /// Largest share of bad parts that may pass: the 95 % bound must not be above it.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub(crate) slip_max: f64,
    /// Who accepts; the user's name if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) operator: Option<String>,
    /// Asks for no part: the station has each one before it is asked for. So it is where standard input
    /// is no terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) station: AskArgs,
}

fn share(typed: &str) -> Result<f64, String> {
    typed
        .parse()
        .ok()
        .filter(|share: &f64| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| "a share above 0 and at most 1: 0.05 for five of a hundred".to_owned())
}
