//! What may happen to artefacts.

use super::{Artifact, Command, Event, KeyPut, QuarantineLifted, Quarantined, Registered, SigningKey, Source, attach};
use crate::{
    core::{self, By, Context, World},
    policy::{Question, authorise},
    reason::{Blocker, NoteRef, Refusal, RefusalKind},
    release::Release,
    rollback,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use interlock_ids::{Digest, Name, ReleaseId};
use std::collections::BTreeSet;

/// Commits of one artefact.
const COMMITS: usize = 10_000;
/// Digests in one quarantine.
const DIGESTS: usize = 1_000;

pub fn decide(world: &World, command: &Command, ctx: &Context) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Register { artifact } => register(world, ctx, artifact),
        Command::PutKey { key } => put_key(world, ctx, key),
        Command::RevokeKey { key } => {
            authorise(world, ctx, Question::new("signing-key.manage", "SigningKey", key))?;
            let known = world.artifact.keys.get(key).ok_or_else(|| Refusal::not_found("signing key", key))?;
            if known.revoked {
                return Ok(Vec::new());
            }
            Ok(vec![Event::KeyPut(KeyPut { key: SigningKey { revoked: true, ..(**known).clone() } })])
        }
        Command::Attach { evidence } => attach::attach(world, ctx, evidence),
        Command::Sign { evidence, meaning, shown, reason } => {
            attach::sign(world, ctx, *evidence, *meaning, *shown, *reason)
        }
        Command::Quarantine { digests, because_of, reason } => quarantine(world, ctx, digests, *because_of, *reason),
        Command::LiftQuarantine { quarantine, reason } => {
            let known = world
                .artifact
                .quarantines
                .get(quarantine)
                .ok_or_else(|| Refusal::not_found("quarantine", quarantine))?;
            authorise(world, ctx, Question::new("artifact.release-quarantine", "Artifact", known.digest))?;
            if known.lifted.is_some() {
                return Ok(Vec::new());
            }
            Ok(vec![Event::QuarantineLifted(QuarantineLifted { quarantine: *quarantine, reason: *reason })])
        }
    }
}

/// What a release changed goes into quarantine once it was taken back, whether or not that has worked.
pub fn react(world: &World, event: &core::Event) -> Vec<Command> {
    let core::Event::Rollback(rollback::Event::Ended(it)) = event else { return Vec::new() };
    let taken_back = world.rollback.rollback(it.rollback).and_then(|it| world.release.release(it.release));
    let Some(release) = taken_back else { return Vec::new() };
    let digests: Vec<Digest> =
        changed(world, release).into_iter().filter(|it| world.artifact.quarantine(it).is_none()).collect();
    if digests.is_empty() {
        Vec::new()
    } else {
        vec![Command::Quarantine { digests, because_of: Some(release.id), reason: None }]
    }
}

/// Digests of a release that some target did not run before. What ran everywhere already is not to blame; where that is not
/// known any more, everything is.
fn changed(world: &World, release: &Release) -> BTreeSet<Digest> {
    let deployment = release.deployment.and_then(|id| world.deployment.deployment(id));
    let units = deployment.map(|it| it.units.as_slice()).unwrap_or_default();
    let items = release.spec.items.iter().filter(|item| {
        let mut of_service = units.iter().filter(|unit| unit.service == item.service).peekable();
        of_service.peek().is_none() || of_service.any(|unit| unit.previous != Some(item.digest))
    });
    items.map(|item| item.digest).collect()
}

fn register(world: &World, ctx: &Context, artifact: &Artifact) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("artifact.register", "Artifact", artifact.digest))?;
    if let Some(known) = world.artifact.artifact(&artifact.digest) {
        if known == artifact {
            return Ok(Vec::new());
        }
        let message = format!(
            "`{}` is registered already as `{}` {} with other particulars",
            known.digest, known.service, known.version
        );
        let blocker = Blocker::new(
            "registered-otherwise",
            message,
            "nothing: a digest never changes its meaning; build anew",
            "the build that made it",
        );
        return Err(Refusal::blocked("the artifact cannot be registered", vec![blocker]));
    }
    let mut wrong = Vec::new();
    if world.catalog.service(&artifact.service).is_none() {
        let message = format!("there is no service `{}`", artifact.service);
        wrong.push(Blocker::new("unknown-service", message, "enter the service first", "whoever keeps services"));
    }
    if artifact.size == 0 {
        wrong.push(Blocker::new("empty", "the artifact has no bytes", "register what was built", "you"));
    }
    if artifact.version.trim().is_empty() || artifact.version.chars().count() > 80 {
        wrong.push(Blocker::new("version", "the version has to have 1 to 80 characters", "another version", "you"));
    }
    if let Some(signature) = &artifact.signature {
        match world.artifact.keys.get(&signature.key) {
            None => {
                let message = format!("it is signed with key `{}`, which is not registered", signature.key);
                wrong.push(Blocker::new(
                    "unknown-key",
                    message,
                    "register the key, or sign with one that is",
                    "an administrator",
                ));
            }
            Some(key) if key.revoked => {
                let message = format!("it is signed with key `{}`, which is revoked", signature.key);
                wrong.push(Blocker::new(
                    "key-revoked",
                    message,
                    "sign with a key that is in force",
                    "the build that made it",
                ));
            }
            Some(_) => {}
        }
        if signature.text.len() > 4_000 {
            wrong.push(Blocker::new(
                "signature",
                "the signature has more than 4,000 bytes",
                "the text of the `.minisig` file",
                "you",
            ));
        }
    }
    if let Some(source) = &artifact.source {
        check_source(source, &mut wrong);
    }
    if !wrong.is_empty() {
        let summary = format!("artifact `{}` cannot be registered: {} things are wrong", artifact.digest, wrong.len());
        return Err(Refusal::new(RefusalKind::Invalid, summary, wrong));
    }
    Ok(vec![Event::Registered(Registered { artifact: artifact.clone() })])
}

