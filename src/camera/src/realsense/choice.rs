//! Which of a camera's sensors run, and how.

use twinspect_core::frame::{FrameSize, Intrinsics};
use twinspect_core::pairing::Stream;

use super::error::RealSenseError;
use super::spec::RealSenseSpec;
use crate::librealsense::{
    Device, DeviceInfo, Distortion, Profile, ProfileFacts, Sensor, StreamFormat, StreamKind,
};

/// A stream as it was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    pub(super) size: FrameSize,
    pub(super) format: StreamFormat,
}

/// Sensors and their profiles. Colour has no sensor of its own where depth's gives it.
pub(super) struct Chosen {
    pub(super) depth: (Sensor, Profile),
    pub(super) colour: (Option<Sensor>, Profile),
}

/// The sensors and profiles that are asked for.
pub(super) fn choose(
    device: &Device,
    name: &str,
    sensors: Vec<Sensor>,
    spec: &RealSenseSpec,
) -> Result<Chosen, RealSenseError> {
    let wants = |stream: Stream, facts: ProfileFacts| {
        let (kind, format) = match stream {
            Stream::Depth => (StreamKind::Depth, StreamFormat::Z16),
            Stream::Colour => (StreamKind::Colour, StreamFormat::Rgb8),
        };
        facts.kind == kind
            && facts.format == format
            && facts.size.is_some()
            && spec.streams.is_none_or(|streams| {
                let size = match stream {
                    Stream::Depth => streams.depth,
                    Stream::Colour => streams.colour,
                };
                facts.size == Some(size) && i64::from(facts.rate_hz) == i64::from(streams.rate_hz)
            })
    };
    let mut all = Vec::new();
    for sensor in sensors {
        let profiles = sensor
            .profiles()
            .map_err(RealSenseError::call("asking how a sensor can run"))?;
        all.push((sensor, profiles));
    }
    let offered: Vec<ProfileFacts> = all
        .iter()
        .flat_map(|(_, profiles)| profiles.iter().map(Profile::facts))
        .collect();
    let missing = |stream: Stream| no_profile(device, name, stream, &offered, spec);
    let find = |stream: Stream| {
        let found = all.iter().enumerate().find_map(|(place, (_, profiles))| {
            let mut profiles = profiles.iter();
            let profile = profiles.find(|profile| wants(stream, profile.facts()))?;
            Some((place, profile.clone()))
        });
        found.ok_or_else(|| missing(stream))
    };
    let (depth_place, depth_profile) = find(Stream::Depth)?;
    let (colour_place, colour_profile) = find(Stream::Colour)?;
    let (mut depth, mut colour) = (None, None);
    for (place, (sensor, _)) in all.into_iter().enumerate() {
        if place == depth_place {
            depth = Some(sensor);
        } else if place == colour_place {
            colour = Some(sensor);
        }
    }
    let depth = depth.ok_or_else(|| missing(Stream::Depth))?;
    Ok(Chosen {
        depth: (depth, depth_profile),
        colour: (colour, colour_profile),
    })
}

fn no_profile(
    device: &Device,
    name: &str,
    stream: Stream,
    offered: &[ProfileFacts],
    spec: &RealSenseSpec,
) -> RealSenseError {
    let (kind, size) = match stream {
        Stream::Depth => (StreamKind::Depth, spec.streams.map(|streams| streams.depth)),
        Stream::Colour => (
            StreamKind::Colour,
            spec.streams.map(|streams| streams.colour),
        ),
    };
    let mut offered: Vec<String> = offered
        .iter()
        .filter(|facts| facts.kind == kind)
        .map(|facts| match facts.format {
            StreamFormat::Other(format) => format!("{facts} (format {format})"),
            StreamFormat::Z16 | StreamFormat::Rgb8 => facts.to_string(),
        })
        .collect();
    offered.sort();
    offered.dedup();
    let rate_hz = spec.streams.map_or(0, |streams| streams.rate_hz);
    RealSenseError::NoProfile {
        device: name.to_owned(),
        stream,
        wanted: size.map_or("any size".to_owned(), |size| {
            format!("{size} at {rate_hz} Hz")
        }),
        offered,
        usb: device.info(DeviceInfo::UsbType),
    }
}

/// The camera behind a stream.
pub(super) fn camera(
    profile: &Profile,
    stream: Stream,
) -> Result<(Intrinsics, Expected), RealSenseError> {
    let (intrinsics, distortion) = profile
        .intrinsics()
        .map_err(RealSenseError::call("asking for the camera's intrinsics"))?;
    if let Distortion::Other(model) = distortion {
        return Err(RealSenseError::Lens { stream, model });
    }
    let expected = Expected {
        size: intrinsics.size(),
        format: profile.facts().format,
    };
    Ok((intrinsics, expected))
}
