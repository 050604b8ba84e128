//! Attacks on segregation of duties: each a story of somebody who wants to get something into production alone, and the rule that
//! stops him, by name. Where a story is let through, the policy that lets it through is written down, and the test names it.

use crate::{
    artifact::{self, Artifact, Commit, Signature, SigningKey, Source},
    board,
    catalog::Criticality,
    change::{self, Class, Decision},
    deployment::{self, OnRevocation, OnRollback, Phase, Pipeline, PipelineStep, Run, TrafficStep},
    emergency,
    environment::Tier,
    given::{Given, codes, digest, identity, name, names, time},
    reason::Refusal,
    release::{self, Comparison, Criterion, CriterionKind, Indicator, Item, Model, Trigger, TriggerAction},
};
use interlock_ids::{ChangeId, GlassId, MeetingId, ReleaseId};
use std::collections::BTreeMap;

mod approving;
mod boards;
mod emergencies;
mod peers;
mod templates;

/// Dana wrote it and Erik is named in a trailer; Rita asks for it; Amir, Bea and Cleo approve; Olu and Omar are on call and deploy;
/// Ben answers for a robot.
pub(crate) fn shop() -> Given {
    worth(Criticality::default())
}

/// The same, with payments at stake: the impact is high.
pub(crate) fn bank() -> Given {
    worth(Criticality { users: 0, revenue_per_hour: 0, data_classes: names(&["payment"]) })
}

fn worth(criticality: Criticality) -> Given {
    let mut it = Given::new();
    it.person("dana", &["developer", "approver", "deployer", "release-manager"], &[identity(1)])
        .person("erik", &["developer", "approver"], &[identity(2)])
        .account("rita", &["release-manager", "approver"]);
    it.account("amir", &["approver"]).account("bea", &["approver"]).account("cleo", &["approver"]);
    it.account("olu", &["deployer", "on-call"]).account("omar", &["deployer", "on-call", "release-manager"]);
    it.account("ben", &["approver"]).robot("bot", "ben", &[identity(3)]).account("nobody", &[]);
    it.service_worth("checkout", &[], criticality);
    it.environment("production", Tier::Production, &[("checkout", 2)]);
    let public_key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".into();
    it.ok("admin", artifact::Command::PutKey { key: SigningKey { name: name("ci"), public_key, revoked: false } });
    let traffic = TrafficStep {
        router: "http://router.test".into(),
        pool: "${service}".into(),
        server: "${target.name}".into(),
        weight: "0".into(),
    };
    let step = PipelineStep {
        name: name("drain"),
        phase: Phase::Deploy,
        run: Run::Traffic(traffic),
        timeout_s: 30,
        attempts: 1,
        attempts_back: None,
        on_rollback: OnRollback::Apply,
        on_revocation: OnRevocation::Finish,
        runner: BTreeMap::new(),
    };
    let pipeline = Pipeline { name: name("instances"), max_parallel: 2, ahead: 1, steps: vec![step] };
    it.ok("admin", deployment::Command::PutPipeline { pipeline });
    register(&mut it, 10, 1, &[2]);
    it
}

/// A signed build of one commit.
pub(crate) fn register(it: &mut Given, seed: u8, author: u8, co_authors: &[u8]) {
    let commit = Commit {
        sha: format!("{seed:02x}").repeat(20),
        author: identity(author),
        committer: identity(author),
        co_authors: co_authors.iter().map(|seed| identity(*seed)).collect(),
        at: time("2026-02-27T10:00:00Z"),
    };
    let source = Source {
        repository: "/srv/shop.git".into(),
        commit: commit.sha.clone(),
        since: None,
        commits: vec![commit],
        details: digest(99),
    };
    let artifact = Artifact {
        digest: digest(seed),
        service: name("checkout"),
        version: format!("1.{seed}"),
        size: 1000,
        signature: Some(Signature { key: name("ci"), text: "untrusted comment: test".into() }),
        source: Some(source),
    };
    it.ok("dana", artifact::Command::Register { artifact });
}

pub(crate) fn spec(it: &mut Given, title: &str, class: Class, seed: u8) -> release::Spec {
    let note = it.note();
    let mut spec = crate::given::spec(title, "production", &[], note);
    spec.class = class;
    spec.items = vec![Item { service: name("checkout"), digest: digest(seed) }];
    spec.pipeline = name("instances");
    spec.model = Model::BigBang;
    spec.triggers = vec![Trigger {
        name: name("errors"),
        indicator: Indicator::ErrorRatio { service: name("checkout"), window_s: 30 },
        comparison: Comparison::Above,
        threshold: 0.05,
        for_s: 5,
        action: TriggerAction::Rollback,
        owner: Some(it.id("olu")),
        deputy: Some(it.id("omar")),
    }];
    let kind = CriterionKind::Http { path: "/healthz".into() };
    spec.rollback.criteria = vec![Criterion { name: name("available"), kind }];
    spec
}

