//! The station's end: takes requests, hands them on, writes what it is told.
//!
//! A thread accepts; each connection has a thread of its own, at most [`CONNECTIONS_MAX`] at a time.
//! Requests are bounded in length and in time. The line process is never waited for without an end,
//! and never waits itself.

use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, after, bounded};

use super::protocol::Asked;
use super::whole_line::read_line;
use super::{ControlError, Reply, Request};
use crate::chaos;
use crate::places::Places;

/// Connections at a time; further ones are told that the station is busy. As many parts may be waited for as the
/// gate holds, and somebody may ask for more than that.
const CONNECTIONS_MAX: usize = 80;
/// What the kernel has room for.
const PATH_BYTES_MAX: usize = 107;
/// Longest request.
const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Time in which a request has to come, and a reply to be taken.
const TALK_MAX: Duration = Duration::from_secs(2);
/// Wait after a connection could not be accepted: the system is short of something.
const PAUSE: Duration = Duration::from_millis(200);
/// Members of the group may ask.
const MODE: u32 = 0o660;

/// An open socket; its file goes with it.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
}

impl Server {
    /// Opens the socket and answers from now on. `serve` hands a request on together with where its
    /// reply goes, without waiting, and says whether that was possible.
    ///
    /// # Errors
    /// [`ControlError::Taken`] if somebody answers there already, else what the system says.
    pub(crate) fn start(
        path: &Path,
        serve: impl Fn(Request, Sender<Reply>) -> bool + Clone + Send + 'static,
    ) -> Result<Self, ControlError> {
        let listener = open(path)?;
        thread::spawn(move || accept(&listener, &serve));
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            log::debug!("removing {}: {error}", self.path.display());
        }
    }
}

fn open(path: &Path) -> Result<UnixListener, ControlError> {
    let error = |source| ControlError::Open {
        path: path.to_owned(),
        source,
    };
    if UnixStream::connect(path).is_ok() {
        return Err(ControlError::Taken {
            path: path.to_owned(),
        });
    }
    if is_there(path).map_err(error)? {
        // What a station left that was killed.
        std::fs::remove_file(path).map_err(error)?;
    }
    let listener = UnixListener::bind(path).map_err(error)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(MODE)).map_err(error)?;
    Ok(listener)
}

/// Whether a socket could be served there.
///
/// # Errors
/// [`ControlError::Open`] with what speaks against it.
pub(crate) fn check(path: &Path) -> Result<(), ControlError> {
    is_there(path)
        .map(drop)
        .map_err(|source| ControlError::Open {
            path: path.to_owned(),
            source,
        })
}

/// Whether a socket lies there already; an error if none could.
fn is_there(path: &Path) -> io::Result<bool> {
    let length = path.as_os_str().len();
    if length > PATH_BYTES_MAX {
        let told = format!("its path has {length} bytes, and a socket's at most {PATH_BYTES_MAX}");
        return Err(io::Error::new(ErrorKind::InvalidFilename, told));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        let told = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, told));
    }
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() => Ok(true),
        // Somebody's file, which a slip of the configuration names.
        Ok(_) => Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "a file lies there that is no socket",
        )),
        Err(_) => Ok(false),
    }
}

fn accept(
    listener: &UnixListener,
    serve: &(impl Fn(Request, Sender<Reply>) -> bool + Clone + Send + 'static),
) {
    let places = Places::new(CONNECTIONS_MAX);
    for stream in listener.incoming() {
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                log::warn!("accepting on the control socket: {error}");
                let over = after(PAUSE).recv();
                debug_assert!(over.is_ok(), "a timer that has not fired stays connected");
                continue;
            }
        };
        let Some(place) = places.take() else {
            tell(&mut stream, &busy());
            continue;
        };
        let serve = serve.clone();
        let started = thread::Builder::new().spawn(move || {
            let place = place;
            if let Some(reply) = converse(&mut stream, &serve) {
                tell(&mut stream, &reply);
            }
            drop(place);
        });
        if let Err(error) = started {
            log::warn!("starting a thread for the control socket: {error}");
        }
    }
}

fn busy() -> Reply {
    Reply::refused("the station is busy with other requests: ask again")
}

