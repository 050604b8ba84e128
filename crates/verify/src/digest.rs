//! SHA-256 digests, and the two hashes of an RFC 6962 tree.
//!
//! **Invariant:** leaves and nodes are hashed under different prefixes, so that no node can be passed off as an entry.
//! **Deliberately absent:** other algorithms. A second one would be a new ledger format, not a parameter.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};

/// A SHA-256 digest. Written `sha256:<64 lower-case hex digits>`, also by serde.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

const PREFIX: &str = "sha256:";

/// Why a string is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a digest: write `sha256:` and 64 lower-case hexadecimal digits")]
pub struct ParseDigestError {
    given: String,
}

impl Digest {
    /// The SHA-256 of `bytes`, without any prefix: what names a blob.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The leaf hash of an entry: SHA-256(0x00 ‖ body). RFC 6962, section 2.1.
    pub fn leaf(body: &[u8]) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update([0x00]);
        hasher.update(body);
        Digest(hasher.finalize().into())
    }

    /// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right). RFC 6962, section 2.1.
    pub fn node(left: &Digest, right: &Digest) -> Digest {
        let mut input = [0x01u8; 65];
        input[1..33].copy_from_slice(&left.0);
        input[33..].copy_from_slice(&right.0);
        Digest(Sha256::digest(input).into())
    }

    /// The digest of several parts with their lengths, so that no two lists of parts share one input.
    pub fn of_parts(parts: &[&[u8]]) -> Digest {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }

    /// From exactly 32 bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Digest> {
        bytes.try_into().ok().map(Digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        let refused = || ParseDigestError { given: text.chars().take(80).collect() };
        let digits = text.strip_prefix(PREFIX).ok_or_else(refused)?;
        // One spelling per digest: it is a name, and names are compared as strings.
        if digits.len() != 64 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refused());
        }
        let mut out = [0u8; 32];
        hex::decode_to_slice(digits, &mut out).map_err(|_| refused())?;
        Ok(Digest(out))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_string_hashes_as_fips_180_says() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn one_spelling_only() {
        let good = Digest::of(b"x").to_string();
        assert_eq!(good.parse::<Digest>(), Ok(Digest::of(b"x")));
        for bad in [
            "",
            "sha256:",
            &good[7..],
            &good.to_uppercase(),
            &format!("{good}0"),
            &good.replace("sha256", "sha512"),
            &good.replacen(|c: char| c.is_ascii_digit(), "g", 20),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Digest::of_parts(&[b"ab", b"c"]), Digest::of_parts(&[b"a", b"bc"]));
    }

    #[test]
    fn serde_writes_the_string() {
        let digest = Digest::of(b"x");
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{digest}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"sha256:00\"").is_err());
    }
}