/// A release by Rita, planned for now and frozen, with its change.
pub(crate) fn asked(it: &mut Given, title: &str, class: Class) -> (ReleaseId, ChangeId) {
    let spec = spec(it, title, class, 10);
    asked_as(it, "rita", spec)
}

pub(crate) fn asked_as(it: &mut Given, who: &str, spec: release::Spec) -> (ReleaseId, ChangeId) {
    let (release, start) = (it.fresh(), it.now);
    it.ok(who, release::Command::Draft { release, spec });
    it.ok(who, release::Command::Plan { release, start });
    it.ok(who, release::Command::Freeze { release });
    (release, *it.world.change.by_release.get(&release).expect("a change follows from a draft"))
}

pub(crate) fn approval(it: &mut Given, change: ChangeId, behalf: Option<&str>) -> change::Command {
    change::Command::Decide {
        change,
        decision: Decision::Approve,
        reason: it.note(),
        conditions: Vec::new(),
        on_behalf_of: behalf.map(|who| it.id(who)),
        seen: None,
    }
}

pub(crate) fn approve(it: &mut Given, who: &str, change: ChangeId) {
    let command = approval(it, change, None);
    it.ok(who, command);
}

pub(crate) fn approve_refused(it: &mut Given, who: &str, change: ChangeId) -> Refusal {
    let command = approval(it, change, None);
    it.refused(who, command)
}

pub(crate) fn authorise(release: ReleaseId) -> release::Command {
    release::Command::Authorise { release }
}

pub(crate) fn start(it: &mut Given, release: ReleaseId) -> deployment::Command {
    deployment::Command::Start { deployment: it.fresh(), release }
}

/// The rule is among those that refuse.
#[track_caller]
pub(crate) fn says(refusal: &Refusal, rule: &str) {
    assert!(codes(refusal).contains(&rule), "`{rule}` is not among {:?}: {}", codes(refusal), refusal.summary);
}

/// Board `cab` of some members, convened by Rita; changes of high impact are its business.
pub(crate) fn seat_board(it: &mut Given, members: &[&str], quorum: u32) {
    let members = members.iter().map(|who| it.id(who)).collect();
    let (chairs, rule) = ([it.id("rita")].into(), board::Rule::Majority);
    let cab = board::Board { name: name("cab"), members, chairs, quorum, rule };
    it.ok("admin", board::Command::PutBoard { board: cab });
    let rule = change::BoardRule { board: name("cab"), from: change::Level::High };
    let flow = change::Flow { board: Some(rule), ..change::Flow::default() };
    it.ok("admin", change::Command::PutFlow { class: Class::Normal, flow });
}

/// An open meeting with one change on its agenda, which some have joined.
pub(crate) fn meeting(it: &mut Given, change: ChangeId, joined: &[&str]) -> MeetingId {
    let (meeting, at) = (it.fresh(), it.now);
    it.ok("rita", board::Command::Call { meeting, board: name("cab"), at, agenda: vec![change] });
    for who in joined {
        it.ok(who, board::Command::Join { meeting, on_behalf_of: None });
    }
    it.ok("rita", board::Command::Open { meeting });
    meeting
}

pub(crate) fn vote(it: &mut Given, meeting: MeetingId, change: ChangeId, behalf: Option<&str>) -> board::Command {
    let ballot = board::Ballot {
        choice: board::Choice::Approve,
        reason: it.note(),
        conditions: Vec::new(),
        on_behalf_of: behalf.map(|who| it.id(who)),
        seen: None,
    };
    board::Command::Vote { meeting, change, ballot }
}

/// The board has approved, by those who joined.
pub(crate) fn boarded(it: &mut Given, change: ChangeId, voters: &[&str]) -> MeetingId {
    let meeting = meeting(it, change, voters);
    for who in voters {
        let command = vote(it, meeting, change, None);
        it.signed(who, command);
    }
    it.ok("rita", board::Command::Conclude { meeting, change });
    meeting
}

/// The glass over some gates of a release, broken by somebody for an hour.
pub(crate) fn broken(it: &mut Given, who: &str, release: ReleaseId, gates: &[&str]) -> GlassId {
    let glass = it.fresh();
    let reason = it.note();
    let gates = names(gates);
    it.signed(who, emergency::Command::Break { glass, release, gates, lasts_s: 3600, reason });
    glass
}

pub(crate) fn confirm(it: &mut Given, glass: GlassId) -> emergency::Command {
    emergency::Command::Confirm { glass, reason: it.note() }
}
