//! A line of a connection as a whole, or an error: bounded in bytes and in time.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::clock::Clock;

/// Reads up to a line's end, its bytes without it. The other side may drip: all of it has to come
/// within `time` and `most` bytes.
pub(super) fn read_line(
    stream: &mut UnixStream,
    most: usize,
    time: Duration,
) -> io::Result<Vec<u8>> {
    let clock = Clock::start();
    let end_us = time.as_micros() as u64;
    let mut line = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let left = clock.until(end_us);
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = match stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // What the system says when the time for a read is over.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        };
        let piece = &piece[..count];
        match piece.iter().position(|byte| *byte == b'\n') {
            Some(end) => line.extend_from_slice(&piece[..end]),
            None => line.extend_from_slice(piece),
        }
        if line.len() > most {
            let message = format!("a line of more than {most} bytes");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        if piece.contains(&b'\n') {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    fn read(written: &[u8], most: usize) -> io::Result<Vec<u8>> {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.write_all(written).unwrap();
        drop(one);
        read_line(&mut other, most, TIME)
    }

    #[test]
    fn lines_are_bounded_and_have_an_end() {
        assert_eq!(read(b"{}\nmore", 2).unwrap(), b"{}");
        assert_eq!(read(b"{}", 2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(
            read(&[b' '; 2000], 64).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }

    #[test]
    fn who_says_nothing_is_not_waited_for() {
        let (_silent, mut other) = UnixStream::pair().unwrap();
        let error = read_line(&mut other, 64, Duration::from_micros(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
