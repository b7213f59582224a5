//! A product small enough for tests: its bundle, its recorded parts, and a station that joins them.
//!
//! Its networks only pick and rectify: a colour map is one channel of every fourth pixel, a
//! geometry map one channel of the bank. So the goldens can be computed here, without an engine.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;
use twinspect_bundle::{
    Bundle, BundleBuilder, CameraFacts, FormatVersion, Golden, GoldenEvidence, Manifest, Method,
    Provenance, Stage, Tolerance,
};
use twinspect_core::frame::{DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, RgbFrame};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::plane::Plane;
use twinspect_core::prepare::{
    BANK_CHANNELS, BankSpec, BeltBounds, GeometrySpec, MAP_STRIDE, PrepareSpec, PreparedPart,
    Preparer, RgbSpec,
};
use twinspect_core::score::{
    DegradedPolicy, FusionInputs, FusionMaps, MapRange, MapStack, ModalityCalibration, Moments,
    ScoreCalibration, Scorer, StageMaps, Threshold, ThresholdMethod, View,
};
use twinspect_dataset::{Camera, Label, Mask, PartRecord, RecordedPartsWriter, Split};
use twinspect_onnx::{Conv, Graph, Kernel, WeightFormat};

/// Side of the prepared part.
const SIZE: usize = 64;
/// Side of the maps.
pub(crate) const SIDE: usize = SIZE / MAP_STRIDE;
/// Metres a depth count.
const DEPTH_UNIT_M: f64 = 0.0001;
/// Height of the camera above the belt.
pub(crate) const DISTANCE_MM: f64 = 400.0;

pub(crate) const FRAME: FrameSize = FrameSize {
    width: 80,
    height: 64,
};

const INTRINSICS: Intrinsics = Intrinsics {
    width: FRAME.width,
    height: FRAME.height,
    fx: 160.0,
    fy: 160.0,
    cx: 39.5,
    cy: 31.5,
    distortion: [0.0; 5],
};

/// What a network takes, how it steps over it, and which channels it gives as maps.
struct Picker {
    channels: usize,
    stride: usize,
    picked: &'static [usize],
}

fn picker(modality: Modality) -> Picker {
    match modality {
        Modality::Rgb => Picker {
            channels: 3,
            stride: MAP_STRIDE,
            picked: &[0, 1, 2],
        },
        Modality::Geometry => Picker {
            channels: BANK_CHANNELS,
            stride: 1,
            picked: &[1, 4, 7, 10],
        },
    }
}

impl Picker {
    fn network(&self, stage: &Stage) -> Vec<u8> {
        let mut values = vec![0.0; self.picked.len() * self.channels];
        for (map, channel) in self.picked.iter().enumerate() {
            values[map * self.channels + channel] = 1.0;
        }
        let kernel = Kernel {
            dims: [self.picked.len(), self.channels, 1, 1],
            values: &values,
        };
        let mut graph = Graph::new("picker", WeightFormat::F32);
        let encoded = graph
            .input(&stage.input, &stage.input_shape)
            .and_then(|input| {
                let conv = Conv::new(kernel, None).stride(self.stride);
                let picked = graph.conv("pick", input, &conv)?;
                let maps = graph.abs("rectify", picked)?;
                graph.output(&stage.output, maps)?;
                graph.encode()
            });
        encoded.expect("the network is sound")
    }

    /// What the network answers.
    fn answer(&self, input: &[f32]) -> MapStack {
        let rows = SIDE * self.stride;
        let mut stack = MapStack::new(self.picked.len(), SIDE);
        for (index, value) in stack.data.iter_mut().enumerate() {
            let (map, y, x) = (index / (SIDE * SIDE), index / SIDE % SIDE, index % SIDE);
            let pixel = (y * rows + x) * self.stride;
            *value = input[self.picked[map] * rows * rows + pixel].abs();
        }
        stack
    }
}

fn both<T>(value: impl Fn(Modality) -> T) -> PerModality<T> {
    PerModality {
        rgb: Some(value(Modality::Rgb)),
        geometry: Some(value(Modality::Geometry)),
    }
}

fn stage(modality: Modality) -> Stage {
    let picker = picker(modality);
    let side = SIDE * picker.stride;
    Stage {
        file: format!("{modality}.onnx"),
        input: "input".to_owned(),
        input_shape: [1, picker.channels, side, side],
        output: "maps".to_owned(),
        output_shape: [1, picker.picked.len(), SIDE, SIDE],
    }
}

