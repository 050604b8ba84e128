//! Control reports: the whole population of deployments of a period, with what each control of each catalogue that applied came to.
//!
//! **Invariants**
//! - Every deployment that began within the period is in it, those that took something back included, and nothing else is.
//! - Everything comes from entries and from the requests stored under the digests that rulings name: what was in force then, what
//!   was known then. What cannot be shown is inconclusive.
//! - The same question about the same ledger gives the same report.
//!
//! **Deliberately absent:** names of people (accounts are named by id), and judging anew: `recompute` does that.

use crate::{
    Engine, NotTaken,
    evidence::{each, read},
};
use interlock_domain::{
    artifact::{self, Meaning},
    change::{self, Class, Decision},
    core::{Event, Record, Subject},
    deployment::{self, Direction, Status},
    policy,
    reason::{NoteRef, Outcome, Ruling},
    release,
};
use interlock_ids::{AccountId, DeploymentId, Digest, Name, ReleaseId};
use interlock_policy::{Catalogue, Control, Pack, catalogues};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Deployments of one report.
pub const CHANGES: usize = 100_000;

/// A report over a period.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlReport {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Entries of the ledger it was made from.
    pub size: u64,
    /// SHA-256 root of the ledger's tree at that size, hexadecimal.
    pub root: String,
    pub catalogues: Vec<Catalogue>,
    /// In the order in which they began.
    pub changes: Vec<Changed>,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub deployment: DeploymentId,
    /// Of the entry that began it.
    pub position: u64,
    pub at: Timestamp,
    /// It took another deployment back.
    pub back: bool,
    pub release: ReleaseId,
    pub name: Option<Name>,
    pub environment: Name,
    pub class: Option<Class>,
    pub services: BTreeSet<Name>,
    /// As the gates were told; `None`: they were not, or it is not known any more.
    pub data_classes: Option<BTreeSet<String>>,
    pub production_like: Option<bool>,
    pub requested_by: Option<AccountId>,
    pub authors: BTreeSet<AccountId>,
    pub approved_by: BTreeSet<AccountId>,
    /// Whoever attached evidence about what it shipped, or signed some.
    pub attached_by: BTreeSet<AccountId>,
    pub signed_by: BTreeSet<(AccountId, Meaning)>,
    pub started_by: Option<AccountId>,
    pub ended: Option<(Timestamp, Status)>,
    /// How often something about it was refused before it began.
    pub refusals: u32,
    pub results: Vec<ControlResult>,
    pub exceptions: Vec<Excepted>,
}

/// What a control came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlResult {
    pub pack: String,
    pub control: String,
    pub outcome: Outcome,
    pub why: String,
    /// Position of the entry it rests on.
    pub position: Option<u64>,
}

/// Something that was let pass by somebody's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excepted {
    pub position: u64,
    pub at: Timestamp,
    pub what: String,
    pub by: Option<AccountId>,
    pub reason: Option<NoteRef>,
}

/// What the entries about one release say, up to a deployment's beginning and, for its end, beyond.
#[derive(Default)]
struct Told {
    gates: Option<(u64, Vec<release::GateRecord>)>,
}

impl Engine {
    /// Makes a report over deployments that began from `from` up to, not including, `to`. Blocks.
    ///
    /// # Errors
    /// The period is none, holds more than [`CHANGES`], or the ledger cannot be read.
    pub fn control_report(&self, from: Timestamp, to: Timestamp) -> Result<ControlReport, NotTaken> {
        if from >= to {
            return Err(NotTaken::NoPeriod);
        }
        let ledger = self.ledger().as_ref();
        let world = self.world();
        let size = world.position;
        let (mut begun, mut sets) = (Vec::new(), BTreeMap::new());
        each(ledger, size, |entry| {
            // The kind stands near the beginning; most entries are neither.
            let head = String::from_utf8_lossy(&entry.body[..entry.body.len().min(400)]);
            if !head.contains("\"deployment.started\"") && !head.contains("\"policy.installed\"") {
                return;
            }
            let Ok(record) = Record::decode(&entry.body) else { return };
            match record.event {
                Event::Deployment(deployment::Event::Started(it)) if record.at >= from && record.at < to => {
                    begun.push((entry.position, record.at, it));
                }
                Event::Policy(policy::Event::Installed(it)) => drop(sets.insert(it.digest, it.packs)),
                _ => {}
            }
        })?;
        if begun.len() > CHANGES {
            return Err(NotTaken::TooMuch { what: "deployments", limit: CHANGES });
        }
        let all = catalogues();
        let mut changes = Vec::with_capacity(begun.len());
        for (position, at, started) in begun {
            changes.push(self.changed(position, at, &started, &all, &sets)?);
        }
        let root = if size == 0 { String::new() } else { ledger.root_at(size)?.to_string() };
        Ok(ControlReport { from, to, size, root, catalogues: all, changes })
    }

