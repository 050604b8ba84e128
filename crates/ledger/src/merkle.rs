//! The RFC 6962 tree: growing it, reading nodes of it, making and checking proofs.
//!
//! Hashes are kept in tiles of 16: a tile at level 0 holds leaf hashes, one at level *k* the roots of 16 full tiles of
//! level *k − 1*. Only full tiles are stored. What is not yet full, at most 15 hashes a level, is the [`Edge`]; it is
//! rewritten with every append, and the root follows from it alone. So an append costs two hashes an entry and one row
//! per sixteen, and a proof reads one tile per four levels of the tree.
//!
//! **Invariant:** a hash is in exactly one place: in a full tile, or in the edge.
//! **Deliberately absent:** storage. Tiles come through [`Tiles`].

use crate::{digest::Digest, error::StoreError};
use std::cell::RefCell;

pub use crate::proof::{verify_consistency, verify_inclusion};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 16;
/// Levels of the binary tree that one tile spans.
pub const TILE_HEIGHT: u32 = 4;
/// Bytes of a stored tile.
pub const TILE_BYTES: usize = TILE_WIDTH * 32;

/// A full tile.
pub type Tile = [Digest; TILE_WIDTH];

/// Where full tiles are read from.
pub trait Tiles {
    /// The full tile `index` at `level`. Only asked for tiles that the size of the tree implies; one that is missing or
    /// malformed is damage.
    fn tile(&self, level: u8, index: u64) -> Result<Tile, StoreError>;
}

/// Reads a stored tile; `None` if it does not have the right length.
pub fn decode_tile(bytes: &[u8]) -> Option<Tile> {
    if bytes.len() != TILE_BYTES {
        return None;
    }
    let mut tile = [Digest([0; 32]); TILE_WIDTH];
    for (slot, chunk) in tile.iter_mut().zip(bytes.chunks_exact(32)) {
        slot.0.copy_from_slice(chunk);
    }
    Some(tile)
}

/// The stored form of hashes: one after the other.
pub fn encode_hashes(hashes: &[Digest]) -> Vec<u8> {
    let mut out = Vec::with_capacity(hashes.len() * 32);
    for hash in hashes {
        out.extend_from_slice(&hash.0);
    }
    out
}

/// The root over 1, 2, 4, 8 or 16 hashes.
pub fn fold(hashes: &[Digest]) -> Digest {
    debug_assert!(hashes.len().is_power_of_two() && hashes.len() <= TILE_WIDTH);
    let mut row = [Digest([0; 32]); TILE_WIDTH];
    row[..hashes.len()].copy_from_slice(hashes);
    let mut width = hashes.len();
    while width > 1 {
        for at in 0..width / 2 {
            row[at] = Digest::node(&row[2 * at], &row[2 * at + 1]);
        }
        width /= 2;
    }
    row[0]
}

/// How many full tiles a tree of `size` entries has at `level`.
pub fn full_tiles(size: u64, level: u8) -> u64 {
    shift_down(size, TILE_HEIGHT * (u32::from(level) + 1))
}

/// How many levels of tiles, full or not, a tree of `size` entries has.
pub fn levels(size: u64) -> u8 {
    let mut count = 0;
    while shift_down(size, TILE_HEIGHT * u32::from(count)) > 0 {
        count += 1;
    }
    count
}

fn shift_down(value: u64, bits: u32) -> u64 {
    value.checked_shr(bits).unwrap_or(0)
}

