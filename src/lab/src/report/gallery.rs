//! The parts that are worth looking at, with their pictures: good ones with the highest scores and
//! defective ones with the lowest. Only theirs are kept, whatever the number of parts.

use image::RgbImage;
use twinspect_bundle::Manifest;
use twinspect_core::modality::Modality;
use twinspect_core::prepare::{DepthState, RgbState};
use twinspect_core::verdict::Verdict;
use twinspect_dataset::Label;

use super::paint;
use crate::evaluate::{PartScore, Seen};
use crate::panels::relief;

/// One part with its pictures.
#[derive(Debug)]
pub(super) struct Exhibit {
    /// Largest first: how far the part lies on the wrong side, or how little on the right one.
    rank: f32,
    /// Good, or the kind of defect.
    pub(super) label: Label,
    /// Name and scores.
    pub(super) scores: PartScore,
    /// What was said.
    pub(super) said: Said,
    /// The pictures with what they show.
    pub(super) pictures: Vec<(&'static str, RgbImage)>,
}

/// A verdict as far as the page tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The part may go on.
    Pass,
    /// It is rejected; who saw it.
    Fail(&'static str),
    /// It is rejected, as nothing can be said; why.
    NoResult(&'static str),
}

/// The most telling parts so far.
#[derive(Debug)]
pub(super) struct Gallery {
    room: usize,
    /// Good parts, the highest score first.
    pub(super) good: Vec<Exhibit>,
    /// Defective parts, the lowest score first.
    pub(super) defective: Vec<Exhibit>,
}

impl Gallery {
    /// Room for so many parts of either kind.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            good: Vec::new(),
            defective: Vec::new(),
        }
    }

    /// Keeps a part if it is among the worst so far.
    pub(super) fn see(&mut self, seen: &Seen<'_>, manifest: &Manifest) {
        let label = &seen.reference.label;
        let (wall, rank) = match (label.is_good(), seen.scores.score) {
            (true, score) => (&mut self.good, score.unwrap_or(f32::INFINITY)),
            (false, Some(score)) => (&mut self.defective, -score),
            // Rejected whatever is wrong with it.
            (false, None) => return,
        };
        // By name where ranks are equal: the threads' order must not show.
        let place = wall
            .partition_point(|other| (other.rank, &seen.scores.part) > (rank, &other.scores.part));
        if place >= self.room {
            return;
        }
        wall.insert(place, exhibit(seen, manifest, rank));
        wall.truncate(self.room);
    }
}

fn exhibit(seen: &Seen<'_>, manifest: &Manifest, rank: f32) -> Exhibit {
    Exhibit {
        rank,
        label: seen.reference.label.clone(),
        scores: seen.scores.clone(),
        said: match seen.verdict {
            Verdict::Pass { .. } => Said::Pass,
            Verdict::Fail { finding, .. } => Said::Fail(finding.seen_by.name()),
            Verdict::NoResult { reason } => Said::NoResult(reason.name()),
        },
        pictures: pictures(seen, manifest),
    }
}

fn pictures(seen: &Seen<'_>, manifest: &Manifest) -> Vec<(&'static str, RgbImage)> {
    let (part, spec, score) = (seen.prepared, &manifest.prepare, &manifest.score);
    let usable = part.rgb_state == RgbState::Usable;
    let colour = spec.rgb.as_ref().filter(|_| usable);
    let colour = colour.map(|spec| paint::colour(part, spec));
    let usable = part.depth_state == DepthState::Usable;
    let geometry = spec.geometry.as_ref().filter(|_| usable);
    let height = geometry.map(|geometry| relief(part, geometry.height_range_mm[1].max(1.0)));
    let empty = RgbImage::new(part.size as u32, part.size as u32);
    let below = colour.as_ref().or(height.as_ref()).unwrap_or(&empty);
    let mut pictures = Vec::new();
    let views = [
        (Modality::Rgb, "colour", "colour\u{2019}s map", &colour),
        (Modality::Geometry, "height", "height\u{2019}s map", &height),
    ];
    pictures.extend(views.iter().filter_map(|(_, name, _, picture)| {
        picture.as_ref().map(|picture| (*name, picture.clone()))
    }));
    // Without a result the maps are another part's.
    if matches!(seen.verdict, Verdict::NoResult { .. }) {
        return pictures;
    }
    let both = score.modalities.present().count() > 1;
    for (modality, _, name, picture) in &views {
        let map = seen
            .scorer
            .modality_map(*modality)
            .zip(score.modalities.get(*modality));
        if let (true, Some((map, known)), Some(picture)) = (both, map, picture) {
            pictures.push((*name, paint::scores(picture, map, known.threshold.evidence)));
        }
    }
    if let Some(maps) = seen.scorer.fusion_maps() {
        let weights = paint::weights(&maps.weight, &part.region, part.size);
        pictures.push(("weight", weights));
    }
    let mut fused = paint::scores(below, seen.scorer.fused_map(), score.fused.evidence);
    if let Some(mask) = seen.mask {
        paint::outline(&mut fused, &paint::truth(mask, spec, part.size));
    }
    pictures.push((if both { "fused map" } else { "map" }, fused));
    pictures
}