    fn changed(
        &self,
        position: u64,
        at: Timestamp,
        started: &deployment::Started,
        all: &[Catalogue],
        sets: &BTreeMap<String, Vec<Pack>>,
    ) -> Result<Changed, NotTaken> {
        let back = started.direction != Direction::Forward;
        let mut it = Changed {
            deployment: started.deployment,
            position,
            at,
            back,
            release: started.release,
            name: None,
            environment: started.environment.clone(),
            class: None,
            services: started.permit.items.iter().map(|item| item.service.clone()).collect(),
            data_classes: None,
            production_like: None,
            requested_by: None,
            authors: BTreeSet::new(),
            approved_by: BTreeSet::new(),
            attached_by: BTreeSet::new(),
            signed_by: BTreeSet::new(),
            started_by: started.account,
            ended: None,
            refusals: 0,
            results: Vec::new(),
            exceptions: Vec::new(),
        };
        let mut told = Told::default();
        for (position, record) in self.about(started)? {
            see(&mut it, &mut told, position, &record);
        }
        if !back {
            self.judge(&mut it, &told, all, sets)?;
        }
        Ok(it)
    }

    /// Entries about a deployment: of its release, its change, itself, and what it shipped.
    fn about(&self, started: &deployment::Started) -> Result<Vec<(u64, Record)>, NotTaken> {
        let world = self.world();
        let mut subjects = vec![Subject::Release(started.release), Subject::Deployment(started.deployment)];
        subjects.extend(world.change.of_release(started.release).map(|it| Subject::Change(it.id)));
        subjects.extend(started.permit.items.iter().map(|it| Subject::Artifact(it.digest)));
        let positions: BTreeSet<u64> = subjects.iter().flat_map(|it| world.trail.of(it)).collect();
        let positions: Vec<u64> = positions.into_iter().filter(|position| *position < world.position).collect();
        let entries = read(self.ledger().as_ref(), &positions)?;
        Ok(entries.iter().filter_map(|it| Some((it.position, Record::decode(&it.body).ok()?))).collect())
    }

