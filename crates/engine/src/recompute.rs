//! Recomputing rulings: the same policies and the same facts must give the same ruling, to the byte.
//!
//! A ruling in an entry names the digest of the policy set and that of the request. The set is in the ledger, the request is a blob
//! under that digest. Both are read, the question is asked again, and the two rulings are compared as bytes.
//!
//! Invariants: nothing is compared with itself: the recorded side comes from the entry, the other from set and request alone; what
//! cannot be recomputed is inconclusive and says why. Deliberately absent: another set than the one then in force.

use crate::{Engine, ReplayError, open::OpenError};
use interlock_domain::{
    core::{Event, Record, World},
    policy::{self, rule},
    reason::{self, Outcome, Refused, Ruling},
};
use interlock_policy::{PolicySet, Request};
use serde::Serialize;

/// Code of the blocker of a token that may not do what its account may.
const TOKEN_SCOPE: &str = "token-scope";

/// How the two compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    Same,
    Different,
    /// It could not be recomputed.
    Inconclusive,
}

/// What a ruling says, as far as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub outcome: Outcome,
    pub policy_set: String,
    pub facts: String,
    pub policies: Vec<String>,
}

/// One ruling, recomputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recomputed {
    pub position: u64,
    /// What it is the ruling of: `decision`, `refusal`, or the name of a gate.
    pub name: String,
    pub recorded: Told,
    pub again: Option<Told>,
    /// The canonical request, as stored.
    pub request: Option<String>,
    pub compared: Compared,
    /// In one sentence.
    pub why: String,
}

impl Engine {
    /// Recomputes every ruling recorded by the entries from `from` on, `count` entries at most; and where to go on, if there are more.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn recompute(&self, from: u64, count: u64) -> Result<(Vec<Recomputed>, Option<u64>), ReplayError> {
        let end = self.head().min(from.saturating_add(count));
        if from >= end {
            return Ok((Vec::new(), None));
        }
        // Only the policies of the world are needed, and they change by entries of their own.
        let mut policies = World::default();
        policies.policy = self.world_at(from)?.policy.clone();
        policies.position = from;
        let mut found = Vec::new();
        while policies.position < end {
            let wanted = (end - policies.position).min(2_000) as usize;
            let entries = self.ledger().read(policies.position, wanted)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                let position = entry.position;
                let record = Record::decode(&entry.body).map_err(|cause| OpenError::Entry { position, cause })?;
                self.again(&policies, position, &record.event, &mut found)?;
                let meta = interlock_domain::core::Meta { position, at: record.at, by: record.by };
                if matches!(record.event, Event::Policy(policy::Event::Installed(_))) {
                    interlock_domain::core::apply(&mut policies, &record.event, &meta);
                }
                policies.position = position + 1;
            }
        }
        let head = self.head();
        Ok((found, Some(policies.position).filter(|next| *next < head)))
    }

    fn again(
        &self,
        policies: &World,
        position: u64,
        event: &Event,
        found: &mut Vec<Recomputed>,
    ) -> Result<(), ReplayError> {
        let set = policies.policy.set();
        if let Event::Reason(reason::Event::Refused(it)) = event {
            found.extend(self.refusal(set, position, it)?);
        }
        for (name, ruling) in event.rulings() {
            let recorded = told(ruling);
            found.push(self.compare(set, position, name, recorded, |again| {
                let (was, is) = (serde_json::to_vec(ruling), serde_json::to_vec(again));
                was.is_ok() && was.ok() == is.ok()
            })?);
        }
        Ok(())
    }

    fn refusal(&self, set: Option<&PolicySet>, position: u64, it: &Refused) -> Result<Option<Recomputed>, ReplayError> {
        let (Some(policy_set), Some(facts)) = (it.policy_set.clone(), it.facts.clone()) else { return Ok(None) };
        let recorded = Told { outcome: it.outcome, policy_set, facts, policies: it.policies.clone() };
        // A token's scopes are no matter of policy: they refuse what the policies would have let pass.
        let by_scope = it.blockers.iter().any(|blocker| blocker.code == TOKEN_SCOPE);
        // Entries of before 0.2 do not name the policies of a refusal.
        let unnamed = it.policies.is_empty();
        let compared = self.compare(set, position, "refusal", recorded.clone(), |again| {
            let again = told(again);
            (again.outcome == recorded.outcome || by_scope)
                && again.policy_set == recorded.policy_set
                && again.facts == recorded.facts
                && (unnamed || again.policies == recorded.policies)
        })?;
        Ok(Some(compared))
    }

    fn compare(
        &self,
        set: Option<&PolicySet>,
        position: u64,
        name: &str,
        recorded: Told,
        same: impl FnOnce(&Ruling) -> bool,
    ) -> Result<Recomputed, ReplayError> {
        let mut it = Recomputed {
            position,
            name: name.to_owned(),
            recorded,
            again: None,
            request: None,
            compared: Compared::Inconclusive,
            why: String::new(),
        };
        let digest = it.recorded.facts.parse::<interlock_ids::Digest>().ok();
        let stored = digest.map(|it| self.ledger().blob(&interlock_ledger::Digest(it.0))).transpose()?.flatten();
        let Some(bytes) = stored else {
            it.why = "what the policies were asked was not stored then".into();
            return Ok(it);
        };
        it.request = String::from_utf8(bytes.clone()).ok();
        let Some(set) = set else {
            it.why = "no policy set was in force, or this version cannot compile it".into();
            return Ok(it);
        };
        let request = match serde_json::from_slice::<Request>(&bytes) {
            Ok(request) => request,
            Err(error) => {
                it.why = format!("this version cannot read what the policies were asked: {error}");
                return Ok(it);
            }
        };
        let again = rule(set, &request);
        let equal = same(&again);
        let again = told(&again);
        (it.compared, it.why) = if equal {
            (Compared::Same, "the same policies and the same facts give the same ruling".into())
        } else {
            (Compared::Different, format!("recomputed it is {:?} by [{}]", again.outcome, again.policies.join(", ")))
        };
        it.again = Some(again);
        Ok(it)
    }
}

fn told(ruling: &Ruling) -> Told {
    Told {
        outcome: ruling.outcome,
        policy_set: ruling.policy_set.clone(),
        facts: ruling.facts.clone(),
        policies: ruling.policies.clone(),
    }
}
