//! What the page's process is told by the line process: one line of JSON on its standard input.

use std::io::{self, BufRead, ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::marks::MarksSpec;
use super::token::{Token, TokenError};
use crate::config::{self, MqttSpec, Station};
use crate::control;

/// Longest setup.
const BYTES_MAX: u64 = 64 * 1024;

/// All that it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageSetup {
    /// The station's name, for people.
    pub(super) name: String,
    /// The station's control socket.
    pub(super) socket: PathBuf,
    /// Folder of pictures.
    pub(crate) pictures: PathBuf,
    /// Where browsers are answered; nowhere, if there is no page and the rest is asked for.
    pub(super) listen: Option<SocketAddr>,
    /// Names by which browsers may call this machine.
    pub(super) hosts: Vec<String>,
    /// Where figures are written for the node exporter's textfile collector.
    pub(super) textfile: Option<PathBuf>,
    /// A broker that is told of parts and state.
    pub(super) mqtt: Option<MqttSpec>,
    /// This run of the station, as its records call it.
    pub(super) run: Option<String>,
    /// How parts are marked, if anybody may.
    pub(super) marks: Option<MarksSpec>,
}

/// What a station's page is told; none if the station has none. A station that nobody can ask, having no
/// control socket, has no page either. `run` is this run of the station, as its records call it.
pub(crate) fn setup(
    config: &Path,
    station: &Station,
    socket: Option<&Path>,
    run: Option<&str>,
) -> Option<PageSetup> {
    let page = station.page.as_ref();
    if page.is_none() && station.textfile.is_none() && station.mqtt.is_none() {
        return None;
    }
    // The process may have another idea of where it is.
    let socket = std::path::absolute(socket?).ok()?;
    Some(PageSetup {
        name: config::station_name(config),
        pictures: control::pictures_of(&socket),
        socket,
        listen: page.map(|page| page.listen),
        hosts: page.map_or_else(Vec::new, |page| page.hosts.clone()),
        textfile: station.textfile.clone(),
        mqtt: station.mqtt.clone(),
        run: run.map(str::to_owned),
        marks: marks(station, run),
    })
}

/// The token of a station's page, if somebody is to mark parts there.
///
/// # Errors
/// [`TokenError`] where the configuration names a file that holds none. The page takes no marks then.
pub(crate) fn token(station: &Station) -> Result<Option<Token>, TokenError> {
    let page = station.page.as_ref();
    let file = page.and_then(|page| page.token_file.as_deref());
    file.map(Token::read).transpose()
}

fn marks(station: &Station, run: Option<&str>) -> Option<MarksSpec> {
    // Why there is none was told where the station was started.
    let token = token(station).ok().flatten()?;
    let folder = &station.records.as_ref()?.ring.folder;
    Some(MarksSpec {
        token,
        records: std::path::absolute(folder).ok()?,
        run: run?.to_owned(),
    })
}

impl PageSetup {
    pub(super) fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let mut line = Vec::new();
        input.take(BYTES_MAX).read_until(b'\n', &mut line)?;
        serde_json::from_slice(&line).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }
}

/// Ends this process when its standard input ends, whatever else it does. It has nothing to tidy up.
pub(super) fn end_with(mut input: impl Read) {
    let mut nothing = [0; 16];
    while !matches!(input.read(&mut nothing), Ok(0) | Err(_)) {}
    if let Err(error) = signal_hook::low_level::raise(signal_hook::consts::SIGKILL) {
        log::error!("ending this process: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_what_is_heard_and_half_of_it_is_nothing() {
        let setup = PageSetup {
            name: "left".to_owned(),
            socket: PathBuf::from("/run/twinspect/left/control.sock"),
            pictures: PathBuf::from("/run/twinspect/left/control.pictures"),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            hosts: vec!["press-3".to_owned()],
            textfile: None,
            mqtt: None,
            run: Some("a run".to_owned()),
            marks: None,
        };
        let mut line = serde_json::to_vec(&setup).unwrap();
        line.push(b'\n');
        assert_eq!(PageSetup::read(&mut line.as_slice()).unwrap(), setup);
        PageSetup::read(&mut &line[..20]).unwrap_err();
    }
}
