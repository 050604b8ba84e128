//! Artefacts: bytes, registration, quarantine, signing keys.

use super::catalog;
use crate::{
    act::{self, Done},
    auth::Caller,
    extract::{At, BLOB, Body, Key, Params, content_type, parse, parse_some, read, text, wrong_content},
    http::{page, source},
    lens::{Lens, named, status},
    problem::{Answer, Failure},
    state::App,
};
use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use interlock_domain::{
    artifact::{self, Artifact as Build},
    core::Command,
};
use interlock_ids::{Digest, Name, QuarantineId};
use interlock_wire::{
    artifact::{
        Artifact, ArtifactQuery, ArtifactRow, Blob, Quarantine, RegisterArtifact, SignatureCheck, SigningKey,
        SigningKeySpec,
    },
    page::{Page, Paging},
    reason::{Because, Nothing, Receipt, Ref, Severity, Verdict},
};

/// Stores bytes under their SHA-256; storing the same again changes nothing.
#[utoipa::path(put, path = "/blobs", request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = Blob)))]
pub async fn put_blob(State(app): State<App>, _: Caller, request: Request) -> Answer<(StatusCode, Json<Blob>)> {
    let kind = content_type(request.headers());
    if kind != "application/octet-stream" {
        return Err(wrong_content(&kind, "application/octet-stream"));
    }
    let bytes = read(request, BLOB).await?;
    if bytes.is_empty() {
        return Err(Failure::invalid("empty-blob", "body", "the body is empty; send the bytes of the artefact"));
    }
    let (ledger, size) = (app.engine().ledger().clone(), bytes.len() as u64);
    let stored = tokio::task::spawn_blocking(move || ledger.put_blob(&bytes)).await;
    let digest = stored.map_err(|_| Failure::unavailable("the bytes could not be stored; try again"))??;
    Ok((StatusCode::CREATED, Json(Blob { digest: Digest(digest.0).to_string(), size })))
}

pub async fn bytes(app: &App, digest: Digest) -> Answer<Option<Vec<u8>>> {
    let ledger = app.engine().ledger().clone();
    let read = tokio::task::spawn_blocking(move || ledger.blob(&interlock_ledger::Digest(digest.0))).await;
    Ok(read.map_err(|_| Failure::unavailable("the bytes could not be read; try again"))??)
}

/// The bytes of a blob.
#[utoipa::path(get, path = "/blobs/{digest}", params(("digest" = String, Path)), responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub async fn get_blob(State(app): State<App>, _: Caller, At(digest): At<String>) -> Answer<Response> {
    let known: Digest = digest.parse().map_err(|_| Failure::not_found("blob", &digest))?;
    let found = bytes(&app, known).await?.ok_or_else(|| Failure::not_found("blob", &digest))?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, "attachment".into()),
        (header::ETAG, format!("\"{known}\"")),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".into()),
    ];
    Ok((headers, found).into_response())
}

/// Whether a signature holds now: it was checked when the artefact was entered; its key may have been revoked since.
pub fn signature(lens: &Lens, it: &Build) -> SignatureCheck {
    let Some(signature) = &it.signature else {
        return SignatureCheck { verdict: Verdict::Fail, signer: None, detail: "it is not signed".into() };
    };
    let (verdict, detail) = match lens.world.artifact.keys.get(&signature.key) {
        Some(key) if key.revoked => (Verdict::Fail, format!("key {} was revoked", key.name)),
        Some(key) => (Verdict::Pass, format!("signed by key {}; checked over the bytes", key.name)),
        None => (Verdict::Inconclusive, format!("key {} is not known any more", signature.key)),
    };
    SignatureCheck { verdict, signer: Some(signature.key.to_string()), detail }
}

fn row(lens: &Lens, it: &Build) -> ArtifactRow {
    let held = lens.world.artifact.quarantine(&it.digest).is_some();
    ArtifactRow {
        id: it.digest.to_string(),
        name: format!("{} {}", it.service, it.version),
        service: named(&it.service),
        version: it.version.clone(),
        digest: it.digest.to_string(),
        size: it.size,
        registered_at: lens.world.artifact.registered.get(&it.digest).copied().unwrap_or(lens.now),
        signature: signature(lens, it),
        commit: it.source.as_ref().map(|it| it.commit.clone()),
        commits: it.source.as_ref().map_or(0, |it| it.commits.len() as u32),
        status: if held { status("quarantined", Severity::Bad, false) } else { status("free", Severity::Good, false) },
    }
}

