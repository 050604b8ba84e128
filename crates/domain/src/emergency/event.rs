//! What has happened in emergencies.

use super::Cause;
use crate::{
    core::{Subject, World, payload},
    reason::{NoteRef, Ruling, Signature},
};
use interlock_ids::{AccountId, ChangeId, GlassId, Name, ReleaseId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Event {
    #[serde(rename = "emergency.debt_incurred")]
    Incurred(Incurred),
    #[serde(rename = "emergency.ratified")]
    Ratified(RatifiedNow),
    #[serde(rename = "emergency.glass_broken")]
    Broken(Broken),
    #[serde(rename = "emergency.glass_confirmed")]
    Confirmed(Confirmed),
    #[serde(rename = "emergency.glass_ended")]
    Ended(Ended),
}

payload! {
    /// An approval after the event and a review are owed. Since 0.2.
    Incurred {
        change: ChangeId,
        release: ReleaseId,
        cause: Cause,
        owners: BTreeSet<Name>,
        ratify_by: Timestamp,
        review_by: Timestamp,
    }
    /// Somebody approved after the event, or objected. Since 0.2.
    RatifiedNow { change: ChangeId, account: AccountId, agreed: bool, reason: NoteRef, signature: Signature, ruling: Ruling }
    /// Somebody asks for a way round gates. Since 0.2.
    Broken {
        glass: GlassId,
        release: ReleaseId,
        gates: BTreeSet<Name>,
        lasts_s: u32,
        account: AccountId,
        reason: NoteRef,
        signature: Signature,
        ruling: Ruling,
    }
    /// A second person agreed: the gates are open until then. Since 0.2.
    Confirmed {
        glass: GlassId,
        account: AccountId,
        until: Timestamp,
        reason: NoteRef,
        signature: Signature,
        ruling: Ruling,
    }
    /// The way round was given up before its time. Since 0.2.
    Ended { glass: GlassId, account: Option<AccountId>, reason: NoteRef }
}

impl Event {
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Incurred(_) => "emergency.debt_incurred",
            Event::Ratified(_) => "emergency.ratified",
            Event::Broken(_) => "emergency.glass_broken",
            Event::Confirmed(_) => "emergency.glass_confirmed",
            Event::Ended(_) => "emergency.glass_ended",
        }
    }

    pub fn subjects(&self, world: &World) -> Vec<Subject> {
        let of_glass = |id: &GlassId| world.emergency.glass(*id).map(|it| it.release);
        let release = match self {
            Event::Incurred(it) => Some(it.release),
            Event::Ratified(it) => world.change.change(it.change).map(|it| it.release),
            Event::Broken(it) => Some(it.release),
            Event::Confirmed(it) => of_glass(&it.glass),
            Event::Ended(it) => of_glass(&it.glass),
        };
        let change = release.and_then(|it| world.change.of_release(it)).map(|it| Subject::Change(it.id));
        release.map(Subject::Release).into_iter().chain(change).collect()
    }
}
