//! Whether a browser may be answered, by the name that it calls this machine.
//!
//! A page of the internet can make a browser ask any address, and can let its own name point to this
//! machine (DNS rebinding); the browser would then take our answers for that page's. It can't lie about the
//! name, though: what was asked for by a name that is not ours gets nothing. An address is no name, so nobody
//! else can own it.

use std::net::IpAddr;

/// Names by which this machine may be called.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    names: Vec<String>,
}

impl Hosts {
    /// `localhost`, this machine's own name, and those of the configuration.
    pub(super) fn new(configured: &[String]) -> Self {
        let own = rustix::system::uname();
        let own = own.nodename().to_string_lossy().to_ascii_lowercase();
        let mut names = vec!["localhost".to_owned()];
        if !own.is_empty() {
            names.push(format!("{own}.local"));
            names.push(own);
        }
        names.extend(configured.iter().map(|name| name.to_ascii_lowercase()));
        Self { names }
    }

    /// Whether a `Host` field names this machine. The port does not matter: it may have been forwarded.
    pub(super) fn include(&self, field: &str) -> bool {
        let Some(host) = without_port(field) else {
            return false;
        };
        let address = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        address.parse::<IpAddr>().is_ok()
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
    }
}

fn without_port(field: &str) -> Option<&str> {
    let start_of_port = match field.rfind(']') {
        Some(end) => end + 1,
        None => field.find(':').unwrap_or(field.len()),
    };
    let (host, port) = field.split_at_checked(start_of_port)?;
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    is_port.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_answered_and_no_others() {
        let hosts = Hosts::new(&["Press-3.plant".to_owned()]);
        for own in [
            "127.0.0.1:8080",
            "192.168.10.7",
            "[::1]:8080",
            "localhost",
            "LOCALHOST:9",
            "press-3.plant:80",
        ] {
            assert!(hosts.include(own), "{own}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:8080@evil.example",
            "localhost:80:80",
            "[::1",
            "::1",
        ] {
            assert!(!hosts.include(foreign), "{foreign}");
        }
    }
}
