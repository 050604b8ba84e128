//! The tree as C2SP tlog-tiles serves it: tiles of 256 hashes, and bundles of 256 entries, by their paths.
//!
//! Tiles here are 256 wide, those of the store 16; both hold roots of perfect subtrees, so that one is read from the other.
//!
//! **Invariant:** what a path names never changes: a tile or a bundle is given only for as many hashes as there are.
//! **Deliberately absent:** pruning. Nothing of a ledger expires.

use crate::{api::Ledger, checkpoint::decimal, error::StoreError};

/// Hashes in a full tile, and entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Bytes of the longest entry that a bundle can hold: its length is written in two bytes.
pub const BUNDLED: usize = u16::MAX as usize;

/// A tile by its path below `tile/`: `<L>/<N>[.p/<W>]`, or `entries/<N>[.p/<W>]` for a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// `None` for a bundle of entries.
    pub level: Option<u32>,
    pub index: u64,
    /// 1 to 256.
    pub width: u64,
}

impl TilePath {
    /// Reads a path in its one spelling.
    pub fn parse(path: &str) -> Option<TilePath> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            digits => Some(u32::try_from(decimal(digits)?).ok().filter(|level| *level <= 63)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, decimal(width).filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let mut index: u64 = 0;
        let mut parts = number.split('/').peekable();
        while let Some(part) = parts.next() {
            let digits = if parts.peek().is_some() { part.strip_prefix('x')? } else { part };
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let found = TilePath { level, index, width };
        // One spelling: no leading `x000`.
        (found.to_string() == path).then_some(found)
    }

    /// The number of hashes at its level in a ledger of `size` entries.
    fn available(&self, size: u64) -> u64 {
        size.checked_shr(8 * self.level.unwrap_or(0)).unwrap_or(0)
    }

    /// Whether a ledger of `size` entries has all of it.
    pub fn exists(&self, size: u64) -> bool {
        let end = self.index.checked_mul(WIDTH).and_then(|start| start.checked_add(self.width));
        end.is_some_and(|end| end <= self.available(size))
    }
}

impl std::fmt::Display for TilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.level {
            Some(level) => write!(f, "{level}/")?,
            None => f.write_str("entries/")?,
        }
        let (mut groups, mut rest) = (vec![self.index % 1000], self.index / 1000);
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.width < WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// What is served under a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    Bytes(Vec<u8>),
    /// The ledger is not as large as this.
    Absent,
    /// A bundle cannot hold this entry, whose length does not fit two bytes.
    TooLong(u64),
}

/// The bytes of a tile or a bundle.
///
/// # Errors
/// The ledger cannot be read.
pub fn serve(ledger: &dyn Ledger, path: &TilePath) -> Result<Served, StoreError> {
    if !path.exists(ledger.head()?.size) {
        return Ok(Served::Absent);
    }
    let start = path.index * WIDTH;
    let mut out = Vec::new();
    let Some(level) = path.level else {
        let mut next = start;
        while next < start + path.width {
            let read = ledger.read(next, (start + path.width - next) as usize)?;
            if read.is_empty() {
                return Ok(Served::Absent);
            }
            for entry in read {
                let Ok(length) = u16::try_from(entry.body.len()) else { return Ok(Served::TooLong(entry.position)) };
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&entry.body);
                next += 1;
            }
        }
        return Ok(Served::Bytes(out));
    };
    for hash in ledger.subtrees(8 * level, start, path.width)? {
        out.extend_from_slice(&hash.0);
    }
    Ok(Served::Bytes(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Digest, MemoryLedger, NewEntry};

    #[test]
    fn paths_have_one_spelling() {
        // The example of C2SP tlog-tiles.
        let full = TilePath { level: Some(0), index: 1_234_067, width: 256 };
        assert_eq!(full.to_string(), "0/x001/x234/067");
        for (path, level, index, width) in [
            ("0/x001/x234/067", Some(0), 1_234_067, 256),
            ("0/000", Some(0), 0, 256),
            ("63/999.p/255", Some(63), 999, 255),
            ("entries/x001/000.p/1", None, 1000, 1),
        ] {
            assert_eq!(TilePath::parse(path), Some(TilePath { level, index, width }), "{path}");
        }
        for bad in [
            "",
            "0",
            "0/",
            "00/000",
            "64/000",
            "0/0",
            "0/0000",
            "0/x000/001",
            "0/001/002",
            "0/x001",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "-1/000",
            "a/000",
            "entries",
            "0/+01",
            "0/x99/000",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }

    fn ledger(size: u64) -> MemoryLedger {
        let ledger = MemoryLedger::default();
        let entries = (0..size).map(|n| NewEntry { body: n.to_be_bytes().to_vec() }).collect();
        ledger.append(0, &Batch { entries, ..Default::default() }).unwrap();
        ledger
    }

    #[test]
    fn tiles_hold_the_roots_of_their_subtrees() {
        let ledger = ledger(600);
        let at = |path: &str| serve(&ledger, &TilePath::parse(path).unwrap()).unwrap();
        let Served::Bytes(leaves) = at("0/001") else { panic!() };
        assert_eq!(leaves.len(), 256 * 32);
        assert_eq!(leaves[..32], Digest::leaf(&256u64.to_be_bytes()).0);
        let Served::Bytes(upper) = at("1/000.p/2") else { panic!() };
        assert_eq!(upper[..32], ledger.root_at(256).unwrap().0);
        assert!(matches!(at("0/002.p/88"), Served::Bytes(bytes) if bytes.len() == 88 * 32));
        for absent in
            ["0/002", "0/002.p/89", "0/003.p/1", "1/000", "1/000.p/3", "2/000.p/1", "63/000.p/1", "entries/002"]
        {
            assert_eq!(at(absent), Served::Absent, "{absent}");
        }
        let Served::Bytes(bundle) = at("entries/002.p/88") else { panic!() };
        assert_eq!(bundle.len(), 88 * (2 + 8));
        assert_eq!(bundle[..10], [&[0, 8], 512u64.to_be_bytes().as_slice()].concat()[..]);
    }

    #[test]
    fn an_entry_that_fits_no_bundle_is_named() {
        let ledger = ledger(1);
        let entries = vec![NewEntry { body: vec![b'x'; BUNDLED + 1] }];
        ledger.append(1, &Batch { entries, ..Default::default() }).unwrap();
        let path = TilePath::parse("entries/000.p/2").unwrap();
        assert_eq!(serve(&ledger, &path), Ok(Served::TooLong(1)));
    }
}
