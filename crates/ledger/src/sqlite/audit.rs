//! Holds the stored entries against the tree above them and the signature above that, and names the first that is wrong.
//!
//! Entries are hashed anew, sixteen at a time, and compared with the tile that stands over them; tiles with the tile
//! above; the last, unfilled ones with the edge; the edge with the signed root. Where two disagree, the hash recorded
//! one level up says which of the two was changed.
//!
//! **Invariant:** passes only if every leaf from `from` on was recomputed from its bytes and every hash of the tree was
//! derived from those below it. **Deliberately absent:** writing. Nothing here changes a byte.

use super::{
    schema::{failed, reader},
    state::{Row, Stored, tile_id},
};
use crate::{
    digest::Digest,
    error::StoreError,
    merkle::{Edge, TILE_HEIGHT, TILE_WIDTH, Tile, Tiles as _, decode_tile, fold, full_tiles, levels},
    note::VerifyingKey,
};
use rusqlite::Connection;
use std::{path::Path, thread, time::Duration};

const WIDTH: u64 = TILE_WIDTH as u64;
/// Below this many tiles a second thread costs more than it saves.
const TILES_PER_THREAD: u64 = 2_048;
const THREADS: u64 = 4;

struct Audit<'a> {
    path: &'a Path,
    patience: Duration,
    size: u64,
    /// Entries before this tile are taken from the tree, not hashed.
    from_tile: u64,
    stored_edge: Option<Edge>,
    root: Digest,
}

/// Checks all of the stored tree, and the bytes of every entry from `from` on (rounded down to a multiple of 16).
pub(super) fn run(path: &Path, patience: Duration, key: &VerifyingKey, row: &Row, from: u64) -> Result<(), StoreError> {
    let size = row.checkpoint.size;
    if from > size {
        return Err(StoreError::OutOfRange { what: "the size to verify from", given: from, size });
    }
    let audit = Audit {
        path,
        patience,
        size,
        from_tile: from / WIDTH,
        stored_edge: Edge::decode(size, &row.edge),
        root: row.checkpoint.root,
    };
    let conn = reader(path, patience)?;
    let negative = extreme(&conn, "SELECT min(position) FROM entry WHERE position < 0")?;
    if let Some(position) = negative {
        return Err(StoreError::EntryUnsigned { position, signed: size });
    }
    let roots = audit.scan_tiles(&conn)?;
    let computed = audit.grow(&conn, &roots)?;
    audit.compare_edges(&conn, &computed)?;
    audit_tail(&conn, key)
}

/// Nothing may stand past what was signed. Looked at in one transaction with the checkpoint as it is by now, because
/// another process may have appended since.
fn audit_tail(conn: &Connection, key: &VerifyingKey) -> Result<(), StoreError> {
    let view = conn.unchecked_transaction().map_err(failed("looking past the last entry"))?;
    let size = Row::load(&view, key)?.checkpoint.size;
    let beyond = view
        .query_row("SELECT min(position) FROM entry WHERE position >= ?", [size as i64], |row| row.get(0))
        .map_err(failed("looking past the last entry"))?;
    if let Some(position) = beyond {
        return Err(StoreError::EntryUnsigned { position, signed: size });
    }
    // A tile too many would be in the way of a later append.
    let wanted: u64 = (0..levels(size)).map(|level| full_tiles(size, level)).sum();
    let found: i64 =
        view.query_row("SELECT count(*) FROM tile", [], |row| row.get(0)).map_err(failed("counting the tree"))?;
    if u64::try_from(found) == Ok(wanted) { Ok(()) } else { Err(StoreError::TreeDamaged { position: size, level: 0 }) }
}

fn extreme(conn: &Connection, sql: &str) -> Result<Option<i64>, StoreError> {
    conn.query_row(sql, [], |row| row.get(0)).map_err(failed("looking for the first entry"))
}

