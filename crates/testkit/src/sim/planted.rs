//! Planted defects: one rule switched off at a time, to see whether the auditor misses it.
//!
//! Nothing in the product knows of these. A policy is taken out of the packs that are installed; a rule of the core is made blind by
//! hiding from it what it goes by, or what follows from an event is kept from following; a part of the shell that is simulated
//! is made careless. Invariant: each changes what may happen, and nothing else.

use interlock_domain::{
    core::{Command, Context, Event, World},
    deployment, environment,
    reason::Refusal,
    verification,
};
use interlock_engine::round::Rules;
use interlock_policy::Pack;
use jiff::SignedDuration;
use std::sync::Arc;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A policy is missing.
    Policy(&'static str),
    /// What a decision does not see any more.
    Hidden(Hidden),
    /// What does not follow any more.
    Unfollowed(&'static str),
    /// A wave goes on as soon as it is to be judged.
    JudgedUnseen,
    /// A bake is over at once.
    BakeSkipped,
    KeysForgotten,
    AnsweredBeforeDurable,
    PositionIgnored,
    EntryMissed,
    WakesForgotten,
    CriteriaForgotten,
    NoDataIsGood,
    BlindWatch,
    CriteriaAssumed,
    JournalForgotten,
    PermitUnread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// From the hand-out of a step.
    LockdownsAtLease,
    CalendarsAtLease,
    QuarantinesAtLease,
    RevocationsAtLease,
    LeasesAtLease,
    PauseAtLease,
    ApprovalsAtLease,
    /// From a report: the fence it has to carry.
    FenceAtReport,
    /// From whoever claims a place.
    Claims,
    /// From a start: what runs already.
    RunningAtStart,
    /// From a decision on a change.
    Links,
    RobotOwners,
    DelegationsEnd,
    EarlierDecisions,
    /// That decisions were withdrawn.
    Withdrawals,
    /// From a wake: that a lease has run out.
    LeaseEnds,
}

#[derive(Debug)]
pub struct Planted {
    pub name: &'static str,
    pub flaw: Flaw,
    /// Rules of the auditor that may find it.
    pub rules: &'static [&'static str],
}

