//! Which camera: by a name that stays the same when it is plugged in again.
//!
//! The kernel numbers nodes in the order in which they appear, and one camera has several: pictures, their
//! metadata, often an infrared one. So a number names nothing, and a name that fits two nodes is refused.

use std::path::{Path, PathBuf};

use super::device::Identity;
use super::error::V4l2Error;

/// Which camera is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichDevice {
    /// The one that there is.
    Only,
    /// The one of this name: a link below `/dev/v4l`, with or without its folder, what the driver calls the
    /// camera, or where the driver says that it is plugged in.
    Named(String),
    /// Whatever has this node now. Numbers move.
    Node(PathBuf),
}

/// A node as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// The node.
    pub node: PathBuf,
    /// Names below `/dev/v4l` that lead to it.
    pub links: Vec<PathBuf>,
    /// Its driver's names, or why they are not known.
    pub identity: Result<Identity, String>,
    /// Whether it gives pictures.
    pub captures: bool,
    /// Whether it is a camera that can't be used, with its pictures in several planes.
    pub is_planar: bool,
}

impl std::fmt::Display for WhichDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Only => f.write_str("V4L2 camera"),
            Self::Named(name) => write!(f, "V4L2 camera {name}"),
            Self::Node(node) => write!(f, "V4L2 camera {}", node.display()),
        }
    }
}

impl std::fmt::Display for NodeFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let link = self.links.first().unwrap_or(&self.node);
        match &self.identity {
            Ok(identity) => write!(
                f,
                "{} ({}, {}{})",
                link.display(),
                identity.card,
                identity.bus,
                if self.is_planar {
                    ", several planes"
                } else {
                    ""
                }
            ),
            Err(problem) => write!(f, "{} ({problem})", link.display()),
        }
    }
}

impl NodeFacts {
    fn no_capture(&self) -> V4l2Error {
        let card = self.identity.as_ref().map(|identity| identity.card.clone());
        V4l2Error::NoCapture {
            node: self.node.display().to_string(),
            card: card.unwrap_or_default(),
            is_planar: self.is_planar,
        }
    }
}

impl WhichDevice {
    fn fits(&self, facts: &NodeFacts) -> bool {
        match self {
            Self::Only => true,
            Self::Node(node) => facts.node == *node,
            Self::Named(name) => {
                is_linked(facts, name)
                    || facts
                        .identity
                        .as_ref()
                        .is_ok_and(|identity| identity.card == *name || identity.bus == *name)
            }
        }
    }

    /// Whether the name is one node's and no other's.
    fn is_exact(&self, facts: &NodeFacts) -> bool {
        match self {
            Self::Only => false,
            Self::Node(_) => true,
            Self::Named(name) => is_linked(facts, name),
        }
    }

    /// The one node that is meant.
    pub(super) fn choose<'a>(&self, nodes: &'a [NodeFacts]) -> Result<&'a NodeFacts, V4l2Error> {
        // A link's name says which of a camera's nodes is meant, also if that one gives no pictures.
        let fitting: Vec<&NodeFacts> = nodes
            .iter()
            .filter(|facts| self.fits(facts) && (facts.captures || self.is_exact(facts)))
            .collect();
        let name = |facts: &&NodeFacts| facts.to_string();
        match fitting.as_slice() {
            [facts] if facts.captures || facts.identity.is_err() => Ok(facts),
            [facts] => Err(facts.no_capture()),
            [] => Err(match self.planar(nodes) {
                Some(facts) => facts.no_capture(),
                None => V4l2Error::Absent {
                    wanted: self.to_string(),
                    found: nodes
                        .iter()
                        .filter(|facts| {
                            facts.captures || facts.is_planar || facts.identity.is_err()
                        })
                        .map(|facts| name(&facts))
                        .collect(),
                },
            }),
            several => Err(V4l2Error::Ambiguous {
                wanted: self.to_string(),
                found: several.iter().map(name).collect(),
            }),
        }
    }

    /// A camera that is meant and can't be used, where nothing else fits: to wait would be in vain. A node that can't be
    /// opened yet may be the one to wait for.
    fn planar<'a>(&self, nodes: &'a [NodeFacts]) -> Option<&'a NodeFacts> {
        let are_known = nodes.iter().all(|facts| facts.identity.is_ok());
        nodes
            .iter()
            .find(|facts| are_known && facts.is_planar && self.fits(facts))
    }
}

