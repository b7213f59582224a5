//! Whether good parts can be learnt from, before anything is: what can't be seen, copies, odd sizes,
//! odd light, blur.

use std::collections::HashMap;
use std::fmt;

use sha2::{Digest as _, Sha256};
use twinspect_core::frame::{DepthFrame, FramePair, FrameSize};
use twinspect_core::prepare::{DepthState, PrepareSpec, PreparedPart, Preparer, RgbState};
use twinspect_core::quality::ColourFigures;
use twinspect_dataset::{Dataset, PartRef, Split};

use super::PartsError;
use super::exposure::{Exposure, warn_of_odd_light};
use super::focus::warn_of_blur;
use crate::spread::spread;

/// Parts that a message names; of more it tells the number.
const NAMED_MAX: usize = 5;
/// Rows and columns between the pixels whose light and sharpness are looked at.
const STEP: usize = 4;

/// What of a part can't be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// No colour picture.
    Colour,
    /// A black one.
    Black,
    /// A white one.
    White,
    /// Hardly any depth.
    Depth,
    /// A station would take the picture for an empty one.
    Part,
    /// A station would miss part of it.
    MostOfThePart,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Colour => "it has no colour picture",
            Self::Black => "its colour picture is black",
            Self::White => "its colour picture is white",
            Self::Depth => "hardly any of its depth was measured",
            Self::Part => "hardly anything in its picture stands out from what parts lie on",
            Self::MostOfThePart => {
                "far less of a part than of any training part lies in its picture"
            }
        })
    }
}

/// The first of them, and whether there are more.
pub(super) fn first_named(mut parts: impl Iterator<Item = String>) -> String {
    let mut first: Vec<String> = parts.by_ref().take(NAMED_MAX).collect();
    if parts.next().is_some() {
        first.push("...".to_owned());
    }
    first.join(", ")
}

/// What of these parts can't be seen, in one line.
pub(super) fn unseen_told(parts: &[(String, Unseen)]) -> String {
    if let [(part, what)] = parts {
        return format!("good part {part} can't be judged: {what}");
    }
    let named = parts.iter().take(NAMED_MAX);
    let named: Vec<String> = named
        .map(|(part, what)| format!("{part}, {what}"))
        .collect();
    let others = match parts.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        others => format!("; and {others} more"),
    };
    let (count, named) = (parts.len(), named.join("; "));
    format!("{count} good parts can't be judged: {named}{others}")
}

/// What of a part's picture is compared with those of the others.
struct Picture {
    digest: [u8; 32],
    size: FrameSize,
    colour: Option<ColourFigures>,
    unseen: Option<Unseen>,
}

/// Refuses good parts of which the product's networks would see nothing, and copies among those that
/// set the thresholds: copies hide how much good parts differ, and what was trained on hides it too.
/// Copies within the training parts do no harm. Sizes, light and blur that most parts don't have are told.
pub(crate) fn require_sound(dataset: &dyn Dataset, spec: &PrepareSpec) -> Result<(), PartsError> {
    let splits = [Split::Train, Split::Validation, Split::Calibration];
    let parts = splits.map(|split| dataset.good_parts(split)).concat();
    let preparer = Preparer::new(spec).map_err(PartsError::Spec)?;
    let worker = || Ok::<_, PartsError>((preparer.clone(), PreparedPart::new(spec)));
    let pictures = spread(parts.len(), worker, |(preparer, prepared), index| {
        let part = &parts[index];
        let frame = dataset.load(part).map_err(PartsError::Load)?.frame;
        let placed = preparer.prepare(&frame, prepared);
        placed.map_err(|source| PartsError::Prepare {
            part: part.id.to_string(),
            source,
        })?;
        Ok(Picture {
            digest: digest(&frame),
            size: frame.size(),
            colour: frame
                .rgb()
                .map(|rgb| ColourFigures::sampled(rgb, spec.roi, STEP)),
            unseen: unseen(spec, prepared),
        })
    })?;
    let seen = parts.iter().zip(&pictures);
    let unseen: Vec<_> = seen
        .filter_map(|(part, picture)| Some((part.id.to_string(), picture.unseen?)))
        .collect();
    if !unseen.is_empty() {
        return Err(PartsError::Unseen { parts: unseen });
    }
    warn_of_sizes(dataset, &parts, &pictures);
    if spec.rgb.is_some() {
        let seen = parts.iter().zip(&pictures);
        let (lit, sharp): (Vec<_>, Vec<_>) = seen
            .filter_map(|(part, picture)| Some((part, picture.colour?)))
            .map(|(part, colour)| ((part, Exposure::of(&colour)), (part, colour.sharpness)))
            .unzip();
        warn_of_odd_light(dataset.name(), &lit);
        warn_of_blur(dataset.name(), &sharp);
    }
    let mut known = HashMap::new();
    for (part, picture) in parts.iter().zip(pictures) {
        if let Some(first) = known.insert(picture.digest, part)
            && part.split != Split::Train
        {
            return Err(PartsError::Copy {
                part: part.id.to_string(),
                first: first.id.to_string(),
            });
        }
    }
    Ok(())
}