const fn plant(name: &'static str, flaw: Flaw, rules: &'static [&'static str]) -> Planted {
    Planted { name, flaw, rules }
}

/// All of them.
pub const PLANTED: [Planted; 47] = [
    plant("author-may-approve", Flaw::Policy("segregation.author"), &["own-approval"]),
    plant("co-author-may-approve", Flaw::Policy("segregation.co-author"), &["own-approval"]),
    plant("requester-may-approve", Flaw::Policy("segregation.requester"), &["own-request"]),
    plant("author-may-authorise", Flaw::Policy("segregation.author-authorises"), &["author-authorises"]),
    plant("author-may-deploy", Flaw::Policy("segregation.author-deploys"), &["author-deploys"]),
    plant("approver-may-deploy", Flaw::Policy("segregation.approver-deploys"), &["approver-deploys"]),
    plant("unknown-authors-pass", Flaw::Policy("segregation.authors-unknown"), &["authors-unknown"]),
    plant("closed-calendar-passes", Flaw::Policy("base.calendar-closed"), &["closed-window"]),
    plant("quarantine-passes", Flaw::Policy("base.artifact-quarantined"), &["quarantined"]),
    plant("revoked-key-passes", Flaw::Policy("base.signing-key-revoked"), &["signature"]),
    plant("missing-approvals-pass", Flaw::Policy("base.approvals-missing"), &["approvals"]),
    plant("rejection-passes", Flaw::Policy("base.approval-refused"), &["rejected"]),
    plant("open-conditions-pass", Flaw::Policy("base.conditions-open"), &["conditions"]),
    plant("open-review-passes", Flaw::Policy("base.review-open"), &["review-open"]),
    plant("untraced-build-passes", Flaw::Policy("base.not-traceable"), &["traceable"]),
    plant("no-deputy-passes", Flaw::Policy("base.trigger-without-deputy"), &["rollback-plan"]),
    plant("claimed-place-passes", Flaw::Policy("base.environment-taken"), &["claimed-by-others"]),
    plant("leave-passes", Flaw::Policy("base.on-leave"), &["on-leave"]),
    plant("anybody-deploys-here", Flaw::Policy("base.not-a-deployer-here"), &["not-a-deployer-here"]),
    plant("lockdown-unseen-at-step", Flaw::Hidden(Hidden::LockdownsAtLease), &["closed-window"]),
    plant("quarantine-unseen-at-step", Flaw::Hidden(Hidden::QuarantinesAtLease), &["quarantined"]),
    plant("revocation-unseen-at-step", Flaw::Hidden(Hidden::RevocationsAtLease), &["permit"]),
    plant("calendar-unseen-at-step", Flaw::Hidden(Hidden::CalendarsAtLease), &["closed-window"]),
    plant("lease-check-removed", Flaw::Hidden(Hidden::LeasesAtLease), &["leased-twice", "stale-fence", "parallel"]),
    plant("pause-ignored", Flaw::Hidden(Hidden::PauseAtLease), &["paused"]),
    plant("approvals-unseen-at-step", Flaw::Hidden(Hidden::ApprovalsAtLease), &["approvals"]),
    plant("stale-fence-accepted", Flaw::Hidden(Hidden::FenceAtReport), &["stale-fence"]),
    plant("claims-overlap", Flaw::Hidden(Hidden::Claims), &["claims-overlap"]),
    plant("two-deployments-at-once", Flaw::Hidden(Hidden::RunningAtStart), &["one-at-a-time"]),
    plant("one-person-decides-twice", Flaw::Hidden(Hidden::EarlierDecisions), &["decided-twice"]),
    plant("links-not-followed", Flaw::Hidden(Hidden::Links), &["own-approval"]),
    plant("robots-owner-not-followed", Flaw::Hidden(Hidden::RobotOwners), &["own-approval"]),
    plant("delegation-never-ends", Flaw::Hidden(Hidden::DelegationsEnd), &["delegation"]),
    plant("withdrawn-approval-counts", Flaw::Hidden(Hidden::Withdrawals), &["approvals"]),
    plant("leases-never-end", Flaw::Hidden(Hidden::LeaseEnds), &["overdue", "liveness"]),
    plant("failed-canary-goes-unpunished", Flaw::Unfollowed("rollback"), &["rollback-owed"]),
    plant("no-review-after-rollback", Flaw::Unfollowed("review"), &["review-owed"]),
    plant("no-quarantine-after-rollback", Flaw::Unfollowed("quarantine"), &["quarantine-owed"]),
    plant("wave-unjudged", Flaw::JudgedUnseen, &["unjudged"]),
    plant("bake-skipped", Flaw::BakeSkipped, &["bake"]),
    plant("idempotency-keys-forgotten", Flaw::KeysForgotten, &["done-twice"]),
    plant("answered-before-durable", Flaw::AnsweredBeforeDurable, &["acknowledged-lost"]),
    plant("entry-missed-when-catching-up", Flaw::EntryMissed, &["replay"]),
    plant("no-data-counts-as-good", Flaw::NoDataIsGood, &["pass-without-evidence"]),
    plant("blind-watch-passes", Flaw::BlindWatch, &["pass-without-evidence"]),
    plant("criteria-assumed", Flaw::CriteriaAssumed, &["pass-without-evidence"]),
    plant("runner-forgets-its-journal", Flaw::JournalForgotten, &["double-execution", "completed-again"]),
];

/// More of them, about the shell.
pub const MORE: [Planted; 4] = [
    plant("lost-race-not-noticed", Flaw::PositionIgnored, &[]),
    plant("wakes-forgotten", Flaw::WakesForgotten, &["overdue", "liveness"]),
    plant("criteria-forgotten", Flaw::CriteriaForgotten, &["liveness"]),
    plant("permit-not-read-by-runner", Flaw::PermitUnread, &["effect-permit"]),
];

impl Planted {
    /// A defect by its name.
    pub fn named(name: &str) -> Option<&'static Planted> {
        Self::all().find(|it| it.name == name)
    }

    pub fn all() -> impl Iterator<Item = &'static Planted> {
        PLANTED.iter().chain(&MORE)
    }

    /// The packs as shipped, without the policy that is missing.
    pub fn packs(&self) -> Vec<Pack> {
        let mut packs = interlock_policy::shipped();
        if let Flaw::Policy(id) = self.flaw {
            let mut removed = 0;
            for text in packs.iter_mut().flat_map(|pack| pack.files.values_mut()) {
                if let Some(without) = without(text, id) {
                    *text = without;
                    removed += 1;
                }
            }
            assert_eq!(removed, 1, "there is no policy `{id}` to take out");
        }
        packs
    }

    /// Other rules than those of the core, if it takes any.
    pub fn rules(&self) -> Option<Arc<dyn Rules>> {
        match self.flaw {
            Flaw::Hidden(hidden) => Some(Arc::new(Blind(hidden))),
            Flaw::Unfollowed(what) => Some(Arc::new(Deaf(what))),
            Flaw::JudgedUnseen => Some(Arc::new(Hasty)),
            Flaw::BakeSkipped => Some(Arc::new(Impatient)),
            _ => None,
        }
    }
}

