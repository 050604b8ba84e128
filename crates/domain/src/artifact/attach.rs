//! Attaching evidence to an artefact, and signing it.

use super::{Content, Event, Evidence, EvidenceAttached, EvidenceSigned, Finding, Meaning, Shown};
use crate::{
    core::{Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind},
};
use interlock_ids::{AccountId, Digest, EvidenceId};
use interlock_policy::{Fact, Facts};
use jiff::SignedDuration;

/// Names of evidence about one artefact.
const NAMES: usize = 100;
/// Findings, or statements, of one piece of evidence; as many as its reader gives.
const GROUPS: usize = 2_000;
/// Signatures under one piece of evidence.
const SIGNATURES: usize = 50;
/// How far clocks of other machines may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn attach(world: &World, ctx: &Context, evidence: &Evidence) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("evidence.attach", "Artifact", evidence.artifact))?;
    let artifact = world.artifact.artifact(&evidence.artifact);
    let artifact = artifact.ok_or_else(|| Refusal::not_found("artifact", evidence.artifact))?;
    let mut wrong = Vec::new();
    let shelf = world.artifact.evidence.all(&evidence.artifact);
    if let Some(same) = shelf.iter().find(|it| it.evidence.name == evidence.name) {
        // The same document again changes nothing, and takes no signature away.
        if same.evidence.blob == evidence.blob && same.evidence.kind == evidence.kind {
            return Ok(Vec::new());
        }
    } else if shelf.len() >= NAMES {
        let message = format!("the artifact has evidence of {NAMES} names, and no more are kept");
        wrong.push(Blocker::new("too-many-names", message, "a name that is in use", "you"));
    }
    if let Some(made) = evidence.made.filter(|made| *made > ctx.now + AHEAD) {
        let message = format!("it says that it was made at {made}, which is still to come");
        let clears = "the clock of the machine that made it is set right, and the evidence made anew";
        wrong.push(Blocker::new("evidence-from-the-future", message, clears, "whoever runs that machine"));
    }
    let statements = match &evidence.content {
        Content::Vex { statements } => statements.len(),
        other => other.findings().len(),
    };
    if statements > GROUPS {
        let message = format!("it has {statements} findings or statements, and {GROUPS} are the most");
        wrong.push(Blocker::new("document-too-many", message, "a narrower scan", "you"));
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(RefusalKind::Invalid, "the evidence cannot be attached", wrong));
    }
    let seen = world.artifact.evidence.seen.get(&artifact.service);
    let dated = |finding: &Finding| {
        let known = seen.and_then(|seen| seen.get(&finding.id).copied());
        let since = [finding.since, known, Some(ctx.now)].into_iter().flatten().min();
        Finding { since, ..finding.clone() }
    };
    let dated = |findings: &[Finding]| findings.iter().map(dated).collect();
    let content = match &evidence.content {
        Content::Findings { findings, complete } => {
            Content::Findings { findings: dated(findings), complete: *complete }
        }
        Content::Components { total, identified, findings } => {
            Content::Components { total: *total, identified: *identified, findings: dated(findings) }
        }
        other => other.clone(),
    };
    let evidence = Evidence { content, ..evidence.clone() };
    Ok(vec![Event::EvidenceAttached(EvidenceAttached { evidence, account: ctx.actor.account_id() })])
}

pub(super) fn sign(
    world: &World,
    ctx: &Context,
    id: EvidenceId,
    meaning: Meaning,
    shown: Shown,
    reason: Option<NoteRef>,
) -> Result<Vec<Event>, Refusal> {
    let Some(attached) = world.artifact.evidence.by_id(id) else {
        let message =
            format!("there is no evidence `{id}` that counts; newer of the same name may have taken its place");
        let clears = "name evidence that counts: the artifact lists it";
        return Err(Refusal::new(
            RefusalKind::NotFound,
            message.clone(),
            vec![Blocker::new("not-found", message, clears, "you")],
        ));
    };
    let artifact = attached.evidence.artifact;
    let account = ctx.actor.account_id();
    let facts = Facts::new()
        .with("meaning", meaning.as_str())
        .with("is_author", account.is_some_and(|account| wrote(world, &artifact, account)))
        .with("by_token", ctx.actor.token.is_some());
    let facts = if world.artifact.artifact(&artifact).is_some_and(|it| it.source.is_some()) {
        facts
    } else {
        facts.with("is_author", Fact::Unknown("the artifact is registered without its commits".into()))
    };
    authorise(world, ctx, Question { action: "evidence.sign", resource: ("Artifact", artifact.to_string()), facts })?;
    let Some(account) = account else {
        return Err(Refusal::invalid("only-a-person", "only a person can sign", "sign in as the person who signs"));
    };
    if let Content::Unreadable { code } = &attached.evidence.content {
        let message =
            format!("evidence `{}` could not be read ({code}), so there is nothing to sign", attached.evidence.name);
        return Err(Refusal::invalid("evidence-unreadable", message, "attach it anew, and sign that"));
    }
    if attached.signatures.iter().any(|it| it.by == account && it.meaning == meaning) {
        return Ok(Vec::new());
    }
    if attached.signatures.len() >= SIGNATURES {
        let message = format!("it bears {SIGNATURES} signatures, and no more are kept");
        return Err(Refusal::invalid("too-many-signatures", message, "nothing: it is signed enough"));
    }
    let blob = attached.evidence.blob;
    Ok(vec![Event::EvidenceSigned(EvidenceSigned { evidence: id, artifact, blob, account, meaning, shown, reason })])
}

/// Whether the person behind an account wrote any of an artefact.
pub(crate) fn wrote(world: &World, artifact: &Digest, account: AccountId) -> bool {
    let reach = world.people.reach(account);
    let source = world.artifact.artifact(artifact).and_then(|it| it.source.as_ref());
    let identities =
        source.into_iter().flat_map(|it| &it.commits).flat_map(|it| it.co_authors.iter().chain([&it.author]));
    identities.filter_map(|it| world.people.author(it)).any(|author| reach.contains(&author))
}
