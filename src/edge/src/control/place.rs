//! Where a station's control socket lies.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::ControlError;

/// Where stations that are services have their folders.
const RUNTIME_FOLDER: &str = "/run/twinspect";
/// The socket's name in a station's folder.
const SOCKET: &str = "control.sock";

/// Where a station answers: where its file says, else in the folder that the service manager has
/// made for it (`RUNTIME_DIRECTORY`; the first, if there are several), else nowhere.
pub(crate) fn for_station(configured: Option<&Path>) -> Option<PathBuf> {
    in_folder_of(configured, std::env::var_os("RUNTIME_DIRECTORY").as_deref())
}

fn in_folder_of(configured: Option<&Path>, runtime: Option<&OsStr>) -> Option<PathBuf> {
    if let Some(socket) = configured {
        return Some(socket.to_owned());
    }
    let folder = runtime?.to_str()?.split(':').next()?;
    (!folder.is_empty()).then(|| Path::new(folder).join(SOCKET))
}

/// Where the pictures lie that a station's page shows: beside its socket, in a folder that goes with it.
pub(crate) fn pictures_of(socket: &Path) -> PathBuf {
    socket.with_extension("pictures")
}

/// Where to ask for the station of a configuration, which may name its socket.
pub(crate) fn socket_of(config: &Path, configured: Option<PathBuf>) -> PathBuf {
    configured.unwrap_or_else(|| of_service(config))
}

/// Where a station answers that names no socket: the unit `twinspect@NAME` reads `NAME.toml`.
fn of_service(config: &Path) -> PathBuf {
    let name = config.file_stem().unwrap_or_default();
    Path::new(RUNTIME_FOLDER).join(name).join(SOCKET)
}

/// The only station that runs as a service.
pub(super) fn only_one() -> Result<PathBuf, ControlError> {
    only_one_in(Path::new(RUNTIME_FOLDER))
}

fn only_one_in(folder: &Path) -> Result<PathBuf, ControlError> {
    let none = || ControlError::NoStation {
        folder: folder.to_owned(),
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Err(none());
    };
    let mut sockets: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join(SOCKET))
        .filter(|socket| socket.exists())
        .collect();
    sockets.sort();
    match sockets.len() {
        0 => Err(none()),
        1 => Ok(sockets.remove(0)),
        _ => Err(ControlError::SeveralStations { sockets }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_wins_over_the_service_manager_and_without_both_there_is_none() {
        let (file, runtime) = (
            Path::new("/srv/a.sock"),
            OsStr::new("/run/twinspect/a:/run/b"),
        );
        let place = |configured, runtime| in_folder_of(configured, runtime);
        assert_eq!(place(Some(file), Some(runtime)).as_deref(), Some(file));
        let made = place(None, Some(runtime));
        assert_eq!(
            made.as_deref(),
            Some(Path::new("/run/twinspect/a/control.sock"))
        );
        assert_eq!(place(None, None), None);
        assert_eq!(place(None, Some(OsStr::new(""))), None);
    }

    #[test]
    fn the_station_of_a_configuration_is_that_of_its_unit() {
        let socket = of_service(Path::new("/etc/twinspect/left.toml"));
        assert_eq!(socket, Path::new("/run/twinspect/left/control.sock"));
    }

    #[test]
    fn only_one_station_can_be_meant_without_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(matches!(
            only_one_in(path),
            Err(ControlError::NoStation { .. })
        ));
        let mut sockets = Vec::new();
        for name in ["left", "right"] {
            std::fs::create_dir(path.join(name)).unwrap();
            let socket = path.join(name).join(SOCKET);
            std::fs::write(&socket, b"").unwrap();
            sockets.push(socket);
            match only_one_in(path) {
                Ok(found) => assert_eq!([found], sockets[..]),
                Err(ControlError::SeveralStations { sockets: found }) => assert_eq!(found, sockets),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