/// The text without one policy.
fn without(text: &str, id: &str) -> Option<String> {
    let start = text.find(&format!("@id(\"{id}\")"))?;
    let end = text[start..].find("\n\n").map_or(text.len(), |length| start + length);
    Some(format!("{}{}", &text[..start], &text[end..]))
}

/// Decides without seeing something.
struct Blind(Hidden);

impl Rules for Blind {
    fn decide(&self, world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
        let mut seen = world.clone();
        let is_lease = matches!(command, Command::Deployment(deployment::Command::Lease { .. }));
        let is_wake = matches!(command, Command::Deployment(deployment::Command::Wake { .. }));
        match self.0 {
            Hidden::LockdownsAtLease if is_lease || is_wake => seen.calendar.lockdowns = Default::default(),
            Hidden::CalendarsAtLease if is_lease || is_wake => {
                seen.calendar = seen.calendar.without_windows();
            }
            Hidden::QuarantinesAtLease if is_lease || is_wake => seen.artifact.quarantines = Default::default(),
            Hidden::RevocationsAtLease if is_lease || is_wake => {
                seen.release.revoked_permits = Default::default();
                // A release remembers for itself that its permit was taken.
                let keys: Vec<_> = seen.release.open.iter().copied().collect();
                for key in keys {
                    if let Some(it) = seen.release.releases.get_mut(&key) {
                        Arc::make_mut(it).permit_revoked = false;
                    }
                }
            }
            Hidden::LeasesAtLease if is_lease => each(&mut seen, |it| {
                it.progress.iter_mut().for_each(|progress| progress.lease = None);
            }),
            Hidden::PauseAtLease if is_lease => each(&mut seen, |it| it.paused = false),
            Hidden::ApprovalsAtLease if is_lease || is_wake => {
                // As if every approval that was ever given still stood.
                changes(&mut seen, |it| it.approvals.iter_mut().for_each(|it| it.withdrawn = false));
            }
            Hidden::FenceAtReport => {
                if let Command::Deployment(deployment::Command::Report { reports, runner }) = &command {
                    return believing(world, runner, reports, ctx);
                }
            }
            Hidden::Claims => {
                if matches!(command, Command::Environment(environment::Command::Claim { .. })) {
                    seen.environment.claims = Default::default();
                }
            }
            Hidden::RunningAtStart => {
                if matches!(command, Command::Deployment(deployment::Command::Start { .. })) {
                    seen.deployment.running = Default::default();
                }
            }
            Hidden::Links => accounts(&mut seen, |it| it.links.clear()),
            Hidden::RobotOwners => accounts(&mut seen, |it| {
                if let interlock_domain::people::AccountKind::Robot { owner } = &mut it.kind {
                    *owner = it.id;
                }
            }),
            Hidden::DelegationsEnd => {
                let keys: Vec<_> = seen.people.delegations.keys().copied().collect();
                for key in keys {
                    if let Some(it) = seen.people.delegations.get_mut(&key) {
                        let it = Arc::make_mut(it);
                        it.ended = false;
                        it.until = jiff::Timestamp::MAX;
                    }
                }
            }
            Hidden::EarlierDecisions => {
                if matches!(command, Command::Change(interlock_domain::change::Command::Decide { .. })) {
                    changes(&mut seen, |it| it.approvals.clear());
                }
            }
            Hidden::Withdrawals => changes(&mut seen, |it| {
                it.approvals.iter_mut().for_each(|it| it.withdrawn = false);
            }),
            Hidden::LeaseEnds if is_wake => each(&mut seen, |it| {
                for lease in it.progress.iter_mut().filter_map(|it| it.lease.as_mut()) {
                    lease.until = jiff::Timestamp::MAX;
                }
            }),
            Hidden::LockdownsAtLease
            | Hidden::CalendarsAtLease
            | Hidden::QuarantinesAtLease
            | Hidden::RevocationsAtLease
            | Hidden::LeasesAtLease
            | Hidden::PauseAtLease
            | Hidden::ApprovalsAtLease
            | Hidden::LeaseEnds => {}
        }
        interlock_domain::core::decide(&seen, command, ctx)
    }
}