/// The growing right side of the tree: per level, the hashes that do not fill a tile yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    rows: Vec<Vec<Digest>>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Edge {
        Edge::default()
    }

    /// Entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; hands each tile that it fills to `full(level, index, hashes)`, lowest level first.
    pub fn push<E>(
        &mut self,
        leaf: Digest,
        full: &mut impl FnMut(u8, u64, &[Digest]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.push_at(0, leaf, full)
    }

    /// Appends the root of a full level-0 tile that the caller has already dealt with. Only while the lowest row is
    /// empty, which is when the size is a multiple of 16.
    pub fn push_tile_root<E>(
        &mut self,
        root: Digest,
        full: &mut impl FnMut(u8, u64, &[Digest]) -> Result<(), E>,
    ) -> Result<(), E> {
        debug_assert!(self.size.is_multiple_of(TILE_WIDTH as u64));
        if self.rows.is_empty() {
            self.rows.push(Vec::with_capacity(TILE_WIDTH));
        }
        self.push_at(1, root, full)
    }

    fn push_at<E>(
        &mut self,
        first: usize,
        hash: Digest,
        full: &mut impl FnMut(u8, u64, &[Digest]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut carry = hash;
        let mut level = first;
        loop {
            if self.rows.len() == level {
                self.rows.push(Vec::with_capacity(TILE_WIDTH));
            }
            let row = &mut self.rows[level];
            row.push(carry);
            if row.len() < TILE_WIDTH {
                break;
            }
            full(level as u8, full_tiles(self.size, level as u8), row)?;
            carry = fold(row);
            row.clear();
            level += 1;
        }
        self.size += 1 << (TILE_HEIGHT as usize * first);
        Ok(())
    }

    /// The root of the tree (RFC 6962, section 2.1); SHA-256 of nothing for the empty tree.
    pub fn root(&self) -> Digest {
        let mut acc: Option<Digest> = None;
        for row in &self.rows {
            // A row of 13 is the perfect subtrees of 8, 4 and 1; they are joined from the right.
            let mut end = row.len();
            while end > 0 {
                let width = 1usize << end.trailing_zeros();
                let block = fold(&row[end - width..end]);
                acc = Some(acc.map_or(block, |right| Digest::node(&block, &right)));
                end -= width;
            }
        }
        acc.unwrap_or_else(|| Digest::of(b""))
    }

    /// The stored form. The size says how many hashes each level has.
    pub fn encode(&self) -> Vec<u8> {
        self.rows.iter().flat_map(|row| encode_hashes(row)).collect()
    }

    /// Reads what [`Edge::encode`] wrote for a tree of `size`; `None` if the length does not fit the size.
    pub fn decode(size: u64, bytes: &[u8]) -> Option<Edge> {
        if !bytes.len().is_multiple_of(32) {
            return None;
        }
        let mut hashes = bytes.chunks_exact(32).filter_map(Digest::from_slice);
        let mut rows = Vec::new();
        for level in 0..levels(size) {
            let wanted = (shift_down(size, TILE_HEIGHT * u32::from(level)) % TILE_WIDTH as u64) as usize;
            let mut row = Vec::with_capacity(TILE_WIDTH);
            row.extend(hashes.by_ref().take(wanted));
            if row.len() != wanted {
                return None;
            }
            rows.push(row);
        }
        hashes.next().is_none().then_some(Edge { size, rows })
    }

    /// The hashes of a level that fill no tile yet.
    pub fn row(&self, level: u8) -> &[Digest] {
        self.rows.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }
}

/// A tree that can be read: its edge, and where its full tiles are. Keeps the tiles it has read, so make one per question.
pub struct Tree<'a, T> {
    edge: &'a Edge,
    tiles: &'a T,
    seen: RefCell<Vec<(u8, u64, Tile)>>,
}

