//! Who is meant.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A host as ssh knows it: `user@name`, `name`, or a name of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host(String);

/// Hosts that can't be spoken to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostsError {
    /// ssh would take it for an option, or for several words.
    #[error("{text:?} is no host")]
    NoHost { text: String },
    /// In the inventory.
    #[error("{}, line {line}: {text:?} is no host", path.display())]
    NoHostIn {
        path: PathBuf,
        line: usize,
        text: String,
    },
    /// The inventory can't be read.
    #[error("reading inventory {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Nobody is meant.
    #[error("no host is named")]
    None,
}

impl HostsError {
    /// The remedy.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoHost { .. } | Self::NoHostIn { .. } => {
                "user@name, name, or a name of ~/.ssh/config: letters, digits and . _ - : @ [ ] %"
            }
            Self::Read { .. } => "a text file with one host a line; what follows # is left out",
            Self::None => "twinspect-lab push user@host BUNDLE, or --inventory FILE",
        }
    }
}

impl Host {
    /// As ssh gets it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Host {
    type Err = HostsError;

    fn from_str(text: &str) -> Result<Self, HostsError> {
        let known = |letter: char| letter.is_alphanumeric() || "._-:@[]%".contains(letter);
        if text.is_empty() || text.starts_with('-') || !text.chars().all(known) {
            return Err(HostsError::NoHost {
                text: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Those that were typed, then those of an inventory, each once.
pub(crate) fn read(typed: &[String], inventory: Option<&Path>) -> Result<Vec<Host>, HostsError> {
    let mut hosts: Vec<Host> = typed
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    if let Some(path) = inventory {
        let text = fs_err::read_to_string(path).map_err(|source| HostsError::Read {
            path: path.to_owned(),
            source,
        })?;
        hosts.extend(listed(path, &text)?);
    }
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    if hosts.is_empty() {
        return Err(HostsError::None);
    }
    Ok(hosts)
}

fn listed(path: &Path, text: &str) -> Result<Vec<Host>, HostsError> {
    let mut hosts = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        let host = name.parse().map_err(|_error| HostsError::NoHostIn {
            path: path.to_owned(),
            line: index + 1,
            text: name.to_owned(),
        })?;
        hosts.push(host);
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_ssh_would_take_for_an_option_is_a_host() {
        for text in ["line3", "tech@10.0.0.7", "tech@[fe80::1%eth0]", "a_b.c-d"] {
            assert!(text.parse::<Host>().is_ok(), "{text}");
        }
        for text in ["", "-oProxyCommand=x", "a b", "a;b", "$(x)", "a'b", "a\nb"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_inventory_has_a_host_a_line() {
        let text = "# hall 2\nline1\n\n tech@line2  # since May\nline1\n";
        let found = listed(Path::new("hosts.txt"), text).unwrap();
        let names: Vec<&str> = found.iter().map(Host::as_str).collect();
        assert_eq!(names, ["line1", "tech@line2", "line1"]);
        let error = listed(Path::new("hosts.txt"), "line1\nline 2\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "hosts.txt, line 2: \"line 2\" is no host"
        );
        assert!(matches!(read(&[], None), Err(HostsError::None)));
        let twice = read(&["a".to_owned(), "b".to_owned(), "a".to_owned()], None).unwrap();
        assert_eq!(twice.len(), 2);
    }
}
