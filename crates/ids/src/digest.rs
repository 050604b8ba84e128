//! `Digest`: the SHA-256 of some bytes, written `sha256:<64 hexadecimal digits>`. `Identity`: the keyed digest that stands for
//! an e-mail address, so that authorship can be compared without the ledger knowing the address.

use crate::raw::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let bad = || format!("`{}` is not a digest: expected `{}` and 64 digits 0-9 a-f", text.chars().take(80).collect::<String>(), $prefix);
                let hex = text.strip_prefix($prefix).ok_or_else(bad)?.as_bytes();
                let digit = |byte: u8| match byte {
                    b'0'..=b'9' => Some(byte - b'0'),
                    b'a'..=b'f' => Some(byte - b'a' + 10),
                    _ => None,
                };
                let mut bytes = [0u8; 32];
                if hex.len() != 64 {
                    return Err(bad());
                }
                for (slot, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
                    *slot = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(bad)?;
                }
                Ok(Self(bytes))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return deserializer.deserialize_bytes(Bytes::<32>).map(Self);
                }
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digest! {
    /// The SHA-256 of some bytes.
    Digest "sha256:"
}
digest! {
    /// HMAC-SHA256 of a normalised e-mail address under the organisation's identity key.
    Identity "hmac:"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_correspond_and_nothing_else_is_accepted() {
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(text.parse::<Digest>().map(|d| d.to_string()), Ok(text.to_owned()));
        for bad in ["", "sha256:", &text[7..], &text.to_uppercase(), &format!("{text}0"), "hmac:00", "sha256:zz"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