fn is_linked(facts: &NodeFacts, name: &str) -> bool {
    facts
        .links
        .iter()
        .any(|link| link == Path::new(name) || link.file_name().is_some_and(|file| file == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize, links: &[&str], card: &str, captures: bool) -> NodeFacts {
        NodeFacts {
            node: PathBuf::from(format!("/dev/video{number}")),
            links: links.iter().map(PathBuf::from).collect(),
            identity: Ok(Identity {
                node: format!("/dev/video{number}"),
                card: card.to_owned(),
                bus: format!("usb-xhci-{}", number / 2),
                driver: "uvcvideo".to_owned(),
            }),
            captures,
            is_planar: false,
        }
    }

    fn planar(number: usize, links: &[&str], card: &str) -> NodeFacts {
        NodeFacts {
            is_planar: true,
            ..node(number, links, card, false)
        }
    }

    /// Two cameras of one make, each with a second node for metadata, and a third camera.
    fn nodes() -> Vec<NodeFacts> {
        vec![
            node(0, &["/dev/v4l/by-id/usb-ACME_A-video-index0"], "ACME", true),
            node(
                1,
                &["/dev/v4l/by-id/usb-ACME_A-video-index1"],
                "ACME",
                false,
            ),
            node(
                2,
                &[
                    "/dev/v4l/by-id/usb-ACME_B-video-index0",
                    "/dev/v4l/by-path/pci-0:2-video-index0",
                ],
                "ACME",
                true,
            ),
            node(3, &[], "ACME", false),
            node(4, &[], "Other", true),
        ]
    }

    fn named(name: &str) -> WhichDevice {
        WhichDevice::Named(name.to_owned())
    }

    fn check(which: &WhichDevice, number: usize) {
        let nodes = nodes();
        let found = which.choose(&nodes).unwrap();
        assert_eq!(
            found.node,
            Path::new(&format!("/dev/video{number}")),
            "{which}"
        );
    }

    #[test]
    fn a_name_is_a_link_with_or_without_its_folder_a_card_or_a_bus() {
        check(&named("/dev/v4l/by-id/usb-ACME_B-video-index0"), 2);
        check(&named("usb-ACME_A-video-index0"), 0);
        check(&named("pci-0:2-video-index0"), 2);
        check(&named("Other"), 4);
        check(&named("usb-xhci-1"), 2);
        check(&WhichDevice::Node("/dev/video4".into()), 4);
    }

    #[test]
    fn what_could_be_any_of_several_is_refused_with_their_names() {
        for which in [WhichDevice::Only, named("ACME")] {
            let nodes = nodes();
            let error = which.choose(&nodes).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, V4l2Error::Ambiguous { .. }), "{text}");
            assert!(text.contains("usb-ACME_A-video-index0"), "{text}");
            assert!(text.contains("usb-ACME_B-video-index0"), "{text}");
            assert!(error.hint().unwrap().contains("by-id"));
            assert!(!error.may_pass());
        }
        let alone = vec![node(7, &[], "ACME", true), node(8, &[], "ACME", false)];
        assert_eq!(WhichDevice::Only.choose(&alone).unwrap(), &alone[0]);
    }

    #[test]
    fn a_camera_that_is_not_there_is_told_with_those_that_are() {
        let nodes = nodes();
        let error = named("ACM").choose(&nodes).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, V4l2Error::Absent { .. }), "{text}");
        assert!(
            text.contains("V4L2 camera ACM is not there; there: "),
            "{text}"
        );
        assert!(text.contains("/dev/video4 (Other, usb-xhci-2)"), "{text}");
        assert!(!text.contains("index1"), "metadata are no camera: {text}");
        let error = WhichDevice::Only.choose(&[]).unwrap_err();
        assert_eq!(error.to_string(), "V4L2 camera is not there; no camera is");
    }

    #[test]
    fn the_wrong_node_of_the_right_camera_is_told() {
        let nodes = nodes();
        let error = named("usb-ACME_A-video-index1").choose(&nodes).unwrap_err();
        assert!(matches!(error, V4l2Error::NoCapture { .. }), "{error}");
        assert!(error.to_string().ends_with("gives no pictures"), "{error}");
        assert!(error.hint().unwrap().contains("the one with pictures"));
    }

    #[test]
    fn a_camera_of_several_planes_is_told_at_once_by_whatever_name() {
        let link = "/dev/v4l/by-path/platform-isp-video-index0";
        let nodes = [planar(0, &[link], "ISP"), node(1, &[], "ISP", false)];
        for which in [
            WhichDevice::Only,
            named("ISP"),
            named("usb-xhci-0"),
            named(link),
            WhichDevice::Node("/dev/video0".into()),
        ] {
            let error = which.choose(&nodes).unwrap_err();
            assert_eq!(
                error.to_string(),
                "/dev/video0 (ISP) gives pictures in several planes, which is not supported",
                "{which}"
            );
            assert!(error.hint().unwrap().contains("each picture in one plane"));
            assert!(!error.may_pass(), "no time makes it another camera");
            assert!(error.is_absent(), "the one that had run is away");
        }
        let error = named("Other").choose(&nodes).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "V4L2 camera Other is not there; there: {link} (ISP, usb-xhci-0, several planes)"
            )
        );
    }

    #[test]
    fn a_camera_of_several_planes_stands_in_no_other_ones_way() {
        let mut nodes = nodes();
        nodes.push(planar(5, &[], "Other"));
        let found = named("Other").choose(&nodes).unwrap();
        assert_eq!(found.node, Path::new("/dev/video4"));
        // What can't be opened yet may be the camera that is waited for.
        let unknown = NodeFacts {
            identity: Err("Permission denied".to_owned()),
            ..node(0, &[], "", false)
        };
        let nodes = [unknown, planar(1, &[], "ISP")];
        let error = WhichDevice::Only.choose(&nodes).unwrap_err();
        assert!(matches!(error, V4l2Error::Absent { .. }), "{error}");
        assert!(error.may_pass());
    }
}
