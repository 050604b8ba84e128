//! The head as it is stored: the signed note, and the edge of the tree it was signed over.
//!
//! **Invariant:** a [`State`] in hand was signed by our key and folds to the signed root; nobody gets one otherwise.

use super::schema::{LEVEL_SHIFT, failed};
use crate::{
    api::Head,
    checkpoint::Checkpoint,
    digest::Digest,
    error::StoreError,
    merkle::{Edge, TILE_HEIGHT, Tile, Tiles, decode_tile},
    note::{NoteError, VerifyingKey},
};
use rusqlite::{Connection, OptionalExtension as _};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub checkpoint: Checkpoint,
    pub edge: Edge,
}

/// The row as found, its signature checked, its edge not yet.
pub(crate) struct Row {
    pub checkpoint: Checkpoint,
    pub edge: Vec<u8>,
}

impl State {
    pub fn head(&self) -> Head {
        Head { size: self.checkpoint.size, root: self.checkpoint.root }
    }

    /// The state of a ledger at its very beginning.
    pub fn empty(key: &crate::note::SigningKey) -> State {
        let edge = Edge::new();
        State { checkpoint: Checkpoint::sign(key, 0, edge.root()), edge }
    }
}

impl Row {
    /// Reads the row and checks that `key` signed what it says.
    pub fn load(conn: &Connection, key: &VerifyingKey) -> Result<Row, StoreError> {
        let damaged = |why: String| StoreError::CheckpointDamaged { why };
        let row = conn
            .prepare_cached("SELECT size, root, edge, note FROM checkpoint WHERE id = 0")
            .and_then(|mut statement| {
                statement
                    .query_row([], |row| {
                        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
                    })
                    .optional()
            })
            .map_err(|error| match failed("reading the checkpoint")(error) {
                StoreError::FileDamaged { position: None, detail, .. } => damaged(detail),
                other => other,
            })?;
        let (size, root, edge, note): (i64, Vec<u8>, Vec<u8>, String) =
            row.ok_or_else(|| damaged("there is none".into()))?;
        Row::check(key, size, &root, edge, &note)
    }

    /// Checks that `key` signed the note, and that size and root beside it are those that were signed.
    pub fn check(key: &VerifyingKey, size: i64, root: &[u8], edge: Vec<u8>, note: &str) -> Result<Row, StoreError> {
        let damaged = |why: String| StoreError::CheckpointDamaged { why };
        let checkpoint = Checkpoint::open(key, note).map_err(|error| match error {
            NoteError::Unsigned(_) => StoreError::WrongKey { expected: key.to_string(), found: signer_of(note) },
            other => damaged(other.to_string()),
        })?;
        if u64::try_from(size) != Ok(checkpoint.size) || root != checkpoint.root.0 {
            return Err(damaged("the size or root beside the note is not the one that was signed".into()));
        }
        Ok(Row { checkpoint, edge })
    }

    /// Checks the edge against the signed root.
    pub fn into_state(self) -> Result<State, StoreError> {
        let edge = Edge::decode(self.checkpoint.size, &self.edge).filter(|edge| edge.root() == self.checkpoint.root);
        match edge {
            Some(edge) => Ok(State { checkpoint: self.checkpoint, edge }),
            None => {
                let position = self.checkpoint.size >> TILE_HEIGHT << TILE_HEIGHT;
                Err(StoreError::TreeDamaged { position, level: 0 })
            }
        }
    }
}

/// Who a note says it is from, for the message only.
fn signer_of(note: &str) -> String {
    note.rsplit_once("\u{2014} ")
        .and_then(|(_, line)| line.split(' ').next())
        .unwrap_or("nobody")
        .chars()
        .take(200)
        .collect()
}

/// Size and root as the row has them: cheap enough to look at before each call.
pub(super) fn peek(conn: &Connection) -> Result<(u64, Option<Digest>), StoreError> {
    conn.prepare_cached("SELECT size, root FROM checkpoint WHERE id = 0")
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                let root = row.get_ref(1)?.as_blob().ok().and_then(Digest::from_slice);
                Ok((row.get::<_, i64>(0)?, root))
            })
        })
        .map_err(failed("reading the head"))
        .map(|(size, root)| (u64::try_from(size).unwrap_or(u64::MAX), root))
}

/// The key the file says it belongs to, against the key at hand.
pub(super) fn check_identity(conn: &Connection, key: &VerifyingKey) -> Result<(), StoreError> {
    let found: Option<String> = conn
        .query_row("SELECT vkey FROM identity WHERE id = 0", [], |row| row.get(0))
        .optional()
        .map_err(failed("reading whose ledger this is"))?;
    let (expected, found) = (key.to_string(), found.unwrap_or_else(|| "nobody".into()));
    if found == expected { Ok(()) } else { Err(StoreError::WrongKey { expected, found }) }
}

/// Full tiles, from their table.
pub(super) struct Stored<'c>(pub &'c Connection);

pub(crate) fn tile_id(level: u8, index: u64) -> i64 {
    (i64::from(level) << LEVEL_SHIFT) | index as i64
}

impl Tiles for Stored<'_> {
    fn tile(&self, level: u8, index: u64) -> Result<Tile, StoreError> {
        self.0
            .prepare_cached("SELECT hashes FROM tile WHERE id = ?")
            .and_then(|mut statement| {
                statement
                    .query_row([tile_id(level, index)], |row| Ok(row.get_ref(0)?.as_blob().ok().and_then(decode_tile)))
                    .optional()
            })
            .map_err(failed("reading the tree"))?
            .flatten()
            .ok_or(StoreError::TreeDamaged { position: index << (TILE_HEIGHT * (u32::from(level) + 1)), level })
    }
}