fn threshold(evidence: f32) -> Threshold {
    Threshold {
        evidence,
        method: ThresholdMethod::Extrapolated,
        target_rate: 0.01,
        good_parts: 10,
        good_parts_above: 0,
        rate_bound_95: 0.26,
    }
}

fn calibration(modality: Modality) -> ModalityCalibration {
    let maps = picker(modality).picked.len();
    ModalityCalibration {
        maps: vec![Moments { mean: 0.5, sd: 0.5 }; maps],
        views: vec![View {
            maps: MapRange {
                first: 0,
                count: maps,
            },
            sigma_px: 1.0,
            maxima: Moments { mean: 1.0, sd: 0.5 },
        }],
        threshold: threshold(4.0),
    }
}

/// The manifest of the product.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        format: FormatVersion::V1,
        name: "block".to_owned(),
        version: "1.0.0".parse().expect("a version"),
        created: "2026-11-23T14:05:00Z".to_owned(),
        method: Method::ReverseDistillation,
        provenance: Provenance {
            data_hash: "none".to_owned(),
            seed: 0,
            tool_version: "0.1.0".to_owned(),
            teacher: both(|_| "none".to_owned()),
        },
        camera: CameraFacts {
            depth_unit_m: Some(DEPTH_UNIT_M),
            distance_mm: Some(DISTANCE_MM),
            frame: FRAME,
            intrinsics: Some(INTRINSICS),
        },
        prepare: PrepareSpec {
            size: SIZE,
            roi: None,
            rgb: Some(RgbSpec {
                mean: [127.0; 3],
                std: [64.0; 3],
            }),
            geometry: Some(GeometrySpec {
                belt: Plane {
                    normal: [0.0, 0.0, -1.0],
                    offset_mm: -DISTANCE_MM,
                },
                belt_bounds: BeltBounds::default(),
                height_range_mm: [-5.0, 60.0],
                foreground_mm: 2.0,
                part_share_min: 0.01,
                valid_share_min: 0.3,
                bank: BankSpec {
                    sigma_px: BankSpec::sigmas(SIZE),
                    spread_mm: [0.1; BANK_CHANNELS],
                },
            }),
            ground: None,
        },
        stages: both(stage).into(),
        score: ScoreCalibration {
            modalities: both(calibration),
            fused: threshold(5.0),
        },
        tolerance: Tolerance {
            f32: 1e-4,
            f16: 1e-2,
        },
        recalibration: None,
        picture: None,
    }
}

/// A block of 10 mm on the belt in colours that differ from seed to seed.
pub(crate) fn frame(seed: usize) -> FramePair {
    block(seed, 10)
}

/// The same with another height.
pub(crate) fn block(seed: usize, height_mm: u16) -> FramePair {
    raised(seed, height_mm, |x, y| {
        (25..55).contains(&x) && (18..46).contains(&y)
    })
}

/// Something of 10 mm and of any shape on the belt.
pub(crate) fn picture(seed: usize, is_raised: impl Fn(usize, usize) -> bool) -> FramePair {
    raised(seed, 10, is_raised)
}

fn raised(seed: usize, height_mm: u16, is_raised: impl Fn(usize, usize) -> bool) -> FramePair {
    let noise = |index: usize| (index.wrapping_mul(2_654_435_761) >> 7) ^ (seed * 7919);
    let colours = (0..FRAME.pixels() * 3).map(|index| 100 + (noise(index) % 50) as u8);
    let counts = (0..FRAME.pixels()).map(|pixel| {
        let (x, y) = (pixel % FRAME.width, pixel / FRAME.width);
        let height = if is_raised(x, y) { height_mm * 10 } else { 0 };
        4000 - height - (noise(pixel) % 2) as u16
    });
    let rgb = RgbFrame::new(FRAME, colours.collect()).expect("a picture");
    let depth = DepthCounts::new(FRAME, DEPTH_UNIT_M, counts.collect()).expect("a depth picture");
    FramePair::new(Some(rgb), Some(DepthFrame::Counts(depth)), Some(INTRINSICS)).expect("a pair")
}

