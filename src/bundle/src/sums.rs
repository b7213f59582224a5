//! Digests of a bundle's files, in the form that `sha256sum --check` reads.

use std::collections::BTreeMap;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    fn parse(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|c| (c as char).to_digit(16));
            *byte = (high? * 16 + low?) as u8;
        }
        Some(Self(digest))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads to the end, at most `limit` bytes, and takes the digest on the way.
pub(crate) fn read_hashed(reader: impl Read, limit: u64) -> io::Result<(Vec<u8>, Digest)> {
    let (mut reader, mut bytes, mut hasher) = (reader.take(limit), Vec::new(), Sha256::new());
    let mut chunk = vec![0; 1 << 16];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok((bytes, Digest(hasher.finalize().into()))),
            Ok(count) => {
                hasher.update(&chunk[..count]);
                bytes.extend_from_slice(&chunk[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Name to digest, sorted by name.
pub(crate) type Sums = BTreeMap<String, Digest>;

/// Reads `DIGEST  NAME` lines.
///
/// # Errors
/// The number of the first line that is not of that form or names a file again.
pub(crate) fn parse(text: &str) -> Result<Sums, usize> {
    let mut sums = Sums::new();
    for (index, line) in text.lines().enumerate() {
        let (digest, name) = line
            .split_once("  ")
            .and_then(|(hex, name)| Some((Digest::parse(hex)?, name)))
            .ok_or(index + 1)?;
        if sums.insert(name.to_owned(), digest).is_some() {
            return Err(index + 1);
        }
    }
    Ok(sums)
}

/// Writes `DIGEST  NAME` lines, sorted by name.
pub(crate) fn render(sums: &Sums) -> String {
    sums.iter()
        .map(|(name, digest)| format!("{digest}  {name}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1: the digest of `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        let (bytes, digest) = read_hashed(&b"abc"[..], 10).unwrap();
        assert_eq!(
            (bytes.as_slice(), digest),
            (&b"abc"[..], Digest::of(b"abc"))
        );
        assert_eq!(read_hashed(&b"abc"[..], 2).unwrap().0, b"ab");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let sums = Sums::from([
            ("b".to_owned(), Digest::of(b"1")),
            ("a".to_owned(), Digest::of(b"2")),
        ]);
        let text = render(&sums);
        assert!(text.ends_with("  b\n"));
        assert_eq!(parse(&text), Ok(sums));
    }

    #[test]
    fn lines_of_another_form_are_refused_by_number() {
        assert_eq!(parse(&format!("{ABC}  a\n{ABC} *b\n")), Err(2));
        assert_eq!(parse(&format!("{ABC}  a\n{ABC}  a\n")), Err(2));
        assert_eq!(parse(&format!("{}  a\n", &ABC[1..])), Err(1));
        assert_eq!(parse(&format!("{}g  a\n", &ABC[1..])), Err(1));
        assert_eq!(parse("\n"), Err(1));
    }
}
