//! What a script says: `PLACE:DEED@NUMBER` or `PLACE:DEED@FROM..TO`, joined by `;`.

use std::time::Duration;

use super::Place;

/// What is done to who comes to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// The process ends by this signal.
    Signal(i32),
    /// The process stands still as a whole.
    Stop,
    /// The thread panics.
    Panic,
    /// The thread stands still for ever.
    Hang,
    /// The thread stands still for so long.
    Slow(Duration),
    /// What it does fails.
    Fail,
}

/// For which numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// For the first one that is not below, once in a station's life.
    Once(u64),
    /// For each one from here to there.
    Each(u64, u64),
}

/// A fault of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// As it was written, which is its name in the record.
    pub(super) told: String,
    pub(super) place: Place,
    pub(super) deed: Deed,
    pub(super) when: When,
}

impl Place {
    const NAMES: [(&'static str, Self); 15] = [
        ("start", Self::Start),
        ("open", Self::Open),
        ("tickets", Self::Tickets),
        ("camera", Self::Camera),
        ("engine", Self::Engine),
        ("answers", Self::Answers),
        ("records", Self::Records),
        ("loop", Self::Loop),
        ("sender", Self::Sender),
        ("listener", Self::Listener),
        ("control", Self::Control),
        ("reload", Self::Reload),
        ("model", Self::Model),
        ("output", Self::Output),
        ("log", Self::Log),
    ];

    fn may_fail(self) -> bool {
        matches!(
            self,
            Self::Open | Self::Model | Self::Camera | Self::Engine | Self::Records
        )
    }
}

/// All faults of a script, or what of it can't be understood.
pub(super) fn parse(script: &str) -> Result<Vec<Fault>, String> {
    let faults = script.split(';').map(str::trim);
    faults
        .filter(|told| !told.is_empty())
        .map(|told| fault(told).ok_or_else(|| told.to_owned()))
        .collect()
}

fn fault(told: &str) -> Option<Fault> {
    let (place, rest) = told.split_once(':')?;
    let (deed, when) = rest.split_once('@')?;
    let (_, place) = Place::NAMES.into_iter().find(|(name, _)| *name == place)?;
    let deed = deed_of(deed)?;
    let when = match when.split_once("..") {
        None => When::Once(when.parse().ok()?),
        Some((from, to)) => When::Each(from.parse().ok()?, to.parse().ok()?),
    };
    (deed != Deed::Fail || place.may_fail()).then(|| Fault {
        told: told.to_owned(),
        place,
        deed,
        when,
    })
}

fn deed_of(name: &str) -> Option<Deed> {
    use signal_hook::consts::{SIGABRT, SIGBUS, SIGKILL, SIGSEGV};

    Some(match name {
        "segfault" => Deed::Signal(SIGSEGV),
        "buserror" => Deed::Signal(SIGBUS),
        "abort" => Deed::Signal(SIGABRT),
        "kill" => Deed::Signal(SIGKILL),
        "stop" => Deed::Stop,
        "panic" => Deed::Panic,
        "hang" => Deed::Hang,
        "fail" => Deed::Fail,
        _ => {
            let ms = name.strip_prefix("slow=")?.parse().ok()?;
            Deed::Slow(Duration::from_millis(ms))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_understood_or_named() {
        let faults = parse("engine:segfault@12; camera:slow=300@5..9;").unwrap();
        assert_eq!(faults.len(), 2);
        assert_eq!(faults[0].place, Place::Engine);
        assert_eq!(faults[0].when, When::Once(12));
        assert_eq!(faults[1].deed, Deed::Slow(Duration::from_millis(300)));
        assert_eq!(faults[1].when, When::Each(5, 9));
        for wrong in [
            "engine",
            "engine:hang",
            "engin:hang@1",
            "engine:hangs@1",
            "engine:slow=@1",
            "engine:hang@1..",
            "loop:fail@1",
        ] {
            assert_eq!(parse(wrong), Err(wrong.to_owned()));
        }
    }

    #[test]
    fn every_place_has_one_name() {
        for (index, (name, place)) in Place::NAMES.into_iter().enumerate() {
            let others = &Place::NAMES[index + 1..];
            assert!(
                others
                    .iter()
                    .all(|(other, there)| *other != name && *there != place)
            );
        }
    }
}
