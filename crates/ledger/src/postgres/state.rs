//! The signed head, and the tiles below it.
//!
//! **Invariant:** a state in hand was signed by our key, folds to the signed root, and continues every state known before:
//! a database that was put back to an earlier time is refused, not followed.

use super::{
    PostgresLedger,
    link::{Conn, Failed},
};
use crate::{
    error::StoreError,
    merkle::{TILE_HEIGHT, Tile, Tiles, Tree, decode_tile},
    note::VerifyingKey,
    sqlite::state::{Row, State, tile_id},
};
use std::sync::{Arc, PoisonError};

/// Reads the row and checks that `key` signed what it says.
pub(super) async fn load(conn: &Conn, key: &VerifyingKey) -> Result<Row, Failed> {
    let row = conn.one("SELECT size, root, edge, note FROM checkpoint WHERE id = 0", &[]).await?;
    let row = row.ok_or_else(|| StoreError::CheckpointDamaged { why: "there is none".into() })?;
    let (size, root): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
    let (edge, note): (Vec<u8>, String) = (row.try_get(2)?, row.try_get(3)?);
    Ok(Row::check(key, size, &root, edge, &note)?)
}

/// Whose ledger the database says it is, against the key at hand.
pub(super) async fn check_identity(conn: &Conn, key: &VerifyingKey) -> Result<(), Failed> {
    let row = conn.one("SELECT vkey FROM identity WHERE id = 0", &[]).await?;
    let found: String = row.map(|row| row.try_get(0)).transpose()?.unwrap_or_else(|| "nobody".into());
    let expected = key.to_string();
    if found == expected { Ok(()) } else { Err(StoreError::WrongKey { expected, found }.into()) }
}

impl PostgresLedger {
    pub(super) fn known(&self) -> Arc<State> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn learn(&self, state: &Arc<State>) {
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.checkpoint.size > known.checkpoint.size {
            *known = Arc::clone(state);
        }
    }

    /// The head as it stands now. If another node has moved it on, its signature is checked, and that it continues what
    /// we knew.
    pub(super) fn state(&self) -> Result<Arc<State>, StoreError> {
        // Taken before asking: what was known then was committed then, so the answer may not lie before it.
        let known = self.known();
        let key = &self.verifying_key;
        let (size, root) = (known.checkpoint.size as i64, known.checkpoint.root.0);
        let moved = self.link.ask("reading the head", async |conn| {
            let same = conn
                .one("SELECT 1 FROM checkpoint WHERE id = 0 AND size = $1 AND root = $2", &[&size, &root.as_slice()])
                .await?;
            if same.is_some() { Ok(None) } else { load(conn, key).await.map(Some) }
        })?;
        let Some(row) = moved else { return Ok(known) };
        let state = Arc::new(row.into_state()?);
        let (before, now) = (&known.checkpoint, &state.checkpoint);
        if now.size < before.size || Tree::new(&state.edge, &Stored(self)).root_at(before.size)? != before.root {
            return Err(StoreError::NotAContinuation { witnessed: before.size, found: now.size });
        }
        self.learn(&state);
        Ok(state)
    }
}

/// Full tiles, from their table.
pub(super) struct Stored<'l>(pub &'l PostgresLedger);

impl Tiles for Stored<'_> {
    fn tile(&self, level: u8, index: u64) -> Result<Tile, StoreError> {
        let id = tile_id(level, index);
        let bytes: Option<Vec<u8>> = self.0.link.ask("reading the tree", async |conn| {
            let row = conn.one("SELECT hashes FROM tile WHERE id = $1", &[&id]).await?;
            Ok(row.map(|row| row.try_get(0)).transpose()?)
        })?;
        bytes
            .and_then(|bytes| decode_tile(&bytes))
            .ok_or(StoreError::TreeDamaged { position: index << (TILE_HEIGHT * (u32::from(level) + 1)), level })
    }
}
