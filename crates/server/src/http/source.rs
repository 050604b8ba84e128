//! What proves an artefact: the signature over its bytes, and the commits in its repository.
//!
//! Invariants: a signature is checked over the very bytes that are stored; commits come from the repository the catalogue names for
//! the service, never from somewhere a request names; names, addresses and messages are kept at the desk, where they can be erased.

use crate::{
    extract::parse,
    http::artifact::bytes,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use interlock_domain::{
    artifact::{Commit as Held, Signature, Source},
    reason::NoteRef,
};
use interlock_engine::Committer;
use interlock_ids::{Digest, Identity, Name};
use interlock_integrations::git;
use interlock_wire::artifact::{Commit, SignatureSpec, SourceSpec};
use jiff::Timestamp;
use minisign_verify::{PublicKey, Signature as Minisign};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Checks a signature over bytes.
///
/// # Errors
/// The key is not known or revoked, the signature cannot be read, or it is not by this key over these bytes.
pub fn check_signature(app: &App, it: &SignatureSpec, bytes: &[u8]) -> Answer<Signature> {
    let name: Name = parse("signature.key", &it.key)?;
    let world = app.engine().world();
    let key = world.artifact.keys.get(&name).ok_or_else(|| {
        Failure::invalid("unknown-signing-key", "signature.key", format!("there is no signing key `{name}`"))
    })?;
    if key.revoked {
        return Err(Failure::invalid(
            "signing-key-revoked",
            "signature.key",
            format!("signing key `{name}` was revoked; sign with a key in force"),
        ));
    }
    let public = PublicKey::from_base64(&key.public_key).map_err(|error| {
        Failure::invalid(
            "signing-key-unreadable",
            "signature.key",
            format!("signing key `{name}` cannot be read: {error}"),
        )
    })?;
    let unreadable = |why: String| {
        Failure::invalid(
            "signature-unreadable",
            "signature.text",
            format!("the signature cannot be read: {why}; send the whole text of the .minisig file"),
        )
    };
    if it.text.len() > 16 * 1024 {
        return Err(unreadable("it is too long".into()));
    }
    let signature = Minisign::decode(&it.text).map_err(|error| unreadable(error.to_string()))?;
    public.verify(bytes, &signature, false).map_err(|error| {
        let message = format!("the signature is not by key `{name}` over these bytes: {error}");
        Failure::invalid("signature-wrong", "signature.text", message)
    })?;
    Ok(Signature { key: name, text: it.text.clone() })
}

/// A commit as people read it. What is kept in the blob names nobody: the subject is a note, names and addresses lie at the desk
/// under the identities that the entry holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    sha: String,
    subject: NoteRef,
}

/// The form of before 0.2, with names in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Former {
    sha: String,
    subject: String,
    author: String,
    co_authors: Vec<String>,
    #[serde(rename = "at")]
    _at: Timestamp,
}

/// Details that took the place of a blob in the former form, by that blob's digest.
const REPLACED: &str = "commit-details";

/// Reads what is new from the service's repository.
///
/// # Errors
/// The service has no repository or another than the one named, or Git cannot find what was asked for.
pub async fn read(app: &App, service: &Name, asked: &SourceSpec) -> Answer<Source> {
    let world = app.engine().world();
    let known = world.catalog.service(service).ok_or_else(|| {
        Failure::invalid("unknown-service", "service", format!("there is no service `{service}`; enter it first"))
    })?;
    let repository = known.repository.clone().ok_or_else(|| {
        Failure::invalid(
            "no-repository",
            "source.repository",
            format!("the catalogue names no repository for `{service}`; add it to the service"),
        )
    })?;
    if asked.repository.as_ref().is_some_and(|named| *named != repository) {
        let message =
            format!("the repository of `{service}` is `{repository}`; an artefact of it comes from nowhere else");
        return Err(Failure::invalid("other-repository", "source.repository", message));
    }
    let range = git::commits(&repository, asked.since.as_deref(), &asked.commit).await;
    let range = range.map_err(|error| Failure::invalid(error.code(), "source", error.to_string()))?;
    keep(app, repository, range).await
}

