//! The core: `decide` says what may happen, `apply` that it happened, `react` what follows at once, `owed` what the world
//! outside still has to do. Composition only: one line per room.
//! Invariant: `apply` is total and reads nothing but its arguments, so folding the same entries gives the same world anywhere.
//! Deliberately absent: rules.

mod about;
mod command;
mod compose;
mod context;
mod event;
mod obligation;
mod payload;
mod positions;
mod rulings;
mod settle;
mod trail;
mod upcast;
mod world;

pub use command::Command;
pub use compose::{apply, decide, owed, react};
pub use context::{Actor, By, Context, Meta};
pub use event::{DecodeError, Event, Record};
pub(crate) use payload::payload;
pub(crate) use settle::Shared;

pub use obligation::{Fence, Obligation};
pub use trail::{Subject, Trail};
pub use upcast::{UPCASTS, Upcast};
pub use world::World;

/// A persistent map whose values are shared until they are changed: cloning it costs one reference count.
pub type Map<K, V> = imbl::OrdMap<K, std::sync::Arc<V>>;

/// Changes one value of a persistent map, copying it only if a reader still holds it. An absent key changes nothing:
/// `decide` saw it present, and `apply` refuses nothing.
pub fn edit<K: Ord + Clone, V: Clone>(map: &mut Map<K, V>, key: &K, change: impl FnOnce(&mut V)) {
    if let Some(value) = map.get_mut(key) {
        change(std::sync::Arc::make_mut(value));
    }
}
