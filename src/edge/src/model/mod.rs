//! `twinspect model`: looking after models.

mod calibrate;

use std::io::Write;

use crate::cli::{ModelArgs, ModelCommand};
use crate::error::EdgeError;

/// Runs the command that was typed.
pub(crate) fn model(args: &ModelArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    match &args.command {
        ModelCommand::Calibrate(args) => calibrate::calibrate(args, out),
    }
}
