//! The shell round the core: takes commands, lets the core decide, writes down what was decided, performs what is owed.
//!
//! Invariants: `submit` is the only way anything is ever written; what is acknowledged is durable; what is published is
//! acknowledged; a crash at any moment loses nothing that was acknowledged and owes exactly what it owed before.
//! Deliberately absent: rules (the core has them), HTTP (the server), and anything that knows an outside system: those are
//! behind the traits in [`ports`].

mod control;
mod desk;
mod entropy;
mod erase;
mod evidence;
pub mod forecast;
pub mod judging;
mod line;
mod live;
mod measure;
mod nodes;
mod observe;
mod open;
mod origin;
mod perform;
pub mod ports;
mod recompute;
mod replay;
pub mod round;
mod submit;
pub mod telemetry;
mod transparency;
pub mod watching;

pub use control::{Changed, ControlReport, ControlResult, Excepted};
pub use desk::{Begun, Desk, DeskError, Person, Session, SignedInBy};
pub use entropy::{Clock, Entropy, Sources};
pub use erase::{Committer, ERASED, Held, Written, notes, pseudonym};
pub use evidence::{NotTaken, Taking, Wanted};
pub use live::{Outputs, Published};
pub use nodes::Behind;
pub use open::{FORM, OpenError, Options};
pub use origin::{KEPT as ORIGINS_KEPT, Origin};
pub use recompute::{Compared, Recomputed, Told};
pub use replay::ReplayError;
pub use round::Recorded;
pub use submit::{Receipt, SubmitError};
pub use transparency::{Standing, Transparency, Witnessed};

use arc_swap::ArcSwap;
use interlock_domain::{
    core::{Actor, Command, Context, Event, World},
    reason::Refusal,
};
use interlock_ids::{AnalysisId, Fresh, Id, Kind};
use interlock_ledger::Ledger;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicBool},
};
use tokio::sync::{Notify, broadcast};

/// A running engine. Cloning it is cheap; all clones are one engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    world: ArcSwap<World>,
    queue: submit::Mouth,
    published: broadcast::Sender<Published>,
    desk: Desk,
    outputs: Outputs,
    sources: Sources,
    ports: ports::Ports,
    /// The course of analyses, as pages show it.
    courses: Mutex<BTreeMap<AnalysisId, serde_json::Value>>,
    /// Rings when there may be steps to hand out.
    work: Notify,
    /// What keeps this node from following its ledger.
    trouble: Mutex<Option<String>>,
    /// Somebody has appeared whose name is not known here yet.
    strangers: nodes::Strangers,
    /// Whether this node performs what is owed, where several could.
    performs: AtomicBool,
    counters: telemetry::Counters,
    /// Rings when an append failed.
    stopped: Notify,
    /// Worlds of the past that were asked for lately.
    past: replay::Past,
    witnessing: transparency::Witnessing,
}

impl Engine {
    /// What is known now: a consistent value that later events do not change.
    pub fn world(&self) -> Arc<World> {
        self.0.world.load_full()
    }

    /// How many entries the ledger has.
    pub fn head(&self) -> u64 {
        self.0.world.load().position
    }

    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.0.ledger
    }

    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    pub fn output(&self) -> &Outputs {
        &self.0.outputs
    }

    pub fn now(&self) -> Timestamp {
        self.0.sources.clock.now()
    }

    /// A fresh id.
    pub fn fresh<K: Kind>(&self) -> Id<K> {
        self.ids().id()
    }

    fn ids(&self) -> Fresh {
        self.0.sources.ids()
    }

    /// What would happen if the command were submitted now. Changes nothing, whatever the answer.
    ///
    /// # Errors
    /// The refusal that submitting would give.
    pub fn try_out(&self, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
        self.try_in(&self.world(), actor, command)
    }

    /// The same in a world at hand, which may be older, or hold the [details](Engine::details) of something that is over.
    ///
    /// # Errors
    /// The refusal that submitting would give, were this the world.
    pub fn try_in(&self, world: &World, actor: &Actor, command: &Command) -> Result<Vec<Event>, Refusal> {
        let ctx = Context { now: self.now(), actor: actor.clone(), ids: self.ids() };
        interlock_domain::core::decide(world, command, &ctx)
    }

    /// Follows what is written from now on. A follower that is too slow misses events and is told how many.
    pub fn follow(&self) -> broadcast::Receiver<Published> {
        self.0.published.subscribe()
    }

    /// Waits until there may be steps to hand out.
    pub async fn work(&self) {
        self.0.work.notified().await;
    }

    /// The course of an analysis as far as it has been measured; of a finished one, from its evidence.
    pub fn canary(&self, analysis: AnalysisId) -> Option<serde_json::Value> {
        let running = self.0.courses.lock().ok().and_then(|courses| courses.get(&analysis).cloned());
        let known = running.or_else(|| {
            let digest = self.world().verification.analysis(analysis)?.evidence?;
            let bytes = self.0.ledger.blob(&interlock_ledger::Digest(digest.0)).ok()??;
            serde_json::from_slice(&bytes).ok()
        });
        // Measured by another node, it is told from the looks that node keeps.
        known.or_else(|| measure::told(self, analysis))
    }
}
