//! Standard output of a station, which goes on when nobody listens any more.

use std::io::{self, ErrorKind, Write};

/// Writes as long as there is a reader. A pager that was closed, a log collector that died, must not
/// stop a line: from then on nothing is written, and the log says so once.
pub(super) struct Listener<'a> {
    out: Option<&'a mut dyn Write>,
}

impl<'a> Listener<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out: Some(out) }
    }

    /// The answer of a reader that is gone, in place of its error.
    fn unless_gone<T>(&mut self, result: io::Result<T>, gone: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                log::warn!("nobody reads standard output any more: the station goes on without it");
                self.out = None;
                Ok(gone)
            }
            result => result,
        }
    }
}

impl Write for Listener<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(out) = &mut self.out else {
            return Ok(bytes.len());
        };
        let written = out.write(bytes);
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let flushed = out.flush();
        self.unless_gone(flushed, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with this kind of error from the third write on.
    struct Failing(ErrorKind, usize);

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                ..3 => Ok(bytes.len()),
                _ => Err(self.0.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_asked_no_more_and_other_errors_are_told() {
        let mut gone = Failing(ErrorKind::BrokenPipe, 0);
        let mut out = Listener::new(&mut gone);
        for _ in 0..9 {
            writeln!(out, "part").unwrap();
        }
        out.flush().unwrap();
        assert_eq!(gone.1, 3);
        let mut full = Failing(ErrorKind::StorageFull, 0);
        let mut out = Listener::new(&mut full);
        let told = (0..9).find_map(|_| writeln!(out, "part").err());
        assert_eq!(told.unwrap().kind(), ErrorKind::StorageFull);
    }
}
