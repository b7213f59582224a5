//! `twinspect`: the device. Inspects parts on a production line and drives pass and reject.
//!
//! In data-flow order: [`cli`] is what was typed, [`config`] what a station is; [`pipeline`] takes
//! a frame to a verdict by one of the [`engines`], for which `plans` looks after a GPU's files; `record` and `calibrate` look through a camera before there is a model; `replay`, `demo`, `bench` and `check` run it in this process, [`run`] in
//! two, [`control`] speaks to one that runs, and [`page`] shows it to a browser; [`pictures`], [`part_report`] and [`tally`] tell people what became of the parts.
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod background;
mod bench;
mod calibrate;
mod cameras;
mod chaos;
mod check;
mod cli;
mod clock;
mod config;
mod control;
mod demo;
mod engines;
mod error;
mod figures;
mod fit;
mod health;
mod latency;
mod logging;
mod manual;
mod metrics;
mod model;
mod mqtt;
mod outlet;
mod page;
mod part_report;
mod picture_check;
mod pictures;
mod pipeline;
mod places;
mod plans;
mod prints;
mod recipe;
mod record;
mod records;
mod replay;
mod run;
mod taking;
mod tally;
mod user;
mod whole_file;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use error::EdgeError;
use logging::Speaker;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are printed to standard output and are no errors; clap knows.
        Err(answer) => {
            let code = u8::try_from(answer.exit_code()).unwrap_or(2);
            return match answer.print() {
                Ok(()) => ExitCode::from(code),
                Err(error) => EdgeError::Output(error).report(),
            };
        }
    };
    logging::start(match &cli.command {
        Command::Run(_) => Speaker::Line,
        Command::InspectProcess(_) => Speaker::Inspect,
        Command::PageProcess => Speaker::Page,
        _ => Speaker::Command,
    });
    let result = chaos::arm().and_then(|()| execute(&cli.command, &mut anstream::stdout()));
    logging::finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn execute(command: &Command, out: &mut dyn Write) -> Result<(), EdgeError> {
    match command {
        Command::Demo(args) => demo::demo(args, out),
        Command::Replay(args) => replay::replay(args, out),
        Command::Run(args) => run::run(args),
        Command::Status(args) => control::status(args, out),
        Command::Trigger(args) => control::trigger(args, out),
        Command::Challenge(args) => control::challenge(args, out),
        Command::Reload(args) => control::reload(args, out),
        Command::Check(args) => check::check(args, out),
        Command::Record(args) => record::record(args, out),
        Command::Calibrate(args) => calibrate::calibrate(args, out),
        Command::Bench(args) => bench::bench(args, out),
        Command::Model(args) => model::model(args, out),
        Command::Recipe(args) => recipe::recipe(args, out),
        Command::Engine(args) => plans::engine(args, out),
        Command::Accept(args) => accept::accept(args, out),
        Command::Records(args) => records::records(args, out),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "twinspect", &mut script);
            Ok(out.write_all(&script)?)
        }
        Command::Manual(args) => manual::manual(args, out),
        Command::InspectProcess(args) => run::inspect_process(args),
        Command::ProveProcess(args) => model::prove_process(args, out),
        Command::PageProcess => page::page_process(),
    }
}
