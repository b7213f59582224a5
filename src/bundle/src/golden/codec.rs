//! Goldens to files and back.

use std::collections::BTreeMap;
use std::path::Path;

use image::{ColorType, ExtendedColorType};
use serde::{Deserialize, Serialize};
use twinspect_core::frame::{
    DepthCounts, DepthFrame, FramePair, FrameSize, Intrinsics, OrganisedPoints, RgbFrame,
};
use twinspect_core::modality::{Modality, PerModality};
use twinspect_core::prepare::MAP_STRIDE;
use twinspect_core::score::{FusionMaps, MapStack};

use super::pictures::{PIXELS_MAX, decode_png, encode_png};
use super::{Golden, GoldenError, GoldenEvidence};
use crate::document;
use crate::entry::is_golden_name;
use crate::manifest::Manifest;

const DOCUMENT: &str = "golden.toml";
const RGB: &str = "rgb.png";
const DEPTH: &str = "depth.png";
const POINTS: &str = "points.f32";
const FUSION: &str = "fusion.maps";
/// The fused map and the weight map.
const FUSION_COUNT: usize = 2;

/// `golden.toml`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenDocument {
    rgb: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<DepthForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth_unit_m: Option<f64>,
    frame: FrameSize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intrinsics: Option<Intrinsics>,
    maps: MapShapes,
    evidence: GoldenEvidence,
}

/// Shapes of the expected maps of each stage.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapShapes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rgb: Option<MapShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    geometry: Option<MapShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fusion: Option<MapShape>,
}

impl MapShapes {
    fn get(&self, modality: Modality) -> Option<MapShape> {
        match modality {
            Modality::Rgb => self.rgb,
            Modality::Geometry => self.geometry,
        }
    }