/// Artefacts.
#[utoipa::path(get, path = "/artifacts", params(ArtifactQuery), responses((status = 200, body = Page<ArtifactRow>)))]
pub async fn artifacts(
    State(app): State<App>,
    caller: Caller,
    Params(it): Params<ArtifactQuery>,
) -> Answer<Json<Page<ArtifactRow>>> {
    let lens = Lens::new(&app, &caller);
    let service: Option<Name> = parse_some("service", it.service.as_deref())?;
    let wanted = |build: &Build| {
        service.as_ref().is_none_or(|name| *name == build.service)
            && it.version.as_ref().is_none_or(|version| *version == build.version)
    };
    let paging = Paging { cursor: it.cursor.clone(), limit: it.limit };
    page::of(
        &paging,
        lens.world.artifact.artifacts.iter().filter(|(_, it)| wanted(it)),
        |(digest, _)| digest.to_string(),
        |(_, it)| row(&lens, it),
    )
    .map(Json)
}

/// One artefact, with its commits.
#[utoipa::path(get, path = "/artifacts/{digest}", params(("digest" = String, Path)), responses((status = 200, body = Artifact)))]
pub async fn artifact(State(app): State<App>, caller: Caller, At(digest): At<String>) -> Answer<Json<Artifact>> {
    let lens = Lens::new(&app, &caller);
    let found = digest.parse::<Digest>().ok().and_then(|digest| lens.world.artifact.artifact(&digest).cloned());
    let found = found.ok_or_else(|| Failure::not_found("artefact", digest))?;
    let commits = match &found.source {
        Some(source) => source::commits(&app, &lens, source, Some(&found.service)).await?,
        None => Vec::new(),
    };
    let quarantine_it =
        artifact::Command::Quarantine { digests: vec![found.digest], because_of: None, reason: Some(lens.no_note()) };
    let environments = lens.world.environment.environments.keys();
    let running = environments
        .filter(|name| catalog::running(&lens, name, &found.service).iter().any(|it| it.digest == found.digest));
    let releases = lens
        .world
        .release
        .releases
        .values()
        .rev()
        .filter(|it| it.spec.items.iter().any(|item| item.digest == found.digest));
    Ok(Json(Artifact {
        row: row(&lens, &found),
        repository: found.source.as_ref().map(|it| it.repository.clone()),
        since: found.source.as_ref().and_then(|it| it.since.clone()),
        commit_list: commits,
        quarantine: lens.world.artifact.quarantine(&found.digest).map(|it| quarantine_view(&lens, it)),
        running_in: running.map(named).collect(),
        releases: releases.take(20).map(|it| Ref::new(it.id, it.spec.name.as_str())).collect(),
        actions: vec![lens.action(
            "quarantine",
            "Quarantine",
            "It may not be deployed anywhere until the quarantine is lifted.",
            true,
            &Command::Artifact(quarantine_it),
        )],
    }))
}

/// Enters an artefact: checks the signature over the stored bytes and reads the commits from the repository.
#[utoipa::path(post, path = "/artifacts", request_body = RegisterArtifact, responses((status = 201, body = Receipt)))]
pub async fn register(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    Body(it): Body<RegisterArtifact>,
) -> Answer<Done> {
    let digest: Digest = parse("digest", &it.digest)?;
    let service: Name = parse("service", &it.service)?;
    text("version", &it.version, 1, 100)?;
    let stored = bytes(&app, digest).await?.ok_or_else(|| {
        Failure::invalid(
            "no-such-blob",
            "digest",
            format!("no bytes are stored under {digest}; send them with PUT /api/v1/blobs first"),
        )
    })?;
    let signature = match &it.signature {
        Some(signature) => Some(source::check_signature(&app, signature, &stored)?),
        None => None,
    };
    let found = match &it.source {
        Some(asked) => Some(source::read(&app, &service, asked).await?),
        None => None,
    };
    let build = Build { digest, service, version: it.version, size: stored.len() as u64, signature, source: found };
    let name = format!("{} {}", build.service, build.version);
    let done = act::carry_out(
        &app,
        &caller,
        key,
        act::subject("artifact", digest, name),
        Command::Artifact(artifact::Command::Register { artifact: build }),
    )
    .await?;
    Ok(done.created(format!("/artifacts/{digest}")))
}

/// Holds an artefact back, everywhere, at once.
#[utoipa::path(post, path = "/artifacts/{digest}/quarantine", params(("digest" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn quarantine(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let digest: Digest = text.parse().map_err(|_| Failure::not_found("artefact", &text))?;
    app.engine().world().artifact.artifact(&digest).ok_or_else(|| Failure::not_found("artefact", &text))?;
    let command = artifact::Command::Quarantine {
        digests: vec![digest],
        because_of: None,
        reason: Some(act::note(&app, "reason", &it.reason)?),
    };
    act::carry_out(&app, &caller, key, act::subject("artifact", digest, &text), Command::Artifact(command)).await
}

