//! `twinspect records`: what a station has kept of its parts.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use twinspect_core::verdict::SeenBy;
use twinspect_store::records::{Kind, Mark, RecordId};

use super::SplitName;
use crate::clock;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  twinspect records list --config /etc/twinspect/station.toml --verdict fail --since 8h
  twinspect records list --folder records --mark none --seen-by geometry --limit 20 --json
  twinspect records show record-00000042-fail --folder records
  twinspect records review record-00000042-fail --folder records --mark false-reject --note dust
  twinspect records review record-00000043-fail --config station.toml --mark true-reject --who mia
  twinspect records review record-00000044-fail --folder records --mark true-reject --defect dent
  twinspect records export --folder records --out disputed
  twinspect records export --folder records --out good --mark false-reject --split train
  twinspect records export record-00000042-fail --folder records --out disputed --label scratch")]
pub(crate) struct RecordsArgs {
    #[command(subcommand)]
    pub(crate) command: RecordsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecordsCommand {
    /// Lists records, the newest first.
    List(ListRecordsArgs),
    /// Shows all that is known of one.
    Show(ShowRecordArgs),
    /// Copies records into a data set for `twinspect-lab` and `twinspect replay`.
    Export(ExportRecordsArgs),
    /// Marks what a recorded part was, after all.
    Review(ReviewArgs),
}

/// Where records lie.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true).args(["config", "folder"]))]
pub(crate) struct RecordsPlace {
    /// The station's configuration, which names the folder of records.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of records.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct RecordsFilter {
    /// Only those with this verdict; may be given several times.
    #[arg(long, value_name = "VERDICT")]
    pub(crate) verdict: Vec<VerdictName>,
    /// Only those since then: `90min`, `8h`, `3d` ago, a day in UTC, or a moment as 2026-11-26T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub(crate) since: Option<UnixMs>,
    /// Only rejects that this sense has seen; `both` saw on their own.
    #[arg(long, value_name = "MODALITY")]
    pub(crate) seen_by: Option<SeenByName>,
    /// Only those with this mark, or with none.
    #[arg(long, value_name = "MARK")]
    pub(crate) mark: Option<MarkFilter>,
    /// Only those of this model: its name, `NAME VERSION`, or how its bundle's digest begins.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListRecordsArgs {
    #[command(flatten)]
    pub(crate) place: RecordsPlace,
    #[command(flatten)]
    pub(crate) filter: RecordsFilter,
    /// Most records that are listed.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
    /// One JSON object a record, a line each.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowRecordArgs {
    /// The record's name.
    #[arg(value_name = "RECORD")]
    pub(crate) id: RecordId,
    #[command(flatten)]
    pub(crate) place: RecordsPlace,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportRecordsArgs {
    /// The records' names; all that the filters leave if absent.
    #[arg(value_name = "RECORD")]
    pub(crate) ids: Vec<RecordId>,
    #[command(flatten)]
    pub(crate) place: RecordsPlace,
    #[command(flatten)]
    pub(crate) filter: RecordsFilter,
    /// The data set, new or begun. It belongs to one camera.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What the parts are for. Only `test` takes defective ones.
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    pub(crate) split: SplitName,
    /// What all of them are, whatever their marks say: `good`, or a kind of defect. If absent, false
    /// rejects are good, true rejects and escapes defective, and records without such a mark stay.
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// One JSON object a record, then one for all.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The record's name.
    #[arg(value_name = "RECORD")]
    pub(crate) id: RecordId,
    #[command(flatten)]
    pub(crate) place: RecordsPlace,
    /// What the part was.
    #[arg(long, value_name = "MARK")]
    pub(crate) mark: MarkName,
    /// What is wrong with a defective part, in one word of at most 80 characters; its folder in an exported data set.
    /// Only with `true-reject` and `escape`.
    #[arg(long, value_name = "KIND", value_parser = kind_of_defect)]
    pub(crate) defect: Option<String>,
    /// Who says so, in at most 80 characters; the user's name if absent.
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// Anything else, in at most 2000 characters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A verdict by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VerdictName {
    Pass,
    Fail,
    #[value(alias = "no_result")]
    NoResult,
}

impl From<VerdictName> for Kind {
    fn from(name: VerdictName) -> Self {
        match name {
            VerdictName::Pass => Self::Pass,
            VerdictName::Fail => Self::Fail,
            VerdictName::NoResult => Self::NoResult,
        }
    }
}

/// Who saw a defect, by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SeenByName {
    Rgb,
    Geometry,
    Both,
}

impl From<SeenByName> for SeenBy {
    fn from(name: SeenByName) -> Self {
        match name {
            SeenByName::Rgb => Self::Rgb,
            SeenByName::Geometry => Self::Geometry,
            SeenByName::Both => Self::Both,
        }
    }
}

/// A mark by its name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MarkName {
    #[value(alias = "false_reject")]
    FalseReject,
    #[value(alias = "true_reject")]
    TrueReject,
    Escape,
    Unsure,
}

impl From<MarkName> for Mark {
    fn from(name: MarkName) -> Self {
        match name {
            MarkName::FalseReject => Self::FalseReject,
            MarkName::TrueReject => Self::TrueReject,
            MarkName::Escape => Self::Escape,
            MarkName::Unsure => Self::Unsure,
        }
    }
}

/// A mark by its name, or its absence.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum MarkFilter {
    #[value(alias = "false_reject")]
    FalseReject,
    #[value(alias = "true_reject")]
    TrueReject,
    Escape,
    Unsure,
    None,
}

impl MarkFilter {
    /// The mark that is asked for, or none.
    pub(crate) fn mark(self) -> Option<Mark> {
        match self {
            Self::FalseReject => Some(Mark::FalseReject),
            Self::TrueReject => Some(Mark::TrueReject),
            Self::Escape => Some(Mark::Escape),
            Self::Unsure => Some(Mark::Unsure),
            Self::None => None,
        }
    }
}

/// Milliseconds since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnixMs(pub(crate) u64);

fn since(typed: &str) -> Result<UnixMs, String> {
    clock::since(typed, clock::now_unix_ms()).map(UnixMs).ok_or_else(|| {
        "so long ago as 90min, 8h or 3d, a day as 2026-11-26, or a moment as 2026-11-26T08:00:00Z"
            .to_owned()
    })
}

fn kind_of_defect(typed: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_good = ["good", "ok"]
        .iter()
        .any(|good| typed.eq_ignore_ascii_case(good));
    if typed.is_empty() || is_good || !typed.chars().all(is_plain) {
        return Err(
            "one word of letters, digits, `_` and `-`; `good` and `ok` are no defects".to_owned(),
        );
    }
    Ok(typed.to_owned())
}
