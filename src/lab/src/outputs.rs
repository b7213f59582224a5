//! Where a command writes, looked at before it works for minutes.

use std::path::{Path, PathBuf};

use crate::cli::{Command, MeasureArgs};
use crate::run_folder::RunFolder;

/// A place that a command must not write to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// A picture that is written into a class folder is a good part for whoever trains next.
    #[error("{option} {} lies in the data set {}", path.display(), data.display())]
    InData {
        /// The option that names the place.
        option: &'static str,
        /// The place.
        path: PathBuf,
        /// The data set.
        data: PathBuf,
    },
    /// Something else lies where a folder is to be.
    #[error("{option} {} is a file, must be a folder", path.display())]
    NotAFolder {
        /// The option that names the place.
        option: &'static str,
        /// The place.
        path: PathBuf,
    },
}

impl OutputError {
    /// What the user can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::InData { option, .. } => format!(
                "choose another {option}: the set's files would not be the ones that models are made from"
            ),
            Self::NotAFolder { option, .. } => {
                format!("name a folder with {option}, which need not be there yet")
            }
        }
    }
}

/// A place that a command writes to.
struct Output<'a> {
    option: &'static str,
    path: &'a Path,
    is_folder: bool,
}

fn file<'a>(option: &'static str, path: &'a Path) -> Output<'a> {
    Output {
        option,
        path,
        is_folder: false,
    }
}

fn folder<'a>(option: &'static str, path: &'a Path) -> Output<'a> {
    Output {
        is_folder: true,
        ..file(option, path)
    }
}

/// Refuses files in the place of folders, and places in a data set, whose files would become part of it.
pub(crate) fn require_sound(command: &Command) -> Result<(), OutputError> {
    let (outputs, data) = places(command);
    for Output {
        option,
        path,
        is_folder,
    } in outputs
    {
        if is_folder && path.is_file() {
            let path = path.to_owned();
            return Err(OutputError::NotAFolder { option, path });
        }
        if let Some(data) = data.iter().find(|data| lies_in(path, data)) {
            return Err(OutputError::InData {
                option,
                path: path.to_owned(),
                data: data.clone(),
            });
        }
    }
    Ok(())
}

/// What a command writes to, and the data sets that it reads.
fn places(command: &Command) -> (Vec<Output<'_>>, Vec<PathBuf>) {
    match command {
        Command::Train(args) => (vec![folder("--out", &args.out)], vec![args.data.clone()]),
        Command::Export(args) => (
            vec![file("--out", &args.out)],
            data_of(&args.run, args.data.as_deref()),
        ),
        Command::Evaluate(args) => {
            let maps = args.maps.as_deref();
            let maps = maps.map(|maps| folder("--maps", maps));
            (maps.into_iter().collect(), vec![args.data.clone()])
        }
        Command::Calibrate(args) => (vec![file("--out", &args.out)], vec![args.data.clone()]),
        Command::Measure(args) => measured(args),
        Command::Ablate(args) => measured(&args.measure),
        Command::Report(args) => (
            vec![file("--out", &args.out)],
            data_of(&args.run, args.data.as_deref()),
        ),
        Command::Synth(args) => (
            vec![folder("--preview", &args.preview)],
            vec![args.data.clone()],
        ),
        Command::Push(_) => (Vec::new(), Vec::new()),
    }
}

fn measured(args: &MeasureArgs) -> (Vec<Output<'_>>, Vec<PathBuf>) {
    let outputs = vec![
        folder("--results", &args.results),
        folder("--work", &args.work),
    ];
    (outputs, args.data.clone())
}

/// The data set of a run, named anew or as it was trained on. What is wrong with the run is told by whoever needs it.
fn data_of(run: &Path, named: Option<&Path>) -> Vec<PathBuf> {
    let trained_on = || Some(RunFolder::open(run).read().ok()??.data);
    let data = named.map(Path::to_owned).or_else(trained_on);
    data.into_iter().collect()
}

fn lies_in(path: &Path, data: &Path) -> bool {
    // The place itself may not be there yet.
    let nearest = || {
        let path = std::path::absolute(path).ok()?;
        path.ancestors().find_map(|path| path.canonicalize().ok())
    };
    let data = data.canonicalize().ok();
    data.is_some_and(|data| nearest().is_some_and(|path| path.starts_with(data)))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn refused(arguments: &[&str]) -> Option<OutputError> {
        let cli = Cli::try_parse_from([&["twinspect-lab"], arguments].concat()).unwrap();
        require_sound(&cli.command).err()
    }

    #[test]
    fn nothing_is_written_into_a_data_set_by_any_command() {
        let site = tempfile::tempdir().unwrap();
        let set = site.path().join("cap");
        std::fs::create_dir_all(set.join("train/good")).unwrap();
        let path = |below: &str| site.path().join(below).to_string_lossy().into_owned();
        let (data, run) = (path("cap"), path("run"));
        let commands: [(&str, &[&str]); 8] = [
            ("--out", &["train", "--data", &data]),
            ("--out", &["export", "--run", &run, "--data", &data]),
            (
                "--maps",
                &["evaluate", "--bundle", "x.twb", "--data", &data],
            ),
            (
                "--out",
                &["calibrate", "--bundle", "x.twb", "--data", &data],
            ),
            ("--results", &["measure", "--data", &data]),
            ("--results", &["ablate", "--data", &data]),
            ("--out", &["report", "--run", &run, "--data", &data]),
            ("--preview", &["synth", "--data", &data]),
        ];
        for (option, command) in commands {
            for inside in ["cap", "cap/train/good", "cap/new/x", "cap/../cap/train"] {
                let inside = path(inside);
                let error = refused(&[command, &[option, &inside]].concat()).unwrap();
                assert!(matches!(error, OutputError::InData { .. }), "{error}");
                assert!(error.hint().contains(option), "{}", error.hint());
            }
            let beside = path("cap-2/x");
            assert!(refused(&[command, &[option, &beside]].concat()).is_none());
        }
    }

    #[test]
    fn a_file_is_no_folder_and_a_set_that_is_not_there_holds_nothing() {
        let site = tempfile::tempdir().unwrap();
        let notes = site.path().join("notes");
        std::fs::write(&notes, "").unwrap();
        let notes = notes.to_string_lossy().into_owned();
        for command in [
            ["train", "--data", "nothere", "--out", &notes],
            ["synth", "--data", "nothere", "--preview", &notes],
        ] {
            let error = refused(&command).unwrap();
            assert!(matches!(error, OutputError::NotAFolder { .. }), "{error}");
        }
        assert!(refused(&["train", "--data", "nothere", "--out", "run"]).is_none());
    }
}
