//! `Id<K>`: a UUIDv7 written as `<prefix>_<26 characters>`, the TypeID 0.3 text form (Crockford base 32, lower case).

use crate::raw::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{cell::Cell, cmp::Ordering, fmt, marker::PhantomData, str::FromStr};
use uuid::{Builder, Uuid};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT: usize = 26;

/// A kind of object that has ids. The prefix is stored for ever and never used again for anything else.
pub trait Kind {
    const PREFIX: &'static str;
}

/// The id of one object of kind `K`.
pub struct Id<K>(u128, PhantomData<fn() -> K>);

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of {expected}: expected `{expected}_` and 26 characters of 0-9 a-z without i l o u")]
pub struct IdError {
    pub text: String,
    pub expected: &'static str,
}

impl<K: Kind> Id<K> {
    /// An id made at `millis` (Unix time in milliseconds) from ten bytes of randomness (RFC 9562, version 7).
    pub fn new(millis: u64, random: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid().as_u128(), PhantomData)
    }

    /// The Unix time in milliseconds at which the id was made.
    pub fn millis(self) -> u64 {
        (self.0 >> 80) as u64
    }

    pub fn uuid(self) -> Uuid {
        Uuid::from_u128(self.0)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; TEXT];
        let mut rest = self.0;
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        write!(f, "{}_", K::PREFIX)?;
        text.iter().try_for_each(|&c| fmt::Write::write_char(f, c as char))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError { text: text.chars().take(64).collect(), expected: K::PREFIX };
        let body = text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(bad)?;
        // 26 characters hold 130 bits: the first may only be 0-7.
        if body.len() != TEXT || body.as_bytes()[0] > b'7' {
            return Err(bad());
        }
        let mut value = 0u128;
        for byte in body.bytes() {
            let digit = ALPHABET.iter().position(|&c| c == byte).ok_or_else(bad)?;
            value = value << 5 | digit as u128;
        }
        Ok(Self(value, PhantomData))
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0.to_be_bytes())
        }
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer
                .deserialize_bytes(Bytes::<16>)
                .map(|bytes| Self(u128::from_be_bytes(bytes), PhantomData));
        }
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Ids for one decision: the same seed gives the same ids in the same order.
#[derive(Debug, Clone)]
pub struct Fresh {
    millis: u64,
    seed: [u8; 8],
    next: Cell<u16>,
}

impl Fresh {
    /// `millis`: Unix time in milliseconds; `seed`: eight random bytes, never used for another decision of that millisecond.
    pub fn new(millis: u64, seed: [u8; 8]) -> Self {
        Self { millis, seed, next: Cell::new(0) }
    }

    /// The next id. One decision makes at most 65,536.
    pub fn id<K: Kind>(&self) -> Id<K> {
        let count = self.next.get();
        self.next.set(count.wrapping_add(1));
        let mut random = [0u8; 10];
        random[..2].copy_from_slice(&count.to_be_bytes());
        random[2..].copy_from_slice(&self.seed);
        Id::new(self.millis, random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PREFIXES, Release, ReleaseId};
    use proptest::prelude::*;

    /// The TypeID specification's own example (spec/valid.yml): this UUID is written with this suffix.
    #[test]
    fn text_form_agrees_with_the_typeid_specification() {
        let id = Id::<Release>(0x0188_5ca7_3a5b_7d1e_9c3f_0123_4567_89ab, PhantomData);
        assert_eq!(id.to_string().parse::<ReleaseId>(), Ok(id));
        let max = Id::<Release>(u128::MAX, PhantomData);
        assert_eq!(max.to_string(), "rel_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let ten = Id::<Release>(10, PhantomData);
        assert_eq!(ten.to_string(), "rel_0000000000000000000000000a");
        let example = Id::<Release>(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f, PhantomData);
        assert_eq!(example.to_string(), "rel_00041061050r3gg28a1c60t3gf");
    }

    #[test]
    fn another_kind_or_a_broken_text_is_refused() {
        for text in [
            "",
            "rel",
            "rel_",
            "dep_00041061050r3gg28a1c60t3gf",
            "rel_80000000000000000000000000",
            "rel_0004106105or3gg28a1c60t3gf",
            "REL_00041061050r3gg28a1c60t3gf",
        ] {
            assert!(text.parse::<ReleaseId>().is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_are_unique() {
        let unique: std::collections::BTreeSet<_> = PREFIXES.iter().collect();
        assert_eq!(unique.len(), PREFIXES.len());
    }

    #[test]
    fn one_decision_never_makes_the_same_id_twice_and_repeats_itself_exactly() {
        let (a, b) = (Fresh::new(1_700_000_000_000, [7; 8]), Fresh::new(1_700_000_000_000, [7; 8]));
        let made: Vec<ReleaseId> = (0..1000).map(|_| a.id()).collect();
        assert!(made.windows(2).all(|w| w[0] != w[1]));
        assert!(made.iter().all(|id| *id == b.id()));
        assert_eq!(made[0].millis(), 1_700_000_000_000);
    }

    proptest! {
        #[test]
        fn text_and_value_correspond(value: u128, text in "\\PC{0,40}") {
            let id = Id::<Release>(value, PhantomData);
            prop_assert_eq!(id.to_string().parse::<ReleaseId>(), Ok(id));
            if let Ok(parsed) = text.parse::<ReleaseId>() {
                prop_assert_eq!(parsed.to_string(), text);
            }
        }

        #[test]
        fn text_sorts_as_the_value_does(a: u128, b: u128) {
            let (x, y) = (Id::<Release>(a, PhantomData), Id::<Release>(b, PhantomData));
            prop_assert_eq!(x.to_string().cmp(&y.to_string()), a.cmp(&b));
        }
    }
}
