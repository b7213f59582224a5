//! `twinspect model`: looking after models.
//!
//! In the order of a model's life: [`place`] says which store is meant; `install` reads a bundle, has [`plans`] built where a
//! GPU wants them, and the model proven by a [`proof`] process of its own, whose answer it waits for; [`switch`] makes it a station's, and goes back; `verify`, `list` and `prune`
//! look after what is there. `calibrate` makes a new bundle. Whoever goes by a model opens it by [`opened`]. What comes in or is looked at is warned of by [`far_lines`].

mod calibrate;
pub(crate) mod far_lines;
mod install;
mod list;
mod opened;
mod place;
mod plans;
mod proof;
mod prune;
mod switch;
mod verify;

pub(crate) use opened::{open, unsigned};
pub(crate) use place::StorePlace;
pub(crate) use proof::prove_process;

use std::io::Write;

use crate::cli::{ModelArgs, ModelCommand};
use crate::error::EdgeError;

/// Runs the command that was typed.
pub(crate) fn model(args: &ModelArgs, out: &mut dyn Write) -> Result<(), EdgeError> {
    match &args.command {
        ModelCommand::Install(args) => install::install(args, out),
        ModelCommand::List(args) => list::list(args, out),
        ModelCommand::Activate(args) => switch::activate(args, out),
        ModelCommand::Rollback(args) => switch::roll_back(args, out),
        ModelCommand::Verify(args) => verify::verify(args, out),
        ModelCommand::Prune(args) => prune::prune(args, out),
        ModelCommand::Calibrate(args) => calibrate::calibrate(args, out),
    }
}
