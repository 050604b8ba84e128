//! Holds the stored entries against the tree above them and the signature above that, and names the first that is wrong.
//!
//! The same comparison as in SQLite (there: `sqlite/audit.rs`), with the entries fetched in portions and hashed here: the
//! database is not asked whether it is sound.
//!
//! **Invariant:** passes only if every leaf from `from` on was recomputed from its bytes and every hash of the tree was
//! derived from those below it. **Deliberately absent:** writing. Nothing here changes a byte.

use super::{
    PostgresLedger,
    log::{WIDTH, pairs},
    state::Stored,
};
use crate::{
    digest::Digest,
    error::StoreError,
    merkle::{Edge, TILE_HEIGHT, TILE_WIDTH, Tile, Tiles as _, decode_tile, fold, full_tiles, levels},
    sqlite::state::{Row, tile_id},
};
use std::collections::{BTreeMap, VecDeque};

/// Tiles, and the entries below them, fetched at once.
const PORTION: u64 = 512;
/// Bytes of entries fetched at once.
const BYTES: i64 = 16 << 20;

pub(super) struct Audit<'l> {
    ledger: &'l PostgresLedger,
    size: u64,
    /// Entries before this tile are taken from the tree, not hashed.
    from_tile: u64,
    stored_edge: Option<Edge>,
    root: Digest,
}

