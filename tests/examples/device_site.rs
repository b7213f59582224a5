//! Writes what a station on a virtual device needs to judge hundreds of parts within the time of an
//! emulated machine: a bundle whose networks only pick and rectify, recorded parts whose verdicts
//! are known, and these verdicts.
//!
//! ```text
//! FOLDER/block.twb      the bundle
//! FOLDER/parts/         the recorded parts, in the order in which a station plays them
//! FOLDER/verdicts.txt   pass, fail or no_result, a line for each part
//! ```
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "the product of the tests ends with the first thing that is wrong, and so may this"
)]

#[expect(
    dead_code,
    reason = "sites of other tests have files that a device needs not"
)]
#[path = "../tests/it/product.rs"]
mod product;

use std::path::PathBuf;

use clap::Parser;
use twinspect_bundle::{Golden, Manifest};
use twinspect_core::frame::{FramePair, RgbFrame};
use twinspect_core::score::{FusionInputs, FusionMaps};
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

/// A part of the sequence, by what is to be said of it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A block of the height that is good.
    Pass,
    /// A block five times as high.
    Fail,
    /// A good block in the dark.
    NoResult,
}

/// What the station plays again and again: each kind beside each other, and one alone among the others.
const SEQUENCE: [Kind; 10] = [
    Kind::Pass,
    Kind::Fail,
    Kind::Pass,
    Kind::Pass,
    Kind::NoResult,
    Kind::Pass,
    Kind::Fail,
    Kind::Fail,
    Kind::NoResult,
    Kind::Pass,
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NoResult => "no_result",
        }
    }

    fn frame(self, seed: usize) -> FramePair {
        match self {
            Self::Pass => product::block(seed, 10),
            Self::Fail => product::block(seed, 50),
            Self::NoResult => darkened(&product::block(seed, 10)),
        }
    }
}

fn darkened(frame: &FramePair) -> FramePair {
    let black = RgbFrame::new(frame.size(), vec![0; frame.size().pixels() * 3]);
    let black = black.expect("a picture of the frame's size");
    let depth = frame.depth().cloned();
    FramePair::new(Some(black), depth, frame.intrinsics().copied()).expect("a pair")
}

/// A golden of a product without a fusion network.
fn golden(manifest: &Manifest, name: &str, frame: FramePair) -> Golden {
    let no_fusion = |_: &FusionInputs| -> FusionMaps { panic!("there is no network to ask") };
    product::golden(manifest, name, frame, no_fusion)
}

#[derive(Debug, Parser)]
struct Arguments {
    /// Where to write; it must not exist.
    folder: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { folder } = Arguments::parse();
    fs_err::create_dir(&folder)?;
    let mut manifest = product::manifest();

    // The line lies halfway between both kinds, which must be far apart.
    let evidence = |kind: Kind| golden(&manifest, "000", kind.frame(1)).evidence.fused;
    let (good, defective) = (evidence(Kind::Pass), evidence(Kind::Fail));
    anyhow::ensure!(
        good > 0.0 && defective > 1.5 * good,
        "evidence {good} of a good block and {defective} of a high one can't be told apart"
    );
    manifest.score.fused.evidence = (good + defective) / 2.0;

    let goldens = [1, 2].map(|seed| golden(&manifest, &format!("{seed:03}"), product::frame(seed)));
    let builder = goldens
        .into_iter()
        .fold(product::builder(&manifest), |builder, golden| {
            builder.golden(golden)
        });
    builder.build()?.write_archive(folder.join("block.twb"))?;

    let mut writer = RecordedPartsWriter::create(folder.join("parts"), Some(product::camera()))?;
    let mut verdicts = String::new();
    for (place, kind) in SEQUENCE.into_iter().enumerate() {
        // Classes are played in the order of their names.
        let class = Label::from_folder(&format!("{place:02}-{}", kind.name()));
        let frame = kind.frame(10 + place);
        writer.write(Split::Test, &class, &frame, None, &PartRecord::default())?;
        verdicts.push_str(kind.name());
        verdicts.push('\n');
    }
    fs_err::write(folder.join("verdicts.txt"), verdicts)?;
    Ok(())
}
