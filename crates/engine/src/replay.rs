//! The world as it was: at any position, or at any moment.
//!
//! A world of the past is folded from the nearest one before it that is at hand: one that was asked for lately, a waymark, or a
//! snapshot. Waymarks are snapshots at round positions; they are written when a fold passes one, so the first look far back pays for
//! the next. All of it is a cache: without any, the fold begins at the first entry and gives the same world.
//!
//! Invariants: a world of the past never changes; at most [`KEPT`] are held and at most [`WAYMARKS`] spans are marked, whatever is
//! asked. Deliberately absent: names of people and texts. They are at the desk, which has no past.

use crate::{
    Engine,
    open::{FORM, OpenError, fold_to},
};
use interlock_domain::core::{Record, World};
use interlock_ledger::StoreError;
use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// Worlds of the past held in memory.
const KEPT: usize = 8;
/// Waymarks over the whole ledger, about.
const WAYMARKS: u64 = 16;
/// Entries between waymarks at least: a fold over so many takes well below a second.
const SPACING: u64 = 50_000;

#[derive(Default)]
pub(crate) struct Past(Mutex<VecDeque<Arc<World>>>);

/// Why a moment cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the ledger has {size} entries, and position {position} is beyond them; give 0 to {size}")]
    Beyond { position: u64, size: u64 },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Past {
    /// The newest world held that is not after `position`.
    fn nearest(&self, position: u64) -> Option<Arc<World>> {
        let held = self.0.lock().ok()?;
        held.iter().filter(|world| world.position <= position).max_by_key(|world| world.position).cloned()
    }

    fn keep(&self, world: &Arc<World>) {
        if let Ok(mut held) = self.0.lock() {
            held.retain(|it| it.position != world.position);
            held.push_front(world.clone());
            held.truncate(KEPT);
        }
    }
}

/// Entries between waymarks of a ledger of that size: grows with it, so that their number does not.
fn spacing(size: u64) -> u64 {
    let mut spacing = SPACING;
    while size / spacing > WAYMARKS {
        spacing *= 2;
    }
    spacing
}

fn tag(position: u64) -> String {
    format!("{FORM}/waymark/{position}")
}

impl Engine {
    /// The world when the ledger had `position` entries: what was known before the entry at `position` was written.
    ///
    /// # Errors
    /// The position is beyond the ledger, or the ledger cannot be read.
    pub fn world_at(&self, position: u64) -> Result<Arc<World>, ReplayError> {
        let now = self.world();
        if position > now.position {
            return Err(ReplayError::Beyond { position, size: now.position });
        }
        if position == now.position {
            return Ok(now);
        }
        let held = self.0.past.nearest(position);
        if let Some(world) = held.as_ref().filter(|world| world.position == position) {
            self.0.past.keep(world);
            return Ok(world.clone());
        }
        let least = held.as_ref().map_or(0, |world| world.position);
        let mut world = match self.stored(position, least, now.position)? {
            Some(world) => world,
            None => held.map(|world| World::clone(&world)).unwrap_or_default(),
        };
        let every = spacing(now.position);
        while world.position < position {
            let next = (world.position / every + 1) * every;
            fold_to(self.0.ledger.as_ref(), &mut world, next.min(position), |_, _| ())?;
            if world.position == next {
                self.mark(&world);
            }
        }
        let world = Arc::new(world);
        self.0.past.keep(&world);
        Ok(world)
    }

    /// The newest stored world that is not after `position` and after `least`.
    fn stored(&self, position: u64, least: u64, size: u64) -> Result<Option<World>, ReplayError> {
        let every = spacing(size);
        let mut candidates: Vec<String> = Vec::new();
        let mut at = position / every * every;
        while at > least {
            candidates.push(tag(at));
            at = at.saturating_sub(every);
        }
        let newest = self.0.ledger.latest_snapshot(FORM)?.filter(|it| it.size <= position && it.size > least);
        for tag in candidates {
            let Some(found) = self.0.ledger.latest_snapshot(&tag)? else { continue };
            if newest.as_ref().is_some_and(|it| it.size > found.size) {
                break;
            }
            if let Some(world) = read(&found.bytes, found.size) {
                return Ok(Some(world));
            }
        }
        Ok(newest.and_then(|it| read(&it.bytes, it.size)))
    }

    fn mark(&self, world: &World) {
        let bytes = rmp_serde::to_vec_named(world);
        let kept = bytes.map_err(|error| error.to_string()).and_then(|bytes| {
            let put = self.0.ledger.put_snapshot(world.position, &tag(world.position), &bytes);
            put.map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            tracing::warn!(%error, position = world.position, "no waymark could be written; nothing depends on it");
        }
    }

    /// How many entries there were at a moment: those recorded then or before. Entries are in the order of their times, as far as
    /// the clocks that gave them agree.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn position_at(&self, moment: Timestamp) -> Result<u64, ReplayError> {
        let (mut low, mut high) = (0, self.head());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.time_of(middle)?.is_some_and(|at| at <= moment) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// When the entry at a position was recorded.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn time_of(&self, position: u64) -> Result<Option<Timestamp>, ReplayError> {
        let Some(entry) = self.0.ledger.read(position, 1)?.into_iter().next() else { return Ok(None) };
        let record = Record::decode(&entry.body).map_err(|cause| OpenError::Entry { position, cause })?;
        Ok(Some(record.at))
    }
}

fn read(bytes: &[u8], size: u64) -> Option<World> {
    rmp_serde::from_slice::<World>(bytes).ok().filter(|world| world.position == size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waymarks_stay_few_however_long_the_ledger_is() {
        for size in [0, 1, 50_000, 800_000, 1_000_000, 50_000_000, 10_000_000_000] {
            assert!(size / spacing(size) <= WAYMARKS, "{size}");
            assert!(spacing(size).is_multiple_of(SPACING));
        }
        assert_eq!(spacing(1_000_000), 100_000);
    }
}