/// Checks all of the stored tree, and the bytes of every entry from `from` on (rounded down to a multiple of 16).
pub(super) fn run(ledger: &PostgresLedger, row: &Row, from: u64) -> Result<(), StoreError> {
    let size = row.checkpoint.size;
    if from > size {
        return Err(StoreError::OutOfRange { what: "the size to verify from", given: from, size });
    }
    let audit = Audit {
        ledger,
        size,
        from_tile: from / WIDTH,
        stored_edge: Edge::decode(size, &row.edge),
        root: row.checkpoint.root,
    };
    let negative: Option<i64> = ledger.link.ask("looking for the first entry", async |conn| {
        let row = conn.one("SELECT min(position) FROM entry WHERE position < 0", &[]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
    })?;
    if let Some(position) = negative {
        return Err(StoreError::EntryUnsigned { position, signed: size });
    }
    let roots = audit.scan_tiles()?;
    let computed = audit.grow(&roots)?;
    audit.compare_edges(&computed)?;
    audit.tail()
}

impl Audit<'_> {
    /// Nothing may stand past what was signed. Looked at in one statement with the checkpoint as it is by now, because
    /// another node may have appended since.
    fn tail(&self) -> Result<(), StoreError> {
        let (size, beyond, tiles) = self.ledger.link.ask("looking past the last entry", async |conn| {
            let sql =
                "SELECT size, (SELECT min(position) FROM entry WHERE position >= size), (SELECT count(*) FROM tile)
                FROM checkpoint WHERE id = 0";
            let row = conn.one(sql, &[]).await?;
            let row = row.ok_or_else(|| StoreError::CheckpointDamaged { why: "there is none".into() })?;
            let found: (i64, Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            Ok(found)
        })?;
        let size = u64::try_from(size).unwrap_or_default();
        if let Some(position) = beyond {
            return Err(StoreError::EntryUnsigned { position, signed: size });
        }
        // A tile too many would be in the way of a later append.
        let wanted: u64 = (0..levels(size)).map(|level| full_tiles(size, level)).sum();
        if u64::try_from(tiles) == Ok(wanted) {
            Ok(())
        } else {
            Err(StoreError::TreeDamaged { position: size, level: 0 })
        }
    }

    /// The roots of all full level-0 tiles, each compared with its entries or taken as stored.
    fn scan_tiles(&self) -> Result<Vec<Digest>, StoreError> {
        let tiles = full_tiles(self.size, 0);
        let mut roots = Vec::with_capacity(tiles as usize);
        let mut entries = Entries::from(self.ledger, self.from_tile.min(tiles) * WIDTH, self.size);
        let mut low = 0;
        while low < tiles {
            let high = (low + PORTION).min(tiles);
            let (first, end) = (tile_id(0, low), tile_id(0, high));
            let portion: BTreeMap<i64, Vec<u8>> = self
                .ledger
                .link
                .ask("reading the tree", async |conn| {
                    pairs(&conn.query("SELECT id, hashes FROM tile WHERE id >= $1 AND id < $2", &[&first, &end]).await?)
                })?
                .into_iter()
                .collect();
            for index in low..high {
                let first = index * WIDTH;
                let stored = portion.get(&tile_id(0, index)).and_then(|bytes| decode_tile(bytes));
                let hashes = if index >= self.from_tile {
                    let mut leaves = [Digest([0; 32]); TILE_WIDTH];
                    for (leaf, position) in leaves.iter_mut().zip(first..) {
                        *leaf = entries.leaf(position)?;
                    }
                    if stored != Some(leaves) {
                        return Err(self.blame(0, index, &leaves, stored.as_ref().map(|it| it.as_slice())));
                    }
                    leaves
                } else {
                    stored.ok_or(StoreError::TreeDamaged { position: first, level: 0 })?
                };
                roots.push(fold(&hashes));
            }
            low = high;
        }
        Ok(roots)
    }

    /// Grows the tree from the tile roots and the last entries, comparing every higher tile with the stored one.
    fn grow(&self, roots: &[Digest]) -> Result<Edge, StoreError> {
        let stored = Stored(self.ledger);
        let mut edge = Edge::new();
        let mut compare = |level: u8, index: u64, hashes: &[Digest]| -> Result<(), StoreError> {
            match stored.tile(level, index) {
                Ok(tile) if tile == hashes => Ok(()),
                Ok(tile) => Err(self.blame(level, index, hashes, Some(&tile))),
                Err(StoreError::TreeDamaged { .. }) => Err(self.blame(level, index, hashes, None)),
                Err(other) => Err(other),
            }
        };
        for root in roots {
            edge.push_tile_root(*root, &mut compare)?;
        }
        let rest = roots.len() as u64 * WIDTH;
        let mut entries = Entries::from(self.ledger, rest, self.size);
        for position in rest..self.size {
            edge.push(entries.leaf(position)?, &mut compare)?;
        }
        Ok(edge)
    }

    /// Which of two is wrong, where the hashes computed from below and those stored for a full tile differ.
    fn blame(&self, level: u8, index: u64, computed: &[Digest], stored: Option<&[Digest]>) -> StoreError {
        let width = TILE_HEIGHT * u32::from(level);
        let slot = stored.and_then(|it| (0..TILE_WIDTH).find(|at| it[*at] != computed[*at])).unwrap_or(0) as u64;
        let position = (index * WIDTH + slot) << width;
        match stored {
            _ if self.recorded(level + 1, index) == Some(fold(computed)) => StoreError::TreeDamaged { position, level },
            None => StoreError::TreeDamaged { position, level },
            Some(stored) if level == 0 => self.altered(position, computed[slot as usize], stored[slot as usize]),
            Some(_) => StoreError::HistoryRewritten { position, last: position + (1 << width) - 1 },
        }
    }

    /// The hash number `index` of a level as stored, in a full tile or in the edge.
    fn recorded(&self, level: u8, index: u64) -> Option<Digest> {
        let (tile, slot) = (index / WIDTH, (index % WIDTH) as usize);
        if tile < full_tiles(self.size, level) {
            Stored(self.ledger).tile(level, tile).ok().map(|it: Tile| it[slot])
        } else {
            self.stored_edge.as_ref().and_then(|edge| edge.row(level).get(slot).copied())
        }
    }

    /// Whether the entry at `position` was changed, or has changed places with another.
    fn altered(&self, position: u64, computed: Digest, stored: Digest) -> StoreError {
        let exchanged = || -> Result<Option<u64>, StoreError> {
            let mut entries = Entries::from(self.ledger, position + 1, self.size);
            for other in position + 1..self.size {
                if entries.leaf(other)? == stored && self.recorded(0, other) == Some(computed) {
                    return Ok(Some(other));
                }
            }
            Ok(None)
        };
        match exchanged() {
            Ok(Some(other)) => StoreError::EntriesSwapped { position, other },
            _ => StoreError::EntryAltered { position },
        }
    }

    fn compare_edges(&self, computed: &Edge) -> Result<(), StoreError> {
        let sound = computed.root() == self.root;
        for level in 0..levels(self.size) {
            let row = computed.row(level);
            let stored = self.stored_edge.as_ref().map(|edge| edge.row(level));
            if stored == Some(row) {
                continue;
            }
            let slot = stored.and_then(|it| (0..row.len()).find(|at| it[*at] != row[*at])).unwrap_or(0);
            let width = TILE_HEIGHT * u32::from(level);
            let position = (full_tiles(self.size, level) * WIDTH + slot as u64) << width;
            return Err(match stored {
                _ if sound => StoreError::TreeDamaged { position, level },
                None => StoreError::TreeDamaged { position, level },
                Some(stored) if level == 0 => self.altered(position, row[slot], stored[slot]),
                Some(_) => StoreError::HistoryRewritten { position, last: position + (1 << width) - 1 },
            });
        }
        if sound {
            return Ok(());
        }
        // Everything stored agrees with itself; only the signature knows better, and it covers the whole.
        Err(StoreError::HistoryRewritten { position: 0, last: self.size.saturating_sub(1) })
    }
}

/// Entries in order, each exactly where it must be, fetched in portions.
struct Entries<'l> {
    ledger: &'l PostgresLedger,
    next: u64,
    end: u64,
    fetched: VecDeque<(i64, Vec<u8>)>,
}

impl<'l> Entries<'l> {
    fn from(ledger: &'l PostgresLedger, next: u64, end: u64) -> Entries<'l> {
        Entries { ledger, next, end, fetched: VecDeque::new() }
    }

    fn leaf(&mut self, position: u64) -> Result<Digest, StoreError> {
        if self.fetched.is_empty() {
            let (low, high) = (self.next as i64, self.end.min(self.next + PORTION * WIDTH) as i64);
            let rows = self.ledger.link.ask("reading the entries", async |conn| {
                pairs(&conn.query(super::log::PORTION, &[&low, &high, &BYTES]).await?)
            })?;
            self.next = rows.last().map_or(self.next, |(last, _)| *last as u64 + 1);
            self.fetched = rows.into();
        }
        match self.fetched.pop_front() {
            Some((at, body)) if at == position as i64 => Ok(Digest::leaf(&body)),
            _ => Err(self.ledger.missing(position, self.end)),
        }
    }
}
