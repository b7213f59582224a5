//! Every method of every release, moved to a neighbour's slot: as if our number were wrong by one.

use std::collections::BTreeSet;

use twinspect_double_nvinfer::{PUBLIC, signatures};

use crate::doubles::{Installation, RELEASES};

/// The methods that a release has, of those that the double has, and the logger's.
fn methods(release: &str) -> BTreeSet<(String, String)> {
    let file = format!("{}/slots/{release}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("a release's file is read");
    let mut methods = BTreeSet::from([
        (PUBLIC.to_owned(), "~deleting".to_owned()),
        ("ILogger".to_owned(), "log".to_owned()),
    ]);
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name;
        } else if let Some((_, signature)) = line.split_once(' ')
            && signatures().contains(&(leak(section), leak(signature.trim())))
        {
            let name = signature.trim().split('(').next().expect("a name");
            // From 10 on layers are not looked at.
            let of_layers = section == "VLayer" || name.ends_with("Layers") || name == "getLayer";
            if !of_layers || release.starts_with("8.") {
                methods.insert((section.to_owned(), name.to_owned()));
            }
        }
    }
    methods
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn every_method_in_a_neighbours_slot_is_noticed() {
    let mut mutants = 0;
    for release in RELEASES {
        let installation = Installation::of(release);
        for (interface, method) in methods(release) {
            for by in ["-1", "+1"] {
                let swap = format!("swap={interface}:{method}:{by}");
                // The types of layers are asked for in one of the two.
                let outcome = installation.run("tour copied f16", "", &swap);
                assert!(
                    !outcome.is_good(),
                    "{release}, {swap} was not noticed: {outcome:#?}"
                );
                mutants += 1;
            }
        }
    }
    assert!(mutants > 500, "only {mutants} mutants");
}
