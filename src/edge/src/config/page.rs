//! The page on the line's screen, and the figures for a monitoring system.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checker::{Checker, quoted};

/// The page, as typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PageToml {
    pub(crate) enabled: bool,
    pub(crate) listen: String,
    pub(crate) hosts: Vec<String>,
    /// Empty: nobody marks parts on the page.
    pub(crate) token_file: PathBuf,
}

impl Default for PageToml {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:8080".to_owned(),
            hosts: Vec::new(),
            token_file: PathBuf::new(),
        }
    }
}

/// Figures, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsToml {
    /// Empty: none.
    pub(crate) textfile: PathBuf,
}

/// Where the page is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageSpec {
    pub(crate) listen: SocketAddr,
    /// Names by which browsers may call this machine, beside its own.
    pub(crate) hosts: Vec<String>,
    /// Holds what lets somebody mark parts.
    pub(crate) token_file: Option<PathBuf>,
}

impl Checker {
    /// `has_records`: there is something to mark.
    pub(super) fn page(
        &mut self,
        typed: &PageToml,
        folder: &Path,
        has_records: bool,
    ) -> Option<PageSpec> {
        const KEY: &str = "page.listen";
        let listen = typed.listen.parse::<SocketAddr>();
        let expected = "an address and a port: 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080";
        self.require(listen.is_ok(), KEY, quoted(&typed.listen), expected);
        for host in &typed.hosts {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            let holds = (1..=253).contains(&host.len()) && host.bytes().all(is_name);
            let expected = "names of machines, without port: [\"press-3.plant\"]";
            self.require(holds, "page.hosts", quoted(host), expected);
        }
        let has_token = !typed.token_file.as_os_str().is_empty();
        let found = quoted(&typed.token_file.display().to_string());
        self.require(
            has_records || !has_token,
            "page.token_file",
            found,
            "none without records.enabled: marks are kept beside records",
        );
        listen
            .ok()
            .filter(|_| typed.enabled)
            .map(|listen| PageSpec {
                listen,
                hosts: typed.hosts.clone(),
                token_file: has_token.then(|| folder.join(&typed.token_file)),
            })
    }

    pub(super) fn textfile(&mut self, typed: &MetricsToml, folder: &Path) -> Option<PathBuf> {
        let file = &typed.textfile;
        if file.as_os_str().is_empty() {
            return None;
        }
        // The collector reads no others.
        let holds = file.extension().is_some_and(|ending| ending == "prom");
        let found = quoted(&file.display().to_string());
        self.require(
            holds,
            "metrics.textfile",
            found,
            "a file that ends in .prom",
        );
        Some(folder.join(file))
    }
}
