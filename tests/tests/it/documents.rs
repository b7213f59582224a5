//! What the documents tell people to type, and the example configurations, against the programs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::binaries::{program, succeed};
use crate::workspace::{files, packages, root};

/// Subcommands of cargo that the documents may use.
const CARGO: [&str; 12] = [
    "bench", "build", "check", "clippy", "doc", "fmt", "install", "metadata", "run", "test",
    "tree", "clean",
];

/// The pages for people, as far as they are written.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let mut pages: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .iter()
        .map(|name| root.join(name))
        .filter(|page| page.is_file())
        .collect();
    if root.join("docs").is_dir() {
        pages.extend(files(&root.join("docs"), "md"));
    }
    pages
}

/// Command lines between code fences, continued lines joined, prompts and comments removed.
fn commands(page: &str) -> Vec<String> {
    let joined = page.replace("\\\n", " ");
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in joined.lines() {
        let line = line.trim().trim_start_matches("$ ");
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let code = line.split(" #").next().unwrap_or(line);
            commands.extend(
                code.split(['|', ';'])
                    .flat_map(|piece| piece.split("&&"))
                    .map(|piece| piece.trim().to_owned()),
            );
        }
    }
    commands
}

/// The program and arguments that a command line gives one of our programs, if it does.
fn ours(command: &str) -> Option<(&'static str, Vec<&str>)> {
    let mut words = command
        .split_whitespace()
        .skip_while(|word| word.contains('=') || *word == "sudo");
    let first = words.next()?;
    let name = first.rsplit('/').next()?;
    if let Some(name) = ["twinspect", "twinspect-lab"]
        .into_iter()
        .find(|known| *known == name)
    {
        return Some((name, words.collect()));
    }
    if name != "cargo" {
        return None;
    }
    let rest: Vec<&str> = words.collect();
    let split = rest.iter().position(|word| *word == "--")?;
    let (cargo, arguments) = (&rest[..split], &rest[split + 1..]);
    let named = |option: &str| {
        cargo
            .iter()
            .skip_while(|word| **word != option)
            .nth(1)
            .copied()
    };
    let package = named("-p").or(named("--package")).or(named("--bin"));
    (cargo.first() == Some(&"run")).then(|| {
        let name = if package == Some("twinspect-lab") {
            "twinspect-lab"
        } else {
            "twinspect"
        };
        (name, arguments.to_vec())
    })
}

/// Names in the "Commands:" part of a program's help.
fn subcommands(help: &str) -> BTreeSet<&str> {
    help.lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect()
}

/// What a page's command gets wrong, if anything.
fn problem(command: &str) -> Option<String> {
    if let Some((name, arguments)) = ours(command) {
        let help = succeed(program(name).arg("--help"));
        let subcommand = *arguments.first()?;
        if subcommand.starts_with('-') {
            let known = help.contains(subcommand);
            return (!known).then(|| format!("{name} has no {subcommand}"));
        }
        if !subcommands(&help).contains(subcommand) {
            return Some(format!("{name} has no command {subcommand}"));
        }
        let help = succeed(program(name).args([subcommand, "--help"]));
        let options: BTreeSet<&str> = help
            .split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'))
            .collect();
        return arguments
            .iter()
            .filter_map(|argument| argument.split('=').next())
            .find(|argument| argument.starts_with("--") && !options.contains(argument))
            .map(|option| format!("{name} {subcommand} has no {option}"));
    }
    let mut words = command.split_whitespace();
    if words.next() != Some("cargo") {
        return None;
    }
    let subcommand = words.find(|word| !word.starts_with('+'))?;
    if !CARGO.contains(&subcommand) {
        return Some(format!(
            "cargo {subcommand} is no command that everybody has"
        ));
    }
    let package = words
        .skip_while(|word| !["-p", "--package"].contains(word))
        .nth(1)?;
    let known = packages()
        .iter()
        .any(|known| known.name.as_str() == package);
    (!known).then(|| format!("there is no package {package}"))
}

#[test]
fn every_command_of_the_documents_exists() {
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page is text");
        for command in commands(&text) {
            if let Some(problem) = problem(&command) {
                panic!("{}: `{command}`: {problem}", page.display());
            }
        }
    }
}

#[test]
fn wrong_commands_are_found_in_a_page() {
    let page = "```sh\n$ cargo run --release -- demo\ntwinspect dmeo # typo\n\
                twinspect check --conifg a.toml\nNO_COLOR=1 twinspect replay \\\n --bundle b --data d | jq\n\
                cargo tset\ncargo test -p nobody\n```\ntwinspect outside\n";
    let problems: Vec<String> = commands(page)
        .iter()
        .filter_map(|line| problem(line))
        .collect();
    assert_eq!(
        problems,
        [
            "twinspect has no command dmeo",
            "twinspect check has no --conifg",
            "cargo tset is no command that everybody has",
            "there is no package nobody",
        ]
    );
}
