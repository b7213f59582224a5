//! `twinspect-lab`: trains on good parts, measures, and exports model bundles.
#![forbid(unsafe_code)]

mod ablate;
mod calibrate;
mod camera_fit;
mod cli;
mod config;
mod cost;
mod data_hash;
mod error;
mod evaluate;
mod export;
mod files;
mod fusion;
mod good_parts;
mod light;
mod measure;
mod metrics;
mod outputs;
mod panels;
mod pose;
mod product;
mod progress;
mod push;
mod report;
mod robustness;
mod run_folder;
mod spread;
mod student;
mod summary;
mod synth;
mod teacher;
mod train;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser as _;
use signal_hook::flag;
use twinspect_bundle::Manifest;

use cli::{Cli, Command, MeasureArgs, PushArgs};
use config::TrainingConfig;
use error::{LabError, STORAGE};
use measure::{Place, Progress};
use teacher::TeacherSource;
use train::Ending;

/// What shells report for a program that ended on Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = env_logger::Env::new().filter_or("TWINSPECT_LOG", "info,tract=warn");
    env_logger::Builder::from_env(log)
        .format_target(false)
        .init();
    match run(&cli.command) {
        Ok(code) => code,
        Err(LabError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            anstream::eprintln!("{}", error::report(&error));
            error.exit_code()
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, LabError> {
    outputs::require_sound(command)?;
    match command {
        Command::Train(args) => {
            let mut config = read_config(args.training.config.as_deref())?;
            config.seed = args.seed.unwrap_or(config.seed);
            config.pose.rotation_deg = args.rotation_deg.unwrap_or(config.pose.rotation_deg);
            config.validate()?;
            let job = train::Job {
                data: args.data.clone(),
                teacher: TeacherSource::new(args.training.teacher.clone()),
                config,
                out: args.out.clone(),
            };
            match train::train(&job, &on_interrupt())? {
                Ending::Finished(record) => {
                    let cost = record.cost.unwrap_or_default();
                    let name = match Manifest::is_name(&record.name) {
                        true => "",
                        false => " --name PRODUCT",
                    };
                    let text = if args.json {
                        serde_json::to_string(&record).unwrap_or_default()
                    } else {
                        format!(
                            "trained {} ({} parameters) in {:.0} CPU s, {:.0} s, at most {:.0} MiB\n\
                             next: twinspect-lab export --run {} --out {}.twb{name}",
                            record.name,
                            cost.parameters,
                            cost.cpu_seconds,
                            cost.wall_seconds,
                            cost.peak_memory_mib,
                            args.out.display(),
                            record.name
                        )
                    };
                    print(&text)?;
                    Ok(ExitCode::SUCCESS)
                }
                Ending::Interrupted { what, step } => {
                    let kept = match step {
                        Some(step) => {
                            format!("at step {step} of {what}; the same command goes on from here")
                        }
                        None => format!(
                            "in {what}, before its next step; the same command goes on from what was kept"
                        ),
                    };
                    log::warn!("interrupted {kept}");
                    Ok(ExitCode::from(INTERRUPTED))
                }
            }
        }
        Command::Export(args) => {
            let job = export::Job {
                run: args.run.clone(),
                data: args.data.clone(),
                name: args.name.clone(),
                version: args.version.clone(),
                created: now(),
                join: args.join,
            };
            let exported = export::export(&job, &args.out)?;
            let (proof, manifest) = (&exported.proof, exported.bundle.manifest());
            let text = if args.json {
                serde_json::json!({
                    "bundle": args.out,
                    "hash": exported.bundle.hash(),
                    "goldens": proof.goldens,
                    "trainer_against_device": proof.worst.share,
                    "tolerance": proof.tolerance,
                    "threshold": manifest.score.fused,
                })
                .to_string()
            } else {
                format!(
                    "wrote {}: {} {}\nthe device's engine reproduces the trainer to {:.1e} of the range (allowed {:.0e})\nthreshold: {}",
                    args.out.display(),
                    manifest.name,
                    manifest.version,
                    proof.worst.share,
                    proof.tolerance,
                    manifest.score.fused.explain()
                )
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Evaluate(args) => {
            let evaluation = evaluate::evaluate(&args.bundle, &args.data, args.maps.as_deref())?;
            let robustness = match args.robustness {
                true => robustness::robustness(&args.bundle, &args.data)?,
                false => Vec::new(),
            };
            let text = if args.json {
                serde_json::to_string_pretty(&Evaluated {
                    evaluation,
                    robustness,
                })
                .unwrap_or_default()
            } else if robustness.is_empty() {
                summary::evaluation(&evaluation)
            } else {
                let (figures, left) = (
                    summary::evaluation(&evaluation),
                    summary::robustness(&robustness),
                );
                format!("{figures}\n{left}")
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Calibrate(args) => {
            let made = calibrate::calibrate(&calibrate::Job {
                bundle: &args.bundle,
                data: &args.data,
                out: &args.out,
                false_reject_rate: args.false_reject_rate,
                accept_shift: args.accept_shift,
                created: now(),
            })?;
            let manifest = made.bundle.manifest();
            let change = manifest.recalibration.as_ref();
            let from = change.map_or("", |change| change.from.as_str());
            let good_parts = change.map_or(0, |change| change.good_parts);
            let text = if args.json {
                serde_json::json!({
                    "bundle": args.out,
                    "hash": made.bundle.hash(),
                    "from": from,
                    "good_parts": good_parts,
                    "rejected_before": made.rejected_before.len(),
                    "rejected_parts": made.rejected_before,
                    "rejected_now": made.threshold().good_parts_above,
                    "threshold_before": made.threshold_before,
                    "threshold": made.threshold(),
                })
                .to_string()
            } else {
                format!(
                    "wrote {}: {} {}, from {good_parts} good parts of {}\n{}\nthe way back: {}, {from}",
                    args.out.display(),
                    manifest.name,
                    manifest.version,
                    change.map_or("", |change| change.data.as_str()),
                    made.explain(),
                    args.bundle.display()
                )
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Measure(args) => {
            let (config, teacher) = measure_config(args)?;
            let job = measure::Job {
                data: &args.data,
                seeds: &args.seeds,
                teacher: &teacher,
                config: &config,
                place: place(args),
            };
            told(measure::measure(&job, &on_interrupt())?, args)
        }
        Command::Ablate(args) => {
            let (config, teacher) = measure_config(&args.measure)?;
            let job = ablate::Job {
                data: &args.measure.data,
                seeds: &args.measure.seeds,
                teacher: &teacher,
                config: &config,
                place: place(&args.measure),
            };
            if args.list {
                ablate::open(&job)?;
                for (data, seed) in ablate::missing(&job) {
                    print(&one_ablation(&args.measure, &data, seed))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            told(ablate::ablate(&job, &on_interrupt())?, &args.measure)
        }
        Command::Report(args) => {
            let made = report::report(&report::Job {
                run: &args.run,
                data: args.data.as_deref(),
                changed_data: args.changed_data,
                bundle: args.bundle.as_deref(),
                out: &args.out,
                worst: args.worst as usize,
                version: args.version.clone(),
                created: now(),
            })?;
            let text = if args.json {
                serde_json::to_string(&made).unwrap_or_default()
            } else {
                made.to_string()
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Push(args) => push_to(args),
        Command::Synth(args) => {
            let config = read_config(args.config.as_deref())?;
            let summary = synth::preview::preview(&synth::preview::Job {
                data: &args.data,
                config: &config,
                out: &args.preview,
                seed: args.seed,
                count: args.count as usize,
                textures: args.textures.as_deref(),
                family: args.family,
            })?;
            let text = if args.json {
                serde_json::to_string(&summary).unwrap_or_default()
            } else {
                summary.to_string()
            };
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn push_to(args: &PushArgs) -> Result<ExitCode, LabError> {
    let (bundle, typed) = args
        .words
        .split_last()
        .ok_or(push::PushError::Hosts(push::HostsError::None))?;
    let hosts =
        push::read_hosts(typed, args.inventory.as_deref()).map_err(push::PushError::from)?;
    let pushed = push::push(&push::Job {
        hosts: &hosts,
        bundle: Path::new(bundle),
        remote: push::Remote {
            ssh: args.ssh.clone(),
            program: args.remote_program.clone(),
            config: args.config.as_deref().map(quoted),
        },
        activate: args.activate,
        dry_run: args.dry_run,
        at_once: args.jobs.into(),
    })?;
    let text = if args.json {
        serde_json::to_string(&pushed).unwrap_or_default()
    } else {
        pushed.to_string()
    };
    print(&text)?;
    Ok(ExitCode::from(pushed.exit_code()))
}

/// What `evaluate --json` prints.
#[derive(serde::Serialize)]
struct Evaluated {
    #[serde(flatten)]
    evaluation: evaluate::Evaluation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    robustness: Vec<robustness::Robustness>,
}

fn measure_config(args: &MeasureArgs) -> Result<(TrainingConfig, TeacherSource), LabError> {
    let mut config = read_config(args.training.config.as_deref())?;
    config.pose.rotation_deg = args.rotation_deg.unwrap_or(config.pose.rotation_deg);
    config.validate()?;
    Ok((config, TeacherSource::new(args.training.teacher.clone())))
}

fn place(args: &MeasureArgs) -> Place<'_> {
    Place {
        work: &args.work,
        results: &args.results,
        robustness: args.robustness,
        created: now(),
        version: args.version.clone(),
    }
}

/// The command that makes what one data set and seed lack.
fn one_ablation(args: &MeasureArgs, data: &Path, seed: u64) -> String {
    let mut words = vec!["twinspect-lab ablate --data".to_owned(), quoted(data)];
    words.push(format!("--seeds {seed}"));
    words.push(format!(
        "--results {} --work {}",
        quoted(&args.results),
        quoted(&args.work)
    ));
    let files = [
        ("--config", &args.training.config),
        ("--teacher", &args.training.teacher),
    ];
    for (key, file) in files {
        words.extend(file.as_ref().map(|file| format!("{key} {}", quoted(file))));
    }
    let turn = args.rotation_deg;
    words.extend(turn.map(|degrees| format!("--rotation-deg {degrees}")));
    words.extend(args.robustness.then(|| "--robustness".into()));
    words.join(" ")
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn told(progress: Progress, args: &MeasureArgs) -> Result<ExitCode, LabError> {
    match progress {
        Progress::Done { made, foreign } => {
            let left = match foreign {
                0 => String::new(),
                foreign => {
                    format!("; {foreign} of other data or another configuration, or damaged, stay")
                }
            };
            print(&format!(
                "{made} new results in {}{left}",
                args.results.display()
            ))?;
            // What was asked for is not there, as if it could not have been written.
            Ok(match foreign {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::from(STORAGE),
            })
        }
        Progress::Interrupted => Ok(ExitCode::from(INTERRUPTED)),
    }
}

fn read_config(path: Option<&Path>) -> Result<TrainingConfig, LabError> {
    let config = path.map(TrainingConfig::read).transpose()?;
    Ok(config.unwrap_or_default())
}

/// A flag that Ctrl-C and SIGTERM raise; a second one ends the process at once, which loses at most half
/// a minute of training.
fn on_interrupt() -> Arc<AtomicBool> {
    let raised = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The first one is a wish, a second one ends the process. In this order, as both look at the flag.
        let second =
            flag::register_conditional_shutdown(signal, INTERRUPTED.into(), raised.clone());
        if let Err(error) = second.and_then(|_| flag::register(signal, raised.clone())) {
            log::warn!("Ctrl-C will end the program at once: {error}");
        }
    }
    raised
}

/// The wall clock, for people.
fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn print(text: &str) -> Result<(), LabError> {
    writeln!(anstream::stdout(), "{text}").map_err(LabError::Output)
}