/// The reply to a connection's request, if there is anybody to tell it to.
fn converse(
    stream: &mut UnixStream,
    serve: &impl Fn(Request, Sender<Reply>) -> bool,
) -> Option<Reply> {
    chaos::visit(chaos::Place::Control);
    let line = match read_line(stream, REQUEST_BYTES_MAX, TALK_MAX) {
        Ok(line) => line,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
        Err(error) => {
            let reason = format!("a request is one line of JSON within {TALK_MAX:?}: {error}");
            return Some(Reply::refused(reason));
        }
    };
    let request = match serde_json::from_slice::<Asked>(&line) {
        Ok(asked) => asked.request,
        Err(error) => {
            let reason = format!(
                "no request: {error}; known are {{\"request\":\"status\"}}, \"trigger\", \"test_part\", \
                 \"reload\", \"retry_engine\", \"challenge\", \"recent\", {{\"next_part\":{{}}}}, \
                 {{\"activate\":{{\"model\":\"ID\"}}}} and \"rollback\", without other keys"
            );
            return Some(Reply::refused(reason));
        }
    };
    let (answer, answered) = bounded(1);
    let most = request.answer_max();
    if !serve(request, answer) {
        return Some(busy());
    }
    Some(match answered.recv_timeout(most) {
        Ok(reply) => reply,
        Err(RecvTimeoutError::Timeout) => {
            Reply::refused(format!("no answer within {most:?}: the log may tell why"))
        }
        Err(RecvTimeoutError::Disconnected) => Reply::refused("the station has stopped"),
    })
}

fn tell(stream: &mut UnixStream, reply: &Reply) {
    let told = serde_json::to_vec(reply)
        .map_err(io::Error::from)
        .and_then(|mut line| {
            line.push(b'\n');
            stream.set_write_timeout(Some(TALK_MAX))?;
            stream.write_all(&line)
        });
    if let Err(error) = told {
        log::debug!("answering on the control socket: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// A folder and a server in it that refuses everything with the request's name.
    fn served() -> (tempfile::TempDir, PathBuf, Server) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let server = Server::start(&path, |request, answer| {
            answer.send(Reply::refused(format!("{request:?}"))).is_ok()
        });
        (folder, path, server.unwrap())
    }

    fn say(path: &Path, line: &[u8]) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(line).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    #[test]
    fn a_request_gets_one_line_and_members_of_the_group_may_ask() {
        let (_folder, path, _server) = served();
        let reply = say(&path, b"{\"request\":\"status\"}\n");
        assert_eq!(reply, "{\"reply\":\"refused\",\"reason\":\"Status\"}\n");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
    }

    #[test]
    fn nonsense_is_answered_and_harms_nobody() {
        let (_folder, path, _server) = served();
        assert!(say(&path, b"reload\n").contains("no request"));
        assert!(say(&path, &[b' '; REQUEST_BYTES_MAX + 1]).contains("4096 bytes"));
        assert!(say(&path, b"{\"request\":\"reload\"}\n").contains("Reload"));
    }

    #[test]
    fn no_more_connections_than_places() {
        let (_folder, path, _server) = served();
        // They are accepted in the order in which they come, and say nothing.
        let silent: Vec<UnixStream> = (0..CONNECTIONS_MAX)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        assert!(say(&path, b"").contains("busy"));
        drop(silent);
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("station.toml");
        std::fs::write(&path, b"[bundle]").unwrap();
        let error = Server::start(&path, |_, _| false).unwrap_err();
        assert!(matches!(error, ControlError::Open { .. }));
        check(&path).unwrap_err();
        check(&folder.path().join("no/control.sock")).unwrap_err();
        check(&folder.path().join("s".repeat(PATH_BYTES_MAX))).unwrap_err();
        check(&folder.path().join("control.sock")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"[bundle]");
    }

    #[test]
    fn a_socket_that_is_served_stays_and_one_that_is_left_over_goes() {
        let (folder, path, server) = served();
        let nobody = |_: Request, _: Sender<Reply>| false;
        let taken = Server::start(&path, nobody).unwrap_err();
        assert!(matches!(taken, ControlError::Taken { .. }));
        drop(server);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        Server::start(&path, nobody).unwrap();
        let nowhere = folder.path().join("nowhere/control.sock");
        let error = Server::start(&nowhere, nobody).unwrap_err();
        assert!(matches!(error, ControlError::Open { .. }));
    }
}
