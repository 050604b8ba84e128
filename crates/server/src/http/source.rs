//! What proves an artefact: the signature over its bytes, and the commits in its repository.
//!
//! Invariants: a signature is checked over the very bytes that are stored; commits come from the repository the catalogue names for
//! the service, never from somewhere a request names; names and messages are kept in a blob beside the ledger, not in it.

use crate::{
    extract::parse,
    http::artifact::bytes,
    lens::Lens,
    problem::{Answer, Failure},
    state::App,
};
use interlock_domain::artifact::{Commit as Held, Signature, Source};
use interlock_ids::{Digest, Name};
use interlock_integrations::git;
use interlock_wire::artifact::{Commit, SignatureSpec, SourceSpec};
use jiff::Timestamp;
use minisign_verify::{PublicKey, Signature as Minisign};
use serde::{Deserialize, Serialize};

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

/// A commit as people read it, kept in a blob.
#[derive(Serialize, Deserialize)]
struct Detail {
    sha: String,
    subject: String,
    author: String,
    co_authors: Vec<String>,
    at: Timestamp,
}

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

/// Keeps what people read in a blob, and what is compared as keyed digests.
async fn keep(app: &App, repository: String, range: git::Range) -> Answer<Source> {
    let desk = app.engine().desk();
    let held = |it: &git::Commit| Held {
        sha: it.sha.clone(),
        author: desk.identity(&it.author_email),
        committer: desk.identity(&it.committer_email),
        co_authors: it.co_authors.iter().map(|address| desk.identity(address)).collect(),
        at: it.authored,
    };
    let detail = |it: &git::Commit| Detail {
        sha: it.sha.clone(),
        subject: it.subject.clone(),
        author: it.author_name.clone(),
        co_authors: it.co_authors.clone(),
        at: it.authored,
    };
    let commits = range.commits.iter().map(held).collect();
    let details = serde_json::to_vec(&range.commits.iter().map(detail).collect::<Vec<_>>()).unwrap_or_default();
    let ledger = app.engine().ledger().clone();
    let stored = tokio::task::spawn_blocking(move || ledger.put_blob(&details)).await;
    let details = stored.map_err(|_| Failure::unavailable("the commits could not be stored; try again"))??;
    Ok(Source { repository, commit: range.commit, since: range.since, commits, details: Digest(details.0) })
}

/// The commits of a source as people read them. Where the names were erased, what the ledger holds.
pub async fn commits(app: &App, lens: &Lens, source: &Source, service: Option<&Name>) -> Answer<Vec<Commit>> {
    let blob = bytes(app, source.details).await?;
    let details: Vec<Detail> = blob.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let commit = |held: &Held| {
        let detail = details.iter().find(|it| it.sha == held.sha);
        let account = lens.world.people.author(&held.author).map(|id| lens.person(id));
        let said = detail.map_or_else(|| "(unknown)".to_owned(), |it| it.author.clone());
        Commit {
            sha: held.sha.clone(),
            subject: detail.map(|it| it.subject.clone()).unwrap_or_default(),
            author: account.as_ref().map_or(said, |it| it.name.clone()),
            author_account: account,
            co_authors: detail.map(|it| it.co_authors.clone()).unwrap_or_default(),
            authored_at: held.at,
            service: service.map(Name::to_string),
        }
    };
    Ok(source.commits.iter().map(commit).collect())
}
