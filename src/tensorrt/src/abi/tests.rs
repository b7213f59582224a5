//! The rows and enumerators against `slots/`, which was read from NVIDIA's headers.

use std::collections::BTreeMap;

use super::dims::{Dims32, Dims64};
use super::interfaces::*;
use super::object::{Interface, NO, Reach};
use super::values;
use crate::{Generation, Version};

/// A method as the macro has it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) slots: [usize; 3],
    pub(super) arguments: Vec<&'static str>,
    pub(super) result: &'static str,
}

/// The rows of an interface.
pub(super) trait Rows {
    const NAME: &'static str;
    fn rows() -> Vec<Row>;
}

/// How `slots/` writes a type.
pub(super) trait Abi {
    const TEXT: &'static str;
}

macro_rules! abi {
    ($($type:ty = $text:literal),*) => {
        $(impl Abi for $type {
            const TEXT: &'static str = $text;
        })*
    };
}
abi! {
    () = "()", bool = "bool", Truth = "bool", i32 = "i32", u32 = "u32", usize = "usize",
    Dims32 = "Dims32", Dims64 = "Dims64"
}

impl<T> Abi for *const T {
    const TEXT: &'static str = "ptr";
}

impl<T> Abi for *mut T {
    const TEXT: &'static str = "ptr";
}

/// The releases whose tables are known.
const RELEASES: [&str; 6] = ["8.5.2", "8.6.1", "10.3.0", "10.13.3", "10.16.1", "11.4.0"];

/// A release's file: the lines of each section.
struct Release {
    name: &'static str,
    generation: Generation,
    sections: BTreeMap<String, Vec<String>>,
}

fn releases() -> Vec<Release> {
    RELEASES.into_iter().map(read).collect()
}

fn read(name: &'static str) -> Release {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/slots");
    let text =
        std::fs::read_to_string(format!("{folder}/{name}.txt")).expect("a release's file is read");
    let mut sections = BTreeMap::<String, Vec<String>>::new();
    let mut section = String::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            Some(name) => name.clone_into(&mut section),
            None => sections
                .entry(section.clone())
                .or_default()
                .push(line.to_owned()),
        }
    }
    let mut numbers = name
        .split('.')
        .map(|number| number.parse::<i32>().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    let (major, minor, patch) = (next(), next(), next());
    let thousands = if major < 10 { 1_000 } else { 10_000 };
    let version = Version::of_number(major * thousands + minor * 100 + patch);
    Release {
        name,
        generation: version.generation().expect("a release that is served"),
        sections,
    }
}

impl Release {
    fn column(&self) -> usize {
        match self.generation {
            Generation::V8 => 0,
            Generation::V10 => 1,
            Generation::V11 => 2,
        }
    }

    /// What stands in a slot: `name(arguments) -> result`.
    fn slot(&self, interface: &str, slot: usize) -> Option<&str> {
        let line = self.sections[interface].get(slot)?;
        let (number, rest) = line.split_once(' ').expect("a slot and what is in it");
        assert_eq!(
            number.parse(),
            Ok(slot),
            "{} {interface}: a slot is missing",
            self.name
        );
        Some(rest.trim())
    }

    /// Whether a row is right for this release.
    fn has(&self, interface: &str, row: &Row) -> bool {
        let slot = row.slots[self.column()];
        let expected = format!(
            "{}({}) -> {}",
            row.method,
            row.arguments.join(", "),
            row.result
        );
        slot == NO || self.slot(interface, slot) == Some(&expected)
    }
}

