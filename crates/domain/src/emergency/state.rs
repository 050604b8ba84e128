//! What is owed after emergencies, and the glasses that were broken.

use super::Event;
use crate::{
    core::{Map, Meta, edit},
    reason::{NoteRef, Signature},
};
use interlock_ids::{AccountId, ChangeId, GlassId, Name, ReleaseId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Why something is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Emergency,
    BrokenGlass,
}

/// What somebody said after the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratified {
    pub by: AccountId,
    pub at: Timestamp,
    pub agreed: bool,
    pub reason: NoteRef,
    pub signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    pub change: ChangeId,
    pub release: ReleaseId,
    pub cause: Cause,
    /// Groups that own the services in it.
    pub owners: BTreeSet<Name>,
    pub incurred: Timestamp,
    pub ratify_by: Timestamp,
    pub review_by: Timestamp,
    pub ratified: Option<Ratified>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glass {
    pub id: GlassId,
    pub release: ReleaseId,
    pub gates: BTreeSet<Name>,
    pub lasts_s: u32,
    pub broken_by: AccountId,
    pub broken: Timestamp,
    pub reason: NoteRef,
    pub signature: Signature,
    /// The second person, and until when the gates are open.
    pub confirmed: Option<(AccountId, Timestamp, Timestamp)>,
    pub ended: Option<Timestamp>,
}

impl Glass {
    /// A glass nobody confirms is good for nothing after this long.
    pub const WAITS: SignedDuration = SignedDuration::from_mins(30);

    /// Whether it is confirmed and neither over nor given up. Whether two people stand behind it is another question.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.confirmed.is_some_and(|(_, _, until)| now < until)
    }

    /// Whether it still waits for a second person.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.confirmed.is_none() && now < self.broken + Self::WAITS
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub debts: Map<ChangeId, Debt>,
    pub glasses: Map<GlassId, Glass>,
    pub by_release: imbl::OrdMap<ReleaseId, imbl::Vector<GlassId>>,
}

impl State {
    pub fn debt(&self, change: ChangeId) -> Option<&Debt> {
        self.debts.get(&change).map(Arc::as_ref)
    }

    pub fn glass(&self, id: GlassId) -> Option<&Glass> {
        self.glasses.get(&id).map(Arc::as_ref)
    }

    /// Glasses broken for a release, oldest first.
    pub fn of_release(&self, release: ReleaseId) -> impl Iterator<Item = &Glass> {
        self.by_release.get(&release).into_iter().flatten().filter_map(|id| self.glass(*id))
    }

    pub(crate) fn apply(&mut self, event: &Event, meta: &Meta) {
        match event {
            Event::Incurred(it) => {
                let debt = Debt {
                    change: it.change,
                    release: it.release,
                    cause: it.cause,
                    owners: it.owners.clone(),
                    incurred: meta.at,
                    ratify_by: it.ratify_by,
                    review_by: it.review_by,
                    ratified: None,
                };
                self.debts.insert(it.change, Arc::new(debt));
            }
            Event::Ratified(it) => edit(&mut self.debts, &it.change, |debt| {
                let (by, at, agreed) = (it.account, meta.at, it.agreed);
                debt.ratified = Some(Ratified { by, at, agreed, reason: it.reason, signature: it.signature.clone() });
            }),
            Event::Broken(it) => {
                let glass = Glass {
                    id: it.glass,
                    release: it.release,
                    gates: it.gates.clone(),
                    lasts_s: it.lasts_s,
                    broken_by: it.account,
                    broken: meta.at,
                    reason: it.reason,
                    signature: it.signature.clone(),
                    confirmed: None,
                    ended: None,
                };
                self.glasses.insert(it.glass, Arc::new(glass));
                let mut all = self.by_release.get(&it.release).cloned().unwrap_or_default();
                all.push_back(it.glass);
                self.by_release.insert(it.release, all);
            }
            Event::Confirmed(it) => edit(&mut self.glasses, &it.glass, |glass| {
                glass.confirmed = Some((it.account, meta.at, it.until));
            }),
            Event::Ended(it) => edit(&mut self.glasses, &it.glass, |glass| glass.ended = Some(meta.at)),
        }
    }
}
