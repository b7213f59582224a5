//! Who has signed a bundle: a signature in the form of minisign over SHA256SUMS, and with that over every
//! file of the bundle (<https://jedisct1.github.io/minisign/>).

use minisign_verify::{Error, PublicKey, Signature};
use twinspect_bundle::Bundle;

/// Longest trusted comment that is passed on to people.
const COMMENT_CHARS_MAX: usize = 200;

/// Keys whose owners may sign models. Without keys every bundle is accepted, signed or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(Vec<PublicKey>);

/// A key that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no public key of minisign: {reason}")]
pub struct PublicKeyError {
    /// The text.
    pub text: String,
    /// What minisign says to it.
    pub reason: String,
}

/// Why a bundle is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is none, though a key is configured.
    #[error(
        "{bundle} is not signed: it has no SHA256SUMS.minisig, and models.public_key asks for one"
    )]
    Missing {
        /// The bundle.
        bundle: String,
    },
    /// SHA256SUMS.minisig can't be understood.
    #[error("SHA256SUMS.minisig of {bundle} is no signature of minisign: {reason}")]
    Unreadable {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        reason: String,
    },
    /// It was made with a key that is not configured.
    #[error("SHA256SUMS.minisig of {bundle} was made with another key than models.public_key")]
    AnotherKey {
        /// The bundle.
        bundle: String,
    },
    /// It was made with a configured key, for other content.
    #[error("SHA256SUMS.minisig of {bundle} does not belong to its SHA256SUMS")]
    Wrong {
        /// The bundle.
        bundle: String,
    },
    /// It was made in the way of minisign before 0.10.
    #[error(
        "SHA256SUMS.minisig of {bundle} is of the old kind, without a digest of the whole file"
    )]
    Legacy {
        /// The bundle.
        bundle: String,
    },
}

impl SignatureError {
    /// The remedy.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "sign it as docs/models.md says, then install it again",
            Self::AnotherKey { .. } => {
                "ask who has signed it; a second key may be added to models.public_key"
            }
            Self::Wrong { .. } => "somebody has changed it after it was signed: don't use it",
            Self::Unreadable { .. } | Self::Legacy { .. } => {
                "sign it again, with minisign 0.10 or later, as docs/models.md says"
            }
        }
    }
}

/// What is known of a bundle's author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// No key is configured; nothing was looked at.
    NotAsked,
    /// By the owner of a configured key.
    By {
        /// What the signer has written, which is signed too.
        trusted_comment: String,
    },
}

impl PublicKeys {
    /// Reads keys as `minisign -G` prints them, 56 characters that start with `RW`.
    ///
    /// # Errors
    /// [`PublicKeyError`] for the first that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, PublicKeyError> {
        let keys = texts.into_iter().map(|text| {
            PublicKey::from_base64(text).map_err(|error| PublicKeyError {
                text: text.to_owned(),
                reason: error.to_string(),
            })
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// Whether bundles must be signed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds a bundle's signature against the keys.
    ///
    /// # Errors
    /// [`SignatureError`] unless there are no keys, or the bundle was signed with one of them.
    pub fn verify(&self, bundle: &Bundle) -> Result<Signed, SignatureError> {
        if self.0.is_empty() {
            return Ok(Signed::NotAsked);
        }
        let name = || bundle.path().display().to_string();
        let Some(bytes) = bundle.signature() else {
            return Err(SignatureError::Missing { bundle: name() });
        };
        let unreadable = |reason: String| SignatureError::Unreadable {
            bundle: name(),
            reason,
        };
        let text = std::str::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))?;
        let signature = Signature::decode(text).map_err(|error| unreadable(error.to_string()))?;
        let mut refusal = SignatureError::AnotherKey { bundle: name() };
        for key in &self.0 {
            match key.verify(bundle.sums(), &signature, false) {
                Ok(()) => {
                    let comment = signature.trusted_comment();
                    return Ok(Signed::By {
                        trusted_comment: comment.chars().take(COMMENT_CHARS_MAX).collect(),
                    });
                }
                Err(Error::UnexpectedKeyId) => {}
                Err(Error::UnexpectedAlgorithm) => {
                    refusal = SignatureError::Legacy { bundle: name() };
                }
                Err(_) => refusal = SignatureError::Wrong { bundle: name() },
            }
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests;