fn check_source(source: &Source, wrong: &mut Vec<Blocker>) {
    // SHA-1 or SHA-256, as Git writes object ids.
    let object = |sha: &str| {
        matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    if source.repository.trim().is_empty() || source.repository.chars().count() > 2_000 {
        wrong.push(Blocker::new(
            "repository",
            "the repository has to have 1 to 2,000 characters",
            "its path or URL",
            "you",
        ));
    }
    if source.commits.len() > COMMITS {
        let message = format!("it has {} new commits, and {COMMITS} are the most", source.commits.len());
        wrong.push(Blocker::new("too-many-commits", message, "a later `since`", "you"));
    }
    let all = source.commits.iter().map(|it| &it.sha).chain([&source.commit]).chain(&source.since);
    let odd: Vec<&String> = all.filter(|sha| !object(sha)).collect();
    if let Some(first) = odd.first() {
        let message = format!(
            "{} commits are not full object ids, the first is `{}`",
            odd.len(),
            first.chars().take(80).collect::<String>()
        );
        wrong.push(Blocker::new("object-id", message, "40 or 64 digits 0-9 a-f", "you"));
    }
    let distinct: BTreeSet<&String> = source.commits.iter().map(|it| &it.sha).collect();
    if distinct.len() != source.commits.len() {
        wrong.push(Blocker::new("named-twice", "a commit is named twice", "name it once", "you"));
    }
}

fn put_key(world: &World, ctx: &Context, key: &SigningKey) -> Result<Vec<Event>, Refusal> {
    authorise(world, ctx, Question::new("signing-key.manage", "SigningKey", &key.name))?;
    // minisign: "Ed", eight bytes of key number, 32 bytes of Ed25519 key.
    let sound =
        BASE64_STANDARD.decode(&key.public_key).is_ok_and(|bytes| bytes.len() == 42 && bytes.starts_with(b"Ed"));
    if !sound {
        let message = format!("key `{}` is not a minisign public key", key.name);
        return Err(Refusal::invalid(
            "public-key",
            message,
            "the second line of the `.pub` file: 56 characters that begin with `RW`",
        ));
    }
    if let Some(known) = world.artifact.keys.get(&key.name) {
        if known.public_key != key.public_key {
            let message = format!("`{}` names another key already, and signatures refer to it by that name", key.name);
            let blocker = Blocker::new(
                "key-known",
                message,
                "another name for the new key; revoke the old one",
                "an administrator",
            );
            return Err(Refusal::blocked("the key cannot be entered", vec![blocker]));
        }
        if known.revoked && !key.revoked {
            let blocker = Blocker::new(
                "key-revoked",
                format!("key `{}` is revoked, and stays so", key.name),
                "a new key",
                "an administrator",
            );
            return Err(Refusal::blocked("the key cannot be entered", vec![blocker]));
        }
        if **known == *key {
            return Ok(Vec::new());
        }
    }
    Ok(vec![Event::KeyPut(KeyPut { key: key.clone() })])
}

fn quarantine(
    world: &World,
    ctx: &Context,
    digests: &[Digest],
    because_of: Option<ReleaseId>,
    reason: Option<NoteRef>,
) -> Result<Vec<Event>, Refusal> {
    for digest in digests {
        authorise(world, ctx, Question::new("artifact.quarantine", "Artifact", digest))?;
    }
    let mut wrong = Vec::new();
    if digests.is_empty() || digests.len() > DIGESTS {
        wrong.push(Blocker::new(
            "count",
            format!("1 to {DIGESTS} artifacts are quarantined at once"),
            "another number",
            "you",
        ));
    }
    if reason.is_none() && ctx.actor.by != By::System {
        wrong.push(Blocker::new("reason", "a quarantine needs a reason", "say why", "you"));
    }
    if because_of.is_some_and(|id| world.release.release(id).is_none()) {
        wrong.push(Blocker::new("not-found", "there is no such release", "the release that showed it, or none", "you"));
    }
    let mut found: Vec<(Digest, Name)> = Vec::new();
    for digest in digests.iter().collect::<BTreeSet<_>>() {
        match world.artifact.artifact(digest) {
            Some(it) => found.push((*digest, it.service.clone())),
            None => wrong.push(Blocker::new(
                "not-found",
                format!("there is no artifact `{digest}`"),
                "a registered artifact",
                "you",
            )),
        }
    }
    if !wrong.is_empty() {
        return Err(Refusal::new(
            RefusalKind::Invalid,
            format!("the quarantine cannot begin: {} things are wrong", wrong.len()),
            wrong,
        ));
    }
    let held =
        |digest: &Digest| world.artifact.quarantines.values().any(|it| it.lifted.is_none() && it.digest == *digest);
    let events = found.into_iter().filter(|(digest, _)| !held(digest)).map(|(digest, service)| {
        Event::Quarantined(Quarantined { quarantine: ctx.ids.id(), digest, service, because_of, reason })
    });
    Ok(events.collect())
}