fn quarantine_view(lens: &Lens, it: &artifact::Quarantine) -> Quarantine {
    let lift = artifact::Command::LiftQuarantine { quarantine: it.id, reason: lens.no_note() };
    Quarantine {
        id: it.id.to_string(),
        digest: it.digest.to_string(),
        service: named(&it.service),
        version: catalog::version_of(lens, Some(it.digest)),
        commit: it.commit.clone(),
        because_of: it.because_of.map(|id| lens.release(id)),
        reason: it.reason.map(|note| lens.note(note)),
        since: it.since,
        lifted: it.lifted,
        status: if it.lifted.is_some() {
            status("lifted", Severity::Neutral, true)
        } else {
            status("in_force", Severity::Bad, false)
        },
        actions: vec![lens.action("lift", "Lift", "It may be deployed again.", true, &Command::Artifact(lift))],
    }
}

/// Quarantines, the newest first.
#[utoipa::path(get, path = "/quarantines", params(Paging), responses((status = 200, body = Page<Quarantine>)))]
pub async fn quarantines(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<Quarantine>>> {
    let lens = Lens::new(&app, &caller);
    page::reversed(
        &paging,
        lens.world.artifact.quarantines.iter().rev(),
        |(id, _)| id.to_string(),
        |(_, it)| quarantine_view(&lens, it),
    )
    .map(Json)
}

/// Lifts a quarantine.
#[utoipa::path(post, path = "/quarantines/{id}/lift", params(("id" = String, Path)), request_body = Because, responses((status = 200, body = Receipt)))]
pub async fn lift_quarantine(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(id): At<String>,
    Body(it): Body<Because>,
) -> Answer<Done> {
    let quarantine: QuarantineId = id.parse().map_err(|_| Failure::not_found("quarantine", &id))?;
    let command = artifact::Command::LiftQuarantine { quarantine, reason: act::note(&app, "reason", &it.reason)? };
    act::carry_out(&app, &caller, key, act::subject("quarantine", quarantine, &id), Command::Artifact(command)).await
}

/// What the spec of a signing key means to the core: the base64 line alone is kept.
pub fn key_in(name: Name, it: &SigningKeySpec) -> artifact::SigningKey {
    let line = it.public_key.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    artifact::SigningKey { name, public_key: line.into(), revoked: it.revoked }
}

fn key_view(lens: &Lens, it: &artifact::SigningKey) -> SigningKey {
    let revoke = Command::Artifact(artifact::Command::RevokeKey { key: it.name.clone() });
    SigningKey {
        id: it.name.to_string(),
        name: it.name.to_string(),
        public_key: it.public_key.clone(),
        status: if it.revoked {
            status("revoked", Severity::Bad, true)
        } else {
            status("in_force", Severity::Good, false)
        },
        actions: vec![lens.action("revoke", "Revoke", "Nothing signed with it is deployed any more.", false, &revoke)],
    }
}

/// Signing keys.
#[utoipa::path(get, path = "/signing-keys", params(Paging), responses((status = 200, body = Page<SigningKey>)))]
pub async fn keys(
    State(app): State<App>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Answer<Json<Page<SigningKey>>> {
    let lens = Lens::new(&app, &caller);
    page::of(&paging, lens.world.artifact.keys.iter(), |(name, _)| name.to_string(), |(_, it)| key_view(&lens, it))
        .map(Json)
}

/// Revokes a signing key.
#[utoipa::path(post, path = "/signing-keys/{name}/revoke", params(("name" = String, Path)), request_body = Nothing, responses((status = 200, body = Receipt)))]
pub async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Key(key): Key,
    At(text): At<String>,
    Body(_nothing): Body<Nothing>,
) -> Answer<Done> {
    let name: Name = text.parse().map_err(|_| Failure::not_found("signing key", &text))?;
    act::carry_out(
        &app,
        &caller,
        key,
        act::subject("signing-key", &name, &text),
        Command::Artifact(artifact::Command::RevokeKey { key: name }),
    )
    .await
}

/// The command an action of an artefact stands for.
pub fn asked(lens: &Lens, text: &str, action: &str) -> Option<Command> {
    let it = lens.world.artifact.artifact(&text.parse().ok()?)?;
    let hold =
        artifact::Command::Quarantine { digests: vec![it.digest], because_of: None, reason: Some(lens.no_note()) };
    (action == "quarantine").then_some(Command::Artifact(hold))
}
