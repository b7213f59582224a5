//! What can be wrong with a line, and what helps.

use std::io;
use std::path::PathBuf;

use super::{LineName, LoopBack, Place};

/// The rule and the group that open the chips to a service.
const RIGHTS_HINT: &str = "the user must be in group gpio, and a udev rule must give the chips to it: \
    SUBSYSTEM==\"gpio\", KERNEL==\"gpiochip*\", GROUP=\"gpio\", MODE=\"0660\"; then \
    `udevadm control --reload` and `udevadm trigger -s gpio`";
/// A device that exists and may be opened by its mode, but not from here.
const POLICY_HINT: &str = "this is no matter of file rights: in a systemd unit with \
    DevicePolicy=closed, DeviceAllow=char-gpiochip rw is missing; in a container, the device";

/// A line of a board that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GpioError {
    /// There is nothing to look at.
    #[error("this machine has no GPIO chip")]
    NoChips,
    /// The chips that could be opened don't have the line.
    #[error("wire {wire}: line {line} may be on {}, which can't be opened", chip.display())]
    Closed {
        /// The wire.
        wire: &'static str,
        /// The line.
        line: LineName,
        /// The first chip that could not be opened.
        chip: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No chip has the line.
    #[error("wire {wire}: no GPIO line is called {line}")]
    Missing {
        /// The wire.
        wire: &'static str,
        /// The line.
        line: LineName,
        /// What would help.
        hint: String,
    },
    /// Several lines have the name.
    #[error("wire {wire}: {} lines are called {line}: {}", places.len(), list(places))]
    Ambiguous {
        /// The wire.
        wire: &'static str,
        /// The line.
        line: LineName,
        /// Where they are.
        places: Vec<Place>,
    },
    /// Somebody else holds the line.
    #[error("wire {wire}: {place} is held by {by:?}")]
    Busy {
        /// The wire.
        wire: &'static str,
        /// Where it is.
        place: Place,
        /// Who holds it.
        by: String,
    },
    /// The kernel does not give the line.
    #[error("wire {wire}: holding {place}")]
    Hold {
        /// The wire.
        wire: &'static str,
        /// Where it is.
        place: Place,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The kernel does not take the level.
    #[error("wire {wire}: driving {place}")]
    Drive {
        /// The wire.
        wire: &'static str,
        /// Where it is.
        place: Place,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
    /// The kernel has taken every level, and the other end of a jumper has not seen it.
    #[error("wire {wire}: the kernel accepted each level, but {}", seen.at(input))]
    Unfaithful {
        /// The output.
        wire: &'static str,
        /// The input that it is wired to.
        input: &'static str,
        /// What the input said.
        seen: LoopBack,
    },
    /// The kernel does not tell levels or edges any more.
    #[error("reading the inputs of {}", chip.display())]
    Read {
        /// Their chip.
        chip: PathBuf,
        /// What the kernel says.
        #[source]
        source: io::Error,
    },
}

impl GpioError {
    /// The remedy, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoChips => Some(
                "ls /dev/gpiochip*: the kernel's driver for the board's GPIO is not loaded, or a \
                 container hides it"
                    .to_owned(),
            ),
            Self::Missing { hint, .. } => Some(hint.clone()),
            Self::Ambiguous { places, .. } => Some(match places.first() {
                Some(place) if places.iter().any(|other| other.label != place.label) => {
                    format!(
                        "name the chip too: chip = \"{}\", or another of these labels",
                        place.label
                    )
                }
                _ => "the labels are the same too: the names must be made different in the device \
                      tree"
                    .to_owned(),
            }),
            Self::Busy { by, .. } if by.starts_with("twinspect") => Some(
                "another station, or another `twinspect check`, uses it: stop that one first"
                    .to_owned(),
            ),
            Self::Busy { .. } => Some(
                "stop the program that holds it, or take the line out of the device tree's hogs, \
                 LEDs, keys or buses; `gpioinfo` lists who holds what"
                    .to_owned(),
            ),
            Self::Unfaithful { seen, .. } => seen.hint().map(str::to_owned),
            Self::Closed { source, .. }
            | Self::Hold { source, .. }
            | Self::Drive { source, .. }
            | Self::Read { source, .. } => cause_hint(source).map(str::to_owned),
        }
    }
}

/// Linux, errno.h: the numbers that mean something here.
fn cause_hint(source: &io::Error) -> Option<&'static str> {
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    const ENODEV: i32 = 19;
    const EINVAL: i32 = 22;
    match source.raw_os_error()? {
        EACCES => Some(RIGHTS_HINT),
        EPERM => Some(POLICY_HINT),
        EINVAL => Some(
            "the chip's driver refuses this use of the pin: it may be input or output only, \
             reserved, or not know this debounce time; the board's pin table tells",
        ),
        ENODEV => Some("the chip is gone: an expander or a USB adapter was taken away"),
        _ => None,
    }
}

fn list(places: &[Place]) -> String {
    places
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
