//! Ascending positions in a few bytes each: the distance from one to the next, seven bits to a byte, least first (LEB128).
//!
//! Entries that concern one object lie close together, so most positions take a byte or two; a million of an environment's are
//! kept in blocks, so that adding one copies no more than a block.
//! Invariant: what was pushed comes out, in order. Deliberately absent: looking one up, and taking one out.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};
use std::{borrow::Cow, fmt, sync::Arc};

/// Bytes of a block that is not added to any more, at least.
const BLOCK: usize = 240;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    /// Blocks that are full, oldest first; each begins with a whole position.
    full: Option<Box<imbl::Vector<Arc<[u8]>>>>,
    /// The block that is added to.
    tail: Vec<u8>,
    last: u64,
}

fn write(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The positions of a block; of broken bytes, those before the break.
fn read(bytes: &[u8]) -> Vec<u64> {
    let (mut found, mut at, mut value, mut shift) = (Vec::with_capacity(bytes.len()), 0u64, 0u64, 0u32);
    for byte in bytes {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            at = at.wrapping_add(value);
            found.push(at);
            (value, shift) = (0, 0);
        }
    }
    found
}

impl Positions {
    pub fn one(position: u64) -> Self {
        let mut it = Self::default();
        it.push(position);
        it
    }

    /// Adds a position above all that are there.
    pub fn push(&mut self, position: u64) {
        if self.tail.len() >= BLOCK {
            let block: Arc<[u8]> = std::mem::take(&mut self.tail).into();
            self.full.get_or_insert_default().push_back(block);
        }
        let distance = if self.tail.is_empty() { position } else { position.wrapping_sub(self.last) };
        if self.tail.capacity() == self.tail.len() {
            // By a few bytes at a time: there are millions of short ones.
            self.tail.reserve_exact(if self.tail.is_empty() { 8 } else { 16 });
        }
        write(&mut self.tail, distance);
        self.last = position;
    }

    /// All of them as one block, however many there are.
    fn bytes(&self) -> Cow<'_, [u8]> {
        if self.full.is_none() {
            return Cow::Borrowed(&self.tail);
        }
        let (mut bytes, mut last) = (Vec::new(), 0);
        for position in self.iter() {
            write(&mut bytes, position.wrapping_sub(last));
            last = position;
        }
        Cow::Owned(bytes)
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let all = read(bytes);
        if bytes.len() < BLOCK {
            return Self { full: None, tail: bytes.into(), last: all.last().copied().unwrap_or(0) };
        }
        let mut positions = Self::default();
        all.into_iter().for_each(|position| positions.push(position));
        positions
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u64> + '_ {
        let full = self.full.as_deref().into_iter().flatten().map(|block| &**block);
        full.chain(std::iter::once(self.tail.as_slice())).flat_map(|block| read(block).into_iter())
    }
}

impl Serialize for Positions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.bytes())
    }
}

impl<'de> Deserialize<'de> for Positions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Positions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of positions")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Positions, E> {
                Ok(Positions::of_bytes(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_written_as_the_dwarf_standard_shows() {
        // DWARF 5, figure C.1 (unsigned LEB128).
        for (value, bytes) in
            [(2, vec![2]), (127, vec![127]), (128, vec![0x80, 1]), (129, vec![0x81, 1]), (12857, vec![0xb9, 0x64])]
        {
            let mut found = Vec::new();
            write(&mut found, value);
            assert_eq!(found, bytes);
            assert_eq!(read(&bytes), [value]);
        }
    }

    proptest! {
        #[test]
        fn what_was_pushed_comes_out_from_either_end(steps in proptest::collection::vec(1u64..1 << 40, 0..800)) {
            let (mut positions, mut all, mut at) = (Positions::default(), Vec::new(), 0u64);
            for step in steps {
                at += step;
                positions.push(at);
                all.push(at);
            }
            prop_assert_eq!(positions.iter().collect::<Vec<_>>(), all.clone());
            let again = Positions::of_bytes(&positions.bytes());
            prop_assert_eq!(again.iter().collect::<Vec<_>>(), all.clone());
            prop_assert_eq!(again.bytes(), positions.bytes());
            all.reverse();
            prop_assert_eq!(positions.iter().rev().collect::<Vec<_>>(), all);
        }

        #[test]
        fn bytes_that_are_broken_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let positions = Positions::of_bytes(&bytes);
            prop_assert!(positions.iter().count() <= bytes.len());
        }
    }
}