impl Audit<'_> {
    /// The roots of all full level-0 tiles, each compared with its entries or taken as stored.
    fn scan_tiles(&self, conn: &Connection) -> Result<Vec<Digest>, StoreError> {
        let tiles = full_tiles(self.size, 0);
        let cores = thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let threads = (tiles / TILES_PER_THREAD).clamp(1, THREADS.min(cores));
        if threads == 1 {
            return self.scan_range(conn, 0, tiles);
        }
        // Hashing costs by the entry, so only what is hashed is shared out.
        let share = (tiles - self.from_tile.min(tiles)).div_ceil(threads);
        let bounds: Vec<u64> = (0..=threads)
            .map(|n| if n == 0 { 0 } else { (self.from_tile.min(tiles) + n * share).min(tiles) })
            .collect();
        let results = thread::scope(|scope| {
            let work: Vec<_> = bounds
                .windows(2)
                .map(|pair| {
                    let (low, high) = (pair[0], pair[1]);
                    scope.spawn(move || self.scan_range(&reader(self.path, self.patience)?, low, high))
                })
                .collect();
            work.into_iter()
                .map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Vec<_>>()
        });
        // In order, so that the first error is the one at the lowest position.
        let mut roots = Vec::with_capacity(tiles as usize);
        for result in results {
            roots.extend(result?);
        }
        Ok(roots)
    }

    fn scan_range(&self, conn: &Connection, low: u64, high: u64) -> Result<Vec<Digest>, StoreError> {
        let mut roots = Vec::with_capacity((high - low) as usize);
        let hashed_from = self.from_tile.clamp(low, high);
        let mut tiles = conn
            .prepare("SELECT id, hashes FROM tile WHERE id >= ? AND id < ? ORDER BY id")
            .map_err(failed("reading the tree"))?;
        let mut tiles = tiles.query([tile_id(0, low), tile_id(0, high)]).map_err(failed("reading the tree"))?;
        let mut entries = Entries::prepare(conn)?;
        let mut entries = entries.from(hashed_from * WIDTH, high * WIDTH, self.size)?;
        for index in low..high {
            let first = index * WIDTH;
            let stored = match tiles.next() {
                Ok(Some(row)) => match (row.get::<_, i64>(0), row.get_ref(1)) {
                    (Ok(id), Ok(hashes)) if id == tile_id(0, index) => hashes.as_blob().ok().and_then(decode_tile),
                    _ => None,
                },
                Ok(None) => None,
                Err(error) => return Err(located(failed("reading the tree")(error), first)),
            };
            let hashes = if index >= self.from_tile {
                let mut leaves = [Digest([0; 32]); TILE_WIDTH];
                for (leaf, position) in leaves.iter_mut().zip(first..) {
                    *leaf = entries.leaf(position)?;
                }
                if stored != Some(leaves) {
                    return Err(self.blame(conn, 0, index, &leaves, stored.as_ref().map(|it| it.as_slice())));
                }
                leaves
            } else {
                stored.ok_or(StoreError::TreeDamaged { position: first, level: 0 })?
            };
            roots.push(fold(&hashes));
        }
        Ok(roots)
    }

    /// Grows the tree from the tile roots and the last entries, comparing every higher tile with the stored one.
    fn grow(&self, conn: &Connection, roots: &[Digest]) -> Result<Edge, StoreError> {
        let stored = Stored(conn);
        let mut edge = Edge::new();
        let mut compare = |level: u8, index: u64, hashes: &[Digest]| -> Result<(), StoreError> {
            match stored.tile(level, index) {
                Ok(tile) if tile == hashes => Ok(()),
                Ok(tile) => Err(self.blame(conn, level, index, hashes, Some(&tile))),
                Err(StoreError::TreeDamaged { .. }) => Err(self.blame(conn, level, index, hashes, None)),
                Err(other) => Err(other),
            }
        };
        for root in roots {
            edge.push_tile_root(*root, &mut compare)?;
        }
        let rest = roots.len() as u64 * WIDTH;
        let mut entries = Entries::prepare(conn)?;
        let mut entries = entries.from(rest, self.size, self.size)?;
        for position in rest..self.size {
            edge.push(entries.leaf(position)?, &mut compare)?;
        }
        Ok(edge)
    }

    /// Which of two is wrong, where the hashes computed from below and those stored for a full tile differ.
    fn blame(
        &self,
        conn: &Connection,
        level: u8,
        index: u64,
        computed: &[Digest],
        stored: Option<&[Digest]>,
    ) -> StoreError {
        let width = TILE_HEIGHT * u32::from(level);
        let slot = stored.and_then(|it| (0..TILE_WIDTH).find(|at| it[*at] != computed[*at])).unwrap_or(0) as u64;
        let position = (index * WIDTH + slot) << width;
        let above = self.recorded(conn, level + 1, index);
        match stored {
            _ if above == Some(fold(computed)) => StoreError::TreeDamaged { position, level },
            None => StoreError::TreeDamaged { position, level },
            Some(stored) if level == 0 => self.altered(conn, position, computed[slot as usize], stored[slot as usize]),
            Some(_) => StoreError::HistoryRewritten { position, last: position + (1 << width) - 1 },
        }
    }

    /// The hash number `index` of a level as stored, in a full tile or in the edge.
    fn recorded(&self, conn: &Connection, level: u8, index: u64) -> Option<Digest> {
        let (tile, slot) = (index / WIDTH, (index % WIDTH) as usize);
        if tile < full_tiles(self.size, level) {
            Stored(conn).tile(level, tile).ok().map(|it: Tile| it[slot])
        } else {
            self.stored_edge.as_ref().and_then(|edge| edge.row(level).get(slot).copied())
        }
    }

    /// Whether the entry at `position` was changed, or has changed places with another.
    fn altered(&self, conn: &Connection, position: u64, computed: Digest, stored: Digest) -> StoreError {
        let exchanged = || -> Result<Option<u64>, StoreError> {
            let mut entries = Entries::prepare(conn)?;
            let mut entries = entries.from(position + 1, self.size, self.size)?;
            for other in position + 1..self.size {
                if entries.leaf(other)? == stored && self.recorded(conn, 0, other) == Some(computed) {
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

    fn compare_edges(&self, conn: &Connection, computed: &Edge) -> Result<(), StoreError> {
        let sound = computed.root() == self.root;
        for level in 0..levels(self.size) {
            let row = computed.row(level);
            let stored = self.stored_edge.as_ref().map(|edge| edge.row(level));
            if stored == Some(row) {
                continue;
            }
            let slot = stored.and_then(|it| (0..row.len()).find(|at| it[*at] != row[*at])).unwrap_or(0);
            let width = TILE_HEIGHT * u32::from(level);
            let first = full_tiles(self.size, level) * WIDTH;
            let position = (first + slot as u64) << width;
            return Err(match stored {
                _ if sound => StoreError::TreeDamaged { position, level },
                None => StoreError::TreeDamaged { position, level },
                Some(stored) if level == 0 => self.altered(conn, position, row[slot], stored[slot]),
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

/// A damaged page met while reading about `position`.
fn located(error: StoreError, position: u64) -> StoreError {
    match error {
        StoreError::FileDamaged { doing, detail, .. } => {
            StoreError::FileDamaged { doing, position: Some(position), detail }
        }
        other => other,
    }
}

/// Entries in order, each exactly where it must be.
struct Entries<'c> {
    conn: &'c Connection,
    statement: rusqlite::Statement<'c>,
}

struct Cursor<'s> {
    conn: &'s Connection,
    rows: rusqlite::Rows<'s>,
    signed: u64,
}

impl<'c> Entries<'c> {
    fn prepare(conn: &'c Connection) -> Result<Entries<'c>, StoreError> {
        let statement = conn
            .prepare("SELECT position, body FROM entry WHERE position >= ? AND position < ? ORDER BY position")
            .map_err(failed("reading the entries"))?;
        Ok(Entries { conn, statement })
    }

    fn from(&mut self, low: u64, high: u64, signed: u64) -> Result<Cursor<'_>, StoreError> {
        let rows = self
            .statement
            .query([low as i64, high as i64])
            .map_err(|error| located(failed("reading the entries")(error), low))?;
        Ok(Cursor { conn: self.conn, rows, signed })
    }
}

impl Cursor<'_> {
    fn leaf(&mut self, position: u64) -> Result<Digest, StoreError> {
        let row = self.rows.next().map_err(|error| located(failed("reading the entries")(error), position))?;
        let Some(row) = row else { return Err(missing(self.conn, position, self.signed)) };
        if row.get_ref(0).ok().and_then(|it| it.as_i64().ok()) != Some(position as i64) {
            return Err(missing(self.conn, position, self.signed));
        }
        match row.get_ref(1).ok().and_then(|it| it.as_blob().ok()) {
            Some(body) => Ok(Digest::leaf(body)),
            None => Err(StoreError::EntryAltered { position }),
        }
    }
}

/// A hole, if anything that was signed follows; else the end is gone.
pub(super) fn missing(conn: &Connection, position: u64, signed: u64) -> StoreError {
    let later = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM entry WHERE position > ? AND position < ?)",
        [position as i64, signed as i64],
        |row| row.get::<_, bool>(0),
    );
    match later {
        Ok(false) => StoreError::TailMissing { position, signed },
        Ok(true) => StoreError::EntryMissing { position },
        Err(error) => located(failed("reading the entries")(error), position),
    }
}
