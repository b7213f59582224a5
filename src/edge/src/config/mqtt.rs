//! A broker that is told of parts and of the station's state.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checker::{Checker, quoted};

/// Where brokers listen, unless something else is said.
const PORT: u16 = 1883;
/// Longest name of a topic or client; brokers allow more.
const NAME_BYTES_MAX: usize = 200;

/// A broker, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MqttToml {
    /// Empty: none.
    pub(crate) broker: String,
    /// Empty: `twinspect/STATION`.
    pub(crate) topic: String,
    /// Empty: `twinspect-STATION`.
    pub(crate) client_id: String,
    /// Empty: none.
    pub(crate) user: String,
    /// Empty: none.
    pub(crate) password_file: PathBuf,
}

/// A broker, and how to speak with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MqttSpec {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// All topics begin with it.
    pub(crate) topic: String,
    pub(crate) client_id: String,
    pub(crate) login: Option<Login>,
}

/// Who says that it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user: String,
    /// Its first line is the password; none without.
    pub(crate) password_file: Option<PathBuf>,
}

impl Checker {
    /// `station` is its name, for topics that nobody has named.
    pub(super) fn mqtt(
        &mut self,
        typed: &MqttToml,
        folder: &Path,
        station: &str,
    ) -> Option<MqttSpec> {
        if typed.broker.is_empty() {
            return None;
        }
        let or = |text: &str, default: String| match text {
            "" => default,
            text => text.to_owned(),
        };
        let topic = or(&typed.topic, format!("twinspect/{station}"));
        let client_id = or(&typed.client_id, format!("twinspect-{station}"));
        let is_topic = !topic.starts_with(['$', '/']) && !topic.ends_with('/');
        let expected =
            "a topic without wildcards, that neither begins nor ends with /: \"hall-2/left\"";
        let holds = is_topic && is_name(&topic) && !topic.contains(['+', '#']);
        self.require(holds, "mqtt.topic", quoted(&topic), expected);
        let expected =
            "1 to 200 letters, digits or marks, other than any other client's of this broker";
        let holds = is_name(&client_id);
        self.require(holds, "mqtt.client_id", quoted(&client_id), expected);
        let has_password = !typed.password_file.as_os_str().is_empty();
        let found = quoted(&typed.password_file.display().to_string());
        let holds = !(has_password && typed.user.is_empty());
        self.require(holds, "mqtt.password_file", found, "none without mqtt.user");
        let address = host_and_port(&typed.broker);
        let expected = "a host and a port, without TLS: \"192.168.10.2:1883\", \"broker.plant\" or \"[fd00::2]:1883\"";
        self.require(
            address.is_some(),
            "mqtt.broker",
            quoted(&typed.broker),
            expected,
        );
        let (host, port) = address?;
        Some(MqttSpec {
            host,
            port,
            topic,
            client_id,
            login: Some(&typed.user)
                .filter(|user| !user.is_empty())
                .map(|user| Login {
                    user: user.clone(),
                    password_file: has_password.then(|| folder.join(&typed.password_file)),
                }),
        })
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text
            .chars()
            .any(|letter| letter.is_control() || letter == ' ')
}

/// An IPv6 address stands in brackets.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                rest.strip_prefix(':').or(rest.is_empty().then_some("")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (text, Some("")),
        },
    };
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    let is_host = (1..=253).contains(&host.len()) && host.bytes().all(is_of_names);
    let port = match port? {
        "" => PORT,
        digits => digits.parse().ok().filter(|port| *port > 0)?,
    };
    is_host.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_have_hosts_and_ports() {
        let found = |text: &str| host_and_port(text).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found("broker.plant").as_deref(), Some("broker.plant 1883"));
        assert_eq!(found("10.0.0.2:1884").as_deref(), Some("10.0.0.2 1884"));
        assert_eq!(found("[fd00::2]:1884").as_deref(), Some("fd00::2 1884"));
        assert_eq!(found("[fd00::2]").as_deref(), Some("fd00::2 1883"));
        for wrong in [
            "",
            ":1883",
            "broker:",
            "broker:0",
            "broker:99999",
            "fd00::2",
            "[fd00::2",
            "[x]:1",
            "mqtts://broker:8883",
            "a b",
        ] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }
}