impl<'a, T: Tiles> Tree<'a, T> {
    /// A reader over `edge` and the tiles that belong to it.
    pub fn new(edge: &'a Edge, tiles: &'a T) -> Tree<'a, T> {
        Tree { edge, tiles, seen: RefCell::new(Vec::with_capacity(8)) }
    }

    /// The leaf hash at `position`, which must be below the size.
    pub fn leaf(&self, position: u64) -> Result<Digest, StoreError> {
        self.in_range("position", position, self.edge.size.saturating_sub(1), self.edge.size > 0)?;
        self.perfect(0, position)
    }

    /// The roots of `count` perfect subtrees of `height`, from number `from` on. All of them must be complete.
    pub fn subtrees(&self, height: u32, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        let whole = shift_down(self.edge.size, height);
        let end = from.saturating_add(count);
        self.in_range("subtree", end, whole, true)?;
        (from..end).map(|index| self.perfect(height, index)).collect()
    }

    /// The root when the tree had `size` entries.
    pub fn root_at(&self, size: u64) -> Result<Digest, StoreError> {
        self.in_range("size", size, self.edge.size, true)?;
        match size {
            0 => Ok(Digest::of(b"")),
            _ if size == self.edge.size => Ok(self.edge.root()),
            _ => self.range(0, size),
        }
    }

    /// The audit path of `position` in the tree of `size` entries, lowest sibling first (RFC 6962, section 2.1.1).
    pub fn inclusion(&self, position: u64, size: u64) -> Result<Vec<Digest>, StoreError> {
        self.in_range("size", size, self.edge.size, true)?;
        self.in_range("position", position, size.saturating_sub(1), size > 0)?;
        let mut path = Vec::new();
        self.path(position, 0, size, &mut path)?;
        Ok(path)
    }

    /// The proof that the tree of `new` entries begins with that of `old` (RFC 6962, section 2.1.2). Empty if `old` is
    /// zero or equals `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, StoreError> {
        self.in_range("new size", new, self.edge.size, true)?;
        self.in_range("old size", old, new, true)?;
        let mut proof = Vec::new();
        if old > 0 && old < new {
            self.subproof(old, 0, new, true, &mut proof)?;
        }
        Ok(proof)
    }

    fn in_range(&self, what: &'static str, given: u64, most: u64, any: bool) -> Result<(), StoreError> {
        if any && given <= most { Ok(()) } else { Err(StoreError::OutOfRange { what, given, size: self.edge.size }) }
    }

    fn path(&self, position: u64, low: u64, high: u64, out: &mut Vec<Digest>) -> Result<(), StoreError> {
        if high - low == 1 {
            return Ok(());
        }
        let middle = low + split(high - low);
        if position < middle {
            self.path(position, low, middle, out)?;
            out.push(self.range(middle, high)?);
        } else {
            self.path(position, middle, high, out)?;
            out.push(self.range(low, middle)?);
        }
        Ok(())
    }

    fn subproof(&self, old: u64, low: u64, high: u64, whole: bool, out: &mut Vec<Digest>) -> Result<(), StoreError> {
        if old == high - low {
            if !whole {
                out.push(self.range(low, high)?);
            }
            return Ok(());
        }
        let k = split(high - low);
        if old <= k {
            self.subproof(old, low, low + k, whole, out)?;
            out.push(self.range(low + k, high)?);
        } else {
            self.subproof(old - k, low + k, high, false, out)?;
            out.push(self.range(low, low + k)?);
        }
        Ok(())
    }

    /// The hash over entries `low..high`, where `low` is a multiple of the largest power of two not above the length.
    fn range(&self, low: u64, high: u64) -> Result<Digest, StoreError> {
        let length = high - low;
        if length.is_power_of_two() {
            let height = length.trailing_zeros();
            return self.perfect(height, low >> height);
        }
        let middle = low + split(length);
        Ok(Digest::node(&self.range(low, middle)?, &self.range(middle, high)?))
    }

    /// The root of the perfect subtree of `height` with number `index`.
    fn perfect(&self, height: u32, index: u64) -> Result<Digest, StoreError> {
        let level = (height / TILE_HEIGHT) as u8;
        let inner = height % TILE_HEIGHT;
        let first = index << inner;
        let (tile, at) = (first / TILE_WIDTH as u64, (first % TILE_WIDTH as u64) as usize);
        let width = 1usize << inner;
        if tile >= full_tiles(self.edge.size, level) {
            return Ok(fold(&self.edge.row(level)[at..at + width]));
        }
        let mut seen = self.seen.borrow_mut();
        if let Some((_, _, hashes)) = seen.iter().rev().find(|(l, t, _)| (*l, *t) == (level, tile)) {
            return Ok(fold(&hashes[at..at + width]));
        }
        let hashes = self.tiles.tile(level, tile)?;
        let hash = fold(&hashes[at..at + width]);
        if seen.len() == 8 {
            seen.remove(0);
        }
        seen.push((level, tile, hashes));
        Ok(hash)
    }
}

/// The largest power of two below `length`; `length` is at least two.
fn split(length: u64) -> u64 {
    1 << (63 - (length - 1).leading_zeros())
}

#[cfg(test)]
mod tests;
