//! `twinspect manual`: the manual pages of the program, one for each command.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, ManualArgs};
use crate::error::EdgeError;

/// Writes `twinspect.1`, `twinspect-run.1` and so on into a folder, which is made if it is not there.
pub(crate) fn manual(args: &ManualArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    std::fs::create_dir_all(&args.folder).map_err(EdgeError::store(&args.folder))?;
    clap_mangen::generate_to(Cli::command(), &args.folder)
        .map_err(EdgeError::store(&args.folder))?;
    writeln!(
        out,
        "manual pages are in {0}; man -l {0}/twinspect.1 shows the first",
        args.folder.display()
    )?;
    Ok(())
}