/// A part as a manifest's product prepares it.
pub(crate) fn prepare(manifest: &Manifest, frame: &FramePair) -> PreparedPart {
    let mut part = PreparedPart::new(&manifest.prepare);
    let mut preparer = Preparer::new(&manifest.prepare).expect("a sound manifest");
    preparer
        .prepare(frame, &mut part)
        .expect("a frame of the product");
    part
}

/// A golden; `fuse` is what the product's fusion network does, if it has one.
pub(crate) fn golden(
    manifest: &Manifest,
    name: &str,
    frame: FramePair,
    fuse: impl FnOnce(&FusionInputs) -> FusionMaps,
) -> Golden {
    let part = prepare(manifest, &frame);
    let maps = StageMaps {
        rgb: Some(picker(Modality::Rgb).answer(&part.rgb)),
        geometry: manifest
            .prepare
            .geometry
            .as_ref()
            .map(|_| picker(Modality::Geometry).answer(&part.geometry)),
    };
    let scorer = Scorer::new(&manifest.score, &manifest.prepare, manifest.join());
    let mut scorer = scorer.expect("a sound manifest");
    let gathered = scorer.gather(&part, &maps, frame.size(), DegradedPolicy::default());
    let Ok(_) = gathered.decide(|inputs, maps| {
        *maps = fuse(inputs);
        Ok::<(), Infallible>(())
    });
    let evidence = scorer.evidence();
    Golden {
        name: name.to_owned(),
        frame,
        maps,
        fusion: scorer.fusion_maps().cloned(),
        evidence: GoldenEvidence {
            fused: evidence.fused.expect("a golden is judged"),
            modalities: evidence.modalities,
        },
    }
}

/// A bundle with the product's networks, before its goldens.
pub(crate) fn builder(manifest: &Manifest) -> BundleBuilder {
    let mut builder = BundleBuilder::new(manifest.clone());
    for modality in Modality::ALL {
        let network = picker(modality).network(&stage(modality));
        builder = builder.model(modality, network);
    }
    builder
}

/// A product of the same parts that is inspected by colour alone.
pub(crate) fn colour_alone() -> Bundle {
    colour_bundle(&colour_manifest(), |seed| {
        frame(seed).without_depth().expect("colour remains")
    })
}

/// Whatever a camera of colour alone with pictures of this size sees: all of it passes.
pub(crate) fn any_colour(size: FrameSize) -> Bundle {
    let mut manifest = colour_manifest();
    manifest.name = "any".to_owned();
    manifest.camera.frame = size;
    manifest.camera.intrinsics = None;
    manifest.camera.distance_mm = None;
    // No picture has so much: by this product's constants the brightest pixels have 4.
    manifest.score.fused.evidence = 15.0;
    for calibration in manifest.score.modalities.rgb.iter_mut() {
        calibration.threshold.evidence = 15.0;
    }
    colour_bundle(&manifest, |seed| {
        let noise = |index: usize| (index.wrapping_mul(2_654_435_761) >> 7) ^ (seed * 7919);
        let colours = (0..size.pixels() * 3).map(|index| 100 + (noise(index) % 50) as u8);
        let rgb = RgbFrame::new(size, colours.collect()).expect("a picture");
        FramePair::new(Some(rgb), None, None).expect("a pair")
    })
}

fn colour_manifest() -> Manifest {
    let mut manifest = manifest();
    manifest.prepare.geometry = None;
    manifest.stages.geometry = None;
    manifest.score.modalities.geometry = None;
    manifest.provenance.teacher.geometry = None;
    manifest.camera.depth_unit_m = None;
    manifest
}

fn colour_bundle(manifest: &Manifest, frame: impl Fn(usize) -> FramePair) -> Bundle {
    let none = |_: &FusionInputs| panic!("there is no network to ask");
    let network = picker(Modality::Rgb).network(&stage(Modality::Rgb));
    let mut builder = BundleBuilder::new(manifest.clone()).model(Modality::Rgb, network);
    for (name, seed) in [("000", 1), ("001", 2)] {
        builder = builder.golden(golden(manifest, name, frame(seed), none));
    }
    builder.build().expect("the bundle is sound")
}

/// The product's bundle, built once.
pub(crate) fn bundle() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let manifest = manifest();
        let none = |_: &FusionInputs| panic!("there is no network to ask");
        let golden = |name, seed| golden(&manifest, name, frame(seed), none);
        let builder = builder(&manifest).golden(golden("000", 1));
        let builder = builder.golden(golden("001", 2));
        builder.build().expect("the bundle is sound")
    })
}

