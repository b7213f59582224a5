//! A product whose parts' verdicts are known: what a station plays that must not get one of them wrong.

use std::path::Path;

use twinspect_bundle::{Golden, Manifest};
use twinspect_core::frame::{FramePair, RgbFrame};
use twinspect_core::score::{FusionInputs, FusionMaps};
use twinspect_dataset::{Label, PartRecord, RecordedPartsWriter, Split};

use crate::product;

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

/// Writes the bundle `block.twb`, the same under another name as `lid.twb`, and the recorded parts
/// `parts` into a folder; returns the verdicts, which the labels of the parts end in.
pub(crate) fn write(folder: &Path) -> Vec<&'static str> {
    let mut manifest = product::manifest();

    // The line lies halfway between both kinds, which must be far apart.
    let evidence = |kind: Kind| golden(&manifest, "000", kind.frame(1)).evidence.fused;
    let (good, defective) = (evidence(Kind::Pass), evidence(Kind::Fail));
    assert!(
        good > 0.0 && defective > 1.5 * good,
        "evidence {good} of a good block and {defective} of a high one can't be told apart"
    );
    manifest.score.fused.evidence = (good + defective) / 2.0;

    for name in ["block", "lid"] {
        name.clone_into(&mut manifest.name);
        let goldens =
            [1, 2].map(|seed| golden(&manifest, &format!("{seed:03}"), product::frame(seed)));
        let builder = goldens
            .into_iter()
            .fold(product::builder(&manifest), |builder, golden| {
                builder.golden(golden)
            });
        let bundle = builder.build().expect("the bundle is sound");
        bundle
            .write_archive(folder.join(format!("{name}.twb")))
            .expect("the bundle is written");
    }

    let writer = RecordedPartsWriter::create(folder.join("parts"), Some(product::camera()));
    let mut writer = writer.expect("a new data set");
    for (place, kind) in SEQUENCE.into_iter().enumerate() {
        // Classes are played in the order of their names.
        let class = Label::from_folder(&format!("{place:02}-{}", kind.name()));
        let frame = kind.frame(10 + place);
        writer
            .write(Split::Test, &class, &frame, None, &PartRecord::default())
            .expect("a part is written");
    }
    SEQUENCE.map(Kind::name).to_vec()
}