/// All rows, with the names of their interfaces.
fn all_rows() -> Vec<(&'static str, Row)> {
    fn of<I: Rows + Interface>() -> Vec<(&'static str, Row)> {
        let mut rows: Vec<_> = I::rows().into_iter().map(|row| (I::NAME, row)).collect();
        if matches!(I::REACH, Reach::Direct) {
            let (method, slots) = ("~deleting", I::DELETE);
            rows.push((
                I::NAME,
                Row {
                    method,
                    slots,
                    arguments: vec![],
                    result: "()",
                },
            ));
        }
        rows
    }
    [
        of::<VRuntime>(),
        of::<VCudaEngine>(),
        of::<VExecutionContext>(),
        of::<VHostMemory>(),
        of::<VBuilder>(),
        of::<VNetworkDefinition>(),
        of::<VTensor>(),
        of::<VLayer>(),
        of::<VBuilderConfig>(),
        of::<VTimingCache>(),
        of::<IParser>(),
        of::<IParserError>(),
    ]
    .concat()
}

#[test]
fn every_row_is_what_the_headers_say() {
    let rows = all_rows();
    assert!(rows.len() > 50, "only {} rows", rows.len());
    for release in releases() {
        for (interface, row) in &rows {
            let slot = row.slots[release.column()];
            assert!(
                release.has(interface, row),
                "{}: {interface}::{}({}) -> {} is not in slot {slot}, where {:?} is",
                release.name,
                row.method,
                row.arguments.join(", "),
                row.result,
                (slot != NO).then(|| release.slot(interface, slot)),
            );
        }
    }
}

#[test]
fn every_row_with_a_neighbours_slot_is_noticed() {
    let mut mutants = 0;
    for release in releases() {
        for (interface, row) in all_rows() {
            let column = release.column();
            let slot = row.slots[column];
            if slot == NO {
                continue;
            }
            for wrong in [slot.wrapping_sub(1), slot + 1] {
                if wrong == NO {
                    continue;
                }
                let mut mutant = row.clone();
                mutant.slots[column] = wrong;
                assert!(
                    !release.has(interface, &mutant),
                    "{}: {interface}::{}",
                    release.name,
                    row.method
                );
                mutants += 1;
            }
        }
    }
    assert!(mutants > 500, "only {mutants} mutants");
}

#[test]
fn a_row_that_a_generation_lacks_is_in_none_of_its_tables() {
    for release in releases() {
        for (interface, row) in all_rows() {
            let signature = format!(
                "{}({}) -> {}",
                row.method,
                row.arguments.join(", "),
                row.result
            );
            let found = release.sections[interface]
                .iter()
                .any(|line| line.ends_with(&format!(" {signature}")));
            // From 10 on layers are not looked at.
            let of_layers =
                interface == "VLayer" || row.method.ends_with("Layers") || row.method == "getLayer";
            let unused = of_layers && release.generation != Generation::V8;
            assert!(
                row.slots[release.column()] != NO || !found || unused,
                "{}: {signature}",
                release.name
            );
        }
    }
}

#[test]
fn enumerators_are_what_the_headers_say() {
    for release in releases() {
        for value in values::ALL {
            let found = release.sections[value.family].iter().find_map(|line| {
                let (name, number) = line.split_once(" = ").expect("a name and a number");
                (name == value.name).then(|| number.parse::<i32>().expect("a number"))
            });
            assert_eq!(
                found,
                value.of(release.generation),
                "{}: {}",
                release.name,
                value.name
            );
        }
    }
}

#[test]
fn the_logger_s_table_is_what_the_headers_say() {
    for release in releases() {
        let log = release.sections["ILogger"]
            .iter()
            .position(|line| line.ends_with(" log(i32, ptr) -> ()"));
        let (slots, expected) = match release.generation {
            Generation::V8 | Generation::V10 => (3, 0),
            Generation::V11 => (5, 4),
        };
        assert_eq!(
            (release.sections["ILogger"].len(), log),
            (slots, Some(expected)),
            "{}",
            release.name
        );
        if release.generation == Generation::V11 {
            assert_eq!(release.slot("ILogger", 0), Some("getAPILanguage() -> i32"));
            assert_eq!(
                release.slot("ILogger", 1),
                Some("getInterfaceInfo() -> InterfaceInfo")
            );
        }
    }
}
