//! Places that a station reads and writes while it runs: those that it does not start without, and those that it goes on
//! without, which nobody would notice until the day that they are needed.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::{Login, Station};
use crate::control::{self, ControlError};
use crate::error::EdgeError;
use crate::run::try_folder;

/// Tries what a station needs, as the user who asks. Nothing of it is there afterwards that was not there before.
///
/// # Errors
/// Those by which `run` would end.
pub(super) fn require(station: &Station) -> Result<(), EdgeError> {
    if let Some(records) = &station.records {
        try_folder(&records.ring.folder)?;
    }
    if let Some(socket) = station.control_socket.as_deref() {
        control::check(socket)?;
        may_write_into(folder_of(socket)).map_err(|source| ControlError::Open {
            path: socket.to_owned(),
            source,
        })?;
    }
    Ok(())
}

/// What a station would go on without, for people.
pub(super) fn warnings(station: &Station) -> Vec<String> {
    let textfile = station.textfile.as_deref().and_then(|file| {
        let why = may_write(file, folder_of(file)).err()?;
        Some(format!(
            "metrics.textfile, {}, can't be written: {why}; a monitoring system will see no figures",
            file.display()
        ))
    });
    let memory = &station.challenge.memory;
    let memory = station.challenge.every_us.and_then(|_| {
        // Folders on the way to it are made.
        let why = may_write(memory, &nearest(folder_of(memory))).err()?;
        Some(format!(
            "challenge.memory, {}, can't be written: {why}; a restart will not know of the challenge part",
            memory.display()
        ))
    });
    let login = station.mqtt.as_ref().and_then(|mqtt| mqtt.login.as_ref());
    let password = login.and_then(password);
    [textfile, memory, password].into_iter().flatten().collect()
}

fn password(login: &Login) -> Option<String> {
    let file = login.password_file.as_deref()?;
    let why = may_read(file).err()?;
    Some(format!(
        "mqtt.password_file, {}, can't be read: {why}; the broker will be given no password",
        file.display()
    ))
}

/// Whether a file could take its place by a rename in this folder.
fn may_write(file: &Path, folder: &Path) -> io::Result<()> {
    if file.is_dir() {
        return Err(io::Error::other("a folder lies there"));
    }
    may_write_into(folder)
}

fn may_write_into(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        let told = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, told));
    }
    if !folder.is_dir() {
        let told = format!("{} is no folder", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, told));
    }
    // Asks for a read-only file system too, and leaves nothing behind.
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Before it is opened: a pipe would wait for somebody who writes.
fn may_read(file: &Path) -> io::Result<()> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    std::fs::File::open(file).map(drop)
}

/// The folder that a file lies in.
fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// This folder, or the nearest one around it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let mut around = folder.ancestors();
    let there = around.find(|path| path.exists());
    there.unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A station in a folder of its own, with these tables beside those that it needs.
    fn station(folder: &Path, tables: &str) -> Station {
        let path = folder.join("station.toml");
        let text = format!(
            "[bundle]\nfile = \"cap.twb\"\n[camera]\nkind = \"replay\"\nfolder = \"cap\"\n\
             [line]\nkind = \"gpio\"\nsensor = {{ name = \"IN\" }}\npass = {{ name = \"OUT\" }}\n\
             [trigger]\nspacing_min_ms = 100\nexposure_max_ms = 99\n{tables}"
        );
        std::fs::write(&path, text).unwrap();
        crate::config::load(&path).unwrap().station
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_socket_s_folder_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let socket = |place: &str| {
            let tables = format!("[control]\nsocket = \"{place}\"\n");
            require(&station(folder.path(), &tables))
        };
        socket("control.sock").unwrap();
        for place in ["nowhere/control.sock", "station.toml/control.sock"] {
            let refused = socket(place).unwrap_err();
            assert!(
                matches!(refused, EdgeError::Control(ControlError::Open { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(names(folder.path()), ["station.toml"]);
    }

    #[test]
    fn what_a_station_goes_on_without_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let told = |textfile: &str, memory: &str, password: &str| {
            let tables = format!(
                "[metrics]\ntextfile = \"{textfile}\"\n\
                 [challenge]\nevery_hours = 8\nmemory = \"{memory}\"\n\
                 [mqtt]\nbroker = \"b\"\nuser = \"u\"\npassword_file = \"{password}\"\n"
            );
            warnings(&station(path, &tables))
        };
        std::fs::write(path.join("word"), "a word\n").unwrap();
        std::fs::create_dir(path.join("taken.prom")).unwrap();
        symlink("nowhere", path.join("dangling")).unwrap();
        let before = names(path);
        assert!(told("x.prom", "new/deep/challenge.json", "word").is_empty());
        let all = told("new/x.prom", "word/challenge.json", "nothing");
        assert_eq!(all.len(), 3, "{all:?}");
        for (warning, texts) in all.iter().zip([
            ["metrics.textfile", "there is no folder"],
            ["challenge.memory", "word is no folder"],
            ["mqtt.password_file", "No such file"],
        ]) {
            assert!(texts.iter().all(|text| warning.contains(text)), "{warning}");
        }
        let all = told("taken.prom", "taken.prom", "taken.prom");
        assert_eq!(all.len(), 3, "{all:?}");
        let all = told("x.prom", "new/challenge.json", "dangling");
        assert_eq!(all.len(), 1, "{all:?}");
        let mut known = before;
        known.push("station.toml".to_owned());
        known.sort();
        assert_eq!(names(path), known);
    }

    #[test]
    fn nobody_is_warned_of_what_is_not_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let tables = "[challenge]\nmemory = \"station.toml/challenge.json\"\n";
        assert!(warnings(&station(folder.path(), tables)).is_empty());
    }

    #[test]
    fn the_folder_of_a_bare_name_is_this_one() {
        assert_eq!(folder_of(Path::new("control.sock")), Path::new("."));
        assert_eq!(folder_of(Path::new("/a/b")), Path::new("/a"));
        assert_eq!(nearest(Path::new("nowhere/deep")), Path::new("."));
        assert_eq!(nearest(Path::new("/")), Path::new("/"));
    }
}