/// The size that most training parts have; of two that are equally frequent, the one that comes first.
pub(crate) fn usual_size(sizes: impl IntoIterator<Item = FrameSize>) -> Option<FrameSize> {
    let mut counts: Vec<(FrameSize, usize)> = Vec::new();
    for size in sizes {
        match counts.iter_mut().find(|(known, _)| *known == size) {
            Some((_, count)) => *count += 1,
            None => counts.push((size, 1)),
        }
    }
    let usual = counts.iter().rev().max_by_key(|(_, count)| *count);
    usual.map(|(size, _)| *size)
}

/// Tells of sizes that a set mixes: its bundle is for a camera of the usual one.
fn warn_of_sizes(dataset: &dyn Dataset, parts: &[PartRef], pictures: &[Picture]) {
    let all = || parts.iter().zip(pictures);
    let trained_on = all().filter(|(part, _)| part.split == Split::Train);
    let Some(usual) = usual_size(trained_on.map(|(_, picture)| picture.size)) else {
        return;
    };
    let mut others = all().filter(|(_, picture)| picture.size != usual);
    let count = others.clone().count();
    if let Some((part, picture)) = others.next() {
        log::warn!(
            "{}: {count} of {} good parts have another frame size than the usual {usual}, among them {} with {}: a station's camera has one, and the bundle is for {usual}",
            dataset.name(),
            parts.len(),
            part.id,
            picture.size
        );
    }
}

fn unseen(spec: &PrepareSpec, part: &PreparedPart) -> Option<Unseen> {
    if spec.rgb.is_some() {
        match part.rgb_state {
            RgbState::Usable => {}
            RgbState::Absent => return Some(Unseen::Colour),
            RgbState::Black => return Some(Unseen::Black),
            RgbState::Saturated => return Some(Unseen::White),
        }
    }
    // A set of such parts teaches that none need be measured at all.
    let is_measured = part.depth_state == DepthState::Usable && part.valid_share > 0.0;
    if spec.geometry.is_some() && !is_measured {
        return Some(Unseen::Depth);
    }
    if part.part_share < PrepareSpec::PART_SHARE_LEAST {
        return Some(Unseen::Part);
    }
    let is_there = part.part_share >= spec.part_share_min();
    (!is_there).then_some(Unseen::MostOfThePart)
}

/// What a picture shows, whatever its file is called and however it is packed.
fn digest(frame: &FramePair) -> [u8; 32] {
    let mut digest = Sha256::new();
    if let Some(rgb) = frame.rgb() {
        digest.update(rgb.data());
    }
    let depth: Vec<u8> = match frame.depth() {
        Some(DepthFrame::Counts(counts)) => {
            let counts = counts.data().iter();
            counts.flat_map(|count| count.to_le_bytes()).collect()
        }
        Some(DepthFrame::Points(points)) => {
            let values = points.data().iter().flatten();
            values.flat_map(|value| value.to_le_bytes()).collect()
        }
        None => Vec::new(),
    };
    digest.update(depth);
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_size_is_what_most_have_and_not_what_comes_first() {
        let [a, b] = [80, 64].map(|width| FrameSize { width, height: 48 });
        assert_eq!(usual_size([a, b, b]), Some(b));
        assert_eq!(usual_size([a, b]), Some(a));
        assert_eq!(usual_size([]), None);
    }

    #[test]
    fn all_parts_that_can_t_be_seen_are_told_at_once() {
        let parts: Vec<_> = (0..7).map(|i| (format!("p{i}"), Unseen::Black)).collect();
        assert_eq!(
            unseen_told(&parts[..1]),
            "good part p0 can't be judged: its colour picture is black"
        );
        assert_eq!(
            unseen_told(&parts[..2]),
            "2 good parts can't be judged: p0, its colour picture is black; p1, its colour picture is black"
        );
        let all = unseen_told(&parts);
        assert!(
            all.starts_with("7 good parts") && all.ends_with("; and 2 more"),
            "{all}"
        );
        assert!(all.contains("p4,") && !all.contains("p5,"), "{all}");
    }
}