/// The same product under another version. `spoil` makes something of its goldens that no engine answers.
pub(crate) fn edition(version: &str, spoil: impl Fn(&mut Golden)) -> Bundle {
    let mut manifest = manifest();
    manifest.version = version.parse().expect("a version");
    sealed(&manifest, spoil)
}

/// A certain edition of another product.
pub(crate) fn edition_of(name: &str, version: &str, spoil: impl Fn(&mut Golden)) -> Bundle {
    let mut manifest = manifest();
    name.clone_into(&mut manifest.name);
    manifest.version = version.parse().expect("a version");
    sealed(&manifest, spoil)
}

/// Another product, which looks the same. `spoil` as of [`edition`].
pub(crate) fn product(name: &str, spoil: impl Fn(&mut Golden)) -> Bundle {
    let mut manifest = manifest();
    name.clone_into(&mut manifest.name);
    sealed(&manifest, spoil)
}

/// The same product, for a camera that hangs higher.
pub(crate) fn hung_higher(version: &str) -> Bundle {
    let mut manifest = manifest();
    manifest.version = version.parse().expect("a version");
    manifest.camera.distance_mm = Some(1.5 * DISTANCE_MM);
    sealed(&manifest, |_| {})
}

/// The bundle of a manifest. `spoil` as of [`edition`].
pub(crate) fn sealed(manifest: &Manifest, spoil: impl Fn(&mut Golden)) -> Bundle {
    let none = |_: &FusionInputs| panic!("there is no network to ask");
    let mut builder = builder(manifest);
    for (name, seed) in [("000", 1), ("001", 2)] {
        let mut golden = golden(manifest, name, frame(seed), none);
        spoil(&mut golden);
        builder = builder.golden(golden);
    }
    builder.build().expect("the bundle is sound")
}

/// A folder of its own with everything that a station needs; it goes when it is dropped.
pub(crate) struct Site {
    folder: TempDir,
}

impl Site {
    /// `block.twb`, the same as a folder in `block`, recorded parts in `parts`, `station.toml`.
    pub(crate) fn new() -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        bundle()
            .write_archive(site.path("block.twb"))
            .expect("the archive is written");
        bundle()
            .write_directory(site.path("block"))
            .expect("the folder is written");
        record(&site.path("parts"));
        site.write("station.toml", STATION);
        site
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// The place of a file or folder of the site.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let read = std::fs::read(self.path(name));
        read.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file, over what is there.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let written = std::fs::write(self.path(name), bytes);
        written.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Gives a file another name, in place of what has it.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let renamed = std::fs::rename(self.path(from), self.path(to));
        renamed.unwrap_or_else(|error| panic!("{from}: {error}"));
    }

    /// Replaces a piece of a text file, which must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.read(name)).expect("a text file");
        assert!(text.contains(from), "{name} has no `{from}`:\n{text}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// Removes a file or folder.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        removed.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A station that plays the parts of its site as fast as a line may run.
const STATION: &str = "\
[bundle]
file = \"block.twb\"
[camera]
kind = \"replay\"
folder = \"parts\"
[trigger]
rate_hz = 20.0
[page]
enabled = false
";

/// The camera of all recorded parts.
pub(crate) fn camera() -> Camera {
    Camera {
        intrinsics: INTRINSICS,
        depth_unit_m: Some(DEPTH_UNIT_M),
        distance_to_belt_mm: Some(DISTANCE_MM),
    }
}

/// Two good parts for training, two good ones and a dented one for the test.
fn record(root: &Path) {
    let mut writer = RecordedPartsWriter::create(root, Some(camera())).expect("a new data set");
    let dent = Label::Defect("dent".to_owned());
    let mut marked = vec![0; FRAME.pixels()];
    marked[FRAME.pixels() / 2] = 1;
    let marked = Mask::new(FRAME, marked).expect("a mask");
    for (seed, (split, label)) in [
        (Split::Train, &Label::Good),
        (Split::Train, &Label::Good),
        (Split::Test, &Label::Good),
        (Split::Test, &Label::Good),
        (Split::Test, &dent),
    ]
    .into_iter()
    .enumerate()
    {
        let mask = (!label.is_good()).then_some(&marked);
        writer
            .write(
                split,
                label,
                &frame(10 + seed),
                mask,
                &PartRecord::default(),
            )
            .expect("a part is written");
    }
}