/// Takes every report for one under the lease in force, and writes down what was reported.
fn believing(
    world: &World,
    runner: &interlock_ids::Name,
    reports: &[deployment::Report],
    ctx: &Context,
) -> Result<Vec<Event>, Refusal> {
    let mut events = Vec::new();
    for report in reports {
        let unit = world.deployment.deployment(report.deployment).and_then(|it| it.progress.get(report.unit as usize));
        let lease = unit.and_then(|it| it.lease.as_ref());
        let (held_by, fence) = lease.map_or((runner.clone(), report.fence), |it| (it.runner.clone(), it.fence));
        let ctx = Context { actor: interlock_domain::core::Actor::runner(held_by.clone()), ..ctx.clone() };
        let report = deployment::Report { fence, ..report.clone() };
        let command = deployment::Command::Report { runner: held_by, reports: vec![report] };
        // One at a time: a second report of one deployment would be decided on a state that the first has changed.
        if events.is_empty()
            && let Ok(said) = interlock_domain::core::decide(world, &Command::Deployment(command), &ctx)
        {
            events.extend(said);
        }
    }
    for event in &mut events {
        if let Event::Deployment(deployment::Event::StepsReported(it)) = event {
            it.runner = runner.clone();
            for result in &mut it.results {
                let told =
                    reports.iter().find(|report| report.unit == result.unit && report.deployment == it.deployment);
                result.fence = told.map_or(result.fence, |report| report.fence);
            }
        }
    }
    Ok(events)
}

fn each(world: &mut World, change: impl Fn(&mut deployment::Deployment)) {
    let keys: Vec<_> = world.deployment.running.iter().copied().collect();
    for key in keys {
        if let Some(it) = world.deployment.deployments.get_mut(&key) {
            change(Arc::make_mut(it));
        }
    }
}

fn changes(world: &mut World, change: impl Fn(&mut interlock_domain::change::Change)) {
    let keys: Vec<_> = world.change.changes.keys().copied().collect();
    for key in keys {
        if let Some(it) = world.change.changes.get_mut(&key) {
            change(Arc::make_mut(it));
        }
    }
}

fn accounts(world: &mut World, change: impl Fn(&mut interlock_domain::people::Account)) {
    let keys: Vec<_> = world.people.accounts.keys().copied().collect();
    for key in keys {
        if let Some(it) = world.people.accounts.get_mut(&key) {
            change(Arc::make_mut(it));
        }
    }
}

/// Keeps something from following.
struct Deaf(&'static str);

impl Rules for Deaf {
    fn react(&self, world: &World, event: &Event) -> Vec<Command> {
        let mut follows = interlock_domain::core::react(world, event);
        let missing = |it: &Command| match it {
            Command::Rollback(interlock_domain::rollback::Command::Start { .. }) => self.0 == "rollback",
            Command::Learning(_) => self.0 == "review",
            Command::Artifact(_) => self.0 == "quarantine",
            _ => false,
        };
        follows.retain(|it| !missing(it));
        follows
    }
}

/// Lets a wave go on when it should be judged.
struct Hasty;

impl Rules for Hasty {
    fn react(&self, world: &World, event: &Event) -> Vec<Command> {
        let mut follows = interlock_domain::core::react(world, event);
        if let Event::Verification(verification::Event::Begun(it)) = event {
            follows
                .push(Command::Deployment(deployment::Command::Proceed { deployment: it.deployment, wave: it.wave }));
        }
        follows
    }
}

/// Comes back to a bake as if it were over.
struct Impatient;

impl Rules for Impatient {
    fn decide(&self, world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
        let mut ctx = ctx.clone();
        if matches!(command, Command::Deployment(deployment::Command::Wake { .. })) {
            ctx.now = ctx.now.checked_add(SignedDuration::from_hours(24)).unwrap_or(ctx.now);
        }
        interlock_domain::core::decide(world, command, &ctx)
    }

    fn react(&self, world: &World, event: &Event) -> Vec<Command> {
        let mut follows = interlock_domain::core::react(world, event);
        if let Event::Deployment(deployment::Event::PhaseEnded(it)) = event
            && matches!(it.status, deployment::Status::Baking { .. })
        {
            follows.push(Command::Deployment(deployment::Command::Wake { deployment: it.deployment }));
        }
        follows
    }
}