    /// The request a ruling answered, as it is stored.
    fn asked(&self, ruling: &Ruling) -> Result<Option<interlock_policy::Request>, NotTaken> {
        let Ok(digest) = ruling.facts.parse::<Digest>() else { return Ok(None) };
        let bytes = self.ledger().blob(&interlock_ledger::Digest(digest.0))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn judge(
        &self,
        it: &mut Changed,
        told: &Told,
        all: &[Catalogue],
        sets: &BTreeMap<String, Vec<Pack>>,
    ) -> Result<(), NotTaken> {
        let gate = told.gates.as_ref().and_then(|(_, gates)| gates.iter().find(|gate| gate.name == "evidence"));
        if let Some(request) = gate.map(|gate| self.asked(&gate.ruling)).transpose()?.flatten() {
            use interlock_policy::Fact;
            if let Some(Fact::Set(classes)) = request.facts.get("data_classes") {
                it.data_classes = Some(classes.iter().cloned().collect());
            }
            if let Some(Fact::Bool(production_like)) = request.facts.get("production_like") {
                it.production_like = Some(*production_like);
            }
        }
        for catalogue in all {
            // What is not known to be elsewhere is taken to be where the rules hold.
            let here = it.production_like.unwrap_or(true)
                && it.data_classes.as_ref().is_none_or(|classes| catalogue.applies(classes));
            if here {
                let known = it.data_classes.is_some();
                it.results
                    .extend(catalogue.controls.iter().map(|control| result(catalogue, control, told, sets, known)));
            }
        }
        Ok(())
    }
}

fn see(it: &mut Changed, told: &mut Told, position: u64, record: &Record) {
    let before = position < it.position;
    let by = match &record.by {
        interlock_domain::core::By::Account(id) => Some(*id),
        interlock_domain::core::By::Runner(_) | interlock_domain::core::By::System => None,
    };
    let mut except = |what: String, reason: Option<NoteRef>| {
        it.exceptions.push(Excepted { position, at: record.at, what, by, reason });
    };
    match &record.event {
        Event::Release(release::Event::Drafted(drafted)) => it.name = Some(drafted.spec.name.clone()),
        Event::Release(release::Event::Authorised(authorised)) if before => {
            told.gates = Some((position, authorised.gates.clone()));
        }
        Event::Release(release::Event::ExceptionGranted(granted)) if before => {
            let count = granted.commits.len();
            let noun = if count == 1 { "commit" } else { "commits" };
            except(format!("{count} {noun} let through the code freeze `{}`", granted.criterion), Some(granted.reason));
        }
        Event::Change(change::Event::Opened(opened)) => {
            it.class = Some(opened.class);
            it.requested_by = opened.requested_by;
            it.authors = opened.authorship.authors.union(&opened.authorship.co_authors).copied().collect();
            if opened.class == Class::Emergency {
                except("it was shipped as an emergency".into(), Some(opened.summary));
            }
        }
        Event::Change(change::Event::Decided(decided)) if before && decided.decision == Decision::Approve => {
            it.approved_by.insert(decided.on_behalf_of.unwrap_or(decided.account));
        }
        Event::Change(change::Event::Withdrawn(withdrawn)) if before => drop(it.approved_by.remove(&withdrawn.account)),
        Event::Artifact(artifact::Event::EvidenceAttached(attached)) if before => {
            it.attached_by.extend(attached.account)
        }
        Event::Artifact(artifact::Event::EvidenceSigned(signed)) if before => {
            it.signed_by.insert((signed.account, signed.meaning));
        }
        Event::Artifact(artifact::Event::QuarantineLifted(lifted)) if before => {
            except("a quarantine of what it shipped had been lifted".into(), Some(lifted.reason));
        }
        Event::Deployment(deployment::Event::StepSkipped(skipped)) if skipped.deployment == it.deployment => {
            except(format!("step {} of target {} was left out", skipped.step, skipped.unit), Some(skipped.reason));
        }
        Event::Deployment(deployment::Event::Ended(ended)) if ended.deployment == it.deployment => {
            it.ended = Some((record.at, ended.status));
        }
        Event::Reason(_) if before => it.refusals += 1,
        _ => {}
    }
}

fn result(
    catalogue: &Catalogue,
    control: &Control,
    told: &Told,
    sets: &BTreeMap<String, Vec<Pack>>,
    known: bool,
) -> ControlResult {
    let of = |outcome, why: String, position| ControlResult {
        pack: catalogue.pack.clone(),
        control: control.id.clone(),
        outcome,
        why,
        position,
    };
    let Some((position, gates)) = &told.gates else {
        return of(Outcome::Inconclusive, "no authorisation is recorded before it began".into(), None);
    };
    let position = Some(*position);
    if !known {
        let why = "the gates were not told which data it touches, so it is not known whether this applies";
        return of(Outcome::Inconclusive, why.into(), position);
    }
    let mut passed = Vec::new();
    for name in &control.gates {
        let Some(gate) = gates.iter().find(|gate| gate.name == *name) else {
            return of(Outcome::Inconclusive, format!("the gate `{name}` is not recorded"), position);
        };
        if gate.ruling.outcome != Outcome::Pass {
            return of(gate.ruling.outcome, format!("the gate `{name}` did not pass"), position);
        }
        passed.push(gate);
    }
    let own = format!("{}.", catalogue.pack);
    let in_force = |set: &str, id: &str| {
        let text = format!("@id(\"{id}\")");
        sets.get(set).is_some_and(|packs| packs.iter().flat_map(|it| it.files.values()).any(|it| it.contains(&text)))
    };
    let deciding = control.policies.iter().filter(|id| id.starts_with(&own));
    let absent = deciding.filter(|id| !passed.iter().any(|gate| in_force(&gate.ruling.policy_set, id))).count();
    if absent > 0 {
        let why = format!("the pack `{}` was not in force when it was authorised", catalogue.pack);
        return of(Outcome::Inconclusive, why, position);
    }
    let gates: Vec<&str> = control.gates.iter().map(String::as_str).collect();
    of(Outcome::Pass, format!("{} passed at its authorisation", gates.join(", ")), position)
}
