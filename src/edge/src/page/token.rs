//! What lets somebody mark a part on the page: a token in a file that the station alone reads.
//!
//! The page's process is given its digest, and compares digests: it can't tell the token, and how long a comparison
//! takes tells nothing of it.

use std::fmt;
use std::hint::black_box;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Shortest token. Sixteen hexadecimal digits of chance take longer than a century at the speed that is allowed.
const CHARACTERS_MIN: usize = 16;
const CHARACTERS_MAX: usize = 256;
/// Bits that nobody but its owner and readers of its group may have: others, and writers of the group.
const FOREIGN_BITS: u32 = 0o027;

/// A token's digest.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token {
    digest: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why a file holds no token that can be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The file can't be read.
    #[error("page.token_file {}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It is a folder, a pipe or a device.
    #[error("page.token_file {} is no file", path.display())]
    NoFile { path: PathBuf },
    /// Somebody else could read or change it.
    #[error(
        "page.token_file {} has the rights {:03o}: others may read it, or its group may write it; `chmod 640`",
        path.display(), mode
    )]
    Open { path: PathBuf, mode: u32 },
    /// It is no token.
    #[error(
        "page.token_file {} must hold one line of {CHARACTERS_MIN} to {CHARACTERS_MAX} letters, digits or marks \
         without blanks; `openssl rand -hex 8` makes one",
        path.display()
    )]
    NoToken { path: PathBuf },
}

impl Token {
    /// Reads a file that holds a token, and nothing but a line's end behind it.
    pub(crate) fn read(path: &Path) -> Result<Self, TokenError> {
        let read = |source| TokenError::Read {
            path: path.to_owned(),
            source,
        };
        // Before it is opened: a pipe would wait for somebody who writes.
        if !std::fs::metadata(path).map_err(read)?.is_file() {
            let path = path.to_owned();
            return Err(TokenError::NoFile { path });
        }
        let file = std::fs::File::open(path).map_err(read)?;
        let mode = file.metadata().map_err(read)?.permissions().mode() & 0o777;
        if mode & FOREIGN_BITS != 0 {
            let path = path.to_owned();
            return Err(TokenError::Open { path, mode });
        }
        let mut text = Vec::new();
        // One more than a token and its line's end may have.
        let most = CHARACTERS_MAX as u64 + 3;
        file.take(most).read_to_end(&mut text).map_err(read)?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let holds = (CHARACTERS_MIN..=CHARACTERS_MAX).contains(&text.len());
        if !holds || !text.iter().all(u8::is_ascii_graphic) {
            let path = path.to_owned();
            return Err(TokenError::NoToken { path });
        }
        Ok(Self::of(text))
    }

    fn of(text: &[u8]) -> Self {
        Self {
            digest: Sha256::digest(text).into(),
        }
    }

    /// Whether somebody has said it. Takes as long whatever was said.
    pub(super) fn is(&self, said: &[u8]) -> bool {
        let said = Self::of(said);
        let pairs = self.digest.iter().zip(&said.digest);
        let difference = pairs.fold(0, |all, (one, other)| black_box(all | (one ^ other)));
        difference == 0
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Token {}

#[cfg(test)]
mod tests {
    use super::*;

    const WORD: &str = "0123456789abcdef";

    fn file(text: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.token");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn a_token_is_one_line_and_is_told_from_any_other() {
        for text in [
            WORD.to_owned(),
            format!("{WORD}\n"),
            format!("{WORD}\r\n"),
            "x".repeat(256),
        ] {
            let (_folder, path) = file(text.as_bytes(), 0o640);
            let token = Token::read(&path).unwrap();
            assert!(token.is(text.trim().as_bytes()));
            for other in [
                "",
                "0123456789abcdeF",
                "0123456789abcdef0",
                "0123456789abcde",
            ] {
                assert!(!token.is(other.as_bytes()), "{other}");
            }
            assert_eq!(format!("{token:?}"), "Token");
            let handed_over = serde_json::to_string(&token).unwrap();
            assert!(!handed_over.contains(WORD));
            assert_eq!(serde_json::from_str::<Token>(&handed_over).unwrap(), token);
        }
    }

    #[test]
    fn what_is_short_long_blank_or_of_several_lines_is_none() {
        for text in [
            String::new(),
            "\n".to_owned(),
            "0123456789abcde\n".to_owned(),
            "x".repeat(257),
            "x".repeat(10_000),
            format!("{WORD}\n{WORD}\n"),
            format!("{WORD}\n\n"),
            "0123456789 abcdef".to_owned(),
            "0123456789äbcdef".to_owned(),
        ] {
            let (_folder, path) = file(text.as_bytes(), 0o600);
            let refused = Token::read(&path).unwrap_err();
            assert!(matches!(refused, TokenError::NoToken { .. }), "{refused}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_refused() {
        for mode in [0o644, 0o604, 0o660, 0o602, 0o601, 0o777] {
            let (_folder, path) = file(WORD.as_bytes(), mode);
            let refused = Token::read(&path).unwrap_err();
            assert!(
                matches!(refused, TokenError::Open { mode: told, .. } if told == mode),
                "{refused}"
            );
        }
        let (folder, path) = file(WORD.as_bytes(), 0o400);
        Token::read(&path).unwrap();
        let refused = Token::read(folder.path()).unwrap_err();
        assert!(matches!(refused, TokenError::NoFile { .. }));
        let refused = Token::read(&folder.path().join("nothing")).unwrap_err();
        assert!(matches!(refused, TokenError::Read { .. }));
    }
}
