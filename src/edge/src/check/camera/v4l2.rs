//! What was found of a V4L2 camera: the camera itself, its settings, and which others there are.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use twinspect_camera::v4l2::{CameraFacts, NodeFacts, nodes};

use crate::error::EdgeError;

/// Largest relative difference between the rate that the camera says and the one that is measured.
const RATE_TOLERANCE: f64 = 0.05;

#[derive(Serialize)]
pub(super) struct V4l2Device {
    pub(super) name: String,
    pub(super) bus: String,
    pub(super) driver: String,
    pub(super) node: String,
    pub(super) format: String,
    pub(super) colour_size: String,
    /// What the driver says.
    pub(super) rate_hz: Option<f64>,
    pub(super) settings: Vec<Setting>,
    pub(super) controls: Vec<Control>,
    /// All video nodes of this machine.
    pub(super) nodes: Vec<Node>,
}

#[derive(Serialize)]
pub(super) struct Setting {
    name: &'static str,
    wanted: Option<i64>,
    found: i64,
    automatic: bool,
}

/// What a setting may be.
#[derive(Serialize)]
pub(super) struct Control {
    id: u32,
    name: String,
    min: i64,
    max: i64,
    step: u64,
    default: i64,
}

#[derive(Serialize)]
pub(super) struct Node {
    node: PathBuf,
    /// Names that stay when something else is plugged in.
    links: Vec<PathBuf>,
    name: Option<String>,
    bus: Option<String>,
    captures: bool,
}

pub(super) fn device(facts: CameraFacts) -> V4l2Device {
    let settings = facts.settings.iter().map(|fact| Setting {
        name: fact.name,
        wanted: fact.wanted,
        found: fact.found,
        automatic: fact.is_automatic,
    });
    let controls = facts.ranges.into_iter().map(|range| Control {
        id: range.id.0,
        name: range.name,
        min: range.min,
        max: range.max,
        step: range.step,
        default: range.default,
    });
    V4l2Device {
        name: facts.identity.card,
        bus: facts.identity.bus,
        driver: facts.identity.driver,
        node: facts.identity.node,
        format: facts.format.to_string(),
        colour_size: facts.size.to_string(),
        rate_hz: facts.rate_hz,
        settings: settings.collect(),
        controls: controls.collect(),
        nodes: nodes().into_iter().map(Node::from).collect(),
    }
}

impl From<NodeFacts> for Node {
    fn from(facts: NodeFacts) -> Self {
        let identity = facts.identity.ok();
        Self {
            node: facts.node,
            links: facts.links,
            name: identity.as_ref().map(|identity| identity.card.clone()),
            bus: identity.map(|identity| identity.bus),
            captures: facts.captures,
        }
    }
}

pub(super) fn print(out: &mut dyn Write, device: &V4l2Device) -> Result<(), EdgeError> {
    let rate = device
        .rate_hz
        .map_or("a rate that it does not tell".to_owned(), |hz| {
            format!("{hz:.2} Hz")
        });
    writeln!(
        out,
        "device    {}, {}, driver {}, now {}\nstream    {} {} at {rate}",
        device.name, device.bus, device.driver, device.node, device.format, device.colour_size
    )?;
    for setting in &device.settings {
        let origin = match (setting.wanted, setting.automatic) {
            (Some(_), _) => "",
            (None, true) => "  (on, by the camera's own choice)",
            (None, false) => "  (the camera's own)",
        };
        writeln!(out, "  {:<32} {}{origin}", setting.name, setting.found)?;
    }
    writeln!(out, "controls  as the driver lists them")?;
    for control in &device.controls {
        writeln!(
            out,
            "  {:<32} {} to {} in steps of {}, by itself {}",
            control.name, control.min, control.max, control.step, control.default
        )?;
    }
    for node in device.nodes.iter().filter(|node| node.captures) {
        let names = node.links.iter().map(|link| link.display().to_string());
        let names: Vec<String> = names.collect();
        let names = match names.as_slice() {
            [] => "no name below /dev/v4l".to_owned(),
            names => names.join(", "),
        };
        writeln!(
            out,
            "camera at {}: {}, {}; {names}",
            node.node.display(),
            node.name.as_deref().unwrap_or("no name"),
            node.bus.as_deref().unwrap_or("no place"),
        )?;
    }
    Ok(())
}

/// What adjusts itself, and a rate that is not what it should be.
pub(super) fn warnings(device: &V4l2Device, measured_hz: Option<f64>) -> Vec<String> {
    let mut warnings: Vec<String> = device
        .settings
        .iter()
        .filter(|setting| setting.automatic)
        .map(|setting| {
            format!(
                "{} is on: what adjusts itself to the picture hides what is wrong in it; fix it in the table [v4l2]",
                setting.name
            )
        })
        .collect();
    if let (Some(told), Some(measured)) = (device.rate_hz, measured_hz)
        && (measured - told).abs() > RATE_TOLERANCE * told
    {
        warnings.push(format!(
            "pictures come at {measured:.2} Hz, the camera says {told:.2}: an exposure that is longer than a picture's \
             time, little light with automatic exposure, or a port that is too slow"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_adjusts_itself_and_a_wrong_rate_are_told() {
        let setting = |name, automatic| Setting {
            name,
            wanted: None,
            found: 1,
            automatic,
        };
        let device = V4l2Device {
            name: "ACME".to_owned(),
            bus: "usb-1".to_owned(),
            driver: "uvcvideo".to_owned(),
            node: "/dev/video0".to_owned(),
            format: "YUYV".to_owned(),
            colour_size: "640 x 480".to_owned(),
            rate_hz: Some(30.0),
            settings: vec![setting("automatic gain", true), setting("gain", false)],
            controls: Vec::new(),
            nodes: Vec::new(),
        };
        let told = warnings(&device, Some(15.0));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("automatic gain is on"));
        assert!(told[1].starts_with("pictures come at 15.00 Hz, the camera says 30.00"));
        assert_eq!(warnings(&device, Some(29.97)).len(), 1);
        assert_eq!(warnings(&device, None).len(), 1);
    }
}