/// Keeps what people read at the desk and in a blob, and what is compared as keyed digests.
async fn keep(app: &App, repository: String, range: git::Range) -> Answer<Source> {
    let desk = app.engine().desk();
    let held = |it: &git::Commit| Held {
        sha: it.sha.clone(),
        author: desk.identity(&it.author_email),
        committer: desk.identity(&it.committer_email),
        co_authors: it.co_authors.iter().map(|address| desk.identity(address)).collect(),
        at: it.authored,
        committed: Some(it.committed),
    };
    let commits = range.commits.iter().map(held).collect();
    let (app, read) = (app.clone(), range.commits);
    let stored = tokio::task::spawn_blocking(move || {
        let desk = app.engine().desk();
        let mut people = BTreeMap::new();
        for it in &read {
            let called =
                |name: Option<&String>, address: &String| Committer { name: name.cloned(), address: address.clone() };
            for address in it.co_authors.iter().chain([&it.committer_email]) {
                people.entry(desk.identity(address)).or_insert_with(|| called(None, address));
            }
            people.insert(desk.identity(&it.author_email), called(Some(&it.author_name), &it.author_email));
        }
        let subjects: Vec<&str> = read.iter().map(|it| cut(&it.subject)).collect();
        let shas: Vec<&String> = read.iter().map(|it| &it.sha).collect();
        details(&app, &shas, &subjects, people).and_then(|bytes| Ok(app.engine().ledger().put_blob(&bytes)?))
    });
    let details = stored.await.map_err(|_| Failure::unavailable("the commits could not be stored; try again"))??;
    Ok(Source { repository, commit: range.commit, since: range.since, commits, details: Digest(details.0) })
}

/// The first line of a message, as much of it as a note takes.
fn cut(subject: &str) -> &str {
    &subject[..subject.floor_char_boundary(4_000)]
}

/// Puts subjects and people at the desk; what is left for the blob. Whoever was erased is not entered again.
fn details(app: &App, shas: &[&String], subjects: &[&str], people: BTreeMap<Identity, Committer>) -> Answer<Vec<u8>> {
    let (desk, world) = (app.engine().desk(), app.engine().world());
    let erased = |it: &Identity| {
        world.people.author(it).and_then(|id| world.people.account(id)).is_some_and(|it| it.erased.is_some())
    };
    let people: Vec<_> = people.into_iter().filter(|(identity, _)| !erased(identity)).collect();
    desk.put_committers(&people)?;
    let notes = desk.put_notes(subjects)?;
    let details: Vec<Detail> =
        shas.iter().zip(notes).map(|(sha, subject)| Detail { sha: (*sha).clone(), subject }).collect();
    Ok(serde_json::to_vec(&details).unwrap_or_default())
}

/// Takes names out of blobs that were written before 0.2: their people and subjects go to the desk, where they can be erased, and
/// the blob is erased. Done once, at the start; how many there were.
///
/// # Errors
/// The ledger or the desk cannot be read or written.
pub fn take_names_out(app: &App) -> Answer<usize> {
    let (ledger, world) = (app.engine().ledger(), app.engine().world());
    let mut taken = 0;
    for source in world.artifact.artifacts.values().filter_map(|it| it.source.as_ref()) {
        let digest = interlock_ledger::Digest(source.details.0);
        let Some(bytes) = ledger.blob(&digest)? else { continue };
        let Ok(former) = serde_json::from_slice::<Vec<Former>>(&bytes) else { continue };
        let mut people = BTreeMap::new();
        for it in &former {
            let Some(held) = source.commits.iter().find(|held| held.sha == it.sha) else { continue };
            let author = Committer { name: Some(it.author.clone()), address: String::new() };
            people.entry(held.author).or_insert(author);
            for address in &it.co_authors {
                let it = Committer { name: None, address: address.clone() };
                people.entry(app.engine().desk().identity(address)).or_insert(it);
            }
        }
        let subjects: Vec<&str> = former.iter().map(|it| cut(&it.subject)).collect();
        let shas: Vec<&String> = former.iter().map(|it| &it.sha).collect();
        let bytes = details(app, &shas, &subjects, people)?;
        ledger.desk_put(REPLACED, &source.details.to_string(), &bytes)?;
        ledger.erase_blob(&digest)?;
        taken += 1;
    }
    if taken > 0 {
        ledger.scrub()?;
    }
    Ok(taken)
}

/// The commits of a source as people read them. Where somebody was erased, the pseudonym.
pub async fn commits(app: &App, lens: &Lens, source: &Source, service: Option<&Name>) -> Answer<Vec<Commit>> {
    let replaced = app.engine().ledger().desk_get(REPLACED, &source.details.to_string())?;
    let kept = match replaced {
        Some(bytes) => Some(bytes),
        None => bytes(app, source.details).await?,
    };
    let details: Vec<Detail> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let desk = app.engine().desk();
    let called = |identity: &Identity| match lens.world.people.author(identity) {
        Some(account) => lens.person(account).name,
        None => desk.committer(identity).map_or_else(|| "(unknown)".to_owned(), |it| it.name.unwrap_or(it.address)),
    };
    let commit = |held: &Held| Commit {
        sha: held.sha.clone(),
        subject: details.iter().find(|it| it.sha == held.sha).map(|it| lens.note(it.subject)).unwrap_or_default(),
        author: called(&held.author),
        author_account: lens.world.people.author(&held.author).map(|id| lens.person(id)),
        co_authors: held.co_authors.iter().map(called).collect(),
        authored_at: held.at,
        service: service.map(Name::to_string),
    };
    Ok(source.commits.iter().map(commit).collect())
}