    fn present(&self) -> impl Iterator<Item = (Modality, MapShape)> {
        let all = Modality::ALL.into_iter();
        all.filter_map(|modality| Some((modality, self.get(modality)?)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DepthForm {
    Counts,
    Points,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MapShape {
    count: usize,
    side: usize,
}

/// The files of one golden by their names in its folder.
pub(crate) type GoldenFiles<'a> = BTreeMap<&'a str, &'a [u8]>;

fn maps_file(modality: Modality) -> &'static str {
    match modality {
        Modality::Rgb => "rgb.maps",
        Modality::Geometry => "geometry.maps",
    }
}

/// Reads the description and holds the files against it; pictures stay unread.
pub(crate) fn check(files: &GoldenFiles, manifest: &Manifest) -> Result<(), GoldenError> {
    let document = read_document(files)?;
    let FrameSize { width, height } = document.frame;
    let pixels = width
        .checked_mul(height)
        .filter(|pixels| (1..=PIXELS_MAX).contains(pixels))
        .ok_or(GoldenError::FrameSize {
            size: document.frame,
        })?;
    let mut wanted = vec![DOCUMENT];
    wanted.extend(document.rgb.then_some(RGB));
    match document.depth {
        Some(DepthForm::Counts) => wanted.push(DEPTH),
        Some(DepthForm::Points) => {
            wanted.push(POINTS);
            check_length(files, POINTS, pixels * 3 * size_of::<f32>())?;
        }
        None => {}
    }
    for (modality, shape) in document.maps.present() {
        let stage = manifest.stages.get(modality);
        let expected = stage.map(|stage| [stage.output_shape[1], stage.output_shape[2]]);
        let found = [shape.count, shape.side];
        if expected != Some(found) {
            return Err(GoldenError::MapShape {
                modality,
                expected,
                found,
            });
        }
        let file = maps_file(modality);
        wanted.push(file);
        // The shape equals the manifest's, whose sides are bounded: no overflow.
        let bytes = shape.count * shape.side * shape.side * size_of::<f32>();
        check_length(files, file, bytes)?;
    }
    if let Some(bytes) = check_fusion(&document.maps, manifest)? {
        wanted.push(FUSION);
        check_length(files, FUSION, bytes)?;
    }
    for file in &wanted {
        get(files, file)?;
    }
    match files.keys().find(|file| !wanted.contains(file)) {
        Some(file) => Err(GoldenError::Stray {
            file: (*file).to_owned(),
        }),
        None => check_evidence(&document.evidence, |m| document.maps.get(m).is_some()),
    }
}

/// How long the answer of the fusion network is, if there has to be one.
fn check_fusion(maps: &MapShapes, manifest: &Manifest) -> Result<Option<usize>, GoldenError> {
    let fuses = manifest.stages.fusion.is_some();
    let expected = fuses && maps.present().count() == Modality::ALL.len();
    let (true, Some(shape)) = (expected, maps.fusion) else {
        return match maps.fusion.is_some() == expected {
            true => Ok(None),
            false => Err(GoldenError::Fusion { expected }),
        };
    };
    let side = manifest.prepare.size / MAP_STRIDE;
    let (expected, found) = ([FUSION_COUNT, side], [shape.count, shape.side]);
    if expected != found {
        return Err(GoldenError::FusionShape { expected, found });
    }
    Ok(Some(FUSION_COUNT * side * side * size_of::<f32>()))
}

fn check_length(
    files: &GoldenFiles,
    file: &'static str,
    expected: usize,
) -> Result<(), GoldenError> {
    let found = get(files, file)?.len();
    if found == expected {
        return Ok(());
    }
    Err(GoldenError::Length {
        file,
        expected,
        found,
    })
}

fn check_evidence(
    evidence: &GoldenEvidence,
    has_maps: impl Fn(Modality) -> bool,
) -> Result<(), GoldenError> {
    let given = |modality| evidence.modalities.get(modality).is_some();
    let same = Modality::ALL.iter().all(|m| given(*m) == has_maps(*m));
    if !same || evidence.modalities.present().next().is_none() {
        return Err(GoldenError::Modalities);
    }
    let mut values = evidence.modalities.present().map(|(_, value)| value);
    if !(evidence.fused.is_finite() && values.all(|value| value.is_finite())) {
        return Err(GoldenError::NotFinite { what: "evidence" });
    }
    Ok(())
}

fn get<'a>(files: &GoldenFiles<'a>, file: &'static str) -> Result<&'a [u8], GoldenError> {
    files
        .get(file)
        .copied()
        .ok_or(GoldenError::Missing { file })
}

fn read_document(files: &GoldenFiles) -> Result<GoldenDocument, GoldenError> {
    let text = String::from_utf8_lossy(get(files, DOCUMENT)?);
    document::parse(Path::new(DOCUMENT), &text)
        .map_err(|error| GoldenError::Document(Box::new(error)))
}

/// Reads a golden whose files passed [`check`].
pub(crate) fn decode(name: &str, files: &GoldenFiles) -> Result<Golden, GoldenError> {
    let document = read_document(files)?;
    let size = document.frame;
    let rgb = document
        .rgb
        .then(|| decode_rgb(get(files, RGB)?, size))
        .transpose()?;
    let depth = match document.depth {
        Some(DepthForm::Counts) => {
            // Counts without a unit are refused like any other wrong unit.
            let unit_m = document.depth_unit_m.unwrap_or(f64::NAN);
            Some(decode_counts(get(files, DEPTH)?, size, unit_m)?)
        }
        Some(DepthForm::Points) => Some(decode_points(get(files, POINTS)?, size)?),
        None => None,
    };
    let frame = FramePair::new(rgb, depth, document.intrinsics).map_err(GoldenError::Frame)?;
    let mut maps = PerModality::default();
    for (modality, shape) in document.maps.present() {
        let file = maps_file(modality);
        let stack = MapStack {
            count: shape.count,
            side: shape.side,
            data: floats(get(files, file)?).collect(),
        };
        if !stack.is_finite() {
            return Err(GoldenError::NotFinite { what: file });
        }
        maps.set(modality, Some(stack));
    }
    let fusion = document
        .maps
        .fusion
        .map(|shape| decode_fusion(get(files, FUSION)?, shape.side))
        .transpose()?;
    Ok(Golden {
        name: name.to_owned(),
        frame,
        maps,
        fusion,
        evidence: document.evidence,
    })
}

fn decode_fusion(bytes: &[u8], side: usize) -> Result<FusionMaps, GoldenError> {
    let mut fused: Vec<f32> = floats(bytes).collect();
    let weight = fused.split_off(fused.len() / FUSION_COUNT);
    let maps = FusionMaps { fused, weight };
    match maps.is_sound(side) {
        true => Ok(maps),
        false => Err(GoldenError::NotFinite { what: FUSION }),
    }
}

fn decode_rgb(bytes: &[u8], size: FrameSize) -> Result<RgbFrame, GoldenError> {
    let picture = decode_png(RGB, bytes, size, ColorType::Rgb8)?;
    RgbFrame::new(size, picture.into_rgb8().into_raw()).map_err(GoldenError::Frame)
}

fn decode_counts(bytes: &[u8], size: FrameSize, unit_m: f64) -> Result<DepthFrame, GoldenError> {
    let picture = decode_png(DEPTH, bytes, size, ColorType::L16)?;
    DepthCounts::new(size, unit_m, picture.into_luma16().into_raw())
        .map(DepthFrame::Counts)
        .map_err(GoldenError::Frame)
}

fn decode_points(bytes: &[u8], size: FrameSize) -> Result<DepthFrame, GoldenError> {
    let values: Vec<f32> = floats(bytes).collect();
    let (points, _) = values.as_chunks::<3>();
    OrganisedPoints::new(size, points.to_vec())
        .map(DepthFrame::Points)
        .map_err(GoldenError::Frame)
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|value| f32::from_le_bytes(*value))
}

/// The files of a golden, by their names in its folder.
pub(crate) fn encode(golden: &Golden) -> Result<BTreeMap<&'static str, Vec<u8>>, GoldenError> {
    if !is_golden_name(&golden.name) {
        return Err(GoldenError::Name {
            name: golden.name.clone(),
        });
    }
    check_evidence(&golden.evidence, |m| golden.maps.get(m).is_some())?;
    let mut files = BTreeMap::new();
    let mut document = GoldenDocument {
        rgb: golden.frame.rgb().is_some(),
        depth: None,
        depth_unit_m: None,
        frame: golden.frame.size(),
        intrinsics: golden.frame.intrinsics().copied(),
        maps: MapShapes::default(),
        evidence: golden.evidence,
    };
    if let Some(rgb) = golden.frame.rgb() {
        let png = encode_png(RGB, rgb.data(), rgb.size(), ExtendedColorType::Rgb8)?;
        files.insert(RGB, png);
    }
    match golden.frame.depth() {
        Some(DepthFrame::Counts(counts)) => {
            document.depth = Some(DepthForm::Counts);
            document.depth_unit_m = Some(counts.unit_m());
            // The encoder takes 16-bit samples as bytes in the machine's order.
            let bytes: Vec<u8> = counts.data().iter().flat_map(|c| c.to_ne_bytes()).collect();
            let png = encode_png(DEPTH, &bytes, document.frame, ExtendedColorType::L16)?;
            files.insert(DEPTH, png);
        }
        Some(DepthFrame::Points(points)) => {
            document.depth = Some(DepthForm::Points);
            files.insert(POINTS, bytes(points.data().iter().flatten()));
        }
        None => {}
    }
    for (modality, stack) in golden.maps.present() {
        let file = maps_file(modality);
        if !stack.is_finite() {
            return Err(GoldenError::NotFinite { what: file });
        }
        let shape = MapShape {
            count: stack.count,
            side: stack.side,
        };
        match modality {
            Modality::Rgb => document.maps.rgb = Some(shape),
            Modality::Geometry => document.maps.geometry = Some(shape),
        }
        files.insert(file, bytes(&stack.data));
    }
    if let Some(maps) = &golden.fusion {
        let side = maps.fused.len().isqrt();
        if !maps.is_sound(side) {
            return Err(GoldenError::NotFinite { what: FUSION });
        }
        document.maps.fusion = Some(MapShape {
            count: FUSION_COUNT,
            side,
        });
        files.insert(FUSION, bytes(maps.fused.iter().chain(&maps.weight)));
    }
    let text = toml::to_string(&document).map_err(GoldenError::WriteDocument)?;
    files.insert(DOCUMENT, text.into_bytes());
    Ok(files)
}

fn bytes<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u8> {
    values.into_iter().flat_map(|v| v.to_le_bytes()).collect()
}
